"""How an answer to an exercise is judged: against a reference on random inputs, and against the usual mistakes."""

from __future__ import annotations

import copy
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from cifar_helpers import _diagnosis
from cifar_helpers.bugs import CASES
from cifar_helpers.checks._comparing import described, difference, equal, kind, named, narrowed, shape

__all__ = ["Exercise", "Mistake", "Verdict", "hint", "judge", "progress"]

Arguments = tuple[Any, ...]
_DRAWS = 8


@dataclass(frozen=True)
class Verdict:
    """What a check says; a notebook shows it below the cell.

    Attributes:
        state: `open` (not attempted), `right` or `wrong`.
        says: in words: what to notice, or what is wrong and why.
        picture: HTML of what a right answer shows, or nothing.
    """

    state: str
    says: str
    picture: str = ""

    def __str__(self) -> str:
        mark = {"open": "… not attempted yet", "right": "✅ right", "wrong": "❌ not yet"}[self.state]
        return f"{mark}: {self.says}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<p role="status">{html.escape(str(self))}</p>{self.picture}'


class Words(str):
    """Text that a notebook shows as it reads: a plain `str` would stand in quotes, with its lines in one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Mistake:
    """A usual mistake: what it does, and what to say to who makes it."""

    does: Callable[..., Any]
    says: str


@dataclass(frozen=True)
class Exercise:
    """An exercise whose answer is a function.

    Attributes:
        name: of the check.
        lesson: number of the lesson.
        reference: the right answer.
        draw: random arguments for it; the number of the draw first gives small and square ones, later others.
        notice: said to who is right.
        hints: from a nudge to the solution.
        mistakes: usual ones; the first that gives what the answer gives decides what is said.
        close: relative and absolute tolerance.
        harness: makes of an answer, which may change what it is given, a function of the drawn arguments.
        shows: makes of a right answer HTML of what it does, on something that can be looked at.
    """

    name: str
    lesson: int
    reference: Callable[..., Any]
    draw: Callable[[torch.Generator, int], Arguments]
    notice: str
    hints: Sequence[str]
    mistakes: Sequence[Mistake] = ()
    close: float = 1e-4
    harness: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda answer: answer
    shows: Callable[[Callable[..., Any]], str] | None = None

    def __call__(self, answer: Any) -> Verdict:
        """Judge an answer: the learner's function, or `...`; it never raises."""
        return judge(self, answer)

    @property
    def solution(self) -> str:
        """Code of the right answer, from the last hint."""
        lines = self.hints[-1].splitlines()[1:]
        return "\n".join(line for line in lines if line.startswith(("def ", " ")))


@dataclass
class _Record:
    """What the learner has done since the kernel started."""

    known: dict[str, Exercise] = field(default_factory=dict)
    solved: set[str] = field(default_factory=set)
    hints_given: dict[str, int] = field(default_factory=dict)
    predictions: dict[str, int] = field(default_factory=dict)  # to the lesson
    committed: set[str] = field(default_factory=set)
    quiz: dict[str, int] = field(default_factory=dict)  # to the lesson
    answered: set[str] = field(default_factory=set)


record = _Record()


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """Judge an answer; it never raises."""
    if answer is ... or answer is None:
        return Verdict("open", f"fill in the dots; checks.hint({exercise.name!r}) helps.")
    if not callable(answer):
        return Verdict(
            "wrong", f"this exercise asks for a function, and got {named(answer)}. Give its name without brackets."
        )
    verdict = _judged(exercise, exercise.harness(answer))
    if verdict.state == "right":
        record.solved.add(exercise.name)
        return Verdict(verdict.state, verdict.says, _picture(exercise, answer))
    return verdict


def _picture(exercise: Exercise, answer: Callable[..., Any]) -> str:
    try:
        return exercise.shows(answer) if exercise.shows else ""
    except Exception:  # the answer is right, whatever it does with what is looked at here
        return ""


def _judged(exercise: Exercise, answer: Callable[..., Any]) -> Verdict:
    cases = []
    for number in range(_DRAWS):
        given = exercise.draw(torch.Generator().manual_seed(number), number)
        wanted = exercise.reference(*copy.deepcopy(given))
        mine = copy.deepcopy(given)
        try:
            got = answer(*mine)
        except Exception as error:  # whatever a learner's code raises is told, not raised again
            return Verdict("wrong", f"for {described(given)} it raises {type(error).__name__}: {error}")
        if got is ... or got is None:
            what = "fill in the dots" if got is ... else "it returns nothing: end it with return"
            return Verdict("open" if got is ... else "wrong", f"{what}; checks.hint({exercise.name!r}) helps.")
        if not all(equal(a, b, 0) for a, b in zip(given, mine, strict=True)):
            return Verdict(
                "wrong", "it changes its input in place. Whoever calls it loses the original: work on a copy."
            )
        cases.append((given, wanted, got))
    return _compared(exercise, cases)


def _compared(exercise: Exercise, cases: list[tuple[Arguments, Any, Any]]) -> Verdict:
    right = [equal(wanted, got, exercise.close) for _, wanted, got in cases]
    if all(right):
        return _typed(cases[0][1], cases[0][2]) or Verdict("right", exercise.notice)
    for mistake in exercise.mistakes:
        if all(equal(_attempt(mistake.does, given), got, exercise.close) for given, _, got in cases):
            return Verdict("wrong", mistake.says)
    given, wanted, got = cases[right.index(False)]
    place, wanted, got = narrowed(wanted, got, exercise.close)
    at = f"for {described(given)} {place}"
    if kind(got) != kind(wanted):
        return Verdict("wrong", f"{at}it returns {named(got)}; wanted is {named(wanted)}.")
    if shape(got) != shape(wanted):
        return Verdict("wrong", f"{at}the shape is {shape(got)}; wanted is {shape(wanted)}.")
    if 0 in shape(got) or all(equal(cases[0][2], other, 0) for _, _, other in cases[1:]):
        return Verdict("wrong", "it gives the same for every input: use the arguments.")
    if all(isinstance(g, Tensor) and g.numel() > 1 and not g.any() for _, _, g in cases):
        return Verdict("wrong", "all of its numbers are zero.")
    # A network among the arguments is equal to anything, so it tells nothing.
    if any(equal(arguments[0], got, 0) for arguments, _, got in cases if arguments and not callable(arguments[0])):
        return Verdict("wrong", "it gives back its input unchanged.")
    where = f"right for {sum(right)} of {len(right)} random inputs; " if any(right) else ""
    return Verdict("wrong", f"{where}{at}{difference(wanted, got)}.")


def _typed(wanted: Any, got: Any) -> Verdict | None:
    """What to say where the numbers are right and are no pixels."""
    if isinstance(wanted, Tensor) and wanted.dtype == torch.uint8 and getattr(got, "dtype", None) != torch.uint8:
        return Verdict("wrong", f"the numbers are right, but it returns {named(got)}; pixels are uint8.")
    return None


def _attempt(function: Callable[..., Any], given: Arguments) -> Any:
    try:
        return function(*copy.deepcopy(given))
    except Exception:  # a mistake that is impossible for this input is not the one that was made
        return None


def hint(name: str) -> Words:
    """The next hint for an exercise, a step further each time; the last is the solution.

    Args:
        name: of the check, as in `checks.NAME`.

    Returns:
        The hint, or the names that there are.
    """
    if name not in record.known:
        return Words(f"there is no exercise {name!r}; there are {', '.join(sorted(record.known))}")
    hints = record.known[name].hints
    number = min(record.hints_given.get(name, 0), len(hints) - 1)
    record.hints_given[name] = number + 1
    return Words(f"Hint {number + 1} of {len(hints)}: {hints[number]}")


def progress(lesson: int | None = None) -> Words:
    """What is done since the kernel started: exercises, predictions, quiz, bugs.

    Args:
        lesson: its number; `None` tells of all.
    """
    lines = []
    for name, exercise in record.known.items():
        if lesson in (None, exercise.lesson):
            lines.append(f"{'✅' if name in record.solved else '… '} {name} (lesson {exercise.lesson:02d})")
    done = sum(line.startswith("✅") for line in lines)
    told = [f"{done} of {len(lines)} exercises solved"]
    for asked, given, what in (
        (record.predictions, record.committed, "predictions committed"),
        (record.quiz, record.answered, "quiz answers right"),
    ):
        names = {name for name, place in asked.items() if lesson in (None, place)}
        told += [f"{len(names & given)} of {len(names)} {what}"] if names else []
    if lesson in (None, 4):
        told.append(f"{len(_diagnosis.NAMED)} of {len(CASES)} bugs named")
    return Words("\n".join([*lines, ", ".join(told)]))
