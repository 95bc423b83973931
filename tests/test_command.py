"""The command `cifar-course`: what it writes, from a wheel that is installed in an empty environment elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT

from cifar_helpers.__main__ import main
from cifar_helpers.lessons import Written, report

LINK = re.compile(r"\]\(([^)#\s]+)")

RUN = """
import sys, nbformat
from nbclient import NotebookClient
path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(notebook, path)
"""


def python_of(environment: Path) -> Path:
    """The Python of an environment."""
    places = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
    return Path(places["scripts"]) / ("python.exe" if os.name == "nt" else "python")


def run_in(folder: Path, *words: str | Path, data: Path) -> str:
    environment = {**os.environ, "PYTHONUTF8": "1", "CIFAR10_ROOT": str(data)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def texts(path: Path) -> str:
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return path.read_text(encoding="utf-8")


def test_the_wheel_writes_lessons_whose_links_lead_to_what_it_writes(
    tmp_path: Path, sketch_root: Path, installed_wheel: Path
) -> None:
    python = python_of(installed_wheel)
    says = run_in(tmp_path, python.with_name("cifar-course"), "lessons", "here", data=sketch_root)
    here = tmp_path / "here"
    assert "jupyter lab" in says and (here / "notebooks" / "00_start_here.ipynb").exists()
    lessons = {path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    assert {path.name for path in (here / "notebooks").glob("*.ipynb")} == lessons
    assert not list(here.rglob("store.py"))
    rules = Path("notebooks", "conftest.py")  # a teacher's nbval compares no pictures here, either
    assert (here / rules).read_bytes() == (ROOT / rules).read_bytes()
    for path in [*here.rglob("*.ipynb"), *here.rglob("*.md")]:
        for link in LINK.findall(texts(path)):
            in_project = (ROOT / path.relative_to(here)).parent / link
            if in_project.exists():  # whether it does is tested with all other links
                assert (path.parent / link).exists(), f"{path.name} links to {link}"


@pytest.mark.slow
def test_lesson_02_runs_whole_where_only_the_wheel_is(tmp_path: Path, sketch_root: Path, installed_wheel: Path) -> None:
    python = python_of(installed_wheel)
    run_in(tmp_path, python.with_name("cifar-course"), "lessons", "here", data=sketch_root)
    notebooks = tmp_path / "here" / "notebooks"
    lesson = notebooks / "02_convolutions_and_kernels.ipynb"
    run_in(tmp_path, python, "-c", RUN, lesson, notebooks, data=sketch_root)
    outputs = str([cell.get("outputs") for cell in nbformat.read(lesson, as_version=4).cells])
    assert "sketches drawn by the course" in outputs and "loops and library agree: True" in outputs


# --- lessons ----------------------------------------------------------------------------------------------------


def test_a_file_in_which_a_learner_worked_is_kept_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lessons", str(tmp_path)]) == 0
    mine, missing = tmp_path / "notebooks" / "02_convolutions_and_kernels.ipynb", tmp_path / "resources" / "glossary.md"
    mine.write_text("my work", encoding="utf-8")
    missing.unlink()
    capsys.readouterr()
    assert main(["lessons", str(tmp_path)]) == 0
    says = capsys.readouterr().out
    assert mine.read_text(encoding="utf-8") == "my work" and missing.exists()
    assert (
        "1 files written" in says and "notebooks/02_convolutions_and_kernels.ipynb" in says and "rename yours" in says
    )
    assert "01_dataset_tour" not in says


def test_what_is_in_the_way_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["lessons", str(tmp_path / "file")]) == 1
    assert f"{tmp_path / 'file'} is not a folder" in capsys.readouterr().err
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_start_here.ipynb").mkdir()
    assert main(["lessons", str(tmp_path)]) == 1
    assert "00_start_here.ipynb is a folder, not a file. Move it away" in capsys.readouterr().err
    assert main(["lessons", ""]) == 1
    assert "the path is empty" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("name", ["course", "my course", "Übung 1 (2)", "R&D"])
def test_the_command_to_begin_with_can_be_copied_into_a_shell(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in (str(tmp_path / name), f"~/{name}"):
        command = report(folder, Written((), (), ())).splitlines()[-1].removeprefix("To begin: jupyter lab ")
        said = subprocess.run(["sh", "-c", f"printf '%s|' {command}"], capture_output=True, text=True, check=True)
        assert said.stdout == f"{tmp_path / name / 'notebooks' / '00_start_here.ipynb'}|"


# --- the others -------------------------------------------------------------------------------------------------


def test_download_says_why_there_is_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", str(tmp_path)]) == 1
    assert "CIFAR10_OFFLINE=1" in capsys.readouterr().err


def test_a_command_that_does_not_exist_is_answered_with_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["train"])
    assert "lessons" in capsys.readouterr().err
