"""Notebooks in a kernel that need not import torch first: its process is forked from one that has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nbformat
from helpers import processes
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient


def _kernel(connection_file: str, folder: str) -> None:
    import os

    from ipykernel.kernelapp import IPKernelApp

    os.chdir(folder)
    IPKernelApp.launch_instance(argv=["-f", connection_file])


class _Manager(AsyncKernelManager):
    """Starts the kernel as a forked process; all that is said to it goes the usual way."""

    folder = "."
    process: Any = None

    async def _async_start_kernel(self, **_: Any) -> None:
        self.write_connection_file()
        self.process = processes().Process(target=_kernel, args=(self.connection_file, self.folder), daemon=True)
        self.process.start()

    async def _async_is_alive(self) -> bool:
        return self.process is not None and self.process.is_alive()

    async def _async_shutdown_kernel(self, *_: Any, **__: Any) -> None:
        self.process.kill()
        await asyncio.to_thread(self.process.join)
        self.cleanup_connection_file()

    async def _async_cleanup_resources(self, *_: Any, **__: Any) -> None:
        self.cleanup_connection_file()

    # Clients ask the private names, and nbclient the public ones.
    start_kernel, is_alive = _async_start_kernel, _async_is_alive
    shutdown_kernel, cleanup_resources = _async_shutdown_kernel, _async_cleanup_resources


def execute(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a folder; its outputs are in it afterwards."""
    manager = _Manager(kernel_name="python3")
    manager.folder = str(folder)
    NotebookClient(notebook, km=manager, timeout=120).execute()
    return notebook
