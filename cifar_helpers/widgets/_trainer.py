"""A training run in the background: it can pause, resume and stop, and the notebook stays free meanwhile."""

from __future__ import annotations

import contextlib
import copy
import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cifar_helpers.data import BatchLoader
from cifar_helpers.training import Callback, TrainingDiverged
from cifar_helpers.training.history import History

__all__ = ["Curve", "Trainer", "Watch", "columns"]

# Two runs at once would share the cores and both be slow: a new one ends the one before, of whichever widget.
_running: list[weakref.ref[Trainer]] = []
_EVERY: Final = 0.2  # seconds between two updates of the browser


class Curve:
    """The loss step by step in fewer than `most` points (an even number): that many become half as many means of two.

    A run of any length can so be sent whole, and a view that is opened later has all of it.

    Attributes:
        points: `[epochs, seconds, loss, learning rate]`, means over `stride` steps.
        stride: how many steps each point is the mean of.
    """

    def __init__(self, most: int = 300) -> None:
        self.most, self.stride = most, 1
        self.points: list[list[float]] = []
        self._waiting: list[list[float]] = []

    def add(self, epochs: float, seconds: float, loss: float, rate: float) -> None:
        """Add a step; a loss that is no number has no place on a curve."""
        if not math.isfinite(loss):
            return
        self._waiting.append([epochs, seconds, loss, rate])
        if len(self._waiting) < self.stride:
            return
        self.points.append(_mean(self._waiting))
        self._waiting = []
        if len(self.points) == self.most:
            self.points = [_mean(self.points[k : k + 2]) for k in range(0, self.most, 2)]
            self.stride *= 2


def _mean(points: list[list[float]]) -> list[float]:
    *means, _ = [float(f"{sum(values) / len(points):.5g}") for values in zip(*points, strict=True)]
    return [*means, points[-1][3]]  # a mean of learning rates would be one that never was


def columns(history: History) -> dict[str, list[float | None]]:
    """The losses and accuracies of a history, rounded, as the browser gets them: what is no number becomes `None`."""
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    return {name: [round(x, 4) if math.isfinite(x) else None for x in history[name]] for name in names}


class Trainer:
    """Runs `fit` in a thread of its own.

    Attributes:
        history: of the complete epochs so far.
        curve: the loss of each step so far.
        model: that is trained, or was last.
        rate: the learning rate from the next step on; `None` leaves it to the optimizer.
        problem: what ended the last run against the learner's will, or empty.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.history, self.curve = History(), Curve()
        self.model: nn.Module | None = None
        self.rate: float | None = None
        self.problem = ""
        self.step = self.steps = 0
        self.seconds = 0.0
        self._changed = changed
        self._go = threading.Event()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether a run is under way, paused or not."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def paused(self) -> bool:
        """Whether it waits."""
        return self.running and not self._go.is_set()

    def start(self, model: nn.Module, train: Callable[[nn.Module, Watch], History]) -> None:
        """End what runs, and begin again.

        Args:
            model: a fresh one.
            train: calls `fit` with the model, its loader wrapped by `Watch.loader` and the watch as a callback.
        """
        for other in list(_running):
            if (trainer := other()) is not None:
                trainer.stop()
        _running[:] = [weakref.ref(self)]
        self.model, self.history, self.curve = model, History(), Curve()
        self.problem, self.step, self.steps, self.seconds = "", 0, 0, 0.0
        self._end = threading.Event()
        self._go.set()
        watch = Watch(self, self._end)

        def work() -> None:
            try:
                with contextlib.suppress(KeyboardInterrupt):  # before the first step, fit does not wait for it
                    train(model, watch)
            except TrainingDiverged as error:
                what = str(error).partition(". ")[0]  # its advice is for a loop of one's own
                self.problem = f"{what[:1].upper()}{what[1:]}. Start again with a smaller learning rate."
            except Exception as error:  # shown in the widget; a thread has nowhere else to say it
                self.problem = f"The training stopped with an error. {type(error).__name__}: {error}"
            finally:
                watch.close()
                self._thread = None
                self._changed()

        self._thread = threading.Thread(target=work, name="training", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Wait after the current step."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def stop(self, seconds: float = 30.0) -> None:
        """End after the current step and wait until it has ended; model and history stay."""
        self._end.set()
        self._go.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)


class Watch(Callback):
    """Stands between a `Trainer` and the run that it began."""

    def __init__(self, trainer: Trainer, end: threading.Event) -> None:
        self.trainer, self.end = trainer, end
        self._optimizer: Optimizer | None = None
        self._logits: Tensor | None = None
        self._hook: Any = None
        self._steps: list[tuple[float, float, Tensor, float]] = []
        self._epoch_steps = 1
        self._resumed = self._shown = time.monotonic()

    def loader(self, loader: BatchLoader, epochs: int) -> BatchLoader:
        """The same batches; between two of them the run can be paused or stopped."""
        self._epoch_steps = len(loader)
        self.trainer.steps = epochs * len(loader)
        return _Watched(loader, self)

    def before_training(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Listen to the network, for the loss of each step."""

        def keep(module: nn.Module, _: Any, logits: Tensor) -> None:
            if module is model and module.training:  # not the copy with which `fit` tries a step, nor validation
                self._logits = logits.detach()

        self._optimizer, self._hook = optimizer, model.register_forward_hook(keep)
        self._resumed = time.monotonic()

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Show the epoch."""
        self.trainer.history = History(list(history.rows))
        self._show()
        return self.end.is_set()

    def between_steps(self) -> None:
        """Wait while paused; end `fit` as the stop button of a notebook does."""
        self._tick()
        if not self.trainer._go.is_set():
            self._show()
            self.trainer._go.wait()
            self._resumed = time.monotonic()  # a pause is no time of training
        if self.end.is_set():
            raise KeyboardInterrupt
        if self._optimizer is not None and self.trainer.rate is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = self.trainer.rate
        self.trainer.step += 1
        if time.monotonic() - self._shown > _EVERY:
            self._show()

    def after_step(self, labels: Tensor) -> None:
        """Keep the loss of the step that was made; it is read later, since each look makes a GPU wait."""
        if self._logits is None or self._optimizer is None:
            return
        with torch.no_grad():
            loss = nn.functional.cross_entropy(self._logits.float(), labels.to(self._logits.device))
        self._logits = None
        self._tick()
        rate = float(self._optimizer.param_groups[0]["lr"])
        self._steps.append((self.trainer.step / self._epoch_steps, self.trainer.seconds, loss, rate))

    def close(self) -> None:
        """Leave the network as it was."""
        self._read()
        if self._hook is not None:
            self._hook.remove()

    def _tick(self) -> None:
        now = time.monotonic()
        self.trainer.seconds += now - self._resumed
        self._resumed = now

    def _read(self) -> None:
        for epochs, seconds, loss, rate in self._steps:
            self.trainer.curve.add(epochs, seconds, float(loss), rate)
        self._steps = []

    def _show(self) -> None:
        self._tick()
        self._read()
        self._shown = time.monotonic()
        self.trainer._changed()


class _Watched(BatchLoader):
    def __init__(self, loader: BatchLoader, watch: Watch) -> None:
        # Everything that a loader has, whatever that is, so that a recipe is followed to the letter.
        self.__dict__.update(copy.copy(loader).__dict__)
        self.watch = watch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.watch.trainer.step = self.epoch * len(self)  # fit has a look at the first batch before the first epoch
        for batch in super().__iter__():
            self.watch.between_steps()
            yield batch
            self.watch.after_step(batch[1])
