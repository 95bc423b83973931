"""On the site there is nothing to install."""

from __future__ import annotations

from pathlib import Path

import nbformat
from helpers import ROOT
from source import write_lesson

from cifar_helpers.heads import with_head

NAME = "02_convolutions_and_kernels.ipynb"


def test_a_page_does_not_show_the_cell_that_installs_the_course(tmp_path: Path) -> None:
    text = (ROOT / "notebooks" / NAME).read_text(encoding="utf-8")
    lesson = tmp_path / NAME
    shown = []
    for address in (None, "https://github.com/someone/some-course"):
        lesson.write_text(with_head(text, NAME, address), encoding="utf-8")
        write_lesson(lesson, tmp_path / "source", tmp_path / "pictures", {}, set())
        page = nbformat.read(tmp_path / "source" / "notebooks" / NAME, as_version=4)
        shown.append([cell.source for cell in page.cells])
    without, with_link = shown
    assert without[1:] == with_link[1:]
    assert "Open in Colab" in with_link[0] and "Open in Colab" not in without[0]
