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
from cifar_helpers.bug_gallery.signs import HARDLY, length, percent

__all__ = [
    "SYMPTOMS",
    "WIDTH",
    "Place",
    "Symptom",
    "alike",
    "as_text",
    "distance",
    "outside",
    "places",
    "reading",
    "records",
    "where",
]

_CURVES: Final = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
_SAME: Final = 1e-9  # numbers that differ less are the same
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
        f"{'−' if rounded < 0 else '+' if rounded else '±'}{abs(rounded)} {'point' if abs(rounded) == 1 else 'points'}"
    )


def _moved(share: float) -> str:
    if math.isnan(share):
        return "not a number"
    if share >= 1:
        return f"× {length(share)}"
    return percent(share, 1 if 0 < share < 0.1 else 0)


def _answers(seen: Symptoms) -> str:
    said = ", ".join(f"{name} {percent(share)}" if share == share else name for name, share in seen.answers)
    return f"A drawn {PHOTO}, classified five times: {said}."


SYMPTOMS: Final = (
    Symptom(
        "loss",
        "Final validation loss",
        lambda s: s.validation_loss[-1],
        length,
        lambda s: (
            f"After the last epoch: training loss {length(s.train_loss[-1])}, validation loss "
            f"{length(s.validation_loss[-1])}."
        ),
    ),
    Symptom(
        "accuracy",
        "Final validation accuracy",
        lambda s: s.validation_accuracy[-1],
        percent,
        lambda s: (
            f"After the last epoch: training accuracy {percent(s.train_accuracy[-1])}, validation accuracy "
            f"{percent(s.validation_accuracy[-1])}."
        ),
    ),
    Symptom(
        "first_losses",
        "Largest of first 6 losses",
        lambda s: max(s.first_losses),
        length,
        lambda s: f"Losses of the first six batches: {', '.join(map(length, s.first_losses))}.",
    ),
    Symptom(
        "gradient",
        "Optimizer’s final gradient",
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
            f"{_moved(s.moved)}. Short tick: {percent(HARDLY)}; less is hardly above 0."
        ),
    ),
    Symptom(
        "single",
        "Accuracy, single − batch",
        lambda s: s.single_accuracy - s.validation_accuracy[-1],
        _points,
        lambda s: (
            f"Validation images in batches of 200: {percent(s.validation_accuracy[-1], 1)}; the same images one at "
            f"a time: {percent(s.single_accuracy, 1)}."
        ),
    ),
    Symptom(
        "new",
        "Accuracy, new − validation",
        lambda s: s.new_accuracy - s.validation_accuracy[-1],
        _points,
        lambda s: (
            f"Validation images: {percent(s.validation_accuracy[-1], 1)}; 1,000 images that nothing has touched: "
            f"{percent(s.new_accuracy, 1)}."
        ),
    ),
    Symptom(
        "photo",
        "Accuracy, photo − batch",
        lambda s: s.photo_accuracy - s.new_accuracy,
        _points,
        lambda s: (
            f"1,000 new images in batches: {percent(s.new_accuracy, 1)}; the same through the code for photos: "
            f"{percent(s.photo_accuracy, 1)}."
        ),
    ),
    Symptom(
        "answers",
        "5 predictions, one photo",
        lambda s: len(set(s.answers)) if s.answers[0][1] == s.answers[0][1] else 1,
        lambda count: "all equal" if count == 1 else f"{count:.0f} differ",
        _answers,
    ),
)
"""The symptoms in the order in which the gallery lists them."""


@dataclass(frozen=True)
class Place:
    """A part of a symptom's scale: this symptom alone does not tell runs in the same place apart.

    Attributes:
        words: where it is, in a sentence.
        end: its upper end.
        kind: "healthy" for the healthy range, "mark" for the level of guessing or 0, else "side".
    """

    words: str
    end: float
    kind: str = "side"


_BELOW, _ABOVE = "below the healthy range", "above the healthy range"


@functools.cache
def _range(key: str) -> tuple[float, float]:
    """The middle of the healthy range and half its width."""
    (value,) = (symptom.value for symptom in SYMPTOMS if symptom.key == key)
    values = [value(seen) for seen in healthy()]
    return statistics.fmean(values), WIDTH * statistics.stdev(values)


@functools.cache
def places(key: str) -> tuple[Place, ...]:
    """The places of a symptom, the lowest first; the last has no end."""
    middle, half = _range(key)
    low, high = middle - half - _SAME, middle + half + _SAME
    inside = Place("in the healthy range", high, "healthy")
    zero = Place("exactly 0", 0, "mark")
    guessing = "at the level of guessing"
    if key == "loss":
        return (
            Place(f"{_BELOW}, too good to be true", low),
            inside,
            Place(f"{_ABOVE}, but better than guessing", math.log(10) - 0.05),
            Place(guessing, math.log(10) + 0.05, "mark"),
            Place(f"{_ABOVE}, but worse than guessing", math.inf),
        )
    if key == "accuracy":
        return (
            Place(f"{_BELOW}, but worse than guessing", 0.07),
            Place(guessing, 0.13, "mark"),
            Place(f"{_BELOW}, but better than guessing", low),
            inside,
            Place(f"{_ABOVE}, too good to be true", math.inf),
        )
    above = Place(_ABOVE, math.inf)
    if key == "gradient":
        return zero, Place(_BELOW, low), inside, above
    if key == "moved":
        return zero, Place("hardly above 0", HARDLY), Place(_BELOW, low), inside, above
    if key == "answers":
        return inside, Place("not all equal", math.inf)
    return Place(_BELOW, low), inside, above


def _place(key: str, value: float) -> int | None:
    """The number of the place in which a value is; None for NaN."""
    return next((number for number, place in enumerate(places(key)) if value <= place.end), None)


def _share(key: str, value: float) -> float:
    """How far along its place a value is, 0..1; one half where the place has no width."""
    number = _place(key, value)
    half = _range(key)[1]
    if number is None or half < _SAME or places(key)[number].kind == "mark":
        return 0.5
    ends = [-math.inf, *(place.end for place in places(key))]
    low, high = ends[number], ends[number + 1]
    if math.isfinite(low) and math.isfinite(high):
        return (value - low) / (high - low)
    # Without an end, the place takes ever longer steps.
    away = (value - low if math.isfinite(low) else high - value) / half
    return away / (1 + away) if math.isfinite(low) else 1 / (1 + away)


def distance(symptom: Symptom, seen: Symptoms) -> float:
    """How far a run is from the middle of the healthy range, whose ends are at −1 and 1; NaN if it is not a number."""
    middle, half = _range(symptom.key)
    away = symptom.value(seen) - middle
    # If all healthy runs agree, any difference is outside.
    return away / half if half > _SAME else 0.0 if abs(away) < _SAME else math.copysign(math.inf, away)


def outside(symptom: Symptom, seen: Symptoms) -> bool:
    """Whether a symptom of a run is outside the healthy range."""
    return not abs(distance(symptom, seen)) <= 1


def where(symptom: Symptom, seen: Symptoms) -> str:
    """Where a run is, in words; runs at the same place cannot be told apart by this symptom alone."""
    number = _place(symptom.key, symptom.value(seen))
    return "not a number" if number is None else places(symptom.key)[number].words


def alike(case: int, symptom: Symptom) -> list[str]:
    """The other bugs that bring a symptom to the same place: if there are none, it reveals the bug of the case."""
    runs, name = symptoms(), CASES[case - 1]
    return [bug for bug in BUGS if bug != name and where(symptom, runs[bug]) == where(symptom, runs[name])]


def reading(symptom: Symptom, seen: Symptoms) -> dict[str, Any]:
    """A symptom of a run as the gallery shows it: its place, its number, and what was measured."""
    number = symptom.value(seen)
    return {
        "place": _place(symptom.key, number),
        "share": round(_share(symptom.key, number), 3),
        "outside": outside(symptom, seen),
        "text": "NaN" if math.isnan(number) else symptom.write(number),
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
        "places": [place.kind for place in places(symptom.key)],
        "alike": half < _SAME,  # all healthy runs have the same number
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
    return {
        "curves": curves,
        "readings": {symptom.key: reading(symptom, seen) for symptom in SYMPTOMS},
        "bug": name,
        "alike": {symptom.key: alike(number, symptom) for symptom in SYMPTOMS},
        "tells": sorted(diagnosis.telling(number)),
        "replies": {bug: diagnosis.against(number, bug) for bug in BUGS if bug != name},
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
