"""Train a network and measure it: `fit`, `evaluate`, `EarlyStopping`."""

from __future__ import annotations

import copy
import math
import operator
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DistributedSampler
from tqdm import tqdm

from cifar_helpers import _batches, _checkpoint, _memory, _networks, _precision, _processes, _schedules, _signature
from cifar_helpers._batches import Batches
from cifar_helpers._checkpoint import CallbackState, CheckpointError
from cifar_helpers._devices import checked_device
from cifar_helpers._precision import Computation
from cifar_helpers._random import own_randomness
from cifar_helpers.data import LARGEST_SEED, Augment, BatchLoader, ImageSet
from cifar_helpers.history import Epoch, History

__all__ = [
    "Averaging",
    "Callback",
    "CheckpointError",
    "EarlyStopping",
    "Epoch",
    "History",
    "Metrics",
    "TrainingDiverged",
    "collect_logits",
    "evaluate",
    "fit",
]

_CHECK_EVERY: Final = 20  # steps between looks at the loss: each look makes a GPU wait
_SEEDS_APART: Final = 1_000_003  # between the epochs of one seed and those of the next


class TrainingDiverged(RuntimeError):
    """The loss is no longer a number. `history` holds the epochs that were completed."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class Callback:
    """Something that `fit` calls; a subclass overrides what it needs."""

    def before_training(self, model: nn.Module) -> None:
        """Called before the first epoch, and before `load_state_dict` where a training goes on: forget earlier ones."""

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Called when an epoch is complete; `True` ends the training."""
        return False

    def after_training(self, model: nn.Module, history: History) -> None:
        """Called once at the end, also after an interrupt."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep of it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""


class EarlyStopping(Callback):
    """Stop when the validation loss has not fallen for some epochs, and restore the best weights.

    Args:
        patience: epochs without a new best loss that are waited for, at least 1.
        min_delta: a new best must be lower by more than this.

    Attributes:
        best_epoch: the epoch whose weights the model has after training; 0 before the first.

    Raises:
        ValueError: if `patience` is below 1 or `min_delta` below 0.
    """

    def __init__(self, patience: int = 5, min_delta: float = 0.0) -> None:
        if not _is_number(patience) or not _is_number(min_delta) or not (patience >= 1 and min_delta >= 0):
            raise ValueError(f"patience must be at least 1 and min_delta at least 0, got {patience!r}, {min_delta!r}")
        self.patience = patience
        self.min_delta = min_delta
        self._forget()

    def _forget(self) -> None:
        self.best_epoch = 0
        self._best_loss = math.inf
        self._best_weights: dict[str, Tensor] = {}

    def before_training(self, model: nn.Module) -> None:
        """Forget the best epoch of an earlier training."""
        self._forget()

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Compare the newest validation loss with the best so far."""
        last = history.rows[-1]
        if math.isnan(last.validation_accuracy):
            raise ValueError("EarlyStopping needs validation images: pass validation= to fit")
        if last.validation_loss < self._best_loss - self.min_delta:
            self.best_epoch, self._best_loss = last.epoch, last.validation_loss
            self._best_weights = copy.deepcopy(_networks.unwrap(model).state_dict())
        return last.epoch - self.best_epoch >= self.patience

    def after_training(self, model: nn.Module, history: History) -> None:
        """Put the best weights into the model."""
        if self._best_weights:
            _networks.unwrap(model).load_state_dict(self._best_weights)

    def state_dict(self) -> dict[str, Any]:
        """Best epoch, its loss and its weights."""
        return {"epoch": self.best_epoch, "loss": self._best_loss, "weights": self._best_weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.best_epoch, self._best_loss = state["epoch"], state["loss"]
        self._best_weights = state["weights"]


class Averaging(Callback):
    """Give the model, after training, a running mean of its weights over the last steps instead of the last weights.

    Each step moves the mean by `1 - decay` of its distance to the weights (an exponential moving average; Polyak and
    Juditsky, 1992). The mean of batch norm's running statistics is taken as well.

    Args:
        model: that is trained.
        optimizer: that trains it: its steps are counted.
        decay: 0 to below 1; the mean reaches back about `1 / (1 - decay)` steps.

    Raises:
        ValueError: if `decay` is outside its range.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, decay: float = 0.99) -> None:
        if not _is_number(decay) or not 0 <= decay < 1:
            raise ValueError(f"decay must lie between 0 and below 1, got {decay!r}")
        _schedules.check_optimizer(optimizer)
        self.decay = decay
        self._model = _networks.unwrap(_networks.check_network(model))
        self._mean = self._fresh_mean()
        optimizer.register_step_post_hook(self._after_step)

    def _fresh_mean(self) -> AveragedModel:
        mean_of = get_ema_multi_avg_fn(self.decay)  # type: ignore[no-untyped-call]
        return AveragedModel(_networks.copy_network(self._model), multi_avg_fn=mean_of, use_buffers=True)

    def _after_step(self, *_: Any) -> None:
        self._mean.update_parameters(self._model)

    def before_training(self, model: nn.Module) -> None:
        """Forget the mean of an earlier training.

        Raises:
            ValueError: if it was made for another model.
        """
        if _networks.unwrap(model) is not self._model:
            raise ValueError("Averaging was made for another model: create it in the same cell as model and optimizer")
        self._mean = self._fresh_mean()

    def after_training(self, model: nn.Module, history: History) -> None:
        """Put the mean into the model."""
        self._model.load_state_dict(self._mean.module.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """The mean, and how many steps are in it."""
        return self._mean.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._mean.load_state_dict(state)


@dataclass(frozen=True)
class Metrics:
    """How a network did on a set of images.

    Attributes:
        loss: mean cross-entropy over the images, in nats.
        accuracy: share of correct predictions, 0..1.
        confusion: int64 `(classes, classes)`, for CIFAR-10 `(10, 10)`: images of class (row) that were predicted as
            class (column).
    """

    loss: float
    accuracy: float
    confusion: Tensor

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor) -> Metrics:
        """Measure predictions that are there, as `collect_logits` gives them.

        Args:
            logits: float `(N, classes)`.
            labels: whole numbers `(N,)`, each from 0 to below the number of classes.

        Raises:
            ValueError: if the shapes do not fit, or a label is outside its range.
        """
        if logits.dim() != 2 or not len(logits):
            raise ValueError(f"logits must be (N, classes) of at least one image, got shape {tuple(logits.shape)}")
        _batches.check_labels(logits, labels, "Metrics.of", shares=False)
        classes = logits.shape[1]
        labels = _batches.class_numbers(labels, classes, "Metrics.of")
        predictions = logits.argmax(1)
        confusion = torch.bincount(labels * classes + predictions, minlength=classes * classes)
        return cls(
            loss=float(nn.functional.cross_entropy(logits, labels)),
            accuracy=float((predictions == labels).float().mean()),
            confusion=confusion.view(classes, classes),
        )

    @property
    def precision(self) -> Tensor:
        """float64 `(classes,)`: of the images predicted as a class, the share that is; NaN where none was."""
        return self.confusion.diagonal() / self.confusion.sum(0).double()

    @property
    def recall(self) -> Tensor:
        """float64 `(classes,)`: of the images of a class, the share that was found; NaN where there are none."""
        return self.confusion.diagonal() / self.confusion.sum(1).double()

    @property
    def f1(self) -> Tensor:
        """float64 `(classes,)`: harmonic mean of precision and recall; NaN where a class is neither there nor found."""
        either = self.confusion.sum(0) + self.confusion.sum(1)
        return 2 * self.confusion.diagonal() / either.double()

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.1%}, loss {self.loss:.3f}, {int(self.confusion.sum()):,} images"


def fit(
    model: nn.Module,
    train: BatchLoader | ImageSet | Batches,
    validation: BatchLoader | ImageSet | Batches | None = None,
    *,
    epochs: int,
    optimizer: Optimizer | None = None,
    schedule: LRScheduler | None = None,
    device: torch.device | str | None = None,
    precision: str = "auto",
    label_smoothing: float = 0.0,
    callbacks: Iterable[Callback] = (),
    checkpoint: Path | str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a classifier with cross-entropy; one call does it all.

    Before the first step, a copy of the network makes one on trial: batches, labels and logits that do not fit are
    named then, and channels-last memory is used where the network takes it.

    Ctrl-C, or the stop button of a notebook, ends it after the current step; the history of the
    complete epochs is returned.

    Under `torchrun` each process calls it with its network in `DistributedDataParallel` and a `BatchLoader` with its
    `share`; the first one writes the checkpoint. Loss and accuracy are those of all processes together.

    Args:
        model: takes images, of this course `(B, 3, 32, 32)`, and gives logits `(B, classes)`; it is trained in place.
            Where it is in training mode, layers that are in eval mode, such as frozen batch norms, stay so.
        train: batches to learn from. An `ImageSet` is shuffled, flipped and shifted by up to 2 pixels,
            in batches of 128. Labels are numbers of classes, counted from 0; there is none that is passed over.
        validation: batches to measure on after each epoch, never augmented; an `ImageSet` will do.
        epochs: at least 1; with a checkpoint, the total over all calls.
        optimizer: made for this very model; `None` takes SGD with Nesterov momentum 0.9, weight decay
            5e-4 and a one-cycle learning rate with peak 0.1.
        schedule: stepped after each batch, as `OneCycleLR` wants it; `ReduceLROnPlateau` after each epoch, with the
            validation loss. `None` keeps the optimizer's rate.
        device: where to train; `None` leaves the model where it is.
        precision: of training and of the validation after each epoch: `float32`, `bfloat16`, or `auto`, which
            times both and checks that they agree. `History.precision` says what was chosen.
        label_smoothing: share of each label that is spread evenly over all classes, 0 to below 1 (Szegedy and
            others, 2016). It raises the training loss, which is then no longer comparable with the validation loss.
        callbacks: see `Callback`; they begin afresh with each training.
        checkpoint: file that is written after each epoch, and from which an earlier call goes on. A training that a
            callback ended is complete: it is not gone on with while that callback still says so.
        seed: of dropout, and of order and augmentation where `train` is an `ImageSet`. The result is the same, bit for
            bit, with the same seed, data, machine, number of threads, version of torch and precision: as `auto`
            decides by timing, name the precision where the result must be the same.
        progress: show a progress bar.

    Returns:
        One row for each complete epoch.

    Raises:
        TrainingDiverged: if the loss becomes NaN or infinite; it names epoch, step and learning rate.
        CheckpointError: if `checkpoint` is damaged, cannot be written, or belongs to another training.
        TypeError: if an argument is of a wrong type.
        ValueError: if an argument is outside its range, the optimizer was made for another model, or the network
            cannot take the batches; it says what to do.
    """
    epochs, seed = _check_numbers(epochs, seed, label_smoothing)
    _precision.check(precision)
    watchers = _check_callbacks(callbacks)
    _check_trainable(_networks.check_network(model))
    if device is not None:
        model.to(checked_device(device))
    home = _networks.device_of(model)
    if home.type == "cpu":
        _memory.keep_freed_memory()
    train = _training_batches(train, seed, home)
    validation = _validation_batches(validation, home)
    if schedule is not None:
        _schedules.check_schedule(schedule, optimizer)
    if _schedules.is_per_epoch(schedule) and validation is None:
        raise ValueError(f"{type(schedule).__name__} waits for the validation loss: pass validation= to fit")
    if optimizer is None:
        optimizer, schedule = _default_recipe(model, epochs * len(train))
    _check_optimizer(optimizer, model)
    if not model.training:
        model.train()
    modes = _networks.modes_of(model)

    with own_randomness(home) as seed_generators:
        computation = _precision.try_first_step(model, train, home, precision)
        if validation is not None:
            _check_validation(model, validation)
        for watcher in watchers:
            watcher.before_training(model)
        state = _checkpoint.State(model, optimizer, schedule, precision=precision)
        history, stopped, path = History(), list[Callback](), None
        if checkpoint is not None:
            path = _checkpoint.checked_path(checkpoint)
            state.signature = _signature.signature(
                model, optimizer, schedule, train, seed=seed, label_smoothing=label_smoothing
            )
            state.validation = _signature.images_of(validation)
            history, stopped = _resume(path, state, watchers, train)
        if history.rows:
            computation = replace(computation, precision=history.precision)
        history.precision = state.precision = computation.precision
        model.to(memory_format=computation.memory_format)
        complete = _is_complete(history, epochs, path, stopped, model)
        if not complete:
            _schedules.check_length(schedule, epochs, len(train), len(history))
        if not history.rows:
            _schedules.warn_of_epochs(schedule, epochs, len(train))

        with _progress_bar(epochs * len(train), len(history) * len(train), progress) as bar:
            try:
                for epoch in range(len(history) + 1, 0 if complete else epochs + 1):
                    start = time.perf_counter()
                    # Seeding each epoch by its number lets a resumed training repeat it exactly.
                    seed_generators(seed * _SEEDS_APART + epoch)
                    if isinstance(train, BatchLoader):
                        train.epoch = epoch - 1
                    _networks.set_modes(modes)
                    watch = _Watch(epoch, history, bar)
                    loss, accuracy, rate = _train_epoch(
                        model, train, optimizer, schedule, computation, label_smoothing, watch
                    )
                    validated = _validate(model, validation, computation, schedule)
                    history.rows.append(Epoch(epoch, loss, accuracy, *validated, rate, time.perf_counter() - start))
                    watch.show(history.rows[-1])
                    stops = [bool(watcher.after_epoch(model, history)) for watcher in watchers]
                    if path is not None and _processes.first():
                        _checkpoint.save(path, state, history, _states_of(watchers, stops))
                    if any(stops):
                        break
            except KeyboardInterrupt:
                bar.set_description(f"stopped by you, {len(history)} of {epochs} epochs complete")
    for watcher in watchers:
        watcher.after_training(model, history)
    return history


def _train_epoch(
    model: nn.Module,
    train: Batches,
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    computation: Computation,
    label_smoothing: float,
    watch: _Watch,
) -> tuple[float, float, float]:
    """One pass over the training batches: mean loss, share of correct predictions, last learning rate."""
    device = _networks.device_of(model)
    losses: list[Tensor] = []
    sizes: list[int] = []
    right = torch.zeros((), dtype=torch.int64, device=device)
    rate = float(optimizer.param_groups[0]["lr"])
    for batch in train:
        rate = float(optimizer.param_groups[0]["lr"])
        images, labels = _on_device(batch, device, computation.memory_format)
        optimizer.zero_grad(set_to_none=True)
        with computation.autocast(device):
            logits = model(images).float()
        if not isinstance(train, BatchLoader):  # whose labels are known to be classes
            labels = _batches.class_numbers(labels, logits.shape[1], "train")
        loss = nn.functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if schedule is not None and not _schedules.is_per_epoch(schedule):
            schedule.step()
        losses.append(loss.detach())
        sizes.append(len(labels))
        # Of mixed images the class with the largest share counts.
        classes = labels if labels.dim() == 1 else labels.argmax(1)
        right += (logits.detach().argmax(1) == classes).sum()
        watch.after_step(losses, rate)
    watch.after_epoch(losses, rate)
    weights = torch.tensor(sizes, dtype=torch.float32, device=device)
    total = _processes.summed((torch.stack(losses) * weights).sum())
    seen = int(_processes.summed(weights.sum().long()))
    return float(total) / seen, int(_processes.summed(right)) / seen, rate


def _on_device(batch: Any, device: torch.device, memory_format: torch.memory_format) -> tuple[Tensor, Tensor]:
    images, labels = _batches.pair(batch, "the loader")
    images = images.to(device)
    return images.contiguous(memory_format=memory_format) if images.dim() == 4 else images, labels.to(device)


def _validate(
    model: nn.Module, validation: Batches | None, computation: Computation, schedule: LRScheduler | None
) -> tuple[float, float]:
    """Loss and accuracy on the validation images; NaN without them."""
    if validation is None:
        return math.nan, math.nan
    with computation.autocast(_networks.device_of(model)):
        metrics = evaluate(model, validation)
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(metrics.loss)
    return metrics.loss, metrics.accuracy


@dataclass
class _Watch:
    """Looks at the loss every few steps: each look makes a GPU wait."""

    epoch: int
    history: History
    bar: tqdm[Any]

    def after_step(self, losses: Sequence[Tensor], rate: float) -> None:
        """Move the bar, and look where it is time."""
        self.bar.update()
        if len(losses) % _CHECK_EVERY == 0:
            self._check_finite(losses, len(losses) - _CHECK_EVERY, rate)
            self.bar.set_description(f"epoch {self.epoch}, loss {float(losses[-1]):.3f}", refresh=False)

    def after_epoch(self, losses: Sequence[Tensor], rate: float) -> None:
        """Look at those that no look was taken at."""
        self._check_finite(losses, len(losses) - len(losses) % _CHECK_EVERY, rate)

    def show(self, row: Epoch) -> None:
        """Say on the bar how the epoch went."""
        shown = "" if math.isnan(row.validation_accuracy) else f", validation {row.validation_accuracy:.1%}"
        self.bar.set_description(f"epoch {row.epoch}, loss {row.train_loss:.3f}{shown}")

    def _check_finite(self, losses: Sequence[Tensor], first: int, rate: float) -> None:
        new = losses[first:]
        if not new or bool(torch.isfinite(torch.stack(list(new))).all()):
            return
        step = first + next(k for k, loss in enumerate(new, start=1) if not math.isfinite(float(loss)))
        raise TrainingDiverged(
            f"the loss became {float(losses[step - 1])} in epoch {self.epoch}, step {step}, at learning rate "
            f"about {rate:g}. Use a smaller learning rate, and create model and optimizer again: "
            "the weights of this one are no longer usable",
            self.history,
        )


def _progress_bar(total: int, done: int, shown: bool) -> tqdm[Any]:
    # Plain text on standard output looks the same in a terminal, in Lab and in a stored notebook,
    # where a bar made of widgets would be an error message.
    return tqdm(total=total, initial=done, disable=not shown, file=sys.stdout, unit="step", ncols=100, mininterval=0.5)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def _check_numbers(epochs: Any, seed: Any, label_smoothing: Any) -> tuple[int, int]:
    try:
        whole = operator.index(epochs), operator.index(seed)
    except TypeError as error:
        raise TypeError(f"epochs and seed must be whole numbers, got {epochs!r} and {seed!r}") from error
    if whole[0] < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if abs(whole[1]) > LARGEST_SEED:
        raise ValueError(f"seed must lie between -{LARGEST_SEED:,} and {LARGEST_SEED:,}, got {seed}")
    if not _is_number(label_smoothing) or not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must lie between 0 and below 1, got {label_smoothing!r}")
    return whole


def _check_callbacks(callbacks: Any) -> list[Callback]:
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be a list: callbacks=[{_short_name(callbacks)}]")
    watchers = list(callbacks)
    for watcher in watchers:
        if not isinstance(watcher, Callback):
            hint = f": create it, {watcher.__name__}(...)" if isinstance(watcher, type) else ""
            raise TypeError(
                f"a callback must be an object of a class derived from Callback, got {_short_name(watcher)}{hint}"
            )
    return watchers


def _short_name(value: Any) -> str:
    name = value.__name__ if hasattr(value, "__name__") else type(value).__name__
    return f"{name}(...)" if isinstance(value, Callback) else f"{name}"


def _check_trainable(model: nn.Module) -> None:
    if not torch.is_grad_enabled():
        raise ValueError(
            "gradients are switched off here, so nothing could be learned: call fit outside torch.no_grad() and "
            "torch.inference_mode()"
        )
    learning = [p for p in model.parameters() if p.requires_grad]
    if not learning:
        raise ValueError(
            "all parameters of the network are frozen: let those that are to learn want a gradient, as with "
            "model.requires_grad_(True)"
        )
    if any(p.is_inference() for p in learning):
        raise ValueError(
            "the network was created in torch.inference_mode(), so its parameters cannot learn: create it outside"
        )


def _training_batches(train: BatchLoader | ImageSet | Batches, seed: int, device: torch.device) -> Batches:
    _batches.check_loader(train, "train")
    if isinstance(train, ImageSet):
        augment = Augment(flip=True, shift=2)
        return BatchLoader(train, 128, shuffle=True, augment=augment, seed=seed, device=device)
    return train


def _validation_batches(validation: BatchLoader | ImageSet | Batches | None, device: torch.device) -> Batches | None:
    if validation is None:
        return None
    _batches.check_loader(validation, "validation")
    _batches.check_not_augmented(validation, "validation")
    return BatchLoader(validation, device=device) if isinstance(validation, ImageSet) else validation


def _check_validation(model: nn.Module, validation: Batches) -> None:
    """Measure one batch before an epoch is spent."""
    images, labels = _batches.first_batch(validation, "validation")
    try:
        trial = _networks.copy_network(model)
    except TypeError:
        return
    _logits_of(trial, [(images, labels)], "validation", validation)


def _default_recipe(model: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler]:
    # One pass over the weights instead of several, where torch has it.
    fused = _networks.device_of(model).type in ("cpu", "cuda")
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=fused)
    return optimizer, OneCycleLR(optimizer, max_lr=0.1, total_steps=steps)


def _check_optimizer(optimizer: Optimizer, model: nn.Module) -> None:
    _schedules.check_optimizer(optimizer)
    mine = {id(p): name for name, p in model.named_parameters()}
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    missing = [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in held]
    if not held & set(mine):
        raise ValueError(
            "the optimizer holds the parameters of another model, so this one would not learn: "
            "create model and optimizer in the same cell, the model first"
        )
    if not missing:
        return
    named = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    if held - set(mine):
        raise ValueError(
            f"the optimizer does not hold {named}, and holds parameters that are no longer in the model: a layer was "
            "replaced after the optimizer was created, and would not learn. Create the optimizer again"
        )
    warnings.warn(
        f"the optimizer does not hold {named}, so they will not learn. If that is meant, freeze them with "
        "requires_grad_(False), which also saves time; else create the optimizer after the model is complete",
        stacklevel=3,
    )


def _resume(
    path: Path, state: _checkpoint.State, watchers: Sequence[Callback], train: Batches
) -> tuple[History, list[Callback]]:
    """Go on from a checkpoint, where there is one; each callback gets the state of one of its class.

    Returns:
        The epochs so far, and the callbacks that ended the training.
    """
    for watcher in watchers:
        _checkpoint.check_callback_state(type(watcher).__name__, watcher.state_dict())
    validation = state.validation
    history, kept = _checkpoint.load(path, state)
    if history.rows:
        _signature.warn_of_differences(train, state.validation, validation)
    state.validation = validation
    stopped = []
    for watcher in watchers:
        found = next((one for one in kept if one.kind == type(watcher).__name__), None)
        if found is not None:
            kept.remove(found)
            watcher.load_state_dict(found.state)
            stopped += [watcher] if found.stopped else []
    return history, stopped


def _is_complete(
    history: History, epochs: int, path: Path | None, stopped: Sequence[Callback], model: nn.Module
) -> bool:
    """Whether nothing is left to do after the epochs of a checkpoint; if something is, it must be possible to write."""
    if path is None:
        return False
    if len(history) > epochs:
        raise CheckpointError(
            f"{path} holds {len(history)} epochs, more than epochs={epochs} asks for, which counts those of all calls: "
            f"ask for at least {len(history)}, or name another file to start again"
        )
    if len(history) == epochs or any(watcher.after_epoch(model, history) for watcher in stopped):
        return True
    if _processes.first():
        _checkpoint.check_writable(path)
    return False


def _states_of(watchers: Sequence[Callback], stops: Sequence[bool]) -> list[CallbackState]:
    pairs = zip(watchers, stops, strict=True)
    return [CallbackState(type(watcher).__name__, watcher.state_dict(), stop) for watcher, stop in pairs]


def collect_logits(model: nn.Module, loader: Batches | ImageSet) -> tuple[Tensor, Tensor]:
    """Run a network over all images in eval mode.

    Args:
        model: gives logits `(B, classes)`; each of its layers is in the same mode afterwards.
        loader: batches without augmentation, or an `ImageSet`. Of a `BatchLoader` with a `share` all images are
            taken, whichever process asks.

    Returns:
        Logits float32 `(N, classes)` and labels int64 `(N,)`, on the CPU.

    Raises:
        TypeError: if the loader gives no batches of images and labels, or the network no logits.
        ValueError: if there are no images, they are augmented, or the network cannot take them.
    """
    _networks.check_network(model)
    _batches.check_loader(loader, "loader", counted=False)
    _batches.check_not_augmented(loader, "loader")
    if isinstance(loader, ImageSet):
        loader = BatchLoader(loader, device=_networks.device_of(model))
    if isinstance(loader, BatchLoader) and loader.share[1] > 1:
        loader = BatchLoader(loader.image_set, loader.batch_size)
    sampler = getattr(loader, "sampler", None)
    if isinstance(sampler, DistributedSampler) and sampler.num_replicas > 1:
        warnings.warn(
            f"the loader's DistributedSampler gives this process the share {sampler.rank + 1} of "
            f"{sampler.num_replicas}: what is measured are these images alone",
            stacklevel=2,
        )
    return _logits_of(model, loader, "loader", loader)


@torch.no_grad()
def _logits_of(model: nn.Module, batches: Iterable[Any], name: str, loader: Any) -> tuple[Tensor, Tensor]:
    device = _networks.device_of(model)
    parts: list[tuple[Tensor, Tensor]] = []
    memory_format = torch.channels_last
    with _networks.eval_mode(model):
        for batch in batches:
            images, labels = _batches.pair(batch, name)
            if parts:
                logits = model(_on_device(batch, device, memory_format)[0])
            else:
                _batches.check_labels(images, labels, name, shares=False)
                logits, memory_format = _first_logits(model, batch, device, name)
                _batches.check_logits(logits, images, loader, name)
            parts.append((logits.float().cpu(), _batches.class_numbers(labels.cpu(), logits.shape[1], name)))
    if not parts:
        raise ValueError(f"{name}: there are no images to evaluate")
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def _first_logits(model: nn.Module, batch: Any, device: torch.device, name: str) -> tuple[Any, torch.memory_format]:
    """Logits of the first batch, and the memory format that the network takes: channels last where that works."""
    for memory_format in (torch.channels_last, torch.contiguous_format):
        images, _ = _on_device(batch, device, memory_format)
        try:
            return model(images), memory_format
        except Exception as error:  # other people's code can raise anything
            problem = error
    raise _batches.not_taken(images, _networks.unwrap(model), name, problem) from problem


def evaluate(model: nn.Module, loader: Batches | ImageSet) -> Metrics:
    """Loss, accuracy and confusion of a network, in eval mode, each image counted once.

    Args:
        model: as for `collect_logits`.
        loader: as for `collect_logits`.

    Raises:
        TypeError: as `collect_logits` does.
        ValueError: as `collect_logits` does.
    """
    return Metrics.of(*collect_logits(model, loader))
