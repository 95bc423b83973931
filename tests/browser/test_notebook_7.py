"""Every widget in Notebook 7: shown, without an error, and with one state in Python and in the browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import ALL_WIDGETS, Lab, serving
from playwright.sync_api import expect
from widget_gallery import WIDGETS

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]


def test_every_widget_works_in_notebook_7(lab: Lab, tmp_path: Path, sketch_root: Path) -> None:
    browser = lab.page.context.browser
    assert browser is not None
    with serving(tmp_path, sketch_root, "notebook") as address, browser.new_page() as page:
        notebook = Lab(page, address, "notebooks")
        notebook.open(ALL_WIDGETS)
        assert notebook.run_all(), "a cell failed"
        expect(page.locator("[data-cifar-widget] .cw")).to_have_count(len(WIDGETS), timeout=90_000)
        middle = page.locator("[data-cifar-widget=kernel_bench]").get_by_role("spinbutton").nth(4)
        middle.focus()
        before = middle.input_value()
        page.keyboard.press("ArrowUp")
        expect(middle).not_to_have_value(before)
        assert not notebook.errors, notebook.errors
