"""Figures of lesson 02: kernels, what they respond to, and what a unit can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from torch import Tensor

from cifar_helpers._palette import PALETTE, SIGNED
from cifar_helpers.figures._base import as_pixels, described, draw_image, in_course_style, new_figure
from cifar_helpers.kernels import extent, half_of

__all__ = [
    "channel_sum",
    "edge_maps",
    "field_sketch",
    "filter_bank",
    "influence",
    "kernel_learned",
    "kernel_results",
    "kernels_on_picture",
    "moved_maps",
    "window",
]

Array = npt.NDArray[Any]
_CHANNELS = ("red", "green", "blue")
_NEVER = "0.85"  # grey: pixels that no influence comes from


def _draw_kernel(axes: Axes, kernel: Array, title: str, limit: float, form: str = ".2g") -> AxesImage:
    """Numbers on purple (below zero), white and orange (above zero); the scale ends at `limit`."""
    shown = axes.imshow(kernel, cmap=SIGNED, vmin=-limit, vmax=limit)
    for (row, column), value in np.ndenumerate(kernel):
        colour = "white" if abs(value) > 0.75 * limit else "black"
        axes.text(column, row, f"{value:{form}}", ha="center", va="center", fontsize=10, color=colour)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    return shown


def _draw_map(axes: Axes, values: Array, limit: float, title: str = "") -> AxesImage:
    draw_image(axes, values, title, cmap=SIGNED, vmin=-limit, vmax=limit)
    return axes.images[-1]


def _bar(figure: Figure, shown: AxesImage, axes: Any, label: str) -> None:
    figure.colorbar(shown, ax=axes, label=label, shrink=0.8, pad=0.02)


def _limit(maps: Sequence[Array]) -> float:
    return max(1e-9, *(float(np.abs(values).max()) for values in maps))


@in_course_style
def window(image: Array, kernel: Array, row: int, column: int) -> Figure:
    """One window of a grey image, the kernel, and the products of the two.

    Args:
        image: float `(H, W)`, 0..1.
        kernel: float `(k, k)`.
        row: first row of the window.
        column: first column of the window.
    """
    k = len(kernel)
    part = image[row : row + k, column : column + k]
    products = part * kernel
    figure, axes = new_figure(11, 2.9, ncols=4)
    draw_image(axes[0], image, "image", cmap="gray", vmin=0, vmax=1)
    axes[0].add_patch(Rectangle((column - 0.5, row - 0.5), k, k, fill=False, ec=PALETTE[1], lw=3))
    axes[1].imshow(part, cmap="gray", vmin=0, vmax=1)
    for (y, x), value in np.ndenumerate(part):
        axes[1].text(x, y, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.5 else "white")
    axes[1].set_title("window", fontsize=10)
    axes[1].set_axis_off()
    limit = _limit([kernel, products])
    _draw_kernel(axes[2], kernel, "kernel", limit)
    rounded = np.round(products, 2) + 0.0  # without minus zero
    shown = _draw_kernel(axes[3], rounded, f"products, rounded; sum {products.sum():.2f}", limit, ".2f")
    _bar(figure, shown, axes[3], "value")
    return described(
        figure,
        f"The window in row {row}, column {column} of a grey picture, the kernel, and their nine products: negative "
        f"ones purple, positive ones orange. They add up to {products.sum():.2f}.",
    )


@in_course_style
def kernel_results(image: Array, kernels: Mapping[str, Array], results: Mapping[str, Array]) -> Figure:
    """Each kernel, all on one scale, above its result: in grey from 0 to 1, or, where it adds up to 0, around 0.

    Args:
        image: float `(H, W)`, 0..1.
        kernels: name to float `(k, k)`.
        results: the same names to float `(h, w)`; grey ones are clipped to 0..1.
    """
    edges = [name for name, kernel in kernels.items() if abs(kernel.sum()) < 0.5]
    limit, largest = _limit([results[name] for name in edges] or [np.zeros(1)]), _limit(list(kernels.values()))
    figure, axes = new_figure(1.8 * (len(kernels) + 1), 3.9, nrows=2, ncols=len(kernels) + 1)
    axes[0, 0].set_visible(False)
    grey = {"cmap": "gray", "vmin": 0, "vmax": 1}
    draw_image(axes[1, 0], image, "image", **grey)
    for (name, kernel), (above, below) in zip(kernels.items(), axes.T[1:], strict=True):
        weights = _draw_kernel(above, kernel, name.replace(", ", ",\n"), largest)
        if name in edges:
            shown = _draw_map(below, results[name], limit, "around 0")
        else:
            draw_image(below, results[name], "0 to 1", **grey)
    _bar(figure, weights, axes[0], "weight")
    if edges:
        _bar(figure, shown, axes[1], "response")
    kept = ", ".join(name for name in kernels if name not in edges)
    return described(
        figure,
        f"{len(kernels)} kernels and their results. {kept} give a picture from 0 to 1; {' and '.join(edges) or 'none'} "
        "leave only edges, on white where nothing changes.",
    )


@in_course_style
def edge_maps(image: Array, maps: Mapping[str, Array]) -> Figure:
    """A grey image and maps of its edges on one scale around zero, all with pixels of one size.

    Args:
        image: float `(H, W)`, 0..1.
        maps: name to float `(h, w)`.
    """
    limit = _limit(list(maps.values()))
    figure, axes = new_figure(2.4 * (len(maps) + 1) + 0.8, 2.8, ncols=len(maps) + 1)
    draw_image(axes[0], image, f"image\n{image.shape[0]} × {image.shape[1]}", cmap="gray", vmin=0, vmax=1)
    for (name, values), place in zip(maps.items(), axes[1:], strict=True):
        height, width = values.shape
        shown = _draw_map(place, values, limit, f"{name}\n{height} × {width}")
        place.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, ec="0.6", lw=1, clip_on=False))
        centre, side = np.array([width, height]) / 2 - 0.5, max(*image.shape, *values.shape)
        place.set(xlim=centre[0] + side / 2 * np.array([-1, 1]), ylim=centre[1] + side / 2 * np.array([1, -1]))
    _bar(figure, shown, axes, "response")
    peaks = ", ".join(
        f"{name} {len(values)} by {values.shape[1]} with responses up to ±{np.abs(values).max():.1f}"
        for name, values in maps.items()
    )
    return described(
        figure, f"A grey picture and its edges, orange above zero and purple below, on one scale: {peaks}."
    )


@in_course_style
def kernel_learned(history: Sequence[tuple[float, Array]], target: Array, steps: Sequence[int] = (1, 3, 7)) -> Figure:
    """How a kernel approaches another, step by step, with the error.

    Args:
        history: error and kernel, float `(3, 3)`, at the start and after each step.
        target: the kernel that made the outputs, float `(3, 3)`.
        steps: after how many steps kernels are drawn.
    """
    errors = [error for error, _ in history]
    figure, axes = new_figure(11, 2.7, ncols=len(steps) + 2, width_ratios=[1] * (len(steps) + 1) + [1.8])
    limit = _limit([target])
    for step, place in zip(steps, axes, strict=False):
        kernel = np.round(history[step][1], 2) + 0.0  # without minus zero
        _draw_kernel(place, kernel, f"after {step} step{'s' * (step > 1)}", limit)
    _bar(figure, _draw_kernel(axes[-2], target, "secret kernel", limit), axes[-2], "weight")
    axes[-1].semilogy(range(len(errors)), errors, marker=".", color=PALETTE[0])
    axes[-1].set(xlabel="steps", ylabel="mean squared error")
    return described(
        figure,
        f"Starting from zeros, the learned kernel comes close to the secret one within {max(steps)} steps; the "
        f"error falls from {errors[0]:.2g} to {errors[-1]:.1g} in {len(errors) - 1} steps, on a logarithmic axis.",
    )


@in_course_style
def channel_sum(picture: Tensor, parts: Array, bias: float) -> Figure:
    """The partial map of each input channel on one scale; their sum, and the sum plus the bias, on another.

    Args:
        picture: uint8 `(3, H, W)`.
        parts: float `(3, h, w)`: the response of each slice of the kernel to its channel.
        bias: added to the sum.
    """
    total = parts.sum(0)
    shifted = f"sum + bias ({bias:+.1f})".replace("-", "−")
    figure, axes = new_figure(12.6, 2.5, ncols=6)
    draw_image(axes[0], picture, "picture")
    for name, values, place in zip(_CHANNELS, parts, axes[1:4], strict=True):
        slices = _draw_map(place, values, _limit(list(parts)), f"{name} slice")
    _bar(figure, slices, axes[1:4], "response")
    for name, values, place in zip(("sum", shifted), (total, total + bias), axes[4:], strict=True):
        sums = _draw_map(place, values, _limit([total, total + bias]), name)
    _bar(figure, sums, axes[4:], "response")
    before, after = (100 * float((values > 0).mean()) for values in (total, total + bias))
    means = ", ".join(f"{name} slice {values.mean():.2f}" for name, values in zip(_CHANNELS, parts, strict=True))
    return described(
        figure,
        f"Partial maps of the three slices, with the means {means}, their sum, which is positive in "
        f"{before:.0f} % of the map, and the sum with the bias, in {after:.0f} %; orange is above zero, purple below.",
    )


@in_course_style
def moved_maps(maps: Mapping[str, tuple[Array, Array]]) -> Figure:
    """Maps before and after the picture moved, and how much each number changed, all on one scale.

    Args:
        maps: name to the two maps, float `(h, w)`, at least 0.
    """
    limit = _limit([values for pair in maps.values() for values in pair])
    figure, axes = new_figure(8.2, 2.6 * len(maps), nrows=len(maps), ncols=3, squeeze=False)
    said = []
    for (name, (before, after)), places in zip(maps.items(), axes, strict=True):
        change = np.abs(after - before)
        share = 100 * change.mean() / before.mean()
        titles = (f"{name}, {len(before)} × {before.shape[1]}", "picture moved by 1", f"change: {share:.0f} %")
        for values, title, place in zip((before, after, change), titles, places, strict=True):
            draw_image(place, values, title, cmap="viridis", vmin=0, vmax=limit)
        said.append(f"{name} by {share:.0f} %")
    _bar(figure, axes[0, 0].images[0], axes, "strength of the response, without sign")
    return described(
        figure, f"After the picture has moved by one pixel, maps of one picture change: {', '.join(said)}."
    )


@in_course_style
def filter_bank(weights: Tensor, columns: int = 8) -> Figure:
    """First-layer kernels as numbered colour pictures, all on one scale around zero, which is mid-grey.

    Args:
        weights: float `(N, 3, k, k)`.
        columns: kernels in a row.
    """
    limit = float(weights.detach().abs().max())
    rows = -(-len(weights) // columns)
    figure, axes = new_figure(0.95 * columns + 0.8, 1.15 * rows, nrows=rows, ncols=columns, squeeze=False)
    for number, (place, kernel) in enumerate(zip(axes.flat, weights.detach(), strict=False)):
        draw_image(place, kernel / (2 * limit) + 0.5, str(number), vmin=0, vmax=1)
    for place in axes.flat[len(weights) :]:
        place.set_axis_off()
    scale = ScalarMappable(Normalize(-limit, limit), "gray")
    figure.colorbar(scale, ax=axes, label="weight, in red, green and blue", shrink=0.8, pad=0.02)
    # 1 where the three slices of a kernel are equal, 0 where they cancel.
    alike = 3 * weights.mean(1).square().sum((1, 2)) / weights.square().sum((1, 2, 3)).clamp(min=1e-12)
    return described(
        figure,
        f"{len(weights)} kernels of {weights.shape[2]} by {weights.shape[3]} pixels in colour, with weights up to "
        f"±{limit:.2f}: {int((alike > 0.75).sum())} of them weigh the three channels nearly alike, and "
        f"{int((alike < 0.25).sum())} weigh them against each other.",
    )


@in_course_style
def kernels_on_picture(picture: Tensor, weights: Tensor, maps: Array, chosen: Sequence[Sequence[int]]) -> Figure:
    """Some kernels of a layer above their responses to a picture, on one scale for each group of kernels.

    Args:
        picture: uint8 `(3, H, W)`.
        weights: float `(N, 3, k, k)`.
        maps: float `(N, H, W)`: the response of each kernel.
        chosen: groups of the numbers of kernels to show.
    """
    reach = float(weights.detach().abs().max())
    ratios = [1.0]
    for group in chosen:
        ratios += [1.0] * len(group) + [0.1]  # the last for its bar
    figure, axes = new_figure(1.6 * sum(ratios), 3.6, nrows=2, ncols=len(ratios), width_ratios=ratios)
    axes[0, 0].set_visible(False)
    draw_image(axes[1, 0], picture, "picture")
    column, said = 1, []
    for group in chosen:
        limit = float(np.quantile(np.abs(maps[list(group)]), 0.97))  # a few strong edges would pale all else
        for number in group:
            above, below = axes[:, column]
            draw_image(above, weights[number].detach() / (2 * reach) + 0.5, f"kernel {number}", vmin=0, vmax=1)
            shown = _draw_map(below, maps[number], limit)
            column += 1
        axes[0, column].set_visible(False)
        figure.colorbar(shown, cax=axes[1, column], label="response", extend="both")
        column += 1
        said.append(f"{', '.join(map(str, group))} on a scale of ±{limit:.1f}")
    return described(figure, f"Learned kernels above their responses to the picture: {'; '.join(said)}.")


@in_course_style
def field_sketch() -> Figure:
    """Eight pixels in a row, the units of a convolution of 3 above, those of pooling by 2 on top: what reaches what."""
    rows = {"pixels": np.arange(8.0), "convolution of 3": np.arange(1.0, 7), "pooling of 2": np.arange(1.5, 7, 2)}
    reach = (3.0, 2.0, 1.5)  # how far right the first pooled unit looks in each row
    figure, axes = new_figure(8, 2.7)
    for level, (name, places) in enumerate(rows.items()):
        axes.text(-1, level, name, ha="right", va="center", fontsize=10)
        before = list(rows.values())[level - 1] if level else places[:0]
        for x in places:
            own = x <= reach[level]
            colour = PALETTE[1] if own else "white"
            axes.add_patch(Rectangle((x - 0.35, level - 0.16), 0.7, 0.32, fc=colour, ec="black"))
            for start in before[np.abs(before - x) < 1.1]:
                axes.plot([start, x], [level - 0.84, level - 0.16], color=PALETTE[1] if own else "0.7", lw=1 + own)
    axes.set(xlim=(-3.6, 7.6), ylim=(-0.35, 2.35))
    axes.set_axis_off()
    return described(
        figure,
        "A row of 8 pixels, 6 units of a convolution, each joined to 3 pixels, and 3 units of pooling, each joined to "
        "2 of those. The first pooled unit depends on 4 pixels, the next one on 4 that begin 2 pixels further right.",
    )


@in_course_style
def influence(picture: Tensor, maps: Mapping[str, Array]) -> Figure:
    """The squares of input pixels that reach a unit of each block, and how much each pixel matters to the last one.

    Args:
        picture: uint8 `(3, H, W)`.
        maps: name of the block to float `(H, W)`: the influence of each input pixel on one of its units; zero where
            there is none.
    """
    figure, axes = new_figure(9.4, 3.6, ncols=2, width_ratios=[1, 1.25])
    axes[0].imshow(as_pixels(picture), interpolation="nearest")
    for colour, style, (name, values) in zip(PALETTE, ("-", "--", "-.", ":"), maps.items(), strict=False):
        (top, left), (height, width) = extent(values)
        label = f"{name}: {height} × {width}"
        axes[0].add_patch(
            Rectangle((left - 0.5, top - 0.5), width, height, fill=False, lw=3, ec=colour, ls=style, label=label)
        )
    axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), fontsize=8, ncols=len(maps), handlelength=2.5)
    axes[0].set_axis_off()
    name, values = list(maps.items())[-1]
    percent = np.where(values > 0, 100 * values / values.max(), np.nan)
    axes[1].set_facecolor(_NEVER)
    shown = axes[1].imshow(percent, cmap="viridis", vmin=0, vmax=100, interpolation="nearest")
    half = half_of(values)
    axes[1].contour(half, levels=[0.5], colors="white", linewidths=2)
    axes[1].set(xlabel="column", ylabel="row")
    axes[1].grid(visible=False)
    _bar(figure, shown, axes[1], "% of the largest")
    reached = int((values > 0).sum())
    title = f"influence on a unit of {name} (grey: none);\nhalf of it comes from {half.sum()} of {reached} pixels"
    axes[1].set_title(title, fontsize=10)
    return described(
        figure,
        f"{reached} pixels reach a unit of {name}, but not equally: {int(half.sum())} of them, in the middle of the "
        "square and inside a white line, have half of the influence. The rest of the picture has none.",
    )
