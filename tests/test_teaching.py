"""The schedules in the notes for teachers, against the minutes of the lessons."""

from __future__ import annotations

import re
from itertools import chain

import nbformat
import pytest
from helpers import ROOT

from cifar_helpers.doctor.lesson_times import READING

NOTES = (ROOT / "resources" / "teaching.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("unit", "count"), [("day", 5), ("week", 10)])
def test_a_schedule_has_every_lesson_once_in_order_with_its_minutes(unit: str, count: int) -> None:
    (table,) = re.findall(rf"^\| {unit} \|.+\n\|[-|]+\n((?:\|.+\n)+)", NOTES, re.M)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert [int(row[0]) for row in rows] == list(range(1, count + 1))
    lessons = [row[1].split(", ") for row in rows]
    assert list(chain.from_iterable(lessons)) == sorted(READING)
    assert [int(row[2]) for row in rows] == [sum(READING[lesson] for lesson in each) for each in lessons]


def test_every_lesson_longer_than_an_hour_has_a_marked_place_to_stop() -> None:
    assert "each lesson longer than an hour has one" in NOTES
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        if READING[path.name[:2]] > 60:
            text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
            assert "place to stop" in text, path.name
