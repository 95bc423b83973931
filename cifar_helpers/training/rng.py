"""What makes a training run repeatable: random numbers of its own, and operations that give the same bits each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Seed = Callable[[int], object]

aten: Any = torch.ops.aten


def fork_rng(device: torch.device) -> AbstractContextManager[Seed]:
    """A context whose random numbers leave those outside unchanged; it yields the function that seeds them.

    In the main thread, torch's generators are seeded, and restored at the end. In another thread, the main thread may
    draw at the same time, so separate generators are used, which give the same numbers for the same seed.
    """
    if threading.current_thread() is threading.main_thread():
        return _set_back(device)
    return _apart()


@contextmanager
def same_bits() -> Iterator[None]:
    """A context in which a GPU's convolutions give the same bits each time.

    cuDNN has others for some shapes, which add in an order that differs from run to run. For this course's networks
    they are not measurably faster (on an H100).
    """
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


@contextmanager
def _set_back(device: torch.device) -> Iterator[Seed]:
    others = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(others, device_type=device.type if others else "cuda"):
        yield torch.manual_seed


@contextmanager
def _apart() -> Iterator[Seed]:
    mode = _OwnGenerators()
    with mode:
        yield mode.seed


# Operators that draw random numbers and whose default overload takes no generator, with the overload that does.
_WITH_GENERATOR: Final[dict[Any, Any]] = {
    aten.rand.default: aten.rand.generator,
    aten.randn.default: aten.randn.generator,
    aten.randint.default: aten.randint.generator,
    aten.randint.low: aten.randint.low_generator,
    aten.randperm.default: aten.randperm.generator,
}
# Operators that make a tensor like another, with what fills it in place.
_LIKE: Final[dict[Any, str]] = {
    aten.rand_like.default: "uniform_",
    aten.randn_like.default: "normal_",
    aten.randint_like.default: "random_",
    aten.randint_like.low_dtype: "random_",
}


class _OwnGenerators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Passes its own generators to every operator that draws random numbers, in this thread only."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generators: dict[torch.device, torch.Generator] = {}
        self._seed = torch.initial_seed()

    def seed(self, number: int) -> None:
        """Seed all generators, as `torch.manual_seed` does."""
        self._seed = number
        for generator in self._generators.values():
            generator.manual_seed(number)

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is aten.native_dropout.default:
            return self._dropout(*args)
        if func in _LIKE:
            like, *limits = args
            empty = torch.empty_like(like, **kwargs)
            bounds = limits if len(limits) != 1 else [0, *limits]
            return getattr(empty, _LIKE[func])(*bounds, generator=self._generator(empty.device))
        func = _WITH_GENERATOR.get(func, func)
        names = [argument.name for argument in func._schema.arguments]
        if "generator" in names:
            # A generator can be passed by position or by name; it is None unless the caller passed one.
            given = dict(zip(names, args, strict=False)) | kwargs
            if given.get("generator") is None:
                args = args[: names.index("generator")]
                kwargs["generator"] = self._generator(_device(args, kwargs))
        return func(*args, **kwargs)

    def _dropout(self, images: Tensor, p: float, train: bool | None = True) -> tuple[Tensor, Tensor]:
        """Dropout on accelerators, where the operator takes no generator."""
        kept = torch.empty_like(images).bernoulli_(1 - p, generator=self._generator(images.device))
        return images * kept / (1 - p), kept.bool()


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    tensor = next((a for a in args if isinstance(a, Tensor)), None)
    return tensor.device if tensor is not None else torch.device(kwargs.get("device") or torch.get_default_device())
