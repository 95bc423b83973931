"""Draw pictures of answers: arrays as PNG or SVG in HTML, with alt text, and a wrong result beside the right one."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image
from torch import Tensor

from cifar_helpers._palette import PALETTE, SIGNED
from cifar_helpers.checks.answers import code_html
from cifar_helpers.checks.compare import (
    described,
    differing,
    holds_tensors,
    numbers_of,
    right_part,
    row_sums,
    told_apart,
)
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


def captioned(content: str, caption: str) -> str:
    """A drawing with a caption below it, as `picture_html` has one."""
    return (
        '<figure style="display:inline-block;margin:0 4px 0 0;vertical-align:top">'
        f'{content}<figcaption style="margin-top:-10px">{html.escape(caption)}</figcaption></figure>'
    )


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


def paired_bars_html(names: Sequence[str], columns: Mapping[str, Sequence[float]], head: str = "") -> str:
    """Several shares 0..1 of the same things as bars with numbers, a column of each, so that they can be compared."""
    heads = "".join(
        f"<th colspan='2' scope='colgroup' style='text-align:left;font-weight:normal'>{html.escape(title)}</th>"
        for title in columns
    )
    made = [(shares, list(map(percent, shares))) for shares in columns.values()]
    return _bars(names, made, "min(140px,17vw)", f"<tr><td>{html.escape(head)}</td>{heads}</tr>")


def _bars(names: Sequence[str], columns: Sequence[tuple[Sequence[float], Sequence[str]]], width: str, top: str) -> str:
    rows = ""
    for k, name in enumerate(names):
        rows += (
            f"<tr><th scope='row' style='text-align:left;font-weight:normal;padding-right:6px'>{html.escape(name)}</th>"
        )
        for shares, words in columns:
            long = "0" if shares[k] <= 0 else f"max(1px,{100 * shares[k]:.1f}%)"
            rows += (
                f"<td><div style='width:{width};background:#8883'><div style='background:{PALETTE[0]};height:1em;"
                f"width:{long}'></div></div></td>"
                f"<td style='text-align:right;white-space:nowrap;padding-right:10px'>{html.escape(words[k])}</td>"
            )
        rows += "</tr>"
    return f"<table style='display:inline-table;vertical-align:top;margin:0 0 0 6px'>{top}{rows}</table>"


_BESIDE: Final = (
    "display:inline-table;vertical-align:top;margin:0 8px 8px 0;border-spacing:2px;font-variant-numeric:tabular-nums"
)
_MOST_SHOWN: Final = 5
"""Rows and columns of a result that are drawn, so that two fit beside their input."""
_MOST_ALONE: Final = 6
"""Rows and columns of two results that are drawn without their input; more do not fit on a phone."""
_LARGE: Final = 1e6  # larger numbers are written with three digits
_STOPS: Final = (
    ("3b1a78", "5d469f", "8c80bd", "cbc6e2", "f7f6f4", "fdd3a6", "ee9b3b", "c4640b", "8a3f05"),
    ("cdbfff", "a48fee", "735fb4", "41386a", "23252c", "563a18", "a86416", "ec9530", "ffc67f"),
)
"""Colours of -1 to 1 on a light and on a dark page: the tokens of the widgets, `--cw-n4` to `--cw-p4`."""


def _themed(name: str, light: str, dark: str) -> str:
    """A colour for light and dark pages; a page that knows no light-dark() keeps the first."""
    return f"{name}:{light};{name}:light-dark({light},{dark})"


_MUTED: Final = _themed("color", "#5b606c", "#a9afbc")
_WRONG: Final = f"{_themed('background', '#b3261e1f', '#ff9a902b')};{_themed('color', '#b3261e', '#ff9a90')}"
_RIGHT: Final = f"{_themed('background', '#1a7a4c1f', '#5fd39b2b')};{_themed('color', '#17693f', '#5fd39b')}"
_INK: Final = ("#1d1f24", "#eceef2")
_FRAME: Final = f"outline:2px solid;{_themed('outline-color', *_INK)}"
_PLACE: Final = f"style='{_MUTED};text-align:right;font-weight:normal;padding:0 2px'"


def beside(wanted: Any, got: Any, close: float, given: Mapping[str, Any], *, told: bool = True) -> str:
    """The arguments, a wrong result and the right one, around the first number that differs.

    Numbers that differ are red in the wrong result and green in the right one; the others are pale. The first one has a
    frame. Unless the words beside have `told` it, a line says for which arguments this is, and follows that number.

    Arguments are drawn if they are small, or have the shape of the result. Of results with different shapes, only the
    two are drawn; of what is not numbers, nothing.
    """
    found = differing(wanted, got, close)
    if found is None:
        return _of_two_shapes(wanted, got, close, told=told)
    if not found[2].any():
        return ""
    if found[0].size < 2:
        numbers = _arguments(given)
        pair = told_apart(float(found[0].ravel()[0]), float(found[1].ravel()[0]))
        return _line(f"For {numbers}: ", *pair) if numbers and not told else ""
    first = tuple(int(k) for k in np.argwhere(found[2])[0])
    right, own, differ = (np.atleast_2d(part[first[:-2]]) for part in found)
    place = (0, *first)[-2:]
    ranges = [_around(at, count) for at, count in zip(place, right.shape, strict=True)]
    sums = row_sums(wanted, got, close)
    tables: list[_Table] = []
    before = ""
    for name, argument in given.items():
        values = _drawn(argument, found[0].shape, first[:-2])
        if values is None:
            continue
        seen = ranges if values.shape == right.shape else list(map(range, values.shape))
        words = _written([values[np.ix_(*seen)]])[0]
        if values.shape == right.shape:
            before += f"`{name}` {words[seen[0].index(place[0])][seen[1].index(place[1])]}, "
        of = _of(name, first[:-2]) if argument.ndim > 2 else ""
        pairs = values.shape == right.shape
        frame, origin = ((*place, 1, 1), (0, 0)) if pairs else ((), None)
        tables.append(_Table(f"input {name}{of}", values, seen, words, frame, origin))
    shown = np.ix_(*ranges)
    ours, theirs = _written([own[shown], right[shown]], differ[shown])
    for row, column in np.argwhere(differ[shown]):
        if ours[row][column] == theirs[row][column]:
            pair = told_apart(float(right[shown][row, column]), float(own[shown][row, column]))
            theirs[row][column], ours[row][column] = pair
    for title, values, words, style in (("yours", own, ours, _WRONG), ("should be", right, theirs, _RIGHT)):
        tables.append(_Table(title, values, ranges, words, (*place, 1, 1), (0, 0), differ, style, _sums(sums, own)))
    wide, shapes = _widest(tables), [table.values.shape for table in tables]
    *inputs, mine, wanted = [
        table.html(wide, whole=shape not in shapes[:k])
        for k, (table, shape) in enumerate(zip(tables, shapes, strict=True))
    ]
    above = ""
    if not told:
        cell = [at - seen.start for at, seen in zip(place, ranges, strict=True)]
        own_word, right_word = (words[cell[0]][cell[1]] for words in (ours, theirs))
        others = _arguments(
            {name: value for name, value in given.items() if not (isinstance(value, Tensor) or holds_tensors(value))}
        )
        above = _line(f"{f'With {others}. ' if others else ''}Framed: {before}", right_word, own_word)
    # The two results stay side by side where there is room for two.
    results = f"<div style='display:inline-block;margin-right:-8px'>{mine}{wanted}</div>"
    return f"{above}{''.join(inputs)}{results}"


def _sums(rows: Array | None, own: Array) -> str:
    """Which sums are shown: of rows, if one is not 1 as it should be, and of columns if they are 1 instead."""
    if rows is None:
        return ""
    return "rows and columns" if np.allclose(own.sum(0), 1, atol=5e-3) else "rows"


def _of_two_shapes(wanted: Any, got: Any, close: float, *, told: bool) -> str:
    """Two results of different shapes, each with its shape, around the first place that only one of them has.

    If the smaller one is a part of the larger one, this part has a frame.
    """
    try:
        results = numbers_of(got), numbers_of(wanted)
    except Exception:  # text, or lists of different lengths
        return ""
    if not all(result.size for result in results):
        return ""
    grids = [np.atleast_2d(result[(0,) * (result.ndim - 2)]) for result in results]
    part, differ = right_part(wanted, got, close), [np.ones(grid.shape, bool) for grid in grids]
    origins, frames = [(0, 0), (0, 0)], list[tuple[int, ...]]()
    if part:
        origins = [(0, 0), part.place] if part.is_whole else [part.place, (0, 0)]
        frames = [(*origin, *part.size) for origin in origins]
        for mask, (top, left, rows, columns) in zip(differ, frames, strict=True):
            mask[top : top + rows, left : left + columns] = False
    elif results[0].ndim == results[1].ndim:
        common = tuple(slice(min(counts)) for counts in zip(*(grid.shape for grid in grids), strict=True))
        for mask in differ:
            mask[common] = ~np.isclose(grids[0][common], grids[1][common], rtol=close, atol=close, equal_nan=True)
    place = min(tuple(int(k) for k in first) for mask in differ for first in np.argwhere(mask)[:1])
    if not part:
        frames = [(*place, 1, 1)] * 2
    most = [max(counts) for counts in zip(*(grid.shape for grid in grids), strict=True)]
    seen = [_around(at, count, _MOST_ALONE) for at, count in zip(place, most, strict=True)]
    ranges = [[range(r.start, min(r.stop, n)) for r, n in zip(seen, grid.shape, strict=True)] for grid in grids]
    words = _written([grid[np.ix_(*shown)] for grid, shown in zip(grids, ranges, strict=True)])
    looks = (("yours", _WRONG), ("should be", _RIGHT))
    tables = [
        _Table(f"{title}: {_shape_in_words(result.shape)}", grid, shown, said, frame, origin, mask, style)
        for (title, style), result, grid, shown, said, frame, origin, mask in zip(
            looks, results, grids, ranges, words, frames, origins, differ, strict=True
        )
    ]
    above = f"<p style='margin:0 0 8px'>{html.escape(part.says)}</p>" if part and not told else ""
    return above + "".join(table.html(_widest(tables), whole=False) for table in tables)


def _shape_in_words(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) + (" numbers" if len(shape) == 1 else "") if shape else "one number"


def _line(text: str, right: str, own: str) -> str:
    """A line above the tables, with the two numbers in their colours."""
    numbers = [f"<b style='{style};padding:1px 4px'>{words}</b>" for words, style in ((own, _WRONG), (right, _RIGHT))]
    return f"<p style='margin:0 0 8px'>{code_html(text)}yours {numbers[0]}, should be {numbers[1]}</p>"


def _arguments(given: Mapping[str, Any]) -> str:
    """Arguments in words; nothing of functions."""
    said = {name: value for name, value in given.items() if not callable(value)}
    return described(tuple(said.values()), list(said)) if said else ""


def _of(name: str, leading: Sequence[int]) -> str:
    """Which rows and columns of an argument are drawn."""
    if name.startswith("image"):
        return ", one channel"
    return str(list(leading)) if leading else ""


def _drawn(argument: Any, shape: tuple[int, ...], leading: Sequence[int]) -> Array | None:
    """The rows and columns of an argument that belong to a result of this shape, if they can be drawn."""
    if not isinstance(argument, Tensor) or argument.ndim < 1:
        return None
    values = numbers_of(argument)
    if values.ndim > 2:
        if values.shape[:-2] != shape[:-2]:
            return None
        values = values[tuple(leading)]
    values = np.atleast_2d(values)
    like = (1, *shape)[-2:]
    small = min(values.shape) > 0 and max(values.shape) <= _MOST_SHOWN
    return values if small or values.shape == like else None


def _limit(values: Array) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=1e-9))


def _written(grids: Sequence[Array], differ: npt.NDArray[np.bool_] | None = None) -> list[list[list[str]]]:
    """Numbers of several grids in words, all with the same decimals: those that three digits of the largest need.

    Up to two more are written if they tell all numbers apart in which the first two grids `differ`.
    """
    numbers = np.concatenate([grid.ravel() for grid in grids])
    usual = numbers[np.isfinite(numbers) & (np.abs(numbers) < _LARGE)]
    most = np.abs(usual).max(initial=0)
    whole = bool((usual == usual.round()).all())
    decimals = 0 if whole else int(np.clip(2 - math.floor(math.log10(most)), 0, 6))

    def written(more: int) -> list[list[list[str]]]:
        return [[[_number(float(value), decimals + more) for value in row] for row in grid] for grid in grids]

    def tells_apart(words: list[list[list[str]]]) -> bool:
        return differ is None or all(
            words[0][row][column] != words[1][row][column] for row, column in np.argwhere(differ)
        )

    return next(filter(tells_apart, map(written, range(3))), written(0))


def _number(value: float, decimals: int) -> str:
    words = f"{value:,.{decimals}f}" if abs(value) < _LARGE else f"{value:.3g}"
    return words.replace("-", "\N{MINUS SIGN}" if words.strip("-0.,") else "")


@dataclass(frozen=True)
class _Table:
    """Rows and columns of numbers: of an argument, on colours, or of a result.

    Attributes:
        title: above it.
        values: the whole grid.
        ranges: rows and columns that are drawn.
        words: of each number that is drawn.
        frame: row, column, height and width of what has a frame, if anything has.
        origin: row and column of the first number that the other tables have too; `None` if they are of something else.
        differ: where the two results differ; `None` for an argument.
        style: of the numbers that differ.
        sums: write the sums of the whole `rows`, or of `rows and columns`, beside them.
    """

    title: str
    values: Array
    ranges: Sequence[range]
    words: list[list[str]]
    frame: tuple[int, ...] = ()
    origin: tuple[int, int] | None = None
    differ: npt.NDArray[np.bool_] | None = None
    style: str = ""
    sums: str = ""

    def html(self, wide: int, *, whole: bool) -> str:
        """The table, with room for so many characters in each cell; with `whole` it says of how many it is a part."""
        rows, columns = self.ranges
        heads = "".join(f"<th {_PLACE}>{column}</th>" for column in columns)
        heads += f"<th {_PLACE}>…</th>" if columns.stop < self.values.shape[1] else ""
        lines = [f"<td></td>{heads}" + (f"<th {_PLACE}>sum</th>" if self.sums else "")]
        for row, said in zip(rows, self.words, strict=True):
            cells = [
                f"<td {self._pair((row, column))}style='{self._style((row, column))};padding:3px 2px;"
                f"min-width:calc({wide}ch + 4px);text-align:right'>{self._block((row, column))}{words}</td>"
                for column, words in zip(columns, said, strict=True)
            ]
            head = f"<th {_PLACE}>{row}</th>" if len(self.values) > 1 else "<td></td>"
            cut = "<td></td>" if columns.stop < self.values.shape[1] else ""
            lines.append(f"{head}{''.join(cells)}{cut if self.sums else ''}{self._row_sum(row) if self.sums else ''}")
        if rows.stop < len(self.values):
            lines.append(f"<th {_PLACE}>\N{VERTICAL ELLIPSIS}</th>")
        if self.sums == "rows and columns":
            sums = (_number(float(self.values[:, column].sum()), 2) for column in columns)
            cells = [_sum(said, _MUTED, "4px 0 0") for said in sums]
            lines.append(f"<th {_PLACE}>sum</th>{''.join(cells)}")
        is_part = whole and tuple(map(len, self.ranges)) != self.values.shape
        part = f", part of {' × '.join(map(str, self.values.shape))}" if is_part else ""
        caption = f"<caption style='text-align:left;white-space:nowrap'>{html.escape(self.title + part)}</caption>"
        # An input stands apart, and a sum must not seem to go on in the next table.
        apart = ";margin-right:20px" if self.sums == "rows" or self.differ is None else ""
        return f"<table style='{_BESIDE}{apart}'>{caption}{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"

    def _style(self, at: tuple[int, int]) -> str:
        frame = f";{_FRAME}" if self.frame == (*at, 1, 1) else ";position:relative" if self._block(at) else ""
        if self.differ is None:
            return _on_colour(float(self.values[at]), _limit(self.values)) + frame
        return f"{self.style if self.differ[at] else _MUTED}{frame}"

    def _pair(self, at: tuple[int, int]) -> str:
        """The place of a number in what all tables have; a card marks the same place in all of them."""
        if self.origin is None:
            return ""
        return f"data-at='{at[0] - self.origin[0]},{at[1] - self.origin[1]}' "

    def _block(self, at: tuple[int, int]) -> str:
        """The frame of several numbers, in the first of them that is drawn; open where not all are drawn."""
        rows, columns = self.ranges
        if not self.frame or self.frame[2:] == (1, 1):
            return ""
        top, left, height, width = self.frame
        first, last = max(top, rows.start), min(top + height, rows.stop)
        begin, end = max(left, columns.start), min(left + width, columns.stop)
        if at != (first, begin):
            return ""
        sides = (
            ("top", first == top), ("left", begin == left), ("bottom", last == top + height),
            ("right", end == left + width),
        )  # fmt: skip
        borders = "".join(f"border-{name}-width:2px;" for name, is_end in sides if is_end)
        return (
            "<i aria-hidden='true' style='position:absolute;pointer-events:none;box-sizing:border-box;"
            f"left:-2px;top:-2px;width:calc({100 * (end - begin)}% + {2 * (end - begin) + 2}px);"
            f"height:calc({100 * (last - first)}% + {2 * (last - first) + 2}px);border:0 solid;{borders}"
            f"{_themed('border-color', *_INK)}'></i>"
        )

    def _row_sum(self, row: int) -> str:
        words = _number(float(self.values[row].sum()), 2)
        return _sum(words, _MUTED if words == "1.00" else _WRONG, "0 0 0 4px")


def _sum(words: str, style: str, apart: str) -> str:
    """The cell of a sum, a little apart from the numbers."""
    return (
        f"<td style='{style};padding:3px 2px;border:0 solid transparent;border-width:{apart};"
        f"background-clip:padding-box;text-align:right'>{words}</td>"
    )


def _widest(tables: Sequence[_Table]) -> int:
    """Characters that the cells need; a minus is wider than a digit, and a point makes up for it."""
    words = [word for table in tables for row in table.words for word in row]
    return max(3, *(len(word) + (word[0] == "\N{MINUS SIGN}" and "." not in word) for word in words))


def _around(place: int, count: int, most: int = _MOST_SHOWN) -> range:
    shown = count if count <= most else most - 1
    low = max(0, min(place - 1, count - shown))
    return range(low, low + shown)


def _on_colour(value: float, limit: float) -> str:
    value = min(max(value / limit, -1), 1) if math.isfinite(value) else 0
    (light, ink), (dark, pale) = (_tones(value, stops) for stops in _STOPS)
    return f"{_themed('background', light, dark)};{_themed('color', ink, pale)}"


def _tones(value: float, stops: Sequence[str]) -> tuple[str, str]:
    """The colour of a number from -1 to 1, and black or white, whichever contrasts more with it."""
    levels = np.array([list(bytes.fromhex(stop)) for stop in stops])
    at = np.linspace(-1, 1, len(stops))
    colour = np.array([np.interp(value, at, channel) for channel in levels.T]).round()
    light = np.dot((0.2126, 0.7152, 0.0722), (colour / 255) ** 2.2)
    return f"#{bytes(colour.astype(np.uint8)).hex()}", "#000" if light > 0.179 else "#fff"
