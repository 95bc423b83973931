"""The ladder of lesson 08: each rung is one change, recorded three times, and agrees with its records."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cifar_helpers import CifarCNN
from cifar_helpers.evaluation import gain_interval
from cifar_helpers.runs import load_run
from cifar_helpers.runs.ablation import ABLATIONS, ALTERNATIVES, FAST, Ablation, measured, names_of

ALL = (*ABLATIONS, *ALTERNATIVES, *FAST)

# The fields of a recipe that each change touches; six views are a further measurement of the same networks.
CHANGED = {
    "ladder-high-rate": {"learning_rate"},
    "ladder-one-cycle": {"one_cycle"},
    "ladder-no-dropout": {"dropout"},
    "ladder-no-hidden": {"network"},
    "ladder-deeper": {"depth"},
    "ladder-residual": {"residual"},
    "ladder-shift": {"shift"},
    "ladder-smoothing": {"label_smoothing"},
    "ladder-average": {"averaging"},
}


def correct(run: str, views: int = 1) -> torch.Tensor:
    return torch.stack([load_run(name).correct(views) for name in (run, f"{run}-seed-1", f"{run}-seed-2")])


def changes(run: str, before: str) -> set[str]:
    """Fields of the recipes in which two runs differ, apart from what is measured at the end."""
    one, other = (asdict(replace(load_run(name).recipe, about="", views=0)) for name in (run, before))
    return {field for field in one if one[field] != other[field]}


@pytest.mark.records
def test_each_rung_changes_one_thing_against_its_base() -> None:
    for rung in (*ABLATIONS[1:], *ALTERNATIVES):
        expected = CHANGED[rung.run] if rung.views == 1 else set()
        assert changes(rung.run, rung.base) == expected and len(expected) <= 1, rung.change


@pytest.mark.records
def test_a_rung_of_the_ladder_has_the_rung_before_as_its_base() -> None:
    assert [rung.base for rung in ABLATIONS] == ["", *(rung.run for rung in ABLATIONS[:-1])]
    assert {rung.base for rung in ALTERNATIVES} < {rung.run for rung in ABLATIONS}


@pytest.mark.parametrize("rung", ALL, ids=lambda rung: f"{rung.run}, {rung.views}")
def test_a_rung_is_runs_that_differ_by_their_seed_alone(rung: Ablation) -> None:
    one, runs = measured(rung), [load_run(name) for name in names_of(rung)]
    measure = "validation" if rung.views == 1 else f"validation, {rung.views} views"
    recorded = [run.metrics[measure]["accuracy"] for run in runs]
    assert one.accuracies == tuple(recorded) and len(set(recorded)) == len(runs)
    assert one.accuracy == pytest.approx(sum(recorded) / len(runs))
    assert tuple(run.recipe.seed for run in runs) == rung.seeds
    if rung.base:
        assert one.gain == gain_interval(correct(rung.run, rung.views), correct(rung.base))
    else:
        assert one.gain is None
    if rung.run == "fast-16":
        assert rung.seeds == (0,) and math.isnan(one.spread)
    else:
        assert rung.seeds == (0, 1, 2) and 0 < one.spread < 0.02


@pytest.mark.records
def test_operations_are_those_of_the_network_with_all_its_views_and_of_the_whole_training_run() -> None:
    one, six = measured(ABLATIONS[-2]), measured(ABLATIONS[-1])
    assert six.operations == 6 * one.operations and six.training_operations == one.training_operations
    assert one.training_operations == 3 * one.operations * 40_000 * 6
    first = measured(ABLATIONS[0])
    with FlopCounterMode(display=False) as counter:
        CifarCNN().eval()(torch.zeros(1, 3, 32, 32))
    assert first.operations == counter.get_total_flops()


@pytest.mark.records
def test_a_rung_is_shown_with_its_gain_spread_cost_and_reason() -> None:
    three, one = measured(ABLATIONS[2]), measured(FAST[-1])
    first, why = str(three).splitlines()
    shown = f"one-cycle rate, peak 0.1: {three.gain}, accuracy {three.accuracy:.1%} ± {100 * three.spread:.1f}, "
    assert first.startswith(shown) and first.endswith(" million operations per image, 1,276,682 parameters")
    assert why.strip() == ABLATIONS[2].why
    assert f"{one.accuracy:.1%} (one seed), " in str(one) and "nan" not in str(one)


def test_runs_of_other_recipes_are_no_rung() -> None:
    with pytest.raises(ValueError, match="no recorded run 'published-25-seed-1'"):
        measured(Ablation("published-25", "", ""))


@pytest.mark.records
def test_the_fast_network_passes_90_percent_in_eight_minutes_with_every_seed() -> None:
    for name in names_of(FAST[0]):
        run = load_run(name)
        assert run.metrics["validation"]["accuracy"] >= 0.9, name
        assert sum(row.seconds for row in run.history) <= 8 * 60, name
        assert run.config["machine"]["threads"] == run.config["machine"]["cores"] == 2, name


@pytest.mark.records
def test_the_best_network_takes_less_than_an_hour_on_two_cores() -> None:
    best, others = measured(FAST[-1]), [measured(rung) for rung in ALL[:-1]]
    assert best.accuracy > max(other.accuracy for other in others) and best.seconds <= 60 * 60
    machine = load_run(FAST[-1].run).config["machine"]
    assert machine["threads"] == machine["cores"] == 2
