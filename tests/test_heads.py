"""What depends on the project's address: in a copy of the project in which it is set, and removed again."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from forked_kernel import execute
from helpers import ROOT
from packaging.requirements import Requirement

from cifar_helpers import heads
from cifar_helpers.__main__ import main
from cifar_helpers.heads import TAG, repository, with_head

ADDRESS = "https://github.com/someone/some-course"
LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))

RECORD_PIP = """
import sys
asked = []
get_ipython().register_magic_function(asked.append, magic_name="pip")
"""


def set_address(project: Path, address: str | None) -> None:
    """Set or remove the one setting, as a fork does."""
    file = project / "pyproject.toml"
    text = re.sub(r"^Repository = .*\n", "", file.read_text(encoding="utf-8"), flags=re.M)
    line = "" if address is None else f'Repository = "{address}"\n'
    file.write_text(text.replace("[project.urls]\n", f"[project.urls]\n{line}"), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files that may change, in which no address is set; the package takes it for its own checkout."""
    copy = tmp_path / "project"
    (copy / "notebooks").mkdir(parents=True)
    for name in (*(f"notebooks/{name}" for name in LESSONS), "README.md", "CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    set_address(copy, None)
    heads.write_heads(copy, None)  # a fork's own files have its heads
    monkeypatch.setattr(heads, "checkout", lambda: copy)
    return copy


def contents(project: Path) -> dict[str, bytes]:
    files = [*project.glob("notebooks/[0-9]*.ipynb"), project / "README.md", project / "CITATION.cff"]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def installing_cell(text: str) -> nbformat.NotebookNode:
    (cell,) = [c for c in nbformat.reads(text, as_version=4).cells if TAG in c.metadata.get("tags", [])]
    return cell


@pytest.mark.parametrize("name", LESSONS)
def test_a_stored_notebook_has_the_head_for_the_address_that_is_set(name: str) -> None:
    text = (ROOT / "notebooks" / name).read_text(encoding="utf-8")
    assert with_head(text, name, repository()) == text, "run make heads"
    assert repository() is not None or ("%pip" not in text and "Open in Colab" not in text)


def test_the_command_writes_every_head_and_removes_it_to_the_last_byte(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(project)
    assert f"git+{ADDRESS}" not in str(before)
    set_address(project, ADDRESS)
    assert heads.main() == 0
    assert f"{len(LESSONS) + 2} files changed" in capsys.readouterr().out
    for name in LESSONS:
        text = (project / "notebooks" / name).read_text(encoding="utf-8")
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
        title, link, *_ = notebook.cells[0].source.split("\n\n")
        assert title.startswith(f"# {name[:2]} · ")
        place = "https://colab.research.google.com/github/someone/some-course/blob/main/notebooks"
        assert link == f"[Open in Colab]({place}/{name})"
        assert notebook.cells[1] == installing_cell(text)
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert (
        "(https://someone.github.io/some-course/)" in readme and "mybinder.org/v2/gh/someone/some-course/main" in readme
    )
    citation = yaml.safe_load((project / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["repository-code"] == ADDRESS
    assert heads.main() == 0 and "0 files changed" in capsys.readouterr().out
    set_address(project, None)
    assert heads.main() == 0
    assert contents(project) == before


@pytest.mark.parametrize("missing", [False, True])
def test_the_cell_installs_the_course_only_where_it_is_missing(tmp_path: Path, missing: bool) -> None:
    text = (ROOT / "notebooks" / LESSONS[2]).read_text(encoding="utf-8")
    cell = installing_cell(with_head(text, LESSONS[2], ADDRESS))
    hide = 'sys.modules["cifar_helpers"] = None\n' if missing else ""
    sources = [RECORD_PIP + hide, cell.source, "import json; print(json.dumps(asked))"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    execute(notebook, tmp_path)
    asked = json.loads(notebook.cells[-1].outputs[0].text)
    if not missing:
        assert asked == []
        return
    *words, wanted = shlex.split(asked[0])
    requirement = Requirement(wanted)
    assert words == ["install", "-q"] and requirement.name == "cifar-course" and requirement.extras == {"course"}
    assert requirement.url == f"git+{ADDRESS}"


def test_elsewhere_than_on_github_there_is_no_link_to_colab() -> None:
    text = (ROOT / "notebooks" / LESSONS[0]).read_text(encoding="utf-8")
    elsewhere = with_head(text, LESSONS[0], "https://git.example.org/group/course")
    assert "Open in Colab" not in elsewhere
    assert "git+https://git.example.org/group/course" in installing_cell(elsewhere).source


def test_a_wrong_address_changes_nothing_and_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(project)
    set_address(project, "https://github.com/someone/x' ; rm")
    for command in (heads.main, lambda: main(["lessons", str(project / "here")])):
        assert command() == 1
        said = capsys.readouterr().err
        assert "Repository in [project.urls]" in said and "x' ; rm" in said
    assert contents(project) == before and not (project / "here").exists()


def test_lessons_are_written_with_the_same_heads(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_address(project, ADDRESS)
    for _ in range(2):
        assert main(["lessons", str(project / "here")]) == 0
    assert "0 files written" in capsys.readouterr().out
    heads.main()
    for name in LESSONS:
        assert (project / "here/notebooks" / name).read_bytes() == (project / "notebooks" / name).read_bytes()


def test_a_wheel_says_the_address_in_its_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    information = tmp_path / "cifar_course-9.dist-info"
    information.mkdir()
    lines = ["Metadata-Version: 2.4", "Name: cifar-course", "Version: 9", f"Project-URL: Repository, {ADDRESS}.git"]
    (information / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(heads, "checkout", lambda: None)
    assert repository() == ADDRESS
    (information / "METADATA").write_text("\n".join(lines[:3]) + "\n", encoding="utf-8")
    assert repository() is None
