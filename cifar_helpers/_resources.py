"""Where the recorded runs and the pictures lie: in the checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path


def resources() -> Path:
    """The folder with `runs/` and `inputs/`."""
    package = Path(__file__).resolve().parent
    inside = package / "_resources"
    return inside if inside.is_dir() else package.parent / "resources"
