"""(a) One epoch of each engine: 40,000 training and 10,000 validation images in batches of 200.

`python -m benchmarks.epoch ENGINE FOLDER` times one epoch after a warm-up; `measure` lets them take turns.
Lightning and fastai (`benchmarks.peers`) take part where they are installed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from benchmarks import peers
from benchmarks.common import Row, apart, middle, peak_megabytes, real_data
from cifar_helpers import CLASSES, Augment, BatchLoader, CifarCNN, ImageSet, fit
from cifar_helpers.data import MEAN, STD

BATCH = 200
ENGINES = ("tutorial", "torchvision", *peers.ENGINES, "course")


class _Copy(datasets.CIFAR10):  # type: ignore[misc]
    """The data set of torchvision with the arrays of our split; its own reader refuses copies with other pixels."""

    def __init__(self, images: ImageSet, transform: Callable[[Any], Any]) -> None:
        self.data, self.targets = images.images.permute(0, 2, 3, 1).contiguous().numpy(), images.labels.tolist()
        self.transform, self.target_transform = transform, None

    def __len__(self) -> int:
        return len(self.targets)


def write_pngs(folder: Path) -> None:
    """The training split and the validation split as PNG files in class folders."""
    for part, images in zip(("train", "validation"), real_data().split(), strict=True):
        for name in CLASSES:
            (folder / part / name).mkdir(parents=True, exist_ok=True)
        pixels = images.images.permute(0, 2, 3, 1).numpy()
        for k, label in enumerate(images.labels.tolist()):
            Image.fromarray(pixels[k]).save(folder / part / CLASSES[label] / f"{k}.png", compress_level=1)


def _pictures(folder: Path) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """As most tutorials do it: PNG files, PIL, two worker processes."""
    train, check = _transforms()
    return _loaders(
        datasets.ImageFolder(str(folder / "train"), train), datasets.ImageFolder(str(folder / "validation"), check)
    )


def _in_memory() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """The CIFAR-10 of torchvision, whose arrays are in memory, image by image through PIL."""
    return _loaders(*(_Copy(*pair) for pair in zip(real_data().split(), _transforms(), strict=True)))


def _transforms() -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    numbers = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    return transforms.Compose([transforms.RandomHorizontalFlip(), *numbers]), transforms.Compose(numbers)


def _loaders(train: Any, check: Any) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(train, BATCH, shuffle=True, num_workers=2), DataLoader(check, BATCH, num_workers=2)


def plain_loop(train: Iterable[Any], check: Iterable[Any]) -> float:
    """Seconds of an epoch of the loop that tutorials write, in float32."""
    model = CifarCNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    random = torch.rand(BATCH, 3, 32, 32)
    for _ in range(5):
        model(random).sum().backward()
    start = time.perf_counter()
    model.train()
    running = 0.0
    for images, labels in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        running += loss.item()
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in check:
            right += int((model(images).argmax(1) == labels).sum())
    return time.perf_counter() - start


def course(train: ImageSet, check: ImageSet) -> float:
    """Seconds of an epoch of `fit`, with the precision that it chooses."""
    model = CifarCNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, fused=True)
    loader = BatchLoader(train, BATCH, shuffle=True, augment=Augment(flip=True))
    warm = BatchLoader(train.subset(slice(0, 5 * BATCH)), BATCH)
    fit(model, warm, epochs=1, optimizer=optimizer, progress=False)
    return fit(model, loader, check, epochs=1, optimizer=optimizer, progress=False)["seconds"][0]


def installed() -> list[str]:
    """The engines that can run here; says what to install for the others."""
    missing = [name for name, (package, _) in peers.ENGINES.items() if peers.version(package) is None]
    if missing:
        print(f'Left out: {" and ".join(missing)}. To measure them: pip install -e ".[{peers.EXTRA}]"', flush=True)
    return [engine for engine in ENGINES if engine not in missing]


def measure(rounds: int = 3) -> list[Row]:
    """All engines in turns, each time in a new process."""
    times: dict[str, list[float]] = {engine: [] for engine in installed()}
    memory: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        write_pngs(Path(name))
        for _ in range(rounds):
            for engine in times:
                row = apart("benchmarks.epoch", engine, name)
                times[engine].append(row["seconds"])
                memory[engine] = row["peak MB"]
    return compared(times, memory)


def compared(times: Mapping[str, Sequence[float]], memory: Mapping[str, float]) -> list[Row]:
    """A row for each engine, with the ratio to the course's in the same run and, for a peer, its version."""
    ours = middle(times["course"])["median"]
    rows: list[Row] = []
    for engine, seconds in times.items():
        row = {"engine": engine, **middle(seconds)}
        rows.append({**row, "times the course's": round(row["median"] / ours, 2), "peak MB": memory[engine]})
        if engine in peers.ENGINES:
            rows[-1]["version"] = peers.version(peers.ENGINES[engine][0])
    return rows


def main() -> None:
    """Time one epoch of one engine and print it as JSON."""
    engine, folder = sys.argv[1], Path(sys.argv[2])
    if engine == "course":
        seconds = course(*real_data().split())
    elif engine in peers.ENGINES:
        _, epoch = peers.ENGINES[engine]
        seconds = epoch(*real_data().split(), BATCH)
    else:
        seconds = plain_loop(*(_pictures(folder) if engine == "tutorial" else _in_memory()))
    print(json.dumps({"seconds": seconds, "peak MB": round(peak_megabytes())}))


if __name__ == "__main__":
    main()
