"""Learning-rate schedules: which ones `fit` can step, and whether they are meant for steps or for epochs."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator
from typing import Any, Final

import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, LRScheduler, OneCycleLR, PolynomialLR, ReduceLROnPlateau

from cifar_helpers.training.description import text_of

# A schedule's length in steps, by the name that torch gives it.
_LENGTHS: Final = ("T_max", "T_0", "step_size", "total_iters", "milestones", "_milestones", "anneal_epochs")
# What changes while a schedule runs; everything else in its state identifies it.
_MOVING: Final = {
    "last_epoch", "_step_count", "_last_lr", "_get_lr_called_within_step", "_is_initial", "verbose", "T_cur", "T_i",
    "best", "num_bad_epochs", "cooldown_counter", "_scale_fn_ref", "lr_lambdas",
}  # fmt: skip
_LONGEST_LOOK: Final = 20_000  # steps
_SAMPLES: Final = 50


def check_optimizer(optimizer: Any) -> None:
    """Refuse an optimizer that `fit` cannot step after each batch.

    Raises:
        TypeError: if it is not an optimizer.
        ValueError: if its step needs a closure that computes the loss.
    """
    methods = ("step", "zero_grad", "state_dict", "load_state_dict", "param_groups")
    if isinstance(optimizer, type) or not all(hasattr(optimizer, name) for name in methods):
        what = f"the class {optimizer.__name__}" if isinstance(optimizer, type) else type(optimizer).__name__
        raise TypeError(
            f"optimizer must be an optimizer of this model, such as torch.optim.SGD(model.parameters(), lr=0.1), "
            f"got {what}"
        )
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"{type(optimizer).__name__} needs a closure that computes the loss, which fit does not pass: use SGD, "
            "Adam or another optimizer whose step() needs none"
        )


def check_schedule(scheduler: Any, optimizer: Optimizer | None) -> None:
    """Refuse a scheduler that does not belong to this optimizer.

    Raises:
        TypeError: if it is not a scheduler.
        ValueError: if it changes the learning rate of another optimizer, or `fit` was given no optimizer.
    """
    methods = ("step", "state_dict", "load_state_dict")
    if isinstance(scheduler, type) or not all(hasattr(scheduler, name) for name in methods):
        what = f"the class {scheduler.__name__}" if isinstance(scheduler, type) else repr(scheduler)[:60]
        raise TypeError(
            "scheduler must be a scheduler of torch.optim.lr_scheduler, such as "
            f"OneCycleLR(optimizer, max_lr=0.1, total_steps=...), got {what}"
        )
    if optimizer is None:
        raise ValueError(
            f"{type(scheduler).__name__} belongs to an optimizer that fit was not given: pass optimizer= as well"
        )
    if isinstance(scheduler, ReduceLROnPlateau) and scheduler.mode != "min":
        raise ValueError(
            "ReduceLROnPlateau gets the validation loss, which should fall: create it with mode='min', not 'max'"
        )
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError(
            f"{type(scheduler).__name__} belongs to another optimizer, so this one's learning rate would not change: "
            "create optimizer and schedule in the same cell, the optimizer first"
        )


def is_per_epoch(scheduler: LRScheduler | None) -> bool:
    """Whether a schedule waits for the validation loss, once per epoch."""
    return isinstance(scheduler, ReduceLROnPlateau)


def check_length(scheduler: LRScheduler | None, epochs: int, batches: int, done: int) -> None:
    """Refuse a schedule that ends before the training run does.

    Args:
        scheduler: stepped after each batch.
        epochs: of the whole run.
        batches: steps per epoch.
        done: epochs that are already complete.

    Raises:
        ValueError: naming both numbers of steps.
    """
    needed = (epochs - done) * batches
    for one, before in _parts(scheduler, 0):
        if isinstance(one, OneCycleLR) and one.total_steps - one.last_epoch < needed - before:
            spent = f", of which {one.last_epoch:,} are used up" if one.last_epoch else ""
            raise ValueError(
                f"OneCycleLR has total_steps={one.total_steps:,}{spent}, but {epochs - done} epochs of "
                f"{batches:,} batches take {needed - before:,} steps, because fit steps a schedule after each batch: "
                f"create optimizer and schedule again, with total_steps={epochs * batches - before:,}"
            )


def _parts(scheduler: Any, before: int) -> Iterator[tuple[Any, int]]:
    """A schedule and the schedules within it, each with the number of steps before it starts."""
    yield scheduler, before
    inner: list[Any] = list(getattr(scheduler, "_schedulers", ()))
    starts = [0, *getattr(scheduler, "_milestones", [0] * (len(inner) - 1))]
    for start, one in zip(starts, inner, strict=False):
        # In a sequence, only the last schedule runs to the end.
        if isinstance(scheduler, ChainedScheduler) or one is inner[-1]:
            yield from _parts(one, before + start)


def warn_of_epochs(scheduler: LRScheduler | None, epochs: int, batches: int) -> None:
    """Warn if a schedule seems to be meant for one step per epoch.

    Args:
        scheduler: before its first step; `fit` steps it after each batch.
        epochs: of the run.
        batches: steps per epoch.
    """
    if scheduler is None or batches == 1 or isinstance(scheduler, OneCycleLR | ReduceLROnPlateau):
        return
    steps = epochs * batches
    reason = next(_short_lengths(scheduler, epochs, steps), "") or _fall(scheduler, epochs, batches)
    if reason:
        warnings.warn(
            f"{reason}. fit steps a schedule after each batch: {epochs} epochs of {batches:,} batches are {steps:,} "
            f"steps. Give its lengths in steps: epochs × {batches:,}",
            stacklevel=3,
        )


def _short_lengths(scheduler: Any, epochs: int, steps: int) -> Iterator[str]:
    kind = type(scheduler).__name__
    for name in _LENGTHS:
        length = getattr(scheduler, name, None)
        if length is None or (name == "total_iters" and not _falls(scheduler)):
            continue
        last = max(length, default=0) if name.endswith("milestones") else length
        if name == "T_max" and last < steps + max(0, scheduler.last_epoch):
            yield f"{kind} has T_max={last}, so the learning rate would be lowest after {last} steps and rise again"
        elif 0 < last <= epochs < steps:
            shown = sorted(length) if name.endswith("milestones") else length
            yield f"{kind} has {name.lstrip('_')}={shown}, which looks like a number of epochs"
    inner = getattr(scheduler, "_schedulers", ())
    ends = [*getattr(scheduler, "_milestones", [steps] * (len(inner) - 1)), steps]
    starts = [0] * len(inner) if isinstance(scheduler, ChainedScheduler) else [0, *ends]
    for start, end, one in zip(starts, ends, inner, strict=False):
        yield from _short_lengths(one, epochs, end - start)


def _falls(scheduler: Any) -> bool:
    """Whether a schedule of a given length lowers the learning rate: one that only warms up may be short."""
    return isinstance(scheduler, PolynomialLR) or getattr(scheduler, "end_factor", 1.0) < getattr(
        scheduler, "start_factor", 0.0
    )


def _fall(scheduler: LRScheduler, epochs: int, batches: int) -> str:
    """A sentence if the learning rate is close to 0 for most of the run, otherwise an empty string."""
    rates = _planned_rates(scheduler, min(epochs * batches, _LONGEST_LOOK))
    if len(rates) <= batches or not max(rates) > 0:
        return ""
    after_one, most = max(rates[batches:]), max(rates)
    nothing = sum(rate < most / 1000 for rate in rates)
    if (epochs > 1 and after_one < most / 100) or nothing > len(rates) / 2:
        return (
            f"{type(scheduler).__name__} lowers the learning rate from {most:.3g} to {after_one:.3g} within the first "
            f"epoch, and to {rates[-1]:.3g} after {len(rates) - 1:,} steps"
        )
    return ""


def _planned_rates(scheduler: LRScheduler, steps: int) -> list[float]:
    """Learning rate of the first group before each of the next steps, and after them; fewer if the schedule ends."""
    optimizer = scheduler.optimizer
    groups = [{"params": [torch.zeros(1)], "lr": float(group["lr"])} for group in optimizer.param_groups]
    stand_in = SGD(groups, lr=0.0)
    for group, original in zip(stand_in.param_groups, optimizer.param_groups, strict=True):
        # A learning rate may be a tensor, which a schedule changes in place.
        group.update({name: copy.deepcopy(value) for name, value in original.items() if name != "params"})
    rates = [float(stand_in.param_groups[0]["lr"])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of a scheduler step without an optimizer step
        try:
            trial = copy.deepcopy(scheduler, {id(optimizer): stand_in})
            for _ in range(steps):
                trial.step()
                rates.append(float(stand_in.param_groups[0]["lr"]))
        except Exception:  # a user's schedule may refuse to be copied, or may end
            return rates
    return rates


def settings_of(scheduler: LRScheduler | None) -> str:
    """The settings that identify a schedule, in words: the same before, during and after a training run."""
    if scheduler is None:
        return "none"
    state = scheduler.state_dict()
    kept = {name: value for name, value in state.items() if name not in _MOVING and name != "_schedulers"}
    inner = [settings_of(one) for one in getattr(scheduler, "_schedulers", ())]
    custom = getattr(scheduler, "_scale_fn_custom", None)  # of CyclicLR
    kept |= {} if custom is None else {"scale_fn": custom}
    functions = [_text_of_function(function) for function in getattr(scheduler, "lr_lambdas", ())]
    return f"{type(scheduler).__name__} {', '.join([text_of(kept), *inner, *functions])}"


def _text_of_function(function: Any) -> str:
    """A function of the number of steps, described by its values, because all lambdas have the same name."""
    try:
        values = [round(float(function(step)), 9) for step in (*range(_SAMPLES), 100, 1000, 10_000)]
    except Exception:  # a user's function, which may need more than a number
        return text_of(function)
    return text_of(values)
