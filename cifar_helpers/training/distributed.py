"""What several processes that train together (`torchrun`) must agree on."""

from __future__ import annotations

from typing import TypeVar

import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def is_distributed() -> bool:
    """Whether this process trains together with others."""
    return dist.is_available() and dist.is_initialized()


def is_main_process() -> bool:
    """Whether this process writes the files: it is the only one, or has rank 0."""
    return not is_distributed() or dist.get_rank() == 0


def broadcast_object(choice: T) -> T:
    """The choice of the process with rank 0, for all processes."""
    if not is_distributed():
        return choice
    choices: list[T] = [choice]
    dist.broadcast_object_list(choices, src=0)
    return choices[0]


def sum_over_processes(number: Tensor) -> Tensor:
    """The sum of a number over all processes."""
    if is_distributed():
        number = number.clone()
        dist.all_reduce(number)
    return number
