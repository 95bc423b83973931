"""What nbval does not ask of a cell: the same result when it is run again, and a check that says right.

`pytest --nbval-lax notebooks tests/notebooks` runs each cell of a lesson once and compares the outputs of those with
the tag `nbval-check-output`. Here each cell that took little time is run again in the same kernel, and in the end
each that asks something with the right answer.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Generator
from pathlib import Path

import nbformat
import pytest
from lesson_cells import answered, heard, is_right, shown
from nbval.plugin import IPyNbCell

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
# Seconds: what takes longer is run once. Once a week, on all sketches, cells of up to two seconds are run twice.
BRIEF = 2 if "CIFAR10_SKETCHES" in os.environ else 0.1
FEWER = "500"  # training sketches in a kernel, unless CIFAR10_SKETCHES says how many; once a week it says all


class RunAgain:
    """A plugin, for the hooks of a conftest.py reach only the tests in its own folder."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        if isinstance(item, IPyNbCell) and "CIFAR10_SKETCHES" not in os.environ:
            os.environ["CIFAR10_SKETCHES"] = FEWER  # for the kernel, which starts here
            try:
                yield
            finally:
                del os.environ["CIFAR10_SKETCHES"]
        else:
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        start = time.perf_counter()
        yield
        if isinstance(item, IPyNbCell):
            check(item, time.perf_counter() - start)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The lessons that take longest come first, lest one worker ends long after the other."""
        seconds = json.loads((RESOURCES / "lesson_seconds.json").read_text(encoding="utf-8"))["seconds"]
        items.sort(key=lambda item: -seconds.get(item.path.stem, 0))


def check(item: IPyNbCell, seconds: float) -> None:
    """Ask more of a cell that ran without an error."""
    lesson, source, outputs = item.path.stem[:2], item.cell.source, item.test_outputs
    timing = lesson == "05"  # the lesson that measures: nearly all of its numbers are times
    shows, stored = shown(outputs, timing).count("picture"), shown(item.cell.outputs, timing).count("picture")
    assert shows == stored, f"{shows} pictures are shown, and {stored} are stored: run it with make run\n{source}"
    if seconds < BRIEF:
        item.runtest()
        again = shown(item.test_outputs, timing)
        assert again == shown(outputs, timing), f"another result in the second run:\n{source}"
    if "checks.progress(" in source:  # the last cell: now nothing is compared any more that answers would change
        put_answers_in(item)
        counts = re.findall(r"(\d+) of (\d+) (exercises|predictions|quiz)", run(item, source))
        assert [what for *_, what in counts] == ["exercises", "predictions", "quiz"]
        assert all(done == of for done, of, _ in counts), counts


def put_answers_in(item: IPyNbCell) -> None:
    """Run all cells of the lesson that ask something once more, with the right answers; their checks have to say so."""
    for cell in item.parent.nb.cells:
        if cell.cell_type == "code" and (with_answer := answered(cell.source)) != cell.source:
            told = run(item, with_answer)
            assert is_right(told), f"{with_answer}\n{told}"


def run(item: IPyNbCell, source: str) -> str:
    """What other code says in the kernel of this cell."""
    item.cell = nbformat.from_dict({**item.cell, "source": source})
    item.options["check"] = False
    item.runtest()
    return heard(item.test_outputs)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(RunAgain())
