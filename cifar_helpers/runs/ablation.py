"""The ladder of lesson 08: one change after the other, each with its gain, its cost and its reason.

Every rung is recorded runs in `resources/runs/`, three of them (seeds 0, 1 and 2) but for the longest. Seconds of the
first nine rungs and of what stands beside them are those of the benchmark, part `g`: their records were made side by
side, and compare in accuracy only. The fast networks were recorded alone, on both cores.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace

from cifar_helpers.models import count_parameters
from cifar_helpers.runs import Run, load_run, run_names
from cifar_helpers.timing import recorded_benchmark

__all__ = ["ABLATIONS", "ALTERNATIVES", "FAST", "Ablation", "Measured", "measured", "names_of", "seconds_of_epochs"]


@dataclass(frozen=True)
class Ablation:
    """One step of the ladder.

    Attributes:
        run: name of the recorded run with seed 0.
        change: what is changed against the rung before, a few words.
        why: the reason for its gain or loss, a sentence.
        measure: what of the record counts: `validation`, `validation, 6 views`, or `last epoch` for the weights before
            they are averaged.
        seeds: of its runs.
    """

    run: str
    change: str
    why: str
    measure: str = "validation"
    seeds: tuple[int, ...] = (0, 1, 2)


ABLATIONS: tuple[Ablation, ...] = (
    Ablation("ladder-start", "CifarCNN, constant rate", "The foot: momentum, weight decay, flips, 6 epochs."),
    Ablation(
        "ladder-one-cycle",
        "one-cycle rate",
        "A high rate travels far in few steps; its fall to zero lets the network settle.",
    ),
    Ablation(
        "ladder-shift",
        "shifts by 2 pixels",
        "Other pictures in each epoch fight overfitting, and six epochs hardly overfit.",
    ),
    Ablation(
        "ladder-smoothing", "label smoothing", "No image pulls for ever once it is known; six epochs know few so well."
    ),
    Ablation(
        "ladder-no-hidden",
        "no hidden layers",
        "The mean of each channel, straight to the answers: nine tenths of the parameters go, and they were of use.",
    ),
    Ablation(
        "ladder-deeper", "two more convolutions a stage", "Depth gives larger receptive fields and finer features."
    ),
    Ablation(
        "ladder-average",
        "a way round them",
        "The layers learn a change to what is there, and batches agree better about what early layers should do.",
        measure="last epoch",
    ),
    Ablation(
        "ladder-average",
        "mean of the last weights",
        "The jitter of single steps cancels out, but a rate that falls to zero has left little of it.",
    ),
    Ablation(
        "ladder-average",
        "six views of each image",
        "What is chance in one view cancels out in six, at six times the cost of an answer.",
        measure="validation, 6 views",
    ),
)
"""From `CifarCNN` upwards; each rung keeps the changes of those before it."""

ALTERNATIVES: tuple[Ablation, ...] = (
    Ablation("ladder-cutout", "cutout of 8 pixels", "It fights overfitting, which 6 epochs do not reach."),
    Ablation("ladder-mixup", "mixup", "It makes each step harder, which pays in long trainings."),
    Ablation("ladder-wider", "twice the width", "More features in each layer, at nearly four times the arithmetic."),
)
"""Changes against the rung with label smoothing that the ladder does not keep."""

FAST: tuple[Ablation, ...] = (
    Ablation("fast-5", "FastCNN, 5 epochs", "Whitened input, wide layers that hand on, alternate flips."),
    Ablation(
        "fast-5",
        "the same, six views",
        "For answers that matter more than the time they take.",
        measure="validation, 6 views",
    ),
    Ablation(
        "fast-16",
        "wider, 16 epochs, six views",
        "Width and time: a network this wide has room for what more epochs teach.",
        measure="validation, 6 views",
        seeds=(0,),
    ),
)
"""Networks and recipes designed for speed, above the ladder."""


@dataclass(frozen=True)
class Measured:
    """What a rung reached.

    Attributes:
        rung: which one.
        accuracies: on the 10,000 validation images, one for each seed, 0..1.
        parameters: numbers that training may change.
        seconds: of the whole training, validation after each epoch included, on two quiet cores; mean over the seeds.
    """

    rung: Ablation
    accuracies: tuple[float, ...]
    parameters: int
    seconds: float

    def __str__(self) -> str:
        chance = f"± {100 * self.spread:.1f}" if len(self.accuracies) > 1 else "(one seed)"
        cost = f"{self.seconds / 60:.1f} minutes, {self.parameters:,} parameters"
        return f"{self.rung.change}: {self.accuracy:.1%} {chance}, {cost}\n    {self.rung.why}"

    @property
    def accuracy(self) -> float:
        """Mean over the seeds."""
        return statistics.mean(self.accuracies)

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; not a number where there is one."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else math.nan


def names_of(rung: Ablation) -> tuple[str, ...]:
    """The recorded runs of all seeds."""
    return tuple(rung.run if seed == 0 else f"{rung.run}-seed-{seed}" for seed in rung.seeds)


def measured(rung: Ablation) -> Measured:
    """Read what a rung reached from its records.

    Raises:
        ValueError: if a run is not recorded, or does not differ from its seed 0 by the seed alone.
    """
    runs = [load_run(name) for name in names_of(rung)]
    for run in runs:
        if replace(run.recipe, seed=0, about="") != replace(runs[0].recipe, about=""):
            raise ValueError(f"run {run.name!r} is not {rung.run!r} with another seed: their recipes differ")
    accuracies = tuple(_accuracy(run, rung.measure) for run in runs)
    recorded = statistics.mean(sum(row.seconds for row in run.history) for run in runs)
    epoch = seconds_of_epochs().get(rung.run)
    seconds = recorded if epoch is None else runs[0].recipe.epochs * epoch
    return Measured(rung, accuracies, count_parameters(runs[0].recipe.model()), seconds)


def _accuracy(run: Run, measure: str) -> float:
    if measure == "last epoch":
        return run.history.rows[-1].validation_accuracy
    return float(run.metrics[measure]["accuracy"])


def seconds_of_epochs() -> dict[str, float]:
    """Name of a run to the seconds of one epoch of its recipe, as the benchmark measured them last."""
    return {row["run"]: float(row["median"]) for row in recorded_benchmark("g")}


def timed_runs() -> list[Run]:
    """One run for each recipe of the ladder, whose epochs the benchmark times."""
    return [load_run(n) for n in run_names() if n.startswith("ladder-") and "-seed-" not in n]
