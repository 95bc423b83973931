"""What lesson 04 says about its results is true of the records, of its stored outputs, and of runs on the drawings."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import Any

import nbformat
import pytest
import torch
from helpers import NOTEBOOKS, after_cell, code_cells
from torch import nn

from cifar_helpers import Cifar10, load_run
from cifar_helpers.runs.records import Run

LESSON = nbformat.read(NOTEBOOKS / "04_training_and_overfitting.ipynb", as_version=4).cells
BOTH = [pytest.param("sketches"), pytest.param("real_data", marks=pytest.mark.real)]
RECIPES = ("small-plain", "small-decay", "small-dropout", "small-augment", "more-data-same-steps", "more-data")


def text(words: str) -> str:
    """The one cell of Markdown that contains the words."""
    (source,) = [cell.source for cell in LESSON if cell.cell_type == "markdown" and words in cell.source]
    return str(source)


def stored(words: str) -> str:
    """What the one cell of code that contains the words printed on the real data, or the alt text of its picture."""
    (cell,) = [cell for cell in LESSON if cell.cell_type == "code" and words in cell.source]
    return "\n".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def numbers(printed: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", printed)]


def seeds(name: str) -> list[Run]:
    return [load_run(name + seed) for seed in ("", "-seed-1", "-seed-2")]


def mean(name: str, part: str = "validation", what: str = "accuracy") -> float:
    return sum(float(run.metrics[part][what]) for run in seeds(name)) / 3


@pytest.fixture(params=BOTH)
def names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the lesson's first cell defines, with the drawings or the real data."""
    data: Cifar10 = request.getfixturevalue(request.param)
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setattr("cifar_helpers.load_cifar10", lambda: data)
    first: dict[str, Any] = {}
    exec(code_cells("04")[0], first)
    return first


# --- part one: on any data ----------------------------------------------------------------------------------------


def test_the_first_loss_is_near_ln_10_and_a_step_is_a_small_share_of_the_weights(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("04", "for _ in range(5):", names)
    losses = numbers(capsys.readouterr().out)
    assert losses[0] == pytest.approx(math.log(10), abs=0.1) and losses == sorted(losses, reverse=True)
    after_cell("04", "change = -0.05 * weight.grad", names)
    shares = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert len(shares) == 6 and all(0.001 < share < 0.01 for share in shares)


def test_one_batch_is_learned_by_heart_and_a_blind_network_stays_near_ln_10(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("04", "BatchLoader(some, 20)", names)
    assert float(capsys.readouterr().out.split()[-1]) < 0.05  # "practically zero"
    after_cell("04", '("zeros", 0.0)', names)
    seeing, blind = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines())
    assert blind == pytest.approx(math.log(10), abs=0.1) and seeing < blind - 0.3


def test_two_gradients_and_three_steps_are_those_that_torch_finds(capsys: pytest.CaptureFixture[str]) -> None:
    values = after_cell("04", "slope_of_z = 2 * (z - y)", {})
    after_cell("04", "first = torch.tensor(w1", {**values, "torch": torch})
    by_hand, by_torch = capsys.readouterr().out.splitlines()[-2:]
    assert by_hand == by_torch


# --- part one: on CIFAR-10 ----------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_sweep_has_a_valley_between_rates_that_do_nothing_and_one_that_diverges() -> None:
    said = stored("figures.rate_sweep")
    lowest, rate, at_smallest = numbers(said)[:3]
    assert 0.01 <= rate <= 0.1 and lowest < 2.1 and at_smallest > 2.25 and "diverged at 1." in said
    assert "a rate of 1 *diverges*" in text("*diverges*")


@pytest.mark.real
def test_the_nearest_class_mean_classifies_as_many_images_as_the_lesson_says(real_data: Cifar10) -> None:
    train, validation = real_data.split()
    means = torch.stack([train.images[train.labels == k].float().mean(0).flatten() for k in range(10)])
    nearest = torch.cdist(validation.images.float().flatten(1), means).argmin(1)
    accuracy = float((nearest == validation.labels).float().mean())
    assert f"the nearest class mean classifies {accuracy:.1%}".replace("%", " %") in text("nearest class mean")


# --- schedules and long runs ----------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_validation_loss_wobbles_at_a_high_rate_and_falls_every_time_at_the_end() -> None:
    history = load_run("good-25").history
    losses, rates = history["validation_loss"], history["learning_rate"]
    high = [k for k in range(1, len(losses)) if rates[k] > 0.05]
    rises = [losses[k] > losses[k - 1] for k in high]
    assert 3 <= sum(rises) < len(rises)
    assert all(losses[k] < losses[k - 1] for k in range(20, 25)) and "In the last five epochs" in text(
        "label smoothing, a"
    )
    assert all(row.train_loss > row.validation_loss for row in history) and load_run("good-25").recipe.label_smoothing


@pytest.mark.records
def test_the_hundred_epochs_turn_where_the_lesson_says_so() -> None:
    history = load_run("published-100").history
    best = history.best_epoch
    assert f"lowest after epoch {best} and then rises" in text("*memorises*")
    assert history["validation_accuracy"][-1] == pytest.approx(history["validation_accuracy"][best - 1], abs=0.005)
    assert history.rows[0].train_accuracy < history.rows[0].validation_accuracy  # "the gap begins below zero"
    (patience, stopped, kept, *_), *others = (numbers(line) for line in stored("stop_after(long").splitlines()[1:])
    assert (patience, stopped < best, kept < best) == (2, True, True)
    assert all(row[1] >= stopped for row in others) and others[-1][2] == best


@pytest.mark.records
def test_twenty_five_epochs_take_a_quarter_of_the_time_and_cost_four_points() -> None:
    short, long = load_run("published-25"), load_run("published-100")
    shares = [run.metrics["validation"]["accuracy"] for run in (short, long)]
    errors = [2 * (share * (1 - share) / 10_000) ** 0.5 for share in shares]
    assert shares[0] + errors[0] < shares[1] - errors[1] - 0.01  # "far apart"
    assert 100 * (shares[1] - shares[0]) == pytest.approx(4, abs=0.1)
    assert sum(short.history["seconds"]) / sum(long.history["seconds"]) == pytest.approx(0.25, abs=0.05)


@pytest.mark.records
def test_the_good_recipe_is_what_the_lesson_says() -> None:
    good, long = load_run("good-25"), load_run("published-100")
    end = long.metrics["validation"]["accuracy"]
    passed = next(row.epoch for row in good.history if row.validation_accuracy > end)
    assert f"passes the end of the 100 epochs in its epoch {passed}" in text("The new recipe")
    accuracies = good.history["validation_accuracy"]
    assert 100 * (accuracies[-1] - accuracies[-6]) == pytest.approx(5, abs=0.3)
    both = asdict(good.recipe), asdict(long.recipe)
    other = {key for key in both[0] if both[0][key] != both[1][key]}
    other -= {"about", "epochs", "keep_weights", "keep_after", "one_cycle"}  # the schedule and its peak are one thing
    assert len(other) == 7 and "seven things" in text("How a network is trained")
    words = text("A recipe that makes 25 epochs better")
    target = 1 - good.recipe.label_smoothing * 0.9
    assert f"dropout {good.recipe.dropout} instead of {long.recipe.dropout}" in words
    assert f"{target:.1%}".replace("%", " %") in words
    smoothed = nn.functional.cross_entropy(torch.zeros(1, 10), torch.tensor([3]), label_smoothing=0.05)
    assert float(smoothed) == pytest.approx(math.log(10))


# --- what helps against overfitting ---------------------------------------------------------------------------------


@pytest.mark.records
def test_the_recipes_change_one_thing_and_the_last_takes_as_many_steps() -> None:
    plain = load_run("small-plain").recipe
    changes = {"small-decay": {"weight_decay"}, "small-dropout": {"dropout"}, "small-augment": {"flip", "shift"}}
    changes |= {"more-data": {"train_images"}, "more-data-same-steps": {"train_images", "epochs"}}
    for name, fields in changes.items():
        for seed, run in enumerate(seeds(name)):
            differing = {key for key, value in asdict(run.recipe).items() if value != asdict(plain)[key]}
            assert differing - {"about", "seed"} == fields and run.recipe.seed == seed
    steps = {name: load_run(name).recipe.epochs * load_run(name).config["data"]["train images"] for name in RECIPES}
    assert steps["more-data-same-steps"] == steps["small-plain"] == steps["more-data"] / 4


@pytest.mark.records
@pytest.mark.parametrize("name", RECIPES)
def test_what_a_record_calls_correct_is_its_accuracy(name: str) -> None:
    for run in seeds(name):
        assert float(run.correct().float().mean()) == pytest.approx(run.metrics["validation"]["accuracy"], abs=1e-5)


@pytest.mark.records
def test_pairs_make_the_interval_narrower() -> None:
    paired, unpaired = re.findall(r"± ([\d.]+)", stored("unpaired = "))
    assert float(paired) < 0.7 * float(unpaired) and "much narrower" in text("the paired interval is")


@pytest.mark.records
def test_each_gain_is_as_large_as_the_lesson_says() -> None:
    def gains(name: str) -> list[tuple[float, float]]:
        pairs = zip(seeds(name), seeds("small-plain"), strict=True)
        differences = [run.correct().double() - base.correct().double() for run, base in pairs]
        return [(100 * float(d.mean()), 200 * float(d.std()) / len(d) ** 0.5) for d in differences]

    words = text("Flips and shifts gain about 5 points")
    about = {"small-augment": 5, "small-dropout": 1, "small-decay": 0.5, "more-data-same-steps": 8}
    for name, points in about.items():
        found = gains(name)
        assert sum(g for g, _ in found) / 3 == pytest.approx(points, abs=0.3) and all(g > 0 for g, _ in found)
        assert all(g < error for g, error in found) is (name == "small-decay")  # "each of its intervals includes zero"
    same, more = ([g for g, _ in gains(name)] for name in ("more-data-same-steps", "more-data"))
    assert all(a < b for a, b in zip(same, more, strict=True))
    assert f"about {sum(same) / 3:.0f} points in as many steps, and {sum(more) / 3:.0f} with four times" in words


@pytest.mark.records
def test_the_gap_and_the_loss_are_what_the_lesson_says() -> None:
    train = {name: 100 * mean(name, "training") for name in RECIPES}
    assert train["small-plain"] > 99.95 and train["small-decay"] > 99.95 and "by heart: 100 %" in text("a narrower gap")
    assert all(90 < train[name] < 98 for name in ("small-dropout", "small-augment"))  # "lower it a little"
    loss = {name: mean(name, what="loss") for name in ("small-plain", "small-decay")}
    assert 0.5 < loss["small-decay"] / loss["small-plain"] < 0.6  # "little more than half"
    history = load_run("small-plain").history
    best, last = history.rows[history.best_epoch - 1], history.rows[-1]
    words = text("Accuracy is only one side")
    assert f"lowest loss after epoch {best.epoch}, with {best.validation_accuracy:.1%}".replace("%", " %") in words
    assert 100 * (last.validation_accuracy - best.validation_accuracy) == pytest.approx(10, abs=0.5)
