"""Every notebook, run cell by cell twice over in a real kernel: the same result each time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
# Times differ from run to run, and so do the numbers that are made of them.
TIMED = re.compile(r"\d+(\.\d+)?\s*(s|ms|µs|seconds?|minutes?|×|times|images/s)\b|step/s|\bit/s", re.I)


def shown(cell: nbformat.NotebookNode, timing: bool) -> list[Any]:
    """Text that a cell printed, without lines that tell a time (`timing`: without any number), and its pictures."""
    result: list[Any] = []
    for output in cell.outputs:
        data = output.get("data", {})
        text = output.get("text", "") or data.get("text/plain", "")
        lines = [line for line in text.splitlines() if not TIMED.search(line) and "object at" not in line]
        result += [re.sub(r"[\d.,]+", "#", line) for line in lines] if timing else lines
        result += ["picture"] * ("image/png" in data)
    return result


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_cell_may_be_run_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "no-data"  # shared: the sketches are drawn once
    monkeypatch.setenv("CIFAR10_ROOT", str(root))
    notebook = nbformat.read(path, as_version=4)
    timing = path.stem.startswith("05")  # the lesson that measures: nearly all of its numbers are times
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        coalesce_streams=True,
    )
    with client.setup_kernel():
        for k, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            client.execute_cell(cell, k)
            first = shown(cell, timing)
            client.execute_cell(cell, k)
            assert shown(cell, timing) == first, f"cell {k} gives another result when it is run again:\n{cell.source}"
