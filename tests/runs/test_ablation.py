"""The ladder of lesson 08: each rung is one change, recorded three times, and agrees with its records."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, replace

import pytest
import torch
from matplotlib.colors import to_hex
from torch.utils.flop_counter import FlopCounterMode

from cifar_helpers import figures
from cifar_helpers.runs import ablation, load_run
from cifar_helpers.runs.ablation import ABLATIONS, ALTERNATIVES, FAST, Ablation, measured, names_of, timed_runs
from cifar_helpers.timing import recorded_benchmark

ALL = (*ABLATIONS, *ALTERNATIVES, *FAST)

# What each change touches: a schedule has another rate, and a mean of weights is looked at in one more way.
CHANGED = {
    "ladder-one-cycle": {"one_cycle", "learning_rate"},
    "ladder-shift": {"shift"},
    "ladder-smoothing": {"label_smoothing"},
    "ladder-no-hidden": {"network"},
    "ladder-deeper": {"depth"},
    "ladder-average": {"residual", "averaging", "views"},  # three rungs of one training, each measured apart
    "ladder-cutout": {"cutout"},
    "ladder-mixup": {"mixup"},
    "ladder-wider": {"width"},
}


def changes(run: str, before: str) -> set[str]:
    """Fields of the recipes in which two runs differ."""
    one, other = (asdict(replace(load_run(name).recipe, about="")) for name in (run, before))
    return {field for field in one if one[field] != other[field]}


@pytest.mark.records
def test_each_rung_changes_one_thing_against_the_one_before() -> None:
    runs = list(dict.fromkeys(rung.run for rung in ABLATIONS))
    assert {run: changes(run, before) for before, run in itertools.pairwise(runs)} == {
        run: CHANGED[run] for run in runs[1:]
    }
    assert {rung.run: changes(rung.run, "ladder-smoothing") for rung in ALTERNATIVES} == {
        rung.run: CHANGED[rung.run] for rung in ALTERNATIVES
    }


@pytest.mark.parametrize("rung", ALL, ids=lambda rung: f"{rung.run}, {rung.measure}")
def test_a_rung_is_runs_that_differ_by_their_seed_alone(rung: Ablation) -> None:
    one, runs = measured(rung), [load_run(name) for name in names_of(rung)]
    if rung.measure == "last epoch":
        recorded = [run.history.rows[-1].validation_accuracy for run in runs]
    else:
        recorded = [run.metrics[rung.measure]["accuracy"] for run in runs]
    assert one.accuracies == tuple(recorded) and len(set(recorded)) == len(runs)
    assert one.accuracy == pytest.approx(sum(recorded) / len(runs))
    assert tuple(run.recipe.seed for run in runs) == rung.seeds
    if rung.run == "fast-16":
        assert rung.seeds == (0,) and math.isnan(one.spread)
    else:
        assert rung.seeds == (0, 1, 2) and 0 < one.spread < 0.02


@pytest.mark.records
def test_seconds_are_timed_apart_for_the_ladder_and_recorded_for_the_fast_networks() -> None:
    timed = {row["run"]: row["median"] for row in recorded_benchmark("g")}
    for rung in (*ABLATIONS, *ALTERNATIVES):
        assert measured(rung).seconds == pytest.approx(6 * timed[rung.run]), rung.run
    for rung in FAST:
        totals = [sum(load_run(name).history["seconds"]) for name in names_of(rung)]
        assert measured(rung).seconds == pytest.approx(sum(totals) / len(totals)), rung.run


def test_the_lesson_reads_the_rungs_as_they_are() -> None:
    rungs, (cutout, mixup, wider) = ([measured(rung) for rung in rungs] for rungs in (ABLATIONS, ALTERNATIVES))
    tells_little = [
        number
        for number, (one, before) in enumerate(zip(rungs[1:], rungs[:-1], strict=True), start=2)
        if abs(one.accuracy - before.accuracy) < one.spread + before.spread
    ]
    assert tells_little == [3, 4, 8]  # shifts, label smoothing, the mean of the last weights
    assert rungs[4].accuracy < rungs[3].accuracy and rungs[5].accuracy > rungs[3].accuracy
    assert max(cutout.accuracy, mixup.accuracy) < rungs[3].accuracy < wider.accuracy < rungs[5].accuracy
    assert rungs[5].parameters < wider.parameters
    assert rungs[1].seconds == pytest.approx(rungs[0].seconds, rel=0.1)  # the step that costs nothing


@pytest.mark.records
def test_a_rung_is_shown_with_its_spread_cost_and_reason() -> None:
    three, one = measured(ABLATIONS[1]), measured(FAST[-1])
    first, why = str(three).splitlines()
    assert first.startswith(f"one-cycle rate: {three.accuracy:.1%} ± {100 * three.spread:.1f}, ")
    assert (
        first.endswith(f" {three.seconds / 60:.1f} minutes, 1,276,682 parameters") and why.strip() == ABLATIONS[1].why
    )
    assert f"{one.accuracy:.1%} (one seed), " in str(one) and "nan" not in str(one)


@pytest.mark.records
def test_in_a_longer_training_shifts_ended_above_the_base() -> None:
    base = [load_run(name).history.rows[-1] for name in ("lab-base", "lab-base-seed-1", "lab-base-seed-2")]
    shift = load_run("lab-shift")
    assert shift.recipe.epochs == 30 and changes("lab-shift", "lab-base") == {"shift"}
    assert shift.history.rows[-1].validation_accuracy > max(row.validation_accuracy for row in base)


def test_twice_the_width_is_nearly_four_times_the_arithmetic() -> None:
    flops = []
    for name in ("ladder-wider", "ladder-smoothing"):
        with FlopCounterMode(display=False) as counter:
            load_run(name).recipe.model().eval()(torch.zeros(1, 3, 32, 32))
        flops.append(counter.get_total_flops())
    assert 3.5 < flops[0] / flops[1] < 4


def test_runs_of_other_recipes_are_no_rung() -> None:
    with pytest.raises(ValueError, match="no recorded run 'published-25-seed-1'"):
        measured(Ablation("published-25", "", ""))


@pytest.mark.records
def test_every_recipe_of_the_ladder_was_timed() -> None:
    assert set(ablation.seconds_of_epochs()) == {run.name for run in timed_runs()}


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
    assert best.accuracy > max(other.accuracy for other in others)
    # "The last points take several times as long as all below."
    assert 4 * max(other.seconds for other in others) < best.seconds <= 60 * 60
    machine = load_run(FAST[-1].run).config["machine"]
    assert machine["threads"] == machine["cores"] == 2


def test_the_figure_has_a_mark_for_every_training_where_its_record_puts_it() -> None:
    groups = [[measured(rung) for rung in rungs] for rungs in (ABLATIONS, ALTERNATIVES, FAST)]
    axes = figures.ablation(*groups).axes[0]
    marks = {str(line.get_label()): line for line in axes.lines if not str(line.get_label()).startswith("_")}
    named = list(zip("123456789abcABC", itertools.chain(*groups), strict=True))
    assert list(marks) == [f"{name}  {one.rung.change}, {one.accuracy:.1%}" for name, one in named]
    for (_, one), line in zip(named, marks.values(), strict=True):
        assert line.get_xydata()[0] == pytest.approx((one.seconds / 60, 100 * one.accuracy))  # type: ignore[index]
    shown = {(line.get_marker(), to_hex(line.get_markerfacecolor())) for line in marks.values()}
    assert len(shown) == 3  # told apart by shape as well as by colour
    assert axes.get_xscale() == "log"
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 15
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    within = axes.get_xlim()
    assert all(within[0] < one.seconds / 60 < within[1] for _, one in named)
