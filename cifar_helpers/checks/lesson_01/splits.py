"""Splits of a data set, fair and unfair, and how to recognise them: there are many fair splits of one data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers.checks.results import plain

FAIR: Final = "a fair split"

Parts = tuple[Tensor, Tensor]
"""Indices that stay, and indices that are held out."""


def stratified(labels: Tensor, share: float, seed: int) -> Parts:
    """Hold out the same share of each class, by chance."""
    return _cut(_shuffled(_classes(labels), seed), share)


def not_by_class(labels: Tensor, share: float, seed: int) -> Parts:
    """Shuffle and cut without looking at the labels."""
    return _cut(_shuffled([torch.arange(len(labels))], seed), share)


def same_number(labels: Tensor, share: float, seed: int) -> Parts:
    """Hold out as many of each class as of the smallest."""
    classes = _shuffled(_classes(labels), seed)
    count = round(min(map(len, classes)) * share)
    return torch.cat([members[count:] for members in classes]), torch.cat([members[:count] for members in classes])


def first_of_each(labels: Tensor, share: float, seed: int) -> Parts:
    """Hold out the first of each class, without shuffling."""
    return _cut(_classes(labels), share)


def within_class(labels: Tensor, share: float, seed: int) -> Parts:
    """Use indices within a class as if they were indices into the whole data set."""
    return _cut(_shuffled([torch.arange(len(members)) for members in _classes(labels)], seed), share)


def leaking(labels: Tensor, share: float, seed: int) -> Parts:
    """Keep the held-out images in the other part too."""
    return torch.arange(len(labels)), stratified(labels, share, seed)[1]


def exchanged(labels: Tensor, share: float, seed: int) -> Parts:
    """Return the two parts in the wrong order."""
    return stratified(labels, share, seed)[::-1]


def without_seed(labels: Tensor, share: float, seed: int) -> Parts:
    """Draw a new split each time, whatever the seed."""
    return stratified(labels, share, torch.Generator().seed())


def held_out_alone(labels: Tensor, share: float, seed: int) -> Tensor:
    """Return one part only."""
    return stratified(labels, share, seed)[1]


def verdicts(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an answer into a function of `(labels, share, seed)` that says in words what is wrong with its split."""

    def run(labels: Tensor, share: float, seed: int) -> Any:
        made = answer(labels, share, seed)
        if made is ... or made is None:
            return made
        parts, again, other = map(_indices, (made, answer(labels, share, seed), answer(labels, share, seed + 1)))
        if parts is None or again is None or other is None:
            return "no two lists of indices"
        return _fault(parts, labels, share) or _fault_of_seeds(parts[1], again[1], other[1]) or FAIR

    return run


def _classes(labels: Tensor) -> list[Tensor]:
    """Positions of each class."""
    return [(labels == label).nonzero().flatten() for label in sorted(set(labels.tolist()))]


def _shuffled(groups: Sequence[Tensor], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [members[torch.randperm(len(members), generator=generator)] for members in groups]


def _cut(groups: Sequence[Tensor], share: float) -> Parts:
    counts = [round(len(members) * share) for members in groups]
    kept = [members[count:] for members, count in zip(groups, counts, strict=True)]
    return torch.cat(kept), torch.cat([members[:count] for members, count in zip(groups, counts, strict=True)])


def _indices(made: Any) -> Parts | None:
    try:
        kept, held_out = (np.asarray(part) for part in plain(made))
    except (TypeError, ValueError):
        return None
    if any(part.ndim != 1 or part.dtype.kind not in "iu" for part in (kept, held_out)):
        return None
    return torch.from_numpy(kept.astype(np.int64)), torch.from_numpy(held_out.astype(np.int64))


def _fault(parts: Parts, labels: Tensor, share: float) -> str:
    kept, held_out = (set(part.tolist()) for part in parts)
    once = len(kept) == len(parts[0]) and len(held_out) == len(parts[1])
    if not once or kept | held_out != set(range(len(labels))):
        return "indices that are missing, or twice in one part"
    if kept & held_out:
        return "images in both parts"
    wanted = (torch.bincount(labels) * share).round().long()
    stay, leave = (torch.bincount(labels[part], minlength=len(wanted)) for part in parts)
    if torch.equal(leave, wanted):
        return ""
    if torch.equal(stay, wanted):
        return "the parts exchanged"
    return "the same number of every class" if len(set(leave.tolist())) == 1 else "another share of each class"


def _fault_of_seeds(held_out: Tensor, again: Tensor, other: Tensor) -> str:
    first, second, third = (set(part.tolist()) for part in (held_out, again, other))
    if first != second:
        return "another split for the same seed"
    return "the same split for every seed" if first == third else ""
