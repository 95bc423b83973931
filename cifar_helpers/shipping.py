"""Ship a trained network: packages that may be missing, what each form of it costs, and a model card."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import Any

from cifar_helpers._paths import resources

__all__ = ["installed", "model_card", "recorded_forms", "recorded_limits", "table_of_forms"]


def installed(*packages: str) -> bool:
    """Whether optional packages are installed; if any is missing, print how to install it.

    Args:
        packages: names to import, of packages that the extra `transfer` installs.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f'Not installed: {", ".join(missing)}. Run pip install "cifar-course[transfer]", then restart the kernel.'
        )
    return not missing


def recorded_forms() -> list[dict[str, Any]]:
    """What each form of the course's network costs, as `python -m benchmarks shipping` recorded it.

    Returns:
        One row per form, the unchanged network first: `what`, and where they were measured `bytes` of the file,
        `accuracy` (0..1) and `other class` (images out of 10,000), `points` and `error` (the difference in accuracy
        from the first row and its standard error, in points), `ms` and `ms of 100` (milliseconds per image one at a
        time and in batches of 100).
    """
    rows: list[dict[str, Any]] = _recorded()["rows"]
    return rows


def recorded_limits() -> dict[str, float]:
    """What the course's network does with pictures unlike those that it learned from, as the same command recorded it.

    Returns:
        Accuracy (0..1) on changed validation images and on drawings; and the share of drawings of a house with a tree
        that it gives one of the ten classes with more than 50 % probability.
    """
    shares: dict[str, float] = _recorded()["limits"]
    return shares


def _recorded() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((resources() / "shipping.json").read_text(encoding="utf-8"))
    return content


def table_of_forms(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `recorded_forms` as text in columns; what was not measured stays empty."""
    lines = [("", "file", "accuracy", "difference", "changed", "ms, one", "ms, 100"), *map(_cells, rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    shown = []
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True))]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    def text(name: str, form: str) -> str:
        return form.format(row[name]) if name in row else ""

    size = f"{row['bytes'] / 1e6:.2f} MB" if "bytes" in row else ""
    difference = f"{row['points']:+.2f} ± {2 * row['error']:.2f}" if "points" in row else ""
    return (
        row["what"],
        size,
        text("accuracy", "{:.2%}"),
        difference,
        text("other class", "{:,}"),
        text("ms", "{:.2f}"),
        text("ms of 100", "{:.2f}"),
    )


def model_card(name: str, fields: Mapping[str, str | EllipsisType]) -> str:
    """A model card: what others must know of a network before they use it (Mitchell and others, 2019).

    Args:
        name: of the network.
        fields: what the card says, by heading; `...` where something has still to be written.

    Returns:
        The card as Markdown. A last line lists the headings below which nothing is written.
    """
    texts = {heading: "" if text is ... else str(text).strip() for heading, text in fields.items()}
    parts = [f"# {name}", *(f"## {heading}\n\n{text or '(to be written)'}" for heading, text in texts.items())]
    missing = [heading for heading, text in texts.items() if not text]
    if missing:
        parts.append(f"Still to be written: {', '.join(missing)}.")
    return "\n\n".join(parts)
