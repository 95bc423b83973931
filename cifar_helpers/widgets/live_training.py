"""Train a network while you watch: start, pause, change the learning rate, stop, and compare with earlier runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any, Final, cast

import torch
import traitlets
from torch import nn

from cifar_helpers.bug_gallery.inject import HEALTHY, Symptoms, symptoms
from cifar_helpers.data import Augment, BatchLoader, ImageSet
from cifar_helpers.models import CifarCNN
from cifar_helpers.runs import load_run
from cifar_helpers.training import fit
from cifar_helpers.training.history import History
from cifar_helpers.widgets._base import CourseWidget
from cifar_helpers.widgets._trainer import Trainer, Watch, columns

__all__ = ["LiveTraining", "live_training"]

_KEPT: Final = 5  # earlier runs: the best and the last four
_OFF: Final = 5.0  # the loss from which a run is said to diverge
_GHOST: Final = "lab-base"  # a recorded run of the same network and batch size, to compare with
_RECORDED_RATE, _RECORDED_BATCH, _RECORDED_IMAGES = 0.01, 50, 2000  # of the runs of `bug_gallery.healthy`
_SETTINGS: Final = ("learning_rate", "batch_size", "epochs")
_STATES: Final = {
    "waiting": "Waiting for the end of another run", "running": "Training", "paused": "Paused", "ending": "Ending",
    "ended": "Ended",
}  # fmt: skip


class LiveTraining(CourseWidget, module="live_training"):
    """A training run to control; `model` and `history` give its network and its epochs at any time.

    A change of the learning rate takes effect at the next step, the other settings at the next start.
    """

    learning_rate = cast(float, traitlets.CFloat(0.03).tag(sync=True))
    batch_size = cast(int, traitlets.Int(128).tag(sync=True))
    epochs = cast(int, traitlets.Int(4).tag(sync=True))
    run = cast(dict[str, Any], traitlets.Dict().tag(sync=True))
    earlier = cast(list[Any], traitlets.List().tag(sync=True))
    ghost = cast(dict[str, Any], traitlets.Dict().tag(sync=True))
    records = cast(list[Any], traitlets.List().tag(sync=True))
    images = cast(list[int], traitlets.List().tag(sync=True))

    def __init__(self, train: ImageSet, validation: ImageSet) -> None:
        self._train, self._validation = train, validation
        self._trainer = Trainer(self._report)
        self._precision = "auto"
        self._settings: dict[str, Any] = {}
        self._starts = 0
        super().__init__(images=[len(train), len(validation)], ghost=_ghost(), records=_records())
        self.on_msg(self._command)

    @property
    def model(self) -> nn.Module:
        """The network of the current run, or of the last one.

        Raises:
            RuntimeError: before the first start.
        """
        if self._trainer.model is None:
            raise RuntimeError("no network has been trained yet: press Start first")
        return self._trainer.model

    @property
    def history(self) -> History:
        """One row for each complete epoch of this run."""
        return self._trainer.run.history

    @traitlets.validate("learning_rate")
    def _checked_rate(self, proposal: Any) -> float:
        rate: float = proposal["value"]
        if not (math.isfinite(rate) and rate > 0):
            raise traitlets.TraitError(f"learning_rate is {rate}; set a number above 0")
        return rate

    @traitlets.validate("batch_size", "epochs")
    def _checked_whole(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        most = {"batch_size": 4096, "epochs": 100}[name]
        if not 1 <= value <= most:
            raise traitlets.TraitError(f"{name} is {value}; set a whole number from 1 to {most}")
        return int(value)

    @traitlets.observe("learning_rate")
    def _steer(self, _: Any) -> None:
        self._trainer.rate = self.learning_rate

    def words(self) -> str:
        """The state of the current run, or what the widget is for."""
        if not self.run:
            return (
                f"Train a CifarCNN on {len(self._train):,} images: start, pause and stop it, change the learning rate, "
                "and watch the loss and the accuracy."
            )
        rows = self.history.rows
        best = max((row.validation_accuracy for row in rows), default=math.nan)
        result = f", highest validation accuracy {100 * best:.1f} %" if rows else ""
        state = _STATES[self.run["state"]]
        rate, size = self._settings["learning_rate"], self._settings["batch_size"]
        epochs = "1 complete epoch" if len(rows) == 1 else f"{len(rows)} complete epochs"
        return f"{state}: learning rate {rate:g}, batches of {size}, {epochs}{result}."

    def start(self) -> None:
        """Train a fresh network once the current run has ended; that is kept if it has an epoch, or diverged."""
        rate, size, epochs = self.learning_rate, self.batch_size, self.epochs
        self._trainer.stop()
        if self.run and (self.run["train_loss"] or _diverged(self.run)):
            self.earlier = _worth_keeping([*self.earlier, self.run])
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            model = CifarCNN()

        def train(network: nn.Module, watch: Watch) -> History:
            # Created with the model, so that it holds the parameters of this one.
            optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
            batches = BatchLoader(self._train, size, shuffle=True, augment=Augment())
            history = fit(
                network, watch.loader(batches, epochs), self._validation, epochs=epochs, optimizer=optimizer,
                precision=self._precision, callbacks=[watch], progress=False,
            )  # fmt: skip
            self._precision = history.precision  # the next run shall be comparable with this one
            return history

        with self._trainer.lock:  # no report of the run before with the settings of this one
            self._starts += 1
            self._settings = {"learning_rate": rate, "batch_size": size, "epochs": epochs, "number": self._starts}
            self._trainer.rate = rate
            self._trainer.start(model, train)
            self._trainer.report()

    def pause(self) -> None:
        """Wait after the current step."""
        self._trainer.pause()
        self._trainer.report()

    def resume(self) -> None:
        """Continue."""
        self._trainer.resume()
        self._trainer.report()

    def stop(self) -> None:
        """End after the current step, and wait for that; network and history are kept."""
        self._trainer.stop()
        self._trainer.wait()
        self._trainer.report()

    def close(self) -> None:
        """Close the widget and end its run."""
        self._trainer.stop()
        super().close()

    def _end(self) -> None:
        """End after the current step, without waiting: the kernel has to take the next message meanwhile."""
        self._trainer.stop()
        self._trainer.report()

    def _command(self, _: Any, message: Any, __: Any) -> None:
        commands = {"start": self.start, "pause": self.pause, "resume": self.resume, "stop": self._end}
        if not isinstance(message, dict) or message.get("type") not in commands:
            return
        for name in _SETTINGS:  # what was chosen just before Start may come later on its own way
            if name in message:
                setattr(self, name, message[name])
        commands[message["type"]]()

    def _report(self) -> None:
        trainer = self._trainer
        if trainer.model is None:
            return
        run = trainer.run
        self.run = {
            **self._settings,
            "state": trainer.state,
            "step": run.step, "steps": run.steps, "problem": run.problem, "stride": run.curve.stride,
            "points": list(run.curve.points), "seconds": list(run.ends), **columns(run.history),
        }  # fmt: skip


def _diverged(run: dict[str, Any]) -> bool:
    last = run["points"][-1][2] if run["points"] else 0.0
    return bool(run["problem"]) or last is None or last > _OFF


def _worth_keeping(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All but the oldest one if they are too many, and the best in any case."""
    if len(runs) <= _KEPT:
        return runs
    best = max(runs, key=lambda run: max(filter(None, run["validation_accuracy"]), default=0.0))
    gone = next(run for run in runs if run is not best)
    return [run for run in runs if run is not gone]


def _ghost() -> dict[str, Any]:
    """A recorded run with the same network and batch size, to compare with."""
    record = load_run(_GHOST)
    recipe = record.recipe
    usual = median(row.seconds for row in record.history)  # some epochs were slowed down by other programs
    ends = [round(usual * epoch, 2) for epoch in range(1, len(record.history) + 1)]
    return {
        "label": f"{recipe.train_images:,} images", "flipped": recipe.flip,
        "ask": _question(len(record.history), f"with {recipe.train_images:,} images"),
        "learning_rate": recipe.learning_rate, "batch_size": recipe.batch_size, "images": recipe.train_images,
        "seconds": ends, "points": [], "problem": "", **columns(record.history),
    }  # fmt: skip


def _records() -> list[dict[str, Any]]:
    """Runs that differ only in their learning rates, to replay on a page that cannot train; the first is healthy."""
    runs = symptoms()
    return [
        _record(runs[name], factor) for name, factor in
        ((HEALTHY, 1), ("learning rate ÷ 100", 0.01), ("learning rate × 100", 100))
    ]  # fmt: skip


def _question(epochs: int, setting: str) -> str:
    return f"Predict: how high is validation accuracy after {epochs} epochs {setting}?"


def _record(seen: Symptoms, factor: float) -> dict[str, Any]:
    rate = float(f"{factor * _RECORDED_RATE:g}")
    other = f"{factor:g} times as large" if factor > 1 else f"{1 / factor:g} times smaller"
    with_rate = f"with a learning rate of {rate:g}" if factor == 1 else f"with a learning rate {other}, {rate:g}"
    losses, shares = seen.first_losses, seen.validation_accuracy
    diverged = not math.isfinite(seen.train_loss[0])
    constant = ""
    if len(set(shares)) == 1:  # NaN weights give NaN logits, of which the first counts as the largest
        share = f"{100 * shares[-1]:.1f} % validation accuracy, the level of guessing"
        constant = f" From then on the network gives every image the same class: {share}."
    return {
        "label": f"rate {rate:g}",
        "ask": _question(len(seen.train_loss), with_rate),
        "learning_rate": rate, "batch_size": _RECORDED_BATCH, "images": _RECORDED_IMAGES, "flipped": False,
        "seconds": [],
        "points": [[round((k + 1) * _RECORDED_BATCH / _RECORDED_IMAGES, 4), 0, loss, rate]
                   for k, loss in enumerate(losses)] if diverged else [],
        "problem": (
            f"The first batches have losses of {', '.join(f'{loss:.3g}' for loss in losses[:4])}: each step "
            f"overshoots. Before epoch 1 ends, the loss is no longer a number (NaN).{constant}"
        ) if diverged else "",
        "train_loss": _plain(seen.train_loss), "train_accuracy": _plain(seen.train_accuracy),
        "validation_loss": _plain(seen.validation_loss), "validation_accuracy": _plain(seen.validation_accuracy),
    }  # fmt: skip


def _plain(values: Sequence[float]) -> list[float | None]:
    """For the browser: NaN becomes `None`."""
    return [value if math.isfinite(value) else None for value in values]


def live_training(train: ImageSet, validation: ImageSet) -> LiveTraining:
    """Start, pause and stop a training run of a fresh `CifarCNN`, and see its curves grow beside those of earlier runs.

    Each start creates a fresh model and optimizer, with the same seed. It ends any run that is still going, even in
    another widget.

    Args:
        train: images to train on, flipped at random; with a few thousand, an epoch takes some seconds.
        validation: images to measure on after each epoch.

    Returns:
        A widget with the attributes `model` and `history`.

    Raises:
        ValueError: if there are no images to train on or to measure on.
    """
    if not len(train) or not len(validation):
        raise ValueError("live_training needs images to train on and images to validate on")
    return LiveTraining(train, validation)
