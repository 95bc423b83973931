"""A link from a lesson to the glossary, followed in JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import Lab
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]

LESSON = "07_evaluation.ipynb"


@pytest.fixture(scope="module")
def opened(lab: Lab) -> Lab:
    lab.open(LESSON)
    return lab


@pytest.fixture
def lesson(opened: Lab) -> Iterator[Lab]:
    """The lesson in front; the glossary is closed after each test, so that the next link opens it again."""
    yield opened
    opened.page.evaluate(
        """() => {
            for (const shown of [...window.jupyterapp.shell.widgets("main")])
                if (!shown.sessionContext) shown.dispose();
        }"""
    )


@pytest.mark.parametrize("term", ["recall", "F1", "reliability diagram"])
def test_a_link_opens_the_glossary_at_its_term(lesson: Lab, term: str) -> None:
    page = lesson.page.locator(".jp-MarkdownViewer:visible")
    expect(page).to_have_count(0)
    lesson.page.locator('a[href*="glossary.md"]').filter(has_text=term).first.click()
    expect(page.get_by_role("heading", name=term).last).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Glossary")).not_to_be_in_viewport()
    assert not lesson.errors, lesson.errors
