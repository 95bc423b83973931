"""The ten objects of the sketches, each drawn facing right in a frame of about -1..1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from cifar_helpers.data.sketches.scenes import BLACK, GLASS, WHITE, Colour, Pen, Rng, pick, shade

PAINTS: Final[list[Colour]] = [
    (200, 45, 40), (40, 80, 170), (235, 235, 232), (45, 45, 50), (220, 170, 40),
    (60, 130, 80), (150, 155, 160), (110, 60, 110), (200, 110, 50), (90, 160, 190),
]  # fmt: skip
FURS: Final[list[Colour]] = [
    (120, 80, 45), (60, 45, 38), (205, 175, 130), (225, 220, 210), (90, 90, 92), (170, 110, 60), (40, 38, 38),
]  # fmt: skip


def airplane(pen: Pen, rng: Rng) -> None:
    """From the side, or from below."""
    body, mark = pick(rng, [WHITE, WHITE, *PAINTS]), pick(rng, PAINTS)
    if rng.random() < 0.4:
        pen.polygon([(0.15, 0), (-0.3, -0.95), (-0.5, -0.95), (-0.2, 0), (-0.5, 0.95), (-0.3, 0.95)], shade(body, 0.8))
        pen.polygon([(-0.7, 0), (-0.95, -0.35), (-1.05, -0.35), (-0.9, 0), (-1.05, 0.35), (-0.95, 0.35)], mark)
        pen.ellipse(0, 0, 1, 0.13, body)
        for y in (-0.45, 0.45):
            pen.ellipse(-0.1, y, 0.14, 0.06, shade(body, 0.55))
        pen.ellipse(0.85, 0, 0.08, 0.07, BLACK)
        return
    pen.polygon([(-0.65, -0.05), (-1.0, -0.52), (-0.82, -0.52), (-0.4, -0.08)], mark)
    pen.polygon([(0.15, -0.05), (-0.2, -0.4), (-0.32, -0.4), (-0.15, -0.05)], shade(body, 0.65))
    pen.ellipse(0, 0, 1, 0.16, body)
    pen.polygon([(0.2, 0.04), (-0.4, 0.5), (-0.55, 0.5), (-0.2, 0.04)], shade(body, 0.75))
    pen.polygon([(-0.75, 0), (-1.02, 0.14), (-1.1, 0.14), (-0.92, -0.02)], shade(mark, 0.8))
    for x in (-0.5, -0.3, -0.1, 0.1, 0.3, 0.5):
        pen.ellipse(x, -0.05, 0.045, 0.035, shade(GLASS, 0.6))
    pen.polygon([(0.75, -0.1), (0.9, -0.03), (0.72, -0.03)], BLACK)
    pen.ellipse(-0.02, 0.2, 0.15, 0.07, shade(body, 0.55))


def _wheel(pen: Pen, x: float, y: float, radius: float) -> None:
    pen.ellipse(x, y, radius, radius, BLACK)
    pen.ellipse(x, y, radius * 0.5, radius * 0.5, (170, 170, 172))


def automobile(pen: Pen, rng: Rng) -> None:
    """From the side, or from the front."""
    paint = pick(rng, PAINTS)
    if rng.random() < 0.3:
        for x in (-0.55, 0.55):
            pen.box(x - 0.13, 0.3, x + 0.13, 0.62, BLACK)
        pen.polygon([(-0.5, -0.1), (-0.36, -0.5), (0.36, -0.5), (0.5, -0.1)], shade(paint, 0.85))
        pen.polygon([(-0.4, -0.12), (-0.3, -0.43), (0.3, -0.43), (0.4, -0.12)], GLASS)
        pen.polygon([(-0.7, 0.45), (-0.72, 0.02), (-0.5, -0.12), (0.5, -0.12), (0.72, 0.02), (0.7, 0.45)], paint)
        pen.box(-0.32, 0.16, 0.32, 0.3, shade(paint, 0.4))
        for x in (-0.52, 0.52):
            pen.ellipse(x, 0.12, 0.12, 0.09, (250, 245, 200))
        return
    roof = float(rng.uniform(0.42, 0.56))
    back = float(rng.uniform(-0.85, -0.55))
    pen.polygon([(back, -0.02), (back + 0.22, -roof), (0.25, -roof), (0.58, -0.02)], shade(paint, 0.85))
    pen.polygon([(back + 0.13, -0.05), (back + 0.27, -roof + 0.08), (-0.08, -roof + 0.08), (-0.08, -0.05)], GLASS)
    pen.polygon([(0, -0.05), (0, -roof + 0.08), (0.22, -roof + 0.08), (0.44, -0.05)], GLASS)
    pen.polygon([(-1, 0.32), (-1, 0.02), (-0.85, -0.06), (0.55, -0.06), (0.95, 0.06), (1, 0.32)], paint)
    pen.box(-1, 0.22, 1, 0.32, shade(paint, 0.65))
    pen.ellipse(0.94, 0.12, 0.06, 0.06, (250, 245, 200))
    for x in (-0.58, 0.58):
        _wheel(pen, x, 0.33, 0.22)


def truck(pen: Pen, rng: Rng) -> None:
    """A cab with a box, a tank, or an open load."""
    paint, load = pick(rng, PAINTS), pick(rng, [WHITE, *PAINTS])
    pen.box(-1, 0.3, 0.95, 0.42, (60, 60, 64))
    kind = rng.random()
    if kind < 0.65:
        top = float(rng.uniform(-0.75, -0.5))
        pen.box(-1.05, top, 0.35, 0.32, load)
        pen.box(-1.05, top, 0.35, top + 0.06, shade(load, 0.75))
        pen.box(-0.95, top + 0.3, 0.25, top + 0.42, shade(load, 0.7))
    elif kind < 0.82:
        pen.ellipse(-0.35, -0.05, 0.7, 0.34, load)
        pen.ellipse(-0.35, -0.15, 0.6, 0.1, shade(load, 1.2))
    else:
        pen.polygon([(-1.05, -0.3), (0.3, -0.3), (0.2, 0.3), (-0.9, 0.3)], load)
        pen.ellipse(-0.35, -0.32, 0.55, 0.16, (120, 95, 65))
    pen.polygon([(0.42, 0.35), (0.42, -0.42), (0.75, -0.42), (0.95, -0.02), (0.98, 0.35)], paint)
    pen.polygon([(0.52, -0.05), (0.52, -0.33), (0.71, -0.33), (0.85, -0.05)], GLASS)
    pen.ellipse(0.94, 0.2, 0.05, 0.06, (250, 245, 200))
    for x in (-0.8, -0.45, 0.7):
        _wheel(pen, x, 0.42, 0.2)


def ship(pen: Pen, rng: Rng) -> None:
    """A steamer with funnels, or a sailing boat; water covers the keel."""
    hull = pick(rng, [WHITE, *PAINTS])
    if rng.random() < 0.35:
        sail = pick(rng, [WHITE, WHITE, (230, 200, 150), *PAINTS])
        pen.line([(0.02, 0.3), (0.02, -0.95)], (90, 70, 50), 0.04)
        pen.polygon([(0.08, -0.9), (0.08, 0.15), (0.75, 0.15)], sail)
        pen.polygon([(-0.04, -0.75), (-0.04, 0.15), (-0.6, 0.15)], shade(sail, 0.85))
        pen.polygon([(-0.8, 0.25), (0.9, 0.25), (0.6, 0.55), (-0.6, 0.55)], hull)
    else:
        pen.box(-0.6, -0.2, 0.45, 0.15, WHITE if rng.random() < 0.7 else shade(hull, 1.3))
        pen.box(-0.4, -0.42, 0.25, -0.18, shade(WHITE, 0.9))
        for x in (-0.3, 0.0):
            pen.polygon([(x - 0.1, -0.42), (x - 0.08, -0.8), (x + 0.06, -0.8), (x + 0.08, -0.42)], pick(rng, PAINTS))
        for x in (-0.45, -0.25, -0.05, 0.15, 0.32):
            pen.ellipse(x, -0.03, 0.04, 0.05, shade(GLASS, 0.55))
        pen.line([(0.6, 0.1), (0.6, -0.55)], (80, 80, 85), 0.03)
        pen.polygon([(-1, 0.1), (1.1, 0.06), (0.8, 0.55), (-0.85, 0.55)], hull)
        pen.polygon([(-0.9, 0.42), (0.88, 0.42), (0.8, 0.55), (-0.85, 0.55)], shade(hull, 0.55))
    for x in (-0.8, -0.4, 0, 0.4, 0.8):
        pen.ellipse(x, 0.58, 0.26, 0.06, (205, 220, 228))


def bird(pen: Pen, rng: Rng) -> None:
    """Standing, or flying."""
    feather, wing = pick(rng, [*PAINTS, *FURS]), pick(rng, [*PAINTS, *FURS])
    beak = pick(rng, [(235, 160, 40), (60, 55, 50), (225, 120, 60)])
    if rng.random() < 0.4:
        beat = float(rng.uniform(0.5, 1.0))
        pen.polygon([(-0.5, 0.02), (-1, -0.12), (-1, 0.16)], wing)
        pen.polygon([(0.25, -0.08), (-0.05, -beat), (-0.45, -beat * 0.9), (-0.3, 0)], shade(wing, 0.75))
        pen.ellipse(0, 0, 0.55, 0.2, feather)
        pen.polygon([(0.2, 0.05), (-0.3, beat * 0.8), (-0.55, beat * 0.6), (-0.3, 0)], wing)
        pen.ellipse(0.55, -0.1, 0.18, 0.16, feather)
        pen.polygon([(0.7, -0.16), (0.98, -0.06), (0.7, -0.02)], beak)
        pen.ellipse(0.6, -0.14, 0.035, 0.035, BLACK)
        return
    for x in (-0.08, 0.14):
        pen.line([(x, 0.35), (x, 0.85), (x + 0.14, 0.88)], beak, 0.045)
    pen.polygon([(-0.35, 0.1), (-1.0, 0.42), (-0.92, 0.2), (-0.4, -0.1)], shade(wing, 0.8))
    pen.ellipse(0, 0.1, 0.52, 0.34, feather, -0.45)
    pen.ellipse(-0.1, 0.12, 0.4, 0.19, wing, -0.5)
    pen.ellipse(0.4, -0.38, 0.23, 0.22, feather)
    pen.polygon([(0.58, -0.46), (0.9, -0.34), (0.58, -0.28)], beak)
    pen.ellipse(0.46, -0.43, 0.045, 0.045, BLACK)


def cat(pen: Pen, rng: Rng) -> None:
    """A face, or sitting with its tail around it."""
    fur = pick(rng, FURS)
    inner, eye = (215, 150, 145), pick(rng, [(150, 190, 70), (220, 180, 60), (90, 150, 190)])
    if rng.random() < 0.5:
        x, y, r = 0.0, 0.1, 0.68
    else:
        x, y, r = 0.15, -0.42, 0.36
        pen.line([(-0.4, 0.75), (-0.8, 0.55), (-0.85, 0.1), (-0.65, -0.15)], shade(fur, 0.85), 0.13)
        pen.ellipse(0, 0.42, 0.45, 0.56, fur)
        pen.ellipse(0.12, 0.5, 0.22, 0.4, shade(fur, 1.15))
        for foot in (0.05, 0.3):
            pen.ellipse(foot, 0.9, 0.15, 0.09, shade(fur, 1.1))
    for s in (-1, 1):
        pen.polygon(
            [
                (x + s * r * 0.25, y - r * 0.75),
                (x + s * r * 0.85, y - r * 1.45),
                (x + s * r * 0.95, y - r * 0.3),
            ],
            fur,
        )
        pen.polygon(
            [
                (x + s * r * 0.42, y - r * 0.8),
                (x + s * r * 0.78, y - r * 1.2),
                (x + s * r * 0.82, y - r * 0.5),
            ],
            inner,
        )
    pen.ellipse(x, y, r, r * 0.86, fur)
    if rng.random() < 0.5:
        for k in (-1, 0, 1):
            pen.line([(x + k * r * 0.2, y - r * 0.8), (x + k * r * 0.15, y - r * 0.45)], shade(fur, 0.6), r * 0.08)
    for s in (-1, 1):
        pen.ellipse(x + s * r * 0.4, y - r * 0.08, r * 0.17, r * 0.14, eye)
        pen.ellipse(x + s * r * 0.4, y - r * 0.08, r * 0.06, r * 0.14, BLACK)
        for k in (0, 1, 2):
            pen.line(
                [(x + s * r * 0.3, y + r * 0.38), (x + s * r * 1.25, y + r * (0.2 + 0.17 * k))],
                shade(WHITE, 0.85),
                r * 0.035,
            )
    pen.ellipse(x, y + r * 0.42, r * 0.28, r * 0.2, shade(fur, 1.25))
    pen.polygon([(x - r * 0.1, y + r * 0.26), (x + r * 0.1, y + r * 0.26), (x, y + r * 0.38)], inner)


def dog(pen: Pen, rng: Rng) -> None:
    """A face with hanging ears, or standing with the tail up."""
    fur = pick(rng, FURS)
    ear = shade(fur, float(rng.choice([0.55, 0.7, 1.3])))
    if rng.random() < 0.5:
        pen.ellipse(0, -0.1, 0.58, 0.6, fur)
        for s in (-1, 1):
            pen.ellipse(s * 0.62, 0.05, 0.2, 0.55, ear, s * -0.15)
            pen.ellipse(s * 0.25, -0.22, 0.1, 0.1, BLACK)
        pen.ellipse(0, 0.32, 0.36, 0.36, shade(fur, 1.3))
        pen.ellipse(0, 0.15, 0.17, 0.12, BLACK)
        if rng.random() < 0.6:
            pen.ellipse(0, 0.66, 0.12, 0.2, (225, 110, 115))
        pen.line([(-0.2, 0.48), (0, 0.4), (0.2, 0.48)], BLACK, 0.04)
        return
    pen.line([(-0.6, -0.1), (-0.85, -0.4), (-0.9, -0.65)], fur, 0.11)
    for x, tone in ((-0.5, 0.75), (-0.3, 1.0), (0.28, 0.75), (0.45, 1.0)):
        pen.line([(x, 0.2), (x, 0.85)], shade(fur, tone), 0.15)
    pen.ellipse(-0.05, 0.1, 0.64, 0.27, fur)
    pen.polygon([(0.3, 0.1), (0.45, -0.45), (0.75, -0.25), (0.55, 0.2)], fur)
    pen.ellipse(0.62, -0.42, 0.25, 0.23, fur)
    pen.ellipse(0.88, -0.33, 0.2, 0.12, shade(fur, 1.15))
    pen.ellipse(1.04, -0.38, 0.06, 0.05, BLACK)
    pen.ellipse(0.5, -0.32, 0.1, 0.25, ear, 0.2)
    pen.ellipse(0.7, -0.48, 0.04, 0.04, BLACK)


def _legs(pen: Pen, rng: Rng, colour: Colour, width: float, top: float, foot: float) -> None:
    stride = float(rng.uniform(-0.15, 0.15))
    for x, tone, way in ((-0.48, 0.7, 1), (-0.36, 1.0, -1), (0.26, 0.7, -1), (0.38, 1.0, 1)):
        end = x + way * stride
        pen.line([(x, top), ((x + end) / 2 + 0.02, (top + foot) / 2), (end, foot)], shade(colour, tone), width)


def deer(pen: Pen, rng: Rng) -> None:
    """Slender, with antlers or large ears, a white tail and sometimes spots."""
    fur = pick(rng, [(165, 105, 60), (130, 90, 60), (190, 140, 90), (110, 85, 65), (95, 65, 50)])
    _legs(pen, rng, fur, 0.075, 0.1, 0.95)
    pen.ellipse(-0.62, -0.05, 0.1, 0.13, WHITE, 0.4)
    pen.ellipse(-0.08, 0.05, 0.55, 0.22, fur)
    pen.polygon([(0.25, 0.08), (0.5, -0.55), (0.66, -0.5), (0.5, 0.08)], fur)
    pen.ellipse(0.68, -0.56, 0.2, 0.1, fur, 0.35)
    pen.ellipse(0.85, -0.49, 0.045, 0.045, BLACK)
    pen.ellipse(0.64, -0.6, 0.03, 0.03, BLACK)
    pen.ellipse(0.44, -0.66, 0.15, 0.06, shade(fur, 0.85), 0.5)
    if rng.random() < 0.65:
        horn = (215, 195, 160)
        for s in (0.0, 0.16):
            pen.line([(0.54, -0.63), (0.42 + s, -0.85), (0.46 + s * 1.6, -1.08)], horn, 0.045)
            pen.line([(0.43 + s, -0.84), (0.28 + s * 2, -0.98)], horn, 0.04)
    if rng.random() < 0.4:
        for x, y in ((-0.35, -0.03), (-0.2, 0.06), (-0.05, -0.04), (0.1, 0.05), (-0.3, 0.12)):
            pen.ellipse(x, y, 0.035, 0.03, WHITE)


def horse(pen: Pen, rng: Rng) -> None:
    """Strong body and neck, mane and long tail."""
    fur = pick(rng, [(125, 75, 40), (55, 42, 36), (165, 110, 65), (225, 220, 212), (150, 148, 145), (95, 50, 30)])
    hair = pick(rng, [(35, 30, 28), (220, 200, 160), shade(fur, 0.5)])
    _legs(pen, rng, fur, 0.13, 0.15, 0.95)
    pen.line([(-0.62, -0.1), (-0.82, 0.1), (-0.84, 0.6)], hair, 0.14)
    pen.ellipse(-0.08, 0.05, 0.62, 0.31, fur)
    pen.polygon([(0.1, 0.05), (0.42, -0.75), (0.68, -0.68), (0.56, 0.1)], fur)
    pen.line([(0.1, -0.16), (0.26, -0.5), (0.42, -0.82)], hair, 0.14)
    pen.polygon([(0.42, -0.8), (0.66, -0.82), (1.0, -0.42), (0.94, -0.28), (0.8, -0.3), (0.55, -0.5)], fur)
    pen.polygon([(0.46, -0.76), (0.5, -0.98), (0.6, -0.78)], fur)
    pen.ellipse(0.64, -0.66, 0.035, 0.035, BLACK)
    pen.ellipse(0.93, -0.4, 0.03, 0.03, BLACK)


def frog(pen: Pen, rng: Rng) -> None:
    """Crouching, from the side or from the front: wide, with the eyes on top."""
    skin = pick(rng, [(90, 150, 60), (70, 115, 55), (130, 140, 60), (130, 100, 65), (200, 90, 40), (60, 120, 130)])
    belly = shade(skin, 1.35)
    if rng.random() < 0.5:
        for s in (-1, 1):
            pen.ellipse(s * 0.68, 0.42, 0.3, 0.34, shade(skin, 0.8), s * 0.3)
            pen.ellipse(s * 0.8, 0.74, 0.26, 0.07, shade(skin, 0.7))
            pen.line([(s * 0.3, 0.35), (s * 0.36, 0.75)], shade(skin, 0.9), 0.15)
        pen.ellipse(0, 0.25, 0.66, 0.5, skin)
        pen.ellipse(0, 0.42, 0.45, 0.3, belly)
        pen.line([(-0.5, 0.06), (-0.2, 0.2), (0.2, 0.2), (0.5, 0.06)], shade(skin, 0.45), 0.045)
        eyes = [(-0.38, -0.28), (0.38, -0.28)]
    else:
        pen.ellipse(-0.05, 0.25, 0.72, 0.36, skin, -0.42)
        pen.ellipse(0.08, 0.42, 0.5, 0.2, belly, -0.3)
        pen.ellipse(-0.45, 0.45, 0.42, 0.2, shade(skin, 0.8), 0.5)
        pen.line([(-0.7, 0.35), (-0.2, 0.66), (-0.75, 0.8), (-0.3, 0.82)], shade(skin, 0.7), 0.11)
        pen.line([(0.3, 0.35), (0.42, 0.8), (0.62, 0.82)], shade(skin, 0.85), 0.12)
        pen.ellipse(0.52, -0.12, 0.36, 0.26, skin, -0.1)
        pen.line([(0.4, -0.02), (0.85, -0.04)], shade(skin, 0.45), 0.04)
        eyes = [(0.45, -0.36)]
    for x, y in eyes:
        pen.ellipse(x, y, 0.2, 0.19, shade(skin, 0.95))
        pen.ellipse(x, y, 0.13, 0.13, (235, 205, 90))
        pen.ellipse(x, y, 0.08, 0.05, BLACK)
    for _ in range(int(rng.integers(0, 7))):
        a, d = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0, 0.4))
        pen.ellipse(d * math.cos(a) - 0.1, 0.2 + d * 0.5 * math.sin(a), 0.06, 0.05, shade(skin, 0.65))


OBJECTS: Final[tuple[Callable[[Pen, Rng], None], ...]] = (
    airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck,
)  # fmt: skip

# Where each is found. Classes share places, so that no background gives the class away.
PLACES: Final[tuple[tuple[str, ...], ...]] = (
    ("sky", "sky", "sky", "road", "grass", "sea", "studio"),
    ("road", "road", "town", "grass", "sand", "studio", "forest"),
    ("sky", "grass", "lawn", "forest", "sea", "sand", "studio", "town"),
    ("room", "room", "grass", "lawn", "studio", "town"),
    ("grass", "forest", "forest", "lawn", "sand", "studio"),
    ("grass", "lawn", "room", "sand", "studio", "town", "sea"),
    ("lawn", "lawn", "sea", "forest", "sand", "studio", "grass"),
    ("grass", "grass", "sand", "forest", "lawn", "studio", "road"),
    ("sea", "sea", "sea", "sea", "sky", "studio", "town"),
    ("road", "road", "town", "grass", "sand", "studio", "sky"),
)


def house(pen: Pen, rng: Rng) -> None:
    """None of the ten classes: a house with a tree."""
    wall = pick(rng, [(225, 205, 165), (200, 120, 95), (235, 235, 230)])
    pen.box(0.75, -0.1, 0.87, 0.8, (105, 80, 55))
    pen.ellipse(0.8, -0.35, 0.36, 0.5, pick(rng, [(70, 130, 60), (110, 140, 60), (190, 120, 50)]))
    pen.box(-0.85, -0.2, 0.4, 0.8, wall)
    pen.polygon([(-1, -0.2), (-0.22, -0.9), (0.55, -0.2)], pick(rng, [(150, 60, 50), (90, 85, 95)]))
    pen.box(-0.35, 0.25, -0.08, 0.8, (110, 75, 50))
    for x in (-0.68, 0.08):
        pen.box(x, 0.05, x + 0.22, 0.3, GLASS)
