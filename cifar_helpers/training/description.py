"""Objects in words that are the same in every process, so that two trainings can be compared."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def text_of(value: Any) -> str:
    """A value in words, without its place in memory.

    An object without a `__repr__` of its own is named by its class alone: `is_opaque` tells.
    """
    if isinstance(value, Tensor | np.ndarray):
        return f"{type(value).__name__} {tuple(value.shape)} {fingerprint(value)}"
    if isinstance(value, np.generic):
        return text_of(value.item())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {text_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(text_of, value)) + "]"
    if isinstance(value, functools.partial):
        named = [f"{k}={text_of(v)}" for k, v in value.keywords.items()]
        return f"partial({', '.join([text_of(value.func), *map(text_of, value.args), *named])})"
    if hasattr(value, "__self__") and hasattr(value, "__func__"):
        return f"{text_of(value.__self__)}.{value.__func__.__name__}"
    if hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    if _has_no_text(value):
        return type(value).__qualname__
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def is_opaque(value: Any) -> bool:
    """Whether an object's settings cannot be seen: it has some, and no `__repr__` that names them."""
    inside = getattr(value, "__self__", value)
    return _has_no_text(inside) and bool(getattr(inside, "__dict__", None))


def _has_no_text(value: Any) -> bool:
    own: Any = type(value).__repr__
    return own is object.__repr__


def fingerprint(*parts: Tensor | np.ndarray[Any, Any]) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of some tensors or arrays."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Tensor):
            part = part.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
        digest.update(repr(part.tolist()).encode() if part.dtype == object else np.ascontiguousarray(part).data)
    return digest.hexdigest()[:12]
