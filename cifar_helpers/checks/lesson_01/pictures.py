"""Pictures of right answers in lesson 01: channels around zero, class means, a horse there and back, a split."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers.checks.drawing import as_rows, bars_html, in_signs, numbers_svg, picture_html, sentence, titled
from cifar_helpers.checks.lesson_01.splits import stratified
from cifar_helpers.checks.pictures import SIDE, channels_html, horse
from cifar_helpers.data import CLASSES, MEAN, normalise
from cifar_helpers.data.sketches import draw

_CHANNELS = ("red", "green", "blue")
_DRAWN = ("airplane", "frog", "horse", "ship", "truck")
_PER_CLASS = 20
_AMOUNTS = (-100, 0, 100)


def normalised(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse and its three channels as the answer normalises them."""
    picture = horse()
    values = answer(picture[None])[0]
    said = (
        f"Your numbers lie between {values.min():.1f} and {values.max():.1f}: orange is brighter than the mean of the "
        "training pixels, purple darker, and white is the mean."
    )
    before = picture_html(as_rows(picture), SIDE, "A drawn horse, 32×32 pixels", "the picture")
    return "".join([before, channels_html(values), sentence(said)])


def centred(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse and its three channels as the answer centres them."""
    picture = horse()
    values = answer(picture[None].float())[0]
    parts = [picture_html(as_rows(picture), SIDE, "A drawn horse, 32×32 pixels", "the picture")]
    for name, channel in zip(_CHANNELS, values.numpy(), strict=True):
        alt = f"Your {name} channel, from {channel.min():.0f} to {channel.max():.0f}"
        parts.append(picture_html(in_signs(channel), SIDE, alt, f"{name}, centred"))
    means = ", ".join(f"{abs(float(mean)):.1f}" for mean in values.mean((1, 2)))
    said = f"The means of your channels: {means}. Orange is brighter than the channel's mean, purple darker."
    return "".join([*parts, sentence(said)])


def sorted_by_mean(answer: Callable[..., Any]) -> str:
    """HTML of how many drawn pictures of five classes the answer classifies correctly by the nearest mean."""
    known, new = _sketches(0), _sketches(1_000).clone()  # an answer may change what it gets
    labels = torch.arange(len(_DRAWN)).repeat_interleave(_PER_CLASS)
    right = answer(new, torch.stack([known[labels == k].mean(0) for k in range(len(_DRAWN))])) == labels
    shares = [(name, float(right[labels == k].float().mean())) for k, name in enumerate(_DRAWN)]
    said = (
        f"Your function classifies {int(right.sum())} of {len(labels)} new drawings correctly; "
        f"guessing would get about {len(labels) // len(_DRAWN)}."
    )
    return bars_html(shares, "classified correctly, share of each class") + sentence(said)


@functools.cache
def _sketches(first_seed: int) -> Tensor:
    """Drawings of the five classes, class by class, float `(100, 3, 32, 32)`; drawn once, so that all share them."""
    drawn = [draw(CLASSES.index(name), first_seed + k) for name in _DRAWN for k in range(_PER_CLASS)]
    return torch.from_numpy(np.stack([np.asarray(image) for image in drawn])).permute(0, 3, 1, 2).float()


def back_again(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse before it was normalised, and after the answer brought it back."""
    picture = horse()
    back = answer(normalise(picture)[None])[0]
    differ = int((back != picture).sum())
    return "".join(
        [
            picture_html(as_rows(picture), SIDE, "A drawn horse, 32×32 pixels", "before"),
            picture_html(as_rows(back), SIDE, "Your horse, brought back from its normalised numbers", "there and back"),
            sentence(f"{differ:,} of {picture.numel():,} numbers differ."),
        ]
    )


def brightened(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse, darker and brighter by the answer."""
    picture, parts, at_limits = horse(), [], []
    for amount in _AMOUNTS:
        changed = answer(picture.clone(), amount)
        caption = f"{amount:+d}".replace("-", "\N{MINUS SIGN}") if amount else "as it is"
        parts.append(picture_html(as_rows(changed), SIDE, f"Your horse, {caption}", caption))
        with_amount = f"with {caption}" if amount else caption
        at_limits.append(f"{int(((changed == 0) | (changed == 255)).sum()):,} {with_amount}")
    said = f"Of {picture.numel():,} numbers, so many lie at a limit, 0 or 255: {', '.join(at_limits)}."
    return "".join([*parts, sentence(said)])


def covered(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse before and after the answer covers a square of it with the mean colour."""
    picture = horse()
    colour = (torch.tensor(MEAN) * 255).round().to(torch.uint8)
    result = answer(picture.clone(), colour, 16, 4, 10)
    values = " ".join(map(str, result[:, 16, 4].tolist()))
    return "".join(
        [
            picture_html(as_rows(picture), SIDE, "A drawn horse, 32×32 pixels", "the picture"),
            picture_html(as_rows(result), SIDE, "Your horse, with a square covered", "your cutout"),
            sentence(f"In your square red, green and blue are {values}."),
        ]
    )


def dealt(answer: Callable[..., Any]) -> str:
    """HTML of the images of three classes, a square for each, black where the answer holds it out."""
    grid, words = _squares(answer(_labels(), 0.2, 0), "Your split holds out {}", cell=18)
    return titled(f"Your split of three classes holds out {words} (black), scattered over each class.", grid)


def dealt_unfairly(answer: Callable[..., Any]) -> str:
    """HTML of what an unfair split holds out, twice with one seed and once with another, beside a fair one."""
    made = [("yours, seed 0", answer, 0), ("yours, seed 0 again", answer, 0), ("yours, seed 1", answer, 1)]
    parts = []
    for title, split, seed in (*made, ("should be, for example", stratified, 0)):
        grid, words = _squares(split(_labels(), 0.2, seed), f"{title}: {{}} held out", cell=9)
        parts.append(titled(f"{title}: {words}", grid))
    said = "Three classes, a square for each image, with a share of 0.2: black is held out, grey is in both parts."
    return "".join([*parts, sentence(said)])


_SIZES: Final = (30, 20, 10)
"""Images of each class in the drawings of splits."""


def _labels() -> Tensor:
    return torch.arange(3).repeat_interleave(torch.tensor(_SIZES))


def _squares(split: Any, alt: str, *, cell: int) -> tuple[str, str]:
    """A square for each image, a row for each class, and in words how many of each class are held out."""
    stays, leaves = (np.isin(np.arange(sum(_SIZES)), np.asarray(part)) for part in split)
    shades = np.where(leaves, np.where(stays, 0.5, 0), 1)
    grid, unknown, words = np.ones((3, max(_SIZES))), np.ones((3, max(_SIZES)), bool), []
    ends = np.cumsum(_SIZES)[:-1]
    for row, (members, chosen) in enumerate(zip(np.split(shades, ends), np.split(leaves, ends), strict=True)):
        grid[row, : len(members)], unknown[row, : len(members)] = members, False
        words.append(f"{int(chosen.sum())} of {len(members)}")
    said, blank = ", ".join(words), [[""] * grid.shape[1]] * len(grid)
    return numbers_svg(grid, alt.format(said), cell=cell, text=blank, unknown=unknown), said
