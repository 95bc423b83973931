"""Pictures of right answers in lesson 01: channels around zero, a horse there and back, shares of classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from cifar_helpers.checks.drawing import as_rows, bars_html, numbers_svg, picture_html, sentence, titled
from cifar_helpers.checks.pictures import SIDE, channels_html, horse
from cifar_helpers.data import normalise

_KINDS = {"cats": 300, "dogs": 200, "birds": 50}  # a data set that is made up, and not balanced
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
    said = f"Of {picture.numel():,} numbers lie at the limits, 0 or 255: {', '.join(at_limits)}. They are alike now."
    return "".join([*parts, sentence(said)])


def counted(answer: Callable[..., Any]) -> str:
    """HTML of how many the answer holds out of a made-up data set of three classes."""
    labels = torch.arange(len(_KINDS)).repeat_interleave(torch.tensor(list(_KINDS.values())))
    counts = [int(count) for count in answer(labels, 0.2)]
    words = [f"{count} of {of}" for count, of in zip(counts, _KINDS.values(), strict=True)]
    shares = [(name, count / of) for (name, of), count in zip(_KINDS.items(), counts, strict=True)]
    said = f"Your counts: {', '.join(words)}. The bars are equally long, because the share is the same."
    return bars_html(shares, "held out, as a share of the class", words) + sentence(said)


def dealt(answer: Callable[..., Any]) -> str:
    """HTML of the images of three classes, a square for each, black where the answer holds it out."""
    sizes = (30, 20, 10)
    labels = torch.arange(3).repeat_interleave(torch.tensor(sizes))
    _, held_out = answer(labels, 0.2, 0)
    chosen = np.isin(np.arange(len(labels)), np.asarray(held_out))
    grid, unknown, words = np.ones((3, max(sizes))), np.ones((3, max(sizes)), bool), []
    for row, members in enumerate(np.split(chosen, np.cumsum(sizes)[:-1])):
        grid[row, : len(members)], unknown[row, : len(members)] = 1 - members, False
        words.append(f"{int(members.sum())} of {len(members)}")
    said = f"Your split of three classes holds out {', '.join(words)} (black), scattered over each class."
    blank = [[""] * grid.shape[1]] * len(grid)
    return titled(said, numbers_svg(grid, said, cell=18, text=blank, unknown=unknown))
