"""How an answer to an exercise is judged: against a reference on random inputs, and against the usual mistakes."""

from __future__ import annotations

import copy
import html
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.inject import CASES
from cifar_helpers.checks.compare import coarse, described, difference, equal, kind, named, narrowed, shape
from cifar_helpers.checks.isolation import own_random_numbers, printing_little, usual_settings
from cifar_helpers.checks.parsing import known_name, quoted, whole_number
from cifar_helpers.checks.results import Unreadable, like, plain

__all__ = ["Exercise", "Mistake", "Verdict", "hint", "judge", "progress"]

Arguments = tuple[Any, ...]
_DRAWS = 8
_LONGEST = 240  # of what a learner's code raises


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
        """Judge an answer: the learner's function, or `...`; nothing but Ctrl-C is raised."""
        return judge(self, answer)

    @property
    def solution(self) -> str:
        """Code of the right answer, from the last hint."""
        lines = self.hints[-1].splitlines()[1:]
        return "\n".join(line for line in lines if line.startswith(("def ", " ")))


@dataclass
class _Session:
    """What the learner has done since the kernel started."""

    known: dict[str, Exercise] = field(default_factory=dict)
    solved: set[str] = field(default_factory=set)
    hints_given: dict[str, int] = field(default_factory=dict)
    predictions: dict[str, int] = field(default_factory=dict)  # to the lesson
    committed: set[str] = field(default_factory=set)
    quiz: dict[str, int] = field(default_factory=dict)  # to the lesson
    answered: set[str] = field(default_factory=set)


session = _Session()


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """Judge an answer; nothing but Ctrl-C is raised, and random numbers and torch's defaults stay as they were."""
    if answer is ... or answer is None:
        return Verdict("open", f"fill in the dots; checks.hint({exercise.name!r}) helps.")
    if not callable(answer):
        return Verdict(
            "wrong", f"this exercise asks for a function, and got {named(answer)}. Give its name without brackets."
        )
    if inspect.iscoroutinefunction(answer):
        return Verdict("wrong", "it is an async function, which only starts when it is awaited: write def alone.")
    if inspect.isgeneratorfunction(answer):
        return Verdict("wrong", "it contains yield, so a call runs none of it: use return.")
    with own_random_numbers(), usual_settings(), printing_little():
        careful = _carefully(answer)
        verdict = _judged(exercise, exercise.harness(careful))
        if verdict.state == "right":
            session.solved.add(exercise.name)
            return Verdict(verdict.state, verdict.says, _picture(exercise, careful))
        return verdict


def _carefully(answer: Callable[..., Any]) -> Callable[..., Any]:
    """The answer in a setting that each of its calls finds as usual, and cannot change for the next."""

    def run(*given: Any) -> Any:
        with usual_settings():
            return answer(*given)

    return run


def _picture(exercise: Exercise, answer: Callable[..., Any]) -> str:
    wanted = exercise.reference(*exercise.draw(torch.Generator().manual_seed(0), 0))

    def in_tensors(*given: Any) -> Any:
        made = answer(*given)
        try:
            return like(wanted, plain(made))
        except (TypeError, ValueError):  # nobody reads what a training step returns
            return made

    try:
        return exercise.shows(in_tensors) if exercise.shows else ""
    except KeyboardInterrupt:
        raise
    except BaseException:  # the answer is right, whatever it does with what is looked at here
        return ""


def _judged(exercise: Exercise, answer: Callable[..., Any]) -> Verdict:
    cases = []
    for number in range(_DRAWS):
        given = exercise.draw(torch.Generator().manual_seed(number), number)
        wanted = exercise.reference(*copy.deepcopy(given))
        mine = copy.deepcopy(given)
        try:
            got = plain(answer(*mine))  # read at the door: all that follows sees plain results alone
        except Unreadable as unreadable:
            return Verdict("wrong", f"for {described(given)} {unreadable}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a learner's code raises is told, not raised again
            return Verdict("wrong", f"for {described(given)} {_raised(error)}")
        if _has_dots(got):
            return Verdict("open", f"fill in the dots; checks.hint({exercise.name!r}) helps.")
        if got is None:
            return Verdict("wrong", f"it returns nothing: end it with return; checks.hint({exercise.name!r}) helps.")
        if not all(equal(a, b, 0) for a, b in zip(given, mine, strict=True)):
            return Verdict(
                "wrong", "it changes its input in place. Whoever calls it loses the original: work on a copy."
            )
        cases.append((given, wanted, got))
    return _compared(exercise, cases)


def _has_dots(got: Any) -> bool:
    return got is ... or (kind(got) == "sequence" and any(map(_has_dots, got)))


def _raised(error: BaseException) -> str:
    """What a learner's code raised, on one line of moderate length."""
    if isinstance(error, SystemExit):
        return "it ends Python (SystemExit). Take exit() out, and return the result."
    if isinstance(error, RecursionError):
        return "it raises RecursionError: it calls itself without end. Use a loop, or say when it stops."
    try:
        said = " ".join(str(error).partition("\n\n")[0].split())
    except Exception:  # a learner's exception may raise when it is read
        said = ""
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"
    return f"it raises {type(error).__name__}{': ' if said else '.'}{said}"


def _compared(exercise: Exercise, cases: list[tuple[Arguments, Any, Any]]) -> Verdict:
    right = [equal(wanted, got, exercise.close) for _, wanted, got in cases]
    if all(right):
        return _typed(cases[0][1], cases[0][2]) or Verdict("right", exercise.notice)
    for mistake in exercise.mistakes:
        if all(equal(_attempt(mistake.does, given), got, exercise.close) for given, _, got in cases):
            return Verdict("wrong", mistake.says)
    if said := _coarsely_right(cases):
        return Verdict("wrong", said)
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
    if not isinstance(wanted, Tensor) or wanted.dtype != torch.uint8:
        return None
    dtype = str(getattr(got, "dtype", "")).removeprefix("torch.")
    if dtype == "uint8":
        return None
    cast = ".to(torch.uint8)" if isinstance(got, Tensor) else ".astype(np.uint8)" if dtype else "torch.tensor(...)"
    return Verdict("wrong", f"the numbers are right, but it returns {named(got)}; pixels are uint8: {cast}.")


def _coarsely_right(cases: list[tuple[Arguments, Any, Any]]) -> str:
    """What to say where nothing is wrong but rounding to a short number format."""
    form = coarse(cases[0][2])
    if form and all(equal(wanted, got, form[1]) for _, wanted, got in cases):
        return f"its numbers are close, but {form[0]} keeps only two or three digits: compute in float32."
    return ""


def _attempt(function: Callable[..., Any], given: Arguments) -> Any:
    try:
        return function(*copy.deepcopy(given))
    except Exception:  # a mistake that is impossible for this input is not the one that was made
        return None


def hint(name: Any) -> Words:
    """The next hint for an exercise, a step further each time; the last is the solution.

    Args:
        name: of the check, as in `checks.NAME`; the check itself and the function that it asks for do as well.

    Returns:
        The hint, or the names that there are.
    """
    known = known_name(name, session.known)
    if known is None:
        return Words(f"there is no exercise {quoted(name)}; there are {', '.join(sorted(session.known))}")
    hints = session.known[known].hints
    number = min(session.hints_given.get(known, 0), len(hints) - 1)
    session.hints_given[known] = number + 1
    return Words(f"Hint {number + 1} of {len(hints)}: {hints[number]}")


def progress(lesson: Any = None) -> Words:
    """What is done since the kernel started: exercises, predictions, quiz, bugs.

    Args:
        lesson: its number; `None` tells of all.

    Returns:
        A line for each exercise and their number, or the lessons that there are.
    """
    number = whole_number(lesson)
    lessons = sorted({exercise.lesson for exercise in session.known.values()})
    if lesson is not None and number not in lessons:
        return Words(f"there are no exercises in lesson {quoted(lesson)}; give one of {', '.join(map(str, lessons))}")
    lines = []
    for name, exercise in session.known.items():
        if number in (None, exercise.lesson):
            lines.append(f"{'✅' if name in session.solved else '… '} {name} (lesson {exercise.lesson:02d})")
    done = sum(line.startswith("✅") for line in lines)
    told = [f"{done} of {len(lines)} exercises solved"]
    for asked, given, what in (
        (session.predictions, session.committed, "predictions committed"),
        (session.quiz, session.answered, "quiz answers right"),
    ):
        names = {name for name, place in asked.items() if number in (None, place)}
        told += [f"{len(names & given)} of {len(names)} {what}"] if names else []
    if number in (None, 4):
        told.append(f"{len(diagnosis.NAMED)} of {len(CASES)} bugs named")
    return Words("\n".join([*lines, ", ".join(told)]))
