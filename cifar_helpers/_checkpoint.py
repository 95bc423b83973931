"""Write the state of a training so that it can go on after an interruption, however sudden.

Random numbers need no state of their own: `fit` seeds them anew for each epoch, from the seed and the epoch's number.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cifar_helpers.history import Epoch, History


class CheckpointError(Exception):
    """A checkpoint is damaged or belongs to another training; the message says which."""


@dataclass
class State:
    """Everything that the next epoch depends on, but for the data.

    Attributes:
        signature: name of each choice that makes this training what it is, to its value in words.
        precision: the number format that was chosen: another choice would give other numbers.
    """

    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler | None
    signature: dict[str, str]
    precision: str = "auto"


def save(path: Path, state: State, history: History, callbacks: list[dict[str, Any]]) -> None:
    """Write the state atomically; the one before it is kept beside it, with `.previous` at its end."""
    content = {
        "model": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "schedule": state.schedule.state_dict() if state.schedule else None,
        "signature": state.signature,
        "precision": state.precision,
        "history": [astuple(row) for row in history],
        "callbacks": callbacks,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        torch.save(content, part)
        if path.exists():
            path.replace(_previous(path))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path, state: State) -> tuple[History, list[dict[str, Any]]]:
    """Put what was saved into model, optimizer, schedule and precision; give back history and callbacks.

    Where there is no file, the history is empty. A damaged file is reported, and the one before it is taken.

    Raises:
        CheckpointError: if no file is whole, or it belongs to another training; the differences are named.
    """
    content = _newest(path, next(state.model.parameters()).device)
    if content is None:
        return History(), []
    check_weights(content["model"], state.model, path)
    theirs, ours = content["signature"], state.signature
    changed = [
        f"{k} was {theirs.get(k)}, now {ours.get(k)}" for k in {**theirs, **ours} if theirs.get(k) != ours.get(k)
    ]
    if changed:
        raise CheckpointError(
            f"{path} belongs to another training: {'; '.join(changed)}. "
            "Make them the same to go on with it, or delete it or name another file to start anew"
        )
    state.model.load_state_dict(content["model"])
    state.optimizer.load_state_dict(content["optimizer"])
    if state.schedule is not None:
        state.schedule.load_state_dict(content["schedule"])
    if state.precision == "auto":
        state.precision = content["precision"]
    return History([Epoch(*row) for row in content["history"]]), content["callbacks"]


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _newest(path: Path, device: torch.device) -> dict[str, Any] | None:
    """The content of the newest file that is whole; `None` where there is none at all."""
    there = [p for p in (path, _previous(path)) if p.exists()]
    reason = ""
    for file in there:
        try:
            content: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
            if {"model", "optimizer", "schedule", "signature", "history", "callbacks"} - set(content):
                raise ValueError
        except Exception:  # a damaged file can raise almost anything, and torch's advice would be to trust it
            reason = reason or f"{file} is damaged, or no checkpoint"
            continue
        if reason:
            warnings.warn(f"{reason}: going on from the epoch before it, {file}", stacklevel=2)
        return content
    if reason:
        raise CheckpointError(f"{reason}: delete it to start anew")
    return None


def fingerprint(*tensors: Tensor) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of some tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:12]


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
