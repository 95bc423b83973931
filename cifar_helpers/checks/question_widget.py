"""Questions to the reader as widgets: commit to an answer, then see the right one."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import traitlets

from cifar_helpers.checks.answers import (
    ALMOST,
    CLOSE,
    NOT_A_NUMBER,
    NOT_WHOLE,
    OUTSIDE,
    SHARE_OR_PERCENT,
    TRIES,
    TRUE,
    UNTRUE,
    Reply,
    as_text,
    code_html,
    in_unit,
    reply,
)
from cifar_helpers.checks.parsing import parse_number, quoted, whole_number
from cifar_helpers.checks.questions import LETTERS, Choice, MeanOfRuns, Question, rounded
from cifar_helpers.widgets import CourseWidget

__all__ = ["QuestionWidget", "prediction", "quiz"]

_CARD: Final = "border-left:4px solid #868c99;padding:2px 12px;margin:8px 0;max-width:720px;line-height:1.45"


class QuestionWidget(CourseWidget, module="questions"):
    """One question that is answered once, or the questions of a quiz, each of which may be answered again.

    The browser sends question and answer in one message. `replies` has one entry per question: `None`, or a dictionary
    with `state` (`right`, `wrong` or `open`), `says` and `given`; for a choice also the number of the `right` option,
    and what was `measured` for each if anything was, in how many `runs`; for a number the `guess` as it was read, the
    `truth`, and `near` if a wrong one is close. In a quiz, `first` says whether the first answer was right, `wrong`
    lists the wrong options given so far, and `right` is there only once the question is over: after the right answer,
    or `TRIES` wrong ones. A question that is tried again has `says` and `wrong` empty, and no `given` or `right`.
    """

    kind = cast(str, traitlets.Enum(("prediction", "quiz"), "prediction").tag(sync=True))
    questions = cast(list[dict[str, Any]], traitlets.List().tag(sync=True))
    replies = cast(list[dict[str, Any] | None], traitlets.List().tag(sync=True))

    def __init__(
        self, asked: Sequence[Question], how: str, heard: Callable[[Question, Reply], None], kind: str
    ) -> None:
        self._asked, self._how, self._heard = tuple(asked), how, heard
        questions = [
            {
                "name": question.name,
                "ask": question.ask,
                "options": [option.text for option in question.options] if isinstance(question, Choice) else None,
                "measured": isinstance(question, Choice) and question.measured is not None,
                "unit": "" if isinstance(question, Choice) else question.unit,
                "close": 0 if isinstance(question, Choice) else question.close,
                "scale": None if isinstance(question, Choice) else question.scale,
                "section": question.section if isinstance(question, Choice) else "",
            }
            for question in asked
        ]
        super().__init__(kind=kind, questions=questions, replies=[None] * len(questions))
        self.on_msg(self._take)

    def answer(self, number: int, given: int | str) -> Reply:
        """Judge an answer as if the reader had given it.

        Args:
            number: of the question, from 0.
            given: the number of an option, from 0, or the typed text.

        Raises:
            ValueError: if there is no such question or option.
        """
        number = _place(number, len(self._asked), "question")
        question = self._asked[number]
        if isinstance(question, Choice):
            given = _place(given, len(question.options), "option")
            known = _of_option(question, given) | _outcome(question)
            earlier = self.replies[number] or {}
            wrong = list(earlier.get("wrong", []))
            if known["state"] == "wrong" and given not in wrong:
                wrong.append(given)
            missed = {question.options[k].text for k in wrong} if self.kind == "quiz" else None
            judged = reply(question, question.options[given].text, missed)
            if self.kind == "quiz":
                known |= {"first": earlier.get("first", known["state"] == "right"), "wrong": wrong}
                if judged.state == "wrong" and len(wrong) < TRIES:
                    known["says"] = known["says"].split("\n")[0]
                    del known["right"]
        else:
            judged, truth = reply(question, given), question.shown()
            known = {"state": judged.state, "says": judged.says} | ({"near": True} if judged.near else {})
            if judged.state != "open":
                known |= {"truth": truth, "guess": parse_number(given, question.unit, truth)}
        known["given"] = given
        self.replies = [known if k == number else before for k, before in enumerate(self.replies)]
        if judged.state != "open":
            self._heard(question, judged)
        return judged

    def words(self) -> str:
        """The questions with their options, without the answers."""
        if self.kind == "prediction":
            return f"{as_text(self._asked[0])}\n{self._how}"
        asked = "\n\n".join(f"{k}. {as_text(question)}" for k, question in enumerate(self._asked, start=1))
        return f"{asked}\n\n{self._how}"

    def html(self) -> str:
        """The questions for a reader without a kernel."""
        numbered = [f"{k}. " if self.kind == "quiz" else "" for k in range(1, len(self._asked) + 1)]
        cards = "".join(_card(question, before) for question, before in zip(self._asked, numbered, strict=True))
        return f'{cards}<p style="max-width:720px"><small>{code_html(self._how)}</small></p>'

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """What a page without a kernel needs in order to reply."""
        return {"answers": lambda: json.dumps([_known(question) for question in self._asked]).encode()}

    def _take(self, _: Any, message: Any, __: Any) -> None:
        if isinstance(message, dict) and message.get("type") == "answer":
            self.answer(int(message["question"]), message["answer"])


def prediction(question: Question, committed: Callable[[Reply], None]) -> QuestionWidget:
    """One question that is answered once: the right answer is shown after the reader has committed to one.

    Args:
        question: what is asked.
        committed: called with the reply.
    """
    # The example has no letter or number in it, because it could be the right one.
    answer = "letter" if isinstance(question, Choice) else "number"
    how = f"Answer with checks.guess({question.name!r}, '?'), with your {answer} in place of the question mark."
    return QuestionWidget([question], how, lambda _, heard: committed(heard), "prediction")


def quiz(questions: tuple[Choice, ...], lesson: int, answered: Callable[[Choice, Reply], None]) -> QuestionWidget:
    """The questions of a lesson, each of which may be answered again.

    Args:
        questions: what is asked, in order.
        lesson: its number.
        answered: called with a question and the reply, each time.
    """
    blanks = "?" * len(questions)
    how = (
        f"Answer with checks.quiz({lesson}, {blanks!r}), with the letter of each answer in place of its question mark."
    )
    return QuestionWidget(questions, how, lambda question, heard: answered(cast(Choice, question), heard), "quiz")


def _place(number: Any, count: int, what: str) -> int:
    """A place in a sequence; Python would take a negative one for one from the end.

    Raises:
        ValueError: if it is no whole number, or too small or too large.
    """
    place = whole_number(number)
    if place is None or not 0 <= place < count:
        ends = f"from 0 to {count - 1}" if count > 1 else "0"
        raise ValueError(f"there is no {what} {quoted(number)}: give its number, {ends}")
    return place


def _right(question: Choice) -> int:
    return next(k for k, option in enumerate(question.options) if option.right)


def _outcome(question: Choice) -> dict[str, Any]:
    """Which option is right, and what was measured for each: `None`, or the number and how it is written.

    The mean of several runs is followed by the smallest and the largest, and by how these are written; `runs` says of
    how many, if all are means of the same number.
    """
    if question.measured is None:
        return {"right": _right(question)}
    numbers: list[float | None] = [None if math.isnan(number) else number for number in question.measured()]
    if len(numbers) != len(question.options):
        raise ValueError(
            f"{question.name!r} has {len(question.options)} options, and its Measured: field returns {len(numbers)} "
            "numbers: return one for each option, math.nan where nothing was measured"
        )
    form = ("+" if question.unit == "points" else "") + f".{2 if max(abs(n or 0) for n in numbers) < 2 else 1}f"

    def written(number: float | None) -> list[float | str] | None:
        if number is None:
            return None
        said = [f"{number:{form}} {question.unit}"]
        ends = [number.low, number.high] if isinstance(number, MeanOfRuns) else []
        if ends:
            said += [f"from {ends[0]:{form}} to {ends[1]:{form}}"]
        number_in_words, *range_in_words = [words.replace("-", "\N{MINUS SIGN}") for words in said]
        return [float(number), number_in_words, *ends, *range_in_words]

    runs = {number.runs for number in numbers if isinstance(number, MeanOfRuns)}
    known = {"right": _right(question), "measured": [written(number) for number in numbers]}
    return known | ({"runs": runs.pop()} if len(runs) == 1 else {})


def _of_option(question: Choice, number: int) -> dict[str, Any]:
    """The reply to an option: as `reply`, but without quoting the options, which are marked."""
    chosen, right = question.options[number], _right(question)
    if chosen.right:
        return {"state": "right", "says": f"Yes. {chosen.says}"}
    truth = f"The answer is {LETTERS[right].upper()}. {question.options[right].says}"
    return {"state": "wrong", "says": f"Not {LETTERS[number].upper()}. {chosen.says}\n{truth}"}


def _known(question: Question) -> dict[str, Any]:
    """Everything that the browser needs to judge answers itself."""
    if isinstance(question, Choice):
        replies = [_of_option(question, number) for number in range(len(question.options))]
        return {**_outcome(question), "replies": replies}
    truth = question.shown()
    known = {"answer": f"{rounded(truth)} {question.unit}".rstrip(), "truth": truth, "says": question.says}
    beliefs = [{"low": belief.low, "high": belief.high, "says": belief.says} for belief in question.beliefs]
    words = {
        "yes": TRUE,
        "near": CLOSE,
        "almost": ALMOST,
        "no": UNTRUE,
        "none": NOT_A_NUMBER,
        "broken": NOT_WHOLE,
        "outside": OUTSIDE,
        "share": SHARE_OR_PERCENT,
    }
    return known | {"beliefs": beliefs, "words": words}


def _card(question: Question, before: str) -> str:
    ask = f"<p><b>{before}{code_html(question.ask)}</b></p>"
    if not isinstance(question, Choice):
        return f'<div style="{_CARD}">{ask}<p>A number{html.escape(in_unit(question))}.</p></div>'
    options = "".join(
        f"<div>{letter}) {code_html(option.text)}</div>"
        for letter, option in zip(LETTERS, question.options, strict=False)
    )
    return f'<div style="{_CARD}">{ask}{options}</div>'
