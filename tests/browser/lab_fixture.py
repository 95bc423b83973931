"""JupyterLab in Chromium for the tests of this folder: one server and one page, however many files ask for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import CHROMIUM, Lab, browsing, serving


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab in Chromium, without data or with that of `BROWSER_TEST_DATA`."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium on the PATH")
    data = Path(os.environ.get("BROWSER_TEST_DATA", str(tmp_path_factory.getbasetemp() / "no-data")))
    with serving(tmp_path_factory.mktemp("lab"), data) as address, browsing() as page:
        yield Lab(page, address)
