"""What several test files need: small data sets in every layout, and the real one where it is."""

from __future__ import annotations

import csv
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cifar_helpers import CLASSES, Cifar10, ImageSet, load_cifar10
from cifar_helpers._readers import find_batches
from cifar_helpers.data import default_root


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_OFFLINE", "1")


def random_images(count: int, seed: int = 0) -> ImageSet:
    """Images of noise, with every class in turn."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return ImageSet(images, torch.arange(count) % 10)


def write_batches(folder: Path, per_batch: int = 20) -> Path:
    """The official layout with few images: five training batches and a test batch."""
    place = folder / "cifar-10-batches-py"
    place.mkdir(parents=True)
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    for seed, name in enumerate(names):
        part = random_images(per_batch, seed)
        pixels = part.images.reshape(per_batch, -1).numpy()
        content = {b"data": pixels, b"labels": part.labels.tolist(), b"filenames": []}
        (place / name).write_bytes(pickle.dumps(content, protocol=2))
    return place


def write_kaggle(folder: Path, count: int = 30) -> Path:
    """Kaggle's layout with few images."""
    (folder / "train").mkdir(parents=True)
    images = random_images(count)
    with (folder / "trainLabels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label"])
        for k, (image, label) in enumerate(zip(images.images, images.labels, strict=True), start=1):
            writer.writerow([k, CLASSES[int(label)]])
            save_png(image, folder / "train" / f"{k}.png")
    return folder


def write_class_folders(folder: Path, per_class: int = 3) -> Path:
    """One folder for each class, training and test."""
    for part, seed in (("train", 0), ("test", 1)):
        images = random_images(10 * per_class, seed)
        for k, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            place = folder / part / CLASSES[int(label)]
            place.mkdir(parents=True, exist_ok=True)
            save_png(image, place / f"{k:03d}.png")
    return folder


def save_png(image: torch.Tensor, path: Path) -> None:
    Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy())).save(path)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of an ordinary user, whom file permissions stop; root, which runs tests in CI, they would not."""
    if os.name != "posix":
        pytest.skip("needs POSIX file permissions")
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sketches(tmp_path_factory: pytest.TempPathFactory) -> Cifar10:
    """The course's own drawings, as a learner without data gets them."""
    return load_cifar10(tmp_path_factory.mktemp("sketches"), source="sketches")


@pytest.fixture(scope="session")
def real_data() -> Cifar10:
    """The real CIFAR-10; a test that asks for it is skipped where it is not."""
    if find_batches(default_root()) is None:
        pytest.skip("needs the real CIFAR-10 in data/")
    return load_cifar10(source="cifar10", download=False)
