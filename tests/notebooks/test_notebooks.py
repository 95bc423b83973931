"""Notebooks as they are written: none asks for all cells before it, and each answer put in is right."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from helpers import ROOT, code_cells
from lesson_cells import answered, defined_and_missing, is_right

from cifar_helpers.checks import EXERCISES, PREDICTIONS, QUIZZES

LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))

# Cells that need more than the first cell and those before them in their section: they go on with a network, a class or
# a result that the lesson has built up to there.
GOING_ON = {"00": 5, "02": 4, "03": 8, "05": 1, "06": 3, "07": 4, "09": 3}


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


@pytest.mark.parametrize("lesson", range(10))
def test_each_answer_put_in_after_the_first_cell_alone_is_right(
    lesson: int, monkeypatch: pytest.MonkeyPatch, sketch_root: Path
) -> None:
    monkeypatch.setenv("CIFAR10_ROOT", str(sketch_root))
    monkeypatch.chdir(ROOT / "notebooks")
    first, *later = code_cells(lesson)
    names: dict[str, Any] = {}
    exec(first, names)
    asking = [source for source in later if re.search(r"^checks\.(?!progress)", source, re.M)]
    assert len(asking) == sum(exercise.lesson == lesson for exercise in EXERCISES) + (lesson in QUIZZES) + sum(
        question.lesson == lesson for question in PREDICTIONS.values()
    )
    for source in asking:
        exec(source, dict(names))
        *head, last = answered(source).splitlines()
        alone = dict(names)
        exec("\n".join(head), alone)
        told = str(eval(last, alone))
        assert is_right(told), f"{source}\n{told}"


# --- outputs that are compared ------------------------------------------------------------------------------------


def compared(path: Path) -> list[nbformat.NotebookNode]:
    """Cells whose stored output nbval compares with that of a run on sketches, on any machine."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if "nbval-check-output" in cell.metadata.get("tags", [])]


@pytest.mark.records
def test_the_outputs_of_at_least_sixty_cells_are_compared() -> None:
    assert sum(len(compared(path)) for path in LESSONS) >= 60


@pytest.mark.records
@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_a_cell_whose_output_is_compared_has_words_or_numbers_in_it(path: Path) -> None:
    for cell in compared(path):
        texts = [output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
        assert any(text.strip() for text in texts), cell.source


@pytest.mark.parametrize(("words", "code"), [("a curve", 0), ("a line", 1)])
def test_of_a_figure_the_words_are_compared_and_not_its_picture(tmp_path: Path, words: str, code: int) -> None:
    shutil.copy(ROOT / "notebooks" / "conftest.py", tmp_path)
    cell = nbformat.v4.new_code_cell(
        "display({'text/html': '<img src=\"new.png\">', 'text/plain': 'a curve'}, raw=True)",
        execution_count=1,
        metadata={"tags": ["nbval-check-output"]},
    )
    # A folded output begins with one that has no data, see notebooks/store.py.
    stored = {}, {"text/html": '<img src="old.png">', "text/plain": words}
    cell.outputs = [nbformat.v4.new_output("display_data", data) for data in stored]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "lesson.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env", "."]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code and (code == 0 or "a line" in ended.stdout), ended.stdout
