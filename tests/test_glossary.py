"""The glossary has each term once, in order, with the lesson that introduces it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT

GLOSSARY = ROOT / "resources" / "glossary.md"
ENTRIES = re.findall(r"^- \*\*(.+?)\*\*: (.+) \[(\d\d)\]\((.+?)\)$", GLOSSARY.read_text(encoding="utf-8"), re.M)


def prose(lesson: Path) -> str:
    cells = nbformat.read(lesson, as_version=4).cells
    return " ".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")


def test_every_line_is_an_entry_and_terms_are_in_order_and_stand_once() -> None:
    lines = [line for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("-")]
    names = [name.casefold() for name, *_ in ENTRIES]
    assert len(lines) == len(names) == len(set(names)) and names == sorted(names)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[0])
def test_the_lesson_is_the_first_that_sets_the_term_apart(entry: tuple[str, str, str, str]) -> None:
    name, _, number, link = entry
    lesson = (GLOSSARY.parent / link).resolve()
    assert lesson.is_file() and lesson.name.startswith(number)
    set_apart = re.compile(rf"\*{re.escape(name)}\*", re.I)
    first = next(p for p in sorted(lesson.parent.glob("0*.ipynb")) if set_apart.search(prose(p)))
    assert first == lesson


def test_the_notes_for_teachers_cover_every_lesson_with_its_minutes() -> None:
    notes = (GLOSSARY.parent / "teaching.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (\d\d) .+? \((\d+) minutes\)\n(.*?)(?=^## |\Z)", notes, re.M | re.S)
    lessons = sorted((GLOSSARY.parent.parent / "notebooks").glob("0*.ipynb"))
    assert [number for number, *_ in sections] == [lesson.name[:2] for lesson in lessons]
    for (_, minutes, text), lesson in zip(sections, lessons, strict=True):
        assert f"**Time:** {minutes} minutes" in prose(lesson)
        assert all(f"*{part}:*" in text for part in ("Objectives", "Misconceptions", "Ask"))
