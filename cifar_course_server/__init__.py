"""An extension of the Jupyter server: answers of a kernel leave at once, so that widgets answer in half the time.

The server leaves Nagle's algorithm on, which holds a small message back until the one before it is acknowledged, and
browsers acknowledge some 40 ms later: with every key press, several times as long as drawing takes. A file that
installing the course puts into the environment's `etc/jupyter` enables it; it does nothing but this, and is
a package of its own so that the server need not import torch.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "cifar_course_server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    try:
        from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
    except ImportError:  # a server of another making has its own sockets
        return
    opened = KernelWebsocketHandler.open

    async def open_without_delay(self: Any, kernel_id: str) -> None:
        self.set_nodelay(True)
        await opened(self, kernel_id)  # type: ignore[no-untyped-call]

    KernelWebsocketHandler.open = open_without_delay  # type: ignore[method-assign]
