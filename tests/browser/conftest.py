"""JupyterLab, started as a learner starts it, and Chromium to drive it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import CHROMIUM, Lab, browsing, serving
from playwright.sync_api import Page


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without data, or with that of `BROWSER_TEST_DATA`."""
    data = os.environ.get("BROWSER_TEST_DATA", str(tmp_path_factory.getbasetemp() / "no-data"))
    with serving(tmp_path_factory.mktemp("lab"), Path(data)) as address:
        yield address


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium on the PATH")
    with browsing() as page:
        yield page


@pytest.fixture(scope="session")
def lab(page: Page, server: str) -> Lab:
    return Lab(page, server)
