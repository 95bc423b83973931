"""The extension of the Jupyter server: its sockets send at once, and it is enabled where the course is installed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from cifar_helpers import _jupyter_server

ROOT = Path(__file__).resolve().parent.parent


def test_a_kernels_socket_does_not_wait_before_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    websocket = pytest.importorskip("jupyter_server.services.kernels.websocket")
    order: list[object] = []

    async def opened(_: object, kernel_id: str) -> None:
        order.append(kernel_id)

    class Socket:
        def set_nodelay(self, value: bool) -> None:
            order.append(value)

    monkeypatch.setattr(websocket.KernelWebsocketHandler, "open", opened)
    _jupyter_server._load_jupyter_server_extension(None)
    asyncio.run(websocket.KernelWebsocketHandler.open(Socket(), "a kernel"))
    assert order == [True, "a kernel"]


def test_the_installed_course_enables_it() -> None:
    enabled = json.loads((ROOT / "etc" / "jupyter_server.json").read_text(encoding="utf-8"))
    (name,) = enabled["ServerApp"]["jpserver_extensions"]
    assert name == _jupyter_server.__name__ == _jupyter_server._jupyter_server_extension_points()[0]["module"]
    installed = Path(sys.prefix) / "etc" / "jupyter" / "jupyter_server_config.d" / "cifar-course.json"
    assert json.loads(installed.read_text(encoding="utf-8")) == enabled
