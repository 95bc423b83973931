"""Exercises with many right answers: whatever has the property is accepted, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cifar_helpers import Cifar10, checks
from cifar_helpers.checks.lesson_01.splits import (
    FAIR,
    exchanged,
    first_of_each,
    held_out_alone,
    leaking,
    not_by_class,
    same_number,
    stratified,
    verdicts,
    within_class,
    without_seed,
)
from cifar_helpers.kernels import KERNELS

UNFAIR = (
    exchanged, first_of_each, held_out_alone, leaking, not_by_class, same_number, within_class, without_seed,
)  # fmt: skip
SOBEL = np.array(KERNELS["Sobel, vertical edges"])
PREWITT = [[-1, 0, 1]] * 3

VERTICAL: dict[str, Any] = {
    "Prewitt": PREWITT,
    "Scharr": [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]],
    "bright to dark": [[1, 0, -1]] * 3,
    "neighbours": [[0, 0, 0], [0, -1, 1], [0, 0, 0]],
    "a thin line": [[-1, 2, -1]] * 3,
    "very faint": [[-1e-6, 0, 1e-6]] * 3,
    "an array": np.array(PREWITT),
    "as torch wants weights": torch.tensor(PREWITT)[None, None],
    "nearly Sobel's": [[-1, 0, 1], [-2.1, 0, 2.1], [-1, 0, 1]],
    "whole numbers": torch.tensor([[-1, 0, 1]] * 3),
}
NOT_VERTICAL: dict[str, tuple[Any, str]] = {
    "Sobel": (SOBEL, "Sobel's kernel or a multiple"),
    "Sobel, opposite sign and fainter": (-0.3 * SOBEL, "Sobel's kernel or a multiple"),
    "blur": (KERNELS["blur"], "uniform areas"),
    "sharpen": (KERNELS["sharpen"], "uniform areas"),
    "lying": (KERNELS["Sobel, horizontal edges"], "compares above with below"),
    "outlines": ([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "horizontal edges too"),
    "the other diagonal": ([[2, 1, 0], [1, 0, -1], [0, -1, -2]], "horizontal edges too"),
    "a corner": ([[1, -1, 0], [-1, 1, 0], [0, 0, 0]], "dots and corners"),
    "five by five": (torch.ones(5, 5), "3 × 3"),
    "no numbers": ("-1 0 1", "3 × 3"),
    "rows of different lengths": ([[-1, 0, 1], [-1, 1]], "3 × 3"),
    "not a number": ([[float("nan")] * 3] * 3, "3 × 3"),
}


@pytest.mark.parametrize("name", VERTICAL)
def test_every_kernel_for_vertical_edges_is_accepted(name: str) -> None:
    verdict = checks.vertical_edges(lambda: VERTICAL[name])
    assert verdict.state == "right" and "<img" in verdict.picture


@pytest.mark.parametrize("name", NOT_VERTICAL)
def test_every_other_kernel_hears_what_it_answers_to(name: str) -> None:
    kernel, words = NOT_VERTICAL[name]
    verdict = checks.vertical_edges(lambda: kernel)
    assert verdict.state == "wrong" and words in verdict.says


def test_random_kernels_are_accepted_if_their_rows_and_not_their_columns_add_up_to_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        kernel = torch.randn(3, 3, generator=generator)
        rows = kernel - kernel.mean(1, keepdim=True)
        assert checks.vertical_edges(lambda rows=rows: rows).state == "right"
        both = rows - rows.mean(0, keepdim=True)
        assert {checks.vertical_edges(lambda k=k: k).state for k in (kernel, rows.T, both)} == {"wrong"}


def with_numpy(labels: torch.Tensor, share: float, seed: int) -> Any:
    rng, held_out = np.random.default_rng(seed), []
    for label in np.unique(labels.numpy()):
        members = np.flatnonzero(labels.numpy() == label)
        held_out.append(rng.choice(members, size=round(len(members) * share), replace=False))
    chosen = np.concatenate(held_out)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def with_the_global_seed(labels: torch.Tensor, share: float, seed: int) -> Any:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        order = torch.randperm(len(labels))
    kept, held_out = [], []
    for label in range(int(labels.max()) + 1):
        members = order[labels[order] == label]
        held_out += members[: int(len(members) * share)].tolist()
        kept += members[int(len(members) * share) :].tolist()
    return [kept, held_out]


def shuffled_again(labels: torch.Tensor, share: float, seed: int) -> Any:
    return tuple(part[torch.randperm(len(part))] for part in stratified(labels, share, seed))


@pytest.mark.parametrize("answer", [with_numpy, with_the_global_seed, shuffled_again])
def test_every_fair_split_is_accepted(answer: Any) -> None:
    verdict = checks.stratified_split(answer)
    assert verdict.state == "right" and "6 of 30, 4 of 20, 2 of 10" in verdict.picture


def labels_themselves(labels: torch.Tensor, share: float, seed: int) -> Any:
    return tuple(labels[part] for part in stratified(labels, share, seed))


def masks(labels: torch.Tensor, share: float, seed: int) -> Any:
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    chosen[stratified(labels, share, seed)[1]] = True
    return ~chosen, chosen


def half_lost(labels: torch.Tensor, share: float, seed: int) -> Any:
    kept, held_out = stratified(labels, share, seed)
    return kept[::2], held_out


def some_twice(labels: torch.Tensor, share: float, seed: int) -> Any:
    kept, held_out = stratified(labels, share, seed)
    return torch.cat([kept, kept[:3]]), held_out


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (labels_themselves, "occur twice"),
        (masks, "two lists of indices"),
        (half_lost, "indices are missing"),
        (some_twice, "occur twice"),
        (lambda labels, share, seed: stratified(labels, 0.2, seed), "right for 6 of 8"),
        (lambda labels, share, seed: stratified(labels, share, 0), "every seed gives the same split"),
    ],
)
def test_an_unfair_split_hears_what_is_wrong(answer: Any, words: str) -> None:
    verdict = checks.stratified_split(answer)
    assert verdict.state == "wrong" and words in verdict.says


def test_each_fault_of_a_split_has_a_name() -> None:
    labels = torch.arange(3).repeat_interleave(torch.tensor([30, 20, 10]))
    names = {verdicts(split)(labels, 0.2, 0) for split in (stratified, *UNFAIR)}
    assert len(names) == 1 + len(UNFAIR) and FAIR in names and "the parts exchanged" in names


def test_the_reference_holds_out_what_the_package_does(sketches: Cifar10) -> None:
    kept, held_out = stratified(sketches.train_labels, 0.2, 0)
    train, validation = sketches.split()
    assert torch.equal(sketches.train_labels[held_out].bincount(), validation.labels.bincount())
    assert torch.equal(sketches.train_labels[kept].bincount(), train.labels.bincount())
