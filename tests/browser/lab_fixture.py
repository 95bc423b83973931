"""JupyterLab in Chromium for the tests of this folder: one server and one page, however many files ask for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab, browsing, serving


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, sketch_root: Path) -> Iterator[Lab]:
    """JupyterLab in Chromium, without data or with that of `BROWSER_TEST_DATA`.

    Without Chromium its tests are skipped, and with `CIFAR_COURSE_BROWSER=required` they fail.
    """
    data = Path(os.environ.get("BROWSER_TEST_DATA", str(sketch_root)))
    with browsing() as page, serving(tmp_path_factory.mktemp("lab"), data) as address:
        yield Lab(page, address)
