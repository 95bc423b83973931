"""Widgets in Notebook 7: shown, without an error, and operated from the keyboard."""

from __future__ import annotations

import pytest
from lab import ALL_WIDGETS, SHOWN, SOME_WIDGETS, Lab
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]


@pytest.mark.parametrize("name", [SOME_WIDGETS, pytest.param(ALL_WIDGETS, marks=pytest.mark.slow)], ids=["some", "all"])
def test_widgets_work_in_notebook_7(lab: Lab, name: str) -> None:
    browser = lab.page.context.browser
    assert browser is not None
    with browser.new_page() as page:
        notebook = Lab(page, lab.server, "notebooks")
        notebook.open(name)
        assert notebook.run_all(), "a cell failed"
        expect(page.locator("[data-cifar-widget] .cw")).to_have_count(len(SHOWN[name]), timeout=90_000)
        middle = page.locator("[data-cifar-widget=kernel_bench]").get_by_role("spinbutton").nth(4)
        middle.focus()
        before = middle.input_value()
        page.keyboard.press("ArrowUp")
        expect(middle).not_to_have_value(before)
        assert not notebook.errors, notebook.errors
        # JupyterLab gets a kernel of its own: it would take over widgets of this one while its cells replace them.
        notebook.close()
