"""A sentence of help on the usual errors of PyTorch, NumPy and Python; it is true whatever caused them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["help_on"]


def _dimension(last: str, got: str) -> str:
    """Of a message that gives the range of dimensions, which for `unsqueeze` has one more than the tensor."""
    asked = f"The code asks for dimension {_signed(got)}, but only 0"
    if last == "0":
        return f"{asked} is possible there (or −1, counted from the end)."
    to = "and" if last == "1" else "to"
    return f"{asked} {to} {last} are possible there (or −1 {to} −{int(last) + 1}, counted from the end)."


def _place(got: str, dimension: str, size: str) -> str:
    places = f"{size} place{'' if size == '1' else 's'}"
    return f"Dimension {dimension} has {places} there, counted from 0, and the code asks for place {_signed(got)}."


def _signed(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


_SHAPES: Final = (
    "Sizes of tensors must match|must match the existing size|size mismatch, got|to be equal size, but got|"
    "inconsistent tensor size|could not be broadcast|Expected size for|to have \\d+ channels, but got|"
    "does not match the shape of|should contain \\d+ elements|[Ee]xpected \\d(?:D|-dim)|to match target batch_size"
)
_DTYPES: Final = (
    "have the same dtype|dtype must be|\\.dtype to be equal|[Ee]xpected (?:target )?dtype|float or double dtype|"
    "floating point dtype|xpected scalar type|have the same scalar type|not implemented for '\\w+'$|"
    "can't be cast to the desired output type|Cannot cast ufunc|only support floating point|"
    "[Ee]xpected a floating point|tensors used as indices must be|of type LongTensor"
)
_KINDS: Final[tuple[tuple[str, Callable[..., str]], ...]] = (
    (r"Dimension out of range \(expected to be in range of \[-\d+, (\d+)\], but got (-?\d+)\)", _dimension),
    (r"index (-?\d+) is out of bounds for (?:dimension|axis) (\d+) with size (\d+)", _place),
    (
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        lambda a, b: (
            f"In one dimension two tensors have the sizes {a} and {b}. They must be equal, or one of them 1: print "
            "both shapes."
        ),
    ),
    (
        r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)",
        lambda left, right: (
            f"A matrix product needs as many columns on the left, here {left}, as rows on the right, here {right}."
        ),
    ),
    (
        r"(?:is invalid for input|cannot reshape array) of size (\d+)",
        lambda size: f"A new shape must hold exactly the numbers that are there, here {size}.",
    ),
    (_SHAPES, lambda: "A shape does not fit: print the `shape` of everything that goes in there."),
    (
        r"Input type \(.*\) and (?:weight|bias) type \(.*\) should be the same",
        lambda: "The input and the weights must have the same `dtype` and the same `device`: print both of each.",
    ),
    (
        "to be on the same device|is not on the expected device",
        lambda: "All tensors of an operation must be on the same device: print the `device` of each.",
    ),
    (_DTYPES, lambda: "A `dtype` does not fit: print that of each tensor there, and convert it with `.to(…)`."),
    (
        r"^name '(\w+)' is not defined",
        lambda name: f"Python knows no `{name}` there: check the spelling, and that what makes or imports it has run.",
    ),
    (
        r"local variable '(\w+)'",
        lambda name: f"`{name}` has no value at that point: look for the line that should give it one.",
    ),
    (
        r"'NoneType' object has no attribute '(\w+)'",
        lambda name: f"The value before `.{name}` is None: a function without return gives None, for example.",
    ),
    (
        r"(?:'([\w.]+)' object|module '([\w.]+)') has no attribute '(\w+)'",
        lambda kind, module, name: (
            f"There is no `{name}` in {f'`{module}`' if module else f'a value of type `{kind}`'}: check the spelling"
            f"{'' if module else ', and that it is the value you mean'}."
        ),
    ),
    (
        "Boolean value of Tensor with more than one value is ambiguous",
        lambda: (
            "Python needs a single True or False there, and the tensor has several: `.all()` or `.any()` gives one."
        ),
    ),
)


def help_on(error: BaseException) -> str:
    """What a usual error means and what to look at, in a sentence or two; nothing of an unusual one."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # a learner's exception may itself raise when it is read
        return ""
    found = ((re.search(pattern, said), says) for pattern, says in _KINDS)
    return next((says(*match.groups()) for match, says in found if match), "")
