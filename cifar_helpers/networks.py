"""Other people's networks: looked through, copied, and put into a mode, without a trace left on them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.overrides import TorchFunctionMode


def unwrap(model: nn.Module) -> nn.Module:
    """The network itself, where it is wrapped by `DistributedDataParallel`, `torch.compile` and the like."""
    while True:
        inside = getattr(model, "_orig_mod", None)  # of torch.compile, whose own class is slow to import
        if isinstance(model, DistributedDataParallel | nn.DataParallel | AveragedModel):
            inside = model.module
        if not isinstance(inside, nn.Module):
            return model
        model = inside


def without_wrappers(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weights under the names that they have in the network itself: without `module.` and `_orig_mod.`."""
    named = {re.sub(r"(^|\.)_orig_mod\.", r"\1", name): value for name, value in weights.items()}
    inside = {name.removeprefix("module."): value for name, value in named.items() if name.startswith("module.")}
    if inside and set(named) - {f"module.{name}" for name in inside} <= {"n_averaged"}:
        return without_wrappers(inside)
    return named


class _DetachedCopies(TorchFunctionMode):
    """Lets `copy.deepcopy` copy tensors that a network kept from its last call, which torch refuses."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            tensor, memo = args
            return memo.setdefault(id(tensor), tensor.detach().clone())
        return func(*args, **kwargs or {})


def copy_network(model: nn.Module) -> nn.Module:
    """A copy of the network itself, with its parameters, buffers and modes.

    Raises:
        TypeError: if it holds what cannot be copied, such as an open file.
    """
    try:
        with _DetachedCopies():
            return copy.deepcopy(unwrap(model))
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise TypeError(f"{type(unwrap(model)).__name__} cannot be copied: {error}") from error


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode, and afterwards each layer's own mode again: a frozen layer stays frozen."""
    modes = modes_of(model)
    with suppress(NotImplementedError):  # networks from torch.export have their mode built in
        model.eval()
    try:
        yield
    finally:
        set_modes(modes)


def modes_of(model: nn.Module) -> list[tuple[nn.Module, bool]]:
    """Each layer, and whether it is in training mode."""
    # Networks from torch.jit.freeze have no mode.
    return [(module, module.training) for module in model.modules() if hasattr(module, "training")]


def set_modes(modes: Iterable[tuple[nn.Module, bool]]) -> None:
    """Put each layer into its mode."""
    for module, mode in modes:
        module.training = mode


def check_network(model: object) -> nn.Module:
    """A network that can run: a module, with parameters that have values.

    Raises:
        TypeError: if it is none.
        ValueError: if it has no parameters, or they have no values yet.
    """
    if not isinstance(model, nn.Module):
        hint = ": create it first, with brackets" if isinstance(model, type) else ""
        raise TypeError(f"model must be a network (torch.nn.Module), got {_named(model)}{hint}")
    parameters = dict(model.named_parameters())
    if not parameters:
        raise ValueError(f"{type(model).__name__} has no parameters: there is nothing to train or measure")
    empty = next((n for n, p in parameters.items() if p.is_meta or isinstance(p, nn.UninitializedParameter)), None)
    if empty is not None:
        raise ValueError(
            f"the parameter {empty} has no values yet: create the network on a device that exists, and run lazy layers "
            "once on a batch"
        )
    return model


def device_of(model: nn.Module) -> torch.device:
    """Where the network's first parameter is."""
    return next(model.parameters()).device


def _named(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
