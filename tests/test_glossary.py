"""The glossary has each term once, in order, with the lesson that introduces it, and links lead to its terms."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT

GLOSSARY = ROOT / "resources" / "glossary.md"
LESSONS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
TEXT = GLOSSARY.read_text(encoding="utf-8")
# Heading with anchors, definition, lesson.
ENTRIES = re.findall(r"^### ((?:<a id=\"[^\"]+\"></a>)*)(.+)\n\n(.+) \[Lesson (\d\d)\]\((.+?)\)$", TEXT, re.M)


def prose(lesson: Path) -> str:
    cells = nbformat.read(lesson, as_version=4).cells
    return " ".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")


PROSE = {lesson: prose(lesson) for lesson in LESSONS}


def slug(term: str) -> str:
    """The anchor of a term, as links write it."""
    return re.sub("[ /]", "-", term.lower())


def anchors(written: str, term: str) -> set[str]:
    """The ids that lead to an entry in JupyterLab: that of its heading, which keeps capitals, and those in it."""
    return {term.replace(" ", "-"), *re.findall('id="([^"]+)"', written)}


def test_every_heading_is_an_entry_and_terms_are_unique_and_in_order() -> None:
    names = [term.casefold() for _, term, *_ in ENTRIES]
    assert len(re.findall("^### ", TEXT, re.M)) == len(names) == len(set(names)) and names == sorted(names)


def test_every_term_is_below_its_first_letter() -> None:
    for part in re.split("^## ", TEXT, flags=re.M)[1:]:
        headings = re.findall("^### (?:<.+>)?(.)", part, re.M)
        assert headings and {first.upper() for first in headings} == {part[0]}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[1])
def test_every_term_has_an_anchor_of_its_own(entry: tuple[str, ...]) -> None:
    written, term, *_ = entry
    assert slug(term) in anchors(written, term)
    others = set().union(*(anchors(other, name) for other, name, *_ in ENTRIES if name != term))
    assert not anchors(written, term) & others


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[1])
def test_the_lesson_exists_and_no_earlier_one_links_to_the_term(entry: tuple[str, ...]) -> None:
    written, term, _, number, link = entry
    lesson = (GLOSSARY.parent / link).resolve()
    assert lesson in LESSONS and lesson.name.startswith(number)
    linked = re.compile(rf"glossary\.md#(?:{'|'.join(map(re.escape, anchors(written, term)))})\)")
    assert not [one.name for one in LESSONS if one < lesson and linked.search(PROSE[one])]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name[:2])
def test_every_link_to_the_glossary_leads_to_a_term(lesson: Path) -> None:
    known = set().union(*(anchors(written, term) for written, term, *_ in ENTRIES))
    links = re.findall(r"\]\(\.\./resources/glossary\.md(#[^)]*)?\)", PROSE[lesson])
    assert [link for link in links if link and link[1:] not in known] == []
    if lesson.name[:2] != "00":  # which links to the whole page
        assert all(links), "a link has no anchor"


def test_the_notes_for_teachers_cover_every_lesson_with_its_minutes() -> None:
    notes = (GLOSSARY.parent / "teaching.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (\d\d) .+? \((\d+) minutes\)\n(.*?)(?=^## |\Z)", notes, re.M | re.S)
    assert [number for number, *_ in sections] == [lesson.name[:2] for lesson in LESSONS]
    for (_, minutes, text), lesson in zip(sections, LESSONS, strict=True):
        assert f"**Time:** {minutes} minutes" in PROSE[lesson]
        assert all(f"*{part}:*" in text for part in ("Objectives", "Misconceptions", "Ask"))
