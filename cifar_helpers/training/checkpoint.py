"""Save the state of a training run so that it can resume after any interruption.

The state of torch's random numbers is not needed: `fit` seeds them for each epoch from the seed and the epoch number.
"""

from __future__ import annotations

import collections
import io
import os
import warnings
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cifar_helpers._paths import atomic_write, is_missing, reading_problem, user_path, writing_problem
from cifar_helpers.networks import device_of, unwrap, without_wrappers
from cifar_helpers.training.history import Epoch, History

_FIELDS: Final = {
    "model",
    "optimizer",
    "scheduler",
    "signature",
    "precision",
    "notes",
    "generators",
    "history",
    "callbacks",
}
_ARRAY: Final = "cifar_helpers: numpy array"  # the key under which an array is kept as a tensor
_LONGEST_TEXT: Final = 240
# What torch.load reads back without running code.
_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None), Tensor, torch.Size, torch.dtype, torch.device)


class CheckpointError(Exception):
    """A checkpoint or a file of weights cannot be read, written or used here; the message says why and what to do."""


@dataclass
class State:
    """Everything that the next epoch depends on, except the data.

    Attributes:
        signature: each choice that identifies the run, by name, with its value in words.
        precision: the one asked for, possibly `auto`; after `load`, the one chosen.
        notes: what may change between calls without making it another run, by name, with its value in words.
        generators: random-number generators of the training loader, if it has any.
    """

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None
    signature: dict[str, str] = field(default_factory=dict)
    precision: str = "auto"
    notes: dict[str, str] = field(default_factory=dict)
    generators: list[torch.Generator] = field(default_factory=list)


@dataclass
class CallbackState:
    """What a checkpoint keeps of a callback.

    Attributes:
        kind: name of its class.
        state: what its `state_dict` returned.
        stopped: whether it ended the run.
    """

    kind: str
    state: dict[str, Any]
    stopped: bool


def checked_path(path: Path | str) -> Path:
    """The path of the checkpoint, which need not exist yet; of a link, the path of its file, so that the link stays.

    Raises:
        CheckpointError: if there is something at this path that is not a readable file.
    """
    try:
        path = user_path(path)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"checkpoint must be a path: {error}") from error
    if not reading_problem(path) and path.is_symlink():  # in this order: is_symlink raises where a name is too long
        path = path.resolve()
    for file in (path, _previous(path)):
        if not is_missing(file) and (problem := reading_problem(file)):
            raise CheckpointError(f"{problem}. Name another file as checkpoint")
    return path


def check_writable(path: Path) -> None:
    """Try to write beside the checkpoint before the first epoch.

    Raises:
        CheckpointError: if that fails, with the reason.
    """
    probe = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise CheckpointError(writing_problem(path, error)) from error


def save(path: Path, state: State, history: History, callbacks: list[CallbackState]) -> None:
    """Write the state atomically; the previous file is kept beside it, with the suffix `.previous`.

    Raises:
        CheckpointError: if it cannot be written; it names the file that is kept.
    """
    content = {
        "model": without_wrappers(unwrap(state.model).state_dict()),
        "optimizer": state.optimizer.state_dict(),
        "scheduler": state.scheduler.state_dict() if state.scheduler else None,
        "signature": state.signature,
        "precision": state.precision,
        "notes": state.notes,
        "generators": [generator.get_state() for generator in state.generators],
        "history": [list(astuple(row)) for row in history],
        "callbacks": [[c.kind, c.state, c.stopped] for c in callbacks],
    }
    try:
        with atomic_write(path) as part:
            torch.save(_plain(content, "the checkpoint"), part)
            if path.exists():
                path.replace(_previous(path))
    except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
        kept = next((file for file in (path, _previous(path)) if file.exists()), None)
        message = f". The state after epoch {len(history) - 1} is kept in {kept}" if kept else ""
        raise CheckpointError(writing_problem(path, error) + message) from error


def check_states(states: Mapping[str, Any]) -> None:
    """Refuse, before the first epoch, states that could not be read back.

    Args:
        states: what `state_dict` of each object returned, by the object's name.

    Raises:
        CheckpointError: naming the object and the value in its state.
    """
    for name, state in states.items():
        if not isinstance(state, dict):
            raise CheckpointError(f"the state_dict of {name} must return a dict, got {type(state).__name__}")
        try:
            written = io.BytesIO()
            torch.save(_plain(state, f"the state of {name}"), written)
            torch.load(io.BytesIO(written.getvalue()), weights_only=True)
        except CheckpointError:
            raise
        except (Exception, RecursionError) as error:  # pickle raises many kinds for what it cannot write or read
            raise CheckpointError(
                f"the state of {name} cannot be kept in a checkpoint and read back ({_short(error)}). Train without "
                "checkpoint=, or leave this value out of its state_dict"
            ) from error


def _plain(value: Any, where: str) -> Any:
    """The value in types that torch reads back without running code: NumPy numbers become Python numbers."""
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) is np.ndarray and value.dtype.kind in "biuf":
        return {_ARRAY: torch.from_numpy(np.array(value, value.dtype.newbyteorder("=")))}
    if isinstance(value, nn.Parameter):
        return value.detach()
    if type(value) is collections.Counter:
        return collections.Counter({_plain(k, where): n for k, n in value.items()})
    if isinstance(value, Mapping):
        named = {_plain(k, where): _plain(v, f"{where}, {k}") for k, v in value.items()}
        return collections.OrderedDict(named) if isinstance(value, collections.OrderedDict) else named
    if type(value) in (list, tuple, set):
        return type(value)(_plain(v, where) for v in value)
    if type(value) in _PLAIN:
        return value
    raise CheckpointError(
        f"{where} holds a {type(value).__name__}: a checkpoint can hold numbers, strings, lists, dicts, arrays "
        "and tensors. Convert it to one of these, leave it out of state_dict, or train without checkpoint="
    )


def _with_arrays(value: Any) -> Any:
    """The inverse of `_plain`, for arrays."""
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return value[_ARRAY].cpu().numpy()
        for key, inner in value.items():
            value[key] = _with_arrays(inner)
    elif type(value) in (list, tuple):
        return type(value)(map(_with_arrays, value))
    return value


def load(path: Path, state: State) -> tuple[History, list[CallbackState]]:
    """Restore model, optimizer, schedule and precision; return history and callbacks.

    Without a file, the history is empty. If the newest file is damaged, a warning says so and the previous one is used.
    If anything does not fit, model, optimizer and schedule stay as they are.

    Raises:
        CheckpointError: if no file is intact, or it belongs to another training run; it names the differences.
    """
    content, file = _newest(path, device_of(state.model))
    if content is None:
        return History(), []
    check_weights(content["model"], unwrap(state.model), file)
    _check_signature(content, state, file)
    try:
        history = _history(content["history"])
        callbacks = [CallbackState(kind, _with_arrays(kept), stopped) for kind, kept, stopped in content["callbacks"]]
        groups = len(content["optimizer"]["param_groups"])
        for generator, kept in zip(state.generators, content["generators"], strict=True):
            generator.set_state(kept.cpu())
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _foreign(file, error) from error
    if groups != len(state.optimizer.param_groups):
        raise CheckpointError(
            f"{file} was written with an optimizer of {groups} parameter groups, and this one has "
            f"{len(state.optimizer.param_groups)}: create the same groups before you resume, or name another file to "
            "start again"
        )
    try:
        state.optimizer.load_state_dict(content["optimizer"])
        if state.scheduler is not None:
            state.scheduler.load_state_dict(content["scheduler"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _foreign(file, error) from error
    load_into(unwrap(state.model), content["model"])
    state.precision = history.precision = content["precision"]
    state.notes = content["notes"]
    return history, callbacks


def _history(rows: list[list[Any]]) -> History:
    history = History([Epoch(int(epoch), *(float(number) for number in numbers)) for epoch, *numbers in rows])
    if [row.epoch for row in history] != list(range(1, len(rows) + 1)):
        raise ValueError("its epochs are not 1, 2, 3 …")
    return history


def _check_signature(content: dict[str, Any], state: State, file: Path) -> None:
    theirs, ours = content["signature"], state.signature
    if not isinstance(theirs, dict) or content["precision"] not in ("float32", "bfloat16"):
        raise _foreign(file, ValueError("it does not say which training run it belongs to"))
    changed = [
        f"{k} was {{}}, now {{}}".format(*_where_they_differ(str(theirs.get(k)), str(ours.get(k))))
        for k in {**theirs, **ours}
        if theirs.get(k) != ours.get(k)
    ]
    if state.precision not in ("auto", content["precision"]):
        changed.append(f"precision was {content['precision']}, now {state.precision}")
    if changed:
        raise CheckpointError(
            f"{file} belongs to another training run: {'; '.join(changed)}. "
            "Make them the same to resume it, or name another file to start again"
        )


def _where_they_differ(one: str, other: str) -> tuple[str, str]:
    """Two texts, long ones cut to the place where they differ: the text of a network can fill pages."""
    if max(len(one), len(other)) <= _LONGEST_TEXT:
        return one, other
    same = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, same - _LONGEST_TEXT // 3)
    before = "… " if start else ""
    return f"{before}{one[start : start + _LONGEST_TEXT]} …", f"{before}{other[start : start + _LONGEST_TEXT]} …"


def _foreign(file: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{file} is not a checkpoint of this course's fit, or was written by another version of it "
        f"({type(error).__name__}: {error}). Name another file to start again"
    )


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _newest(path: Path, device: torch.device) -> tuple[dict[str, Any] | None, Path]:
    """The content of the newest intact file, and its path; `None` if there is no file."""
    problem: Exception | None = None
    for file in (p for p in (path, _previous(path)) if not is_missing(p)):
        try:
            content = torch.load(file, map_location=device, weights_only=True)
        except Exception as error:  # a damaged file can raise almost anything
            problem = problem or error
            continue
        missing = sorted(_FIELDS - set(content)) if isinstance(content, dict) else sorted(_FIELDS)
        if missing:
            raise _foreign(file, ValueError(f"it has no {missing[0]!r}"))
        if problem is not None:
            message = f"{path} is damaged ({_short(problem)}): resuming from the epoch before it, {file}"
            warnings.warn(message, stacklevel=2)
        return content, file
    if problem is not None:
        raise CheckpointError(
            f"{path} cannot be read: it is damaged, or was written by another program ({_short(problem)}). "
            "Name another file to start again"
        )
    return None, path


def _short(error: Exception) -> str:
    # torch's message has many lines, and advises to trust the file, which would run code from it.
    return str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__


def load_into(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights that `check_weights` accepted into a network; parts of either may be wrapped."""
    own = dict(zip(without_wrappers(model.state_dict()), model.state_dict(), strict=True))
    model.load_state_dict({own[name]: value for name, value in without_wrappers(weights).items()})


def check_weights(weights: Any, model: nn.Module, where: Path) -> None:
    """Compare names, shapes and kinds of numbers with those of the network.

    Raises:
        CheckpointError: naming the first difference.
    """
    kind = type(model).__name__
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise CheckpointError(f"{where} holds a {type(weights).__name__}, not the named weights of a network")
    mine, theirs = without_wrappers(model.state_dict()), without_wrappers(weights)
    for name in [*mine, *(n for n in theirs if n not in mine)]:
        have, need = (_kind_of(named[name]) if name in named else "" for named in (theirs, mine))
        shapes = {"in the file": have.partition(" of ")[0], f"in {kind}": need.partition(" of ")[0]}
        if len(set(shapes.values())) > 1:
            said = [f"has {shape} {place}" if shape else f"is missing {place}" for place, shape in shapes.items()]
            raise CheckpointError(
                f"{where} does not fit {kind}: {name} {' and '.join(said)}. "
                "Create the network that the weights were saved from"
            )
        if have != need:
            raise CheckpointError(
                f"{where} holds {have.partition(' of ')[2]} for {name}, where {kind} has {need.partition(' of ')[2]}: "
                "converting them would lose information"
            )


def _kind_of(value: Any) -> str:
    """Shape and kind of numbers of a weight; an extra state of a network has neither."""
    if not isinstance(value, Tensor):
        return "an extra state"
    if value.is_meta or value.layout != torch.strided:
        return f"shape {tuple(value.shape)} of {'no' if value.is_meta else 'sparse'} numbers"
    floating, complex_, boolean = value.is_floating_point(), value.is_complex(), value.dtype == torch.bool
    numbers = "floating-point" if floating else "complex" if complex_ else "boolean" if boolean else "integer"
    return f"shape {tuple(value.shape)} of {numbers} numbers"
