"""The overfitting laboratory: recorded training runs that differ in one setting, and a new one on request."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from statistics import fmean
from typing import Any, Final, cast

import torch
import traitlets
from torch import nn

from cifar_helpers.data import Cifar10
from cifar_helpers.runs import Recipe, Run, load_run, prepare, run_names
from cifar_helpers.training import Callback, EarlyStopping, WeightAveraging, fit
from cifar_helpers.training.history import History
from cifar_helpers.widgets._base import CourseWidget
from cifar_helpers.widgets._trainer import Trainer, Watch, columns

__all__ = ["OverfittingLab", "Settings", "early_stop", "overfitting_lab", "recipe_of", "recorded"]

_SECONDS: Final = 55.0  # limit of a new run, so that it ends within a minute
_LONGEST: Final = 15  # patience
# A result is a mean over this many epochs: at a constant learning rate, a single one can be several points off.
_LAST: Final = 10
_PINS: Final = 3


@dataclass(frozen=True)
class Settings:
    """What can be chosen; each value was recorded with at least one combination of the others.

    Attributes:
        dropout: probability of dropping a unit of the hidden layers.
        augmentation: `none`, `flip` or `flip + shift`.
        weight_decay: L2 penalty.
        images: number of training images.
        width: factor on the number of channels and hidden units.
        wrong_labels: share of the training labels that are wrong, 0..1.
    """

    dropout: float = 0.25
    augmentation: str = "flip"
    weight_decay: float = 0.0
    images: int = 10_000
    width: float = 1.0
    wrong_labels: float = 0.0

    def differences(self, other: Settings) -> list[str]:
        """Names of the settings that differ."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


_OPTIONS: Final[dict[str, dict[Any, str]]] = {
    "dropout": {0.0: "0", 0.25: "0.25", 0.5: "0.5"},
    "augmentation": {"none": "none", "flip": "flip", "flip + shift": "flip + shift"},
    "weight_decay": {0.0: "0", 5e-4: "0.0005"},
    "images": {2000: "2,000", 10_000: "10,000", 40_000: "40,000"},
    "width": {0.5: "× ½", 1.0: "× 1", 2.0: "× 2"},
    "wrong_labels": {0.0: "0 %", 0.2: "20 %"},
}
_NAMES: Final = {
    "dropout": "dropout", "augmentation": "augmentation", "weight_decay": "weight decay",
    "images": "training images", "width": "width", "wrong_labels": "wrong labels",
}  # fmt: skip


def _settings_of(recipe: Recipe) -> Settings:
    augmentation = "flip + shift" if recipe.shift else "flip" if recipe.flip else "none"
    images = recipe.train_images or 40_000
    return Settings(recipe.dropout, augmentation, recipe.weight_decay, images, recipe.width, recipe.wrong_labels)


def recorded() -> dict[Settings, list[Run]]:
    """The recorded runs by their settings; runs with the same settings differ only in their seed."""
    found: dict[Settings, list[Run]] = {}
    for name in run_names():
        if name.startswith("lab-"):
            run = load_run(name)
            found.setdefault(_settings_of(run.recipe), []).append(run)
    return found


def early_stop(history: History, patience: int) -> tuple[int, int]:
    """The epoch after which `EarlyStopping` would have ended a recorded run, and the epoch it would have kept."""
    stopping = EarlyStopping(patience)
    for count in range(1, len(history) + 1):
        if stopping.after_epoch(nn.Identity(), History(history.rows[:count])):
            return count, stopping.best_epoch
    return len(history), stopping.best_epoch


def recipe_of(settings: Settings, runs: Mapping[Settings, list[Run]]) -> Recipe:
    """The recipe of the nearest recorded run, changed to these settings."""
    base = _nearest(settings, runs)
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


def _nearest(settings: Settings, runs: Mapping[Settings, list[Run]]) -> Settings:
    return min(runs, key=lambda known: len(known.differences(settings)))


class _Deadline(Callback):
    """Ends a run before another epoch would exceed its time limit."""

    def __init__(self, seconds: float) -> None:
        self.start, self.seconds = time.monotonic(), seconds

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        return time.monotonic() - self.start + 1.2 * max(history["seconds"]) > self.seconds


class OverfittingLab(CourseWidget, module="overfitting_lab"):
    """Recorded runs to choose and compare; `settings`, `patience` and `pinned` can also be set from Python."""

    options = cast(list[Any], traitlets.List().tag(sync=True))
    records = cast(list[Any], traitlets.List().tag(sync=True))
    spread = cast(dict[str, Any], traitlets.Dict().tag(sync=True))
    settings = cast(dict[str, Any], traitlets.Dict().tag(sync=True))
    patience = cast(int, traitlets.Int(3).tag(sync=True))
    pinned = cast(list[dict[str, Any]], traitlets.List(traitlets.Dict()).tag(sync=True))
    trained = cast(list[Any], traitlets.List().tag(sync=True))
    status = cast(dict[str, Any], traitlets.Dict().tag(sync=True))
    trainable = cast(bool, traitlets.Bool(False).tag(sync=True))

    def __init__(self, data: Cifar10 | None = None) -> None:
        self._data, self._runs = data, recorded()
        self.trainer = Trainer(self._report)
        self._trained: Settings | None = None
        super().__init__(
            options=[
                {"name": name, "label": _NAMES[name], "values": [{"value": v, "text": t} for v, t in values.items()]}
                for name, values in _OPTIONS.items()
            ],
            records=[_record(settings, [run.history for run in runs]) for settings, runs in self._runs.items()],
            spread=_spread([run.history for run in self._runs[Settings()]]),
            settings=asdict(Settings()),
            status=self._status(),
            trainable=data is not None,
        )
        self.on_msg(self._command)

    @traitlets.validate("settings")
    def _checked_settings(self, proposal: Any) -> dict[str, Any]:
        return _checked(proposal["value"], "settings")

    @traitlets.validate("pinned")
    def _checked_pins(self, proposal: Any) -> list[dict[str, Any]]:
        pins = [_checked(settings, "pinned") for settings in proposal["value"]]
        if len(pins) > _PINS:
            raise traitlets.TraitError(f"pinned has {len(pins)} runs; pin at most {_PINS}")
        return pins

    @traitlets.validate("patience")
    def _checked_patience(self, proposal: Any) -> int:
        patience: int = proposal["value"]
        if not 1 <= patience <= _LONGEST:
            raise traitlets.TraitError(f"patience is {patience}; set 1 to {_LONGEST} epochs")
        return patience

    def words(self) -> str:
        """The results of the chosen run, and what early stopping would have done."""
        settings = Settings(**self.settings)
        what = f"Loss and accuracy by epoch of a training run ({_described(settings)})"
        if settings not in self._runs:
            return f"{what}: this combination was not recorded."
        runs = [run.history for run in self._runs[settings]]
        stopped, best = early_stop(runs[0], self.patience)
        kept = runs[0].rows[best - 1]
        train, validation = (
            fmean(fmean(run[column][-_LAST:]) for run in runs) for column in ("train_accuracy", "validation_accuracy")
        )
        seeds = f" and {len(runs)} seeds" if len(runs) > 1 else ""
        return (
            f"{what}. Mean of the last {_LAST} epochs{seeds}: training accuracy {100 * train:.1f} % (measured during "
            f"the epoch, with dropout and augmentation on), validation accuracy {100 * validation:.1f} %. Early "
            f"stopping with patience {self.patience} would end {'the first seed' if seeds else 'the run'} after epoch "
            f"{stopped} and keep epoch {best}, with a validation accuracy of {100 * kept.validation_accuracy:.1f} %."
        )

    def train(self) -> None:
        """Train with the chosen settings now, for as many epochs as fit into a minute.

        Raises:
            RuntimeError: if the laboratory was created without data.
        """
        if self._data is None:
            raise RuntimeError("there are no images to train on: call overfitting_lab(data)")
        settings = Settings(**self.settings)
        recipe = recipe_of(settings, self._runs)
        with torch.random.fork_rng([]):  # the learner's own random numbers stay as they are
            plan = prepare(recipe, self._data)

        def run(model: nn.Module, watch: Watch) -> History:
            means = [WeightAveraging(model, plan.optimizer, recipe.averaging)] if recipe.averaging else []
            return fit(
                model, watch.loader(plan.loader, recipe.epochs), plan.validation, epochs=recipe.epochs,
                optimizer=plan.optimizer, scheduler=plan.scheduler, label_smoothing=recipe.label_smoothing,
                seed=recipe.seed, callbacks=[watch, _Deadline(_SECONDS), *means], progress=False,
            )  # fmt: skip

        with self.trainer.lock:  # no report of the run before with the settings of this one
            self._trained = settings
            self.trainer.start(plan.model, run)
            self.trainer.report()

    def stop(self) -> None:
        """End the current run after its step, wait for that, and keep its epochs."""
        self.trainer.stop()
        self.trainer.wait()
        self.trainer.report()

    def _end(self) -> None:
        """The same without waiting: the kernel has to take the next message meanwhile."""
        self.trainer.stop()
        self.trainer.report()

    def close(self) -> None:
        """Close the widget and end its run."""
        self.trainer.stop()
        super().close()

    def _command(self, _: Any, message: Any, __: Any) -> None:
        if not isinstance(message, dict) or message.get("type") not in ("train", "stop"):
            return
        if "settings" in message:  # what was chosen just before may come later on its own way
            self.settings = message["settings"]
        (self.train if message["type"] == "train" else self._end)()

    def _status(self) -> dict[str, Any]:
        state, run = self.trainer.state, self.trainer.run
        return {
            "running": state != "ended", "ending": state in ("waiting", "ending"), "step": run.step, "steps": run.steps,
            "seconds": round(run.seconds, 1), "limit": _SECONDS, "problem": run.problem,
        }  # fmt: skip

    def _report(self) -> None:
        if self._trained is not None:
            chosen = asdict(self._trained)
            others = [run for run in self.trained if run["settings"] != chosen]
            self.trained = [*others, _record(self._trained, [self.trainer.run.history])]
        self.status = self._status()


def _summary(mean: Mapping[str, list[Any]]) -> dict[str, float]:
    """Mean accuracies of the last epochs, and their gap."""
    train, validation = (fmean(mean[f"{part}_accuracy"][-_LAST:]) for part in ("train", "validation"))
    return {"train": train, "validation": validation, "gap": train - validation}


def _record(settings: Settings, histories: list[History]) -> dict[str, Any]:
    """Runs that differ in their seed, their mean epoch by epoch, and the results."""
    runs = [columns(history) for history in histories]
    found: dict[str, Any] = {"settings": asdict(settings), "runs": runs}
    if not len(histories[0]) or any(value is None for run in runs for column in run.values() for value in column):
        return found
    columns_of_seeds = {name: list(zip(*(run[name] for run in runs), strict=True)) for name in runs[0]}
    mean = {name: [round(fmean(values), 4) for values in column] for name, column in columns_of_seeds.items()}
    return {**found, "mean": mean, "ends": [_end(run) for run in runs], "summary": _summary(mean)}


def _end(run: Mapping[str, list[Any]]) -> list[float]:
    """Validation accuracy of a run in its last epochs: mean, lowest, highest."""
    last = run["validation_accuracy"][-_LAST:]
    return [fmean(last), min(last), max(last)]


def _spread(histories: list[History]) -> dict[str, float]:
    """The range over the seeds of one combination, for each result."""
    seeds = [_summary(columns(history)) for history in histories]
    return {name: max(seed[name] for seed in seeds) - min(seed[name] for seed in seeds) for name in seeds[0]}


def _checked(settings: Any, name: str) -> dict[str, Any]:
    """The settings as plain numbers and text; a TraitError says which of them is wrong."""
    if not isinstance(settings, dict) or set(settings) != set(_OPTIONS):
        raise traitlets.TraitError(f"{name} must have a value for each of {', '.join(_OPTIONS)}")
    found = {}
    for part, values in _OPTIONS.items():
        known = [value for value in values if value == settings[part]]
        if not known:
            allowed = ", ".join(repr(value) for value in values)
            raise traitlets.TraitError(f"{name}: {part} is {settings[part]!r}; set one of {allowed}")
        found[part] = known[0]
    return found


def _described(settings: Settings) -> str:
    changed = settings.differences(Settings())
    return ", ".join(f"{_NAMES[name]} {_OPTIONS[name][getattr(settings, name)]}" for name in changed) or "base"


def overfitting_lab(data: Cifar10 | None = None) -> OverfittingLab:
    """Change what affects overfitting and see the recorded curves at once, with the differences between seeds.

    Results are means of the last ten epochs. For the chosen patience the widget shows where early stopping would have
    ended the run, and what that would have cost. Base is drawn behind every other run; up to three runs can be pinned
    besides. A choice is one change from base, unless the box above the choices is unticked.

    Args:
        data: to train with the chosen settings now, for as many epochs as fit into a minute; `None` shows only records.

    Returns:
        A widget.
    """
    return OverfittingLab(data)
