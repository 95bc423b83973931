"""The ladder of lesson 08: one change after another, each with its gain, its cost and its reason.

Every rung has recorded runs in `resources/runs/`: three (seeds 0, 1 and 2), except for the longest. The times of the
first nine rungs and of the alternatives come from the benchmark, part `g`, because their records were made side by side
and can be compared only in accuracy. The fast networks were recorded alone, on both cores.
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
    """One rung of the ladder.

    Attributes:
        run: name of the recorded run with seed 0.
        change: what differs from the rung before, in a few words.
        why: the reason for its gain or loss, in a sentence.
        measure: which measurement in the record counts: `validation`, `validation, 6 views`, or `last epoch` for the
            weights before they are averaged.
        seeds: the seeds of its runs.
    """

    run: str
    change: str
    why: str
    measure: str = "validation"
    seeds: tuple[int, ...] = (0, 1, 2)


ABLATIONS: tuple[Ablation, ...] = (
    Ablation("ladder-start", "CifarCNN, constant rate", "The starting point: momentum, weight decay, flips, 6 epochs."),
    Ablation(
        "ladder-one-cycle",
        "one-cycle rate",
        "A high rate makes fast progress; its fall to zero lets the network settle.",
    ),
    Ablation(
        "ladder-shift",
        "shifts by 2 pixels",
        "New variations in each epoch fight overfitting, but six epochs hardly overfit.",
    ),
    Ablation(
        "ladder-smoothing",
        "label smoothing",
        "Images that are already classified with confidence pull less; after six epochs there are few of them.",
    ),
    Ablation(
        "ladder-no-hidden",
        "no hidden layers",
        "The channel means feed the output layer directly: nine tenths of the parameters go, and they were useful.",
    ),
    Ablation(
        "ladder-deeper", "two more convolutions per stage", "Depth gives larger receptive fields and finer features."
    ),
    Ablation(
        "ladder-average",
        "a shortcut past them",
        "The layers learn only a change to their input, and gradients in early layers agree better between batches.",
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
        "Chance errors in single views cancel out over six, at six times the cost per prediction.",
        measure="validation, 6 views",
    ),
)
"""From `CifarCNN` upwards; each rung keeps all earlier changes."""

ALTERNATIVES: tuple[Ablation, ...] = (
    Ablation("ladder-cutout", "cutout of 8 pixels", "It fights overfitting, but 6 epochs hardly overfit."),
    Ablation("ladder-mixup", "mixup", "It makes every step harder, which is worth it only in longer runs."),
    Ablation("ladder-wider", "twice the width", "More features in each layer, at nearly four times the arithmetic."),
)
"""Changes to the rung with label smoothing that the ladder does not keep."""

FAST: tuple[Ablation, ...] = (
    Ablation(
        "fast-5",
        "FastCNN, 5 epochs",
        "Whitened input, wide layers with identity (Dirac) initialisation, alternate flips.",
    ),
    Ablation(
        "fast-5",
        "the same, six views",
        "Worth it where accuracy matters more than time.",
        measure="validation, 6 views",
    ),
    Ablation(
        "fast-16",
        "wider, 16 epochs, six views",
        "Width and time: a network this wide can make use of more epochs.",
        measure="validation, 6 views",
        seeds=(0,),
    ),
)
"""Networks and recipes designed for speed, above the ladder."""


@dataclass(frozen=True)
class Measured:
    """What a rung achieved.

    Attributes:
        rung: the one that was measured.
        accuracies: on the 10,000 validation images, one per seed, 0..1.
        parameters: number of parameters.
        seconds: of the whole run, including validation after each epoch, on two idle cores; mean over the seeds.
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
        """Mean accuracy over the seeds, 0..1."""
        return statistics.mean(self.accuracies)

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; NaN if there is only one."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else math.nan


def names_of(rung: Ablation) -> tuple[str, ...]:
    """The recorded runs of all seeds."""
    return tuple(rung.run if seed == 0 else f"{rung.run}-seed-{seed}" for seed in rung.seeds)


def measured(rung: Ablation) -> Measured:
    """Read what a rung achieved from its records.

    Raises:
        ValueError: if a run is not recorded, or differs from that with seed 0 in more than the seed.
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
    """Seconds per epoch of each run's recipe, by run name, as the benchmark last measured them."""
    return {row["run"]: float(row["median"]) for row in recorded_benchmark("g")}


def timed_runs() -> list[Run]:
    """One run per recipe of the ladder; the benchmark times their epochs."""
    return [load_run(n) for n in run_names() if n.startswith("ladder-") and "-seed-" not in n]
