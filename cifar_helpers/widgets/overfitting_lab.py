"""The laboratory of overfitting: recorded trainings that differ in one thing, and one to train now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import ipywidgets as widgets
from torch import nn

from cifar_helpers.data import Cifar10
from cifar_helpers.runs import Recipe, Run, load_run, prepare, run_names
from cifar_helpers.training import Callback, EarlyStopping, fit
from cifar_helpers.training.history import History
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, on_change, row, slider
from cifar_helpers.widgets._curves import Curves, curves_html
from cifar_helpers.widgets._drawing import message_html, sentence
from cifar_helpers.widgets._screen import Screen
from cifar_helpers.widgets._trainer import Trainer, Watch

__all__ = ["Settings", "early_stop", "overfitting_lab", "recorded", "render"]

_SECONDS: Final = 55.0  # of a training at the press of the button, so that it ends within a minute


@dataclass(frozen=True)
class Settings:
    """What can be chosen; each value is one that was recorded.

    Attributes:
        dropout: of the hidden layers.
        augmentation: `none`, `flip` or `flip + shift`.
        weight_decay: L2 penalty.
        images: training images.
        width: of the network.
        wrong_labels: share of the training labels.
    """

    dropout: float = 0.25
    augmentation: str = "flip"
    weight_decay: float = 0.0
    images: int = 10_000
    width: float = 1.0
    wrong_labels: float = 0.0

    def differences(self, other: Settings) -> list[str]:
        """Names of what is not the same."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


_OPTIONS: Final[dict[str, list[tuple[str, object]]]] = {
    "dropout": [("0", 0.0), ("0.25", 0.25), ("0.5", 0.5)],
    "augmentation": [(name, name) for name in ("none", "flip", "flip + shift")],
    "weight_decay": [("0", 0.0), ("0.0005", 5e-4)],
    "images": [("2,000", 2000), ("10,000", 10_000), ("40,000", 40_000)],
    "width": [("½", 0.5), ("1", 1.0), ("2", 2.0)],
    "wrong_labels": [("0 %", 0.0), ("20 %", 0.2)],
}
_NAMES: Final = {"weight_decay": "weight decay", "images": "training images", "wrong_labels": "wrong labels"}


def _settings_of(recipe: Recipe) -> Settings:
    augmentation = "flip + shift" if recipe.shift else "flip" if recipe.flip else "none"
    images = recipe.train_images or 40_000
    return Settings(recipe.dropout, augmentation, recipe.weight_decay, images, recipe.width, recipe.wrong_labels)


def recorded() -> dict[Settings, list[Run]]:
    """The runs of the laboratory, those that differ by their seed alone together."""
    found: dict[Settings, list[Run]] = {}
    for name in run_names():
        if name.startswith("lab-"):
            run = load_run(name)
            found.setdefault(_settings_of(run.recipe), []).append(run)
    return found


def early_stop(history: History, patience: int) -> tuple[int, int]:
    """After which epoch `EarlyStopping` would have ended a recorded training, and which epoch it would have kept."""
    stopping = EarlyStopping(patience)
    for count in range(1, len(history) + 1):
        if stopping.after_epoch(nn.Identity(), History(history.rows[:count])):
            return count, stopping.best_epoch
    return len(history), stopping.best_epoch


def render(histories: Sequence[History], patience: int, live: History | None = None) -> str:
    """HTML of recorded curves with the early stop, beside a training of now.

    Args:
        histories: one for each seed.
        patience: of early stopping, applied to the first seed.
        live: a training beside them, or `None`.
    """
    first, epochs = histories[0], len(histories[0])
    stopped, best = early_stop(first, patience)
    last, kept = first.rows[-1], first.rows[best - 1]
    ends = [history.rows[-1] for history in histories]
    words = (
        f"After {epochs} epochs: training {_span([r.train_accuracy for r in ends])}, "
        f"validation {_span([r.validation_accuracy for r in ends])}, "
        f"{len(histories)} {'seeds' if len(histories) > 1 else 'seed'}. "
    )
    cost = 100 * (kept.validation_accuracy - last.validation_accuracy)
    where = (
        f"would have stopped after epoch {stopped} and kept epoch {best}"
        if stopped < epochs
        else (f"would not have stopped, and kept epoch {best}")
    )
    words += (
        f"Early stopping with patience {patience} {where}: validation {kept.validation_accuracy:.1%}, "
        f"{cost:+.1f} points against the end, {epochs - stopped} of {epochs} epochs saved."
    ).replace("-", "\N{MINUS SIGN}")
    marks = [(float(best), f"kept: {best}")]
    if stopped < epochs:
        marks.append((float(stopped), f"stopped: {stopped}"))
    groups = [Curves("recorded, ", histories)]
    if live is not None and len(live):
        groups.append(Curves("now, ", [live]))
    return sentence(words) + curves_html(groups, epochs, marks)


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.1%}" if low == high else f"{low:.1%} to {high:.1%}"


class _Deadline(Callback):
    """Ends a training before another epoch would take it past its time."""

    def __init__(self, seconds: float) -> None:
        self.start, self.seconds = time.monotonic(), seconds

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        return time.monotonic() - self.start + 1.2 * max(history["seconds"]) > self.seconds


class _Lab(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    def __init__(self, data: Cifar10 | None, runs: Mapping[Settings, list[Run]]) -> None:
        self.runs, self.data = runs, data
        self.controls = {f.name: choice(_NAMES.get(f.name, f.name), _OPTIONS[f.name]) for f in fields(Settings)}
        self.patience = slider("patience (epochs)", 1, 15, 3)
        self.known = choice("recorded", [(self.describe(s), s) for s in runs])
        self.train = widgets.Button(
            description="train this one now", disabled=data is None, layout=widgets.Layout(width="auto")
        )
        self.stop = widgets.Button(description="stop", disabled=True)
        self.shown = Screen()
        self.trainer = Trainer(self.draw)
        self.trained: Settings | None = None
        self.filling = False
        on_change(self.draw, *self.controls.values(), self.patience)
        on_change(self.take_known, self.known)
        self.train.on_click(lambda _: self.begin())
        self.stop.on_click(lambda _: self.trainer.stop())
        super().__init__(
            [
                row(self.known),
                row(*self.controls.values()),
                row(self.patience, self.train, self.stop),
                self.shown,
            ]
        )
        self.fill(Settings())

    def close(self) -> None:
        self.trainer.stop()
        super().close()

    @staticmethod
    def describe(settings: Settings) -> str:
        changed = settings.differences(Settings())
        texts = {name: {value: text for text, value in _OPTIONS[name]} for name in changed}
        said = [f"{_NAMES.get(name, name)} {texts[name][getattr(settings, name)]}" for name in changed]
        return ", ".join(said) or "base"

    @property
    def settings(self) -> Settings:
        return Settings(**{name: control.value for name, control in self.controls.items()})

    def take_known(self) -> None:
        if not self.filling:
            self.fill(self.known.value)

    def fill(self, settings: Settings) -> None:
        self.filling = True
        for name, control in self.controls.items():
            control.value = getattr(settings, name)
        self.filling = False
        self.draw()

    def draw(self) -> None:
        if self.filling:
            return
        running = self.trainer.running
        self.stop.disabled = not running
        settings = self.settings
        live = self.trainer.history if self.trained == settings else None
        now = ""
        if self.trained == settings and self.trainer.model is not None:
            state = f"training now, step {self.trainer.step}" if running else "trained just now"
            now = sentence(f"{state}: {len(self.trainer.history)} epochs complete.")
        if self.trainer.problem:
            now += message_html(self.trainer.problem)
        if settings in self.runs:
            self.filling = True
            self.known.value = settings
            self.filling = False
            self.shown.value = now + render([run.history for run in self.runs[settings]], self.patience.value, live)
            return
        near = min(self.runs, key=lambda known: len(known.differences(settings)))
        there = ", ".join(_NAMES.get(name, name) for name in near.differences(settings))
        words = (
            f"This combination was not recorded. The nearest that was ({self.describe(near)}) differs in {there}. "
            "Choose one under 'recorded', or train this one now."
        )
        curves = curves_html([Curves("now, ", [live])], 30) if live is not None and len(live) else ""
        self.shown.value = message_html(words) + now + curves

    def begin(self) -> None:
        if self.data is None:
            return
        data, settings = self.data, self.settings
        recipe = _recipe_of(settings, self.runs)
        plan = prepare(recipe, data)

        def train(model: nn.Module, watch: Watch) -> History:
            batches = watch.loader(plan.loader, recipe.epochs)
            return fit(
                model, batches, plan.validation, epochs=recipe.epochs, optimizer=plan.optimizer,
                scheduler=plan.scheduler, callbacks=[watch, _Deadline(_SECONDS)], progress=False,
            )  # fmt: skip

        self.trained = settings
        self.trainer.start(plan.model, train)
        self.draw()


def _recipe_of(settings: Settings, runs: Mapping[Settings, list[Run]]) -> Recipe:
    """The recipe of the recorded run that is nearest, with these settings."""
    base = min(runs, key=lambda known: len(known.differences(settings)))
    shift = max(run.recipe.shift for group in runs.values() for run in group)
    return replace(
        runs[base][0].recipe,
        dropout=settings.dropout,
        flip=settings.augmentation != "none",
        shift=shift if settings.augmentation == "flip + shift" else 0,
        weight_decay=settings.weight_decay,
        train_images=0 if settings.images == 40_000 else settings.images,
        width=settings.width,
        wrong_labels=settings.wrong_labels,
        seed=0,
    )


def overfitting_lab(data: Cifar10 | None = None) -> widgets.VBox:
    """Change what acts on overfitting and see recorded curves at once, with the spread of seeds.

    Early stopping is shown for the patience chosen: where it would have stopped, and what that would have cost.

    Args:
        data: to train the chosen settings now, as many epochs as fit into a minute; `None` shows records alone.

    Returns:
        A widget.
    """
    return in_this_cell(_Lab(data, recorded()))
