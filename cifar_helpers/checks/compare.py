"""Compare results: what a result is, whether it equals the expected one, and how to describe the difference."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product, zip_longest
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cifar_helpers.checks.results import in_words

__all__ = [
    "as_code",
    "described",
    "difference",
    "differing",
    "equal",
    "finite",
    "first_difference",
    "headline",
    "holds_tensors",
    "kind",
    "named",
    "numbers_of",
    "of_rows",
    "rearranged",
    "right_part",
    "row_sums",
    "shape",
    "short_dtype",
    "told_apart",
]

Array = npt.NDArray[np.float64]

_ADDRESS: Final = re.compile(r" (?:instance |object )?at 0x\w+")
_LOOK: Final = ". Look for a division by zero, the logarithm of 0, or the exponential of a large number"
_WIDEST: Final = 20  # rows or columns around a part that is searched for in a result
_MOST_COPIED: Final = 40  # numbers of a tensor that is written out to be copied
_LONGEST_CODE: Final = 260
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


def finite(value: Any) -> bool:
    """Whether no number of a result is nan or infinite."""
    try:
        return bool(np.isfinite(numbers_of(value)).all())
    except (TypeError, ValueError):  # text, or lists of different lengths
        return True


def short_dtype(value: Any) -> tuple[str, float] | None:
    """Name and relative precision of the short number format of a result, or of one of its members."""
    if kind(value) == "sequence":
        return next(filter(None, map(short_dtype, value)), None)
    name = str(getattr(value, "dtype", "")).removeprefix("torch.")
    return (name, _SHORT_DTYPES[name]) if name in _SHORT_DTYPES else None


def is_whole(value: Any) -> bool:
    """Whether a result has whole numbers only; those of `uint8` are pixels, which have shades like others."""
    if kind(value) == "sequence":
        return all(map(is_whole, value))
    dtype = str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")
    return dtype in ("int", "int64", "bool")


def holds_tensors(value: Any) -> bool:
    """Whether a result is a sequence with a tensor in it."""
    return kind(value) == "sequence" and any(kind(member) == "tensor" for member in value)


def shape(value: Any) -> tuple[int, ...]:
    """Shape of a result; for a sequence of tensors and for ragged lists, the length."""
    if isinstance(value, str):
        return ()
    try:
        return (len(value),) if holds_tensors(value) else numbers_of(value).shape
    except (TypeError, ValueError):
        return (len(value),)


def first_difference(wanted: Any, got: Any, close: float, parts: Sequence[str] = ()) -> tuple[str, Any, Any]:
    """The first tensors that differ in two sequences, and their place; for other results, the results themselves.

    `parts` says what the tensors are, if the learner did not return them.
    """
    if holds_tensors(wanted) and kind(got) == "sequence" and len(wanted) == len(got):
        for number, (a, b) in enumerate(zip(wanted, got, strict=True), start=1):
            if not equal(a, b, close):
                nth = {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
                return f"in {parts[number - 1] if parts else f'the {nth} tensor that you return'}, ", a, b
    return f"in {parts[0]}, " if parts else "", wanted, got


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
    if holds_tensors(value):
        return f"a {type(value).__name__} of {', '.join(map(named, value))}"[:160]
    if value is None or kind(value) in ("sequence", "number", "str"):
        return f"{type(value).__name__} {_ADDRESS.sub('', reprlib.repr(value))}"[:80]
    return in_words(value)


def described(given: tuple[Any, ...], names: Sequence[str] = ()) -> str:
    """Arguments in a few words, with the names of the parameters if they are known."""
    *parts, last = ["", *(_argument(*one) for one in zip_longest(given, names) if not callable(one[0]))]
    words = " and ".join(filter(None, [", ".join(parts[1:]), last]))
    return words if names else f"inputs {words}" if words else "no inputs"


def _argument(value: Any, name: str | None) -> str:
    if name and isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"`{name}` of shape {tuple(value.shape)}" + ("" if dtype == "float32" else f" and type {dtype}")
    if isinstance(value, Tensor) or holds_tensors(value):
        return f"`{name}`, {named(value)}" if name else named(value)
    return f"`{name} = {_brief(value)}`" if name else _brief(value)


def _brief(value: Any) -> str:
    """A plain value, short enough to be read and exact enough to be tried."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if kind(value) == "sequence":
        ends = "()" if isinstance(value, tuple) else "[]"
        return ends[0] + ", ".join([*map(_brief, value[:9]), *(["…"] if len(value) > 9 else [])]) + ends[1]
    return repr(value)


def as_code(given: tuple[Any, ...], names: Sequence[str]) -> str:
    """Small arguments as lines of Python that make exactly these; empty if there are others, or no names."""
    try:
        lines = [f"{name} = {_code_of(value)}" for name, value in zip(names, given, strict=True)]
    except (TypeError, ValueError):  # NumPy does not know bfloat16
        return ""
    code = "\n".join(lines)
    return code if any(isinstance(value, Tensor) for value in given) and len(code) <= _LONGEST_CODE else ""


def _code_of(value: Any) -> str:
    if isinstance(value, (int, float, str)):
        return repr(value)
    if not isinstance(value, Tensor) or value.numel() > _MOST_COPIED or not bool(torch.isfinite(value).all()):
        raise ValueError("it cannot be written in a line")
    dtype = str(value.dtype)
    usual = dtype in ("torch.float32", "torch.int64", "torch.bool")
    return f"torch.tensor({_listed(value.numpy())}{'' if usual else f', dtype={dtype}'})"


def _listed(values: Any) -> str:
    """Numbers with the fewest digits that give the same back, in brackets as they are nested."""
    if values.ndim:
        return f"[{', '.join(map(_listed, values))}]"
    said = str(values)
    return said.removesuffix("0") if said.endswith(".0") else said


def differing(wanted: Any, got: Any, close: float) -> tuple[Array, Array, npt.NDArray[np.bool_]] | None:
    """Two results of the same shape as numbers, and where they differ; `None` if they cannot be compared like this."""
    try:
        a, b = numbers_of(wanted), numbers_of(got)
    except Exception:  # text, or lists of different lengths
        return None
    return (a, b, ~np.isclose(b, a, rtol=close, atol=close, equal_nan=True)) if a.shape == b.shape else None


def row_sums(wanted: Any, got: Any, close: float) -> Array | None:
    """The sums of a result's rows, if each should be 1."""
    found = differing(wanted, got, close)
    if found is None or found[0].ndim != 2 or min(found[0].shape) < 2 or (found[0] < 0).any():
        return None
    sums: Array = found[1].sum(1)
    return sums if np.allclose(found[0].sum(1), 1, atol=1e-4) else None


def of_rows(wanted: Any, got: Any, close: float) -> str:
    """What the sums of a result's rows say, if each should be 1; else nothing."""
    sums, found = row_sums(wanted, got, close), differing(wanted, got, close)
    if sums is None or found is None or not np.isfinite(sums).all():
        return ""
    if not np.allclose(sums, 1, atol=5e-3):
        row = int(np.abs(sums - 1).argmax() if abs(sums[0] - 1) < 5e-3 else 0)
        return (
            f"row {row} of your result adds up to {told_apart(1, float(sums[row]))[1]}, but each row should add up to 1"
        )
    right, own, differ = found
    off = np.where(differ, np.sign(own - right), 0)
    is_top = np.arange(off.shape[1]) == right.argmax(1)[:, None]
    for sign, look, moves in ((1, "sharp", "takes from"), (-1, "flat", "gives to")):
        if (off == np.where(is_top, sign, -sign)).all():
            return f"each row adds up to 1, but is too {look}: its largest number {moves} all the others"
    high, low = ({*off[range(len(own)), place]} for place in (right.argmax(1), right.argmin(1)))
    same_ends = (own.argmax(1) == right.argmax(1)).all() and (own.argmin(1) == right.argmin(1)).all()
    if same_ends and (high, low) in (({1}, {-1}), ({-1}, {1})):
        far, near = ("large", "small") if high == {1} else ("small", "large")
        return f"each row adds up to 1, but its largest number is too {far} and its smallest too {near}"
    return "each row of your result adds up to 1, as it should"


@dataclass(frozen=True)
class RightPart:
    """Of two results with different shapes, where the smaller one lies in the larger one.

    Attributes:
        place: its first row and column.
        size: its rows and columns.
        is_whole: whether the smaller one is the learner's, so that all of it is right.
        says: which part of the learner's result is right, and what is missing or too much.
    """

    place: tuple[int, int]
    size: tuple[int, int]
    is_whole: bool
    says: str


def right_part(wanted: Any, got: Any, close: float) -> RightPart | None:
    """The one place where the smaller of two results lies in the larger one; `None` if there is none, or several."""
    try:
        own, right = numbers_of(got), numbers_of(wanted)
    except Exception:  # text, or lists of different lengths
        return None
    if {own.ndim, right.ndim} == {1, 2}:  # a single row, or a column
        pairs = ([part if part.ndim == 2 else np.expand_dims(part, k) for part in (own, right)] for k in (0, 1))
        return next(filter(None, (_part_of(mine, target, close) for mine, target in pairs)), None)
    return _part_of(own, right, close)


def _part_of(own: Array, right: Array, close: float) -> RightPart | None:
    small, large = sorted((own, right), key=lambda values: values.size)
    if small.ndim != large.ndim or small.ndim < 2 or small.shape[:-2] != large.shape[:-2] or not small.size:
        return None
    spare = [most - count for most, count in zip(large.shape[-2:], small.shape[-2:], strict=True)]
    rows, columns = small.shape[-2:]
    # Equal numbers, or a few that are no whole row or column, could be found by chance.
    few = small.size < (2 if min(rows, columns) == 1 and 0 in spare else 4)
    if min(spare) < 0 or not any(spare) or max(spare) > _WIDEST or few or small.min() == small.max():
        return None
    places = [
        (top, left)
        for top, left in product(range(spare[0] + 1), range(spare[1] + 1))
        if np.allclose(large[..., top : top + rows, left : left + columns], small, rtol=close, atol=close)
    ]
    if len(places) != 1:
        return None
    (top, left), is_whole = places[0], small is own
    outside, is_many = _outside(top, spare[0] - top, left, spare[1] - left)
    ends = f"rows {top} to {top + rows - 1} and columns {left} to {left + columns - 1}"
    is_border = outside.startswith("a border")
    if is_whole:
        right_is = "What you have is right"
    elif is_border:
        right_is = f"The middle is right, {ends}"
    else:
        right_is = f"{ends.capitalize()} are right"
    wrong = f"{outside} {'are' if is_many else 'is'} {'missing' if is_whole else 'too much'}"
    padding = " Padding makes such a border." if is_border else ""
    return RightPart((top, left), (rows, columns), is_whole, f"{right_is}, but {wrong}.{padding}")


def rearranged(pairs: Sequence[tuple[Any, Any]], close: float) -> str:
    """What a learner's results are of the right ones: a row alone, for example, or with rows and columns exchanged.

    Args:
        pairs: of each input the right result and the learner's; a sentence must be true of all.
        close: relative and absolute tolerance.
    """
    try:
        arrays = [(numbers_of(wanted), numbers_of(got)) for wanted, got in pairs]
    except Exception:  # text, or lists of different lengths
        return ""
    if len({right.ndim for right, _ in arrays}) != 1 or all(right.size < 2 for right, _ in arrays):
        return ""

    def made_by(change: Callable[[Array], Array]) -> bool:
        made = [(change(right), own) for right, own in arrays if right.size]
        return all(a.shape == b.shape and np.allclose(a, b, rtol=close, atol=close) for a, b in made)

    changes = _changes(arrays[0][0].ndim)
    if found := next((says for says, change in changes if made_by(change)), ""):
        return found
    if not all(np.array_equal(right.shape, own.shape) for right, own in arrays) and all(
        right.size == own.size and np.allclose(right.ravel(), own.ravel(), rtol=close, atol=close)
        for right, own in arrays
    ):
        more = {own.ndim - right.ndim for right, own in arrays}
        of_one = all([n for n in right.shape if n > 1] == [n for n in own.shape if n > 1] for right, own in arrays)
        if of_one and more in ({1}, {-1}):
            return f"The numbers are right, but a dimension of size 1 is {'too much' if more == {1} else 'missing'}."
        return "The numbers are right and in the right order, but in another shape."
    return ""


def _changes(ndim: int) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    """What can be done to a result by mistake that leaves its numbers as they are, each in a sentence."""
    for axis in range(ndim):
        for at in (0, -1):
            which = "last" if at else "first"
            if ndim == 1:
                only, lost = f"You return only the {which} number", ""
            elif ndim == 2:
                what = "column" if axis else "row"
                only, lost = f"You return only the {which} {what}", f", without the dimension of {what}s"
            else:
                only = f"You return only {'the last place' if at else 'place 0'} of dimension {axis}"
                lost = ", without that dimension"
            yield f"{only}{lost}.", lambda right, at=at, axis=axis: right.take(at, axis)  # type: ignore[misc]
            yield f"{only}.", lambda right, at=at, axis=axis: right.take([at], axis)  # type: ignore[misc]
    for order in permutations(range(ndim)) if 1 < ndim < 5 else ():
        if order != tuple(range(ndim)):
            says = "rows and columns are exchanged" if ndim == 2 else f"you return `permute{order}` of the right result"
            yield f"The numbers are right, but {says}.", lambda right, order=order: right.transpose(order)  # type: ignore[misc]


def _outside(top: int, bottom: int, left: int, right: int) -> tuple[str, bool]:
    """Rows and columns around a part in words, and whether they are several."""
    if top == bottom == left == right:
        return f"a border of {top} around it", False
    sides = (("first", "row", top), ("last", "row", bottom), ("first", "column", left), ("last", "column", right))
    said = [f"the {which} {what}" if n == 1 else f"the {which} {n} {what}s" for which, what, n in sides if n]
    return " and ".join(filter(None, [", ".join(said[:-1]), said[-1]])), len(said) > 1 or said[0].endswith("s")


def headline(wanted: Any, got: Any, close: float) -> str:
    """How two results of the same shape differ, in a few words beside a picture that shows where."""
    found = differing(wanted, got, close)
    if found is None:
        return ""
    _, own, differ = found
    count, size, lost = int(differ.sum()), own.size, int((~np.isfinite(own) & differ).sum())
    if lost:
        return f"{lost:,} of your {size:,} numbers {'is' if lost == 1 else 'are'} nan or infinite{_LOOK}"
    rows = of_rows(wanted, got, close)
    if " but " in rows:
        return rows
    if count == size:
        wrong = f"{_every(size)} are wrong"
    else:
        wrong = f"{count:,} of {size:,} numbers {'is' if count == 1 else 'are'} wrong; the others are right"
    return f"{rows}, but {wrong}" if rows else wrong


def _every(size: int) -> str:
    return "both numbers" if size == 2 else f"all {size:,} numbers"


def difference(wanted: Any, got: Any, close: float) -> str:
    """How two results of the same kind and shape differ: where first, what was wanted there, and what came."""
    found = differing(wanted, got, close)
    if isinstance(wanted, str) and isinstance(got, str):  # words for a result, which the learner did not return
        return f"it gives {got} instead of {wanted}"
    if found is None or not found[2].any():
        own, right = (named(value) if holds_tensors(got) else repr(value) for value in (got, wanted))
        return f"it returns {own} instead of {right}"[:160]
    a, b, differ = found
    lost = ~np.isfinite(b) & differ
    if not a.ndim:
        right, own = told_apart(float(a), float(b))
        return f"your result is {own}, but should be {right}{_LOOK if lost else ''}"
    first = tuple(int(k) for k in np.argwhere(lost if lost.any() else differ)[0])
    right, own = told_apart(float(a[first]), float(b[first]))
    if lost.any():
        return (
            f"{int(lost.sum()):,} of your {b.size:,} numbers are nan or infinite; the first, at {list(first)}, should "
            f"be {right}{_LOOK}"
        )
    count, size = int(differ.sum()), b.size
    many = _every(size) if count == size else f"{count:,} of {size:,} numbers"
    others = "all other numbers are right" if count == 1 else f"{many} differ; this is the first"
    return f"your number at {list(first)} is {own}, but should be {right}" + (f" ({others})" if size > 1 else "")


def told_apart(a: float, b: float) -> tuple[str, str]:
    """Two different numbers with at least three digits, and as many more as show the difference."""
    both = next((p for digits in range(3, 17) if len(set(p := _digits((a, b), digits))) == 2), _digits((a, b), 17))
    return both[0].replace("-", "\N{MINUS SIGN}"), both[1].replace("-", "\N{MINUS SIGN}")


def _digits(numbers: tuple[float, ...], digits: int) -> tuple[str, ...]:
    return tuple(
        f"{n:,.{0 if n == round(n) else max(digits - 4, 0)}f}" if 1000 <= abs(n) < 1e15 else f"{n:.{digits}g}"
        for n in numbers
    )
