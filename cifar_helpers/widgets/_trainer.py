"""A training run in the background: it can pause, resume and stop while the notebook stays responsive."""

from __future__ import annotations

import contextlib
import copy
import math
import re
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

# Two runs at once would share the cores and both be slow, so a new run ends the previous one, even of another widget.
_running: list[weakref.ref[Trainer]] = []
_EVERY: Final = 0.2  # seconds between two updates of the browser


class Curve:
    """The loss of each step in fewer than `most` points (an even number): before there are more, pairs are averaged.

    So a run of any length can be sent whole, and a view that is opened later gets all of it.

    Attributes:
        points: `[epochs, seconds, loss, learning rate]`, means over `stride` steps.
        stride: number of steps that each point is the mean of.
    """

    def __init__(self, most: int = 300) -> None:
        self.most, self.stride = most, 1
        self.points: list[list[float]] = []
        self._waiting: list[list[float]] = []

    def add(self, epochs: float, seconds: float, loss: float, rate: float) -> None:
        """Add a step; a loss that is NaN or infinite is left out."""
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
    return [*means, points[-1][3]]  # a mean of learning rates would be one that was never used


def columns(history: History) -> dict[str, list[float | None]]:
    """The losses and accuracies of a history, rounded, for the browser: NaN and infinity become `None`."""
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    return {name: [round(x, 4) if math.isfinite(x) else None for x in history[name]] for name in names}


def _diverged(error: str, rate: float | None) -> str:
    """What `TrainingDiverged` says, without its advice for code that calls fit."""
    where = re.match(r"the loss became (\w+) in epoch (\d+), step (\d+)", error)
    what = "no longer a number" if where is None or where[1] == "nan" else "infinite"
    at = "" if where is None else f" (epoch {where[2]}, step {where[3]})"
    high = "the learning rate" if rate is None else f"a learning rate of {rate:g}"
    return f"The loss is {what}{at}: {high} is too high. Start again with a smaller one."


class Trainer:
    """Runs `fit` in a separate thread.

    Attributes:
        history: of the complete epochs so far.
        curve: the loss of each step so far.
        model: the network of the current run, or of the last one.
        rate: the learning rate from the next step on; `None` leaves it to the optimizer.
        problem: the error that ended the last run, in words, or empty.
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
        """Whether the run is paused."""
        return self.running and not self._go.is_set()

    def start(self, model: nn.Module, train: Callable[[nn.Module, Watch], History]) -> None:
        """End any run that is still going, and start a new one.

        Args:
            model: a fresh network.
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
                with contextlib.suppress(KeyboardInterrupt):  # fit catches it only from the first step on
                    train(model, watch)
            except TrainingDiverged as error:
                self.problem = _diverged(str(error), self.rate)
            except Exception as error:  # shown in the widget, since a thread cannot raise it in the notebook
                self.problem = f"The training run stopped with an error. {type(error).__name__}: {error}"
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
        """Continue."""
        self._go.set()

    def stop(self, seconds: float = 30.0) -> None:
        """End after the current step, and wait for that; model and history are kept."""
        self._end.set()
        self._go.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)


class Watch(Callback):
    """Connects a `Trainer` with the run that it started."""

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
        """Keep the logits of each step, from which its loss is computed."""

        def keep(module: nn.Module, _: Any, logits: Tensor) -> None:
            if module is model and module.training:  # neither the copy on which `fit` tries a step, nor validation
                self._logits = logits.detach()

        self._optimizer, self._hook = optimizer, model.register_forward_hook(keep)
        self._resumed = time.monotonic()

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Report the epoch."""
        self.trainer.history = History(list(history.rows))
        self._show()
        return self.end.is_set()

    def between_steps(self) -> None:
        """Wait while paused; end `fit` as the stop button of a notebook does."""
        self._tick()
        if not self.trainer._go.is_set():
            self._show()
            self.trainer._go.wait()
            self._resumed = time.monotonic()  # a pause is not training time
        if self.end.is_set():
            raise KeyboardInterrupt
        if self._optimizer is not None and self.trainer.rate is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = self.trainer.rate
        self.trainer.step += 1
        if time.monotonic() - self._shown > _EVERY:
            self._show()

    def after_step(self, labels: Tensor) -> None:
        """Keep the loss of the step; it is read later, because reading it makes a GPU wait."""
        if self._logits is None or self._optimizer is None:
            return
        with torch.no_grad():
            loss = nn.functional.cross_entropy(self._logits.float(), labels.to(self._logits.device))
        self._logits = None
        self._tick()
        if self.trainer.step == 1:
            self.trainer.seconds = 0.0  # it sets up what later steps find, and takes as long as many of them
        rate = float(self._optimizer.param_groups[0]["lr"])
        self._steps.append((self.trainer.step / self._epoch_steps, self.trainer.seconds, loss, rate))

    def close(self) -> None:
        """Remove the hook from the network."""
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
        # All attributes of the loader, so that a recipe is followed exactly.
        self.__dict__.update(copy.copy(loader).__dict__)
        self.watch = watch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.watch.trainer.step = self.epoch * len(self)  # fit looks at the first batch before the first epoch
        for batch in super().__iter__():
            self.watch.between_steps()
            yield batch
            self.watch.after_step(batch[1])
