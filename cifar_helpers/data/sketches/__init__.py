"""Ten classes of pictures that the course draws itself, for learners without the data and without a network.

They have the class names and the size of CIFAR-10, and are called sketches wherever they appear: they are not
CIFAR-10, and an accuracy on them says nothing about photographs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from cifar_helpers._paths import atomic_write, reading_problem, user_path
from cifar_helpers.data.classes import CLASSES
from cifar_helpers.data.sketches import objects, scenes

__all__ = ["draw", "draw_none", "load_sketches", "make_sketches"]

Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int64]]

_VERSION: Final = 1  # part of the cache's name: raise it when the drawing changes

_TEST_SCENES: Final = 1_000_000  # seeds of test scenes start here, far from those of training scenes

_SMALLEST: Final = 16


def draw(label: int, seed: int, size: int = 32) -> Image.Image:
    """Draw one sketch of a class.

    Args:
        label: 0..9, in the order of `CLASSES`.
        seed: at least 0; determines the whole scene, which is the same at every size.
        size: width and height in pixels, at least 16.

    Returns:
        An RGB image.

    Raises:
        ValueError: if an argument is out of its range.
    """
    if not 0 <= label < len(CLASSES):
        raise ValueError(f"label must be in 0..9, got {label}")
    rng = _generator(label, seed, size)
    places = objects.PLACES[label]
    place = places[int(rng.integers(len(places)))]
    return _scene(rng, place, objects.OBJECTS[label], size)


def draw_none(seed: int, size: int = 256) -> Image.Image:
    """Draw a picture of none of the ten classes: a house with a tree.

    Args:
        seed: at least 0; determines the whole scene.
        size: width and height in pixels, at least 16.

    Returns:
        An RGB image.

    Raises:
        ValueError: if an argument is out of its range.
    """
    return _scene(_generator(len(CLASSES), seed, size), "grass", objects.house, size)


def _generator(label: int, seed: int, size: int) -> np.random.Generator:
    if size < _SMALLEST or seed < 0:
        raise ValueError(f"size must be at least {_SMALLEST} and seed at least 0, got {size} and {seed}")
    return np.random.Generator(np.random.PCG64([label, seed]))


def _scene(
    rng: np.random.Generator,
    place: str,
    drawn: Callable[[scenes.Pen, np.random.Generator], None],
    size: int,
) -> Image.Image:
    # Shapes are drawn without antialiasing, so they are drawn larger and then reduced.
    side = size * (4 if size <= 64 else 2)
    image = Image.new("RGB", (side, side))
    pen = scenes.Pen(ImageDraw.Draw(image), side)
    scenes.background(place, image, pen, rng)
    centre = (float(rng.uniform(0.4, 0.6)), float(rng.uniform(0.44, 0.62)))
    scale, angle = float(rng.uniform(0.34, 0.47)), float(rng.normal(0, 0.12))
    pen.place(centre, scale, angle, mirrored=bool(rng.random() < 0.5))
    drawn(pen, rng)
    scenes.foreground(pen, rng)
    return _light(image.resize((size, size), Image.Resampling.BOX), rng)


def _light(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Brightness, contrast, colour of the light, and the noise of a camera."""
    contrast, brightness = rng.uniform(0.7, 1.15), rng.uniform(-25, 25)
    cast, strength = rng.normal(0, 7, 3), rng.uniform(1, 7)
    pixels = np.asarray(image, np.float32)
    noise = rng.standard_normal(pixels.shape, np.float32) * strength
    lit = (pixels - 128) * contrast + 128 + brightness + cast + noise
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))


def make_sketches(train: int = 4000, test: int = 1000, seed: int = 0) -> Arrays:
    """Draw a data set.

    Args:
        train: number of training images, at least 10; classes are balanced as far as the number allows.
        test: number of test images, at least 10; their scenes differ from those of the training images.
        seed: at least 0; determines everything.

    Returns:
        `(train, train_labels, test, test_labels)`: uint8 `(N, 3, 32, 32)` and int64 `(N,)`, shuffled.

    Raises:
        ValueError: if a number is too small.
    """
    if train < len(CLASSES) or test < len(CLASSES) or seed < 0:
        raise ValueError(f"train and test must be at least 10 and seed at least 0, got {train}, {test}, {seed}")
    first = seed * 10 * _TEST_SCENES
    return *_part(train, first), *_part(test, first + _TEST_SCENES)


def _part(count: int, first: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    order = np.random.Generator(np.random.PCG64(first)).permutation(count)
    labels = (order % len(CLASSES)).astype(np.int64)
    images = np.empty((count, 3, 32, 32), np.uint8)
    for k, (position, label) in enumerate(zip(order, labels, strict=True)):
        images[k] = np.asarray(draw(int(label), first + int(position))).transpose(2, 0, 1)
    return images, labels


def load_sketches(folder: Path | str, train: int = 4000, test: int = 1000, seed: int = 0) -> Arrays:
    """`make_sketches`, cached in a file in `folder`.

    If the file is damaged, or cannot be written, the sketches are drawn again.

    Raises:
        ValueError: if `folder` cannot be a path, or a number is too small.
    """
    cache = user_path(folder) / f"sketches-v{_VERSION}-{train}-{test}-{seed}.npz"
    if not reading_problem(cache):
        try:
            with np.load(cache, allow_pickle=False) as kept:
                return kept["train"], kept["train_labels"], kept["test"], kept["test_labels"]
        except Exception:  # a damaged file may raise anything; the sketches can be drawn again
            pass
    made = make_sketches(train, test, seed)
    # A read-only folder is no reason to stop.
    with contextlib.suppress(OSError), atomic_write(cache) as part, part.open("wb") as file:
        np.savez(file, train=made[0], train_labels=made[1], test=made[2], test_labels=made[3])
    return made
