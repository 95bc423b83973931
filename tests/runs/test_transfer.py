"""The record of transfer: how it is read, and what its intervals say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cifar_helpers.evaluation import gain_interval
from cifar_helpers.runs import transfer
from cifar_helpers.runs.transfer import TASKS, Arm, arms, gain, packed, unpacked


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A record with one task, two numbers of images, and three seeds."""
    rows = [
        {"task": "ten classes", "method": "linear probe", "images": images, "seed": seed, "measured": 9,
         "correct": packed(torch.arange(9) < images + seed)}
        for images in (2, 4) for seed in (0, 1, 2)
    ]  # fmt: skip
    (tmp_path / "transfer.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    monkeypatch.setattr(transfer, "resources", lambda: tmp_path)
    transfer.recorded.cache_clear()
    yield tmp_path
    transfer.recorded.cache_clear()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 2000])
def test_what_is_packed_comes_back(count: int) -> None:
    correct = torch.rand(count, generator=torch.Generator().manual_seed(count)) < 0.5
    assert torch.equal(unpacked(packed(correct), count), correct)


def test_the_seeds_of_a_method_are_one_arm(written: Path) -> None:
    few, more = arms("ten classes")
    assert (few.method, few.images, more.images) == ("linear probe", 2, 4)
    assert few.correct.shape == (3, 9) and few.correct.sum(1).tolist() == [2, 3, 4]
    assert few.accuracy == pytest.approx(1 / 3) and few.accuracies.tolist() == pytest.approx([2 / 9, 3 / 9, 4 / 9])
    assert str(few).startswith("linear probe, 2 per class: 33.3 % ± ")
    assert arms("quarter turns") == ()


def test_an_unknown_task_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"task must be one of 'ten classes', .* got 'ten'"):
        arms("ten")


@pytest.mark.records
def test_a_gain_is_that_of_the_pairs() -> None:
    found = {(arm.method, arm.images): arm.correct for arm in arms("ten classes")}
    assert gain("ten classes", 10, "linear probe") == gain_interval(
        found["linear probe", 10], found["from scratch", 10]
    )
    assert gain("ten classes", 10, "from scratch", "linear probe").mean < 0
    with pytest.raises(ValueError, match="'linear probe, ImageNet' was not recorded for 'ten classes' with 10 images"):
        gain("ten classes", 10, "linear probe, ImageNet")


def test_an_interval_grows_with_the_spread_over_seeds_and_over_images() -> None:
    alike = Arm("m", 1, torch.stack([torch.arange(1000) < 500] * 3))
    by_images = 4.303 * (0.25 / 999) ** 0.5  # the variance of a mean of 1,000 images, of which half are right
    assert alike.half_width == pytest.approx(by_images, rel=1e-3)
    apart = Arm("m", 1, torch.stack([torch.arange(1000) < right for right in (400, 500, 600)]))
    assert apart.half_width > 4.303 * 0.1 / 3**0.5 > alike.half_width


@pytest.mark.records
def test_the_record_has_three_seeds_of_every_method_and_accuracies_that_its_images_give() -> None:
    for task in TASKS:
        found = arms(task)
        assert found and all(arm.correct.shape == (3, 2000) for arm in found)
        assert len({(arm.method, arm.images) for arm in found}) == len(found)
    for row in transfer.recorded()["rows"]:
        share = float(unpacked(row["correct"], row["measured"]).double().mean())
        assert row["accuracy"] == pytest.approx(share, abs=1e-4)
