"""Fixtures for tests of the front end: `front` opens pages, and ends a test that left errors on a console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chrome import FrontEnd, keep_open, launched
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def _browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    keep_open(request.config)
    with launched() as browser:
        yield browser


@pytest.fixture
def front(_browser: Browser, tmp_path: Path) -> Iterator[FrontEnd]:
    """Opens widgets in Chromium; a page's complaints on its console fail the test."""
    front = FrontEnd(_browser, tmp_path)
    yield front
    front.close()
    assert front.errors == [], front.errors  # spelt out: pytest does not rewrite the asserts of a plugin
