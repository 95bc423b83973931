"""The pen that sketches are drawn with, their backgrounds, and what may be in front."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

Rng = np.random.Generator
Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE: Final[Colour] = (245, 245, 242)
BLACK: Final[Colour] = (25, 25, 28)
GLASS: Final[Colour] = (150, 190, 215)


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (below 1) or lighter (above 1) version of a colour."""
    return tuple(int(min(255, max(0, c * factor))) for c in colour)  # type: ignore[return-value]


def pick(rng: Rng, colours: Sequence[Colour], spread: int = 18) -> Colour:
    """One of the colours, a little off."""
    chosen = np.array(colours[int(rng.integers(len(colours)))]) + rng.integers(-spread, spread + 1, 3)
    return tuple(int(c) for c in chosen.clip(0, 255))  # type: ignore[return-value]


class Pen:
    """Draws shapes in its own frame: x to the right and y down, each from about -1 to 1.

    The frame is scaled, turned, mirrored and moved into the picture, so that an object is described
    once and appears in many poses.
    """

    def __init__(self, draw: ImageDraw.ImageDraw, side: int) -> None:
        self.draw = draw
        self.side = side
        self.place((0.5, 0.5), 0.5, 0.0, mirrored=False)

    def place(self, centre: Point, scale: float, angle: float, *, mirrored: bool) -> None:
        """Put the frame's middle at `centre` (0..1 of the picture); `angle` in radians."""
        self.centre, self.scale, self.mirrored = centre, scale * self.side, mirrored
        self.cos, self.sin = math.cos(angle), math.sin(angle)

    def _to_pixels(self, points: Sequence[Point]) -> list[Point]:
        found = []
        for x, y in points:
            x, y = x * self.cos - y * self.sin, x * self.sin + y * self.cos
            x = -x if self.mirrored else x
            found.append((self.centre[0] * self.side + x * self.scale, self.centre[1] * self.side + y * self.scale))
        return found

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self.draw.polygon(self._to_pixels(points), fill=colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0.0) -> None:
        """A filled ellipse, turned by `angle` (radians) in the frame."""
        steps = np.linspace(0, 2 * math.pi, 28, endpoint=False)
        c, s = math.cos(angle), math.sin(angle)
        across, along = rx * np.cos(steps), ry * np.sin(steps)
        points = zip(x + across * c - along * s, y + across * s + along * c, strict=True)
        self.polygon([(float(a), float(b)) for a, b in points], colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A stroke; width in units of the frame."""
        pixels = self._to_pixels(points)
        thick = max(1, round(width * self.scale))
        self.draw.line(pixels, fill=colour, width=thick, joint="curve")


# --- backgrounds -----------------------------------------------------------------------------------------


def _gradient(image: Image.Image, top: float, bottom: float, first: Colour, last: Colour) -> None:
    """Fill the rows from `top` to `bottom` (0..1) with colours from `first` to `last`."""
    side = image.width
    start, end = int(top * side), max(int(top * side) + 1, math.ceil(bottom * side))
    share = np.linspace(0, 1, end - start)[:, None, None]
    rows = np.array(first) * (1 - share) + np.array(last) * share
    block = np.broadcast_to(rows, (end - start, side, 3)).astype(np.uint8)
    image.paste(Image.fromarray(np.ascontiguousarray(block)), (0, start))


def _scatter(pen: Pen, rng: Rng, count: int, top: float, bottom: float, shape: Callable[[float, float], None]) -> None:
    pen.place((0, 0), 1.0, 0.0, mirrored=False)
    for _ in range(count):
        shape(float(rng.uniform(0, 1)), float(rng.uniform(top, bottom)))


def _sky(image: Image.Image, pen: Pen, rng: Rng, bottom: float = 1.0) -> None:
    high = pick(rng, [(90, 145, 220), (140, 175, 225), (180, 190, 205), (225, 170, 130), (70, 85, 130)])
    _gradient(image, 0, bottom, high, shade(high, 1.3))
    cloud = shade(high, 1.5)
    for _ in range(int(rng.integers(0, 4))):
        x, y = float(rng.uniform(0, 1)), float(rng.uniform(0, bottom * 0.7))
        pen.place((0, 0), 1.0, 0.0, mirrored=False)
        for k in range(3):
            pen.ellipse(x + 0.07 * (k - 1), y - 0.02 * (k == 1), 0.09, 0.045, cloud)


def _ground(image: Image.Image, pen: Pen, rng: Rng, colours: Sequence[Colour], mark: str, high: bool = False) -> None:
    horizon = float(rng.uniform(0.1, 0.3) if high else rng.uniform(0.35, 0.62))
    _sky(image, pen, rng, horizon)
    if rng.random() < 0.45:  # hills or a wood far away
        pen.place((0, 0), 1.0, 0.0, mirrored=False)
        far = pick(rng, [(70, 100, 75), (95, 110, 120), (60, 80, 55), (130, 120, 105)])
        for x in np.linspace(0, 1, 6):
            pen.ellipse(float(x), horizon, 0.16, float(rng.uniform(0.03, 0.13)), far)
    colour = pick(rng, colours)
    _gradient(image, horizon, 1, shade(colour, 1.12), shade(colour, 0.8))
    dark, light = shade(colour, 0.75), shade(colour, 1.25)
    if mark == "blades":
        _scatter(
            pen,
            rng,
            26,
            horizon + 0.03,
            1,
            lambda x, y: pen.line([(x, y), (x + 0.015, y - 0.05)], dark, 0.012),
        )
    elif mark == "waves":
        _scatter(pen, rng, 16, horizon + 0.02, 1, lambda x, y: pen.line([(x, y), (x + 0.09, y)], light, 0.012))
    elif mark == "stripes":
        pen.place((0, 0), 1.0, 0.0, mirrored=False)
        y = float(rng.uniform(0.86, 0.95))
        for x in np.arange(float(rng.uniform(-0.2, 0)), 1, 0.3):
            pen.polygon([(x, y), (x + 0.15, y), (x + 0.14, y + 0.025), (x - 0.01, y + 0.025)], light)
    else:
        _scatter(pen, rng, 12, horizon + 0.03, 1, lambda x, y: pen.ellipse(x, y, 0.03, 0.01, dark))


def _forest(image: Image.Image, pen: Pen, rng: Rng) -> None:
    _ground(image, pen, rng, [(80, 120, 60), (110, 100, 65), (90, 130, 80)], "blades")
    pen.place((0, 0), 1.0, 0.0, mirrored=False)
    trunk, leaves = (
        pick(rng, [(80, 60, 45), (110, 90, 70)]),
        pick(rng, [(45, 85, 45), (80, 105, 50), (120, 95, 40)]),
    )
    for x in rng.uniform(-0.05, 1.05, int(rng.integers(4, 8))):
        foot = float(rng.uniform(0.5, 0.7))
        pen.line([(float(x), foot), (float(x), 0.1)], trunk, 0.035)
        pen.ellipse(float(x), 0.16, 0.14, 0.2, shade(leaves, float(rng.uniform(0.8, 1.2))))


def _town(image: Image.Image, pen: Pen, rng: Rng) -> None:
    _ground(image, pen, rng, [(110, 110, 112), (140, 135, 130), (90, 90, 95)], "stripes")
    pen.place((0, 0), 1.0, 0.0, mirrored=False)
    x = float(rng.uniform(-0.2, 0))
    while x < 1:
        width, top = float(rng.uniform(0.15, 0.3)), float(rng.uniform(0.1, 0.4))
        wall = pick(rng, [(170, 120, 95), (190, 180, 165), (120, 125, 140), (200, 160, 110)])
        pen.box(x, top, x + width, 0.6, wall)
        for row in np.arange(top + 0.05, 0.55, 0.11):
            for column in np.arange(x + 0.03, x + width - 0.05, 0.09):
                pen.box(float(column), float(row), float(column) + 0.045, float(row) + 0.055, shade(wall, 0.6))
        x += width


def _room(image: Image.Image, pen: Pen, rng: Rng) -> None:
    wall = pick(rng, [(205, 195, 175), (170, 185, 195), (190, 150, 140), (130, 120, 115), (225, 222, 215)], 25)
    floor = pick(rng, [(150, 110, 75), (120, 100, 95), (180, 165, 150), (95, 105, 130)], 25)
    edge = float(rng.uniform(0.5, 0.8))
    _gradient(image, 0, edge, wall, shade(wall, 0.9))
    _gradient(image, edge, 1, floor, shade(floor, 0.85))
    pen.place((0, 0), 1.0, 0.0, mirrored=False)
    if rng.random() < 0.5:
        x = float(rng.uniform(0, 0.7))
        pen.box(x, 0.08, x + 0.28, 0.36, shade(wall, 0.7))
        pen.box(x + 0.02, 0.1, x + 0.26, 0.34, pick(rng, [(120, 160, 200), (200, 190, 150), (90, 110, 90)]))


def _studio(image: Image.Image, pen: Pen, rng: Rng) -> None:
    colour = pick(rng, [(235, 235, 232), (200, 205, 210), (120, 125, 130), (60, 62, 70), (220, 205, 180)], 20)
    _gradient(image, 0, 1, colour, shade(colour, 0.88))


def background(kind: str, image: Image.Image, pen: Pen, rng: Rng) -> None:
    """Fill the picture: sky, sea, road, grass, sand, forest, town, room or studio."""
    grounds: dict[str, tuple[list[Colour], str]] = {
        "sea": ([(45, 95, 150), (70, 120, 140), (95, 125, 150), (40, 70, 100)], "waves"),
        "road": ([(105, 105, 108), (130, 128, 122), (85, 85, 90), (150, 145, 135)], "stripes"),
        "grass": ([(95, 150, 65), (125, 155, 75), (70, 120, 60), (160, 155, 85)], "blades"),
        "sand": ([(210, 185, 135), (190, 160, 115), (170, 145, 120)], "stones"),
    }
    if kind in grounds:
        _ground(image, pen, rng, *grounds[kind])
    elif kind == "lawn":  # grass seen from above, without a sky
        _ground(image, pen, rng, grounds["grass"][0], "blades", high=True)
    else:
        others = {"sky": _sky, "forest": _forest, "town": _town, "room": _room, "studio": _studio}
        others[kind](image, pen, rng)


def foreground(pen: Pen, rng: Rng) -> None:
    """Sometimes there is something in front of the object: grass, a post or a branch."""
    pen.place((0, 0), 1.0, 0.0, mirrored=False)
    choice = rng.random()
    if choice < 0.14:
        colour = pick(rng, [(70, 120, 50), (140, 140, 70), (50, 90, 45)])
        for x in rng.uniform(0, 1, 14):
            pen.line([(float(x), 1.02), (float(x) + 0.03, float(rng.uniform(0.72, 0.9)))], colour, 0.018)
    elif choice < 0.22:
        x = float(rng.uniform(0.08, 0.92))
        pen.line([(x, 0.15), (x, 1.02)], pick(rng, [(110, 85, 60), (150, 150, 150), (70, 60, 55)]), 0.045)
    elif choice < 0.3:
        y = float(rng.uniform(0.05, 0.3))
        pen.line(
            [(-0.02, y), (1.02, y + float(rng.uniform(-0.12, 0.12)))],
            pick(rng, [(90, 70, 50), (60, 80, 45)]),
            0.03,
        )
