"""A short training run without a bug. `inject` changes one place of this text at a time, and runs the result.

It does not call `fit` and `predict`, because these refuse or prevent most of the bugs.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from cifar_helpers.data import ImageSet, normalise
from cifar_helpers.models import CifarCNN


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Training and validation images, out of 3,000."""
    training = images.subset(slice(0, 2000))
    validation = images.subset(slice(2000, 3000))
    return training, validation


def start() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A fresh network and its optimizer."""
    model = CifarCNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return model, optimizer


def batches(images: ImageSet) -> Iterator[tuple[Tensor, Tensor]]:
    """All images in a new order, 50 at a time."""
    order = torch.randperm(len(images))
    pictures = images.images[order]
    labels = images.labels[order]
    for first in range(0, len(images), 50):
        yield normalise(pictures[first : first + 50]), labels[first : first + 50]


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of a batch."""
    loss = nn.functional.cross_entropy(logits, labels)
    return loss


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, images: ImageSet) -> tuple[float, float]:
    """Train on all images once; return the mean loss and the accuracy during the epoch."""
    model.train()
    total, right = 0.0, 0
    for batch, labels in batches(images):
        logits = model(batch)
        loss = loss_of(logits, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.item() * len(labels)
        right += int((logits.argmax(1) == labels).sum())
    return total / len(images), right / len(images)


def predict(model: nn.Module, batch: Tensor) -> Tensor:
    """Logits of a batch."""
    model.eval()
    with torch.no_grad():
        logits: Tensor = model(batch)
    return logits


def measure(model: nn.Module, images: ImageSet, batch_size: int = 200) -> tuple[float, float]:
    """Loss and accuracy on images that the network is not trained on."""
    total, right = 0.0, 0
    for first in range(0, len(images), batch_size):
        part = images.subset(slice(first, first + batch_size))
        logits = predict(model, normalise(part.images))
        total += loss_of(logits, part.labels).item() * len(part)
        right += int((logits.argmax(1) == part.labels).sum())
    return total / len(images), right / len(images)


def classify_photo(model: nn.Module, photo: Tensor) -> Tensor:
    """Probabilities `(10,)` of one photo, uint8 `(3, 32, 32)`."""
    batch = normalise(photo[None])
    return predict(model, batch)[0].softmax(0)
