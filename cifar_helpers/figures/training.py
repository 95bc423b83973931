"""Figures of lesson 04: curves of a training run, schedules, sweeps, and what helps against overfitting."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor, nn

from cifar_helpers._palette import PALETTE
from cifar_helpers.data import CLASSES
from cifar_helpers.figures._base import (
    TRAIN_COLOUR,
    VALIDATION_COLOUR,
    colour_of,
    described,
    draw_image,
    in_course_style,
    new_figure,
    picture,
)
from cifar_helpers.training import Callback
from cifar_helpers.training.history import History

__all__ = ["LiveCurves", "class_by_epoch", "compare", "curves", "descent", "gaps", "rate_sweep", "schedule"]

_LOWEST_RATE = 1e-4  # a rate that falls to zero would stretch a logarithmic axis without end
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


@in_course_style
def curves(history: History, mark: int | None = None) -> Figure:
    """Loss and accuracy of training and validation, epoch by epoch.

    Args:
        history: at least one epoch.
        mark: an epoch to mark with a vertical line, such as `history.best_epoch`.
    """
    figure, axes = new_figure(10, 3.6, ncols=2)
    _draw(axes[0], history, "loss", "loss (nats)", 1)
    _draw(axes[1], history, "accuracy", "accuracy (%)", 100)
    axes[0].legend()
    if mark is not None:
        for place in axes:
            place.axvline(mark, color="black", linestyle=":", linewidth=1.5)
        axes[1].annotate(f"epoch {mark}", (mark, axes[1].get_ylim()[0]), (5, 8), textcoords="offset points")
    return described(figure, _curves_in_words(history))


def _draw(place: Any, history: History, what: str, ylabel: str, factor: float) -> None:
    """One column of training and of validation, where there is one."""
    epochs = history["epoch"]
    dots = "o" if len(epochs) < 12 else ""
    place.plot(epochs, factor * np.array(history[f"train_{what}"]), f"{dots}-", color=TRAIN_COLOUR, label="training")
    validation = factor * np.array(history[f"validation_{what}"])
    if not np.isnan(validation).all():
        place.plot(epochs, validation, f"{dots}--", color=VALIDATION_COLOUR, label="validation")
    place.set_xlabel("epoch")
    place.set_ylabel(ylabel)
    place.xaxis.get_major_locator().set_params(integer=True)


def _curves_in_words(history: History) -> str:
    first, last = history.rows[0], history.rows[-1]
    text = (
        f"Loss and accuracy by epoch, {len(history)} in all. Training: loss {first.train_loss:.2f} in the first epoch "
        f"and {last.train_loss:.2f} in the last, accuracy {last.train_accuracy:.1%}."
    )
    if not math.isnan(last.validation_loss):
        best = history.rows[history["epoch"].index(history.best_epoch)]
        text += (
            f" Validation: loss lowest after epoch {best.epoch}, {best.validation_loss:.2f}, and "
            f"{last.validation_loss:.2f} after the last, accuracy {last.validation_accuracy:.1%}."
        )
    return text


@in_course_style
def schedule(history: History) -> Figure:
    """Loss of training and validation, and below it the learning rate of the same epochs.

    Args:
        history: at least one epoch.
    """
    figure, axes = _above_rates()
    _draw(axes[0], history, "loss", "loss (nats)", 1)
    axes[0].set_xlabel("")
    axes[0].legend()
    rates = history["learning_rate"]
    axes[1].plot(history["epoch"], rates, color="black")
    return described(figure, _schedule_in_words(history))


def _schedule_in_words(history: History) -> str:
    rates, epochs, losses = (history[column] for column in ("learning_rate", "epoch", "validation_loss"))
    peak = int(np.argmax(rates))
    if min(rates) == rates[peak]:
        text, where = f"The learning rate is {rates[peak]:.2g} in every epoch.", ""
    else:
        text = f"The learning rate rises to {rates[peak]:.2g} in epoch {epochs[peak]}"
        if not peak:
            text = f"The learning rate begins at {rates[0]:.2g}"
        if peak < len(rates) - 1:
            text += f" and falls to {rates[-1]:.1g} in epoch {epochs[-1]}"
        text, where = f"{text}.", f"{losses[peak]:.2f} at the peak of the rate and "
    return text if math.isnan(losses[-1]) else f"{text} Validation loss is {where}{losses[-1]:.2f} at the end."


@in_course_style
def compare(histories: Mapping[str, History]) -> Figure:
    """Validation accuracy of several training runs, and below it their learning rates.

    Args:
        histories: name to history; a dot marks the epoch with the lowest validation loss.
    """
    figure, axes = _above_rates()
    for k, (name, history) in enumerate(histories.items()):
        style: dict[str, Any] = {"linestyle": _LINES[k % len(_LINES)], "color": colour_of(k)}
        accuracies = 100 * np.array(history["validation_accuracy"])
        axes[0].plot(history["epoch"], accuracies, label=name, **style)
        best = history["epoch"].index(history.best_epoch)
        axes[0].plot(history.best_epoch, accuracies[best], "o", color=colour_of(k))
        axes[1].plot(history["epoch"], history["learning_rate"], **style)
    axes[0].plot([], [], "o", color="grey", label="lowest validation loss")
    axes[0].set_ylabel("validation accuracy (%)")
    axes[1].set_yscale("log")
    axes[1].set_ylim(bottom=_LOWEST_RATE)
    axes[0].legend()
    ends = (
        f"{name} {history.rows[-1].validation_accuracy:.1%} after {history.rows[-1].epoch} epochs"
        for name, history in histories.items()
    )
    return described(figure, f"Validation accuracy at the end: {'; '.join(ends)}.")


def _above_rates() -> tuple[Figure, Any]:
    """Two pairs of axes over the same epochs: a tall one, and a low one for the learning rate."""
    figure, axes = new_figure(9, 5, nrows=2, sharex=True, gridspec_kw={"height_ratios": [3, 1.2]})
    axes[1].set_ylabel("learning rate")
    axes[1].set_xlabel("epoch")
    return figure, axes


@in_course_style
def gaps(runs: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Training and validation accuracy of several recipes: a dot for each seed, and a line between their means.

    Args:
        runs: name to (training accuracy, validation accuracy) of each seed, each 0..1.
    """
    figure, axes = new_figure(9, 0.5 * len(runs) + 1.1)
    means: dict[str, tuple[float, float]] = {}
    for k, (name, seeds) in enumerate(list(runs.items())[::-1]):
        both = 100 * np.array(seeds)
        train, validation = both.mean(0)
        means[name] = (train, validation)
        axes.plot([train, validation], [k, k], color="grey", zorder=1)
        axes.plot(both[:, 0], [k] * len(both), "s", color=TRAIN_COLOUR, label="training" if k == 0 else None)
        axes.plot(both[:, 1], [k] * len(both), "o", color=VALIDATION_COLOUR, label="validation" if k == 0 else None)
        # Above the middle of its line, where it cannot run out of the picture.
        axes.text((train + validation) / 2, k + 0.12, f"gap {train - validation:.1f} points", fontsize=9, ha="center")
    axes.set_yticks(range(len(runs)), list(runs)[::-1])
    axes.set_ylim(-0.5, len(runs) - 0.3)
    axes.set_xlabel("accuracy at the end (%)")
    axes.margins(x=0.12)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    words = (f"{name}: {means[name][0]:.1f} % and {means[name][1]:.1f} %" for name in runs)
    return described(figure, f"Training and validation accuracy, means of the seeds. {'; '.join(words)}.")


@in_course_style
def descent(paths: Mapping[str, Tensor], curvature: Tensor) -> Figure:
    """Paths of several optimizers into a long valley, whose loss is half the sum of curvature times weight squared.

    Args:
        paths: name to float `(steps, 2)`: both weights before each step.
        curvature: float `(2,)`: of the loss along each weight.
    """
    figure, axes = new_figure(11, 2.9, ncols=len(paths), sharey=True, squeeze=False)
    reach = [1.1 * max(float(path[:, k].abs().max()) for path in paths.values()) for k in (0, 1)]
    first, second = np.meshgrid(np.linspace(-reach[0], reach[0], 120), np.linspace(-reach[1], reach[1], 120))
    valley = 0.5 * (float(curvature[0]) * first**2 + float(curvature[1]) * second**2)
    words = []
    for place, (name, path) in zip(axes[0], paths.items(), strict=True):
        levels = float(valley.max()) * np.array([0.01, 0.06, 0.2, 0.5])
        place.contour(first, second, valley, levels=levels, colors="grey", linewidths=0.8)
        place.plot(path[:, 0], path[:, 1], ".-", color=PALETTE[0], linewidth=1, label="one step")
        place.plot(0, 0, "*", color="black", markersize=11, linestyle="none", label="lowest point")
        end = float((curvature * path[-1] ** 2).sum() / 2)
        place.set_title(f"{name}\nloss {end:.2g} after {len(path) - 1} steps", fontsize=10)
        place.set_xlabel("first weight")
        words.append(f"{name}: {end:.2g}")
    axes[0, 0].set_ylabel("second weight")
    axes[0, 0].legend(fontsize=8, loc="lower right")
    return described(figure, f"Paths into a long valley. Loss at their end: {'; '.join(words)}.")


@in_course_style
def rate_sweep(losses: Mapping[float, float], start: float) -> Figure:
    """What a short training run reaches with each learning rate.

    Args:
        losses: learning rate to the loss at the end, in nats; NaN or infinite where the run diverged.
        start: the loss before training, drawn as a line.
    """
    figure, axes = new_figure(8, 3.4)
    numbers = {rate: loss for rate, loss in losses.items() if math.isfinite(loss)}
    axes.plot(list(numbers), list(numbers.values()), "o-", color=PALETTE[0], label="after the short run")
    axes.axhline(start, color="grey", linestyle=":", label="before training")
    top = max([start, *numbers.values()]) + 0.1
    lost = [rate for rate in losses if rate not in numbers]
    if lost:
        axes.plot(lost, [top] * len(lost), "^", color=PALETTE[3], label="diverged")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss (nats)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    if not numbers:
        return described(figure, f"Each short run diverged: with learning rates of {_listed(lost)}.")
    best = min(numbers, key=numbers.__getitem__)
    text = f"Training loss after a short run, by learning rate: lowest, {numbers[best]:.2f}, at {best:g}"
    text += "".join(f"; {numbers[rate]:.2f} at {rate:g}" for rate in sorted({min(numbers), max(numbers)} - {best}))
    return described(figure, text + (f"; diverged at {_listed(lost)}." if lost else "."))


def _listed(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


@in_course_style
def class_by_epoch(image: Tensor, probabilities: Mapping[int, Tensor], label: int) -> Figure:
    """A picture, and the probabilities that a network gives it after several epochs; the correct class stands out.

    Args:
        image: uint8 `(3, H, W)`.
        probabilities: epoch to float `(10,)`.
        label: number of the correct class.
    """
    figure, axes = new_figure(11, 2.6, ncols=len(probabilities) + 1, sharey=False)
    draw_image(axes[0], image)
    colours = [PALETTE[1] if k == label else PALETTE[0] for k in range(len(CLASSES))]
    for k, (place, (epoch, shares)) in enumerate(zip(axes[1:], probabilities.items(), strict=True)):
        place.barh(CLASSES, (100 * shares).tolist(), color=colours)
        place.invert_yaxis()
        place.set_xlim(0, 100)
        place.set_title(f"epoch {epoch}", fontsize=10)
        place.set_xlabel("probability (%)")
        if k:
            place.set_yticklabels([])
    figure.legend(
        handles=[Patch(color=PALETTE[1], label=f"correct: {CLASSES[label]}"), Patch(color=PALETTE[0], label="others")],
        loc="outside upper center",
        ncols=2,
    )
    words = ", ".join(f"{float(shares[label]):.0%} after epoch {epoch}" for epoch, shares in probabilities.items())
    return described(figure, f"Probability of the correct class, {CLASSES[label]}: {words}.")


class LiveCurves(Callback):
    """Redraws one figure after each epoch of a training run in a notebook; does nothing elsewhere."""

    def __init__(self) -> None:
        self._handle: Any = None

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Draw the history so far in the place of the last picture."""
        if not _in_notebook():
            return False
        from IPython.display import display  # only there in a notebook

        figure = curves(history)
        bundle, metadata = picture(figure, str(figure.get_label()))
        # A new training run belongs below its own cell, not in the picture of the one before.
        if self._handle is None or len(history) == 1:
            self._handle = display(bundle, raw=True, metadata=metadata, display_id=True)
        else:
            self._handle.update(bundle, raw=True, metadata=metadata)
        return False


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")
