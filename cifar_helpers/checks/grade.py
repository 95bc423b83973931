"""Grade notebooks that learners have handed in: `cifar-course grade NOTEBOOK… --csv FILE`.

Learners' code runs in processes of its own (`answer_process`), with a time limit, and only returns numbers; they are
compared here. It runs with the rights of the user who grades, so `resources/grading.md` says how to contain it.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from cifar_helpers._paths import atomic_write, reading_problem, user_path, writing_problem
from cifar_helpers.checks.engine import Check, Verdict, compared, draws
from cifar_helpers.checks.progress import session
from cifar_helpers.checks.registry import EXERCISES, PREDICTIONS, QUIZZES
from cifar_helpers.checks.results import Unreadable, plain
from cifar_helpers.checks.submission import Attempt, Submission, SubmissionError, read_submission
from cifar_helpers.data import default_root

__all__ = ["Grade", "GradingError", "grade", "write_csv"]

_LARGEST: Final = 20_000_000  # bytes that an answer may return; no exercise needs a tenth
_LONGEST: Final = 300  # characters of a remark
_NO_TIME_LEFT: Final = "it has no result, because the time for the notebook is over"
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "OMP_NUM_THREADS")
"""Variables that a learner's code sees; others may contain passwords."""


class GradingError(Exception):
    """Answers cannot be run, or grades cannot be written; the message says why, and what to do."""


@dataclass
class Grade:
    """What a learner has done in the lessons that were handed in.

    Attributes:
        learner: name of the folder with the notebooks, with those around it if two folders have the same name; or of
            the notebook if all of them are in one folder.
        lessons: numbers of the lessons.
        solved: names of the exercises that are solved.
        predictions: names of the predictions that were made.
        quiz: names of the quiz questions that were answered correctly.
        remarks: one sentence for each exercise that was tried and is not solved, and for each unreadable notebook.
    """

    learner: str
    lessons: set[int] = field(default_factory=set)
    solved: set[str] = field(default_factory=set)
    predictions: set[str] = field(default_factory=set)
    quiz: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)

    def row(self) -> dict[str, str | int]:
        """The columns of the table. The totals are those of the lessons that were handed in."""
        return {
            "learner": _as_text(self.learner),
            "lessons": " ".join(f"{lesson:02d}" for lesson in sorted(self.lessons)),
            "exercises solved": len(self.solved),
            "exercises": sum(exercise.lesson in self.lessons for exercise in EXERCISES),
            "predictions made": len(self.predictions),
            "predictions": sum(question.lesson in self.lessons for question in PREDICTIONS.values()),
            "quiz right": len(self.quiz),
            "quiz": sum(len(QUIZZES.get(lesson, ())) for lesson in self.lessons),
            "solved": " ".join(sorted(self.solved)),
            "remarks": _as_text("\n".join(self.remarks)),
        }


def grade(notebooks: Sequence[Path], *, per_exercise: float = 60, per_notebook: float = 600) -> Iterator[Grade]:
    """Grade notebooks, one learner at a time, in the order of their names.

    Args:
        notebooks: one or more for each learner.
        per_exercise: seconds for one exercise, with the cells that it needs.
        per_notebook: seconds for all exercises of a notebook.

    Raises:
        GradingError: if no process can be started in which answers run.
    """
    for learner, paths in sorted(_by_learner(notebooks).items()):
        found = Grade(learner)
        for path in sorted(paths):
            _add(found, path, per_exercise, per_notebook)
        yield found


def _by_learner(notebooks: Sequence[Path]) -> dict[str, list[Path]]:
    paths = [Path(os.path.abspath(user_path(path))) for path in notebooks]  # noqa: PTH100 - links are not followed
    names = _names({path.parent for path in paths})
    learners: dict[str, list[Path]] = {}
    for path in paths:
        learners.setdefault(path.stem if len(names) == 1 else names[path.parent], []).append(path)
    return learners


def _names(folders: set[Path]) -> dict[Path, str]:
    """The names of folders; if two have the same, their paths from the folder that contains them all."""
    if len({folder.name for folder in folders}) == len(folders):
        return {folder: folder.name for folder in folders}
    top = Path(os.path.commonpath(folders))
    top = top.parent if top in folders else top
    return {folder: folder.relative_to(top).as_posix() for folder in folders}


def _add(found: Grade, path: Path, per_exercise: float, per_notebook: float) -> None:
    try:
        submission = read_submission(path)
    except SubmissionError as error:
        found.remarks.append(str(error))
        return
    found.lessons.add(submission.lesson)
    found.predictions |= {name for name in submission.predictions if PREDICTIONS[name].lesson == submission.lesson}
    found.quiz |= {question.name for question in QUIZZES.get(submission.lesson, ())} & submission.quiz
    for name, verdict in _verdicts(submission, per_exercise, per_notebook).items():
        if verdict.state == "right":
            found.solved.add(name)
        elif verdict.state == "wrong":
            found.remarks.append(f"{name}: {' '.join(verdict.says.split())[:_LONGEST]}")


def write_csv(path: Path | str, grades: Sequence[Grade]) -> None:
    """Write one row per learner, as UTF-8 with a byte order mark, which spreadsheets need.

    Raises:
        GradingError: if the file cannot be written.
    """
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(Grade("").row()))
    writer.writeheader()
    writer.writerows(each.row() for each in grades)
    target = user_path(path)
    try:
        with atomic_write(target) as part:
            # Names of files and messages of errors may contain what UTF-8 cannot.
            part.write_text(table.getvalue(), encoding="utf-8-sig", errors="backslashreplace", newline="")
    except OSError as error:
        raise GradingError(writing_problem(target, error)) from error


def _as_text(value: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


# --- running ----------------------------------------------------------------------------------------------------


def _verdicts(submission: Submission, per_exercise: float, per_notebook: float) -> dict[str, Verdict]:
    """The verdict on each attempt that belongs to the lesson."""
    left = [each for each in submission.attempts if session.known[each.exercise].lesson == submission.lesson]
    verdicts: dict[str, Verdict] = {}
    end = time.monotonic() + per_notebook
    while left and time.monotonic() < end:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            stopped = _run(left, Path(folder), per_exercise, end)
            for attempt in left:
                if (Path(folder) / f"{attempt.exercise}.pt").exists():
                    verdicts[attempt.exercise] = _verdict(session.known[attempt.exercise], Path(folder))
            if not any(Path(folder).glob("*.begun")) and (problem := _start_problem(Path(folder))):
                raise GradingError(problem)
        # The first one without a result is where the process ended; the others get a process of their own.
        left = [attempt for attempt in left if attempt.exercise not in verdicts]
        if left:
            verdicts[left[0].exercise] = Verdict("wrong", stopped)
            left = left[1:]
    return verdicts | {attempt.exercise: Verdict("wrong", _NO_TIME_LEFT) for attempt in left}


def _run(attempts: list[Attempt], folder: Path, per_exercise: float, end: float) -> str:
    """Run attempts in one process until it ends or is stopped; say why the last one has no result."""
    task = folder / "attempts.json"
    task.write_text(json.dumps([[attempt.exercise, attempt.cells] for attempt in attempts]), encoding="utf-8")
    # With -P, no module beside the notebook or in the working folder takes the place of one of the course.
    line = [sys.executable, "-P", "-m", "cifar_helpers.checks.answer_process", str(task), str(folder)]
    process = subprocess.Popen(
        line, cwd=folder, env=_environment(folder), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return _wait(process, folder, per_exercise, end)
    finally:
        _end(process)


def _start_problem(folder: Path) -> str:
    """Why no process can run answers, which is no fault of a learner; empty if one can."""
    line = [sys.executable, "-P", "-c", "import cifar_helpers.checks.answer_process"]
    tried = subprocess.run(line, cwd=folder, env=_environment(folder), capture_output=True, check=False)
    if not tried.returncode:
        return ""
    said = tried.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {tried.returncode}"]
    return f"answers cannot be run ({said[-1]}). Install the course for {sys.executable}, then grade again"


def _wait(process: subprocess.Popen[bytes], folder: Path, per_exercise: float, end: float) -> str:
    done, deadline = 0, end
    while process.poll() is None:
        # The first file appears once Python and PyTorch have started, which is not the learner's time.
        steps = sum(1 for _ in folder.glob("*.begun")) + sum(1 for _ in folder.glob("*.pt"))
        if steps != done:
            done, deadline = steps, time.monotonic() + per_exercise
        if time.monotonic() > end:
            return _NO_TIME_LEFT
        if time.monotonic() > deadline:
            return f"stopped after {per_exercise:g} seconds: is there a loop without end?"
        time.sleep(0.05)
    return f"it ended Python (exit status {process.returncode}). Remove exit() and the like"


def _environment(folder: Path) -> dict[str, str]:
    known = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    of_python = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    if paths := of_python.get("PYTHONPATH"):  # relative ones are meant from here, not from the folder of the process
        of_python["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, paths.split(os.pathsep)))
    return {**known, **of_python, "HOME": str(folder), "CIFAR10_ROOT": str(default_root()), "CIFAR10_OFFLINE": "1"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and on Linux and macOS what it has started too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


# --- judging ----------------------------------------------------------------------------------------------------


def _verdict(exercise: Check, folder: Path) -> Verdict:
    """Compare what an answer returned. Nothing in the file is trusted: it was written where a learner's code ran."""
    try:
        outcome = _outcome(folder / f"{exercise.name}.pt")
        if outcome["state"] in ("open", "wrong"):
            return Verdict(outcome["state"], str(outcome["says"]))
        got = [plain(_unpacked(each)) for each in outcome["results"]]
        return compared(exercise, draws(exercise), got)
    except Unreadable as unreadable:
        return Verdict("wrong", str(unreadable))
    except Exception as error:
        return Verdict("wrong", f"its results cannot be read ({type(error).__name__})")


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return value["array"].numpy()
    return type(value)(map(_unpacked, value)) if isinstance(value, (list, tuple)) else value


def _outcome(path: Path) -> dict[str, Any]:
    if problem := reading_problem(path):
        raise GradingError(problem)
    with zipfile.ZipFile(path) as parts:
        if sum(part.file_size for part in parts.infolist()) > _LARGEST:
            raise GradingError("it returns too much")
    outcome: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)  # makes no other objects
    return outcome
