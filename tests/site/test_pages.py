"""Every page of the site in a browser: nothing from elsewhere, no error, accessible, as wide as the window."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from source import ROOT, lessons, texts

LESSONS = [path.stem for path in lessons(ROOT)]
NAMES = [
    *("index", "install", "reuse", "search"),
    *(name.removesuffix(".md") for name in texts(ROOT)),
    *(f"notebooks/{lesson}" for lesson in LESSONS),
]
WIDTHS = (390, 1280)
WITH_TERMS = "notebooks/02_convolutions_and_kernels.html"


class Opened:
    """A page, and what went wrong in it."""

    def __init__(self, visits: BrowserContext, address: str) -> None:
        self.page = visits.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("response", lambda r: self.wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        here = (address, "data:", "blob:")
        self.page.on("request", lambda r: None if r.url.startswith(here) else self.wrong.append(r.url))


@pytest.fixture(scope="module")
def visits(browser: Browser) -> Iterator[BrowserContext]:
    """A profile for one page after the other: styles and scripts that all of them have are read once.

    Without motion: axe would measure the colours of a button that is still changing them.
    """
    context = browser.new_context(reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def page(visits: BrowserContext, address: str) -> Iterator[Page]:
    """A page at 1,280 pixels; whatever goes wrong in it fails the test."""
    opened = Opened(visits, address)
    opened.page.set_viewport_size({"width": 1280, "height": 900})
    opened.page.emulate_media(color_scheme="light")
    yield opened.page
    opened.page.close()
    assert opened.wrong == []


def too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


# axe would look at each word of each cell, and at what it lies on; so every cell becomes one text of one colour.
PLAIN_CODE = 'document.querySelectorAll(".highlight pre").forEach(code => { code.textContent = code.textContent; })'
# The contrast of a text follows from how it and all that it lies in are drawn. Where that is the same, three texts of a
# kind are enough, in half the time; three, because axe cannot judge a text that something covers, or a single letter.
ALIKE = """() => {
    const seen = new Map();
    const known = new Map([[null, ""]]);
    const ground = element => {
        if (!known.has(element)) {
            const style = getComputedStyle(element);
            const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.mixBlendMode, style.filter,
                style.position, style.clip, style.clipPath, element.matches(":disabled, [aria-disabled=true]")].join();
            const around = ground(element.parentElement);
            known.set(element, around.endsWith(own) ? around : `${around}\n${own}`);
        }
        return known.get(element);
    };
    let alike = 0;
    for (const element of document.body.querySelectorAll("*")) {
        element.removeAttribute("data-alike");
        const said = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
        if (!said.some(text => text.data.trim().length > 1)) continue;
        const style = getComputedStyle(element);
        const drawn = [element.tagName, style.color, style.fontSize, style.fontWeight, style.textShadow,
            element.checkVisibility({ visibilityProperty: true }), ground(element)].join();
        const before = seen.get(drawn) ?? 0;
        element.toggleAttribute("data-alike", before >= 3);
        alike += before >= 3;
        seen.set(drawn, before + 1);
    }
    axe.configure({ rules: [{ id: "color-contrast", selector: ":not([data-alike])" }] });
    return alike;
}"""
# Without preload, in which axe itself looks for the theme's stylesheets in the wrong folder.
AXE = """() => axe.run({ preload: false, resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)}`)))"""


# In make test axe sees half of the pages narrow and light, and the others wide and dark; once a week it sees each page
# in each width and theme, and the contrast of every text.
LOOKS = [(390, "light"), (1280, "dark")]
ALL = [(width, theme) for width in WIDTHS for theme in ("light", "dark")]


@pytest.mark.parametrize("looks", [LOOKS, pytest.param(ALL, marks=pytest.mark.slow)], ids=["looks", "all"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_and_accessible(
    visits: BrowserContext, address: str, name: str, looks: list[tuple[int, str]]
) -> None:
    opened = Opened(visits, address)
    page = opened.page
    width, theme = looks[0]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{address}{name}.html")
    page.evaluate(Axe().axe_script)
    for look_number, (width, theme) in enumerate(looks):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        look = f"at {width} pixels, {theme}"
        assert too_wide(page) <= 0, look
        if looks is LOOKS and look_number != NAMES.index(name) % 2:
            continue
        if name != "reuse":  # one page is enough for the colours of code
            page.evaluate(PLAIN_CODE)
        if looks is LOOKS:
            assert page.evaluate(ALIKE) > 10
        assert page.evaluate(AXE) == [], look
    page.close()
    assert opened.wrong == []


def test_a_dark_page_is_dark_before_the_scripts_of_its_end_have_run(page: Page, address: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.route("**/pydata-sphinx-theme.js*", lambda route: route.fulfill(body=""))
    page.goto(address + WITH_TERMS)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_term_says_what_it_means_by_pointer_and_by_keyboard(page: Page, address: str) -> None:
    page.goto(address + WITH_TERMS)
    term = page.locator("a.term[href$='#padding']").first
    tip = page.get_by_role("tooltip")
    expect(tip).to_have_count(0)
    term.hover()
    expect(tip).to_contain_text("border")
    expect(term).to_have_attribute("aria-describedby", "term-tip")
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    term.focus()
    expect(tip).to_contain_text("border")
    box = tip.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 1280
    term.blur()
    expect(tip).to_have_count(0)


def test_results_stay_folded_until_the_reader_opens_them_and_are_printed(page: Page, address: str) -> None:
    page.goto(address + WITH_TERMS)
    folded = page.locator("details.reveals")
    picture = page.locator("details.reveals img").first
    assert folded.count() > 10 and not picture.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.reveals[open]").count() == 0
    page.locator("details.reveals:has(img) > summary").first.click()
    expect(picture).to_be_visible()


def test_the_search_finds_a_word_of_a_lesson(page: Page, address: str) -> None:
    page.goto(f"{address}search.html?q=dilation")
    expect(page.locator("#search-results a[href*='02_convolutions']").first).to_be_visible(timeout=20_000)


def test_formulas_are_drawn_without_a_script(page: Page, address: str) -> None:
    page.goto(address + WITH_TERMS)
    matrix = page.locator("div.math math mtable").first
    box = matrix.bounding_box()
    assert box is not None and box["height"] > 40 and box["width"] > 40


# --- without a browser --------------------------------------------------------------------------------------------


class Read(HTMLParser):
    """The places, links and pictures of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "img":
            self.images.append(given)
        self.links += [str(given[name]) for name in ("href", "src") if given.get(name) and tag != "base"]


@pytest.fixture(scope="module")
def read(pages: Path) -> dict[str, Read]:
    files = [file for file in pages.rglob("*.html") if "_static" not in file.parts]
    return {file.relative_to(pages).as_posix(): Read(file) for file in files}


def test_every_page_that_is_tested_is_there_and_every_lesson_is_tested(read: dict[str, Read]) -> None:
    assert {f"{name}.html" for name in NAMES} == set(read) - {"genindex.html"}


def test_every_link_inside_the_site_leads_somewhere(pages: Path, read: dict[str, Read]) -> None:
    broken = []
    for name, one in read.items():
        for link in one.links:
            target = urlsplit(urljoin(f"http://site/{name}", link))
            if target.netloc != "site":
                continue
            place, anchor = unquote(target.path).lstrip("/"), unquote(target.fragment)
            known = read[place].ids if place in read else set()
            if not (pages / place).is_file() or (anchor and anchor not in known):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_every_picture_of_the_text_says_what_it_shows(read: dict[str, Read]) -> None:
    images = [(name, image) for name, one in read.items() for image in one.images]
    shown = [(name, image) for name, image in images if "mark.svg" not in str(image["src"])]
    assert len(shown) > 50
    assert [(name, image["src"]) for name, image in shown if len(str(image.get("alt") or "").split()) < 5] == []


def test_a_lesson_is_downloaded_as_it_is_stored(pages: Path) -> None:
    for lesson in LESSONS:
        name = f"notebooks/{lesson}.ipynb"
        assert (pages / "_sources" / name).read_bytes() == (ROOT / name).read_bytes()


def test_no_address_is_invented_where_no_repository_is_set(pages: Path) -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (pages / WITH_TERMS).read_text(encoding="utf-8")
    assert ("source-edit-button" in text) == ("Repository" in described.get("urls", {}))


def test_the_first_page_weighs_less_than_a_megabyte(pages: Path, read: dict[str, Read]) -> None:
    files = {pages / link.split("?")[0] for link in read["index.html"].links}
    loaded = [file for file in files if file.suffix in {".css", ".js", ".png", ".svg"} and file.is_file()]
    assert len(loaded) > 5
    assert sum(file.stat().st_size for file in [pages / "index.html", *loaded]) < 1_000_000
