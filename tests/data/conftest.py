"""Fixtures shared by the tests of data on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path, sketch_root: Path) -> Path:
    """An empty data folder with cached sketches, which take seconds to draw."""
    shutil.copytree(sketch_root / ".cache", tmp_path / "root" / ".cache")
    return tmp_path / "root"
