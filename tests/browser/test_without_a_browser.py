"""Where Chromium is missing, the browser tests say so in one line, or fail where a browser is required."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import run_module


@pytest.mark.parametrize(
    ("wanted", "code", "says"),
    [pytest.param("", 0, "NOT TESTED: the browser", marks=pytest.mark.slow), ("required", 1, "1 error")],
)
def test_a_missing_browser_is_told_and_where_it_is_required_an_error(
    tmp_path: Path, wanted: str, code: int, says: str, sketch_root: Path
) -> None:
    empty = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path), "CIFAR_COURSE_BROWSER": wanted}
    empty["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the tests of notebooks and the like are not needed here
    empty["CIFAR_COURSE_SKETCHES"] = str(sketch_root)
    tests = str(Path(__file__).parent.parent / "web" / "test_chart.py")
    command = ["pytest", "-q", "-p", "no:cacheprovider", "-k", "test_hover", tests]
    done = run_module(tmp_path / "said", *command, environment=empty)
    assert done.code == code and says in done.out and "Chromium is missing" in done.out, done.out
