"""Parse what a reader types: numbers in any country's notation, lesson numbers, letters, and names of questions."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Container
from decimal import Decimal
from numbers import Real
from typing import Any, Final

import numpy as np
from torch import Tensor

from cifar_helpers.checks.results import in_words

__all__ = ["in_percent", "known_name", "letters_of", "parse_number", "quoted", "spelled", "whole_number", "words_of"]

_LONGEST: Final = 80  # characters of a quotation
_MOST_CHARACTERS: Final = 1000  # in a number
_UNSEEN: Final = re.compile("[\u200b\u200e\u200f\u2060\ufeff]")
_MINUS: Final = re.compile("^[\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d] ?|^- ")
_ABOUT: Final = re.compile(r"^(?:about|around|roughly|approximately|approx\.?|ca\.?|circa|[≈~=])\s*", re.I)
_PERCENT: Final = re.compile(r"\s*(?:%|per ?cent)$", re.I)
_APART: Final = re.compile(r"([+-]?\d{1,3})((?: \d{3})+|(?:['’]\d{3})+)([.,]\d+)?")  # 1 276 682 and 1'276'682
_FRACTION: Final = re.compile(r"([+-]?)(?:(\d{1,15}) )? ?(\d{1,15}) ?[/\u2044\u2215] ?(\d{1,15})")
_DIGITS: Final = re.compile(r"([+-]?)([\d.,]*\d[\d.,]*)((?:e[+-]?\d+)?)", re.I)
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}")  # in India 12,76,682 as well
_LESSON: Final = re.compile(r"(?:lesson|case)?\s*(\d{1,6})(?!\d|[.,]\d)", re.I)
_LETTER: Final = r"[^\W\d_]"
_NUMBERED: Final = re.compile(rf"(?<!\d)(\d{{1,2}})[\W_]*({_LETTER})")
_OTHER_FORMS: Final = ("<wide>", "<narrow>", "<small>")  # of characters on a Western keyboard
_ARABIC_POINT: Final = "\u066b"
_SIGNS: Final = str.maketrans({"\u066c": "'", "\u066a": "%", "\u060c": ",", "\N{MIDDLE DOT}": "."})
_OF_A_HUNDRED: Final = ("%", "points")


def words_of(value: Any) -> str:
    """A value as text without surrounding spaces, even if its own `__str__` fails."""
    try:
        return str(value).strip()
    except Exception:  # a reader may pass anything, and always gets a reply
        return in_words(value)


def spelled(text: str) -> str:
    """A text in characters of a Western keyboard, with single spaces: "１．５％" becomes "1.5%"."""
    forms = (unicodedata.normalize("NFKC", c) if _decomposed(c) in _OTHER_FORMS else c for c in text)
    return " ".join(_UNSEEN.sub("", "".join(forms)).translate(_SIGNS).split())


def quoted(value: Any) -> str:
    """A value as it was given, in at most one line; text is in quotes."""
    try:
        said = repr(value)
    except Exception:  # as above
        said = in_words(value)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def known_name(said: Any, known: Container[str]) -> str | None:
    """The known name that a reader means, given as text in any case, or as an exercise or function of that name."""
    for text in (said, _attribute(said, "name"), _attribute(said, "__name__")):
        if issubclass(type(text), str):  # `isinstance` asks the value for its class, which may raise an error
            name = re.sub(r"[\s-]+", "_", text.strip().lower()).removeprefix("checks.").removeprefix("my_")
            if name in known:
                return name
    return None


def whole_number(said: Any) -> int | None:
    """The number of a lesson or of a case: 4, 4.0, "4", "04", "lesson 4", "04_training_and_overfitting"."""
    if issubclass(type(said), str):
        found = _LESSON.match(spelled(said))
        return int(found[1]) if found else None
    number = _of_python(said)
    return int(number) if number is not None and number == int(number) else None


def letters_of(text: str) -> list[str]:
    """The letters in a text, whatever is between them ("abcda", "1:a 2:b", "a-b"), in the order of their numbers."""
    letters, numbered = re.findall(_LETTER, spelled(text)), _NUMBERED.findall(spelled(text))
    places = {int(number): letter for number, letter in numbered}
    if len(numbered) == len(letters) and sorted(places) == list(range(1, len(letters) + 1)):
        return [places[number] for number in sorted(places)]
    return letters


def in_percent(said: Any, unit: str) -> bool:
    """Whether a reader gives a percentage when asked for another unit."""
    return unit not in _OF_A_HUNDRED and bool(_PERCENT.search(spelled(words_of(said)).rstrip(" .,;")))


def parse_number(said: Any, unit: str, near: float) -> float | None:
    """The number that a reader gives, or `None` if it is unclear which one is meant.

    Args:
        said: a Python, NumPy or PyTorch number, or text: "1,46", "1.276.682", "12,5 %", "½", "−3 points", "1e3".
        unit: of the number; the reader may write it after the number.
        near: if a text can be read in two ways ("1,276"), the reading closer to this number is chosen.
    """
    number = _of_python(said)
    readings = [number] if number is not None else _of_text(words_of(said), unit)
    return min(filter(math.isfinite, readings), key=lambda reading: abs(reading - near), default=None)


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # a property may raise an error
        return None


def _of_python(said: Any) -> float | None:
    """The finite number in an object that is one or contains exactly one; `None` for others, and for text."""
    try:
        if np.ma.is_masked(said):
            return None
        value = said.item() if isinstance(said, (Tensor, np.ndarray, np.generic)) else said
        if isinstance(value, (Real, Decimal)) and not isinstance(value, bool):
            return float(value) if math.isfinite(value) else None
    except Exception:  # several numbers, none at all, or one too large for a float
        pass
    return None


def _of_text(text: str, unit: str) -> list[float]:
    """All readings of a text as a number, the English one first."""
    if len(text) > _MOST_CHARACTERS:
        return []
    text = _MINUS.sub("-", _ABOUT.sub("", spelled(text)))
    bare = _unit_at_end(unit).sub("", text)
    if in_percent(bare, unit):
        return []
    bare = _PERCENT.sub("", bare).rstrip(" .,;")
    if _ARABIC_POINT in bare:
        return _as_python_reads(bare.replace("'", "").replace(_ARABIC_POINT, "."))
    for character in bare:
        if _decomposed(character) == "<fraction>":
            bare = bare.replace(character, f" {unicodedata.normalize('NFKC', character)}").strip()
    if fraction := _FRACTION.fullmatch(bare):
        # As a percentage, "3/4" may mean 0.75 or 75.
        return [] if unit == "%" and not _PERCENT.search(text) else _of_fraction(fraction)
    if apart := _APART.fullmatch(bare):
        bare = apart[1] + re.sub(r"\D", "", apart[2]) + (apart[3] or "").replace(",", ".")
        return [float(bare)]
    digits = _DIGITS.fullmatch(bare)
    return _with_separators(*digits.groups()) if digits else _as_python_reads(bare)


def _decomposed(character: str) -> str:
    """In what way a character is a variant of another: `<wide>`, `<fraction>`, or not at all."""
    return unicodedata.decomposition(character).partition(" ")[0]


def _unit_at_end(unit: str) -> re.Pattern[str]:
    """A pattern for the unit, singular or plural, with "a", "per" or a slash between its words."""
    words = r"(?:\s*/\s*|\s+(?:an?|per)\s+)".join(
        f"{re.escape(word.removesuffix('s'))}s?" for word in re.split(" (?:an?|per) ", unit)
    )
    return re.compile(rf"\s*{words}\.?$", re.I)


def _of_fraction(found: re.Match[str]) -> list[float]:
    sign, whole, above, below = found.groups()
    if not int(below):
        return []
    value = int(whole or 0) + int(above) / int(below)
    return [-value if sign == "-" else value]


def _with_separators(sign: str, digits: str, power: str) -> list[float]:
    """Readings of digits with points and commas among them."""
    first, second = (",", ".") if digits.rfind(",") < digits.rfind(".") else (".", ",")
    if digits.count(second) > 1:  # 1.276.682, 1,276,682: no number has two decimal separators
        return _grouped(sign, digits, second, power) if first not in digits else []
    whole, _, rest = digits.partition(second)
    if first in whole:  # 1,276,682.5 and 1.276.682,5
        return _grouped(sign, whole, first, f".{rest}{power}")
    decimal = _as_python_reads(f"{sign}{whole}.{rest}{power}")
    if second in digits and len(rest) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
        thousands = _as_python_reads(f"{sign}{whole}{rest}{power}")
        return [*thousands, *decimal] if second == "," else [*decimal, *thousands]
    return decimal


def _grouped(sign: str, digits: str, separator: str, ending: str) -> list[float]:
    groups = _THOUSANDS.fullmatch(digits.replace(separator, ","))
    return _as_python_reads(f"{sign}{digits.replace(separator, '')}{ending}") if groups else []


def _as_python_reads(text: str) -> list[float]:
    try:
        return [float(text)]
    except ValueError:
        return []
