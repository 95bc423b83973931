"""The symptoms of a run with a bug, compared with healthy runs that differ only in their seeds."""

from __future__ import annotations

import functools
import math
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any, Final

from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.inject import BUGS, CASES, HEALTHY, PHOTO, Symptoms, healthy, symptoms
from cifar_helpers.bug_gallery.signs import length, percent

__all__ = ["SYMPTOMS", "WIDTH", "Symptom", "alike", "as_text", "distance", "outside", "reading", "records", "where"]

_CURVES: Final = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
# What is marked on a scale beside the healthy range, and how far from there a run is still at that mark.
_MARKS: Final = {
    "loss": (math.log(10), 0.05, "at the level of guessing"),
    "accuracy": (0.1, 0.03, "at the level of guessing"),
    "gradient": (0, 0, "exactly 0"),
    "moved": (0, 0, "exactly 0"),
}
_HARDLY: Final = 0.02  # of their length: weights that moved less have hardly moved
WIDTH: Final = 3
"""The healthy range reaches this many standard deviations of the healthy runs to each side of their mean."""


@dataclass(frozen=True)
class Symptom:
    """One number of a run.

    Attributes:
        key: its name in `signs`.
        name: shown to readers.
        value: the number, from the symptoms of a run.
        write: the number as text.
        more: what was measured, in a sentence.
    """

    key: str
    name: str
    value: Callable[[Symptoms], float]
    write: Callable[[float], str]
    more: Callable[[Symptoms], str]


def _points(difference: float) -> str:
    rounded = round(100 * difference)
    return (
        f"{'−' if rounded < 0 else '+' if rounded else ''}{abs(rounded)} {'point' if abs(rounded) == 1 else 'points'}"
    )


def _moved(share: float) -> str:
    if math.isnan(share):
        return "not a number"
    if share >= 1:
        return f"× {length(share)}"
    return percent(share, 1 if share < 0.1 else 0)


def _answers(seen: Symptoms) -> str:
    said = ", ".join(f"{name} {percent(share)}" if share == share else name for name, share in seen.answers)
    return f"A drawn {PHOTO}, classified five times: {said}."


SYMPTOMS: Final = (
    Symptom(
        "loss",
        "Validation loss at the end",
        lambda s: s.validation_loss[-1],
        length,
        lambda s: (
            f"After the last epoch: training loss {length(s.train_loss[-1])}, validation loss "
            f"{length(s.validation_loss[-1])}."
        ),
    ),
    Symptom(
        "accuracy",
        "Validation accuracy at the end",
        lambda s: s.validation_accuracy[-1],
        percent,
        lambda s: (
            f"After the last epoch: training accuracy {percent(s.train_accuracy[-1])}, validation accuracy "
            f"{percent(s.validation_accuracy[-1])}."
        ),
    ),
    Symptom(
        "first_losses",
        "Largest of the first six losses",
        lambda s: max(s.first_losses),
        length,
        lambda s: f"Losses of the first six batches: {', '.join(map(length, s.first_losses))}.",
    ),
    Symptom(
        "gradient",
        "Gradient length at the end",
        lambda s: s.gradient[-1],
        length,
        lambda s: (
            "Mean length (norm) of the gradient of the parameters that the optimizer holds: "
            f"{length(s.gradient[0])} in the first epoch, {length(s.gradient[-1])} in the last."
        ),
    ),
    Symptom(
        "moved",
        "Change of the weights",
        lambda s: s.moved,
        _moved,
        lambda s: (
            "Distance of the weights from their initial values, relative to the length of these: "
            + _moved(s.moved)
            + (f", less than {percent(_HARDLY)}: hardly at all." if 0 < s.moved < _HARDLY else ".")
        ),
    ),
    Symptom(
        "single",
        "Accuracy change on single images",
        lambda s: s.single_accuracy - s.validation_accuracy[-1],
        _points,
        lambda s: (
            f"Validation images in batches of 200: {percent(s.validation_accuracy[-1], 1)}; the same images one at "
            f"a time: {percent(s.single_accuracy, 1)}."
        ),
    ),
    Symptom(
        "new",
        "Accuracy change on new images",
        lambda s: s.new_accuracy - s.validation_accuracy[-1],
        _points,
        lambda s: (
            f"Validation images: {percent(s.validation_accuracy[-1], 1)}; 1,000 images that nothing has touched: "
            f"{percent(s.new_accuracy, 1)}."
        ),
    ),
    Symptom(
        "photo",
        "Accuracy change on raw photos",
        lambda s: s.photo_accuracy - s.new_accuracy,
        _points,
        lambda s: (
            f"1,000 new images in batches: {percent(s.new_accuracy, 1)}; the same through the code for photos: "
            f"{percent(s.photo_accuracy, 1)}."
        ),
    ),
    Symptom(
        "answers",
        "Five predictions for one photo",
        lambda s: len(set(s.answers)) if s.answers[0][1] == s.answers[0][1] else 1,
        lambda count: "all the same" if count == 1 else f"{count:.0f} different",
        _answers,
    ),
)
"""The symptoms in the order in which the gallery lists them."""


@functools.cache
def _range(key: str) -> tuple[float, float]:
    """Middle and half-width of the healthy range."""
    (value,) = (symptom.value for symptom in SYMPTOMS if symptom.key == key)
    values = [value(seen) for seen in healthy()]
    return statistics.fmean(values), WIDTH * statistics.stdev(values)


def distance(symptom: Symptom, seen: Symptoms) -> float:
    """How far a run is from the middle of the healthy range, whose ends are at −1 and 1; NaN if it is not a number."""
    return _away(symptom.key, symptom.value(seen))


def _away(key: str, value: float) -> float:
    """The distance of a value of a symptom."""
    middle, half = _range(key)
    away = value - middle
    # If all healthy runs agree, any difference is outside.
    return away / half if half > 1e-9 else 0.0 if abs(away) < 1e-9 else math.copysign(math.inf, away)


def outside(symptom: Symptom, seen: Symptoms) -> bool:
    """Whether a symptom of a run is outside the healthy range."""
    return not abs(distance(symptom, seen)) <= 1


def where(symptom: Symptom, seen: Symptoms) -> str:
    """Where a run is, in words; runs at the same place cannot be told apart by this symptom alone.

    A place is a side of the healthy range and a side of the mark, as the gallery draws them, or close to the mark.
    """
    away, value = distance(symptom, seen), symptom.value(seen)
    if math.isnan(away):
        return "not a number"
    if abs(away) <= 1:
        return "in the healthy range"
    mark, near, at_mark = _MARKS.get(symptom.key, (math.nan, 0, ""))
    if abs(value - mark) <= near:
        return at_mark
    if symptom.key == "answers":
        return "not all the same"
    if symptom.key == "moved" and value < _HARDLY:
        return "hardly above 0"
    side = f"{'above' if away > 0 else 'below'} the healthy range"
    if symptom.key not in ("loss", "accuracy"):
        return side
    if (away > 0) is (symptom.key == "accuracy"):
        return f"{side}, too good to be true"
    return f"{side}, but {'worse' if abs(away) > abs(_away(symptom.key, mark)) else 'better'} than guessing"


def alike(case: int, symptom: Symptom) -> list[str]:
    """The other bugs that bring a symptom to the same place: if there are none, it reveals the bug of the case."""
    runs, name = symptoms(), CASES[case - 1]
    return [bug for bug in BUGS if bug != name and where(symptom, runs[bug]) == where(symptom, runs[name])]


def reading(symptom: Symptom, seen: Symptoms) -> dict[str, Any]:
    """A symptom of a run as the gallery shows it: its place, its number, and what was measured."""
    away = distance(symptom, seen)
    number = symptom.value(seen)
    return {
        "at": None if math.isnan(away) else max(-99.0, min(99.0, round(away, 3))),
        "outside": outside(symptom, seen),
        "text": symptom.write(number),
        "where": where(symptom, seen),
        "more": symptom.more(seen),
    }


def records() -> dict[str, Any]:
    """Everything that the gallery shows: the healthy runs, and for each case its symptoms, code and replies."""
    return {
        "suspicions": list(BUGS),
        "healthy": {name: _band(name) for name in _CURVES},
        "symptoms": [_symptom(symptom) for symptom in SYMPTOMS],
        "cases": [_case(number) for number in range(1, len(CASES) + 1)],
    }


def _band(curve: str) -> list[list[float]]:
    """Epoch, smallest and largest value of the healthy runs."""
    columns = zip(*(getattr(seen, curve) for seen in healthy()), strict=True)
    return [[epoch, min(column), max(column)] for epoch, column in enumerate(columns, start=1)]


def _symptom(symptom: Symptom) -> dict[str, Any]:
    middle, half = _range(symptom.key)
    low, high = symptom.write(middle - half), symptom.write(middle + half)
    return {
        "key": symptom.key,
        "name": symptom.name,
        "range": _span(low, high),
        "mark": round(_away(symptom.key, _MARKS[symptom.key][0]), 3) if symptom.key in _MARKS else None,
        "alike": half < 1e-9,  # all healthy runs have the same number
        "healthy": [round(distance(symptom, seen), 3) for seen in healthy()],
    }


def _span(low: str, high: str) -> str:
    """Both ends in words, with their common unit once."""
    if low == high:
        return low
    unit = re.search(r"\s.*|$", high)
    return f"{low.removesuffix(unit[0] if unit else '')} to {high}"


def _case(number: int) -> dict[str, Any]:
    name = CASES[number - 1]
    seen = symptoms()[name]
    curves = {name: [_finite(value) for value in getattr(seen, name)] for name in _CURVES}
    heard = {bug: diagnosis.judge(number, bug) for bug in BUGS if bug != name}
    return {
        "curves": curves,
        "readings": {symptom.key: reading(symptom, seen) for symptom in SYMPTOMS},
        "bug": name,
        "alike": {symptom.key: alike(number, symptom) for symptom in SYMPTOMS},
        "tells": sorted(diagnosis.telling(number)),
        "replies": {bug: {"says": reply.says, "against": reply.against} for bug, reply in heard.items()},
        "because": diagnosis.gives_away(number),
        "find": diagnosis.PROFILES[name].find,
        "changes": diagnosis.changes_of(number),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def as_text() -> str:
    """All cases as text, where widgets cannot be shown; it does not reveal which case has which bug."""
    runs = [symptoms()[name] for name in (HEALTHY, *CASES)]
    rows = {
        "largest of the first losses": [length(max(seen.first_losses)) for seen in runs],
        "training loss, epoch 1": [length(seen.train_loss[0]) for seen in runs],
        "training loss, last epoch": [length(seen.train_loss[-1]) for seen in runs],
        "validation loss, last epoch": [length(seen.validation_loss[-1]) for seen in runs],
        "gradient length, epoch 1": [length(seen.gradient[0]) for seen in runs],
        "gradient length, last epoch": [length(seen.gradient[-1]) for seen in runs],
        "change of the weights": [length(seen.moved) for seen in runs],
        "training accuracy": [f"{percent(seen.train_accuracy[-1])}" for seen in runs],
        "validation accuracy": [f"{percent(seen.validation_accuracy[-1])}" for seen in runs],
        "the same, one at a time": [f"{percent(seen.single_accuracy)}" for seen in runs],
        "accuracy on new images": [f"{percent(seen.new_accuracy)}" for seen in runs],
        "the same, as photos": [f"{percent(seen.photo_accuracy)}" for seen in runs],
        "different predictions of five": [str(len(set(seen.answers))) for seen in runs],
    }
    heads = ["healthy", *map(str, range(1, len(CASES) + 1))]
    lines = [
        f"{what:30}" + "".join(f"{'NaN' if cell == 'not a number' else cell:>8}" for cell in cells)
        for what, cells in {"case": heads, **rows}.items()
    ]
    suspects = [f"  {letter}) {name}" for letter, name in zip(ascii_lowercase, BUGS, strict=False)]
    how = "Answer with checks.bug(1, 'a'): the number of the case, and the letter of your suspicion."
    return "\n".join([*lines, "", "Which bug does each training run have?", *suspects, how])
