"""What the questions of lesson 09 say about transfer is true of the records, and of a network that is fine-tuned."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from helpers import ALL, right
from torch import nn

from cifar_helpers import load_run
from cifar_helpers.checks.lesson_09 import questions
from cifar_helpers.checks.questions import Choice, Number
from cifar_helpers.runs.transfer import Arm, arms, gain


def found(task: str) -> dict[tuple[str, int], Arm]:
    return {(arm.method, arm.images): arm for arm in arms(task)}


def replies(name: str) -> str:
    """All replies to a question, each in a line."""
    question = ALL[name]
    assert isinstance(question, Choice)
    return "\n".join(option.says for option in question.options)


# --- predictions -------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_ranges_of_borrowed_features_are_where_the_record_has_the_other_methods() -> None:
    question = ALL["borrowed_features"]
    assert isinstance(question, Number)
    truth, scratch, many = questions.borrowed_features(), questions.few_from_scratch(), questions.many_borrowed()
    assert f"About {scratch} % is what" in question.beliefs[1].says and f"about {many} %" in question.beliefs[2].says
    assert question.beliefs[1].low < scratch < question.beliefs[1].high < truth - question.close
    assert truth + question.close < question.beliefs[2].low < many


@pytest.mark.records
def test_with_a_thousand_per_class_each_method_is_better_than_the_next_with_every_seed() -> None:
    assert right("thousand_per_class").startswith("Fine-tuning and probe, close together, then from scratch: ")
    tuned = gain("ten classes", 1000, "fine-tuning", "linear probe")
    assert not tuned.is_beyond_chance and "its lead is uncertain" in replies("thousand_per_class")
    for better, worse in pairwise(("fine-tuning", "linear probe", "from scratch")):
        assert min(gain("ten classes", 1000, better, worse).of_seeds) > 0
    tuning = gain("ten classes", 1000, "fine-tuning", "linear probe").of_seeds
    ahead = f"fine-tuning is {100 * min(tuning):.1f} to {100 * max(tuning):.1f} points ahead of the probe"
    assert ahead in replies("thousand_per_class") and "at least 5 points behind" in replies("thousand_per_class")
    for method in ("linear probe", "fine-tuning"):
        assert min(gain("ten classes", 1000, method).of_seeds) > 0.05 and gain("ten classes", 1000, method).low > 0
    ten = found("ten classes")
    gains = {m: ten[m, 1000].accuracy - ten[m, 10].accuracy for m in ("linear probe", "fine-tuning", "from scratch")}
    assert max(gains, key=lambda method: gains[method]) == "from scratch"
    distances = [gain("ten classes", images, "linear probe", "from scratch").mean for images in (10, 100, 1000)]
    assert distances[2] < 0.5 * distances[0]
    whole = load_run("good-25")
    assert 100 * whole.metrics["validation"]["accuracy"] == pytest.approx(88, abs=0.5)
    assert whole.recipe.epochs == 25 and whole.config["data"]["train images"] == 40_000
    assert (
        whole.metrics["validation"]["accuracy"]
        > ten["fine-tuning", 1000].accuracy + ten["fine-tuning", 1000].half_width
    )


@pytest.mark.records
def test_maps_beat_hidden_units_and_these_fall_behind_training_from_scratch() -> None:
    assert right("own_features").startswith("The maps do better")
    assert "The hidden units even fall behind training from scratch" in replies("own_features")
    hidden = "linear probe, hidden units"
    assert gain("deer or horse", 500, "linear probe", hidden).low > 0
    assert gain("deer or horse", 500, hidden, "from scratch").high < 0
    both = found("deer or horse")
    assert min(both[method, 500].accuracy for method in (hidden, "linear probe")) > 0.75  # "far beyond guessing"


@pytest.mark.records
def test_from_scratch_is_best_at_quarter_turns_and_all_are_far_from_guessing() -> None:
    assert right("quarter_turns").endswith("from scratch")
    for means in ("linear probe", "linear probe, ImageNet"):
        assert gain("quarter turns", 400, "from scratch", means).low > 0
        assert found("quarter turns")[means, 400].accuracy > 0.25 + 0.2
    scratch, of_imagenet, of_cifar, of_none = questions.turns_recognised()
    assert (round(scratch), round(of_imagenet), round(of_cifar)) == (59, 51, 51) and of_none != of_none


# --- quiz --------------------------------------------------------------------------------------------------------


def test_without_eval_the_batch_norms_of_frozen_stages_drift_and_with_it_they_do_not() -> None:
    assert right("quiz_09_1").startswith("Batch norm normalises by each small batch")
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(2))
    images = 3 + torch.randn(8, 3, 5, 5)
    network(images)
    for keep in (False, True):
        model = copy.deepcopy(network)
        model[:3].requires_grad_(False)
        before = [tensor.clone() for tensor in model[:3].state_dict().values()]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        model.train()
        if keep:
            model[:3].eval()
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), torch.arange(8) % 2).backward()
            optimizer.step()
        same = [torch.equal(a, b) for a, b in zip(before, model[:3].state_dict().values(), strict=True)]
        assert all(same) == keep
        names = [name for name, kept in zip(model[:3].state_dict(), same, strict=True) if not kept]
        assert all("running" in name or "num_batches" in name for name in names)


def test_sums_in_another_order_differ_by_rounding_and_float16_by_far_more() -> None:
    torch.manual_seed(0)
    weights, inputs = torch.randn(10, 256) / 16, torch.randn(100, 256)
    exact = inputs.double() @ weights.double().T
    float32 = (inputs.flip(1) @ weights.flip(1).T - inputs @ weights.T).abs().max()
    float16 = (inputs @ weights.half().float().T - exact).abs().max()
    assert 0 < float(float32) < 1e-5 and float(float16) > 1e-4
    assert right("quiz_09_5").startswith("Rounding in another order")
