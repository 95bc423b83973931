"""Isolate a check: restore random states and torch's defaults after it, and limit what it prints."""

from __future__ import annotations

import contextlib
import io
import random
import sys
from collections.abc import Iterator
from typing import Final, TextIO

import numpy as np
import torch

__all__ = ["default_settings", "isolated_rng", "limited_output"]

_MOST_PRINTED: Final = 2000


@contextlib.contextmanager
def isolated_rng() -> Iterator[None]:
    """Leave the random states of Python, NumPy and torch as if nothing had been drawn."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng([]):
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)


@contextlib.contextmanager
def default_settings() -> Iterator[None]:
    """Compute with the usual defaults of torch and NumPy and with gradients, then restore the kernel's settings."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    with torch.inference_mode(False), torch.enable_grad(), np.errstate(all="warn", under="ignore"):
        _set_defaults(torch.float32, torch.device("cpu"))
        try:
            yield
        finally:
            _set_defaults(dtype, device)


def _set_defaults(dtype: torch.dtype, device: torch.device) -> None:
    torch.set_default_dtype(dtype)
    if torch.get_default_device() != device:
        torch.set_default_device(None if device.type == "cpu" else device)


@contextlib.contextmanager
def limited_output() -> Iterator[None]:
    """Show only the beginning of what is printed, and say that there was more: an answer runs on many inputs."""
    with contextlib.redirect_stdout(_FirstCharacters(sys.stdout)):
        yield


class _FirstCharacters(io.TextIOBase):
    """A stream that passes only the first characters through."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._left = stream, _MOST_PRINTED

    def write(self, text: str) -> int:
        if self._left > 0:
            self._stream.write(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._stream.write("\n… the rest of the printed output is left out\n")
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
