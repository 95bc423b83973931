"""What the measurements share: peak memory, medians with spread, and a table."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cifar_helpers import Cifar10, load_cifar10

Row = dict[str, Any]


def real_data() -> Cifar10:
    """CIFAR-10, or an end with a message: on other pictures accuracies and sizes would mean nothing."""
    return load_cifar10(source="cifar10", download=False)


def peak_megabytes() -> float:
    """Most memory that this process has held; NaN where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    return int(status.read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]) / 1000


def apart(module: str, *arguments: str) -> Row:
    """Run `python -m MODULE ARGUMENTS` and read the JSON in its last line: a fresh process for each measurement."""
    command = [sys.executable, "-m", module, *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{shown.stderr[-2000:]}")
    row: Row = json.loads(shown.stdout.splitlines()[-1])
    return row


def middle(values: Sequence[float]) -> Row:
    """Median, smallest and largest."""
    return {
        "median": round(statistics.median(values), 2),
        "smallest": round(min(values), 2),
        "largest": round(max(values), 2),
        "repeats": len(values),
    }


FIGURES = (
    "median", "mean seconds", "GFLOP/s", "share of time", "ms per image", "ms per step", "seconds", "queued ms", "ms",
)  # fmt: skip
"""Columns with what a part measures; those before it in a row say of what."""


def with_former(rows: Sequence[Row], former: Sequence[Row]) -> list[Row]:
    """The rows, each with what its figure was in a former run, in a column `was` behind it; nothing is added to others.

    Args:
        rows: as a part of the benchmark gives them. A row's figure is in the first of its columns that `FIGURES` names.
        former: those of the former run. A row is the same if all columns before the figure are.
    """
    known = {what: row[figure] for row in former for what, figure in [_figure(row)] if figure}
    found: list[Row] = []
    for row in rows:
        what, figure = _figure(row)
        columns = list(row.items())
        if what in known:
            columns.insert(list(row).index(figure) + 1, ("was", known[what]))
        found.append(dict(columns))
    return found


def _figure(row: Row) -> tuple[tuple[Any, ...], str]:
    """What a row is about, and the name of the column with its figure; empty if it has none."""
    for k, name in enumerate(row):
        if name in FIGURES:
            return (*list(row.values())[:k], name), name
    return (), ""


def table(title: str, rows: Sequence[Row]) -> str:
    """Rows as text in columns."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *([_text(row.get(c, "")) for c in columns] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([f"\n{title}", *lines])


def _text(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
