"""Questions to the reader: how they look as text, and how answers are judged."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any, Final

from cifar_helpers.checks.parsing import in_percent, parse_number, quoted, spelled, words_of
from cifar_helpers.checks.questions import LETTERS, Choice, Number, Option, Question, in_full, rounded

__all__ = [
    "ALMOST",
    "CLOSE",
    "NOT_A_NUMBER",
    "NOT_WHOLE",
    "OUTSIDE",
    "SHARE_OR_PERCENT",
    "TRIES",
    "TRUE",
    "UNTRUE",
    "Replies",
    "Reply",
    "as_text",
    "code_html",
    "reply",
]

TRIES: Final = 2
"""Wrong answers to a question of a quiz before the right one is shown."""

# Replies to a number, here and on a page without Python.
TRUE: Final = "Yes, it is {answer}."
CLOSE: Final = "Yes, close enough: it is {answer}; you said {guess}."
ALMOST: Final = "Close: {guess} is {off} too {way}; it is {answer}."
UNTRUE: Final = "Not {guess}: it is {answer}."
NOT_A_NUMBER: Final = "{said} is not a number. Write only a number, such as 12.5 or −3."
OUTSIDE: Final = "{guess} is not on the scale. Choose a number from {low} to {high}."
NOT_WHOLE: Final = "{guess} is not a whole number, but the answer is one."
SHARE_OR_PERCENT: Final = "Do you mean {guess} % or {hundredfold} %? Add the % sign."

_SLACK: Final = 1e-9  # of numbers in floating point


@dataclass(frozen=True)
class Reply:
    """The reply to an answer; a notebook shows it below the cell.

    Attributes:
        state: `right`, `wrong`, or `open` if the answer could not be judged.
        says: the reply in words.
        near: whether a wrong number is off by at most one and a half times as much as a right one may be.
    """

    state: str
    says: str
    near: bool = field(default=False, kw_only=True)

    def __str__(self) -> str:
        mark = "≈" if self.near else {"right": "✅", "wrong": "❌", "open": "…"}[self.state]
        return f"{mark} {self.says}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<p role="status">{code_html(str(self))}</p>'


@dataclass(frozen=True)
class Replies:
    """The replies to the answers of a quiz, in order."""

    each: tuple[Reply, ...]

    def __str__(self) -> str:
        right = sum(one.state == "right" for one in self.each)
        lines = [f"{k}. {one}" for k, one in enumerate(self.each, start=1)]
        return "\n".join([*lines, f"{right} of {len(self.each)} right"])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "".join(f'<p role="status">{code_html(line)}</p>' for line in str(self).splitlines())


def code_html(text: str) -> str:
    """A text as HTML; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def as_text(question: Question) -> str:
    """The question and its options, each with a letter; which one is right is not shown."""
    if isinstance(question, Number):
        return f"{question.ask} (a number{in_unit(question)})"
    answers = [f"  {letter}) {option.text}" for letter, option in zip(LETTERS, question.options, strict=False)]
    return "\n".join([question.ask, *answers])


def in_unit(question: Number) -> str:
    """What follows "a number": its unit, or nothing where it has none."""
    return f", in {question.unit}" if question.unit else ""


def reply(question: Question, answer: Any, missed: set[str] | None = None) -> Reply:
    """Judge an answer: a letter or the text of an option, or a number; it never raises.

    The reply to a wrong answer gives the right one, and names the misconception behind the wrong one.

    Args:
        question: what was asked.
        answer: as the reader wrote it.
        missed: in a quiz, the wrong options given to this question so far; the answer is added. The reply gives the
            right one only after `TRIES` different ones.
    """
    return _of_choice(question, answer, missed) if isinstance(question, Choice) else _of_number(question, answer)


def _of_choice(question: Choice, answer: Any, missed: set[str] | None) -> Reply:
    said = words_of(answer)
    options = dict(zip(LETTERS, question.options, strict=False))
    chosen = options.get(spelled(said).strip(" .,:;()").lower()) or next(
        (option for option in question.options if _alike(option.text, said)), None
    )
    if chosen is None:
        return Reply("open", f"{quoted(said)} is not one of the options. Give one of the letters {', '.join(options)}.")
    if chosen.right:
        return Reply("right", f"Yes: {_quoted(chosen)}. {chosen.says}")
    said = f"Not {_quoted(chosen)}. {chosen.says}"
    if missed is not None:
        missed.add(chosen.text)
        if len(missed) < TRIES:
            return Reply("wrong", said)
    truth = next(option for option in question.options if option.right)
    return Reply("wrong", f"{said} The answer is {_quoted(truth)}. {truth.says}")


def _alike(text: str, said: str) -> bool:
    plain = text.replace("`", ""), said.replace("`", "")
    return plain[0].casefold().removesuffix(".") == plain[1].casefold().removesuffix(".")


def _quoted(option: Option) -> str:
    """The option in quotes, without a full stop, for use inside a sentence."""
    return f"“{option.text.removesuffix('.')}”"


def _of_number(question: Number, answer: Any) -> Reply:
    truth = question.shown()
    guess = parse_number(answer, question.unit, truth)
    if guess is None and in_percent(answer, question.unit):
        said = (
            f"{quoted(words_of(answer))} is in percent, but the question asks for {question.unit or 'a plain number'}"
        )
        return Reply("open", f"{said}. Write digits only, such as 12.5.")
    said = words_of(answer)
    if guess is None:
        return Reply("open", NOT_A_NUMBER.format(said=quoted(said)))
    if question.unit == "%" and 0 < guess <= 1 < truth and "%" not in said:
        return Reply("open", SHARE_OR_PERCENT.format(guess=in_full(guess), hundredfold=in_full(100 * guess)))
    if not question.close and guess != int(guess):
        return Reply("open", NOT_WHOLE.format(guess=in_full(guess)))
    if question.scale and not question.scale[0] <= guess <= question.scale[1]:
        low, high = map(in_full, question.scale)
        return Reply("open", OUTSIDE.format(guess=in_full(guess), low=low, high=high))
    words = {"answer": f"{rounded(truth)} {question.unit}".rstrip(), "guess": in_full(guess)}
    allowed = question.close + _SLACK
    if abs(guess - truth) <= allowed:
        form = TRUE if rounded(guess) == rounded(truth) else CLOSE
        return Reply("right", f"{form.format(**words)} {question.says}")
    fits = [belief.says for belief in question.beliefs if belief.low <= guess < belief.high]
    gap = guess - truth
    off, unit = rounded(abs(gap)), "points" if question.unit == "%" else question.unit
    words["off"] = f"{off} {unit.removesuffix('s') if off == '1' else unit}".rstrip()
    words["way"] = "high" if gap > 0 else "low"
    near = abs(guess - truth) <= 1.5 * allowed
    said = (ALMOST if near else UNTRUE).format(**words)
    return Reply("wrong", " ".join([said, *fits[:1], question.says]), near=near)
