"""Judge answers to exercises: compare them with a reference on random inputs, and with the usual mistakes."""

from __future__ import annotations

import copy
import inspect
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from cifar_helpers.checks.compare import (
    as_code,
    described,
    difference,
    equal,
    finite,
    first_difference,
    headline,
    holds_tensors,
    kind,
    named,
    of_rows,
    rearranged,
    right_part,
    shape,
    short_dtype,
)
from cifar_helpers.checks.drawing import beside
from cifar_helpers.checks.error_help import help_on
from cifar_helpers.checks.isolation import default_settings, isolated_rng, limited_output
from cifar_helpers.checks.progress import session
from cifar_helpers.checks.results import MOST_NUMBERS, Unreadable, like, plain
from cifar_helpers.checks.verdict_widget import VerdictCard
from cifar_helpers.widgets import display_in_colab

__all__ = ["Check", "Exercise", "Verdict", "compared", "draws", "error_in_words", "judge", "not_a_function", "results"]

Arguments = tuple[Any, ...]
_DRAWS = 8
_LONGEST = 240  # characters of an error that a learner's code raises
_LONGEST_LINE = 100  # characters of a line of code that is quoted
_BY_HAND = "Work it out by hand for these values and compare."
_STEP_BY_STEP = "Print what your code has after each step for this input, and follow one number."


@dataclass(frozen=True)
class Verdict:
    """The verdict of a check; a notebook shows it below the cell.

    Attributes:
        state: `open` (not attempted), `right` or `wrong`.
        says: what to notice, or what is wrong and why.
        picture: HTML of what a right answer does, or of a wrong result beside the right one, or nothing.
        lead: what a card says in place of `says`, if it shows the rest as `picture` or `code`.
        code: of an error, the learner's line, if it is known, and the message.
        note: what a card says below these.
        given: lines of Python that make the input of which this is said, if it is small.
        exercise: the one that was checked, or `None`.
    """

    state: str
    says: str
    picture: str = ""
    lead: str = ""
    code: tuple[str, ...] = ()
    note: str = ""
    given: str = ""
    exercise: Check | None = field(default=None, compare=False)

    def __str__(self) -> str:
        mark = {"open": "… not attempted yet", "right": "✅ right", "wrong": "❌ not yet"}[self.state]
        return f"{mark}: {self.says}" + (f"\n{hint}" if (hint := self.hint) else "")

    @property
    def hint(self) -> str:
        """Where help is, unless the answer is right."""
        if self.state == "right" or self.exercise is None:
            return ""
        return f"Stuck? checks.hint({self.exercise.name!r}) helps, one step at a time."

    def __repr__(self) -> str:
        return str(self)

    def _ipython_display_(self) -> None:
        display_in_colab(lambda: VerdictCard(self))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return VerdictCard(self)._repr_mimebundle_(**options)


_OPEN = Verdict("open", "fill in the dots.", lead="replace the `...` in your function.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Exercise:
    """An exercise whose answer is a function, as a lesson's `exercises.py` defines it; its texts are in `exercises.md`.

    Attributes:
        name: of the check, as in `checks.NAME`.
        reference: the right answer.
        draw: random arguments for it; the first draws are small and square, later ones are not.
        mistakes: the usual ones, by name; the first that returns what the answer returns decides the reply.
        close: relative and absolute tolerance.
        harness: wraps an answer that changes its arguments into a function that returns a result.
        shows: turns a right answer into HTML that shows what it does, for example to a picture.
        parts: what the results of a harness are, in order, where they are not what the answer itself returns.
        contrasts: turns a wrong answer into HTML that shows what it does beside what it should do; needed where a
            harness turns results into words, which cannot be drawn side by side.
    """

    name: str
    reference: Callable[..., Any]
    draw: Callable[[torch.Generator, int], Arguments]
    mistakes: Mapping[str, Callable[..., Any]]
    close: float = 1e-4
    harness: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda answer: answer
    shows: Callable[[Callable[..., Any]], str] | None = None
    parts: tuple[str, ...] = ()
    contrasts: Callable[[Callable[..., Any]], str] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Check(Exercise):
    """An exercise with its texts, such as `checks.NAME`. Call it with an answer.

    Attributes:
        lesson: number of the lesson.
        notice: the reply to a right answer.
        hints: in steps, from a nudge to the solution.
        solution: the code of a right answer.
        replies: the reply to each of the usual mistakes, by name.
    """

    lesson: int
    notice: str
    hints: tuple[str, ...]
    solution: str
    replies: Mapping[str, str]

    def __call__(self, answer: Any) -> Verdict:
        """Judge an answer: the learner's function, or `...`; no error is raised (except by Ctrl-C)."""
        return replace(judge(self, answer), exercise=self)

    def next_hint(self) -> str:
        """The next hint, one step further each time; the last one, the solution, is repeated."""
        number = min(session.hints_given.get(self.name, 0), len(self.hints) - 1)
        session.hints_given[self.name] = number + 1
        return self.hints[number]


def judge(exercise: Check, answer: Any) -> Verdict:
    """Judge an answer without raising errors (except by Ctrl-C) or changing random states and torch's defaults."""
    if unfit := not_a_function(exercise, answer):
        return unfit
    with limited_output():
        drawn = draws(exercise)
        got = results(exercise, answer, drawn)
        if isinstance(got, Verdict):
            return got
        verdict = compared(exercise, drawn, got)
        if verdict.state == "right":
            session.solved.add(exercise.name)
        shows = exercise.shows if verdict.state == "right" else exercise.contrasts
        if shows is None:
            return verdict
        with isolated_rng(), default_settings():
            return replace(verdict, picture=_picture(exercise, shows, _isolated(answer)))


def not_a_function(exercise: Exercise, answer: Any) -> Verdict | None:
    """The verdict on what is not attempted, or no function that can be called; else `None`."""
    if answer is ... or answer is None:
        return _OPEN
    if not callable(answer):
        return Verdict(
            "wrong",
            f"this exercise asks for a function, but got {named(answer)}. If a function returns it, pass the name of "
            f"the function, without brackets: `my_{exercise.name}`.",
        )
    if inspect.iscoroutinefunction(answer):
        return Verdict(
            "wrong", "it is an async function, which only starts when it is awaited. Write def instead of async def."
        )
    if inspect.isgeneratorfunction(answer):
        return Verdict("wrong", "it contains `yield`, so calling it runs none of its code. Use `return`.")
    return None


def _isolated(answer: Callable[..., Any]) -> Callable[..., Any]:
    """The answer, run with the usual settings in every call, whatever an earlier call has changed."""

    def run(*given: Any) -> Any:
        with default_settings():
            return answer(*given)

    return run


def _picture(exercise: Check, shows: Callable[..., str], answer: Callable[..., Any]) -> str:
    wanted = exercise.reference(*exercise.draw(torch.Generator().manual_seed(0), 0))

    def in_tensors(*given: Any) -> Any:
        made = answer(*given)
        if shows is exercise.contrasts:  # of a wrong result, which may be anything
            return plain(made)
        try:
            return like(wanted, plain(made, most=100 * MOST_NUMBERS))  # a picture may have many
        except (TypeError, ValueError):  # what a training step returns does not matter
            return made

    try:
        return shows(in_tensors)
    except KeyboardInterrupt:
        raise
    except BaseException:  # the verdict stands, even if the answer fails on the picture
        return ""


def draws(exercise: Exercise) -> list[Arguments]:
    """The random arguments with which answers are compared; the same in each call, and in each process."""
    with isolated_rng(), default_settings():
        return [exercise.draw(torch.Generator().manual_seed(number), number) for number in range(_DRAWS)]


def results(exercise: Check, answer: Callable[..., Any], drawn: list[Arguments]) -> list[Any] | Verdict:
    """What a learner's function returns for arguments, each as `plain` makes it; or a verdict, if that fails."""
    own, answer, made = answer, exercise.harness(_isolated(answer)), []
    with isolated_rng(), default_settings():
        for given in drawn:
            mine = copy.deepcopy(given)
            try:
                got = plain(answer(*mine))  # converted once, so that everything below sees plain results only
            except Unreadable as unreadable:
                return Verdict("wrong", f"for {_given(exercise, given)}, {unreadable}")
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever a learner's code raises is reported, not raised again
                return replace(_raised(error, own, _given(exercise, given)), given=_code(exercise, given))
            if _has_dots(got):
                return _OPEN
            if got is None:
                return Verdict("wrong", "it returns nothing. End it with `return` and the result.")
            if not all(equal(a, b, 0) for a, b in zip(given, mine, strict=True)):
                return Verdict(
                    "wrong", "it changes its input in place, so the caller loses the original. Work on a copy."
                )
            made.append(got)
    return made


def _given(exercise: Check, given: Arguments) -> str:
    """Arguments in words."""
    return described(given, _parameters(exercise, given))


def _code(exercise: Check, given: Arguments) -> str:
    """Arguments as code to be copied; not those of a harness, which the answer itself does not get."""
    return as_code(given, _parameters(exercise, given)) if exercise.harness is Exercise.harness else ""


def _parameters(exercise: Check, given: Arguments) -> list[str]:
    """The names of the arguments in the stub, or of what a harness takes in their place."""
    head = re.search(r"^def my_\w+\((.*)\):", exercise.solution, re.M)
    names = [part.partition("=")[0].strip() for part in head[1].split(",")] if head else []
    if exercise.harness is not Exercise.harness:
        names = list(inspect.signature(exercise.reference).parameters)
    return names if len(names) == len(given) else []


def compared(exercise: Check, drawn: list[Arguments], got: list[Any]) -> Verdict:
    """Judge what an answer returned for arguments; `got` holds plain results, one for each."""
    with isolated_rng(), default_settings():
        wanted = [exercise.reference(*copy.deepcopy(given)) for given in drawn]
        return _compared(exercise, list(zip(drawn, wanted, got, strict=True)))


def _raised(error: BaseException, answer: Callable[..., Any], given: str) -> Verdict:
    """The verdict on an answer that raised an error: in words, and as the lines of code that a card shows."""
    said = error_in_words(error)
    if isinstance(error, (SystemExit, RecursionError)):  # the words say what to do; the line says nothing more
        return Verdict("wrong", f"for {given}, {said}")
    number, line = _line_of(error, answer)
    code = (*([f"line {number}: {line}"] if line else []), said.removeprefix("it raises ").removesuffix("."))
    place = f", in the line `{line.replace('`', '')}`." if line else ""
    words = said.removesuffix(".") + place if place else said
    note = help_on(error)
    says = f"for {given}, {words}{'' if place or not note else '.'} {note}".rstrip()
    return Verdict("wrong", says, lead=f"for {given}, it raises an error:", code=code, note=note)


def _line_of(error: BaseException, answer: Callable[..., Any]) -> tuple[int, str]:
    """The line of the answer's own cell that raised an error, with its number; empty if it cannot be read."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file and frame.line]
    if not frames:
        return 0, ""
    line = frames[-1].line or ""
    return frames[-1].lineno or 0, line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"


def _has_dots(got: Any) -> bool:
    return got is ... or (kind(got) == "sequence" and any(map(_has_dots, got)))


def error_in_words(error: BaseException) -> str:
    """An error raised by a learner's code, on one line of moderate length."""
    if isinstance(error, SystemExit):
        return "it stops Python (SystemExit). Remove exit(), and return the result."
    if isinstance(error, RecursionError):
        return "it raises RecursionError: it calls itself without end. Use a loop, or add a condition that stops it."
    try:
        said = " ".join(str(error).partition("\n\n")[0].split())
    except Exception:  # a learner's exception may itself raise when it is read
        said = ""
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"
    return f"it raises {type(error).__name__}{': ' if said else '.'}{said}"


def _compared(exercise: Check, cases: list[tuple[Arguments, Any, Any]]) -> Verdict:
    right = [equal(wanted, got, exercise.close) for _, wanted, got in cases]
    if all(right):
        return _wrong_dtype(cases[0][1], cases[0][2]) or Verdict("right", exercise.notice)
    first = cases[right.index(False)]
    return replace(_fault(exercise, cases, right, *first), given=_code(exercise, first[0]))


def _fault(
    exercise: Check, cases: list[tuple[Arguments, Any, Any]], right: list[bool], given: Arguments, wanted: Any, got: Any
) -> Verdict:
    """What is wrong with the result of the first input for which it is not right."""
    place, wanted, got = first_difference(wanted, got, exercise.close, exercise.parts)
    inputs = dict(zip(_parameters(exercise, given), given, strict=False))
    for name, mistake in exercise.mistakes.items():
        if all(equal(_result_of(mistake, given), got, exercise.close) for given, _, got in cases):
            return Verdict("wrong", exercise.replies[name], beside(wanted, got, exercise.close, inputs, told=False))
    if said := _only_rounded(cases):
        return Verdict("wrong", said)
    at = f"for {_given(exercise, given)}, {place}"
    if kind(got) != kind(wanted):
        return Verdict("wrong", f"{at}it returns {named(got)} instead of {named(wanted)}.")
    if shape(got) != shape(wanted):
        picture, part = beside(wanted, got, exercise.close, inputs), right_part(wanted, got, exercise.close)
        what = "the shape" if place else "the shape of the result"
        said = f"{at}{what} is {shape(got)}, but should be {shape(wanted)}."
        then = _rearranged(exercise, cases) or (part.says if part else "")
        return Verdict("wrong", f"{said} {then}".rstrip(), picture)
    # What is nan for every input may well have been computed from it.
    if 0 in shape(got) or (finite(got) and all(equal(cases[0][2], other, 0) for _, _, other in cases[1:])):
        return Verdict("wrong", "it returns the same for every input. Use the arguments.")
    if all(isinstance(g, Tensor) and g.numel() > 1 and not g.any() for _, _, g in cases):
        return Verdict("wrong", "every number that it returns is zero.")
    # A network as an argument counts as equal to anything, so it proves nothing; a number may be equal by chance.
    inputs_again = [equal(given[0], got, 0) for given, _, got in cases if given and not callable(given[0])]
    if inputs_again and all(inputs_again):
        return Verdict("wrong", "it returns its input unchanged.")
    if moved := _rearranged(exercise, cases):
        says = f"{moved[0].lower()}{moved[1:]} This is for {_given(exercise, given)}."
        return Verdict("wrong", says, beside(wanted, got, exercise.close, inputs), lead=moved)
    some = f"right for {sum(right)} of {len(right)} random inputs" if any(right) else ""
    simple = not any(isinstance(value, Tensor) or callable(value) or holds_tensors(value) for value in given)
    then = "" if exercise.parts else _BY_HAND if simple else _STEP_BY_STEP
    code = _code(exercise, given)
    printed = then if "\n" in code or not code else then.replace("this input", f"`{code}`")
    rows = of_rows(wanted, got, exercise.close)
    said = f"{rows}; " if rows else ""
    says = f"{f'{some}; ' if some else ''}{at}{said}{difference(wanted, got, exercise.close)}. {printed}".rstrip()
    picture = beside(wanted, got, exercise.close, inputs)
    if not picture:
        return Verdict("wrong", says)
    note = then if code and then else f"This is for {_given(exercise, given)}. {then}".rstrip()
    return Verdict("wrong", says, picture, lead=f"{place}{headline(wanted, got, exercise.close)}.", note=note)


def _rearranged(exercise: Check, cases: list[tuple[Arguments, Any, Any]]) -> str:
    return rearranged([(wanted, got) for _, wanted, got in cases], exercise.close)


def _wrong_dtype(wanted: Any, got: Any) -> Verdict | None:
    """The verdict if the numbers are right, but not of the type of pixels."""
    if not isinstance(wanted, Tensor) or wanted.dtype != torch.uint8:
        return None
    dtype = str(getattr(got, "dtype", "")).removeprefix("torch.")
    if dtype == "uint8":
        return None
    cast = ".to(torch.uint8)" if isinstance(got, Tensor) else ".astype(np.uint8)" if dtype else "torch.tensor(...)"
    return Verdict("wrong", f"the numbers are right, but it returns {named(got)}. Pixels are uint8: use {cast}.")


def _only_rounded(cases: list[tuple[Arguments, Any, Any]]) -> str:
    """The reply if the only error is rounding to a short number format."""
    form = short_dtype(cases[0][2])
    if form and all(equal(wanted, got, form[1]) for _, wanted, got in cases):
        return f"its numbers are close, but {form[0]} keeps only two or three digits. Compute in float32."
    return ""


def _result_of(function: Callable[..., Any], given: Arguments) -> Any:
    try:
        return function(*copy.deepcopy(given))
    except Exception:  # a mistake that fails on this input is not the one that was made
        return None
