"""What several processes that train together (`torchrun`) must agree on."""

from __future__ import annotations

from typing import TypeVar

import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


def together() -> bool:
    """Whether this process trains together with others."""
    return dist.is_available() and dist.is_initialized()


def first() -> bool:
    """Whether this is the process that writes files: the only one, or that of rank 0."""
    return not together() or dist.get_rank() == 0


def agreed(choice: T) -> T:
    """The choice of the first process, for all."""
    if not together():
        return choice
    told: list[T] = [choice]
    dist.broadcast_object_list(told, src=0)
    return told[0]


def inner(model: nn.Module) -> nn.Module:
    """The network itself, where it is wrapped for training together."""
    return model.module if isinstance(model, DistributedDataParallel) else model
