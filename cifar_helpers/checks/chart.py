"""Line charts as SVG, drawn in a millisecond; a Matplotlib figure takes a tenth of a second."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.ticker import LogLocator, MaxNLocator

from cifar_helpers._palette import PALETTE
from cifar_helpers.checks.drawing import svg

_LEFT, _TOP, _BOTTOM, _KEY = 58, 10, 44, 19
_DASHES = ("", "6 3", "2 2", "8 3 2 3")


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: in the legend.
        points: `(x, y)`, from left to right.
        style: selects colour and dashes, so that lines differ by more than colour.
        band: the lowest and highest y at each point; empty for no band.
    """

    name: str
    points: Sequence[tuple[float, float]]
    style: int = 0
    band: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Axis:
    """An axis of a chart: its name with the unit, and how numbers on it are written."""

    name: str
    text: Callable[[float], str] = "{:g}".format
    logarithmic: bool = False
    least: float | None = None
    greatest: float | None = None


@dataclass(frozen=True)
class _Scale:
    """Converts numbers to positions on the screen."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool

    def __call__(self, value: float) -> float:
        low, high = self._of(self.low), self._of(self.high)
        return self.start + (self._of(value) - low) / (high - low) * (self.end - self.start)

    def _of(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value


def line_chart(
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    alt: str,
    *,
    marks: Sequence[tuple[float, str]] = (),
    width: int = 440,
    height: int = 260,
) -> str:
    """An SVG of lines on common axes, with a legend below.

    Args:
        lines: with at least one point among them; points that are not finite are left out.
        x: horizontal axis.
        y: vertical axis.
        alt: what the chart shows.
        marks: vertical lines as `(x, name)`.
        width: in screen pixels.
        height: of the axes in screen pixels; the legend adds to it.
    """
    lines = [_finite(line) for line in lines]
    values = [value for line in lines for value in line.points]
    edges = [edge for line in lines for ends in line.band for edge in ends]
    right, below = width - 14, height - _BOTTOM
    to_x = _scale([p[0] for p in values] + [m[0] for m in marks], x, _LEFT, right)
    to_y = _scale([*(p[1] for p in values), *edges], y, below, _TOP)
    parts = [_axes(to_x, to_y, x, y, right, below, width)]
    for line in lines:
        parts.append(_drawn(line, to_x, to_y))
    for number, (place, name) in enumerate(marks):
        at, level = to_x(place), _TOP + 12 + 14 * number
        side = "end" if at > (_LEFT + right) / 2 else "start"
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{below}" stroke="currentColor" stroke-dasharray="3 3"/>'
            f'<text x="{at + (-4 if side == "end" else 4):.1f}" y="{level}" text-anchor="{side}">'
            f"{html.escape(name)}</text>"
        )
    key, rows = _key(lines, height)
    content = f'<g font-size="12" fill="currentColor">{"".join(parts)}{key}</g>'
    return svg(content, width, height + _KEY * rows + 4, alt)


def _finite(line: Line) -> Line:
    kept = [k for k, (_, value) in enumerate(line.points) if math.isfinite(value)]
    band = [line.band[k] for k in kept] if line.band else ()
    return Line(line.name, [line.points[k] for k in kept], line.style, band)


def _scale(values: Sequence[float], axis: Axis, start: float, end: float) -> _Scale:
    low = min(values, default=0.0) if axis.least is None else axis.least
    high = max(values, default=1.0) if axis.greatest is None else axis.greatest
    if axis.logarithmic:
        return _Scale(low / 1.15, max(high, 1.001 * low) * 1.15, start, end, True)
    room = 0 if axis.least is not None and axis.greatest is not None else 0.04 * (high - low)
    low, high = low - (room if axis.least is None else 0), high + (room if axis.greatest is None else 0)
    return _Scale(low, high if high > low else low + 1, start, end, False)


def _ticks(scale: _Scale) -> list[float]:
    locator = LogLocator(base=10, subs=(1, 2, 5)) if scale.logarithmic else MaxNLocator(6, steps=[1, 2, 5, 10])
    return [float(t) for t in locator.tick_values(scale.low, scale.high) if scale.low <= t <= scale.high]


def _axes(to_x: _Scale, to_y: _Scale, x: Axis, y: Axis, right: float, below: float, width: int) -> str:
    parts = []
    for tick in _ticks(to_y):
        at = to_y(tick)
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{html.escape(y.text(tick))}</text>'
        )
    for tick in _ticks(to_x):
        at = to_x(tick)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{below}" y2="{below + 4}" stroke="currentColor"/>'
            f'<text x="{at:.1f}" y="{below + 17}" text-anchor="middle">{html.escape(x.text(tick))}</text>'
        )
    middle = (_TOP + below) / 2
    parts.append(
        f'<line x1="{_LEFT}" x2="{right}" y1="{below}" y2="{below}" stroke="currentColor"/>'
        f'<text x="{(_LEFT + right) / 2}" y="{below + 35}" text-anchor="middle">{html.escape(x.name)}</text>'
        f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{html.escape(y.name)}</text>'
    )
    return "".join(parts)


def _drawn(line: Line, to_x: _Scale, to_y: _Scale) -> str:
    colour = PALETTE[line.style % len(PALETTE)]
    dash = _DASHES[line.style % len(_DASHES)]
    places = [(to_x(a), to_y(b)) for a, b in line.points]
    area = ""
    if line.band:
        across = [p[0] for p in places]
        upper = [f"{a:.1f},{to_y(high):.1f}" for a, (_, high) in zip(across, line.band, strict=True)]
        lower = [f"{a:.1f},{to_y(low):.1f}" for a, (low, _) in zip(across, line.band, strict=True)]
        area = f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="{colour}" fill-opacity="0.25"/>'
    if len(places) == 1:
        return f'<circle cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="4" fill="{colour}"/>'
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    return f'{area}<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'


def _key(lines: Sequence[Line], top: float) -> tuple[str, int]:
    parts = []
    for number, line in enumerate(lines):
        y = top + _KEY * number + 8
        colour, dash = PALETTE[line.style % len(PALETTE)], _DASHES[line.style % len(_DASHES)]
        parts.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + 30}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dash}"/><text x="{_LEFT + 36}" y="{y + 4}">{html.escape(line.name)}</text>'
        )
    return "".join(parts), len(lines)
