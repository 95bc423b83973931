"""All exercises and questions of the course, and the functions that find them by name: `hint`, `guess` and `quiz`.

Each lesson has a folder `lesson_NN`. Its exercises are defined in `exercises.py`, with their texts in `exercises.md`;
its questions are in `questions.md`, with numbers computed by the functions of `questions.py`. Nothing needs to be
registered anywhere else.
"""

from __future__ import annotations

import importlib
import inspect
from itertools import chain
from pathlib import Path
from typing import Any, Final

from cifar_helpers.checks.answers import Replies, Reply, reply
from cifar_helpers.checks.engine import Check, Exercise
from cifar_helpers.checks.parsing import known_name, letters_of, quoted, whole_number
from cifar_helpers.checks.progress import PlainText, session
from cifar_helpers.checks.question_widget import QuestionWidget
from cifar_helpers.checks.question_widget import prediction as _prediction
from cifar_helpers.checks.question_widget import quiz as _quiz
from cifar_helpers.checks.questions import LETTERS, Choice, Question
from cifar_helpers.checks.texts import read_exercises, read_questions

__all__ = ["EXERCISES", "PREDICTIONS", "QUIZZES", "guess", "hint", "quiz", "split_answers"]

_FOLDERS: Final = sorted(Path(__file__).parent.glob("lesson_[0-9][0-9]"))


def _number(folder: Path) -> int:
    return int(folder.name.removeprefix("lesson_"))


def _defined(file: Path) -> dict[str, Any]:
    """Everything that a lesson's module defines or imports, in order; empty if there is no such file."""
    return vars(importlib.import_module(f"{__package__}.{file.parent.name}.{file.stem}")) if file.exists() else {}


def _exercises(folder: Path) -> list[Check]:
    """The exercises of a lesson in the order of definition, each with its texts."""
    defined = [value for value in _defined(folder / "exercises.py").values() if isinstance(value, Exercise)]
    if not defined:
        return []
    texts = read_exercises(folder / "exercises.md", {exercise.name: exercise.mistakes for exercise in defined})
    return [Check(**vars(each), **vars(texts[each.name]), lesson=_number(folder)) for each in defined]


def _questions(folder: Path) -> tuple[tuple[Question, ...], tuple[Choice, ...]]:
    """Predictions and quiz of a lesson."""
    if not (folder / "questions.md").exists():
        return (), ()
    numbers = _defined(folder / "questions.py")
    own = {
        name: value
        for name, value in numbers.items()
        if inspect.isfunction(value) and value.__module__ == numbers["__name__"] and not name.startswith("_")
    }
    return read_questions(folder / "questions.md", _number(folder), own)


EXERCISES: Final[tuple[Check, ...]] = tuple(chain.from_iterable(map(_exercises, _FOLDERS)))
"""All of them, in the order of the lessons."""

_QUESTIONS: Final = {_number(folder): _questions(folder) for folder in _FOLDERS}

PREDICTIONS: Final[dict[str, Question]] = {q.name: q for asked, _ in _QUESTIONS.values() for q in asked}
QUIZZES: Final[dict[int, tuple[Choice, ...]]] = {lesson: asked for lesson, (_, asked) in _QUESTIONS.items() if asked}

session.known.update({exercise.name: exercise for exercise in EXERCISES})
session.predictions.update({name: question.lesson for name, question in PREDICTIONS.items()})
session.quiz.update({question.name: lesson for lesson, questions in QUIZZES.items() for question in questions})


def hint(name: Any) -> PlainText:
    """The next hint for an exercise, one step further each time; the last one is the solution.

    Args:
        name: of the check, as in `checks.NAME`; or the check itself, or the function that it asks for.

    Returns:
        The hint; for an unknown name, the names that there are.
    """
    known = known_name(name, session.known)
    if known is None:
        return PlainText(f"there is no exercise {quoted(name)}. Give one of {', '.join(sorted(session.known))}")
    exercise = session.known[known]
    text = exercise.next_hint()
    return PlainText(f"Hint {session.hints_given[known]} of {len(exercise.hints)}: {text}")


def guess(name: Any, answer: Any = None) -> QuestionWidget | Reply:
    """Ask for a prediction before a result is shown, and show the right answer once the reader has made one.

    Args:
        name: of the question.
        answer: a letter or a number, to answer without controls; `None` shows the question. A number may be text in
            any country's notation ("1,46", "12.5 %"). An answer that cannot be read gets a reply that says how to write
            one; nothing is raised.
    """
    known = known_name(name, PREDICTIONS)
    if known is None:
        return Reply("open", f"there is no prediction {quoted(name)}. Give one of {', '.join(sorted(PREDICTIONS))}")
    question = PREDICTIONS[known]

    def committed(heard: Reply) -> None:
        if heard.state != "open":
            session.committed.add(known)

    if answer is None:
        return _prediction(question, committed)
    heard = reply(question, answer)
    committed(heard)
    return heard


def quiz(lesson: Any, answers: Any = None) -> QuestionWidget | Reply | Replies:
    """Ask the five questions at the end of a lesson.

    Args:
        lesson: its number.
        answers: a letter for each question, as in "abcda" or a list, to answer without controls; `None` shows the
            questions. Answers that cannot be read get a reply that says how to write them; nothing is raised. The
            right answer to a question is told after two different wrong ones.
    """
    number = whole_number(lesson)
    if number not in QUIZZES:
        numbers = ", ".join(map(str, QUIZZES))
        return Reply("open", f"there is no quiz for lesson {quoted(lesson)}. Give one of {numbers}")
    questions = QUIZZES[number]

    def answered(question: Choice, heard: Reply) -> None:
        (session.answered.add if heard.state == "right" else session.answered.discard)(question.name)

    if answers is None:
        return _quiz(questions, number, answered)
    given = split_answers(answers)
    if len(given) != len(questions):
        allowed = f"{LETTERS[0]} to {LETTERS[len(questions[0].options) - 1]}"
        return Reply("open", f"got {quoted(answers)}. Give {len(questions)} letters, {allowed}, one for each question")
    heard = [
        reply(question, each, session.missed.setdefault(question.name, set()))
        for question, each in zip(questions, given, strict=True)
    ]
    for question, each in zip(questions, heard, strict=True):
        answered(question, each)
    return Replies(tuple(heard))


def split_answers(answers: Any) -> list[Any]:
    """The answers in a list, or the letters in a text, ignoring numbers and separators."""
    if issubclass(type(answers), str):
        return list(letters_of(answers))
    return list(answers) if issubclass(type(answers), (list, tuple)) else []
