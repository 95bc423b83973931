"""Train a network while you watch: start, pause, stop, another learning rate, again."""

from __future__ import annotations

import ipywidgets as widgets
import torch
from torch import nn

from cifar_helpers.data import Augment, BatchLoader, ImageSet
from cifar_helpers.models import CifarCNN
from cifar_helpers.training import fit
from cifar_helpers.training.history import History
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, row, whole
from cifar_helpers.widgets._curves import Curves, curves_html
from cifar_helpers.widgets._drawing import message_html, sentence
from cifar_helpers.widgets._screen import Screen
from cifar_helpers.widgets._trainer import Trainer, Watch

__all__ = ["LiveTraining", "live_training", "render"]

_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def render(history: History, epochs: int, state: str, problem: str = "") -> str:
    """HTML of the curves so far, what happens now, and what went wrong.

    Args:
        history: of the complete epochs.
        epochs: that were asked for.
        state: a sentence.
        problem: shown as a message, empty for none.
    """
    parts = [message_html(problem)] if problem else []
    return "".join([*parts, sentence(state), curves_html([Curves("", [history])], epochs)])


class LiveTraining(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A training to steer; `model` and `history` are its network and its epochs, at any time."""

    def __init__(self, train: ImageSet, validation: ImageSet) -> None:
        self._train, self._validation = train, validation
        self.rate = choice("learning rate", [(f"{r:g}", r) for r in _RATES])
        self.rate.value = 0.03
        self.batch = choice("batch size", [16, 32, 64, 128, 256, 512])
        self.batch.value = 128
        self.epochs = whole("epochs", 1, 100, 8)
        self.start = widgets.Button(description="start", tooltip="train a fresh network")
        self.pause = widgets.Button(description="pause", tooltip="wait after the current step", disabled=True)
        self.stop = widgets.Button(description="stop", tooltip="end and keep the network", disabled=True)
        self.shown = Screen()
        self._trainer = Trainer(self._draw)
        self._settings = ""
        self.start.on_click(lambda _: self._begin())
        self.pause.on_click(lambda _: self._pause())
        self.stop.on_click(lambda _: self._stop())
        super().__init__([row(self.rate, self.batch, self.epochs), row(self.start, self.pause, self.stop), self.shown])
        self._draw()

    @property
    def model(self) -> nn.Module:
        """The network that is trained now, or was trained last.

        Raises:
            RuntimeError: before the first start.
        """
        if self._trainer.model is None:
            raise RuntimeError("nothing was trained yet: press start first")
        return self._trainer.model

    @property
    def history(self) -> History:
        """One row for each complete epoch of it."""
        return self._trainer.history

    def close(self) -> None:
        """End the training with the widget."""
        self._trainer.stop()
        super().close()

    def _begin(self) -> None:
        rate, size, epochs = self.rate.value, self.batch.value, self.epochs.value
        self._settings = f"learning rate {rate:g}, batches of {size}"
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            model = CifarCNN()

        def train(network: nn.Module, watch: Watch) -> History:
            # Made anew with the model, so that no optimizer holds the parameters of another one.
            optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
            loader = BatchLoader(self._train, size, shuffle=True, augment=Augment())
            batches = watch.loader(loader, epochs)
            return fit(
                network,
                batches,
                self._validation,
                epochs=epochs,
                optimizer=optimizer,
                callbacks=[watch],
                progress=False,
            )

        self._trainer.start(model, train)
        self._draw()

    def _pause(self) -> None:
        if self._trainer.paused:
            self._trainer.resume()
        else:
            self._trainer.pause()
        self._draw()

    def _stop(self) -> None:
        self._trainer.stop()
        self._draw()

    def _draw(self) -> None:
        trainer, epochs = self._trainer, self.epochs.value
        running, paused = trainer.running, trainer.paused
        self.start.description = "start again" if trainer.model is not None else "start"
        self.pause.description = "go on" if paused else "pause"
        self.pause.disabled = self.stop.disabled = not running
        self.shown.value = render(trainer.history, max(epochs, len(trainer.history)), self._state(), trainer.problem)

    def _state(self) -> str:
        trainer = self._trainer
        if trainer.model is None:
            return f"Press start: {len(self._train):,} images to train on, {len(self._validation):,} to validate."
        done = len(trainer.history)
        if trainer.running:
            what = "Paused" if trainer.paused else "Training"
            return f"{what}, {self._settings}: step {trainer.step} of {trainer.steps}, {done} epochs complete."
        best = f", validation accuracy {trainer.history.rows[-1].validation_accuracy:.1%}" if done else ""
        return f"Ended after {done} complete epochs, {self._settings}{best}. The network is kept in .model."


def live_training(train: ImageSet, validation: ImageSet) -> LiveTraining:
    """Start, pause and stop a training of a fresh `CifarCNN`, and see its curves grow.

    Each start makes model and optimizer anew, with the same seed; a start ends what runs, also in another widget.

    Args:
        train: images to train on, flipped at random; some thousands make an epoch of a few seconds.
        validation: images to measure on after each epoch.

    Returns:
        A widget with the attributes `model` and `history`.

    Raises:
        ValueError: if there are no images to train or to measure on.
    """
    if not len(train) or not len(validation):
        raise ValueError("live_training needs images to train on and images to validate")
    return in_this_cell(LiveTraining(train, validation))
