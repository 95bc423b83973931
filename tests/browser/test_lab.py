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
    server.terminate()
    server.wait(timeout=20)


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
        """async () => {
            const widget = window.jupyterapp?.shell.currentWidget;
            if (!widget?.sessionContext) return false;
            if (!widget.sessionContext.isReady) return false;
            const kernel = widget.sessionContext.session?.kernel;
            const ready = window.jupyterapp.commands.hasCommand('notebook:run-all-cells');
            return kernel && ready ? Boolean(await kernel.info) : false;
        }""",
        timeout=60_000,
    )


def run_all(page: Page) -> bool:
    """Run every cell; false where one failed."""
    page.set_default_timeout(240_000)
    return bool(page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')"))


def test_run_all_on_the_start_page(page: Page, lab: str) -> None:
    open_lesson(page, lab, "00_start_here.ipynb")
    assert run_all(page)
    assert page.locator(".jp-RenderedImage img").count() >= 1
    assert "sketches" in page.locator(".jp-Notebook").inner_text()


def test_the_kernel_bench_answers_to_the_keyboard(page: Page, lab: str) -> None:
    open_lesson(page, lab, "02_convolutions_and_kernels.ipynb")
    assert run_all(page)
    bench = page.locator(".jp-OutputArea-output img[src^='data:image/png'][alt*='kernel']").last
    bench.scroll_into_view_if_needed()
    before = bench.get_attribute("src")
    number = page.get_by_label("row 2, column 2").last
    number.focus()
    number.fill("3")
    number.press("Enter")
    page.wait_for_function("([node, old]) => node.src !== old", arg=[bench.element_handle(), before])


def test_feature_maps_change_with_the_layer(page: Page, lab: str) -> None:
    open_lesson(page, lab, "03_building_the_cnn.ipynb")
    assert run_all(page)
    maps = page.locator(".jp-OutputArea-output img[src^='data:image/png']").last
    maps.scroll_into_view_if_needed()
    before = maps.get_attribute("alt")
    page.locator("select").last.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function(
        "old => [...document.querySelectorAll('.jp-OutputArea-output img')].at(-1).alt !== old",
        arg=before,
    )
