"""What all figures share: palette, display with alt text, grids of images."""

from __future__ import annotations

import base64
import functools
import html
import io
from collections.abc import Callable, Mapping, Sequence, Sized
from inspect import signature
from typing import Any, Final, ParamSpec

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from PIL import Image
from torch import Tensor

from cifar_helpers._palette import PALETTE

STYLE: Final[dict[str, Any]] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": ".8",
    "axes.labelcolor": ".15",
    "grid.color": ".8",
    "lines.solid_capstyle": "round",
    "text.color": ".15",
    "xtick.color": ".15",
    "ytick.color": ".15",
    "xtick.bottom": False,
    "ytick.left": False,
}
"""Axes on a grid, as seaborn's style `whitegrid` draws them; seaborn itself takes 0.6 s to be imported."""
_LOOK: Final[dict[str, Any]] = {**{key: value for key, value in mpl.rcParamsDefault.items() if "color" in key}, **STYLE}
"""All colours: what a figure draws in black needs white behind it, whatever style is in use."""
TRAIN_COLOUR: Final = PALETTE[0]
VALIDATION_COLOUR: Final = PALETTE[1]
DPI: Final = 80
_P = ParamSpec("_P")


def in_course_style(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """For a function that draws a figure: it has the course's colours, not those of the style that is in use.

    Where its first argument, or a member of any mapping, is empty, a `ValueError` says so.
    """

    @functools.wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        given = signature(draw).bind_partial(*args, **kwargs).arguments
        if empty := _empty(given):
            raise ValueError(f"figures.{draw.__name__} has nothing to show: {empty[0]} is empty")
        with plt.style.context(_LOOK):
            return draw(*args, **kwargs)

    return drawn


def _empty(given: Mapping[str, Any]) -> list[str]:
    """The names of what is empty though it should be drawn."""
    parts = dict(list(given.items())[:1])
    for name, value in given.items():
        if isinstance(value, Mapping):
            parts |= {f"{name}[{key!r}]": member for key, member in value.items()}
    return [name for name, part in parts.items() if isinstance(part, Sized) and len(part) == 0]


def colour_of(k: int) -> str:
    """The colour of series `k`; after ten they begin again, so series differ in their lines or markers, too."""
    return PALETTE[k % len(PALETTE)]


def described(figure: Figure, alt: str) -> Figure:
    """Give a figure its alt text: a sentence or two that state the finding, written from the data that it shows.

    A name with two dollar signs that is no formula is drawn as it is; Matplotlib would fail on it later.
    """
    figure.set_label(alt)
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_text().count("$") > 1 and not _is_formula(text.get_text()):
            text.set_parse_math(False)
    return figure


def _is_formula(text: str) -> bool:
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return False
    return True


def show(figure: Figure) -> None:
    """Display a figure in a notebook with alt text, and close it.

    Args:
        figure: what a function of `figures` returned; its label is the alt text.

    Raises:
        ValueError: if the figure has no label.
    """
    from IPython.display import display  # only there in a notebook

    bundle, metadata = picture(figure, str(figure.get_label()))
    display(bundle, raw=True, metadata=metadata)


def picture(figure: Figure, alt: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """A figure as what a notebook stores; it is closed.

    Returns:
        PNG, an `img` element, and the alt text; and the metadata. Front ends lose the alt text of a PNG, and show the
        element where they can.
    """
    if not alt.strip():
        raise ValueError("a figure needs alt text: one sentence that states the finding")
    drawn, buffer = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    image = Image.open(drawn).convert("RGB")
    image.quantize(256).save(buffer, "PNG", optimize=True)  # for what shows no HTML: a third of the bytes
    bundle = {"image/png": _base64(buffer), "text/html": image_html(image, alt), "text/plain": alt}
    return bundle, {"image/png": {"alt": alt}}


def image_html(image: Image.Image, alt: str) -> str:
    """An image as an element with alt text: WebP, lossless or not, whichever is smaller."""
    kinds: list[io.BytesIO] = []
    for options in ({"lossless": True}, {"quality": 88}):
        kinds.append(io.BytesIO())
        image.convert("RGB").save(kinds[-1], "WEBP", **options)
    smallest = min(kinds, key=lambda kind: len(kind.getvalue()))
    return (
        f'<img alt="{html.escape(alt)}" width="{image.width}" style="max-width:100%;height:auto" '
        f'src="data:image/webp;base64,{_base64(smallest)}">'
    )


def _base64(buffer: io.BytesIO) -> str:
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def new_figure(width: float, height: float, **options: Any) -> tuple[Figure, Any]:
    """`plt.subplots` with the course's look; width and height in inches of 80 pixels."""
    with plt.ioff():
        return plt.subplots(figsize=(width, height), layout="constrained", **options)


def as_pixels(image: Tensor | npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`(3, H, W)` or `(H, W)`, as Matplotlib wants it: `(H, W, 3)` or `(H, W)`."""
    array = np.asarray(image)
    return array.transpose(1, 2, 0) if array.ndim == 3 else array


def draw_image(axes: Axes, image: Tensor | npt.NDArray[Any], title: str = "", **options: Any) -> None:
    """Draw one image with sharp pixels and without axes."""
    axes.imshow(as_pixels(image), interpolation="nearest", **options)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()


@in_course_style
def image_grid(
    images: Tensor | Sequence[Tensor],
    titles: Sequence[str] | None = None,
    *,
    columns: int = 8,
    size: float = 1.1,
) -> Figure:
    """Images side by side.

    Args:
        images: uint8 `(N, 3, H, W)`, or a sequence of `(3, H, W)` or `(H, W)`.
        titles: one for each image.
        columns: images in a row.
        size: side of an image in inches of 80 pixels.

    Raises:
        ValueError: if there are not as many titles as images.
    """
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images need as many titles, got {len(titles)}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    room = 0.3 if titles is not None else 0.05
    figure, axes = new_figure(columns * (size + 0.1), rows * (size + room), nrows=rows, ncols=columns, squeeze=False)
    for k, place in enumerate(axes.flat):
        if k < len(images):
            draw_image(place, images[k], titles[k] if titles is not None else "")
        else:
            place.set_visible(False)
    count = "One image" if len(images) == 1 else f"{len(images)} images"
    return described(figure, f"{count}: {', '.join(titles)}." if titles else f"{count}.")
