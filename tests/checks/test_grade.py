"""Grading: what is read from a notebook, and what learners' code can and cannot do to the one who grades."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import right_letter, solution

from cifar_helpers.__main__ import main
from cifar_helpers.checks import EXERCISES, PREDICTIONS, QUIZZES
from cifar_helpers.checks.engine import Verdict, compared, draws, results
from cifar_helpers.checks.grade import Grade, grade, write_csv
from cifar_helpers.checks.submission import SubmissionError, read_submission

FIRST = "import torch\nfrom cifar_helpers import checks\nsize = 1"
SOLVED = {exercise.name: exercise.solution for exercise in EXERCISES}


def notebook(path: Path, *sources: str, widgets: Any = None) -> Path:
    cells = [{"cell_type": "code", "source": source.splitlines(True)} for source in sources]
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": widgets}}} if widgets else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}), encoding="utf-8")
    return path


def answer(name: str, code: str = "") -> str:
    return f"{code or SOLVED[name]}\n\n\nchecks.{name}(my_{name})"


def only(*paths: Path, **limits: float) -> Grade:
    (found,) = grade(paths, **limits)
    return found


NOT_PYTHON = "def my_convolve(image, kernel)\n    return 1"
HOSTILE = {
    "output_size": "import os\ndef my_output_size(*given):\n    os._exit(0)",
    "max_pool": "def my_max_pool(images):\n    raise SystemExit",
    "receptive_field": (
        "import sys\nfrom cifar_helpers.checks import engine, answer_process\n"
        "from cifar_helpers.checks.engine import Verdict\n"
        "engine.compared = engine.equal = engine.judge = lambda *given: Verdict('right', 'patched')\n"
        "answer_process.results = lambda *given: Verdict('right', 'patched')\n"
        "def my_receptive_field(layers):\n    sys.stdout.write('x' * 5_000_000)\n    return 1"
    ),
}


@dataclass
class Graded:
    """What the command has written."""

    rows: list[dict[str, str]]
    printed: str

    def remarks(self, learner: str) -> dict[str, str]:
        (row,) = [row for row in self.rows if row["learner"] == learner]
        return dict(remark.split(": ", 1) for remark in row["remarks"].splitlines())


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The notebooks of two learners, graded once by the command: each process that it starts takes seconds."""
    folder = tmp_path_factory.mktemp("learners")
    array = "import numpy as np\ndef my_vertical_edges():\n    return np.array([[-1, 0, 1]] * 3)"
    anna = notebook(folder / "=anna" / "02.ipynb", FIRST, answer("vertical_edges", array), "checks.quiz(2, 'aaaaa')")
    stub = "def my_brighten(image, amount):\n    return ..."
    more = notebook(folder / "=anna" / "01.ipynb", FIRST, answer("centre"), answer("brighten", stub))
    worst = [answer(name, code) for name, code in {**HOSTILE, "convolve": NOT_PYTHON}.items()]
    eve = notebook(folder / "eve" / "02.ipynb", FIRST, *worst, answer("vertical_edges"))
    # A changed copy of the checks beside the notebook is not the one that is used.
    (folder / "eve" / "cifar_helpers" / "checks").mkdir(parents=True)
    (folder / "eve" / "cifar_helpers" / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    (folder / "eve" / "torch.py").write_text("raise RuntimeError", encoding="utf-8")
    table = folder / "grades.csv"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["grade", str(eve), str(anna), str(more), "--csv", str(table)]) == 0
    with table.open(encoding="utf-8-sig", newline="") as file:
        return Graded(list(csv.DictReader(file)), printed.getvalue())


# --- reading ----------------------------------------------------------------------------------------------------


def test_an_answer_is_read_with_the_cells_that_it_needs(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        "%pip install cifar-course\nimport torch",
        "def half(number):\n    return number // 2",
        "raise SystemExit",
        "def my_output_size(size, kernel, padding, stride):\n    return half(size)",
        "!ls\nprint(checks.output_size(my_output_size))",
    )
    (attempt,) = read_submission(path).attempts
    code = "\n".join(attempt.cells)
    assert "def half" in code and "def my_output_size" in code and code.endswith("_answer = my_output_size")
    assert "SystemExit" not in code and "torch" not in code and "checks" not in code


def test_an_expression_may_go_on_in_a_line_that_looks_like_one_for_jupyter(tmp_path: Path) -> None:
    cell = "def my_output_size(size, kernel, padding, stride):\n    return (size\n    % stride\n    != 0)"
    path = notebook(tmp_path / "a.ipynb", cell, "checks.output_size(my_output_size)")
    (attempt,) = read_submission(path).attempts
    assert "size % stride != 0" in "\n".join(attempt.cells)


def test_a_cell_that_is_not_python_is_an_attempt_that_fails(tmp_path: Path) -> None:
    submission = read_submission(notebook(tmp_path / "a.ipynb", answer("convolve", NOT_PYTHON)))
    assert submission.lesson == 2 and [attempt.exercise for attempt in submission.attempts] == ["convolve"]


def test_what_python_says_of_such_a_cell_is_in_the_remarks(graded: Graded) -> None:
    said = graded.remarks("eve")["convolve"]
    assert said.startswith("the cells that it needs do not run: it raises SyntaxError: ")


def test_predictions_and_quiz_are_judged_here_from_code_and_saved_widgets(tmp_path: Path) -> None:
    letters = "".join(right_letter(question) for question in QUIZZES[2])
    asked, *_ = (question for question in PREDICTIONS.values() if question.lesson == 2)
    question = QUIZZES[2][0]
    right = next(k for k, option in enumerate(question.options) if option.right)
    path = notebook(tmp_path / "a.ipynb", f"checks.guess({asked.name!r}, 3)", f"checks.quiz(2, {letters!r})")
    assert read_submission(path).predictions == {asked.name}
    assert read_submission(path).quiz == {each.name for each in QUIZZES[2]}
    for given in (right, (right + 1) % len(question.options)):
        state = {"questions": [{"name": question.name}], "replies": [{"given": given, "state": "right"}]}
        path = notebook(tmp_path / "b.ipynb", "checks.quiz(2)", widgets={"1": {"state": state}})
        assert read_submission(path).quiz == ({question.name} if given == right else set())


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "is not a notebook"), ("[]", "of version 4"), ('{"cells": []}', "no exercise"), (None, "there is no file")],
)
def test_what_is_no_notebook_of_the_course_is_named(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "anna.ipynb"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SubmissionError, match=says):
        read_submission(path)
    assert str(path) in only(path).remarks[0]


# --- comparing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_draws_are_the_same_in_each_call(exercise: Any) -> None:
    """The process that runs an answer and the one that compares draw the arguments each for itself."""
    got = results(exercise, solution(exercise.name), draws(exercise))
    assert not isinstance(got, Verdict), got
    assert compared(exercise, draws(exercise), got).state == "right"


# --- running ----------------------------------------------------------------------------------------------------


def test_code_that_does_its_worst_costs_only_its_own_exercise(graded: Graded) -> None:
    (row,) = [row for row in graded.rows if row["learner"] == "eve"]
    assert row["solved"] == "vertical_edges"
    remarks = graded.remarks("eve")
    assert "ended Python" in remarks["output_size"] and "SystemExit" in remarks["max_pool"]
    assert "patched" not in remarks["receptive_field"]


def test_a_loop_without_end_is_stopped_with_what_it_has_started(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time, pathlib\nwhile True:\n    pathlib.Path({str(mark)!r}).touch()\n    time.sleep(0.05)"
    loop = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])"
    loop += "\nwhile True:\n    time.sleep(0.1)"
    loop = f"def my_convolve(image, kernel):\n    {loop.replace(chr(10), chr(10) + '    ')}"
    found = only(notebook(tmp_path / "a.ipynb", FIRST, answer("convolve", loop)), per_exercise=1)
    assert found.remarks == ["convolve: stopped after 1 seconds: is there a loop without end?"]
    mark.unlink(missing_ok=True)
    time.sleep(0.5)
    assert not mark.exists() or os.name != "posix"


def test_a_process_that_writes_its_own_results_gains_nothing(tmp_path: Path) -> None:
    """Its file may hold anything; neither a verdict in it nor a pickle that runs code is believed."""
    mark = tmp_path / "ran"
    forged = f"""
import pathlib, pickle, sys, torch, os
class Bomb:
    def __reduce__(self):
        return os.mkdir, ({str(mark)!r},)
folder = pathlib.Path(sys.argv[2])
torch.save({{"state": "returned", "results": Bomb()}}, folder / "output_size.pt")
torch.save({{"state": "right", "says": "yes", "results": [1] * 8}}, folder / "convolve.pt")
os._exit(0)
"""
    path = notebook(tmp_path / "eve.ipynb", FIRST, answer("output_size", forged + "\ndef my_output_size(): ..."))
    path = notebook(path, FIRST, answer("convolve"), answer("output_size", forged + "\ndef my_output_size(): ..."))
    found = only(path)
    assert found.solved == set() and not mark.exists()
    assert "output_size: its results cannot be read (UnpicklingError)" in found.remarks


def test_the_time_of_a_notebook_is_limited_too(tmp_path: Path) -> None:
    slow = "import time\ndef my_{0}(*given):\n    time.sleep(60)"
    cells = [answer(name, slow.format(name)) for name in ("convolve", "output_size", "max_pool")]
    start = time.monotonic()
    found = only(notebook(tmp_path / "a.ipynb", FIRST, *cells), per_exercise=600, per_notebook=1)
    assert time.monotonic() - start < 45 and len(found.remarks) == 3


def test_the_command_writes_one_row_per_learner(graded: Graded) -> None:
    anna, eve = graded.rows
    assert [anna["learner"], eve["learner"]] == ["'=anna", "eve"], "a spreadsheet would take =anna for a formula"
    assert anna["lessons"] == "01 02" and anna["solved"] == "centre vertical_edges"
    assert int(anna["exercises"]) == sum(exercise.lesson in (1, 2) for exercise in EXERCISES)
    assert eve["exercises solved"] == "1" and eve["remarks"].startswith("output_size: ")
    assert "eve: 1 of" in graded.printed


def test_a_table_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", str(tmp_path / "none.ipynb"), "--csv", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_remarks_keep_their_lines_in_one_cell(tmp_path: Path) -> None:
    write_csv(tmp_path / "grades.csv", [Grade("anna", remarks=["one", "two"])])
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["remarks"] == "one\ntwo"


# --- what a teacher meets -----------------------------------------------------------------------------------------


def test_learners_whose_folders_have_one_name_have_rows_of_their_own(tmp_path: Path) -> None:
    paths = [tmp_path / learner / "lesson 01" / "a.ipynb" for learner in ("anna", "Łukasz")]
    assert [found.learner for found in grade(paths)] == ["anna/lesson 01", "Łukasz/lesson 01"]
    nested = [tmp_path / "anna" / "a.ipynb", tmp_path / "anna" / "anna" / "a.ipynb"]
    assert [found.learner for found in grade(nested)] == ["anna", "anna/anna"]


def test_a_name_that_the_terminal_cannot_show_does_not_stop_grading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(shown, encoding="cp1252"))
    paths = [str(tmp_path / learner / "a.ipynb") for learner in ("anna", "Łukasz", "M\udcfcller")]
    assert main(["grade", *paths, "--csv", str(tmp_path / "grades.csv")]) == 0
    assert b"\\u0141ukasz: 0 of 0" in shown.getvalue()
    assert "\r\nŁukasz,,0," in (table := (tmp_path / "grades.csv").read_bytes().decode("utf-8-sig"))
    assert "\r\nM\\udcfcller,,0," in table


def test_the_table_is_written_after_each_learner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = []

    def graded_until_stopped(_: Any) -> Any:
        for learner in ("anna", "eve"):
            begun.append(learner)
            yield Grade(learner)
        raise MemoryError

    monkeypatch.setattr("cifar_helpers.checks.grade.grade", graded_until_stopped)
    table = tmp_path / "results of Übung 1" / "grades.csv"
    with pytest.raises(MemoryError):
        main(["grade", "a.ipynb", "--csv", str(table)])
    assert "eve" in table.read_text(encoding="utf-8-sig")
    begun.clear()
    assert main(["grade", "a.ipynb", "--csv", str(tmp_path)]) == 1
    assert begun == ["anna"] and "cannot be written" in capsys.readouterr().err


def test_what_keeps_every_answer_from_running_is_no_fault_of_a_learner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    path = notebook(tmp_path / "a.ipynb", FIRST, answer("convolve"))
    assert main(["grade", str(path), "--csv", str(tmp_path / "grades.csv")]) == 1
    assert "answers cannot be run (exit status 1). Install the course" in capsys.readouterr().err
    assert not (tmp_path / "grades.csv").exists()


def test_a_relative_path_of_modules_is_meant_from_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "of_the_class.py").write_text("one = 1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "mine")
    code = "from of_the_class import one\ndef my_brighten(image, amount):\n    return image * one"
    assert "No module" not in only(notebook(tmp_path / "a.ipynb", FIRST, answer("brighten", code))).remarks[0]
