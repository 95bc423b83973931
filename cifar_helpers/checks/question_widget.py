"""Questions to the reader as widgets: commit to an answer, then see the truth."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from cifar_helpers.checks.answers import Reply, as_text, reply
from cifar_helpers.checks.questions import Choice, Question
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._screen import Screen

__all__ = ["QuestionWidget", "prediction", "quiz"]

_BLOCK = "border-left:4px solid #0072b2;padding:2px 10px;max-width:720px;line-height:1.4"
_WIDE = {"width": "auto", "max_width": "720px"}


class QuestionWidget:
    """Questions that a notebook shows as a widget, and every other place as text.

    The text is whole: ipywidgets would cut its own after 110 characters, and a stored notebook has no widgets.
    """

    def __init__(self, box: widgets.VBox, text: str) -> None:
        self.box = box
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self.box._repr_mimebundle_()
        return {**bundle, "text/plain": self._text}


def prediction(question: Question, committed: Callable[[Reply], None]) -> QuestionWidget:
    """One question that is answered once: the truth is told when the reader has committed to an answer.

    Args:
        question: what is asked.
        committed: called with the reply.
    """
    box = _asked(question, "Commit", committed, once=True)
    return QuestionWidget(in_this_cell(box), f"{as_text(question)}\nAnswer with {_example(question)}.")


def quiz(questions: tuple[Choice, ...], lesson: int, answered: Callable[[Choice, Reply], None]) -> QuestionWidget:
    """The questions of a lesson, each of which may be answered again.

    Args:
        questions: what is asked, in order.
        lesson: its number.
        answered: called with a question and the reply, each time.
    """
    score, right = Screen(_score(0, len(questions))), dict.fromkeys(range(len(questions)), False)

    def note(number: int, question: Choice, heard: Reply) -> None:
        right[number] = heard.state == "right"
        score.value = _score(sum(right.values()), len(right))
        answered(question, heard)

    boxes = [
        _asked(question, "Check", partial(note, k, question), once=False, number=k + 1)
        for k, question in enumerate(questions)
    ]
    text = "\n\n".join(f"{k}. {as_text(question)}" for k, question in enumerate(questions, start=1))
    letters = ", ".join(f"the answer to question {k}" for k in (1, 2))
    text = f"{text}\n\nAnswer with checks.quiz({lesson}, 'abcde'): a letter for each question, {letters} and so on."
    return QuestionWidget(in_this_cell(widgets.VBox([*boxes, score])), text)


def _asked(
    question: Question, verb: str, told: Callable[[Reply], None], *, once: bool, number: int = 0
) -> widgets.VBox:
    before = f"{number}. " if number else ""
    apart = ";margin-top:16px" if number > 1 else ""
    ask = Screen(f'<div style="{_BLOCK}{apart}"><b data-question>{html.escape(before + question.ask)}</b></div>')
    field = _field(question)
    button = widgets.Button(description=verb, tooltip=f"{verb}: {question.ask}", layout={"width": "110px"})
    answer = Screen()

    def judge(given: str | None) -> None:
        if given in (None, ""):
            answer.value = _told("Choose an answer first." if isinstance(question, Choice) else "Write a number first.")
            return
        heard = reply(question, given)
        answer.value = _told(str(heard))
        if heard.state != "open":
            field.disabled = button.disabled = once
            told(heard)

    button.on_click(lambda _: judge(field.value))
    ask.observe(lambda change: judge(_given(question, change["new"])), "given")
    return widgets.VBox([ask, field, button, answer])


def _field(question: Question) -> widgets.RadioButtons | widgets.Text:
    if isinstance(question, Choice):
        return widgets.RadioButtons(options=[option.text for option in question.options], value=None, layout=_WIDE)
    return widgets.Text(placeholder=f"a number, in {question.unit}")


def _given(question: Question, pressed: str) -> str | None:
    """The answer in what a browser sent: the text of an option, or what was typed."""
    _, _, given = pressed.partition(" ")
    if isinstance(question, Choice):
        return question.options[int(given)].text if int(given) >= 0 else None
    return given


def _told(words: str) -> str:
    return f'<div role="status" style="{_BLOCK}">{html.escape(words)}</div>'


def _score(right: int, of: int) -> str:
    return f'<div role="status" style="{_BLOCK};margin-top:16px">{right} of {of} right</div>'


def _example(question: Question) -> str:
    return f"checks.guess({question.name!r}, {chr(39) + 'b' + chr(39) if isinstance(question, Choice) else '12.5'})"
