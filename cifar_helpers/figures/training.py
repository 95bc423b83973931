"""Figures of lesson 04: curves of a training, live and recorded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from cifar_helpers.figures._base import PALETTE, TRAIN_COLOUR, VALIDATION_COLOUR, new_figure, picture
from cifar_helpers.training import Callback
from cifar_helpers.training.history import Epoch, History

__all__ = ["LiveCurves", "compare", "curves", "gaps"]

_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


def curves(history: History, mark: int | None = None) -> Figure:
    """Loss and accuracy of training and validation, epoch by epoch.

    Args:
        history: at least one epoch.
        mark: an epoch to mark with a vertical line, such as `history.best_epoch`.
    """
    figure, axes = new_figure(10, 3.6, ncols=2)
    _draw_curves(axes, history)
    if mark is not None:
        for place in axes:
            place.axvline(mark, color="black", linestyle=":", linewidth=1.5)
        axes[0].annotate(f" epoch {mark}", (mark, axes[0].get_ylim()[1]), va="top", fontsize=10)
    return figure


def _draw_curves(axes: Any, history: History) -> None:
    epochs = history["epoch"]
    dots = "o" if len(epochs) < 12 else ""
    for place, what, unit in zip(axes, ("loss", "accuracy"), ("nats", "share of images"), strict=True):
        place.plot(epochs, history[f"train_{what}"], f"{dots}--", color=TRAIN_COLOUR, label="training")
        validation = history[f"validation_{what}"]
        if not np.isnan(validation).all():
            place.plot(epochs, validation, f"{dots}-", color=VALIDATION_COLOUR, label="validation")
        place.set_xlabel("epoch")
        place.set_ylabel(f"{what} ({unit})")
        place.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend()


def compare(histories: Mapping[str, History], column: str, ylabel: str) -> Figure:
    """One column of several trainings in one picture, with the best epoch of each marked.

    Args:
        histories: name to history.
        column: `validation_accuracy`, `validation_loss`, …
        ylabel: what it is, with its unit.
    """
    figure, axes = new_figure(9, 3.8)
    for k, (name, history) in enumerate(histories.items()):
        values = history[column]
        axes.plot(history["epoch"], values, linestyle=_LINES[k % len(_LINES)], color=PALETTE[k], label=name)
        best = int(np.argmax(values) if "accuracy" in column else np.argmin(values))
        axes.plot(best + 1, values[best], "o", color=PALETTE[k])
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    axes.legend()
    return figure


def gaps(runs: Mapping[str, tuple[float, float]]) -> Figure:
    """Training and validation accuracy of several runs as two dots joined by a line.

    Args:
        runs: name to (training accuracy, validation accuracy), each 0..1.
    """
    figure, axes = new_figure(9, 0.5 * len(runs) + 1.1)
    for k, (train, validation) in enumerate(list(runs.values())[::-1]):
        axes.plot([100 * train, 100 * validation], [k, k], color="grey", zorder=1)
        axes.plot(100 * train, k, "s", color=TRAIN_COLOUR, label="training" if k == 0 else None)
        axes.plot(100 * validation, k, "o", color=VALIDATION_COLOUR, label="validation" if k == 0 else None)
        # Above the middle of its line, where it cannot run out of the picture.
        gap = f"gap {100 * (train - validation):.1f} points"
        axes.text(50 * (train + validation), k + 0.12, gap, fontsize=9, ha="center")
    axes.set_yticks(range(len(runs)), list(runs)[::-1])
    axes.set_ylim(-0.5, len(runs) - 0.3)
    axes.set_xlabel("accuracy in the last epoch (%)")
    axes.margins(x=0.12)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


class LiveCurves(Callback):
    """Redraws one figure after each epoch of a training in a notebook; does nothing elsewhere."""

    def __init__(self) -> None:
        self._handle: Any = None

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Draw the history so far in the place of the last picture."""
        if not _in_notebook():
            return False
        from IPython.display import display  # only there in a notebook

        bundle, metadata = picture(curves(history), _in_words(history.rows[-1]))
        # A new training belongs below its own cell, not in the picture of the one before.
        if self._handle is None or len(history) == 1:
            self._handle = display(bundle, raw=True, metadata=metadata, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True, metadata=metadata)
        return False


def _in_words(last: Epoch) -> str:
    text = f"Loss and accuracy of {last.epoch} epochs: training loss {last.train_loss:.2f}"
    if not np.isnan(last.validation_accuracy):
        text += f", validation accuracy {last.validation_accuracy:.0%}"
    return f"{text} after the last"


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")
