"""Train a network: `fit`."""

from __future__ import annotations

import copy
import math
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
from tqdm import tqdm

from cifar_helpers import networks
from cifar_helpers._numbers import whole_number
from cifar_helpers.data import Augment, Batches, BatchLoader, ImageSet, batches
from cifar_helpers.devices import checked_device
from cifar_helpers.evaluation.metrics import Metrics, collected, logits_of
from cifar_helpers.training import allocator, distributed, schedules
from cifar_helpers.training import checkpoint as checkpoints
from cifar_helpers.training import precision as precisions
from cifar_helpers.training import signature as signatures
from cifar_helpers.training.callbacks import Callback
from cifar_helpers.training.checkpoint import CallbackState, CheckpointError
from cifar_helpers.training.history import Epoch, History
from cifar_helpers.training.precision import Computation
from cifar_helpers.training.rng import fork_rng, same_bits

_CHECK_EVERY: Final = 20  # steps between checks of the loss, because each check makes a GPU wait

_SEEDS_APART: Final = 1_000_003  # from one seed to the next, so that their epochs do not share seeds


class TrainingDiverged(RuntimeError):
    """The loss became NaN or infinite. `history` holds the complete epochs."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


def fit(
    model: nn.Module,
    train: BatchLoader | ImageSet | Batches,
    validation: BatchLoader | ImageSet | Batches | None = None,
    *,
    epochs: int,
    optimizer: Optimizer | None = None,
    scheduler: LRScheduler | None = None,
    device: torch.device | str | None = None,
    precision: str = "auto",
    label_smoothing: float = 0.0,
    callbacks: Iterable[Callback] = (),
    checkpoint: Path | str | None = None,
    compile: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a classifier with cross-entropy.

    Before the first step, a copy of the network makes a trial step (its hooks run too). It reports batches, labels and
    logits that do not fit, and decides whether the network is trained in channels-last memory format.

    Ctrl-C, or the stop button of a notebook, ends training after the current step; the history of the complete epochs
    is returned.

    Under `torchrun`, each process calls it with its network in `DistributedDataParallel` and a `BatchLoader` with its
    `shard`; the process with rank 0 writes the checkpoint. Loss and accuracy are those of all processes together.

    Args:
        model: takes images, in this course `(B, 3, 32, 32)`, and returns logits `(B, classes)`; it is trained in place.
            If it is in training mode as a whole, layers in eval mode, such as frozen batch norms, stay in eval mode.
        train: batches to learn from. An `ImageSet` is shuffled, flipped and shifted by up to 2 pixels,
            in batches of 128. Labels are class numbers, counted from 0; no label is ignored.
        validation: batches to measure on after each epoch, never augmented; an `ImageSet` works, too.
        epochs: at least 1; with a checkpoint, the total over all calls.
        optimizer: holds the parameters of this model; `None` uses SGD with Nesterov momentum 0.9, weight decay
            5e-4 and a one-cycle learning rate with peak 0.1.
        scheduler: stepped after each batch, as `OneCycleLR` requires; `ReduceLROnPlateau` after each epoch, with the
            validation loss. `None` keeps the optimizer's learning rate.
        device: where to train; `None` uses the device of the model.
        precision: of training and of the validation after each epoch: `float32`, `bfloat16`, or `auto`, which
            times both and checks that they agree. `History.precision` says what was chosen.
        label_smoothing: share of each label that is spread evenly over all classes, 0 to below 1 (Szegedy and
            others, 2016). It raises the training loss, which is then no longer comparable with the validation loss.
        callbacks: see `Callback`; each call resets them.
        checkpoint: file that is written after each epoch, and from which a later call resumes. A run that a callback
            ended is complete: it does not resume as long as that callback would end it again.
        compile: let `torch.compile` translate the network for its device before the first step, which takes 5 to 60
            seconds; validation is not compiled. Worth it on a GPU, where a step of this course's network took half of
            its time; on two cores it took longer than before (lesson 05). The result differs by rounding.
        seed: of dropout, and of order and augmentation where `train` is an `ImageSet`. The result is the same, bit for
            bit, with the same seed, data, machine, number of threads, version of torch and precision. `auto` decides
            by timing, so name the precision if the result must be the same. On a GPU this holds for the layers of this
            course; `torch.use_deterministic_algorithms(True)` reports those for which it does not.
        progress: show a progress bar.

    Returns:
        One row per complete epoch.

    Raises:
        TrainingDiverged: if the loss becomes NaN or infinite; it names epoch, step and learning rate.
        CheckpointError: if `checkpoint` is damaged, cannot be written, or belongs to another training run.
        TypeError: if an argument is of a wrong type.
        ValueError: if an argument is outside its range, the optimizer holds the parameters of another model, or the
            network cannot take the batches; it says what to do.
    """
    epochs, seed = _check_numbers(epochs, seed, label_smoothing)
    label_smoothing = float(label_smoothing)
    precisions.check(precision)
    watchers = _check_callbacks(callbacks)
    _check_trainable(networks.check_network(model))
    if device is not None:
        model.to(checked_device(device))
    home = networks.device_of(model)
    if home.type == "cpu":
        allocator.keep_freed_memory()
    train = _training_batches(train, seed, home)
    validation = _validation_batches(validation, home)
    if scheduler is not None:
        schedules.check_schedule(scheduler, optimizer)
    if validation is None and any(getattr(watcher, "needs_validation", False) for watcher in watchers):
        raise ValueError("EarlyStopping needs validation images: pass validation= to fit")
    if schedules.is_per_epoch(scheduler) and validation is None:
        raise ValueError(f"{type(scheduler).__name__} waits for the validation loss: pass validation= to fit")
    if optimizer is None:
        optimizer, scheduler = _default_recipe(model, epochs * len(train))
    _check_optimizer(optimizer, model)
    modes = _training_modes(model)

    with same_bits(), fork_rng(home) as seed_generators:
        computation = precisions.try_first_step(model, train, home, precision)
        if validation is not None:
            _check_validation(model, validation)
        for watcher in watchers:
            if hasattr(watcher, "before_training"):  # a user's class may lack this method
                watcher.before_training(model, optimizer)
        state = checkpoints.State(model, optimizer, scheduler, precision=precision)
        history, stopped, path = History(), list[Callback](), None
        if checkpoint is not None:
            path = checkpoints.checked_path(checkpoint)
            state.signature = signatures.signature(
                model, optimizer, scheduler, train, seed=seed, label_smoothing=label_smoothing
            )
            state.notes = signatures.notes(model, validation)
            state.generators = batches.generators_of(train)
            history, stopped = _resume(path, state, watchers, train)
        if history.rows:
            computation = replace(computation, precision=history.precision)
        history.precision = state.precision = computation.precision
        model.to(memory_format=computation.memory_format)
        network = compiled(model, home) if compile else model
        complete = _is_complete(history, epochs, path, stopped, model)
        if not complete:
            schedules.check_length(scheduler, epochs, len(train), len(history))
        if not history.rows:
            schedules.warn_of_epochs(scheduler, epochs, len(train))

        with _progress_bar(epochs * len(train), len(history) * len(train), progress) as bar:
            try:
                for epoch in range(len(history) + 1, 0 if complete else epochs + 1):
                    start = time.perf_counter()
                    # Seeding each epoch by its number lets a resumed run repeat it exactly.
                    seed_generators(seed * _SEEDS_APART + epoch)
                    if isinstance(train, BatchLoader):
                        train.epoch = epoch - 1
                    networks.set_modes(modes)
                    watch = _Watch(epoch, history, bar)
                    loss, accuracy, rate = _train_epoch(
                        network, train, optimizer, scheduler, computation, label_smoothing, watch
                    )
                    validated = _validate(model, validation, computation, scheduler)
                    history.rows.append(Epoch(epoch, loss, accuracy, *validated, rate, time.perf_counter() - start))
                    watch.show(history.rows[-1])
                    stops = [bool(watcher.after_epoch(model, history)) for watcher in watchers]
                    if path is not None and distributed.is_main_process():
                        checkpoints.save(path, state, history, _states_of(watchers, stops))
                    if any(stops):
                        break
            except KeyboardInterrupt:
                bar.set_description(f"stopped, {len(history)} of {epochs} epochs complete")
    for watcher in watchers:
        watcher.after_training(model, history)
    return history


def compiled(model: nn.Module, device: torch.device) -> nn.Module:
    """The same network and parameters, translated by `torch.compile` when it is first called, as `fit` does it."""
    # On a GPU, a small network spends its step on starting kernels; as a CUDA graph, one call starts them all.
    mode = "reduce-overhead" if device.type == "cuda" else "default"
    # Each size of batch is compiled for itself: the last one of an epoch may be smaller.
    translated: nn.Module = torch.compile(model, mode=mode, dynamic=False)  # type: ignore[assignment]
    return translated


def _train_epoch(
    model: nn.Module,
    train: Batches,
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    computation: Computation,
    label_smoothing: float,
    watch: _Watch,
) -> tuple[float, float, float]:
    """One pass over the training batches: mean loss, share of correct predictions, last learning rate."""
    device = networks.device_of(model)
    losses: list[Tensor] = []
    sizes: list[int] = []
    right = torch.zeros((), dtype=torch.int64, device=device)
    rate = float(optimizer.param_groups[0]["lr"])
    for batch in train:
        rate = float(optimizer.param_groups[0]["lr"])
        images, labels = batches.to_device(batch, device, computation.memory_format)
        optimizer.zero_grad(set_to_none=True)
        logits = _forward(model, images, computation, len(losses) + 1)
        if not isinstance(train, BatchLoader):  # whose labels are known to be classes
            batches.check_labels(images, labels, "train", shares=True)
            batches.check_logits(logits, images, train, "train")
            labels = batches.class_numbers(labels, logits.shape[1], "train")
        loss = nn.functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if scheduler is not None and not schedules.is_per_epoch(scheduler):
            scheduler.step()
        losses.append(loss.detach())
        sizes.append(len(labels))
        # For mixed images, the class with the largest share counts.
        classes = labels if labels.dim() == 1 else labels.argmax(1)
        right += (logits.detach().argmax(1) == classes).sum()
        watch.after_step(losses, rate)
    if not losses:
        raise ValueError(
            f"train gave no batches in epoch {watch.epoch}: pass a loader that can be iterated once per epoch"
        )
    watch.after_epoch(losses, rate)
    weights = torch.tensor(sizes, dtype=torch.float32, device=device)
    total = distributed.sum_over_processes((torch.stack(losses) * weights).sum())
    seen = int(distributed.sum_over_processes(weights.sum().long()))
    return float(total) / seen, int(distributed.sum_over_processes(right)) / seen, rate


def _forward(model: nn.Module, images: Tensor, computation: Computation, step: int) -> Tensor:
    """Logits, float32; if the network cannot take the batch, the error says which step it was."""
    try:
        with computation.autocast(images.device):
            logits = model(images)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            reason = str(error).strip().splitlines()[0]
            raise RuntimeError(
                f"torch.compile cannot translate the network here ({reason}): it needs a C++ compiler, and on a GPU "
                "the package triton. Call fit without compile=True"
            ) from error
        raise batches.not_taken_later(images, step, "train", error) from error
    return logits.float() if isinstance(logits, Tensor) else logits


def _validate(
    model: nn.Module, validation: Batches | None, computation: Computation, scheduler: LRScheduler | None
) -> tuple[float, float]:
    """Loss and accuracy on the validation images; NaN without them."""
    if validation is None:
        return math.nan, math.nan
    with computation.autocast(networks.device_of(model)):
        metrics = Metrics.of(*collected(model, validation, "validation"))
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(metrics.loss)
    return metrics.loss, metrics.accuracy


@dataclass
class _Watch:
    """Checks the loss every few steps, because each check makes a GPU wait."""

    epoch: int
    history: History
    bar: tqdm[Any]

    def after_step(self, losses: Sequence[Tensor], rate: float) -> None:
        """Advance the bar, and check the losses when it is time."""
        self.bar.update()
        if len(losses) % _CHECK_EVERY == 0:
            self._check_finite(losses, len(losses) - _CHECK_EVERY, rate)
            self.bar.set_description(f"epoch {self.epoch}, loss {float(losses[-1]):.3f}", refresh=False)

    def after_epoch(self, losses: Sequence[Tensor], rate: float) -> None:
        """Check the losses that are not checked yet."""
        self._check_finite(losses, len(losses) - len(losses) % _CHECK_EVERY, rate)

    def show(self, row: Epoch) -> None:
        """Show the results of the epoch on the bar."""
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
            "the weights of this one can no longer be used",
            self.history,
        )


def _progress_bar(total: int, done: int, shown: bool) -> tqdm[Any]:
    # Plain text on standard output looks the same in a terminal, in Lab and in a stored notebook,
    # where a bar made of widgets would be an error message.
    return tqdm(total=total, initial=done, disable=not shown, file=sys.stdout, unit="step", ncols=100, mininterval=0.5)


def _check_numbers(epochs: Any, seed: Any, label_smoothing: Any) -> tuple[int, int]:
    whole = whole_number("epochs", epochs), whole_number("seed", seed)
    if whole[0] < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if not isinstance(label_smoothing, int | float | np.number | Tensor) or not 0 <= float(label_smoothing) < 1:
        raise ValueError(f"label_smoothing must be at least 0 and below 1, got {label_smoothing!r}")
    return whole


def _check_callbacks(callbacks: Any) -> list[Callback]:
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        given = "" if callbacks is None else f": callbacks=[{_short_name(callbacks)}]"
        raise TypeError(f"callbacks must be a list{given}")
    watchers = list(callbacks)
    for watcher in watchers:
        methods = ("after_epoch", "after_training", "state_dict", "load_state_dict")
        if isinstance(watcher, type) or not all(hasattr(watcher, name) for name in methods):
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
            "all parameters of the network are frozen: unfreeze those that should learn, for example with "
            "model.requires_grad_(True)"
        )
    if any(p.is_inference() for p in learning):
        raise ValueError(
            "the network was created in torch.inference_mode(), so its parameters cannot learn: create it outside"
        )
    spoilt = next((name for name, p in model.named_parameters() if not bool(p.detach().isfinite().all())), None)
    if spoilt is not None:
        raise ValueError(f"the parameter {spoilt} holds NaN or infinite numbers: create the network again")
    networks.warn_of_unregistered_layers(model, stacklevel=3)


def _training_modes(model: nn.Module) -> list[tuple[nn.Module, bool]]:
    """Switch to training mode, except for layers in eval mode within a network in training mode; warn of these."""
    still = [layer for layer, training in networks.modes_of(model) if model.training and not training]
    model.train()  # a network may override train()
    networks.set_modes((layer, False) for layer in still)
    noticed = [layer for layer in still if _would_learn(layer)]
    if noticed:
        kinds = ", ".join(sorted({type(layer).__name__ for layer in noticed}))
        warnings.warn(
            f"{len(noticed)} layers are in eval mode ({kinds}) and stay in it: batch norms keep their statistics, and "
            "dropout is off. Call model.train() first if they should train; otherwise freeze their parameters",
            stacklevel=3,
        )
    return networks.modes_of(model)


def _would_learn(layer: nn.Module) -> bool:
    """Whether a layer in eval mode would behave differently in training mode, and is not frozen."""
    if isinstance(layer, nn.modules.dropout._DropoutNd):
        return layer.p > 0
    is_norm = isinstance(layer, nn.modules.batchnorm._NormBase)
    return is_norm and any(parameter.requires_grad for parameter in layer.parameters())


def _training_batches(train: BatchLoader | ImageSet | Batches, seed: int, device: torch.device) -> Batches:
    batches.check_loader(train, "train")
    train = batches.repeatable(train)
    if isinstance(train, ImageSet):
        augment = Augment(flip=True, shift=2)
        return BatchLoader(train, 128, shuffle=True, augment=augment, seed=seed, device=device)
    return train


def _validation_batches(validation: BatchLoader | ImageSet | Batches | None, device: torch.device) -> Batches | None:
    if validation is None:
        return None
    batches.check_loader(validation, "validation")
    batches.check_not_augmented(validation, "validation")
    if isinstance(validation, ImageSet):
        return BatchLoader(validation, device=device)
    loader: Batches = batches.repeatable(validation)
    return loader


def _check_validation(model: nn.Module, validation: Batches) -> None:
    """Evaluate one batch before the first epoch."""
    images, labels = batches.first_batch(validation, "validation")
    try:
        trial = networks.copy_network(model)
    except TypeError:
        return
    last = batches.smallest_batch(validation, "validation")
    looks = [(images, labels)] if last is None else [(images, labels), (images[:last], labels[:last])]
    with networks.unchanged_buffers(model):
        logits_of(trial, looks, "validation", validation)


def _default_recipe(model: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler]:
    # One pass over the weights instead of several, where torch supports it.
    fused = networks.device_of(model).type in ("cpu", "cuda") and not any(p.is_complex() for p in model.parameters())
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=fused)
    return optimizer, OneCycleLR(optimizer, max_lr=0.1, total_steps=steps)


def _check_optimizer(optimizer: Optimizer, model: nn.Module) -> None:
    schedules.check_optimizer(optimizer)
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
        f"the optimizer does not hold {named}, so they will not learn. If that is intended, freeze them with "
        "requires_grad_(False), which also saves time; otherwise create the optimizer after the model is complete",
        stacklevel=3,
    )


def _resume(
    path: Path, state: checkpoints.State, watchers: Sequence[Callback], train: Batches
) -> tuple[History, list[Callback]]:
    """Resume from a checkpoint, if there is one; each callback gets the saved state of a callback of its class.

    Returns:
        The epochs so far, and the callbacks that ended the run.
    """
    states: dict[str, Any] = {type(watcher).__name__: watcher.state_dict() or {} for watcher in watchers}
    states[type(state.optimizer).__name__] = state.optimizer.state_dict()
    if state.scheduler is not None:
        states[type(state.scheduler).__name__] = state.scheduler.state_dict()
    checkpoints.check_states(states)
    notes = state.notes
    history, kept = checkpoints.load(path, state)
    if history.rows:
        signatures.warn_of_differences(train, state.notes, notes)
    state.notes = notes
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
    """Whether the run of a checkpoint is complete; if not, check that the file can be written."""
    if path is None:
        return False
    if len(history) > epochs:
        raise CheckpointError(
            f"{path} holds {len(history)} epochs, more than epochs={epochs}, the total over all calls: "
            f"ask for at least {len(history)}, or name another file to start again"
        )
    if len(history) == epochs or any(_still_stops(watcher, model, history) for watcher in stopped):
        return True
    if distributed.is_main_process():
        checkpoints.check_writable(path)
    return False


def _still_stops(watcher: Callback, model: nn.Module, history: History) -> bool:
    """Ask a copy of a callback that ended the run whether it would end it again: its patience may be longer now."""
    try:
        asked = copy.deepcopy(watcher)
    except Exception:  # it holds what cannot be copied, such as an open file
        return True
    return bool(asked.after_epoch(model, history))


def _states_of(watchers: Sequence[Callback], stops: Sequence[bool]) -> list[CallbackState]:
    pairs = zip(watchers, stops, strict=True)
    return [CallbackState(type(watcher).__name__, watcher.state_dict() or {}, stop) for watcher, stop in pairs]
