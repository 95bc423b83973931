"""The ladder of lesson 08: one change after the other, each with its gain, its cost and its reason.

Every rung is three recorded runs (seeds 0, 1 and 2) in `resources/runs/`. Seconds are those of the benchmark, part `g`:
the records of different rungs were made at different times, and compare in accuracy only.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from cifar_helpers.models import count_parameters
from cifar_helpers.runs import Run, load_run, run_names
from cifar_helpers.timing import recorded_benchmark

__all__ = ["BESIDE", "RUNGS", "SEEDS", "Measured", "Rung", "measured", "names_of", "seconds_of_epochs"]

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Rung:
    """One step of the ladder.

    Attributes:
        run: name of the recorded run with seed 0.
        change: what is changed against the rung before, a few words.
        why: the reason for its gain or loss, a sentence.
        measure: what of the record counts: `validation`, `validation, 6 views`, or `last epoch` for the weights before
            they are averaged.
    """

    run: str
    change: str
    why: str
    measure: str = "validation"


RUNGS: tuple[Rung, ...] = (
    Rung("ladder-start", "CifarCNN, constant rate", "The foot: momentum, weight decay, flips, 6 epochs."),
    Rung(
        "ladder-one-cycle",
        "one-cycle rate",
        "A high rate travels far in few steps; its fall to zero lets the network settle.",
    ),
    Rung("ladder-shift", "shifts by 2 pixels", "Each epoch shows other pictures, at next to no cost."),
    Rung("ladder-smoothing", "label smoothing", "No image pulls for ever once it is known."),
    Rung(
        "ladder-no-hidden",
        "no hidden layers",
        "The mean of each channel, straight to the answers: nine tenths of the parameters go, and they were of use.",
    ),
    Rung("ladder-deeper", "two more convolutions a stage", "Depth gives larger receptive fields and finer features."),
    Rung(
        "ladder-average",
        "a way round them",
        "The layers learn a change to what is there, and batches agree better about what early layers should do.",
        measure="last epoch",
    ),
    Rung("ladder-average", "mean of the last weights", "Averaging cancels the jitter of single steps."),
    Rung(
        "ladder-average",
        "six views of each image",
        "What is chance in one view cancels out in six, at six times the cost of an answer.",
        measure="validation, 6 views",
    ),
)
"""From `CifarCNN` upwards; each rung keeps the changes of those before it."""

BESIDE: tuple[Rung, ...] = (
    Rung("ladder-cutout", "cutout of 8 pixels", "It fights overfitting, which 6 epochs do not reach."),
    Rung("ladder-mixup", "mixup", "It makes each step harder, which pays in long trainings."),
)
"""Changes against the rung with label smoothing that the ladder does not keep."""


@dataclass(frozen=True)
class Measured:
    """What a rung reached.

    Attributes:
        rung: which one.
        accuracies: on the 10,000 validation images, one for each seed, 0..1.
        parameters: numbers that training may change.
        seconds: of the whole training, validation after each epoch included, on two quiet cores.
    """

    rung: Rung
    accuracies: tuple[float, ...]
    parameters: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """Mean over the seeds."""
        return statistics.mean(self.accuracies)

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds."""
        return statistics.stdev(self.accuracies)


def names_of(run: str) -> tuple[str, ...]:
    """The recorded runs of all seeds."""
    return tuple(run if seed == 0 else f"{run}-seed-{seed}" for seed in SEEDS)


def measured(rung: Rung) -> Measured:
    """Read what a rung reached from its records.

    Raises:
        ValueError: if a run is not recorded, does not differ from its seed 0 by the seed alone, or its epoch was not
            timed.
    """
    runs = [load_run(name) for name in names_of(rung.run)]
    for run in runs:
        if replace(run.recipe, seed=0, about="") != replace(runs[0].recipe, about=""):
            raise ValueError(f"run {run.name!r} is not {rung.run!r} with another seed: their recipes differ")
    accuracies = tuple(_accuracy(run, rung.measure) for run in runs)
    seconds = runs[0].recipe.epochs * seconds_of_epochs()[rung.run]
    return Measured(rung, accuracies, count_parameters(runs[0].recipe.model()), seconds)


def _accuracy(run: Run, measure: str) -> float:
    if measure == "last epoch":
        return run.history.rows[-1].validation_accuracy
    return float(run.metrics[measure]["accuracy"])


def seconds_of_epochs() -> dict[str, float]:
    """Name of a run to the seconds of one epoch of its recipe, as the benchmark measured them last."""
    return {row["run"]: float(row["median"]) for row in recorded_benchmark("g")}


def timed_runs() -> list[Run]:
    """One run for each recipe of the ladder and of the fast networks, whose epochs the benchmark times."""
    return [load_run(n) for n in run_names() if n.startswith(("ladder-", "fast-")) and "-seed-" not in n]
