"""What tests of questions and exercises read: the questions, what a lesson's cell computes, and solutions."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import nbformat
import torch
from torch import nn

from cifar_helpers.checks import EXERCISES, PREDICTIONS, QUIZZES
from cifar_helpers.checks._asking import LETTERS
from cifar_helpers.checks._questions import Choice, Number, Question
from cifar_helpers.data import MEAN, STD

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
ALL = {question.name: question for question in chain(PREDICTIONS.values(), *QUIZZES.values())}


def right(name: str) -> str:
    """Text of the right option."""
    question = ALL[name]
    assert isinstance(question, Choice)
    (option,) = [option for option in question.options if option.right]
    return option.text


def truth(name: str) -> float:
    """The right number."""
    question = ALL[name]
    assert isinstance(question, Number)
    return question.truth()


def right_letter(question: Choice) -> str:
    """Letter of the right option."""
    return next(letter for letter, option in zip(LETTERS, question.options, strict=False) if option.right)


def right_answer(question: Question) -> str | float:
    """What to give as the second argument of `checks.predict`."""
    return right_letter(question) if isinstance(question, Choice) else question.truth()


def code_cells(lesson: str | int) -> list[str]:
    """Code of a lesson's cells, in order."""
    (path,) = NOTEBOOKS.glob(f"{int(lesson):02}*.ipynb")
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def after_cell(lesson: str, words: str, names: dict[str, Any]) -> dict[str, Any]:
    """What a cell of a lesson defines; it is the one that contains the words."""
    (source,) = [source for source in code_cells(lesson) if words in source]
    exec(source, names)
    return names


def solution(name: str) -> Any:
    """The function that the last hint of an exercise gives."""
    (exercise,) = [exercise for exercise in EXERCISES if exercise.name == name]
    names: dict[str, Any] = {"torch": torch, "nn": nn, "MEAN": MEAN, "STD": STD}
    exec(exercise.solution, names)
    return names[f"my_{name}"]
