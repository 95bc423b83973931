"""The site as `make site` builds it, for the tests of this folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "site"))


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site, built once for all workers; a warning of Sphinx fails what asks for it."""
    pytest.importorskip("myst_nb", reason="needs the extra `site`: make site-test")
    from build import build

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "site"
    done = folder / "done"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / ".lock"):
        if not done.exists():
            build(folder)
            done.touch()
    return folder / "html"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(pages: Path) -> Iterator[str]:
    """The address of a local server with the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(pages))) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all files of this folder: starting it takes a second of the processor."""
    from chrome import launched

    with launched() as opened:
        yield opened
