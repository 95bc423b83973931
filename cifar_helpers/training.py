"""Train a network and measure it: `fit`, `evaluate`, `EarlyStopping`."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from cifar_helpers import _checkpoint, _memory, _precision, _processes
from cifar_helpers._checkpoint import CheckpointError
from cifar_helpers.data import CLASSES, Augment, BatchLoader, ImageSet
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


class Batches(Protocol):
    """What `fit` and `evaluate` iterate over: a `BatchLoader`, or a `torch.utils.data.DataLoader`."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


class TrainingDiverged(RuntimeError):
    """The loss is no longer a number. `history` holds the epochs that were completed."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class Callback:
    """Something that `fit` calls; a subclass overrides what it needs."""

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
        if patience < 1 or min_delta < 0:
            raise ValueError(f"patience must be at least 1 and min_delta at least 0, got {patience}, {min_delta}")
        self.patience = patience
        self.min_delta = min_delta
        self.best_epoch = 0
        self._best_loss = math.inf
        self._best_weights: dict[str, Tensor] = {}

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Compare the newest validation loss with the best so far."""
        last = history.rows[-1]
        if math.isnan(last.validation_loss):
            raise ValueError("EarlyStopping needs validation images: pass validation= to fit")
        if last.validation_loss < self._best_loss - self.min_delta:
            self.best_epoch, self._best_loss = last.epoch, last.validation_loss
            self._best_weights = copy.deepcopy(model.state_dict())
        return last.epoch - self.best_epoch >= self.patience

    def after_training(self, model: nn.Module, history: History) -> None:
        """Put the best weights into the model."""
        if self._best_weights:
            model.load_state_dict(self._best_weights)

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
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie between 0 and below 1, got {decay}")
        mean_of = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self._mean = AveragedModel(model, multi_avg_fn=mean_of, use_buffers=True)
        self._model = model
        optimizer.register_step_post_hook(self._after_step)

    def _after_step(self, *_: Any) -> None:
        self._mean.update_parameters(self._model)

    def after_training(self, model: nn.Module, history: History) -> None:
        """Put the mean into the model."""
        model.load_state_dict(self._mean.module.state_dict())

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
        accuracy: share of right answers, 0..1.
        confusion: int64 `(10, 10)`: images of class (row) that were called class (column).
    """

    loss: float
    accuracy: float
    confusion: Tensor

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor) -> Metrics:
        """Measure answers that are there: logits `(N, 10)` and labels `(N,)`, as `collect_logits` gives them."""
        size = len(CLASSES)
        answers = logits.argmax(1)
        confusion = torch.bincount(labels * size + answers, minlength=size * size).view(size, size)
        return cls(
            loss=float(nn.functional.cross_entropy(logits, labels)),
            accuracy=float((answers == labels).float().mean()),
            confusion=confusion,
        )

    @property
    def precision(self) -> Tensor:
        """float64 `(10,)`: of the images called a class, the share that is; NaN where none was."""
        return self.confusion.diagonal() / self.confusion.sum(0).double()

    @property
    def recall(self) -> Tensor:
        """float64 `(10,)`: of the images of a class, the share that was found; NaN where there are none."""
        return self.confusion.diagonal() / self.confusion.sum(1).double()

    @property
    def f1(self) -> Tensor:
        """float64 `(10,)`: harmonic mean of precision and recall; NaN where a class is neither there nor answered."""
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

    Ctrl-C, or the stop button of a notebook, ends it after the current step; the history of the
    complete epochs is returned. With the same seed, data and machine the result is the same.

    Under `torchrun` each process calls it with its network in `DistributedDataParallel` and a `BatchLoader` with its
    `share`; the first one writes the checkpoint.

    Args:
        model: takes `(B, 3, 32, 32)` and gives logits `(B, 10)`; it is trained in place.
        train: batches to learn from. An `ImageSet` is shuffled, flipped and shifted by up to 2 pixels,
            in batches of 128.
        validation: batches to measure on after each epoch, never augmented; an `ImageSet` will do.
        epochs: at least 1; with a checkpoint, the total over all calls.
        optimizer: made for this very model; `None` takes SGD with Nesterov momentum 0.9, weight decay
            5e-4 and a one-cycle learning rate with peak 0.1.
        schedule: stepped after each batch, as `OneCycleLR` wants it; `None` keeps the optimizer's rate.
        device: where to train; `None` leaves the model where it is.
        precision: of training and of the validation after each epoch: `float32`, `bfloat16`, or `auto`, which
            times both and checks that they agree.
        label_smoothing: share of each label that is spread evenly over all classes, 0 to below 1 (Szegedy and
            others, 2016). It raises the training loss, which is then no longer comparable with the validation loss.
        callbacks: see `Callback`.
        checkpoint: file that is written after each epoch, and from which an earlier call goes on.
        seed: of dropout, and of order and augmentation where `train` is an `ImageSet`.
        progress: show a progress bar.

    Returns:
        One row for each complete epoch.

    Raises:
        TrainingDiverged: if the loss becomes NaN or infinite; it names epoch, step and learning rate.
        CheckpointError: if `checkpoint` is damaged or belongs to another training.
        ValueError: if `epochs` is below 1, `label_smoothing` outside its range, or the optimizer was made for
            another model.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must lie between 0 and below 1, got {label_smoothing}")
    if device is not None:
        model.to(device)
    place = next(model.parameters()).device
    if place.type == "cpu":
        _memory.keep_freed_memory()
    train = _training_batches(train, seed, place)
    validation = _validation_batches(validation, place)
    if len(train) == 0:
        raise ValueError("train has no batches")
    if optimizer is None:
        optimizer, schedule = _default_recipe(model, epochs * len(train))
    _check_optimizer(optimizer, model)
    watchers = list(callbacks)
    _precision.check(precision)
    state = _checkpoint.State(model, optimizer, schedule, {}, precision)
    if checkpoint is not None:
        state.signature = _signature(optimizer, schedule, train, seed, label_smoothing)
    history = _resume(checkpoint, state, watchers)
    step = _Step(state, place, label_smoothing, history)
    bar = _progress_bar(epochs * len(train), len(history) * len(train), progress)
    with _precision.own_randomness(place), bar:
        try:
            for epoch in range(len(history) + 1, epochs + 1):
                # Seeding each epoch by its number lets a resumed training repeat it exactly.
                torch.manual_seed(seed * 1_000_003 + epoch)
                history.rows.append(_epoch(step, train, validation, epoch, bar))
                stop = [w.after_epoch(model, history) for w in watchers]
                if checkpoint is not None and _processes.first():
                    states = [w.state_dict() for w in watchers]
                    _checkpoint.save(Path(checkpoint), state, history, states)
                if any(stop):
                    break
        except KeyboardInterrupt:
            bar.set_description(f"stopped by you, {len(history)} of {epochs} epochs complete")
    for watcher in watchers:
        watcher.after_training(model, history)
    return history


def _progress_bar(total: int, done: int, shown: bool) -> tqdm[Any]:
    # Plain text on standard output looks the same in a terminal, in Lab and in a stored notebook,
    # where a bar made of widgets would be an error message.
    return tqdm(total=total, initial=done, disable=not shown, file=sys.stdout, unit="step", ncols=100, mininterval=0.5)


def _training_batches(train: BatchLoader | ImageSet | Batches, seed: int, device: torch.device) -> Batches:
    if isinstance(train, ImageSet):
        augment = Augment(flip=True, shift=2)
        return BatchLoader(train, 128, shuffle=True, augment=augment, seed=seed, device=device)
    return train


def _validation_batches(validation: BatchLoader | ImageSet | Batches | None, device: torch.device) -> Batches | None:
    if isinstance(validation, ImageSet):
        return BatchLoader(validation, device=device)
    if isinstance(validation, BatchLoader) and validation.augment is not None:
        raise ValueError("validation batches must not be augmented: make the loader without augment=")
    return validation


def _default_recipe(model: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler]:
    # One pass over the weights instead of several, where torch has it.
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=fused)
    return optimizer, OneCycleLR(optimizer, max_lr=0.1, total_steps=steps)


def _check_optimizer(optimizer: Optimizer, model: nn.Module) -> None:
    mine = {id(p) for p in model.parameters()}
    if not any(id(p) in mine for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(
            "the optimizer holds the parameters of another model, so this one would not learn: "
            "create model and optimizer in the same cell, the model first"
        )


def _signature(
    optimizer: Optimizer, schedule: LRScheduler | None, train: Batches, seed: int, label_smoothing: float
) -> dict[str, str]:
    """What must be the same for a checkpoint to be of this training."""
    # A schedule moves rate and momentum, so that they are no marks of the training then; its ends are.
    moving = {"lr", "momentum", "betas", "max_momentum", "base_momentum"} if schedule else set()
    groups = [{k: v for k, v in g.items() if k != "params" and k not in moving} for g in optimizer.param_groups]
    signature = {
        "optimizer": f"{type(optimizer).__name__} {groups}",
        "schedule": f"{type(schedule).__name__} of {getattr(schedule, 'total_steps', '?')} steps"
        if schedule
        else "none",
        "seed": str(seed),
        "label smoothing": str(label_smoothing),
        "batches an epoch": str(len(train)),
    }
    if isinstance(train, BatchLoader):
        images = train.image_set
        mark = _checkpoint.fingerprint(images.images, images.labels)
        signature |= {
            "training images": f"{len(images)} with fingerprint {mark}",
            "batch size": str(train.batch_size),
            "shuffle": str(train.shuffle),
            # A function's own text names its place in memory, which differs each time.
            "augmentation": getattr(train.augment, "__qualname__", str(train.augment)),
            "alternate flip": str(train.alternate_flip),
            "mixing": getattr(train.mix, "__qualname__", str(train.mix)),
            "seed of the loader": str(train.seed),
        }
    return signature


def _resume(checkpoint: Path | str | None, state: _checkpoint.State, callbacks: Sequence[Callback]) -> History:
    if checkpoint is None:
        return History()
    history, states = _checkpoint.load(Path(checkpoint), state)
    for callback, kept in zip(callbacks, states, strict=False):
        callback.load_state_dict(kept)
    return history


class _Step:
    """One training step, and the watch over its loss."""

    def __init__(
        self, state: _checkpoint.State, device: torch.device, label_smoothing: float, history: History
    ) -> None:
        self.state = state
        self.model = state.model.to(memory_format=torch.channels_last)
        self.optimizer = state.optimizer
        self.schedule = state.schedule
        self.device = device
        self.label_smoothing = label_smoothing
        self.history = history

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of the batch and number of right answers, both still on the device."""
        images = _placed(images, self.device)
        labels = labels.to(self.device)
        self.state.precision = _precision.choose(self.state.precision, self.model, images, labels)
        self.optimizer.zero_grad(set_to_none=True)
        with self.number_format():
            logits = self.model(images).float()
        loss = nn.functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        # Of mixed images the class with the largest share counts.
        classes = labels if labels.dim() == 1 else labels.argmax(1)
        return loss.detach(), (logits.detach().argmax(1) == classes).sum()

    def number_format(self) -> torch.autocast:
        """Makes layers compute in the precision that was chosen."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.state.precision == "bfloat16")

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])


def _placed(images: Tensor, device: torch.device) -> Tensor:
    # Convolutions run faster when the channels of a pixel lie side by side in memory.
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _epoch(step: _Step, train: Batches, validation: Batches | None, number: int, bar: tqdm[Any]) -> Epoch:
    start = time.perf_counter()
    if isinstance(train, BatchLoader):
        train.epoch = number - 1
    step.model.train()
    losses: list[Tensor] = []
    sizes: list[int] = []
    right = torch.zeros((), dtype=torch.int64, device=step.device)
    rate = step.learning_rate
    for k, (images, labels) in enumerate(train, start=1):
        rate = step.learning_rate
        loss, hits = step(images, labels)
        losses.append(loss)
        sizes.append(len(labels))
        right += hits
        bar.update()
        if k % _CHECK_EVERY == 0:
            _check_finite(losses, k - _CHECK_EVERY, number, rate, step.history)
            bar.set_description(f"epoch {number}, loss {float(loss):.3f}", refresh=False)
    _check_finite(losses, len(losses) - len(losses) % _CHECK_EVERY, number, rate, step.history)
    weights = torch.tensor(sizes, dtype=torch.float32, device=step.device)
    seen = sum(sizes)
    train_loss = float((torch.stack(losses) * weights).sum()) / seen
    with step.number_format():
        metrics = None if validation is None else evaluate(step.model, validation)
    row = Epoch(
        number,
        train_loss,
        int(right) / seen,
        metrics.loss if metrics else math.nan,
        metrics.accuracy if metrics else math.nan,
        rate,
        time.perf_counter() - start,
    )
    shown = f", validation {row.validation_accuracy:.1%}" if metrics else ""
    bar.set_description(f"epoch {number}, loss {row.train_loss:.3f}{shown}")
    return row


def _check_finite(losses: Sequence[Tensor], first: int, epoch: int, rate: float, history: History) -> None:
    new = losses[first:]
    if not new or bool(torch.isfinite(torch.stack(list(new))).all()):
        return
    step = first + next(k for k, loss in enumerate(new, start=1) if not math.isfinite(float(loss)))
    raise TrainingDiverged(
        f"the loss became {float(losses[step - 1])} in epoch {epoch}, step {step}, at learning rate "
        f"about {rate:g}. Use a smaller learning rate, and create model and optimizer anew: "
        "the weights of this one are spoilt",
        history,
    )


@torch.no_grad()
def collect_logits(model: nn.Module, loader: Batches | ImageSet) -> tuple[Tensor, Tensor]:
    """Run a network over all images in eval mode.

    Args:
        model: gives logits `(B, 10)`; its mode is the same afterwards.
        loader: batches, or an `ImageSet`.

    Returns:
        Logits float32 `(N, 10)` and labels int64 `(N,)`, on the CPU.

    Raises:
        ValueError: if there are no images.
    """
    device = next(model.parameters()).device
    if isinstance(loader, ImageSet):
        loader = BatchLoader(loader, device=device)
    was_training = model.training
    model.eval()
    try:
        parts = [(model(_placed(images, device)).float().cpu(), labels.cpu()) for images, labels in loader]
    finally:
        model.train(was_training)
    if not parts:
        raise ValueError("there are no images to evaluate")
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def evaluate(model: nn.Module, loader: Batches | ImageSet) -> Metrics:
    """Loss, accuracy and confusion of a network, in eval mode, each image counted once.

    Args:
        model: gives logits `(B, 10)`; its mode is the same afterwards.
        loader: batches without augmentation, or an `ImageSet`.

    Raises:
        ValueError: if there are no images.
    """
    return Metrics.of(*collect_logits(model, loader))
