"""Cells of a lesson: what they define and need, what they show, and the right answers put in."""

from __future__ import annotations

import builtins
import re
import symtable
from typing import Any

import nbformat
from helpers import code_cells, right_answer, right_letter

from cifar_helpers.checks import PREDICTIONS, QUIZZES, session

# Times differ from run to run, and so do the numbers that are made of them.
TIMED = re.compile(r"\d+(\.\d+)?\s*(s|ms|µs|seconds?|minutes?|×|times|images/s)\b|step/s|\bit/s", re.I)


def shown(outputs: list[nbformat.NotebookNode], timing: bool) -> list[Any]:
    """Text that a cell printed, without lines that tell a time (`timing`: without any number), and its pictures."""
    result: list[Any] = []
    for output in outputs:
        data = output.get("data", {})
        text = output.get("text", "") or data.get("text/plain", "")
        lines = [line for line in text.splitlines() if not TIMED.search(line) and "object at" not in line]
        result += [re.sub(r"[\d.,]+", "#", line) for line in lines] if timing else lines
        # A widget is stored with a picture of it, which only `notebooks/store.py` takes.
        result += ["picture"] * ("image/png" in data and "data-widget" not in data.get("text/html", ""))
    return result


def heard(outputs: list[nbformat.NotebookNode]) -> str:
    """What a cell says to an answer."""
    return "\n".join(output.get("text", "") or output.data["text/plain"] for output in outputs)


def is_right(told: str) -> bool:
    """Whether a check says right, and nothing else."""
    return "✅" in told and not re.search(r"^(\d\. )?[❌…]", told, re.M)


def answered(source: str) -> str:
    """A cell with the right answer in the place of dots or controls; the cell as it is where nothing is asked."""
    if stub := re.search(r"^def my_(\w+)\(.*\):\n    return \.\.\.$", source, re.M):
        return source.replace(stub[0], session.known[stub[1]].solution)
    if name := re.search(r'^checks\.guess\("(\w+)"\)$', source, re.M):
        answer = right_answer(PREDICTIONS[name[1]])
        return source.replace(name[0], f'checks.guess("{name[1]}", {answer!r})')
    if quiz := re.search(r"^checks\.quiz\((\d+)\)$", source, re.M):
        letters = "".join(map(right_letter, QUIZZES[int(quiz[1])]))
        return source.replace(quiz[0], f"checks.quiz({quiz[1]}, {letters!r})")
    return source


def defined_and_missing(source: str) -> tuple[set[str], set[str]]:
    """Names that a cell defines, and those that it uses and neither it nor Python defines."""
    cell = symtable.symtable(source, "cell", "exec")
    defined = {s.get_name() for s in cell.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in cell.get_symbols() if s.is_referenced()}
    inner = cell.get_children()
    while inner:
        scope = inner.pop()
        used |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and s.is_global()}
        inner += scope.get_children()
    return defined, used - defined - set(dir(builtins))


def with_needed(lesson: str | int, *words: str) -> list[int]:
    """Which code cells to run, by their numbers from 0, for those that hold these words to run."""
    cells = code_cells(lesson)
    names = [defined_and_missing(source) for source in cells]
    wanted = {0}
    for text in words:
        (place,) = [k for k, source in enumerate(cells) if text in source]
        wanted.add(place)
    open_cells = sorted(wanted)
    while open_cells:
        place = open_cells.pop()
        for name in names[place][1]:
            # The last cell before it that defines the name: what stands between may have changed it.
            before = [k for k in range(place) if name in names[k][0]]
            if before and before[-1] not in wanted:
                wanted.add(before[-1])
                open_cells.append(before[-1])
    return sorted(wanted)
