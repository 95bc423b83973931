"""The slides for teachers: one printed page per lesson, readable on a phone and in the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from helpers import ROOT
from playwright.sync_api import Browser, Page
from slides import FIGURES, NAME, link_slides, slides_page

LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SPILL = """() => [...document.querySelectorAll(".slide, .slide > *")].filter(
    box => box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1).map(
    box => box.closest(".slide").querySelector("h2").textContent)"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("slides") / NAME
    place.write_text(slides_page(LESSONS), encoding="utf-8")
    return place


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1123, "height": 794})
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(file.as_uri())
    yield opened
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    opened.close()


def test_each_lesson_is_printed_on_one_page(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.evaluate(SPILL) == []
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == len(LESSONS)


def test_a_slide_has_the_aims_what_was_seen_and_two_figures_with_words(page: Page) -> None:
    assert set(FIGURES) == {path.name[:2] for path in LESSONS}
    slides = page.locator(".slide")
    assert slides.count() == len(LESSONS)
    for slide in slides.all():
        assert [heading.inner_text() for heading in slide.locator("h3").all()] == ["You will be able to", "What we saw"]
        assert all(part.locator("li").count() >= 3 for part in slide.locator("ul").all())
        alts = [image.get_attribute("alt") or "" for image in slide.locator("img").all()]
        assert len(alts) == 2 and all(len(alt.split()) >= 5 for alt in alts)


def test_slides_are_accessible_on_a_phone_and_in_the_dark(page: Page) -> None:
    for width, theme in ((390, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        found = Axe().run(page).response["violations"]
        assert [violation["id"] for violation in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_teachers_page_links_to_them(tmp_path: Path) -> None:
    notes = tmp_path / "teaching.md"
    notes.write_text((ROOT / "resources" / "teaching.md").read_text(encoding="utf-8"), encoding="utf-8")
    link_slides(notes)
    assert f'<a href="../_static/{NAME}">{NAME}</a>' in notes.read_text(encoding="utf-8")


def test_a_figure_that_is_no_longer_shown_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FIGURES, "02", ("figures.kernel_results(", "figures.gone("))
    with pytest.raises(ValueError, match=r"02_\w+\.ipynb shows no picture where its code has 'figures\.gone\('"):
        slides_page(LESSONS)
