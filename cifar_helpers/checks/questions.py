"""Questions to the reader: predictions before a result, and the quiz at the end of a lesson."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["LETTERS", "Belief", "Choice", "MeanOfRuns", "Number", "Option", "Question", "in_full", "rounded"]

LETTERS: Final = "abcde"
"""The letters of the options, in order."""


class MeanOfRuns(float):
    """A mean that knows how many numbers it is the mean of, and the smallest and the largest of them."""

    runs: int
    low: float
    high: float

    def __new__(cls, each: Sequence[float]) -> Self:
        """The mean of one number per run."""
        mean = super().__new__(cls, sum(each) / len(each))
        mean.runs, mean.low, mean.high = len(each), min(each), max(each)
        return mean


@dataclass(frozen=True)
class Option:
    """One option of a choice.

    Attributes:
        text: the option, in a few words.
        says: why it is right, or which misconception leads to it.
        right: whether it is right.
    """

    text: str
    says: str
    right: bool = False


@dataclass(frozen=True)
class Choice:
    """A question with two to five options, one of them right.

    Attributes:
        name: of the question, as in `checks.guess(NAME)`.
        lesson: number of the lesson.
        ask: the question, one or two sentences.
        options: in the order shown.
        section: of a question in a quiz, the heading in the lesson of what to read again.
        measured: computes what was measured for each option, `nan` where nothing was; `None` if there is nothing.
        unit: of these numbers.
    """

    name: str
    lesson: int
    ask: str
    options: tuple[Option, ...]
    section: str = ""
    measured: Callable[[], Sequence[float]] | None = None
    unit: str = ""


@dataclass(frozen=True)
class Belief:
    """A misconception that explains guesses from `low` up to, but not including, `high`."""

    low: float
    high: float
    says: str


@dataclass(frozen=True)
class Number:
    """A question whose answer is a number.

    Attributes:
        name: of the question, as in `checks.guess(NAME)`.
        lesson: number of the lesson.
        ask: the question, one or two sentences.
        unit: of the number, as written after it ("%", "parameters"); empty for a plain number.
        truth: computes the right number when it is needed.
        says: why it is that number.
        beliefs: misconceptions and the guesses that they lead to; the first that fits is shown.
        close: how far a guess may be from the truth and still count as right, in the unit; 0 asks for a whole number.
        scale: ends of the line on which a guess can be dragged, if there is one.
    """

    name: str
    lesson: int
    ask: str
    unit: str
    truth: Callable[[], float]
    says: str
    beliefs: tuple[Belief, ...] = ()
    close: float = 0
    scale: tuple[float, float] | None = None

    def shown(self) -> float:
        """The right number as it is shown, by which guesses are judged: the verdict agrees with what is seen."""
        truth = self.truth()
        return float(round(truth)) if abs(truth) >= 1000 else float(f"{truth:.3g}")


Question = Choice | Number


def rounded(number: float) -> str:
    """A number as texts show it, with three digits or as a whole number: 1.46, 81, 1,276,682."""
    whole = 1000 <= abs(number) < 1e15 or (abs(number) < 1000 and number == int(number))
    text = f"{number:,.0f}" if whole else f"{number:.3g}"
    return f"−{text[1:]}" if text.startswith("-") else text


def in_full(number: float) -> str:
    """A guess with all its digits, up to six of them after the point: 11.99, 1,276,682."""
    text = f"{number:,.6f}".rstrip("0").rstrip(".")
    return f"−{text[1:]}" if text.startswith("-") else text
