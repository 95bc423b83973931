"""Text for objects that is the same in every process, so that two training runs can be compared."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import re
import textwrap
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def text_of(value: Any) -> str:
    """A value in words, without memory addresses.

    A function is named with a short hash of its code, an object without its own `__repr__` only by its class
    (`is_opaque` recognises those that have settings).
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
    if isinstance(value, types.MethodType):
        return f"{text_of(value.__self__)}.{value.__func__.__name__}"
    if isinstance(value, types.FunctionType):
        return f"{value.__qualname__} {_mark_of(value)}"
    if hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    if isinstance(value, nn.Module):
        settings = {k: v for k, v in vars(value).items() if isinstance(v, int | float | str | tuple) and k[0] != "_"}
        inside = [f"{name} {text_of(layer)}" for name, layer in value.named_children()]
        return f"{type(value).__name__}({value.extra_repr()}) {text_of({**settings, 'training': None})} {inside}"
    if _has_no_text(value):
        return type(value).__qualname__
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _mark_of(function: types.FunctionType) -> str:
    """A short hash of a function's code, which comments and the version of Python do not change."""
    try:
        source = ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, TypeError, SyntaxError, ValueError):  # typed at a prompt, or a lambda inside a longer line
        code = function.__code__
        constants = [c for c in code.co_consts if not isinstance(c, types.CodeType)]
        source = f"{code.co_names} {code.co_varnames} {constants}"
    inside = [cell.cell_contents for cell in function.__closure__ or () if cell.cell_contents is not function]
    plain = [v for v in (*inside, *(function.__defaults__ or ())) if isinstance(v, int | float | str | tuple | Tensor)]
    return hashlib.sha256(f"{source} {text_of(plain)}".encode()).hexdigest()[:8]


def is_opaque(value: Any) -> bool:
    """Whether an object has settings but no `__repr__` that shows them."""
    if isinstance(value, functools.partial):
        return any(map(is_opaque, (value.func, *value.args, *value.keywords.values())))
    if isinstance(value, types.MethodType):
        return is_opaque(value.__self__)
    return _has_no_text(value) and bool(getattr(value, "__dict__", None) or getattr(value, "__slots__", None))


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
