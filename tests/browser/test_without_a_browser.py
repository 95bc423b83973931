"""Where Chromium is missing, the browser tests say so in one line, or fail where a browser is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT


@pytest.mark.parametrize(
    ("wanted", "code", "says"),
    [pytest.param("", 0, "NOT TESTED: the browser", marks=pytest.mark.slow), ("required", 1, "1 error")],
)
def test_a_missing_browser_is_told_and_where_it_is_required_an_error(
    tmp_path: Path, wanted: str, code: int, says: str, sketch_root: Path
) -> None:
    empty = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path), "CIFAR_COURSE_BROWSER": wanted}
    empty["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the tests of notebooks and the like are not needed here
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "test_an_exercise"]
    done = subprocess.run(
        [*command, "tests/browser/test_exercises_in_lab.py"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **empty, "CIFAR_COURSE_SKETCHES": str(sketch_root)},
    )  # fmt: skip
    assert done.returncode == code and says in done.stdout and "Chromium is missing" in done.stdout, done.stdout
