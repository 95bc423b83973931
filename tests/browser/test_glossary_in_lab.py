"""A link from a lesson to the glossary, followed in JupyterLab."""

from __future__ import annotations

import pytest
from lab import Lab
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]

LESSON = "07_evaluation.ipynb"


@pytest.mark.parametrize("term", ["recall", "F1", "reliability diagram"])
def test_a_link_opens_the_glossary_at_its_term(lab: Lab, term: str) -> None:
    lab.open(LESSON)
    lab.page.locator('a[href*="glossary.md"]').filter(has_text=term).first.click()
    page = lab.page.locator(".jp-MarkdownViewer:visible")
    expect(page.get_by_role("heading", name=term).last).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Glossary")).not_to_be_in_viewport()
    assert not lab.errors, lab.errors
