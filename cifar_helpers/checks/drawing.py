"""Draw pictures of answers: arrays as PNG or SVG in HTML, with alt text, and a wrong result beside the right one."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image
from torch import Tensor

from cifar_helpers.checks.compare import differing, told_apart
from cifar_helpers.figures._base import PALETTE, SIGNED
from cifar_helpers.inference import percent

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]
Frame = tuple[float, float, float, float]
"""Top, left, height and width of a rectangle, in pixels of the picture."""


def in_grey(values: Array) -> Pixels:
    """Brightness `(H, W)` as grey pixels: black at 0 and below, white at 1 and above."""
    return np.asarray(np.repeat((values.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2))


def in_signs(values: Array) -> Pixels:
    """Numbers `(H, W)`: purple below zero, white at zero, orange above."""
    limit = max(float(np.abs(values).max()), 1e-9)
    return np.asarray(colormaps[SIGNED](values / limit / 2 + 0.5, bytes=True)[..., :3])


def as_rows(picture: Any) -> Pixels:
    """A picture `(3, H, W)`, array or tensor, as `(H, W, 3)`."""
    return np.asarray(picture).transpose(1, 2, 0)


def picture_html(pixels: Pixels, side: int, alt: str, caption: str = "", frames: Sequence[Frame] = ()) -> str:
    """An image of `(H, W, 3)` uint8 pixels, drawn `side` screen pixels high with sharp edges.

    Args:
        pixels: the image.
        side: its height in screen pixels.
        alt: alternative text.
        caption: below it.
        frames: rectangles to draw on it.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    source = base64.b64encode(buffer.getvalue()).decode("ascii")
    height, width = pixels.shape[:2]
    image = (
        f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{source}" '
        f'style="height:{side}px;width:auto;max-width:none;display:block;image-rendering:pixelated">'
    )
    over = f'<div style="position:relative;width:max-content">{image}{_frames_html(frames, height, width)}</div>'
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure style="display:inline-block;margin:0 12px 8px 0;vertical-align:top">{over}{below}</figure>'


def _frames_html(frames: Sequence[Frame], height: int, width: int) -> str:
    if not frames:
        return ""
    # Black on white, so that a frame is visible on any picture.
    lines = "".join(
        f'<rect x="{left}" y="{top}" width="{w}" height="{h}" fill="none" stroke="{colour}" stroke-width="{thick}" '
        'vector-effect="non-scaling-stroke"/>'
        for top, left, h, w in frames
        for colour, thick in (("white", 4), ("black", 2))
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true" '
        'style="position:absolute;left:0;top:0;width:100%;height:100%;overflow:visible;pointer-events:none">'
        f"{lines}</svg>"
    )


def numbers_svg(
    values: Array,
    alt: str,
    *,
    cell: int = 38,
    text: Sequence[Sequence[str]] | None = None,
    signed: bool = False,
    unknown: npt.NDArray[np.bool_] | None = None,
) -> str:
    """A grid of coloured cells with a number in each.

    Args:
        values: float `(rows, columns)`: 0..1 in grey, or with `signed` any numbers in purple and orange.
        alt: alternative text.
        cell: side of a cell in screen pixels.
        text: of each cell; `None` writes the numbers with at most two decimals.
        signed: use purple below zero and orange above.
        unknown: cells that are left empty.
    """
    rows, columns = values.shape
    colours = (in_signs(values) if signed else in_grey(values)).reshape(rows, columns, 3)
    parts = []
    for row in range(rows):
        for column in range(columns):
            x, y = column * cell, row * cell
            if unknown is not None and unknown[row, column]:
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="none" stroke="#888" '
                    'stroke-dasharray="2 3"/>'
                )
                continue
            red, green, blue = (int(part) for part in colours[row, column])
            ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 128 else "white"
            words = short(float(values[row, column])) if text is None else text[row][column]
            parts.append(
                f'<g><rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="rgb({red},{green},{blue})" '
                f'stroke="#888" stroke-width="0.5"/><text x="{x + cell / 2}" y="{y + cell / 2}" fill="{ink}" '
                f'font-size="{_size_of(words, cell)}" text-anchor="middle" dominant-baseline="central">'
                f"{words}</text></g>"
            )
    return svg("".join(parts), columns * cell + 6, rows * cell + 6, alt, offset=3)


def _size_of(words: str, cell: int) -> float:
    return round(min(0.4 * cell, 1.55 * cell / max(len(words), 1)), 1)


def svg(content: str, width: float, height: float, alt: str, offset: float = 0) -> str:
    """A drawing with alt text, whose upper left corner is at `-offset`."""
    return (
        f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" width="{width:g}" height="{height:g}" '
        f'viewBox="{-offset:g} {-offset:g} {width:g} {height:g}" '
        f'style="vertical-align:top;margin:0 8px 8px 0;max-width:none">{content}</svg>'
    )


def short(value: float) -> str:
    """A number with at most two decimals: `0.5`, `-1`, `0.33`."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}")


def titled(title: str, content: str) -> str:
    """A drawing with a title above it; several are placed side by side."""
    return (
        '<figure style="display:inline-block;margin:0 12px 0 0;vertical-align:top">'
        f"<figcaption>{html.escape(title)}</figcaption>{content}</figure>"
    )


def sentence(text: str) -> str:
    """A sentence that says what the picture shows; screen readers announce it when it changes."""
    return f'<p role="status" style="margin:4px 0">{html.escape(text)}</p>'


def bars_html(shares: Sequence[tuple[str, float]], caption: str, words: Sequence[str] | None = None) -> str:
    """Shares 0..1 as labelled bars with numbers."""
    said = [f"{share:.0%}" for _, share in shares] if words is None else words
    names, values = [name for name, _ in shares], [share for _, share in shares]
    return _bars(names, [(values, said)], "150px", f"<caption style='text-align:left'>{html.escape(caption)}</caption>")


def paired_bars_html(names: Sequence[str], columns: Mapping[str, Sequence[float]]) -> str:
    """Several shares 0..1 of the same things as bars with numbers, a column of each, so that they can be compared."""
    heads = "".join(
        f"<th colspan='2' scope='colgroup' style='text-align:left;font-weight:normal'>{html.escape(title)}</th>"
        for title in columns
    )
    made = [(shares, list(map(percent, shares))) for shares in columns.values()]
    return _bars(names, made, "min(140px,17vw)", f"<tr><td></td>{heads}</tr>")


def _bars(names: Sequence[str], columns: Sequence[tuple[Sequence[float], Sequence[str]]], width: str, top: str) -> str:
    rows = ""
    for k, name in enumerate(names):
        rows += f"<tr><th scope='row' style='text-align:left;font-weight:normal'>{html.escape(name)}</th>"
        for shares, words in columns:
            rows += (
                f"<td style='min-width:{width};text-align:left'><div style='background:{PALETTE[0]};height:1em;"
                f"width:{100 * shares[k]:.0f}%'></div></td>"
                f"<td style='text-align:right;white-space:nowrap;padding-right:10px'>{html.escape(words[k])}</td>"
            )
        rows += "</tr>"
    return f"<table style='display:inline-table;vertical-align:top;margin:0 0 0 6px'>{top}{rows}</table>"


_BESIDE: Final = "display:inline-table;vertical-align:top;margin:0 18px 8px 0;border-spacing:1px"
_PLACE: Final = "style='text-align:right;font-weight:normal;padding:0 4px'"
_MOST_SHOWN: Final = 5
"""Rows and columns of a result that are drawn; more do not fit on a phone."""


def beside(wanted: Any, got: Any, close: float, given: Mapping[str, Any]) -> str:
    """A wrong result next to the right one, around the first number that differs, and the arguments if they are small.

    Nothing if the two do not have the same shape, or only one number.
    """
    found = differing(wanted, got, close)
    if found is None or found[0].size < 2 or not found[2].any():
        return ""
    first = tuple(int(k) for k in np.argwhere(found[2])[0])
    right, own, differ = (np.atleast_2d(part[first[:-2]]) for part in found)
    place = (0, *first)[-2:]
    ranges = [_around(at, count) for at, count in zip(place, right.shape, strict=True)]
    places = [(r, c) for r in ranges[0] for c in ranges[1]]
    both = {at: told_apart(float(right[at]), float(own[at])) for at in places if differ[at]}
    of = f" [{', '.join(map(str, first[:-2]))}]" if first[:-2] else ""
    wrong = {at: 3 if at == place else 1 for at in both}
    limit = _limit(right)
    tables = []
    for k, (title, values) in enumerate({"should be": right, "yours": own}.items()):
        words = {at: pair[k] for at, pair in both.items()}
        tables.append(_table(title + of, values, limit, ranges, words, wrong if k else {place: 3}))
    inputs = {name: argument for name, argument in given.items() if isinstance(argument, Tensor)}
    if all(1 <= part.ndim <= 2 and 0 < max(part.shape) <= _MOST_SHOWN for part in inputs.values()):
        for name, argument in inputs.items():
            values = np.atleast_2d(argument.double().numpy())
            tables.append(_table(f"for {name}", values, _limit(values), list(map(range, values.shape)), {}, {}))
    return "".join(tables)


def _limit(values: Array) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=1e-9))


def _table(
    title: str,
    values: Array,
    limit: float,
    ranges: Sequence[range],
    words: Mapping[Any, str],
    frames: Mapping[Any, int],
) -> str:
    """Rows and columns of numbers on their colours up to a limit, with frames of so many pixels around some."""
    rows, columns = ranges
    lines = ["<td></td>" + "".join(f"<th {_PLACE}>{column}</th>" for column in columns)]
    for row in rows:
        cells = (
            _cell(
                words.get((row, column)) or _three_digits(float(values[row, column]), limit),
                float((values[row, column] / limit).clip(-1, 1)),
                frames.get((row, column), 0),
            )
            for column in columns
        )
        head = f"<th {_PLACE}>{row}</th>" if len(values) > 1 else "<td></td>"
        lines.append(f"{head}{''.join(cells)}")
    caption = f"<caption style='text-align:left'>{html.escape(title)}</caption>"
    return f"<table style='{_BESIDE}'>{caption}{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _three_digits(value: float, limit: float) -> str:
    """A number, where those far below the limit count as zero."""
    return "0" if abs(value) < 1e-6 * limit else f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _around(place: int, count: int) -> range:
    low = max(0, min(place - 1, count - _MOST_SHOWN))
    return range(low, min(low + _MOST_SHOWN, count))


def _cell(words: str, value: float, frame: int) -> str:
    """A number on its colour, -1 to 1, with a frame of so many pixels where it is wrong."""
    red, green, blue, _ = colormaps[SIGNED](value / 2 + 0.5 if np.isfinite(value) else 0.5, bytes=True)
    light = np.dot((0.2126, 0.7152, 0.0722), (np.array((red, green, blue)) / 255) ** 2.2)
    ink = "black" if light > 0.179 else "white"  # whichever contrasts more
    style = f"background:rgb({red},{green},{blue});color:{ink};padding:3px 4px;min-width:24px;text-align:right"
    around = f";box-shadow:inset 0 0 0 {frame}px #b3261e" if frame else ""
    return f"<td style='{style}{around}'>{f'<b>{words}</b>' if frame else words}</td>"
