"""The ladder of lesson 08: each rung is one change, recorded three times, and says what the records say."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace

import pytest

from cifar_helpers import ladder
from cifar_helpers.ladder import BESIDE, RUNGS, Rung, measured, names_of, timed_runs
from cifar_helpers.runs import load_run, run_names

MISSING = sorted({name for rung in (*RUNGS, *BESIDE) for name in names_of(rung.run)} - set(run_names()))
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not recorded yet: {', '.join(MISSING)}")

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
}


def changes(run: str, before: str) -> set[str]:
    """Fields of the recipes in which two runs differ."""
    one, other = (asdict(replace(load_run(name).recipe, about="")) for name in (run, before))
    return {field for field in one if one[field] != other[field]}


def test_each_rung_changes_one_thing_against_the_one_before() -> None:
    runs = list(dict.fromkeys(rung.run for rung in RUNGS))
    assert {run: changes(run, before) for before, run in itertools.pairwise(runs)} == {
        run: CHANGED[run] for run in runs[1:]
    }
    assert {rung.run: changes(rung.run, "ladder-smoothing") for rung in BESIDE} == {
        rung.run: CHANGED[rung.run] for rung in BESIDE
    }


@pytest.mark.parametrize("rung", [*RUNGS, *BESIDE], ids=lambda rung: f"{rung.run}, {rung.measure}")
def test_a_rung_is_three_runs_that_differ_by_their_seed_alone(rung: Rung) -> None:
    one, runs = measured(rung), [load_run(name) for name in names_of(rung.run)]
    if rung.measure == "last epoch":
        recorded = [run.history.rows[-1].validation_accuracy for run in runs]
    else:
        recorded = [run.metrics[rung.measure]["accuracy"] for run in runs]
    assert one.accuracies == tuple(recorded) and len(set(recorded)) == 3
    assert one.accuracy == pytest.approx(sum(recorded) / 3) and 0 < one.spread < 0.02
    assert [run.recipe.seed for run in runs] == [0, 1, 2]


def test_runs_of_other_recipes_are_no_rung() -> None:
    with pytest.raises(ValueError, match="no recorded run 'published-25-seed-1'"):
        measured(Rung("published-25", "", ""))


def test_every_recipe_of_the_ladder_was_timed() -> None:
    assert set(ladder.seconds_of_epochs()) == {run.name for run in timed_runs()}
