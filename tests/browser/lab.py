"""A notebook in JupyterLab, and cells in it, as a learner handles them."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from chrome import launched
from helpers import ROOT
from playwright.sync_api import Locator, Page, expect
from widget_gallery import WIDGETS

ALL_WIDGETS, SOME_WIDGETS = "all_widgets.ipynb", "some_widgets.ipynb"
SHOWN = {
    ALL_WIDGETS: list(WIDGETS),
    # Computed from its traits, loading weights, answered by the kernel, drawn while the kernel trains.
    SOME_WIDGETS: ["kernel_bench", "through_the_network", "prediction", "live_training"],
}
"""Notebooks of widgets, and what each of them shows."""
EXERCISE = "exercise.ipynb"
"""An exercise of lesson 03 and its quiz: JupyterLab needs seconds to draw a whole lesson."""

# Noise of JupyterLab itself; everything else on the console is an error of ours.
_EXPECTED = re.compile(
    r"favicon|Failed to load resource: the server responded with a status of 404.*(workspaces|metadata)"
)

_RUN = """async numbers => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const code = [...notebook.widgets.keys()].filter(place => notebook.widgets[place].model.type === "code");
    for (const number of numbers) {
        notebook.activeCellIndex = code[number];
        if (!await window.jupyterapp.commands.execute("notebook:run-cell")) return false;
    }
    return true;
}"""

_OPEN = """async path => {
    const { shell, commands } = window.jupyterapp;
    for (const shown of [...shell.widgets("main")]) shown.dispose();
    await commands.execute("docmanager:open", { path });
}"""


@contextmanager
def serving(home: Path, data: Path) -> Iterator[str]:
    """A server of JupyterLab, and of Notebook 7 beside it, in `home`, with settings of its own; gives its address.

    It has the lessons, an excerpt of one, and two notebooks of widgets.
    """
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    shutil.copytree(ROOT / "resources", home / "resources")
    text = excerpt(ROOT / "notebooks" / "03_building_the_cnn.ipynb", "def my_softmax", "checks.quiz", "checks.progress")
    (home / "notebooks" / EXERCISE).write_text(text, encoding="utf-8")
    for name, widgets in SHOWN.items():
        (home / "notebooks" / name).write_text(notebook_with(widgets), encoding="utf-8")
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
            "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
            "--LanguageServerManager.autodetect=False", f"--ServerApp.root_dir={home}",
        ],
        env={**os.environ, **places, "CIFAR10_ROOT": str(data), "CIFAR10_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:  # also if a test was interrupted
        # Kernels that are still busy make a polite end take long, and nothing here needs one.
        process.kill()
        process.wait()


@contextmanager
def browsing() -> Iterator[Page]:
    """A page of Chromium."""
    with launched() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 1000})


def excerpt(lesson: Path, *words: str) -> str:
    """The text of a notebook with the first code cell of a lesson, and those cells that hold one of these words."""
    notebook = nbformat.read(lesson, 4)
    first, *others = (cell for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells = [first, *(cell for cell in others if any(word in cell.source for word in words))]
    return str(nbformat.writes(notebook))


def notebook_with(names: Iterable[str]) -> str:
    """The text of a notebook that makes widgets of the gallery, and shows each in a cell of its own."""
    tests = str(ROOT / "tests")
    cells = [
        f"import sys; sys.path.insert(0, {tests!r})\n"
        "from widget_gallery import WIDGETS\nfrom cifar_helpers import load_cifar10\ndata = load_cifar10()"
    ]
    cells += [f"{name} = WIDGETS[{name!r}](data)\n{name}" for name in names]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return str(nbformat.writes(notebook))


class Lab:
    """JupyterLab in a page, or Notebook, whose addresses begin with `notebooks` instead of `lab/tree`."""

    def __init__(self, page: Page, address: str, tree: str = "lab/tree") -> None:
        self.page, self.server, self.address = page, address, f"{address}/{tree}"
        self.errors: list[str] = []
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and not _EXPECTED.search(text):
            self.errors.append(text)

    def open(self, name: str) -> None:
        """Open a notebook and wait for its kernel; the toolbar reads idle before there is one.

        JupyterLab itself is loaded the first time alone; what it shows is then closed, and not saved.
        """
        if self.page.url.startswith(self.address):
            self.page.evaluate(_OPEN, f"notebooks/{name}")
        else:
            self.page.goto(f"{self.address}/notebooks/{name}?reset")
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

    def widget(self, code: str) -> Locator:
        """The widget of the cell whose code holds this text."""
        widget = self.cell(code).output.locator("[data-cifar-widget]").last
        widget.wait_for()
        return widget

    def theme(self, name: str) -> None:
        """Change the theme: "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        self.page.locator(f'body[data-jp-theme-name="{name}"]').wait_for(state="attached")


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
