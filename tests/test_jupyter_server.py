"""The extension of the Jupyter server: its sockets send at once, and it is enabled where the course is installed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

import cifar_course_server


def test_a_kernels_socket_does_not_wait_before_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    websocket = pytest.importorskip("jupyter_server.services.kernels.websocket")
    order: list[object] = []

    async def opened(_: object, kernel_id: str) -> None:
        order.append(kernel_id)

    class Socket:
        def set_nodelay(self, value: bool) -> None:
            order.append(value)

    monkeypatch.setattr(websocket.KernelWebsocketHandler, "open", opened)
    cifar_course_server._load_jupyter_server_extension(None)
    asyncio.run(websocket.KernelWebsocketHandler.open(Socket(), "a kernel"))
    assert order == [True, "a kernel"]


def test_the_installed_course_enables_it() -> None:
    enabled = json.loads((ROOT / "etc" / "jupyter_server.json").read_text(encoding="utf-8"))
    (name,) = enabled["ServerApp"]["jpserver_extensions"]
    assert name == cifar_course_server.__name__ == cifar_course_server._jupyter_server_extension_points()[0]["module"]
    installed = Path(sys.prefix) / "etc" / "jupyter" / "jupyter_server_config.d" / "cifar-course.json"
    assert json.loads(installed.read_text(encoding="utf-8")) == enabled


def test_the_server_need_not_import_torch() -> None:
    code = "import sys, cifar_course_server; sys.exit('torch' in sys.modules or 'cifar_helpers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
