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
_running: list[weakref.ref[Watch]] = []
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
    high = "The learning rate" if rate is None else f"A learning rate of {rate:g}"
    return f"The loss is {what}{at}. {high} is too high: its steps overshoot. Start with a smaller one."


class Trainer:
    """Runs `fit` in a separate thread, which nobody waits for: a step can take many seconds.

    Attributes:
        model: the network of the current run, or of the last one.
        rate: the learning rate from the next step on; `None` leaves it to the optimizer.
        run: what is known of the current run, or of the last one.
        lock: held while the state changes or is reported.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.model: nn.Module | None = None
        self.rate: float | None = None
        self.run = Watch(self)
        self._changed, self.lock = changed, threading.RLock()

    @property
    def state(self) -> str:
        """`waiting` for the end of an earlier run, `running`, `paused`, `ending` with the current step, or `ended`."""
        run = self.run
        if run.thread is None:
            return "ended"
        if run.end.is_set():
            return "ending"
        return "waiting" if run.is_waiting else "running" if run.go.is_set() else "paused"

    def start(self, model: nn.Module, train: Callable[[nn.Module, Watch], History]) -> None:
        """End any run that is still going, and start a new one after it.

        Args:
            model: a fresh network.
            train: calls `fit` with the model, its loader wrapped by `Watch.loader` and the watch as a callback.
        """
        before = [other for reference in _running if (other := reference()) is not None and other.thread is not None]
        for other in before:
            other.stop()
        run = self.run = Watch(self)
        self.model, run.is_waiting = model, bool(before)
        _running[:] = [weakref.ref(one) for one in (*before, run)]

        def check(*_: Any) -> None:
            # Also between the steps that `fit` tries on copies of the network, which take long, and in validation.
            if run.end.is_set() and threading.current_thread() is run.thread:
                raise KeyboardInterrupt

        hook = model.register_forward_pre_hook(check)

        def work() -> None:
            try:
                for other in before:
                    other.wait()
                run.is_waiting = False
                run.report()
                if not run.end.is_set():
                    with contextlib.suppress(KeyboardInterrupt):  # fit catches it only from the first step on
                        train(model, run)
            except TrainingDiverged as error:
                run.problem = _diverged(str(error), self.rate)
            except Exception as error:  # shown in the widget, since a thread cannot raise it in the notebook
                run.problem = f"The training run stopped with an error. {type(error).__name__}: {error}"
            finally:
                hook.remove()
                run.close()
                run.thread = None
                run.report()

        run.thread = threading.Thread(target=work, name="training", daemon=True)
        run.thread.start()

    def pause(self) -> None:
        """Wait after the current step."""
        self.run.go.clear()

    def resume(self) -> None:
        """Continue."""
        self.run.go.set()

    def stop(self) -> None:
        """End after the current step; model and history are kept."""
        self.run.stop()

    def wait(self, seconds: float = 30.0) -> None:
        """Wait for the end of the run: for code in a cell, never for what the browser asked for."""
        self.run.wait(seconds)

    def report(self) -> None:
        """Call `changed`, from one thread after the other, so that the last report is the newest."""
        with self.lock:
            self._changed()


class Watch(Callback):
    """One run of a `Trainer`: connects it with `fit`. What ends late cannot disturb the run that follows.

    Attributes:
        history: of the complete epochs so far.
        curve: the loss of each step so far.
        ends: seconds of training up to the end of each epoch.
        problem: the error that ended the run, in words, or empty.
        thread: in which it trains, or `None` before and after.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.history, self.curve, self.ends = History(), Curve(), list[float]()
        self.problem, self.step, self.steps, self.seconds = "", 0, 0, 0.0
        self.go, self.end = threading.Event(), threading.Event()
        self.go.set()
        self.is_waiting = False
        self.thread: threading.Thread | None = None
        self._optimizer: Optimizer | None = None
        self._logits: Tensor | None = None
        self._hook: Any = None
        self._steps: list[tuple[float, float, Tensor, float]] = []
        self._epoch_steps = self._all_steps = 1
        self._resumed = self._shown = time.monotonic()

    def stop(self) -> None:
        """Ask it to end after the current step."""
        self.end.set()
        self.go.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end."""
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def report(self) -> None:
        """Say that something changed, unless a later run has taken its place."""
        if self.trainer.run is self:
            self.trainer.report()

    def loader(self, loader: BatchLoader, epochs: int) -> BatchLoader:
        """The same batches; between two of them the run can be paused or stopped."""
        self._epoch_steps = len(loader)
        self._all_steps = epochs * len(loader)
        return _Watched(loader, self)

    def before_training(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Keep the logits of each step, from which its loss is computed."""

        def keep(module: nn.Module, _: Any, logits: Tensor) -> None:
            if module is model and module.training:  # neither the copy on which `fit` tries a step, nor validation
                self._logits = logits.detach()

        self._optimizer, self._hook = optimizer, model.register_forward_hook(keep)
        self.steps = self._all_steps  # until here nothing was trained
        self._resumed = time.monotonic()

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Report the epoch."""
        self._tick()
        self.ends.append(round(self.seconds, 2))
        self.history = History(list(history.rows))
        self._show()
        return self.end.is_set()

    def between_steps(self) -> None:
        """Wait while paused; end `fit` as the stop button of a notebook does."""
        self._tick()
        if not self.go.is_set() and not self.end.is_set():
            self._show()
            self.go.wait()
            self._resumed = time.monotonic()  # a pause is not training time
        if self.end.is_set():
            raise KeyboardInterrupt
        if self._optimizer is not None and self.trainer.rate is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = self.trainer.rate
        self.step += 1
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
        if self.step == 1:
            self.seconds = 0.0  # it sets up what later steps find, and takes as long as many of them
        rate = float(self._optimizer.param_groups[0]["lr"])
        self._steps.append((self.step / self._epoch_steps, self.seconds, loss, rate))

    def close(self) -> None:
        """Remove the hook from the network."""
        self._read()
        if self._hook is not None:
            self._hook.remove()

    def _tick(self) -> None:
        now = time.monotonic()
        self.seconds += now - self._resumed
        self._resumed = now

    def _read(self) -> None:
        for epochs, seconds, loss, rate in self._steps:
            self.curve.add(epochs, seconds, float(loss), rate)
        self._steps = []

    def _show(self) -> None:
        self._tick()
        self._read()
        self._shown = time.monotonic()
        self.report()


class _Watched(BatchLoader):
    def __init__(self, loader: BatchLoader, watch: Watch) -> None:
        # All attributes of the loader, so that a recipe is followed exactly.
        self.__dict__.update(copy.copy(loader).__dict__)
        self.watch = watch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.watch.step = self.epoch * len(self)  # fit looks at the first batch before the first epoch
        for batch in super().__iter__():
            self.watch.between_steps()
            yield batch
            self.watch.after_step(batch[1])
