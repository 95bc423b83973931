"""All questions of the course: `guess` asks one before a result, `quiz` asks five at the end of a lesson."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any, Final

from cifar_helpers.checks.answers import LETTERS, Replies, Reply, reply
from cifar_helpers.checks.engine import session
from cifar_helpers.checks.parsing import known_name, quoted, whole_number
from cifar_helpers.checks.question_widget import Asked
from cifar_helpers.checks.question_widget import prediction as _prediction
from cifar_helpers.checks.question_widget import quiz as _quiz
from cifar_helpers.checks.questions import Choice, Question

__all__ = ["PREDICTIONS", "QUIZZES", "guess", "quiz"]

_LESSONS: Final = {
    int(found.name.removeprefix("lesson_")): importlib.import_module(f"cifar_helpers.checks.{found.name}.questions")
    for found in pkgutil.iter_modules([str(Path(__file__).parent)])
    if found.name.startswith("lesson_")
}
"""The questions of each lesson: a folder of that name is all that a new lesson needs."""

PREDICTIONS: Final[dict[str, Question]] = {q.name: q for module in _LESSONS.values() for q in module.PREDICTIONS}
QUIZZES: Final[dict[int, tuple[Choice, ...]]] = {lesson: module.QUIZ for lesson, module in _LESSONS.items()}

session.predictions.update({name: question.lesson for name, question in PREDICTIONS.items()})
session.quiz.update({question.name: lesson for lesson, questions in QUIZZES.items() for question in questions})


_BETWEEN_LETTERS: Final = re.compile(r"[\s,;./()\[\]'\"\d]")


def guess(name: Any, answer: Any = None) -> Asked | Reply:
    """Ask for a prediction before a result is shown, and tell the truth when the reader has committed to one.

    Args:
        name: of the question.
        answer: a letter or a number answers at once, without controls; `None` asks. A number may be text in the
            spelling of any country ("1,46", "12.5 %"); what is no answer hears how to write one, and never raises.
    """
    known = known_name(name, PREDICTIONS)
    if known is None:
        return Reply("open", f"there is no prediction {quoted(name)}; there are {', '.join(sorted(PREDICTIONS))}")
    question = PREDICTIONS[known]

    def committed(heard: Reply) -> None:
        if heard.state != "open":
            session.committed.add(known)

    if answer is None:
        return _prediction(question, committed)
    heard = reply(question, answer)
    committed(heard)
    return heard


def quiz(lesson: Any, answers: Any = None) -> Asked | Reply | Replies:
    """Ask the five questions at the end of a lesson.

    Args:
        lesson: its number.
        answers: a letter for each question, as in "abcda", or a list of them, answers at once, without controls;
            `None` asks. What is no answer hears how to write one, and never raises.
    """
    number = whole_number(lesson)
    if number not in QUIZZES:
        numbers = ", ".join(map(str, QUIZZES))
        return Reply("open", f"there is no quiz for lesson {quoted(lesson)}; there are those of {numbers}")
    questions = QUIZZES[number]

    def answered(question: Choice, heard: Reply) -> None:
        (session.answered.add if heard.state == "right" else session.answered.discard)(question.name)

    if answers is None:
        return _quiz(questions, number, answered)
    given = _one_by_one(answers)
    if len(given) != len(questions):
        allowed = f"{LETTERS[0]} to {LETTERS[len(questions[0].options) - 1]}"
        return Reply("open", f"give {len(questions)} letters, {allowed}, one for each question; got {quoted(answers)}")
    heard = [reply(question, each) for question, each in zip(questions, given, strict=True)]
    for question, each in zip(questions, heard, strict=True):
        answered(question, each)
    return Replies(tuple(heard))


def _one_by_one(answers: Any) -> list[Any]:
    """The answers in a list, or in letters with or without commas and numbers between them."""
    if issubclass(type(answers), str):
        return list(_BETWEEN_LETTERS.sub("", answers))
    return list(answers) if issubclass(type(answers), (list, tuple)) else []
