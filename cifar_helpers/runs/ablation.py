"""The ladder of lesson 08: one change after another, each with its gain over a base, its cost and a likely reason.

Every rung has three recorded runs in `resources/runs/` (seeds 0, 1 and 2), except for the longest. A cost is counted
in operations, which are the same on every machine.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from cifar_helpers._paths import resources
from cifar_helpers.evaluation import Gain, gain_interval
from cifar_helpers.models import count_parameters
from cifar_helpers.runs.recipes import Recipe
from cifar_helpers.runs.records import Run, load_run

__all__ = ["ABLATIONS", "ALTERNATIVES", "FAST", "Ablation", "Measured", "measured", "names_of", "short_variants"]

_TRAINING = 3  # a training step costs the forward pass three times: forward, and gradients by inputs and by weights
_SIZE = (1, 3, 32, 32)


@dataclass(frozen=True)
class Ablation:
    """One rung of the ladder.

    Attributes:
        run: name of the recorded run with seed 0.
        change: what differs from the base, in a few words.
        why: a likely reason for its gain or loss, or a remark, in a sentence.
        base: name of the run with seed 0 that it is compared with; empty for none.
        views: number of views of each validation image whose logits are averaged.
        seeds: the seeds of its runs.
    """

    run: str
    change: str
    why: str
    base: str = ""
    views: int = 1
    seeds: tuple[int, ...] = (0, 1, 2)


ABLATIONS: tuple[Ablation, ...] = (
    Ablation("ladder-start", "CifarCNN, constant rate 0.02", "The base: momentum, weight decay, flips, 6 epochs."),
    Ablation(
        "ladder-high-rate",
        "constant rate 0.1",
        "Perhaps steps this large, right up to the end, keep the network from settling.",
        base="ladder-start",
    ),
    Ablation(
        "ladder-one-cycle",
        "one-cycle rate, peak 0.1",
        "The rate falls to zero, so the network can settle. But it also rises first, and the momentum changes with it.",
        base="ladder-high-rate",
    ),
    Ablation(
        "ladder-no-dropout",
        "no dropout",
        "Its interval includes 0. The training images are fitted better: 89 % instead of 87 %.",
        base="ladder-one-cycle",
    ),
    Ablation(
        "ladder-no-hidden",
        "global average pooling",
        "Takes away positions and hidden linear layers at once. Training accuracy falls, too: this is not overfitting.",
        base="ladder-no-dropout",
    ),
    Ablation(
        "ladder-deeper",
        "two more convolutions per stage",
        "Larger receptive fields, more complex features, and five times the parameters: any of these may be why.",
        base="ladder-no-hidden",
    ),
    Ablation(
        "ladder-residual",
        "skip connections",
        "The layers only have to learn a change to their input.",
        base="ladder-deeper",
    ),
    Ablation(
        "ladder-residual",
        "six views of each image",
        "Mistakes of single views partly cancel, at six times the cost per prediction.",
        base="ladder-residual",
        views=6,
    ),
)
"""From `CifarCNN` upwards; each rung keeps all earlier changes, and is compared with the rung before."""

ALTERNATIVES: tuple[Ablation, ...] = (
    Ablation(
        "ladder-shift",
        "shifts by 2 pixels",
        "Shifts give every epoch new variations; in six epochs, that gains nothing beyond chance.",
        base="ladder-no-dropout",
    ),
    Ablation(
        "ladder-smoothing",
        "label smoothing",
        "Targets below 100 % keep a network from overconfidence; here that gains nothing beyond chance.",
        base="ladder-no-dropout",
    ),
    Ablation(
        "ladder-average",
        "mean of the last weights",
        "The jitter of single steps would cancel out, but a rate that falls to zero may have left little of it.",
        base="ladder-residual",
    ),
)
"""Changes that the ladder does not keep, each against a stated base."""

FAST: tuple[Ablation, ...] = (
    Ablation(
        "fast-5",
        "FastCNN, 5 epochs",
        "Whitened input, wide layers with identity (Dirac) initialisation, alternate flips.",
    ),
    Ablation("fast-5", "the same, six views", "Worth it where accuracy matters more than time.", views=6),
    Ablation(
        "fast-16",
        "wider, 16 epochs, six views",
        "Wider and longer at once: the two are not separated.",
        views=6,
        seeds=(0,),
    ),
)
"""Networks and recipes designed for speed, above the ladder: they differ from it in many things at once."""


@dataclass(frozen=True)
class Measured:
    """What a rung achieved.

    Attributes:
        rung: the one that was measured.
        accuracies: on the 10,000 validation images, one per seed, 0..1.
        gain: over its base, on the same images, with its interval; `None` where it has no base.
        parameters: number of trained parameters.
        operations: floating-point operations of one prediction, with all its views.
        training_operations: floating-point operations of one whole training run.
        seconds: of a whole recorded run, with validation after each epoch; mean over the seeds. Only runs that were
            recorded on an idle machine can be compared in seconds.
    """

    rung: Ablation
    accuracies: tuple[float, ...]
    gain: Gain | None
    parameters: int
    operations: int
    training_operations: int
    seconds: float

    def __str__(self) -> str:
        chance = f"± {100 * self.spread:.1f}" if len(self.accuracies) > 1 else "(one seed)"
        gained = f"{self.gain}, " if self.gain else ""
        cost = f"{self.operations / 1e6:,.0f} million operations per image, {self.parameters:,} parameters"
        return f"{self.rung.change}: {gained}accuracy {self.accuracy:.1%} {chance}, {cost}\n    {self.rung.why}"

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
    return _names(rung.run, rung.seeds)


def measured(rung: Ablation) -> Measured:
    """Read what a rung achieved from its records.

    Raises:
        ValueError: if a run is not recorded, or differs from that with seed 0 in more than the seed.
    """
    runs = [load_run(name) for name in names_of(rung)]
    for run in runs:
        if replace(run.recipe, seed=0, about="") != replace(runs[0].recipe, about=""):
            raise ValueError(f"run {run.name!r} is not {rung.run!r} with another seed: their recipes differ")
    recipe = runs[0].recipe
    measure = "validation" if rung.views == 1 else f"validation, {rung.views} views"
    forward = _forward_operations(replace(recipe, about="", seed=0))
    images = int(runs[0].config["data"]["train images"])
    return Measured(
        rung,
        tuple(float(run.metrics[measure]["accuracy"]) for run in runs),
        _gain(rung, runs) if rung.base else None,
        count_parameters(recipe.model()),
        rung.views * forward,
        _TRAINING * forward * images * recipe.epochs,
        statistics.mean(sum(row.seconds for row in run.history) for run in runs),
    )


def short_variants() -> list[dict[str, Any]]:
    """The short recipe with one setting taken back at a time, as `python -m benchmarks short` recorded it.

    Returns:
        For each variant its name, epochs and accuracy (percent of the validation images, mean over five seeds); for all
        but the first, which is the recipe itself, the gain over it and its 95 % interval, in points.
    """
    content = json.loads((resources() / "short.json").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = content["rows"]
    return rows


def _names(run: str, seeds: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(run if seed == 0 else f"{run}-seed-{seed}" for seed in seeds)


def _gain(rung: Ablation, runs: list[Run]) -> Gain:
    bases = [load_run(name) for name in _names(rung.base, rung.seeds)]
    return gain_interval(_correct(runs, rung.views), _correct(bases))


def _correct(runs: list[Run], views: int = 1) -> Tensor:
    return torch.stack([run.correct(views) for run in runs])


@functools.cache
def _forward_operations(recipe: Recipe) -> int:
    from torch.utils.flop_counter import FlopCounterMode  # with Triton, which takes a tenth of a second

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        recipe.model().eval()(torch.zeros(_SIZE))
    return int(counter.get_total_flops())
