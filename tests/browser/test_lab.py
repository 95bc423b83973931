"""JupyterLab, started as a learner starts it and driven in Chromium: Run All, widgets by keyboard."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab server on a copy of the lessons, with settings of its own and no data."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    shutil.copytree(ROOT / "resources", home / "resources")
    (home / "config" / "labconfig").mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (home / "config" / "labconfig" / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{kind.upper()}_DIR": str(home / kind) for kind in ("config", "data", "runtime")}
    root = os.environ.get("BROWSER_TEST_DATA", str(tmp_path_factory.getbasetemp() / "no-data"))
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
            "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root",
            "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={home}",
        ],
        env={**os.environ, **places, "CIFAR10_ROOT": root, "CIFAR10_OFFLINE": "1"},
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
    server.kill()
    server.wait()


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


def open_lesson(page: Page, lab: str, name: str) -> None:
    """Open a notebook and wait for its kernel; the toolbar reads idle before there is one."""
    page.goto(f"{lab}/lab/tree/notebooks/{name}?reset")
    page.wait_for_function(
        """() => {
            const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
            const known = window.jupyterapp?.commands.hasCommand('notebook:run-all-cells');
            return Boolean(known && context?.isReady && context.session?.kernel);
        }""",
        timeout=60_000,
    )
    # A predicate is not awaited, so the kernel's answer is waited for apart.
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")


def run_all(page: Page) -> bool:
    """Run every cell; false where one failed."""
    return bool(page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')"))


def test_run_all_on_the_start_page(page: Page, lab: str) -> None:
    open_lesson(page, lab, "00_start_here.ipynb")
    assert run_all(page)
    assert page.locator(".jp-RenderedImage img").count() >= 1
    assert "sketches" in page.locator(".jp-Notebook").inner_text()


def test_the_kernel_bench_answers_to_the_keyboard(page: Page, lab: str) -> None:
    open_lesson(page, lab, "02_convolutions_and_kernels.ipynb")
    assert run_all(page)
    assert page.locator("img[alt^='Result of the kernel 0 0 0; 0 1 0; 0 0 0']").count() == 1
    page.get_by_label("row 2, column 2").focus()
    page.keyboard.press("ArrowUp")  # the field's step is one half
    page.locator("img[alt^='Result of the kernel 0 0 0; 0 1.5 0; 0 0 0']").wait_for()


def test_feature_maps_change_with_the_layer(page: Page, lab: str) -> None:
    open_lesson(page, lab, "03_building_the_cnn.ipynb")
    assert run_all(page)
    before = page.locator("img[alt*='channels']").first.get_attribute("alt") or ""
    page.get_by_label("layer").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("old => !document.querySelector('img[alt*=channels]').alt.startsWith(old)", arg=before[:20])
