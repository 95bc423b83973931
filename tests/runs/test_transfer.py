"""The record of transfer: how it is read, and what its intervals say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cifar_helpers.runs import transfer
from cifar_helpers.runs.transfer import TASKS, Arm, arms, gain, packed, paired_gain, unpacked


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
    assert gain("ten classes", 10, "linear probe") == paired_gain(found["linear probe", 10], found["from scratch", 10])
    assert gain("ten classes", 10, "from scratch", "linear probe").mean < 0
    with pytest.raises(ValueError, match="'linear probe, ImageNet' was not recorded for 'ten classes' with 10 images"):
        gain("ten classes", 10, "linear probe, ImageNet")


def test_an_interval_grows_with_the_spread_over_seeds_and_over_images() -> None:
    alike = Arm("m", 1, torch.stack([torch.arange(1000) < 500] * 3))
    by_images = 1.96 * (0.25 / 999) ** 0.5  # the standard error of a mean of 1,000 images, of which half are right
    assert alike.half_width == pytest.approx(by_images, rel=1e-3)
    apart = Arm("m", 1, torch.stack([torch.arange(1000) < right for right in (400, 500, 600)]))
    assert apart.half_width > 4.303 * 0.1 / 3**0.5 > alike.half_width


def test_a_gain_of_four_images_is_that_computed_by_hand() -> None:
    new = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 0, 0]]).bool()
    base = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]).bool()
    # Differences: 0 1 1 0, 0 0 1 1, 0 1 0 0. By seed 1/2, 1/2, 1/4: mean 5/12, variance 1/48, squared error 1/144.
    # By image 0, 2/3, 2/3, 1/3: variance 11/108, squared error 11/432.
    found = paired_gain(new, base)
    half = ((4.303 / 12) ** 2 + 1.96**2 * 11 / 432) ** 0.5
    assert found.of_seeds == pytest.approx((0.5, 0.5, 0.25)) and found.mean == pytest.approx(5 / 12)
    assert (found.low, found.high) == pytest.approx((5 / 12 - half, 5 / 12 + half))
    assert found.seed_by_seed == "+50.0, +50.0, +25.0"


def test_what_is_common_to_a_seed_does_not_widen_the_interval_of_a_gain() -> None:
    draws = torch.tensor([[0.4], [0.6], [0.8]])  # a lucky choice of training images helps both methods
    place = torch.linspace(0, 1, 1000)
    new, base = place < draws + 0.05, place < draws
    assert paired_gain(new, base).low > 0 > paired_gain(new, base.flip(0)).low


@pytest.mark.parametrize(("of_seeds", "of_images"), [(0.5, 0.0), (0.1, 0.5), (0.0, 0.5)])
def test_about_95_of_100_intervals_contain_the_true_gain(of_seeds: float, of_images: float) -> None:
    """Two methods without a gain, whose difference varies with the seed, the image, or both."""
    generator = torch.Generator().manual_seed(0)
    inside, repeats = 0, 1000
    for _ in range(repeats):
        common = torch.randn(1, 200, generator=generator)
        apart = of_seeds * torch.randn(3, 1, generator=generator) + of_images * torch.randn(1, 200, generator=generator)
        noise = torch.randn(2, 3, 200, generator=generator)
        found = paired_gain(common + apart / 2 + noise[0] > 0, common - apart / 2 + noise[1] > 0)
        inside += found.low <= 0 <= found.high
    assert 0.93 <= inside / repeats <= 0.995


@pytest.mark.parametrize("shape", [(2, 10), (3, 1), (3,)])
def test_an_interval_needs_three_seeds_and_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs 3 seeds and at least 2 images"):
        paired_gain(torch.zeros(shape).bool(), torch.zeros(shape).bool())
    with pytest.raises(ValueError, match="must have the same shape"):
        paired_gain(torch.zeros(3, 4).bool(), torch.zeros(3, 5).bool())


@pytest.mark.records
def test_the_record_has_three_seeds_of_every_method_and_accuracies_that_its_images_give() -> None:
    for task in TASKS:
        found = arms(task)
        assert found and all(arm.correct.shape == (3, 2000) for arm in found)
        assert len({(arm.method, arm.images) for arm in found}) == len(found)
    for row in transfer.recorded()["rows"]:
        share = float(unpacked(row["correct"], row["measured"]).double().mean())
        assert row["accuracy"] == pytest.approx(share, abs=1e-4)
