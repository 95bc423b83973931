"""Helpers that inspect, copy and switch the mode of any network without leaving a trace on it."""

from __future__ import annotations

import copy
import itertools
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.overrides import TorchFunctionMode


def unwrap(model: nn.Module) -> nn.Module:
    """The network inside wrappers such as `DistributedDataParallel` and `torch.compile`."""
    while True:
        # torch.compile, whose class is slow to import; a plain attribute could be delegated to a part of the network.
        inside = next((child for name, child in model.named_children() if name == "_orig_mod"), None)
        if isinstance(model, DistributedDataParallel | nn.DataParallel | AveragedModel):
            inside = model.module
        if not isinstance(inside, nn.Module):
            return model
        model = inside


def without_wrappers(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weights under the names that they have in the network itself, without `module.` and `_orig_mod.`."""
    named = {re.sub(r"(^|\.)_orig_mod\.", r"\1", name): value for name, value in weights.items()}
    inside = {name.removeprefix("module."): value for name, value in named.items() if name.startswith("module.")}
    if inside and set(named) - {f"module.{name}" for name in inside} <= {"n_averaged"}:
        return without_wrappers(inside)
    return named


_ROUNDING: Final = 0.02  # of the largest logit


class _DetachedCopies(TorchFunctionMode):
    """Lets `copy.deepcopy` copy tensors that a network kept from its last call, which torch refuses to do."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            tensor, memo = args
            return memo.setdefault(id(tensor), tensor.detach().clone())
        return func(*args, **kwargs or {})


def copy_network(model: nn.Module) -> nn.Module:
    """A copy of the unwrapped network, with its parameters, buffers and modes.

    Raises:
        TypeError: if it contains something that cannot be copied, such as an open file.
    """
    try:
        with _DetachedCopies():
            return copy.deepcopy(unwrap(model))
    except Exception as error:  # whatever a network contains may refuse in any way
        raise TypeError(f"{type(unwrap(model)).__name__} cannot be copied: {error}") from error


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Use eval mode, then restore each layer's own mode: a frozen layer stays frozen."""
    modes = modes_of(model)
    with suppress(NotImplementedError):  # networks from torch.export have their mode built in
        model.eval()
    try:
        yield
    finally:
        set_modes(modes)


def modes_of(model: nn.Module) -> list[tuple[nn.Module, bool]]:
    """Each layer, and whether it is in train mode."""
    # Networks from torch.jit.freeze have no mode.
    return [(module, module.training) for module in model.modules() if hasattr(module, "training")]


def set_modes(modes: Iterable[tuple[nn.Module, bool]]) -> None:
    """Put each layer into its mode."""
    for module, mode in modes:
        module.training = mode


@contextmanager
def unchanged_buffers(model: nn.Module) -> Iterator[None]:
    """Restore buffers that a trial on a copy may have changed in the original, to which the copy may still refer."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers() if not buffer.is_meta]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, kept in before:
                if buffer.shape == kept.shape:
                    buffer.copy_(kept)


def check_network(model: object) -> nn.Module:
    """Check that a network can be trained or saved: it is a module, and its parameters have values.

    Raises:
        TypeError: if it is not a module.
        ValueError: if it has no parameters, or they have no values yet.
    """
    check_module(model)
    assert isinstance(model, nn.Module)
    parameters = dict(model.named_parameters())
    if not parameters:
        lists = ". Put layers that are in a list into an nn.ModuleList" if unregistered_layers(model) else ""
        raise ValueError(f"{type(model).__name__} has no parameters, so there is nothing to train{lists}")
    check_values(model)
    return model


def check_values(model: nn.Module) -> None:
    """Check that all parameters have values.

    Raises:
        ValueError: if one has none yet.
    """
    for name, parameter in model.named_parameters():
        if parameter.is_meta or isinstance(parameter, nn.UninitializedParameter):
            raise ValueError(
                f"the parameter {name} has no values yet: create the network on a real device, and run lazy layers "
                "once on a batch"
            )


def check_module(model: object) -> None:
    """Check that a value is a network.

    Raises:
        TypeError: if it is not; the message says what it is.
    """
    if not isinstance(model, nn.Module):
        hint = ": create it first, with brackets" if isinstance(model, type) else ""
        raise TypeError(f"model must be a network (torch.nn.Module), got {_named(model)}{hint}")


def unregistered_layers(model: nn.Module) -> list[str]:
    """Names of lists and dicts in a network that contain trainable layers which the network does not know about."""
    known = set(model.modules())
    found = []
    for prefix, module in model.named_modules():
        for name, value in vars(module).items():
            held = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
            layers = [one for one in held if isinstance(one, nn.Module) and one not in known]
            if not name.startswith("_") and any(p.requires_grad for one in layers for p in one.parameters()):
                found.append(f"{prefix}.{name}".lstrip("."))
    return found


def warn_of_unregistered_layers(model: nn.Module, stacklevel: int) -> None:
    """Warn about layers that would be neither trained nor saved."""
    names = unregistered_layers(model)
    if names:
        warnings.warn(
            f"the layers in {', '.join(names)} are not part of the network, so they are neither trained nor saved: put "
            "them into an nn.ModuleList or nn.ModuleDict",
            stacklevel=stacklevel + 1,
        )


def same(logits: Tensor, other: Tensor) -> bool:
    """Whether two outputs differ only by rounding; autocast rounds differently in another memory format."""
    one, two = logits.float(), other.float()
    if not bool(two.isfinite().all()):  # then they cannot be compared
        return True
    return torch.allclose(one, two, rtol=_ROUNDING, atol=_ROUNDING * float(two.abs().max()))


def device_of(model: nn.Module) -> torch.device:
    """The device of the network's first parameter, or of its first buffer; the CPU if it has neither."""
    first = next(itertools.chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if first is None else first.device


def _named(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
