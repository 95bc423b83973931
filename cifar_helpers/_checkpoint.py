"""Write the state of a training so that it can go on after an interruption."""

from __future__ import annotations

import os
from dataclasses import astuple
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cifar_helpers.history import Epoch, History


class CheckpointError(Exception):
    """A checkpoint is damaged or belongs to another training; the message says which."""


def save(
    path: Path,
    model: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    history: History,
    callbacks: list[dict[str, Any]],
) -> None:
    """Write everything that the next epoch depends on, atomically."""
    content = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict() if schedule else None,
        "history": [astuple(row) for row in history],
        "callbacks": callbacks,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        torch.save(content, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(
    path: Path, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler | None
) -> tuple[History, list[dict[str, Any]]]:
    """Put the state in `path` into model, optimizer and schedule; give back history and callbacks.

    Raises:
        CheckpointError: if the file is damaged, or its model or optimizer differs from these.
    """
    device = next(model.parameters()).device
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        saved = content["model"]
    except Exception as error:  # a damaged file can raise almost anything
        raise CheckpointError(f"{path} is damaged ({error}): delete it to start anew") from error
    check_weights(saved, model, path)
    groups, mine = content["optimizer"]["param_groups"], optimizer.state_dict()["param_groups"]
    if [sorted(g) for g in groups] != [sorted(g) for g in mine]:
        raise CheckpointError(f"{path} was written with another optimizer: delete it to start anew")
    if (content["schedule"] is None) != (schedule is None):
        raise CheckpointError(f"{path} was written with another schedule: delete it to start anew")
    model.load_state_dict(saved)
    optimizer.load_state_dict(content["optimizer"])
    if schedule is not None:
        schedule.load_state_dict(content["schedule"])
    return History([Epoch(*row) for row in content["history"]]), content["callbacks"]


def check_weights(weights: Any, model: nn.Module, where: Path) -> None:
    """Compare names and shapes with the model's.

    Raises:
        CheckpointError: naming the first difference.
    """
    kind = type(model).__name__
    if not isinstance(weights, dict):
        raise CheckpointError(f"{where} holds a {type(weights).__name__}, not the weights of a network")
    mine = model.state_dict()
    for name in [*mine, *(n for n in weights if n not in mine)]:
        theirs, ours = weights.get(name), mine.get(name)
        if theirs is None or ours is None or getattr(theirs, "shape", None) != ours.shape:
            have = "nothing" if theirs is None else f"shape {tuple(getattr(theirs, 'shape', ()))}"
            need = "nothing" if ours is None else f"shape {tuple(ours.shape)}"
            raise CheckpointError(
                f"{where} holds the weights of another network than {kind}: "
                f"{name} has {have} there and {need} in {kind}"
            )
