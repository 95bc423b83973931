"""Read a learner's notebook without running anything: what it answers, and the cells that each answer needs."""

from __future__ import annotations

import ast
import json
import re
import symtable
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cifar_helpers._paths import reading_problem
from cifar_helpers.checks.answers import reply
from cifar_helpers.checks.questions import Choice, Question
from cifar_helpers.checks.registry import EXERCISES, PREDICTIONS, QUIZZES, split_answers

__all__ = ["Attempt", "Submission", "SubmissionError", "read_submission"]

_WIDGETS: Final = "application/vnd.jupyter.widget-state+json"
_LESSON_OF: Final = {exercise.name: exercise.lesson for exercise in EXERCISES}
_CHECKED: Final = re.compile(r"\bchecks\.(\w+)\(")
_MAGIC: Final = re.compile(r"^(\s*)[%!?].*$", re.M)  # lines for Jupyter, which are not Python


class SubmissionError(Exception):
    """A notebook cannot be read; the message says which, and why."""


@dataclass(frozen=True)
class Attempt:
    """An answer to an exercise.

    Attributes:
        exercise: its name.
        cells: code to run, in order; the last piece leaves the answer in the variable `_answer`.
    """

    exercise: str
    cells: tuple[str, ...]


@dataclass
class Submission:
    """What a notebook answers.

    Attributes:
        lesson: its number, of the lesson to which most of its exercises and questions belong.
        attempts: one per exercise; if a notebook checks an exercise twice, the last.
        predictions: names of the predictions that were made.
        quiz: names of the quiz questions that were answered correctly, as judged here.
    """

    lesson: int
    attempts: list[Attempt]
    predictions: set[str] = field(default_factory=set)
    quiz: set[str] = field(default_factory=set)


def read_submission(path: Path) -> Submission:
    """Read a notebook.

    Raises:
        SubmissionError: if it is no notebook, or asks nothing of the course.
    """
    notebook = _notebook(path)
    cells = [source for cell in notebook["cells"] if (source := _code(cell))]
    calls = [call for cell in cells for call in _calls(_parsed(cell))]
    attempts = _attempts(cells)
    lessons = Counter(lesson for name, call in calls if (lesson := _lesson(name, call)) is not None)
    lessons.update(_LESSON_OF[attempt.exercise] for attempt in attempts)
    if not lessons:
        raise SubmissionError(f"{path} contains no exercise and no question of the course")
    found = Submission(lessons.most_common(1)[0][0], attempts)
    for name, call in calls:
        _answer_questions(found, name, [*map(_literal, call.args), *(_literal(word.value) for word in call.keywords)])
    for widget in _widgets(notebook):
        _answers_of_widget(found, widget)
    return found


def _notebook(path: Path) -> dict[str, Any]:
    if problem := reading_problem(path):
        raise SubmissionError(problem)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"{path} is not a notebook: {type(error).__name__}: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise SubmissionError(f"{path} is not a notebook of version 4: open it in JupyterLab and save it")
    return content


def _code(cell: Any) -> str:
    """The code of a cell, without lines for Jupyter; empty if it has none."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return ""
    source = cell.get("source", "")
    code = "".join(map(str, source)) if isinstance(source, list) else str(source)
    # A line of Python may begin with % or !=, too: as the second line of an expression.
    return code if _parsed(code) else _MAGIC.sub(r"\1pass", code)


def _parsed(code: str) -> ast.Module | None:
    """The code as a tree; `None` if it is not Python."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _calls(tree: ast.AST | None) -> list[tuple[str, ast.Call]]:
    """Calls of the form `checks.NAME(…)`, with their names, in the order of the text."""
    if tree is None:
        return []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    found.sort(key=lambda call: (call.lineno, call.col_offset))
    return [(call.func.attr, call) for call in found if _is_checks(call.func)]  # type: ignore[attr-defined]


def _is_checks(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "checks"
    )


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _lesson(name: str, call: ast.Call) -> int | None:
    asked = _literal(call.args[0]) if call.args else None
    if name == "guess":
        return PREDICTIONS[asked].lesson if isinstance(asked, str) and asked in PREDICTIONS else None
    if name == "quiz":
        return asked if isinstance(asked, int) and asked in QUIZZES else None
    return None


# --- exercises --------------------------------------------------------------------------------------------------


def _attempts(cells: list[str]) -> list[Attempt]:
    found: dict[str, Attempt] = {}
    trees = [_parsed(cell) for cell in cells]
    for place, (cell, tree) in enumerate(zip(cells, trees, strict=True)):
        if tree is None:  # it cannot run, and the process in which it is tried says why
            found |= {name: Attempt(name, (cell,)) for name in _CHECKED.findall(cell) if name in _LESSON_OF}
            continue
        for name, call in _calls(tree):
            if name in _LESSON_OF and len(call.args) == 1:
                source = f"{_without_checks(tree)}\n_answer = {ast.unparse(call.args[0])}"
                found[name] = Attempt(name, (*_needed(trees[:place], source), source))
    return list(found.values())


def _without_checks(tree: ast.Module | None) -> str:
    """The code of a cell without the statements that only call checks."""
    if tree is None:
        return ""
    kept = [statement for statement in tree.body if not (isinstance(statement, ast.Expr) and _calls(statement))]
    return "\n".join(map(ast.unparse, kept))


def _needed(before: list[ast.Module | None], source: str) -> list[str]:
    """Code of the cells that define what a piece of code uses, directly or by way of others, in order."""
    sources = [*map(_without_checks, before), source]
    names = [_defined_and_used(each) for each in sources]
    needed, unseen = set[int](), [len(before)]
    while unseen:
        here = unseen.pop()
        for name in names[here][1]:
            defining = [k for k in range(here) if name in names[k][0]]
            if defining and defining[-1] not in needed:
                needed.add(defining[-1])
                unseen.append(defining[-1])
    return [sources[k] for k in sorted(needed)]


def _defined_and_used(source: str) -> tuple[set[str], set[str]]:
    """Global names that a cell defines, and those that it uses, also inside functions."""
    try:
        table = symtable.symtable(source, "cell", "exec")
    except SyntaxError:  # for example a return outside a function, which parses
        return set(), set()
    own = table.get_symbols()
    defined = {s.get_name() for s in own if s.is_assigned() or s.is_imported() or s.is_namespace()}
    used = {s.get_name() for s in own if s.is_referenced()}
    inner = list(table.get_children())
    while inner:
        scope = inner.pop()
        used |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and s.is_global()}
        inner += scope.get_children()
    return defined, used


# --- questions --------------------------------------------------------------------------------------------------


def _answer_questions(found: Submission, name: str, given: list[Any]) -> None:
    """Count an answer in the code: `checks.guess("shape", "b")` or `checks.quiz(2, "abcda")`."""
    if len(given) != 2 or given[1] is None:
        return
    asked, answer = given
    if name == "guess" and isinstance(asked, str) and asked in PREDICTIONS:
        _count(found, PREDICTIONS[asked], answer)
    if name == "quiz" and isinstance(asked, int) and asked in QUIZZES:
        for question, each in zip(QUIZZES[asked], split_answers(answer), strict=False):
            _count(found, question, each)


def _count(found: Submission, question: Question, answer: Any) -> None:
    heard = reply(question, answer)
    if question.name in PREDICTIONS:
        found.predictions |= {question.name} if heard.state != "open" else set()
    elif heard.state == "right":
        found.quiz.add(question.name)
    else:
        found.quiz.discard(question.name)


def _widgets(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """States of the question widgets that were saved with the notebook."""
    try:
        models = notebook["metadata"]["widgets"][_WIDGETS]["state"].values()
        states = [model["state"] for model in models]
        return [state for state in states if {"questions", "replies"} <= state.keys()]
    except (KeyError, TypeError, AttributeError):
        return []


def _answers_of_widget(found: Submission, state: dict[str, Any]) -> None:
    known: dict[str, Question] = {**PREDICTIONS, **{q.name: q for quiz in QUIZZES.values() for q in quiz}}
    try:
        for asked, heard in zip(state["questions"], state["replies"], strict=True):
            question = known[asked["name"]]
            given = heard["given"]
            _count(found, question, question.options[int(given)].text if isinstance(question, Choice) else given)
    except (KeyError, TypeError, ValueError, IndexError):
        return  # not answered, or of another version of the course
