"""The devices of this machine."""

from __future__ import annotations

import math

import torch


def devices() -> list[torch.device]:
    """The CPU, and the accelerator if there is one that torch can use."""
    found = [torch.device("cpu")]
    # A build for GPUs names its accelerator even on a machine without one, so availability decides.
    if torch.accelerator.is_available():
        accelerator = torch.accelerator.current_accelerator()
        if accelerator is not None:
            found.append(accelerator)
    return found


def checked_device(device: torch.device | str) -> torch.device:
    """A device of this machine.

    Raises:
        ValueError: if there is no such device; it lists those that exist.
    """
    kinds = [found.type for found in devices()]
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        chosen = None
    known = chosen is not None and chosen.type in kinds
    if chosen is None or not known or (chosen.index or 0) >= _count(chosen.type):
        raise ValueError(f"there is no device {str(device)!r} on this machine; there is {', '.join(kinds)}")
    return chosen


def _count(kind: str) -> float:
    # Torch takes any number after "cpu", though there is one.
    return math.inf if kind == "cpu" else torch.accelerator.device_count()
