"""What a result is, whether it is the wanted one, and what to say of the difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["described", "difference", "equal", "kind", "named", "narrowed", "shape"]


def _plain(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else value


def kind(value: Any) -> str:
    """What a result is: `tensor`, `sequence`, `number`, or the name of another type."""
    if isinstance(value, (Tensor, np.ndarray)):
        return "tensor"
    if isinstance(value, (tuple, list)):
        return "sequence"
    return "number" if isinstance(value, (int, float, np.number)) else type(value).__name__


def equal(a: Any, b: Any, close: float) -> bool:
    """Whether two results are the same; a number and a tensor with that one number are."""
    if isinstance(a, torch.nn.Module) or callable(a):
        return True
    if kind(a) == "sequence" and kind(b) == "sequence":
        return len(a) == len(b) and all(equal(x, y, close) for x, y in zip(a, b, strict=True))
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return bool(type(a) is type(b) and a == b)
    try:
        x, y = (np.asarray(_plain(v), dtype=np.float64) for v in (a, b))
    except (TypeError, ValueError):
        return False
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=close, atol=close, equal_nan=True))


def _holds_tensors(value: Any) -> bool:
    return kind(value) == "sequence" and any(kind(member) == "tensor" for member in value)


def shape(value: Any) -> tuple[int, ...]:
    """Shape of a result; of a sequence of tensors, which may differ in shape, and of ragged lists the length."""
    try:
        return (len(value),) if _holds_tensors(value) else np.shape(_plain(value))
    except ValueError:
        return (len(value),)


def narrowed(wanted: Any, got: Any, close: float) -> tuple[str, Any, Any]:
    """The first pair of members that differ, with their place, of two sequences of tensors; else the two themselves."""
    if _holds_tensors(wanted) and kind(got) == "sequence" and len(wanted) == len(got):
        for number, (a, b) in enumerate(zip(wanted, got, strict=True), start=1):
            if not equal(a, b, close):
                return f"in tensor {number} of {len(wanted)} ", a, b
    return "", wanted, got


def named(value: Any) -> str:
    """A result in a few words."""
    if isinstance(value, (Tensor, np.ndarray)):
        return f"a tensor {tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if _holds_tensors(value):
        return f"a {type(value).__name__} of {', '.join(map(named, value))}"
    return f"{type(value).__name__} {value!r}"[:80]


def described(given: tuple[Any, ...]) -> str:
    """Arguments in a few words."""
    return "inputs " + ", ".join(named(v) for v in given if not callable(v)) if given else "no inputs"


def difference(wanted: Any, got: Any) -> str:
    """How two results of one kind and shape differ."""
    if kind(wanted) == "tensor":
        gap = np.abs(np.asarray(_plain(wanted), np.float64) - np.asarray(_plain(got), np.float64))
        return f"its numbers differ by up to {np.nanmax(gap):.3g}"
    return f"it gives {got!r}, wanted is {wanted!r}"[:160]
