"""Schedules of the learning rate: which ones `fit` can step, and whether they are meant for steps or for epochs."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from typing import Any, Final

import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from cifar_helpers.training.description import text_of

# A schedule's length in steps, by the name that torch gives it.
_LENGTHS: Final = ("T_max", "T_0", "step_size", "total_iters", "milestones", "_milestones")
# What moves while a schedule runs; everything else in its state makes it the schedule that it is.
_MOVING: Final = {
    "last_epoch", "_step_count", "_last_lr", "_get_lr_called_within_step", "_is_initial", "verbose", "T_cur", "T_i",
    "best", "num_bad_epochs", "cooldown_counter", "_scale_fn_ref", "lr_lambdas",
}  # fmt: skip
_LONGEST_LOOK: Final = 20_000  # steps
_SAMPLES: Final = 50


def check_optimizer(optimizer: Any) -> None:
    """Refuse what cannot be stepped after each batch.

    Raises:
        TypeError: if it is no optimizer.
        ValueError: if its step wants to compute the loss itself.
    """
    if not isinstance(optimizer, Optimizer):
        what = f"the class {optimizer.__name__}" if isinstance(optimizer, type) else type(optimizer).__name__
        raise TypeError(
            f"optimizer must be an optimizer of this model, such as torch.optim.SGD(model.parameters(), lr=0.1), "
            f"got {what}"
        )
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ValueError(
            "LBFGS computes the loss several times in a step, by a closure, which fit does not give: "
            "use SGD, Adam or another optimizer whose step() needs no closure"
        )


def check_schedule(scheduler: Any, optimizer: Optimizer | None) -> None:
    """Refuse what is no schedule of this optimizer.

    Raises:
        TypeError: if it is no scheduler.
        ValueError: if it moves the rate of another optimizer, or of none.
    """
    if not isinstance(scheduler, LRScheduler | ReduceLROnPlateau):
        what = f"the class {scheduler.__name__}" if isinstance(scheduler, type) else repr(scheduler)[:60]
        raise TypeError(
            "scheduler must be a scheduler of torch.optim.lr_scheduler, such as "
            f"OneCycleLR(optimizer, max_lr=0.1, total_steps=...), got {what}"
        )
    if optimizer is None:
        raise ValueError(
            f"{type(scheduler).__name__} moves the rate of an optimizer that fit does not get: pass optimizer= as well"
        )
    if isinstance(scheduler, ReduceLROnPlateau) and scheduler.mode != "min":
        raise ValueError(
            "ReduceLROnPlateau gets the validation loss, which is to fall: create it with mode='min', not 'max'"
        )
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError(
            f"{type(scheduler).__name__} moves the rate of another optimizer, so this one's would stay as it is: "
            "create optimizer and schedule in the same cell, the optimizer first"
        )


def is_per_epoch(scheduler: LRScheduler | None) -> bool:
    """Whether a schedule waits for the validation loss, once per epoch."""
    return isinstance(scheduler, ReduceLROnPlateau)


def check_length(scheduler: LRScheduler | None, epochs: int, batches: int, done: int) -> None:
    """Refuse a schedule that ends before the training does.

    Args:
        scheduler: stepped after each batch.
        epochs: of the whole training.
        batches: steps per epoch.
        done: epochs that are complete already.

    Raises:
        ValueError: naming both numbers of steps.
    """
    if not isinstance(scheduler, OneCycleLR):
        return
    left, needed = scheduler.total_steps - scheduler.last_epoch, (epochs - done) * batches
    if left < needed:
        spent = f", of which {scheduler.last_epoch:,} are spent" if scheduler.last_epoch else ""
        raise ValueError(
            f"OneCycleLR was made for total_steps={scheduler.total_steps:,}{spent}, but {epochs - done} epochs of "
            f"{batches:,} batches take {needed:,} steps, as fit steps a schedule after each batch: create optimizer "
            f"and schedule again, with total_steps={epochs * batches:,}"
        )


def warn_of_epochs(scheduler: LRScheduler | None, epochs: int, batches: int) -> None:
    """Warn where a schedule looks as if it were meant for one step per epoch.

    Args:
        scheduler: before its first step; `fit` steps it after each batch.
        epochs: of the training.
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
        if length is None:
            continue
        last = max(length, default=0) if name.endswith("milestones") else length
        if name == "T_max" and last < steps:
            yield f"{kind} has T_max={last}, so the rate would reach its lowest after {last} steps and rise again"
        elif 0 < last <= epochs < steps:
            shown = sorted(length) if name.endswith("milestones") else length
            yield f"{kind} has {name.lstrip('_')}={shown}, which looks like a number of epochs"
    for inner in getattr(scheduler, "_schedulers", ()):
        yield from _short_lengths(inner, epochs, steps)


def _fall(scheduler: LRScheduler, epochs: int, batches: int) -> str:
    """In words, that the rate is next to nothing for most of the training; empty where it is not."""
    rates = _planned_rates(scheduler, min(epochs * batches, _LONGEST_LOOK))
    if len(rates) <= batches or not max(rates) > 0:
        return ""
    after_one, most = rates[batches], max(rates)
    nothing = sum(rate < most / 1000 for rate in rates)
    if after_one < max(rates[: batches + 1]) / 100 or nothing > len(rates) / 2:
        return (
            f"{type(scheduler).__name__} lets the rate fall from {most:.3g} to {after_one:.3g} within the first epoch, "
            f"and to {rates[-1]:.3g} after {len(rates) - 1:,} steps"
        )
    return ""


def _planned_rates(scheduler: LRScheduler, steps: int) -> list[float]:
    """The first group's rate before each of the next steps, and after them; fewer where the schedule ends."""
    optimizer = scheduler.optimizer
    groups = [{"params": [torch.zeros(1)], "lr": float(group["lr"])} for group in optimizer.param_groups]
    stand_in = SGD(groups, lr=0.0)
    for group, original in zip(stand_in.param_groups, optimizer.param_groups, strict=True):
        group.update({name: value for name, value in original.items() if name != "params"})
    rates = [float(stand_in.param_groups[0]["lr"])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of a step without an optimizer's
        try:
            trial = copy.deepcopy(scheduler, {id(optimizer): stand_in})
            for _ in range(steps):
                trial.step()
                rates.append(float(stand_in.param_groups[0]["lr"]))
        except Exception:  # a schedule of somebody else's may not be copied, or may end
            return rates
    return rates


def settings_of(scheduler: LRScheduler | None) -> str:
    """What makes a schedule the schedule that it is, in words: the same before, during and after a training."""
    if scheduler is None:
        return "none"
    state = scheduler.state_dict()
    kept = {name: value for name, value in state.items() if name not in _MOVING and name != "_schedulers"}
    inner = [settings_of(one) for one in getattr(scheduler, "_schedulers", ())]
    functions = [_text_of_function(function) for function in getattr(scheduler, "lr_lambdas", ())]
    return f"{type(scheduler).__name__} {', '.join([text_of(kept), *inner, *functions])}"


def _text_of_function(function: Any) -> str:
    """A function of the number of steps, by its values: two lambdas have the same name."""
    try:
        values = [round(float(function(step)), 9) for step in (*range(_SAMPLES), 100, 1000, 10_000)]
    except Exception:  # somebody else's function, which may want more than a number
        return text_of(function)
    return text_of(values)
