"""A training in the background: it can pause, go on and stop, and the notebook stays free meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from cifar_helpers.data import BatchLoader
from cifar_helpers.training import Callback
from cifar_helpers.training.history import History

# Two trainings at once would share the cores and both be slow: a new one ends the one before, of whichever widget.
_running: list[weakref.ref[Trainer]] = []


class Trainer:
    """Runs `fit` in a thread of its own.

    Attributes:
        history: of the complete epochs so far.
        model: that is trained, or was last.
        problem: what ended the last training against the learner's will, or empty.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.history = History()
        self.model: nn.Module | None = None
        self.problem = ""
        self.step = self.steps = 0
        self._changed = changed
        self._go = threading.Event()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether a training is under way, paused or not."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def paused(self) -> bool:
        """Whether it waits."""
        return self.running and not self._go.is_set()

    def start(self, model: nn.Module, train: Callable[[nn.Module, Watch], History]) -> None:
        """End what runs, and begin anew.

        Args:
            model: a fresh one.
            train: calls `fit` with the model, its loader wrapped by `Watch.loader` and the watch as a callback.
        """
        for other in list(_running):
            if (trainer := other()) is not None:
                trainer.stop()
        _running[:] = [weakref.ref(self)]
        self.model, self.history, self.problem, self.step, self.steps = model, History(), "", 0, 0
        self._end = threading.Event()
        self._go.set()
        watch = Watch(self, self._end)

        def work() -> None:
            try:
                with contextlib.suppress(KeyboardInterrupt):  # before the first step, fit does not wait for it
                    train(model, watch)
            except Exception as error:  # told in the widget; a thread has nowhere else to tell it
                self.problem = f"{type(error).__name__}: {error}"
            finally:
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
    """Stands between a `Trainer` and the training that it began."""

    def __init__(self, trainer: Trainer, end: threading.Event) -> None:
        self.trainer, self.end = trainer, end
        self._told = 0.0

    def loader(self, loader: BatchLoader, epochs: int) -> BatchLoader:
        """The same batches; between two of them the training can be paused or stopped."""
        self.trainer.steps = epochs * len(loader)
        return _Watched(loader, self)

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Show the epoch."""
        self.trainer.history = History(list(history.rows))
        self.trainer._changed()
        return self.end.is_set()

    def between_steps(self) -> None:
        """Wait while paused; end `fit` as the stop button of a notebook does."""
        self.trainer._go.wait()
        if self.end.is_set():
            raise KeyboardInterrupt
        self.trainer.step += 1
        if time.monotonic() - self._told > 0.5:
            self._told = time.monotonic()
            self.trainer._changed()


class _Watched(BatchLoader):
    def __init__(self, loader: BatchLoader, watch: Watch) -> None:
        names = ("shuffle", "augment", "alternate_flip", "mix", "seed", "shard")
        options: dict[str, Any] = {name: getattr(loader, name) for name in names}
        super().__init__(loader.image_set, loader.batch_size, **options)
        self.watch = watch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.watch.trainer.step = self.epoch * len(self)  # fit has a look at the first batch before the first epoch
        for batch in super().__iter__():
            self.watch.between_steps()
            yield batch
