"""Draw pictures of answers: arrays as PNG or SVG in HTML, with alt text, and a wrong result beside the right one."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
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
    is_whole,
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


def lead(text: str) -> str:
    """A sentence above a picture, which says what it is of."""
    return f'<p class="v-lead" style="margin:0 0 8px">{html.escape(text)}</p>'


_NUMBER: Final = "text-align:right;white-space:nowrap"
_HEAD: Final = "text-align:right;vertical-align:bottom;font-weight:normal"
_BAR: Final = "padding-left:10px"


def bars_html(shares: Sequence[tuple[str, float]], caption: str, words: Sequence[str] | None = None) -> str:
    """Shares 0..1 as labelled bars with numbers."""
    said = [f"{share:.0%}" for _, share in shares] if words is None else words
    names, values = [name for name, _ in shares], [share for _, share in shares]
    return _bars(
        names,
        [_still(values, said)],
        "clamp(60px,100cqw - 224px,150px)",
        f"<caption style='text-align:left'>{html.escape(caption)}</caption>",
    )


def paired_bars_html(names: Sequence[str], columns: Mapping[str, Sequence[float]]) -> str:
    """Several shares 0..1 of the same things as bars with numbers, a column of each, so that they can be compared."""
    heads = "".join(
        f"<th colspan='2' scope='colgroup' style='text-align:left;font-weight:normal;{_BAR}'>{html.escape(title)}</th>"
        for title in columns
    )
    made = [_still(shares, list(map(percent, shares))) for shares in columns.values()]
    return _bars(names, made, "min(140px,17vw)", f"<tr><td></td>{heads}</tr>")


def shares_html(
    names: Sequence[str],
    numbers: tuple[str, Sequence[Sequence[str]]],
    added: Sequence[int],
    columns: Mapping[str, Sequence[Sequence[float]]],
    remarks: Sequence[Sequence[str]],
    question: tuple[str, str],
    marked: str,
) -> str:
    """Numbers with a constant added to each, and as bars several kinds of shares of them, with all sums.

    Args:
        names: of the rows.
        numbers: what they are, in the singular, and each in words for each constant, which is added.
        added: the constants. A card has a scale with them as stops and begins with the first; the last one is drawn.
        columns: by their headings, the shares for each constant; they may be nan.
        remarks: lines above the table, each in words for each constant.
        question: asks for the first constant with a share that is nan, and the answer, which a card hides until then.
        marked: the row whose name is bold, and whose shares are spoken where the scale is moved.
    """
    head, before = numbers
    stop = _at_stops(list(map(str, added)))
    made = [(shares, list(map(_with_sum, shares))) for shares in columns.values()]
    heads = "".join(
        f"<th colspan='2' scope='col' style='{_HEAD};text-align:left;{_BAR}'>{html.escape(name)}</th>"
        for name in columns
    )
    # So that bars of equal shares are equally long in all columns.
    widths = (5.8, 4.7, *(None, 3.4) * len(columns))
    cols = "".join("<col>" if wide is None else f"<col style='width:{wide}em'>" for wide in widths)
    top = (
        f"<colgroup>{cols}</colgroup><tr><td colspan='2'></td>"
        f"<th colspan='{2 * len(columns)}' scope='colgroup' style='{_HEAD};{_BAR}'>"
        f"<div style='border-bottom:1px solid #8888;text-align:left'>with <span{stop}</span> added</div></th></tr>"
        f"<tr><td></td><th scope='col' style='{_HEAD}'>{html.escape(head)}&nbsp;+&nbsp;c</th>{heads}</tr>"
    )
    first, *others = [_words_html([words[-1] for words in said]) for _, said in made]
    bottom = (
        f"<tr><th scope='row' colspan='3' style='{_HEAD};text-align:left'>sum before rounding</th>"
        f"{first}{''.join(f'<td></td>{total}' for total in others)}</tr>"
    )
    made_by_name = [
        [([at[k] for at in shares], [at[k] for at in said]) for k in range(len(names))] for shares, said in made
    ]
    look = "table-layout:fixed;width:100%;max-width:720px"
    table = _bars(names, made_by_name, "auto", top, before, marked, bottom, look)
    ask, answer = map(html.escape, question)
    row = names.index(marked)
    spoken = [
        f"{marked}: {', '.join(f'{name} {said[k][row]}' for name, (_, said) in zip(columns, made, strict=True))}"
        for k in range(len(added))
    ]
    lines = "".join(f"<p class='v-remark' style='margin:0 0 8px'><span{_at_stops(line)}</span></p>" for line in remarks)
    return (
        f"<p class='v-ask' style='margin:0 0 8px'>{ask} <span>{answer}</span></p>"
        f"<p class='v-scale'{_stops(list(map(html.escape, spoken)), 'spoken')} style='margin:0 0 8px'>"
        f"Added to every {html.escape(head)}: c = <b{stop}</b></p>"
        f"{lines}{table}"
    )


def _at_stops(words: Sequence[str]) -> str:
    """What a card shows at each stop of a scale, and as content of the element the last of them."""
    return f"{_stops(list(map(html.escape, words)))}>{html.escape(words[-1])}"


def _stops(words: Sequence[str], name: str = "stops") -> str:
    """An attribute with the words for each stop, empty where they are those of the stop before."""
    if len(words) == 1:
        return ""
    new = [words[0], *("" if word == before else word for before, word in pairwise(words))]
    return f" data-{name}='{'|'.join(new)}'"


def _with_sum(shares: Sequence[float]) -> list[str]:
    """Shares in words, and their sum."""
    total = sum(shares)
    words = [*(percent(share) if share else "0 %" for share in shares), f"{100 * total:.0f} %"]
    return ["nan" if math.isnan(value) else word for value, word in zip([*shares, total], words, strict=True)]


Bar = tuple[Sequence[float], Sequence[str]]
"""A share and its words, at each stop of a scale, or once."""


def _still(shares: Sequence[float], words: Sequence[str]) -> list[Bar]:
    """Bars of shares that do not change."""
    return [([share], [said]) for share, said in zip(shares, words, strict=True)]


def _bars(
    names: Sequence[str],
    columns: Sequence[Sequence[Bar]],
    width: str,
    top: str,
    before: Sequence[Sequence[str]] = (),
    marked: str = "",
    bottom: str = "",
    look: str = "display:inline-table;vertical-align:top",
) -> str:
    """A table of bars, with numbers before them."""
    rows = ""
    for k, name in enumerate(names):
        weight = "bold" if name == marked else "normal"
        rows += f"<tr><th scope='row' style='text-align:left;font-weight:{weight}'>{html.escape(name)}</th>"
        rows += f"<td style='{_NUMBER};padding-left:6px'{_at_stops(before[k])}</td>" if before else ""
        for shares, words in (column[k] for column in columns):
            wide = list(map(_long, shares))
            rows += (
                f"<td style='{_BAR}'><div style='width:{width};background:#8883'>"
                f"<div style='background:{PALETTE[0]};height:1em;width:{wide[-1]}'{_stops(wide)}></div></div></td>"
                f"{_words_html(words)}"
            )
        rows += "</tr>"
    return f"<table style='{look};margin:0'>{top}{rows}{bottom}</table>"


def _long(share: float) -> str:
    """The length of a bar: whole pixels, so that bars of equal shares look equal wherever they begin."""
    return f"max(1px,round({100 * share:.1f}%,1px))" if share > 0 else "0"


def _words_html(words: Sequence[str]) -> str:
    """The cell with a share in words, at each stop of a scale, or once; nan stands out."""
    lost = f";font-weight:600;{_themed('color', *_BAD)}" if words[-1] == "nan" else ""
    return f"<td style='{_NUMBER};min-width:3.2em{lost}'{_at_stops(words)}</td>"


_BESIDE: Final = (
    "display:inline-table;vertical-align:top;margin:0 20px 8px 0;border-spacing:2px;font-variant-numeric:tabular-nums"
)
_MOST_SHOWN: Final = 5
"""Rows and columns of a result that are drawn, so that two fit beside their input."""
_MOST_ALONE: Final = 6
"""Rows and columns of two results that are drawn without their input; more do not fit on a phone."""
_LARGE: Final = 1e6  # larger numbers are written with three digits


def _themed(name: str, light: str, dark: str) -> str:
    """A colour for light and dark pages; a page that knows no light-dark() keeps the first."""
    return f"{name}:{light};{name}:light-dark({light},{dark})"


_MUTED: Final = _themed("color", "#5b606c", "#a9afbc")
_BAD: Final = ("#b3261e", "#ff9a90")
_WRONG: Final = f"{_themed('background', '#b3261e1f', '#ff9a902b')};{_themed('color', *_BAD)}"
_HIGH: Final = (
    f"{_themed('background', '#ee9b3b33', '#ec953033')};{_themed('color', '#8a3f05', '#ffc67f')};box-shadow:inset 0 2px"
)
_LOW: Final = (
    f"{_themed('background', '#8c80bd33', '#a48fee33')};{_themed('color', '#4a2f8c', '#cdbfff')};"
    "box-shadow:inset 0 -2px"
)
"""Above and below what it should be, by colour and by the edge that is thick."""
_RIGHT: Final = f"{_themed('background', '#1a7a4c1f', '#5fd39b2b')};{_themed('color', '#17693f', '#5fd39b')}"
_INK: Final = ("#1d1f24", "#eceef2")
_GIVEN: Final = f"background:#8883;{_themed('color', *_INK)}"
"""Of the numbers of an argument, which may not draw more attention than red and green."""
_FRAME: Final = f"outline:2px solid;{_themed('outline-color', *_INK)}"
_PLACE: Final = f"style='{_MUTED};text-align:right;font-weight:normal;padding:0 1px'"


def beside(wanted: Any, got: Any, close: float, given: Mapping[str, Any], *, told: bool = True) -> str:
    """The arguments, a wrong result and the right one, around the first number that differs.

    Numbers that differ are orange in the wrong result where they are too high and purple where they are too low, green
    in the right one and dark in an argument of the same shape; the others are pale. Red are those that are not finite,
    and whole numbers: they may be numbers of classes, of which more or less says nothing. The first one has a frame in
    all of them, and a line names it; a card can move both. Unless the words beside have `told` it, the line also says
    for which other arguments this is.

    Arguments are drawn if they are small, or have the shape of the result. Of results with different shapes, only the
    two are drawn; of what is not numbers, nothing.
    """
    found = differing(wanted, got, close)
    if found is None:
        return _of_two_shapes(wanted, got, close, told=told)
    if not found[2].any():
        return ""
    if found[0].size < 2:
        numbers = "" if told else _arguments(given)
        pair = told_apart(float(found[0].ravel()[0]), float(found[1].ravel()[0]))
        said = f"{code_html(f'For {numbers}: ')}{_pair(*pair, _WRONG)}"
        return f"<p style='margin:0 0 8px'>{said}</p>" if numbers else ""
    lost = found[2] & ~np.isfinite(found[1])
    first = tuple(int(k) for k in np.argwhere(lost if lost.any() else found[2])[0])
    right, own, differ = (np.atleast_2d(part[first[:-2]]) for part in found)
    place, leading = (0, *first)[-2:], str(list(first[:-2])) if first[:-2] else ""
    ranges = [_around(at, count) for at, count in zip(place, right.shape, strict=True)]
    tables: list[_Table] = []
    names = []
    for name, argument in given.items():
        values = _drawn(argument, found[0].shape, first[:-2])
        if values is None:
            continue
        pairs = values.shape == right.shape
        names += [name] if pairs else []
        seen = ranges if pairs else list(map(range, values.shape))
        words = _written([values[np.ix_(*seen)]])[0]
        dark = differ if pairs else np.ones(values.shape, bool)
        of = leading if argument.ndim > 2 else ""
        tables.append(_Table(f"input {name}{of}", values, seen, words, dark, _GIVEN, place if pairs else None))
    shown = np.ix_(*ranges)
    ours, theirs = _written([own[shown], right[shown]], differ[shown])
    for row, column in np.argwhere(differ[shown]):
        if ours[row][column] == theirs[row][column]:
            pair = told_apart(float(right[shown][row, column]), float(own[shown][row, column]))
            theirs[row][column], ours[row][column] = pair
    totals = row_sums(wanted, got, close)
    sums = _sums(totals, own) if told or own.min() >= 0 else ""
    is_off = totals is not None and not np.allclose(totals, 1, atol=5e-3)
    target_sums = "rows" if sums and is_off else ""  # what they should be
    of = "" if any(leading in table.title for table in tables) else leading  # said once
    signed = None if is_whole(wanted) else right
    tables += [
        _Table(f"yours{of}", own, ranges, ours, differ, _WRONG, place, sums, signed),
        _Table(f"should be{of}", right, ranges, theirs, differ, _RIGHT, place, target_sums),
    ]
    wide, shapes = _widest(tables), [table.values.shape for table in tables]
    *inputs, mine, target = [
        table.html(wide, whole=shape not in shapes[:k], room=sums == "rows and columns")
        for k, (table, shape) in enumerate(zip(tables, shapes, strict=True))
    ]
    plain = {name: value for name, value in given.items() if not (isinstance(value, Tensor) or holds_tensors(value))}
    others = "" if told else _arguments(plain)
    at = [k - seen.start for k, seen in zip(place, ranges, strict=True)]
    *before, own_word, right_word = (table.words[at[0]][at[1]] for table in tables if table.place)
    look = tables[-2].look((place[0], place[1]))
    said = "".join(f"{code_html(f'`{name}`')} <b>{word}</b>, " for name, word in zip(names, before, strict=True))
    line = f"{code_html(f'With {others}. ' if others else '')}Framed: {said}{_pair(right_word, own_word, look, wide)}"
    # The two results stay side by side where there is room for two.
    results = f"<div style='display:inline-block'>{mine}{target}</div>"
    return f"<p class='v-framed' style='margin:0 0 8px'>{line}</p>{''.join(inputs)}{results}"


def _sums(rows: Array | None, own: Array) -> str:
    """Which sums are shown: of rows, if each should be 1, and of columns if they are 1 instead."""
    if rows is None or not np.isfinite(rows).all():
        return ""
    by_columns = not np.allclose(rows, 1, atol=5e-3) and np.allclose(own.sum(0), 1, atol=5e-3)
    return "rows and columns" if by_columns else "rows"


def _of_two_shapes(wanted: Any, got: Any, close: float, *, told: bool) -> str:
    """Two results of different shapes, each with its shape, around the first place that only one of them has.

    If the smaller one is a part of the larger one, this part is pale in both.
    """
    try:
        results = numbers_of(got), numbers_of(wanted)
    except Exception:  # text, or lists of different lengths
        return ""
    if not all(result.size for result in results):
        return ""
    grids = [np.atleast_2d(result[(0,) * (result.ndim - 2)]) for result in results]
    part = right_part(wanted, got, close)
    if part and results[0].ndim == 1 and part.size[1] == 1:  # a column stands upright
        grids[0] = grids[0].T
    differ = [np.ones(grid.shape, bool) for grid in grids]
    if part:
        places = [(0, 0), part.place] if part.is_whole else [part.place, (0, 0)]
        for mask, (top, left) in zip(differ, places, strict=True):
            mask[top : top + part.size[0], left : left + part.size[1]] = False
    elif results[0].ndim == results[1].ndim:
        common = tuple(slice(min(counts)) for counts in zip(*(grid.shape for grid in grids), strict=True))
        for mask in differ:
            mask[common] = ~np.isclose(grids[0][common], grids[1][common], rtol=close, atol=close, equal_nan=True)
    firsts = [tuple(int(k) for k in first) for mask in differ for first in np.argwhere(mask)[:1]]
    if not firsts:  # they differ in what is not drawn, such as the number of pictures
        return ""
    most = [max(counts) for counts in zip(*(grid.shape for grid in grids), strict=True)]
    seen = [_around(at, count, _MOST_ALONE) for at, count in zip(min(firsts), most, strict=True)]
    ranges = [[range(r.start, min(r.stop, n)) for r, n in zip(seen, grid.shape, strict=True)] for grid in grids]
    words = _written([grid[np.ix_(*shown)] for grid, shown in zip(grids, ranges, strict=True)])
    looks = (("yours", _WRONG), ("should be", _RIGHT))
    tables = [
        _Table(f"{title}: {result.shape or 'one number'}", grid, shown, said, mask, style)
        for (title, style), result, grid, shown, said, mask in zip(
            looks, results, grids, ranges, words, differ, strict=True
        )
    ]
    above = f"<p style='margin:0 0 8px'>{html.escape(part.says)}</p>" if part and not told else ""
    return above + "".join(table.html(_widest(tables), whole=False) for table in tables)


def _pair(right: str, own: str, look: str, wide: int = 0) -> str:
    """The two numbers in their colours, the own one with this look, with room for so many characters each."""
    box = f"display:inline-block;min-width:{wide}ch;padding:1px 4px;text-align:center"
    mine, target = (f"<b style='{style};{box}'>{words}</b>" for words, style in ((own, look), (right, _RIGHT)))
    return f"yours {mine}, should be {target}"


def _arguments(given: Mapping[str, Any]) -> str:
    """Arguments in words; nothing of functions."""
    said = {name: value for name, value in given.items() if not callable(value)}
    return described(tuple(said.values()), list(said)) if said else ""


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


def _written(grids: Sequence[Array], differ: npt.NDArray[np.bool_] | None = None) -> list[list[list[str]]]:
    """Numbers of several grids in words, all with the same decimals: those that three digits of the largest need.

    If another grid has smaller numbers only, there is one more; and up to two more are written if they tell all numbers
    apart in which the first two grids `differ`.
    """
    usual = [grid[np.isfinite(grid) & (np.abs(grid) < _LARGE)] for grid in grids]
    most = [float(f"{np.abs(numbers).max(initial=0):.3g}") for numbers in usual]
    whole = all((numbers == numbers.round()).all() for numbers in usual)
    need, wish = (2 - math.floor(math.log10(of(filter(None, most), default=1))) for of in (max, min))
    decimals = 0 if whole else int(np.clip(min(wish, need + 1), 0, 6))

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
    """Rows and columns of numbers, of an argument or of a result.

    Attributes:
        title: above it.
        values: the whole grid.
        ranges: rows and columns that are drawn.
        words: of each number that is drawn.
        differ: the numbers that are not pale.
        style: of these.
        place: of the number with a frame, which the other tables have too; `None` if they are of something else.
        sums: write the sums of the whole `rows`, or of `rows and columns`, beside them.
        target: what the numbers should be, if the look of each says whether it is too high or too low.
    """

    title: str
    values: Array
    ranges: Sequence[range]
    words: list[list[str]]
    differ: npt.NDArray[np.bool_]
    style: str
    place: tuple[int, ...] | None = None
    sums: str = ""
    target: Array | None = None

    def html(self, wide: int, *, whole: bool, room: bool = False) -> str:
        """The table, with room for so many characters in each cell; with `whole` it says of how many it is a part.

        With `room`, a card that has the tables one below the other keeps the numbers of all in line with those of the
        one that has sums of columns.
        """
        rows, columns = self.ranges
        count = self.values.shape[1]
        heads = "".join(f"<th {_PLACE}>{column}</th>" for column in columns)
        heads += f"<th {_PLACE}>…</th>" if columns.stop < count else ""
        cut = "<td></td>" if columns.stop < count else ""
        of = f"sum of {count}" if len(columns) < count else "sum"
        lines = [f"<td></td>{heads}" + (f"<th {_PLACE}>{of}</th>" if self.sums else "")]
        for row, said in zip(rows, self.words, strict=True):
            cells = [
                f"<td {self._mark((row, column))}padding:3px 1px;min-width:{wide}ch;text-align:right'>{words}</td>"
                for column, words in zip(columns, said, strict=True)
            ]
            name = f"<th class='v-room' {_PLACE}>" if room else f"<th {_PLACE}>"
            head = f"{name}{row}</th>" if len(self.values) > 1 else "<td></td>"
            lines.append(f"{head}{''.join(cells)}{cut if self.sums else ''}{self._row_sum(row) if self.sums else ''}")
        if rows.stop < len(self.values):
            lines.append(f"<th {_PLACE}>\N{VERTICAL ELLIPSIS}</th>")
        if self.sums == "rows and columns":
            sums = (_number(float(self.values[:, column].sum()), 2) for column in columns)
            name = f"<th class='v-room' {_PLACE[:-1]};border-top:4px solid transparent'>sum</th>"
            lines.append(name + "".join(_sum(said, _MUTED, "4px 0 0") for said in sums))
        is_part = whole and tuple(map(len, self.ranges)) != self.values.shape
        shape = self.values.shape if len(self.values) > 1 else self.values.shape[1:]
        part = f", part of {' × '.join(map(str, shape))}" if is_part else ""
        title = f"{html.escape(self.title + part)}{self._key()}"
        caption = f"<caption style='text-align:left;white-space:nowrap'>{title}</caption>"
        return f"<table style='{_BESIDE}'>{caption}{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"

    def _mark(self, at: tuple[int, int]) -> str:
        """The place of a number in all tables, by which a card moves the frame, and the beginning of its style."""
        pair = "" if self.place is None else f"data-at='{at[0]},{at[1]}' "
        framed = f"class='v-at' {pair}style='{_FRAME};" if at == self.place else f"{pair}style='"
        return f"{framed}{self.look(at) if self.differ[at] else _MUTED};"

    def look(self, at: tuple[int, int]) -> str:
        """The style of a number that differs."""
        own = self.values[at]
        if self.target is None or not np.isfinite(own) or np.isnan(self.target[at]):
            return self.style
        return _HIGH if own > self.target[at] else _LOW

    def _key(self) -> str:
        """Which of the numbers that are drawn are too high, and which too low."""
        drawn = {self.look((row, column)) for row, column in product(*self.ranges) if self.differ[row, column]}
        keys = ((_HIGH, "too high"), (_LOW, "too low"))
        box = "display:inline-block;width:14px;height:12px;margin:0 4px 0 6px;vertical-align:-1px"
        said = [f" <span><i style='{look};{box}'></i>{words}</span>" for look, words in keys if look in drawn]
        return f":{''.join(said)}" if said else ""

    def _row_sum(self, row: int) -> str:
        total = float(self.values[row].sum())
        words = _number(total, 2)
        off = _HIGH if total > 1 else _LOW
        return _sum(words, _MUTED if words == "1.00" else off, "0 0 0 4px")


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
