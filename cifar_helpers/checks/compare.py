"""Compare results: what a result is, whether it equals the expected one, and how to describe the difference."""

from __future__ import annotations

import re
import reprlib
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers.checks.results import in_words

__all__ = [
    "described",
    "difference",
    "equal",
    "first_difference",
    "kind",
    "named",
    "numbers_of",
    "shape",
    "short_dtype",
]

_ADDRESS: Final = re.compile(r" (?:instance |object )?at 0x\w+")
_SHORT_DTYPES: Final = {"float16": 2e-3, "bfloat16": 2e-2}
"""Twice the relative step between neighbouring numbers of the short formats."""


def numbers_of(value: Any) -> Any:
    """A plain result as a float64 array.

    Raises:
        ValueError: if it contains text, or lists of different lengths.
        TypeError: if it contains anything else that is not a number.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu().to(torch.float64).numpy()
    if kind(value) == "sequence":
        value = [numbers_of(member) for member in value]
    elif isinstance(value, str):
        raise ValueError("text is not a number")
    return np.asarray(value, dtype=np.float64)


def kind(value: Any) -> str:
    """The kind of a result: `tensor`, `sequence`, `number`, or the name of another type."""
    if isinstance(value, (Tensor, np.ndarray)):
        return "tensor"
    if isinstance(value, (tuple, list)):
        return "sequence"
    return "number" if isinstance(value, (int, float, np.number)) else type(value).__name__


def equal(a: Any, b: Any, close: float) -> bool:
    """Whether two results are equal within a tolerance; a number equals a tensor with just that number."""
    if isinstance(a, torch.nn.Module) or callable(a):
        return True
    if kind(a) == "sequence" and kind(b) == "sequence":
        return len(a) == len(b) and all(equal(x, y, close) for x, y in zip(a, b, strict=True))
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return bool(type(a) is type(b) and a == b)
    try:
        x, y = numbers_of(a), numbers_of(b)
    except Exception:  # a result that cannot be read as numbers equals nothing
        return False
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=close, atol=close, equal_nan=True))


def short_dtype(value: Any) -> tuple[str, float] | None:
    """Name and relative precision of the short number format of a result, or of one of its members."""
    if kind(value) == "sequence":
        return next(filter(None, map(short_dtype, value)), None)
    name = str(getattr(value, "dtype", "")).removeprefix("torch.")
    return (name, _SHORT_DTYPES[name]) if name in _SHORT_DTYPES else None


def _holds_tensors(value: Any) -> bool:
    return kind(value) == "sequence" and any(kind(member) == "tensor" for member in value)


def shape(value: Any) -> tuple[int, ...]:
    """Shape of a result; for a sequence of tensors and for ragged lists, the length."""
    if isinstance(value, str):
        return ()
    try:
        return (len(value),) if _holds_tensors(value) else numbers_of(value).shape
    except (TypeError, ValueError):
        return (len(value),)


def first_difference(wanted: Any, got: Any, close: float) -> tuple[str, Any, Any]:
    """The first tensors that differ in two sequences, and their place; for other results, the results themselves."""
    if _holds_tensors(wanted) and kind(got) == "sequence" and len(wanted) == len(got):
        for number, (a, b) in enumerate(zip(wanted, got, strict=True), start=1):
            if not equal(a, b, close):
                return f"in tensor {number} of {len(wanted)} ", a, b
    return "", wanted, got


def named(value: Any) -> str:
    """A value in a few words, even if its own methods fail."""
    try:
        return _named(value)
    except Exception:  # a learner's value may raise an error when it is read
        return in_words(value)


def _named(value: Any) -> str:
    if isinstance(value, (Tensor, np.ndarray)):
        what = "a tensor" if isinstance(value, Tensor) else "an array"
        return f"{what} {tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if _holds_tensors(value):
        return f"a {type(value).__name__} of {', '.join(map(named, value))}"[:160]
    if value is None or kind(value) in ("sequence", "number", "str"):
        return f"{type(value).__name__} {_ADDRESS.sub('', reprlib.repr(value))}"[:80]
    return in_words(value)


def described(given: tuple[Any, ...]) -> str:
    """Arguments in a few words."""
    return "inputs " + ", ".join(named(v) for v in given if not callable(v)) if given else "no inputs"


def difference(wanted: Any, got: Any) -> str:
    """How two results of the same kind and shape differ."""
    if kind(wanted) == "tensor":
        values = numbers_of(got)
        lost = int((~np.isfinite(values)).sum())
        if lost:
            return f"{lost:,} of its {values.size:,} numbers are nan or infinite"
        return f"its numbers differ by up to {np.abs(numbers_of(wanted) - values).max():.3g}"
    return f"it returns {got!r} instead of {wanted!r}"[:160]
