"""Intervals, calibration and the people's matrix, against values that are known or computed in another way."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from torch import Tensor

from cifar_helpers import Metrics
from cifar_helpers._paths import resources
from cifar_helpers.data import CLASSES
from cifar_helpers.evaluation import bootstrap_interval, fit_temperature, gain_interval, human_confusion, reliability

LOSS = torch.nn.functional.cross_entropy


def right_and_wrong(count: int, share: float) -> Tensor:
    return torch.arange(count) < round(share * count)


def made_up(count: int = 4000, truth: float = 1.0) -> tuple[Tensor, Tensor]:
    """Logits, and labels that are drawn from them divided by `truth`: the temperature that they need."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(count, 10, generator=generator)
    labels = torch.multinomial((logits / truth).softmax(1), 1, generator=generator).flatten()
    return logits, labels


# --- gains ---------------------------------------------------------------------------------------------------------


def trained_networks(seeds: int, gained: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Correctness of two recipes' networks: images of their own difficulty, seeds of their own skill."""
    hard = torch.randn(1000, generator=generator)

    def networks(skill: float) -> Tensor:
        skills = skill + 0.15 * torch.randn(seeds, 1, generator=generator)
        return hard + 0.7 * torch.randn(seeds, 1000, generator=generator) < skills

    return networks(1 + gained), networks(1)


def test_an_interval_of_a_gain_contains_nothing_in_95_of_100_pairs_of_equal_recipes() -> None:
    generator = torch.Generator().manual_seed(0)
    gains = [gain_interval(*trained_networks(3, 0, generator)) for _ in range(400)]
    assert 0.93 < sum(not gain.is_beyond_chance for gain in gains) / 400 <= 0.995


def test_a_large_gain_is_beyond_chance_and_its_opposite_too() -> None:
    new, base = trained_networks(3, 1.0, torch.Generator().manual_seed(0))
    up, down = gain_interval(new, base), gain_interval(base, new)
    assert up.is_beyond_chance and down.is_beyond_chance and up.low == pytest.approx(-down.high)
    assert up.mean == pytest.approx(float(new.double().mean() - base.double().mean()))
    assert str(up) == f"{100 * up.mean:+.1f} points ({100 * up.low:+.1f} to {100 * up.high:+.1f})"


def test_both_chances_count_images_and_seeds() -> None:
    same = right_and_wrong(1000, 0.9).expand(3, -1)
    other = same.clone()
    other[:, -20:] = True  # the same 20 images with every seed: no chance of seeds
    images_only = gain_interval(other, same)
    assert images_only.high - images_only.mean == pytest.approx(2.776 * math.sqrt(0.02 * 0.98 / 999), rel=1e-3)
    skills = torch.stack([right_and_wrong(1000, share) for share in (0.85, 0.9, 0.95)])
    assert gain_interval(skills, same).high > 2.776 * 0.05 / math.sqrt(3)


@pytest.mark.parametrize(("seeds", "images", "others"), [(1, 9, 9), (6, 9, 9), (3, 1, 1), (3, 9, 8)])
def test_a_gain_of_too_few_networks_or_images_is_refused(seeds: int, images: int, others: int) -> None:
    with pytest.raises(ValueError, match="seeds"):
        gain_interval(torch.ones(seeds, images, dtype=torch.bool), torch.ones(seeds, others, dtype=torch.bool))


# --- intervals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "share"), [(1000, 0.873), (10_000, 0.883), (400, 0.94)])
def test_the_interval_of_an_accuracy_is_about_two_standard_errors_each_way(count: int, share: float) -> None:
    low, high = bootstrap_interval(right_and_wrong(count, share))
    error = math.sqrt(share * (1 - share) / count)
    assert low == pytest.approx(share - 1.96 * error, abs=0.3 * error)
    assert high == pytest.approx(share + 1.96 * error, abs=0.3 * error)


def test_the_interval_is_numpys_percentile_of_means_of_redrawn_values() -> None:
    values = np.random.default_rng(0).exponential(size=300)
    redrawn = np.random.default_rng(1).choice(values, size=(20_000, 300)).mean(1)
    low, high = bootstrap_interval(torch.from_numpy(values), level=0.8, draws=4000)
    assert (low, high) == pytest.approx(tuple(np.percentile(redrawn, [10, 90])), rel=0.01)


def test_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    generator = torch.Generator().manual_seed(0)
    held = 0
    for _ in range(200):
        low, high = bootstrap_interval(torch.rand(300, generator=generator) < 0.7, draws=300)
        held += low <= 0.7 <= high
    assert 180 <= held <= 199


def test_the_same_seed_gives_the_same_interval_and_certainty_has_no_width() -> None:
    values = torch.randn(50, generator=torch.Generator().manual_seed(0))
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3) != bootstrap_interval(values)
    assert bootstrap_interval(torch.ones(20)) == (1.0, 1.0)


@pytest.mark.parametrize("values", [torch.ones(0), torch.ones(3, 2), torch.tensor(1.0)])
def test_what_is_no_row_of_values_is_refused(values: Tensor) -> None:
    with pytest.raises(ValueError, match=re.escape(str(tuple(values.shape)))):
        bootstrap_interval(values)


@pytest.mark.parametrize("wrong", [{"level": 95}, {"level": 0}, {"draws": 0}])
def test_an_interval_without_a_share_or_a_draw_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        bootstrap_interval(torch.ones(5), **wrong)


# --- calibration -------------------------------------------------------------------------------------------------


def test_the_bins_of_a_reliability_are_counted_by_hand() -> None:
    sure = torch.tensor([0.95, 0.95, 0.85, 0.6, 0.6, 0.6])
    shares = torch.stack([sure, 1 - sure], 1)
    found = reliability(shares, torch.tensor([0, 0, 1, 0, 0, 1]))
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 3, 0, 0, 1, 2]  # 0.6 lies on a border: the lower bin
    assert found.accuracy[[5, 8, 9]].tolist() == pytest.approx([2 / 3, 0, 1])
    assert found.confidence[[5, 8, 9]].tolist() == pytest.approx([0.6, 0.85, 0.95])
    assert found.accuracy[:5].isnan().all() and found.confidence[6:8].isnan().all()
    assert found.error == pytest.approx((3 * (2 / 3 - 0.6) + 0.85 + 2 * 0.05) / 6)


def test_the_calibration_error_is_what_a_loop_over_images_gives() -> None:
    logits, labels = made_up(700)
    shares = (1.7 * logits).softmax(1).numpy()
    confidence, right = shares.max(1), shares.argmax(1) == labels.numpy()
    by_hand = 0.0
    for k in range(15):
        inside = [i for i in range(700) if k / 15 < confidence[i] <= (k + 1) / 15]
        if inside:
            by_hand += abs(sum(right[inside]) - sum(confidence[inside].astype(float))) / 700
    assert reliability(torch.from_numpy(shares), labels, bins=15).error == pytest.approx(by_hand, abs=1e-6)


def test_labels_drawn_from_the_probabilities_are_calibrated_and_sharper_ones_are_not() -> None:
    logits, labels = made_up(20_000)
    assert (
        reliability(logits.softmax(1), labels).error < 0.01 < 0.1 < reliability((3 * logits).softmax(1), labels).error
    )


@pytest.mark.parametrize(
    ("probabilities", "labels", "words"),
    [
        (torch.randn(4, 10), torch.zeros(4, dtype=torch.int64), "not logits"),
        (torch.ones(4, 1), torch.zeros(3, dtype=torch.int64), r"\(4, 1\) and \(3,\)"),
        (torch.ones(0, 10), torch.zeros(0, dtype=torch.int64), "at least one image"),
    ],
)
def test_what_are_no_probabilities_is_refused(probabilities: Tensor, labels: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reliability(probabilities, labels)
    with pytest.raises(ValueError, match="bins must be at least 1, got 0"):
        reliability(probabilities, labels, bins=0)


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_the_temperature_is_the_one_that_the_labels_were_drawn_with(truth: float) -> None:
    logits, labels = made_up(20_000, truth)
    assert fit_temperature(logits, labels) == pytest.approx(truth, rel=0.03)


def test_no_other_temperature_has_a_lower_cross_entropy() -> None:
    logits, labels = made_up(500, 1.4)
    found = fit_temperature(logits, labels)
    losses = {t: float(LOSS(logits.double() / t, labels)) for t in np.linspace(0.3, 4, 2000)}
    assert found == pytest.approx(min(losses, key=losses.__getitem__), abs=0.002)
    assert float(LOSS(logits.double() / found, labels)) <= min(losses.values()) + 1e-12


def test_a_temperature_that_cannot_be_found_is_told() -> None:
    logits = torch.eye(10)
    with pytest.raises(ValueError, match="most of them classified correctly"):
        fit_temperature(logits, torch.arange(10))
    with pytest.raises(ValueError, match="10 images"):
        fit_temperature(logits, (torch.arange(10) + 1) % 10)
    with pytest.raises(ValueError, match=r"\(10, 10\) and \(9,\)"):
        fit_temperature(logits, torch.arange(9))


# --- classes, people ---------------------------------------------------------------------------------------------


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    confusion = torch.randint(1, 50, (10, 10), generator=torch.Generator().manual_seed(0))
    metrics = Metrics(0.0, 0.0, confusion)
    wanted = [2 / (1 / float(p) + 1 / float(r)) for p, r in zip(metrics.precision, metrics.recall, strict=True)]
    assert metrics.f1.tolist() == pytest.approx(wanted)


def test_a_class_that_is_never_said_has_an_f1_of_zero_and_one_that_never_occurs_has_none() -> None:
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    confusion[0, 0], confusion[1, 0] = 8, 2
    f1 = Metrics(0.0, 0.0, confusion).f1
    assert f1[:2].tolist() == pytest.approx([16 / 18, 0]) and f1[2:].isnan().all()


def test_the_matrix_of_people_is_cifar_10h_with_its_source() -> None:
    people = human_confusion()
    assert people.shape == (10, 10) and torch.allclose(people.sum(1), torch.ones(10).double(), atol=1e-4)
    assert round(100 * float(people.diagonal().mean()), 2) == 95.23
    hardest = people.diagonal().argsort()[:2]
    assert [CLASSES[k] for k in hardest] == ["deer", "cat"]
    assert people[CLASSES.index("deer"), CLASSES.index("horse")] == 0.04310  # and not the other way round
    text = (resources() / "human_confusion.csv").read_text(encoding="utf-8")
    assert all(words in text for words in ("CIFAR-10H", "Peterson", "2019", "CC BY-NC-SA 4.0"))
