"""Chromium for the tests: a page from disk with widgets on it, as a reader without a kernel opens it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, TimeoutError, ViewportSize, sync_playwright

from cifar_helpers.widgets import CourseWidget

NO_CHROMIUM = "Chromium is missing: install it (apt-get install chromium, or playwright install chromium)"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# The shell without windows comes first: the tests need a third less of the processor with it.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WIDTHS = (360, 800, 1300)
_open: list[tuple[Browser, asyncio.AbstractEventLoop]] = []
_left: list[tuple[Page, dict[str, object]]] = []
"""The page of the last test and its options, if it may be used again."""


@contextmanager
def _running(loop: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    """Playwright leaves its event loop marked as running between its calls, and expects to find it so."""
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(before)


def keep_open(config: pytest.Config) -> None:
    """Open a browser that all later tests of this process take: each start needs most of a second of the processor."""
    if _open:
        return
    stack = ExitStack()
    stack.enter_context(launched())
    stack.enter_context(_running(None))  # a test that takes no browser may run an event loop of its own
    config.add_cleanup(stack.close)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser; without Chromium the test is skipped, and with CIFAR_COURSE_BROWSER=required it fails.

    A process can have one Playwright at a time, so the browser that is open is taken.
    """
    if _open:
        browser, loop = _open[0]
        with _running(loop):
            yield browser
        return
    place = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:  # without a place Playwright starts the one that it has installed
            browser = playwright.chromium.launch(executable_path=place, args=QUIET)
        except Error as error:
            if place is not None or "Executable doesn't exist" not in error.message:
                raise
            if os.environ.get("CIFAR_COURSE_BROWSER") == "required":
                pytest.fail(NO_CHROMIUM)
            pytest.skip(NO_CHROMIUM)
        _open.append((browser, asyncio.get_running_loop()))
        try:
            yield browser
        finally:
            _open.clear()
            _left.clear()
            browser.close()


class FrontEnd:
    """Opens pages from disk; whatever a page complains of on its console is in `errors`."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.errors: list[str] = []
        self._pages: list[tuple[Page, dict[str, object]]] = []

    def open(
        self,
        shown: CourseWidget | str,
        *,
        width: int = 800,
        height: int = 1000,
        theme: str = "light",
        **options: object,
    ) -> Page:
        """A widget, or the text of an HTML file, in a page of its own, when its scripts have run.

        Further options are those of Playwright's `new_page`, such as `has_touch` and `reduced_motion`.
        """
        text = shown if isinstance(shown, str) else shown.as_page("A widget")
        file = self.folder / f"page{len(self._pages)}.html"
        file.write_text(text, encoding="utf-8")
        page = self._page({"width": width, "height": height}, theme, options)
        page.on("console", self._heard)
        page.on("pageerror", self._failed)
        page.goto(file.as_uri())
        try:
            page.wait_for_selector("html[data-booted]", state="attached", timeout=10_000)
        except TimeoutError as error:
            raise AssertionError(f"the page's script did not run to its end: {self.errors}") from error
        return page

    def _page(self, view: ViewportSize, theme: str, options: dict[str, object]) -> Page:
        """The page that the last test left, if it has these options: a new one takes twice as long to open a file."""
        page, had = _left.pop() if _left else (None, None)
        if page is not None and (had != options or page.is_closed()):
            page.close()
            page = None
        if page is None:
            page = self.browser.new_page(viewport=view, color_scheme=theme, **options)  # type: ignore[arg-type]
        else:
            page.mouse.move(0, 0)
            page.set_viewport_size(view)
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        self._pages.append((page, options))
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))

    def close(self) -> None:
        """Close all pages but the last, which the next test takes; what it shows is replaced then."""
        for page, options in self._pages:
            page.remove_listener("console", self._heard)
            page.remove_listener("pageerror", self._failed)
            if page is self._pages[-1][0] and not page.is_closed():
                _left.append((page, options))
            else:
                page.close()


def state_of(page: Page, name: str) -> object:
    """A trait of the page's first widget, as its model holds it."""
    return page.evaluate("name => document.querySelector('[data-widget]').model.get(name)", name)


def next_frame(page: Page) -> None:
    """Wait until what was changed is drawn: widgets draw at the next frame."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def cancelled_touch(page: Page, x: float, y: float) -> None:
    """A finger that comes down and then scrolls the page, which cancels its touch; wait until the page has heard of it.

    Unlike the other kinds, a cancelled touch is not waited for by the browser itself.
    """
    page.evaluate(
        "() => { window.cancelled = new Promise(done => addEventListener('pointercancel', () => setTimeout(done), "
        "{ capture: true, once: true })); }"
    )
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})
    page.evaluate("() => window.cancelled")


def looked_at(widget: CourseWidget, folder: Path, name: str) -> None:
    """Screenshots of a widget in light and dark at three widths: for people, who look at them.

    python -c "from tests.chrome import *; looked_at(widgets.kernel_bench(picture), Path('shots'), 'bench')"
    """
    folder.mkdir(parents=True, exist_ok=True)
    with launched() as browser:
        front = FrontEnd(browser, folder)
        for theme in ("light", "dark"):
            for width in WIDTHS:
                page = front.open(widget, width=width, height=400, theme=theme)
                page.wait_for_timeout(600)
                page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)
        front.close()
        for error in front.errors:
            print(error)
