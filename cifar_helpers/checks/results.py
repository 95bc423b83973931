"""Convert what a learner's function returns to plain numbers, once, before anything is compared."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

__all__ = ["MOST_NUMBERS", "Unreadable", "in_words", "like", "plain"]

_DEEPEST: Final = 6
"""Depth of nested lists; no exercise needs more, and a list that contains itself never ends."""
MOST_NUMBERS: Final = 100_000
"""Numbers in a result; no exercise needs more, and reading them would keep the notebook busy for minutes."""


class Unreadable(ValueError):
    """A result without numbers to compare; the message says what it is and what to return instead."""


@dataclass
class _Reading:
    """How many numbers a result may have, how many were read so far, and how deep in nested lists."""

    most: int
    numbers: int = 0
    depth: int = 0

    def take(self, numbers: int) -> None:
        self.numbers += numbers
        if self.numbers > self.most:
            raise Unreadable(f"it returns more than {self.most:,} numbers. Return only what the exercise asks for.")


def plain(value: Any, most: int = MOST_NUMBERS) -> Any:
    """A result as numbers, text, dense tensors on the CPU, NumPy arrays, and lists and tuples of these.

    `None` and `...` stay. Tensors lose their gradient, their layout and their device, and keep their dtype.

    Raises:
        Unreadable: if it is anything else, fails when it is read, or has more than `most` numbers.
    """
    return _read(value, _Reading(most))


def like(wanted: Any, got: Any) -> Any:
    """A plain result with tensors wherever the expected one has them, so that arrays and lists can be drawn too."""
    if isinstance(wanted, Tensor):
        return torch.as_tensor(got).to(wanted.dtype)
    if isinstance(wanted, (tuple, list)) and wanted and isinstance(wanted[0], Tensor):
        return type(wanted)(like(wanted[0], member) for member in got)
    return got


def in_words(value: Any) -> str:
    """What a value is, in a few words that do not depend on its own methods: "a generator", "an Image"."""
    name = type(value).__name__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def _read(value: Any, reading: _Reading) -> Any:
    try:
        return _plain(value, reading)
    except (Unreadable, KeyboardInterrupt):
        raise
    except BaseException as error:  # a learner's class may raise anything when it is read, even `SystemExit`
        raise Unreadable(
            f"it returns {in_words(value)} that raises {type(error).__name__} when it is read. Return numbers, a list "
            "or a tensor."
        ) from None


def _plain(value: Any, reading: _Reading) -> Any:
    if value is None or value is ... or type(value) in (bool, int, float, str):
        return _in_range(value) if type(value) is int else value
    if isinstance(value, Tensor):
        return _tensor(value, reading)
    if isinstance(value, (tuple, list, range)):
        return _sequence(value, reading)
    if isinstance(value, np.ndarray):
        return _array(value, reading)
    if isinstance(value, (Real, Decimal, np.bool_)):
        return value.item() if isinstance(value, np.generic) else _in_range(value)
    if (
        isinstance(value, (bytes, bytearray, str, complex, np.generic))
        or inspect.isroutine(value)
        or inspect.isclass(value)
    ):
        raise Unreadable(_advice(value))
    reading.take(len(value) if hasattr(value, "__len__") else 0)  # NumPy would read all of it
    array = np.asarray(value)
    if array.dtype == object and array.ndim == 0:
        raise Unreadable(_advice(value))
    return _array(array, reading)


def _in_range(number: Any) -> float:
    """A number that Python's floats can hold, as an `int` if it is one."""
    try:
        near = float(number)
    except OverflowError:
        digits = f" of about {number.bit_length() * 0.30103:,.0f} digits" if isinstance(number, int) else ""
        raise Unreadable(
            f"it returns a number{digits}, too large for a float (the limit is 1.8e308). Look for a power or a product "
            "that grows more than it should."
        ) from None
    return int(number) if isinstance(number, int) else near


def _tensor(value: Tensor, reading: _Reading) -> Tensor:
    if value.is_meta:
        raise Unreadable(
            "it returns a tensor on the device “meta”, which has a shape but no numbers. Compute on the CPU."
        )
    if value.is_nested:
        raise Unreadable("it returns a nested tensor. Return a list of tensors, or one ordinary tensor.")
    if value.is_complex():
        raise Unreadable(_real_wanted(f"a tensor of {str(value.dtype).removeprefix('torch.')}"))
    reading.take(value.numel())
    values = value.detach()
    values = values.dequantize() if values.is_quantized else values
    values = values if values.layout == torch.strided else values.to_dense()
    return values.cpu().resolve_neg().as_subclass(Tensor).clone()


def _array(value: Any, reading: _Reading) -> Any:
    if np.ma.is_masked(value):
        raise Unreadable("it returns a masked array in which numbers are missing. Fill them with .filled(...).")
    if value.dtype.kind == "c":
        raise Unreadable(_real_wanted(f"an array of {value.dtype}"))
    reading.take(value.size)
    array = np.array(value)
    if array.dtype.kind == "O":
        numbers = [_read(member, reading) for member in array.flat]
        if not all(isinstance(number, (int, float)) for number in numbers):
            raise Unreadable(
                "it returns an array of objects. Return an array of numbers, for example with .astype(np.float32)."
            )
        return np.array(numbers, np.float64).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise Unreadable(f"it returns an array of {array.dtype.name}, not of numbers. Return numbers.")
    return array


def _sequence(value: Any, reading: _Reading) -> Any:
    if reading.depth > _DEEPEST:
        raise Unreadable("it returns lists that are nested without end. Return numbers, a list or a tensor.")
    reading.depth += 1
    members, counted = [], type(value) in (tuple, list, range)  # other classes may claim any length
    reading.take(len(value) if counted else 0)
    for member in value:
        reading.take(0 if counted else 1)
        members.append(_read(member, reading))
    reading.depth -= 1
    return members if isinstance(value, list) else tuple(members)


def _real_wanted(what: str) -> str:
    return f"it returns {what}, but real numbers are expected. Take the real part with .real."


def _advice(value: Any) -> str:
    """What a result without numbers is, and what to return instead."""
    said = f"it returns {in_words(value)}"
    if inspect.iscoroutine(value):
        value.close()  # otherwise Python warns later, elsewhere, that it was never awaited
        return f"{said}. Write def instead of async def."
    if inspect.isgenerator(value) or isinstance(value, (map, filter, zip)):
        return f"{said}. Put list(...) around it."
    if isinstance(value, (complex, np.complexfloating)):
        return (
            f"{said} number, but a real one is expected. A negative number to the power of 0.5 is complex: look at "
            "what you take the root of, or take the real part with .real."
        )
    if inspect.isclass(value) or inspect.isroutine(value):
        return f"{said}, not its result. Call it, with brackets and arguments after its name."
    if isinstance(value, (str, bytes, bytearray)):
        return f"{said}, which is text. Return numbers, without quotes."
    if isinstance(value, dict):
        return f"{said}. Return only its values, in order."
    if isinstance(value, (set, frozenset)):
        return f"{said}, which has no order. Return a list."
    return f"{said}, which is not a number, a list or a tensor. Return one of these."
