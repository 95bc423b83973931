"""Whole numbers as users give them: sizes, counts and seeds."""

from __future__ import annotations

import operator
from typing import Any, Final

__all__ = ["whole_number"]

_LARGEST: Final = 9_000_000_000_000
"""A seed is multiplied by about a million; up to this limit the product still fits into 64 bits."""


def whole_number(name: str, number: Any) -> int:
    """Convert an integer of any type to `int`; errors mention it by `name`."""
    try:
        whole = operator.index(number)
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"{name} must be a whole number, got {number!r}") from error
    if abs(whole) > _LARGEST:
        raise ValueError(f"{name} must lie between -{_LARGEST:,} and {_LARGEST:,}, got {number}")
    return whole
