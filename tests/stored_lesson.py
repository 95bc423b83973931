"""What a lesson says and shows as it is stored, for the tests of its claims."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import nbformat
import pytest
from helpers import NOTEBOOKS, code_cells

from cifar_helpers import Cifar10, load_run
from cifar_helpers.runs import Run

BOTH = [pytest.param("sketches"), pytest.param("real_data", marks=pytest.mark.real)]
"""The fixtures of a test that holds for the sketches and for the real data."""


class StoredLesson:
    """A lesson by its number, such as "04"."""

    def __init__(self, number: str) -> None:
        (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
        self.number = number
        self.cells = nbformat.read(path, as_version=4).cells

    @property
    def prose(self) -> str:
        """All text cells, with single spaces."""
        return " ".join(" ".join(cell.source.split()) for cell in self.cells if cell.cell_type == "markdown")

    def text(self, words: str) -> str:
        """The one cell of Markdown that contains the words."""
        (source,) = [cell.source for cell in self.cells if cell.cell_type == "markdown" and words in cell.source]
        return str(source)

    def stored(self, words: str) -> str:
        """What the one code cell that contains the words printed on the real data, or the alt text of its picture."""
        (cell,) = [cell for cell in self.cells if cell.cell_type == "code" and words in cell.source]
        # A folded cell begins with an output that has no data, see notebooks/store.py.
        shown = [output for output in cell.outputs if output.get("data") != {}]
        return "\n".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in shown)

    def state(self, widget: str) -> dict[str, Any]:
        """The state with which the one stored widget of this name comes to life on a page."""
        outputs = [output.get("data", {}) for cell in self.cells for output in cell.get("outputs", [])]
        pattern = rf'<div data-widget="{widget}" data-state="([^"]*)"'
        (found,) = [match for data in outputs for match in re.findall(pattern, data.get("text/html", ""))]
        state: dict[str, Any] = json.loads(html.unescape(found))
        return state

    def first_names(self, data: Cifar10, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """What the lesson's first code cell defines with these data."""
        monkeypatch.chdir(NOTEBOOKS)
        monkeypatch.setattr("cifar_helpers.load_cifar10", lambda: data)
        names: dict[str, Any] = {}
        exec(code_cells(self.number)[0], names)
        return names


def numbers(printed: str) -> list[float]:
    """All numbers in a text, in order; "1,000" is one number."""
    return [float(number.replace(",", "")) for number in re.findall(r"-?\d[\d,]*\.?\d*(?:e-\d+)?", printed)]


def three_seeds(name: str) -> list[Run]:
    """The recorded runs of a recipe with the seeds 0, 1 and 2."""
    return [load_run(name + seed) for seed in ("", "-seed-1", "-seed-2")]
