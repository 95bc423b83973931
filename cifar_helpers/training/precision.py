"""Try the first training step on a copy: can the network take it, in which memory format, and in which precision?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from cifar_helpers import networks
from cifar_helpers.data.batches import (
    check_labels,
    check_logits,
    class_numbers,
    first_batch,
    not_taken,
    sizes_that_work,
    smallest_batch,
)
from cifar_helpers.networks import copy_network, unwrap
from cifar_helpers.training import distributed
from cifar_helpers.training.rng import fork_rng

PRECISIONS: Final = ("auto", "float32", "bfloat16")

# bfloat16 must be clearly faster: a choice within the noise would make a seeded run differ from day to day.
_WORTHWHILE: Final = 1.2
# bfloat16 has 8 significant bits, so a loss may differ by about a hundredth, not more.
_AGREEMENT: Final = 0.05
_STEPS: Final = 3
_ROUNDS: Final = 3
# One round is enough where it is this far from what would be worthwhile, and a step so long (in seconds) that another
# program's moment does not decide.
_CLEAR: Final = 1.25
_LONG: Final = 0.03

# The choice for a network, by device and shape of the batch: another network may behave differently.
_chosen: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], str]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Computation:
    """How a network computes a step.

    Attributes:
        precision: `float32` or `bfloat16`.
        memory_format: of images and weights.
    """

    precision: str
    memory_format: torch.memory_format

    def autocast(self, device: torch.device) -> torch.autocast:
        """A context in which layers compute in the chosen precision."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16")


def check(precision: str) -> None:
    """Raise ValueError if `precision` is none of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")


def try_first_step(model: nn.Module, loader: Any, device: torch.device, precision: str) -> Computation:
    """Make the first training step on a copy, and decide how to compute the real ones.

    Args:
        model: the network, in the modes that it is trained in.
        loader: gives the training batches.
        device: where to train.
        precision: `float32`, `bfloat16`, or `auto`, which times both and chooses bfloat16 only if its loss agrees
            with that of float32 and it is clearly faster. (Many CPUs without bfloat16 instructions are slower with it;
            some have returned wrong values.)

    Raises:
        TypeError: if batches or logits are of a wrong type.
        ValueError: if the network cannot take the batches, or the labels do not fit; it says what to do.
    """
    images, labels = first_batch(loader, "train")
    check_labels(images, labels, "train", shares=True)
    images, labels = images.to(device), labels.to(device)
    try:
        copy_network(model)
    except TypeError:  # no trial is possible, so choose what always works
        return Computation("float32" if precision == "auto" else precision, torch.contiguous_format)

    def loss(logits: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits.float(), class_numbers(labels, logits.shape[1], "train"))

    with (
        networks.unchanged_buffers(model),
        fork_rng(device),
        torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"),
    ):
        _check_single_image(model, loader, images)
        memory_format, _ = trained_format(model, images, loss, loader, "train")
        _check_smallest_batch(model, loader, images)
    if precision == "auto":
        with networks.unchanged_buffers(model):
            precision = _faster_precision(model, images.contiguous(memory_format=memory_format), labels)
    return Computation(precision, memory_format)


def trained_format(
    model: nn.Module, images: Tensor, loss: Callable[[Tensor], Tensor], loader: Any, name: str
) -> tuple[torch.memory_format, Tensor]:
    """Try a step on a copy, in channels-last memory if the network accepts it, which makes convolutions faster.

    Args:
        model: the network.
        images: a batch, on the network's device.
        loss: of logits `(B, classes)`; its gradient is computed.
        loader: where the images come from, which may know the number of classes.
        name: of the argument that gave them.

    Returns:
        The memory format, and the logits of the trial.

    Raises:
        TypeError: if the network does not give one tensor.
        ValueError: if it cannot take the images, or gives no logits.
    """
    formats = (torch.channels_last, torch.contiguous_format)
    for memory_format in formats if images.dim() == 4 else formats[1:]:
        trial = copy_network(model).to(memory_format=memory_format)
        try:
            logits = trial(images.contiguous(memory_format=memory_format))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # other people's code can raise anything
            problem = error
            continue
        check_logits(logits, images, loader, name)
        if not logits.requires_grad:
            raise ValueError(
                f"the logits of {type(unwrap(model)).__name__} depend on no parameter that requires a gradient, so "
                "nothing could be learned: look for no_grad or detach in its forward, and for frozen layers"
            )
        try:
            loss(logits).backward()  # type: ignore[no-untyped-call]
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            problem = error
            continue
        if memory_format is torch.channels_last and not same_logits(model, images):
            continue
        return memory_format, logits.detach()
    raise not_taken(images, unwrap(model), name, problem) from problem


@torch.no_grad()
def same_logits(model: nn.Module, images: Tensor) -> bool:
    """Whether a copy gives the same logits in both memory formats; code that relies on the memory layout does not."""
    logits = (
        copy_network(model).to(memory_format=one).eval()(images.contiguous(memory_format=one))
        for one in (torch.channels_last, torch.contiguous_format)
    )
    return networks.same(*logits)


def _check_smallest_batch(model: nn.Module, loader: Any, images: Tensor) -> None:
    """Report a network that accepts only one batch size and would fail on a smaller last batch.

    Raises:
        ValueError: naming both sizes.
    """
    last = smallest_batch(loader, "train")
    if last is None or not 0 < last < len(images):
        return
    problem = _problem(model, images[:last])
    if problem is not None:
        drop = ", or drop_last=True" if isinstance(loader, DataLoader) else ""
        raise ValueError(
            f"the last batch of train has {last} images, and this network takes {len(images)} and not {last}: take a "
            f"batch size that divides the number of images{drop}. The network itself says: {problem}"
        ) from problem


def _check_single_image(model: nn.Module, loader: Any, images: Tensor) -> None:
    """Report a network that cannot learn from a batch of one image, as with batch norm, before that batch comes.

    Raises:
        ValueError: with batch sizes that work.
    """
    if len(images) != 1 and smallest_batch(loader, "train") != 1:
        return
    problem = _problem(model, images[:1])
    if problem is None or _problem(model, torch.cat([images[:1], images[:1]])) is not None:
        return
    which = "each batch" if len(images) == 1 else "the last batch"
    raise ValueError(
        f"{which} of train has one image, and this network cannot learn from one alone, as a batch norm needs several "
        f"values in each channel: {sizes_that_work(loader)}. The network itself says: {problem}"
    ) from problem


def _problem(model: nn.Module, images: Tensor) -> Exception | None:
    try:
        copy_network(model)(images.contiguous())
    except Exception as error:  # as above
        return error
    return None


def _faster_precision(model: nn.Module, images: Tensor, labels: Tensor) -> str:
    network = unwrap(model)
    measured = _chosen.setdefault(network, {})
    key = (str(images.device), tuple(images.shape), images.is_contiguous())
    if key not in measured:
        measured[key] = distributed.broadcast_object(_measure(network, images, labels))
    return measured[key]


def _measure(model: nn.Module, images: Tensor, labels: Tensor) -> str:
    agrees, seconds, short_seconds = True, float("inf"), float("inf")
    # Alternating, and with the best time of each, so that the load of other programs does not decide.
    for _ in range(_ROUNDS):
        try:
            loss, full = _try("float32", model, images, labels)
            short_loss, short = _try("bfloat16", model, images, labels)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # an operator without a bfloat16 version, or a network that does not expect it
            return "float32"
        agrees = agrees and abs(short_loss - loss) <= _AGREEMENT * max(1.0, abs(loss))
        seconds, short_seconds = min(seconds, full), min(short_seconds, short)
        faster = seconds / short_seconds
        is_clear = min(full, short) > _LONG and not _WORTHWHILE / _CLEAR < faster < _WORTHWHILE * _CLEAR
        if not agrees or is_clear:
            break
    return "bfloat16" if agrees and faster > _WORTHWHILE else "float32"


def _try(precision: str, model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """First loss and best time of a few steps on a copy of the model."""
    losses, seconds = [], []
    trial = copy_network(model)
    trial.to(memory_format=torch.contiguous_format if images.is_contiguous() else torch.channels_last)
    with fork_rng(images.device) as seed_generators:
        seed_generators(0)
        for _ in range(_STEPS):
            start = time.perf_counter()
            with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                logits = trial(images)
            loss = nn.functional.cross_entropy(logits.float(), labels if labels.dim() == 2 else labels.long())
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(float(loss.detach()))
            seconds.append(time.perf_counter() - start)
    return losses[0], min(seconds)
