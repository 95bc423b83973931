"""The parts of `python -m benchmarks transfer`: what is trained, what stays frozen, and what a turn does."""

from __future__ import annotations

import torch
from helpers import random_images
from torch import nn

from benchmarks import transfer


def stage() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def test_a_probe_learns_what_is_linear() -> None:
    features = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
    labels = (features[:, 2] > 0).long()
    linear = transfer.probe(features[:200], labels[:200], 2, seed=0)
    assert transfer.right(linear, features[200:], labels[200:]).float().mean() > 0.9


def test_fine_tuning_changes_a_copy_and_keeps_the_statistics_of_batch_norm() -> None:
    first, linear = stage().eval(), nn.Linear(4, 2)
    maps, labels = torch.randn(40, 3, 5, 5), torch.arange(40) % 2
    before = [p.clone() for p in (*first.parameters(), *linear.parameters())]
    tuned = transfer.fine_tuned(first, linear, maps, labels, epochs=2, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, (*first.parameters(), *linear.parameters()), strict=True))
    moved = [not torch.equal(a, b) for a, b in zip(before, tuned.parameters(), strict=True)]
    assert all(moved)
    assert torch.equal(tuned[0][1].running_mean, first[1].running_mean) and not tuned[0][1].training


def test_only_the_first_logits_count_for_a_task_with_fewer_classes() -> None:
    images = random_images(20)
    images.labels.copy_(torch.arange(20) % 2)

    class Last(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.tensor([0.0, 1.0, *[0.0] * 7, 9.0]).repeat(len(inputs), 1)

    assert not transfer.right_from(Last(), images).any()
    assert transfer.right_from(Last(), images, 2).tolist() == [False, True] * 10


def test_turned_images_come_with_their_number_of_quarter_turns() -> None:
    images = random_images(40).images
    found = transfer.turned(images, seed=3, equally=True)
    assert found.labels.bincount().tolist() == [10, 10, 10, 10]
    assert torch.equal(found.images[0], images[0]) and torch.equal(found.images[2], images[2].flip(1, 2))
    assert torch.equal(transfer.turned(images, seed=3).labels, transfer.turned(images, seed=3).labels)
    assert not torch.equal(transfer.turned(images, seed=3).labels, transfer.turned(images, seed=4).labels)
