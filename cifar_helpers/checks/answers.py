"""Questions to the reader: what they look like as text, and what an answer gets to hear."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Final

from cifar_helpers.checks.parsing import in_percent, parse_number, quoted, spelled, words_of
from cifar_helpers.checks.questions import LETTERS, Choice, Number, Option, Question, rounded

__all__ = ["CLOSE", "NOT_A_NUMBER", "SHARE_OR_PERCENT", "TRUE", "UNTRUE", "Replies", "Reply", "as_text", "reply"]

# What is said to a number, here and in a page without Python.
TRUE: Final = "Yes, it is {told}."
CLOSE: Final = "Yes, close enough: it is {told}; you said {guess}."
UNTRUE: Final = "Not {guess}; it is {told}."
NOT_A_NUMBER: Final = "{said} is not a number. Write only digits, such as 12.5."
SHARE_OR_PERCENT: Final = "Do you mean {guess} % or {hundredfold} %? Write the % sign."


@dataclass(frozen=True)
class Reply:
    """What an answer to a question gets to hear; a notebook shows it below the cell.

    Attributes:
        state: `right`, `wrong`, or `open` where there was no answer that could be judged.
        says: in words.
    """

    state: str
    says: str

    def __str__(self) -> str:
        return f"{ {'right': '✅', 'wrong': '❌', 'open': '…'}[self.state] } {self.says}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<p role="status">{html.escape(str(self))}</p>'


@dataclass(frozen=True)
class Replies:
    """What the answers to a quiz get to hear, in order."""

    each: tuple[Reply, ...]

    def __str__(self) -> str:
        right = sum(one.state == "right" for one in self.each)
        lines = [f"{k}. {one}" for k, one in enumerate(self.each, start=1)]
        return "\n".join([*lines, f"{right} of {len(self.each)} right"])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "".join(f'<p role="status">{html.escape(line)}</p>' for line in str(self).splitlines())


def as_text(question: Question) -> str:
    """The question and its answers, each with a letter; it does not tell which is right."""
    if isinstance(question, Number):
        return f"{question.ask} (a number, in {question.unit})"
    answers = [f"  {letter}) {option.text}" for letter, option in zip(LETTERS, question.options, strict=False)]
    return "\n".join([question.ask, *answers])


def reply(question: Question, answer: Any) -> Reply:
    """Judge an answer: a letter or the text of an option, or a number; it never raises.

    A wrong answer is told the truth and which misconception leads to it.
    """
    return _of_choice(question, answer) if isinstance(question, Choice) else _of_number(question, answer)


def _of_choice(question: Choice, answer: Any) -> Reply:
    said = words_of(answer)
    options = dict(zip(LETTERS, question.options, strict=False))
    chosen = options.get(spelled(said).strip(" .,:;()").lower()) or next(
        (option for option in question.options if _alike(option.text, said)), None
    )
    if chosen is None:
        return Reply("open", f"{quoted(said)} is none of the answers; give one of the letters {', '.join(options)}.")
    if chosen.right:
        return Reply("right", f"Yes: {_quoted(chosen)}. {chosen.says}")
    truth = next(option for option in question.options if option.right)
    return Reply("wrong", f"Not {_quoted(chosen)}. {chosen.says} The answer: {_quoted(truth)}. {truth.says}")


def _alike(text: str, said: str) -> bool:
    return text.casefold().removesuffix(".") == said.casefold().removesuffix(".")


def _quoted(option: Option) -> str:
    """The answer in quotes, without a full stop: it stands within a sentence."""
    return f"“{option.text.removesuffix('.')}”"


def _of_number(question: Number, answer: Any) -> Reply:
    truth = question.truth()
    guess = parse_number(answer, question.unit, truth)
    if guess is None and in_percent(answer, question.unit):
        said = f"{quoted(words_of(answer))} is in percent, and the answer in {question.unit}"
        return Reply("open", f"{said}; write digits alone, such as 12.5.")
    said = words_of(answer)
    if guess is None:
        return Reply("open", NOT_A_NUMBER.format(said=quoted(said)))
    if question.unit == "%" and 0 < guess <= 1 < truth and "%" not in said:
        return Reply("open", SHARE_OR_PERCENT.format(guess=rounded(guess), hundredfold=rounded(100 * guess)))
    words = {"told": f"{rounded(truth)} {question.unit}", "guess": rounded(guess)}
    if abs(guess - truth) <= question.close * abs(truth):
        form = TRUE if words["guess"] == rounded(truth) else CLOSE
        return Reply("right", f"{form.format(**words)} {question.says}")
    fits = [belief.says for belief in question.beliefs if belief.low <= guess < belief.high]
    return Reply("wrong", " ".join([UNTRUE.format(**words), *fits[:1], question.says]))
