"""Notebooks: each cell runs twice over with one result, each answer put in is right, and none needs all before it."""

from __future__ import annotations

import builtins
import re
import symtable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from helpers import ROOT, code_cells, right_answer, right_letter
from nbclient import NotebookClient

from cifar_helpers.checks import EXERCISES, PREDICTIONS, QUIZZES, session

LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
# Times differ from run to run, and so do the numbers that are made of them.
TIMED = re.compile(r"\d+(\.\d+)?\s*(s|ms|µs|seconds?|minutes?|×|times|images/s)\b|step/s|\bit/s", re.I)


def shown(cell: nbformat.NotebookNode, timing: bool) -> list[Any]:
    """Text that a cell printed, without lines that tell a time (`timing`: without any number), and its pictures."""
    result: list[Any] = []
    for output in cell.outputs:
        data = output.get("data", {})
        text = output.get("text", "") or data.get("text/plain", "")
        lines = [line for line in text.splitlines() if not TIMED.search(line) and "object at" not in line]
        result += [re.sub(r"[\d.,]+", "#", line) for line in lines] if timing else lines
        result += ["picture"] * ("image/png" in data)
    return result


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


def heard(cell: nbformat.NotebookNode) -> str:
    """What a cell says to an answer."""
    return "\n".join(output.get("text", "") or output.data["text/plain"] for output in cell.outputs)


def put_answer_in(client: NotebookClient, cell: nbformat.NotebookNode, number: int) -> None:
    """Run a cell that asks something once more, with the right answer; the check has to say so."""
    source, cell.source = cell.source, answered(cell.source)
    if cell.source != source:
        client.execute_cell(cell, number)
        told = heard(cell)
        assert "✅" in told and not re.search(r"^(\d\. )?[❌…]", told, re.M), f"{cell.source}\n{told}"


# Cells that need more than the first cell and those before them in their section: they go on with a network, a class or
# a result that the lesson has built up to there.
GOING_ON = {"00": 4, "01": 1, "02": 4, "03": 8, "07": 4}


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


def sections(path: Path) -> list[tuple[str, list[str]]]:
    """Headings of a notebook, each with the code of its cells; the first cell of code is left out."""
    found, first = [("", list[str]())], True
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            found += [(heading, []) for heading in re.findall(r"^## (.*)$", cell.source, re.M)]
        elif first:
            first = False
        else:
            found[-1][1].append(cell.source)
    return found


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_what_is_asked_needs_no_cell_but_the_first(path: Path) -> None:
    known, _ = defined_and_missing(code_cells(path.stem[:2])[0])
    for heading, cells in sections(path):
        for source in cells:
            if "checks." in source or re.match("Exercise|Quiz", heading):
                assert not defined_and_missing(source)[1] - known, source
    stretch = [source for heading, cells in sections(path) if heading == "Stretch" for source in cells]
    in_section: set[str] = set()
    for source in stretch:
        defined, missing = defined_and_missing(source)
        assert not missing - known - in_section, source
        in_section |= defined


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_nearly_all_sections_run_after_the_first_cell_alone(path: Path) -> None:
    first, _ = defined_and_missing(code_cells(path.stem[:2])[0])
    going_on = []
    for _, cells in sections(path):
        known = set(first)
        for source in cells:
            defined, missing = defined_and_missing(source)
            going_on += [source] * bool(missing - known)
            known |= defined
    assert len(going_on) <= GOING_ON.get(path.stem[:2], 0), "\n\n".join(going_on)


@pytest.mark.parametrize("lesson", range(1, 9))
def test_each_answer_put_in_after_the_first_cell_alone_is_right(
    lesson: int, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path_factory.getbasetemp() / "no-data"))
    monkeypatch.chdir(ROOT / "notebooks")
    first, *later = code_cells(lesson)
    names: dict[str, Any] = {}
    exec(first, names)
    asking = [source for source in later if re.search(r"^checks\.(?!progress)", source, re.M)]
    assert len(asking) == sum(exercise.lesson == lesson for exercise in EXERCISES) + 1 + sum(
        question.lesson == lesson for question in PREDICTIONS.values()
    )
    for source in asking:
        exec(source, dict(names))
        *head, last = answered(source).splitlines()
        alone = dict(names)
        exec("\n".join(head), alone)
        told = str(eval(last, alone))
        assert "✅" in told and not re.search(r"^(\d\. )?[❌…]", told, re.M), f"{source}\n{told}"


@pytest.mark.slow
@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_every_cell_may_be_run_twice_and_every_check_says_right_when_the_answers_are_put_in(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "no-data"  # shared: the sketches are drawn once
    monkeypatch.setenv("CIFAR10_ROOT", str(root))
    notebook = nbformat.read(path, as_version=4)
    timing = path.stem.startswith("05")  # the lesson that measures: nearly all of its numbers are times
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        coalesce_streams=True,
    )
    done: list[tuple[str, str, str]] = []
    with client.setup_kernel():
        for k, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            client.execute_cell(cell, k)
            first = shown(cell, timing)
            client.execute_cell(cell, k)
            assert shown(cell, timing) == first, f"cell {k} gives another result when it is run again:\n{cell.source}"
            put_answer_in(client, cell, k)
            if "checks.progress(" in cell.source:
                done = re.findall(r"(\d+) of (\d+) (exercises|predictions|quiz)", heard(cell))
    assert all(count == of for count, of, _ in done)
    if re.match("0[1-8]", path.stem):
        assert [what for *_, what in done] == ["exercises", "predictions", "quiz"]
