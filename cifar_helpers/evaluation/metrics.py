"""Measure a network on images: loss, accuracy, confusion."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DistributedSampler

from cifar_helpers import networks
from cifar_helpers.data import Batches, BatchLoader, ImageSet, batches


@dataclass(frozen=True, eq=False)
class Metrics:
    """How a network did on a set of images.

    Attributes:
        loss: mean cross-entropy over the images, in nats.
        accuracy: share of correct predictions, 0..1.
        confusion: int64 `(classes, classes)`, for CIFAR-10 `(10, 10)`: images of class (row) that were predicted as
            class (column).
    """

    loss: float
    accuracy: float
    confusion: Tensor

    def __eq__(self, other: object) -> bool:
        """Whether loss, accuracy and confusion are all the same."""
        if not isinstance(other, Metrics):
            return NotImplemented
        same = (self.loss, self.accuracy) == (other.loss, other.accuracy)
        return same and torch.equal(self.confusion, other.confusion)

    def __hash__(self) -> int:
        return hash((self.loss, self.accuracy))

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor) -> Metrics:
        """The metrics of logits, as `collect_logits` returns them.

        Args:
            logits: float `(N, classes)`.
            labels: integers `(N,)`, each at least 0 and below the number of classes.

        Raises:
            TypeError: if they are not tensors.
            ValueError: if the shapes do not fit, or a label is outside its range.
        """
        for name, value in (("logits", logits), ("labels", labels)):
            if not isinstance(value, Tensor) or value.is_meta or value.layout != torch.strided:
                raise TypeError(f"{name} must be a dense tensor, got {type(value).__name__}")
        if logits.dim() != 2 or not logits.numel() or not logits.is_floating_point():
            raise ValueError(
                f"logits must be float (N, classes) of at least one image, got {logits.dtype} {tuple(logits.shape)}"
            )
        batches.check_labels(logits, labels, "Metrics.of", shares=False)
        classes = logits.shape[1]
        labels = batches.class_numbers(labels, classes, "Metrics.of")
        predictions = logits.argmax(1)
        confusion = torch.bincount(labels * classes + predictions, minlength=classes * classes)
        return cls(
            loss=float(nn.functional.cross_entropy(logits, labels)),
            accuracy=float((predictions == labels).float().mean()),
            confusion=confusion.view(classes, classes),
        )

    @property
    def precision(self) -> Tensor:
        """float64 `(classes,)`: of the images predicted as a class, the share that belong to it; NaN if none were."""
        return self.confusion.diagonal() / self.confusion.sum(0).double()

    @property
    def recall(self) -> Tensor:
        """float64 `(classes,)`: of the images of a class, the share that was found; NaN if there are none."""
        return self.confusion.diagonal() / self.confusion.sum(1).double()

    @property
    def f1(self) -> Tensor:
        """float64 `(classes,)`: harmonic mean of precision and recall; NaN if neither present nor predicted."""
        either = self.confusion.sum(0) + self.confusion.sum(1)
        return 2 * self.confusion.diagonal() / either.double()

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.1%}, loss {self.loss:.3f}, {int(self.confusion.sum()):,} images"


def collect_logits(model: nn.Module, loader: Batches | ImageSet) -> tuple[Tensor, Tensor]:
    """Run a network over all images in eval mode.

    Args:
        model: returns logits `(B, classes)`; its layers are put back in the modes they were in.
        loader: batches without augmentation, or an `ImageSet`. Of a `BatchLoader` with a `shard`, all images are
            measured in every process.

    Returns:
        Logits float32 `(N, classes)` and labels int64 `(N,)`, on the CPU.

    Raises:
        TypeError: if the loader does not give batches of images and labels, or the network does not return logits.
        ValueError: if there are no images, they are augmented, or the network cannot take them or has no values yet.
    """
    return collected(model, loader, "loader")


def collected(model: nn.Module, loader: Batches | ImageSet, name: str) -> tuple[Tensor, Tensor]:
    """`collect_logits`; `name` is the name of the loader in messages."""
    networks.check_module(model)
    networks.check_values(model)
    batches.check_loader(loader, name, counted=False)
    batches.check_not_augmented(loader, name)
    if isinstance(loader, ImageSet):
        loader = BatchLoader(loader, device=networks.device_of(model))
    if isinstance(loader, BatchLoader) and loader.shard[1] > 1:
        loader = BatchLoader(loader.image_set, loader.batch_size)
    sampler = getattr(loader, "sampler", None)
    if isinstance(sampler, DistributedSampler) and sampler.num_replicas > 1:
        warnings.warn(
            f"the loader's DistributedSampler gives this process part {sampler.rank + 1} of {sampler.num_replicas} of "
            "the images: only these are measured",
            stacklevel=2,
        )
    return logits_of(model, loader, name, loader)


@torch.no_grad()
def logits_of(model: nn.Module, source: Iterable[Any], name: str, loader: Any) -> tuple[Tensor, Tensor]:
    """`collect_logits` for checked batches from a loader; `name` is the name of the loader in messages."""
    device = networks.device_of(model)
    parts: list[tuple[Tensor, Tensor]] = []
    memory_format = torch.channels_last
    with networks.eval_mode(model):
        for batch in source:
            images, labels = batches.pair(batch, name)
            batches.check_labels(images, labels, name, shares=False)
            if not parts:
                memory_format = _memory_format(model, batch, device, name)
            try:
                logits = model(batches.to_device(batch, device, memory_format)[0])
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                raise batches.not_taken_later(images, len(parts) + 1, name, error) from error
            batches.check_logits(logits, images, loader, name)
            parts.append((logits.float().cpu(), batches.class_numbers(labels.cpu(), logits.shape[1], name)))
    if not parts:
        raise ValueError(f"{name}: there are no images to evaluate")
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def _memory_format(model: nn.Module, batch: Any, device: torch.device, name: str) -> torch.memory_format:
    """Channels last, which makes convolutions faster, if the network accepts it and gives the same logits."""
    found: list[Tensor] = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        images, _ = batches.to_device(batch, device, memory_format)
        try:
            found.append(model(images))
        except Exception as error:  # a user's network can raise anything
            if not found:
                raise batches.not_taken(images, networks.unwrap(model), name, error) from error
            return torch.contiguous_format
    batches.check_logits(found[0], batch[0], None, name)
    return torch.channels_last if networks.same(*found) else torch.contiguous_format


def evaluate(model: nn.Module, loader: Batches | ImageSet) -> Metrics:
    """Loss, accuracy and confusion of a network, in eval mode, each image counted once.

    Args:
        model: as for `collect_logits`.
        loader: as for `collect_logits`.

    Raises:
        TypeError: as `collect_logits` does.
        ValueError: as `collect_logits` does.
    """
    return Metrics.of(*collect_logits(model, loader))
