"""The buttons that need the project's address: there and right where it is set, and absent where it is not."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from source import ROOT

GITHUB = "https://github.com/someone/course"
GITLAB = "https://gitlab.com/someone/course"


def built(folder: Path, address: str) -> dict[str, str]:
    """A lesson, a text and a page of the site's own, with the site's configuration; by name the HTML of each."""
    pytest.importorskip("myst_nb", reason="needs the extra `site`: make site-test")
    from icons import only_used_icons
    from sphinx.cmd.build import build_main

    source, pages = folder / "source", folder / "html"
    (source / "notebooks").mkdir(parents=True)
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Lesson")]),
        source / "notebooks/02_lesson.ipynb",
    )
    (source / "resources").mkdir()
    (source / "resources/glossary.md").write_text("# Glossary\n")
    (source / "index.md").write_text("# Start\n\n```{toctree}\nnotebooks/02_lesson\nresources/glossary\n```\n")
    set_here = ["-D", f"repository={address}", "-D", f"html_static_path={ROOT / 'site/theme'}"]
    assert build_main(["-q", "-W", "-c", str(ROOT / "site"), *set_here, str(source), str(pages)]) == 0
    only_used_icons(pages)
    names = ("index", "notebooks/02_lesson", "resources/glossary")
    return {name: (pages / f"{name}.html").read_text(encoding="utf-8") for name in names}


def links(page: str) -> set[str]:
    """The links to other sites, without what an issue is to say."""
    return {link.partition("?")[0] for link in re.findall(r'href="(https?://[^"]+)"', page)}


@pytest.mark.filterwarnings("ignore")
def test_on_github_a_page_links_to_its_file_to_issues_and_a_lesson_to_colab(tmp_path: Path) -> None:
    pages = built(tmp_path, GITHUB)
    always = {GITHUB, f"{GITHUB}/issues/new"}
    lesson = "notebooks/02_lesson.ipynb"
    colab = f"https://colab.research.google.com/github/someone/course/blob/main/{lesson}"
    assert links(pages["index"]) == always  # its text is made by site/build.py
    assert links(pages["notebooks/02_lesson"]) == {*always, f"{GITHUB}/edit/main/{lesson}", colab}
    assert links(pages["resources/glossary"]) == {*always, f"{GITHUB}/edit/main/resources/glossary.md"}
    assert 'href="../_sources/notebooks/02_lesson.ipynb"' in pages["notebooks/02_lesson"]


@pytest.mark.filterwarnings("ignore")
def test_on_gitlab_there_is_no_colab(tmp_path: Path) -> None:
    found = links(built(tmp_path, GITLAB)["notebooks/02_lesson"])
    edit = f"{GITLAB}/-/edit/main/notebooks/02_lesson.ipynb"
    assert found == {GITLAB, f"{GITLAB}/-/issues/new", edit}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["", "https://example.org/someone/course"])
def test_without_an_address_that_the_theme_knows_no_page_links_elsewhere(tmp_path: Path, address: str) -> None:
    pages = built(tmp_path, address)
    assert [links(page) for page in pages.values()] == [set()] * 3
    assert 'href="../_sources/notebooks/02_lesson.ipynb"' in pages["notebooks/02_lesson"]
