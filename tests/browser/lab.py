"""A lesson in JupyterLab, and a widget in it, as tests and the maker of screenshots handle them."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers import ROOT
from playwright.sync_api import Locator, Page, expect, sync_playwright

NO_CHROMIUM = "Chromium is missing: install it (apt-get install chromium, or playwright install chromium)"
_QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

# Noise of JupyterLab itself; everything else on the console is an error of ours.
_EXPECTED = re.compile(
    r"favicon|Failed to load resource: the server responded with a status of 404.*(workspaces|metadata)"
)

# A widget may answer with several pictures: the answer is there when the last of them is, and the kernel rests.
_CLOCK = """
output => {
    const clock = window.clock = { flickers: 0, pressed: 0, drawn: 0 };
    window.addEventListener("keydown", () => { clock.pressed = performance.now(); }, true);
    new MutationObserver(changes => {
        const screen = changes.map(c => c.target.closest?.(".cifar-screen")).find(Boolean);
        if (!screen) return;
        // A screen that is empty, or whose pictures are not there yet, would be seen as a flicker.
        const ready = [...screen.querySelectorAll("img")].every(image => image.complete && image.naturalWidth);
        if (!screen.childElementCount || !ready) clock.flickers += 1;
        requestAnimationFrame(() => { clock.drawn = performance.now(); });
    }).observe(output, { childList: true, subtree: true });
}
"""
_ANSWERED = """() => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    return kernel.status === "idle" && clock.drawn > clock.pressed && performance.now() - clock.drawn > 60;
}"""

_RUN = """async numbers => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const code = [...notebook.widgets.keys()].filter(place => notebook.widgets[place].model.type === "code");
    for (const number of numbers) {
        notebook.activeCellIndex = code[number];
        if (!await window.jupyterapp.commands.execute("notebook:run-cell")) return false;
    }
    return true;
}"""
_CHANGED = """([output, before]) =>
    [...output.querySelectorAll("[role=status]")].map(part => part.innerText).join(" ") !== before
"""


@contextmanager
def serving(home: Path, data: Path) -> Iterator[str]:
    """A JupyterLab server on a copy of the lessons in `home`, with settings of its own; gives its address."""
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    shutil.copytree(ROOT / "resources", home / "resources")
    (home / "config" / "labconfig").mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (home / "config" / "labconfig" / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{kind.upper()}_DIR": str(home / kind) for kind in ("config", "data", "runtime")}
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
            "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root",
            "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={home}",
        ],
        env={**os.environ, **places, "CIFAR10_ROOT": str(data), "CIFAR10_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2).close()
            break
        except OSError:
            time.sleep(0.5)
    yield address
    # Kernels that are still busy make a polite end take long, and nothing here needs one.
    process.kill()
    process.wait()


def chromium() -> str | None:
    """Chromium on the PATH, else the one that Playwright has installed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) is not None:
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def browsing() -> Iterator[Page]:
    """A page of Chromium."""
    place = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=_QUIET)
        yield browser.new_page(viewport={"width": 1280, "height": 1000})
        browser.close()


class Lab:
    """JupyterLab in a page."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.errors: list[str] = []
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and not _EXPECTED.search(text):
            self.errors.append(text)

    def open(self, name: str) -> None:
        """Open a notebook and wait for its kernel; the toolbar reads idle before there is one."""
        self.page.goto(f"{self.address}/lab/tree/notebooks/{name}?reset")
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
                const known = window.jupyterapp?.commands.hasCommand('notebook:run-all-cells');
                return Boolean(known && context?.isReady && context.session?.kernel);
            }""",
            timeout=60_000,
        )
        # A predicate is not awaited, so the kernel's answer is waited for apart.
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")
        self.errors.clear()

    def run_all(self) -> bool:
        """Run every cell; false where one failed."""
        return bool(self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')"))

    def run(self, numbers: list[int]) -> bool:
        """Run these code cells, counted from 0; false where one failed."""
        return bool(self.page.evaluate(_RUN, numbers))

    def close(self) -> None:
        """End the kernel, so that lessons do not share the processor."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def cell(self, code: str) -> Cell:
        """The cell whose code holds this text."""
        held = self.page.locator(".jp-InputArea").filter(has_text=code)  # its output may quote another cell
        place = self.page.locator(".jp-CodeCell").filter(has=held).last
        place.scroll_into_view_if_needed()
        return Cell(self.page, place)

    def widget(self, code: str) -> Widget:
        """The widget of the cell whose code holds this text."""
        output = self.cell(code).output
        output.locator(".cifar-screen").first.wait_for()
        return Widget(self.page, output)


class Cell:
    """A code cell on the page, in which a learner types."""

    def __init__(self, page: Page, place: Locator) -> None:
        self.page, self.place = page, place
        self.output = place.locator(".jp-OutputArea-output").last

    def run(self) -> str:
        """Run it by keyboard, from within its code; gives what it says."""
        prompt = self.place.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.place.locator(".cm-content").focus()
        self.page.keyboard.press("Control+Enter")
        # The number changes when the kernel has answered; meanwhile there is an asterisk.
        expect(prompt).not_to_have_text(re.compile(rf"\*|^{re.escape(before)}$"), timeout=60_000)
        return self.output.inner_text()

    def write(self, line: str, text: str) -> None:
        """Type over the line that begins so; what is typed is indented like it."""
        self.place.locator(".cm-line").filter(has_text=line).last.click()
        for key in ("End", "Shift+Home", "Backspace"):
            self.page.keyboard.press(key)
        self.page.keyboard.type(text)

    def below(self, code: str) -> Cell:
        """A new cell below it, with this code, made as the keyboard does it."""
        self.place.locator(".cm-content").focus()
        for key in ("Escape", "b", "Enter"):
            self.page.keyboard.press(key)
        self.page.keyboard.type(code)
        return Cell(self.page, self.page.locator(".jp-CodeCell.jp-mod-active"))


class Widget:
    """A widget on the page."""

    def __init__(self, page: Page, output: Locator) -> None:
        self.page, self.output = page, output

    def control(self, name: str) -> Locator:
        """The control with this accessible name."""
        return self.output.get_by_label(name, exact=True).or_(self.output.get_by_role("button", name=name, exact=True))

    def choose(self, name: str, option: str) -> None:
        """Choose from a list as the keyboard does it: by typing its beginning."""
        self.control(name).focus()
        self.page.keyboard.type(option)

    def type(self, name: str, text: str) -> None:
        """Type into a field."""
        self.control(name).fill(text)
        self.control(name).press("Enter")

    def press(self, name: str, *keys: str) -> None:
        """Press keys on a control."""
        self.control(name).focus()
        for key in keys:
            self.page.keyboard.press(key)

    def wait(self, text: str | re.Pattern[str]) -> None:
        """Wait until the widget says this in words; it must not have said it before the step that is waited for."""
        self.output.locator("[role=status], [role=alert]").filter(has_text=text).first.wait_for(timeout=20_000)

    def wait_for_other_words_than(self, before: str) -> None:
        """Wait until its `status` is no longer this."""
        self.page.wait_for_function(_CHANGED, arg=[self.output.element_handle(), before], timeout=20_000)

    def alt(self, start: str) -> Locator:
        """The picture or drawing whose alt text begins so."""
        return self.output.locator(f'img[alt^="{start}"], svg[aria-label^="{start}"]').first

    def picture(self, start: str) -> str:
        """Its content, to compare."""
        self.alt(start).wait_for()
        return str(self.alt(start).evaluate("e => e.src || e.innerHTML"))

    def wait_for_other_picture(self, start: str, before: str) -> None:
        """Wait until the picture whose alt text begins so is no longer this one."""
        image = self.output.locator(f'img[alt^="{start}"]').first
        expect(image).not_to_have_attribute("src", before, timeout=20_000)

    def status(self) -> str:
        """All that it says in words."""
        return " ".join(self.output.locator("[role=status]").all_inner_texts())

    def unnamed(self) -> list[str]:
        """Controls without an accessible name, as the browser's accessibility tree has them."""
        tree = self.output.aria_snapshot()
        roles = "button|combobox|slider|spinbutton|textbox|checkbox|radio|img"
        # A name of pictograms alone is none.
        named = rf'\s*- \'?({roles}) "[^"]*\w'
        return [
            line.strip()
            for line in tree.splitlines()
            if re.match(rf"\s*- '?({roles})\b", line) and not re.match(named, line)
        ]

    def latency(self, name: str, keys: list[str]) -> dict[str, Any]:
        """Milliseconds from key press to the last changed picture; flickers: pictures that were missing meanwhile."""
        self.output.evaluate(_CLOCK)
        control = self.control(name)
        control.focus()
        times = []
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_function(_ANSWERED, timeout=10_000)
            times.append(self.page.evaluate("clock.drawn - clock.pressed"))
        flickers = self.page.evaluate("clock.flickers")
        return {"median": statistics.median(times), "greatest": max(times), "presses": len(times), "flickers": flickers}
