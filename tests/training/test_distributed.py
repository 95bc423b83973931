"""The same `fit` in two processes, as `torchrun` starts them: the same result as in one, within rounding."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from helpers import ROOT, in_process, random_images, start_process
from torch.nn.parallel import DistributedDataParallel

from cifar_helpers import MLP, Augment, BatchLoader, CifarCNN, fit


def train(folder: Path, environment: dict[str, str]) -> None:
    """Train both networks, in one process or in one of several, and write what they reach."""
    os.environ.update(environment)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    torch.set_num_threads(1)
    if world > 1:
        dist.init_process_group("gloo")
    images = random_images(400)
    images.images[torch.arange(400), 0, 0] = (images.labels * 25).to(torch.uint8)[:, None]  # something to learn
    for network in ("MLP", "CNN"):
        torch.manual_seed(0)
        model = MLP((32,)) if network == "MLP" else CifarCNN(dropout=0.0, width=0.25)
        if world > 1:
            model = DistributedDataParallel(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        loader = BatchLoader(images, 40, shuffle=True, augment=Augment(flip=True, shift=1), shard=(rank, world))
        history = fit(
            model, loader, images, epochs=3, optimizer=optimizer, checkpoint=folder / f"{network}{world}.part",
            precision="auto" if network == "CNN" and world > 1 else "float32", progress=False,
        )  # fmt: skip
        weights = [float(p.double().sum()) for p in model.parameters()]
        told = {"loss": history["validation_loss"], "accuracy": history["validation_accuracy"], "weights": weights}
        told["train"] = history["train_loss"] + history["train_accuracy"]
        (folder / f"{network}-{world}-{rank}.json").write_text(json.dumps(told), encoding="utf-8")
    if world > 1:
        dist.destroy_process_group()


def train_in_two_processes(folder: Path) -> None:
    """With the environment that `torchrun` gives them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    said = [folder / f"said{rank}" for rank in range(2)]
    both = [start_process(file, train, folder, {"RANK": str(rank), **shared}) for rank, file in enumerate(said)]
    for process, file in zip(both, said, strict=True):
        process.join(120)
        assert process.exitcode == 0, file.read_text(encoding="utf-8")


def train_with_torchrun(folder: Path) -> None:
    script = "import pathlib, sys; from test_distributed import train; train(pathlib.Path(sys.argv[1]), {})"
    (folder / "train.py").write_text(script, encoding="utf-8")
    environment = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "train.py", "."],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(
    scope="module", params=[train_in_two_processes, pytest.param(train_with_torchrun, marks=pytest.mark.slow)]
)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], list[dict[str, Any]]]:
    """What each process says of the same training, of a network by one process or by two, which are started once."""
    folder = tmp_path_factory.mktemp("trained")
    in_process(train, folder, {})
    request.param(folder)

    def told(network: str, processes: int) -> list[dict[str, Any]]:
        texts = [(folder / f"{network}-{processes}-{k}.json").read_text(encoding="utf-8") for k in range(processes)]
        return [json.loads(text) for text in texts]

    return told


pytestmark = pytest.mark.skipif(
    not dist.is_available() or sys.platform == "win32", reason="torch is built without processes that train together"
)


def test_two_processes_train_the_same_network_as_one(trained: Callable[..., Any]) -> None:
    (alone,), (first, second) = trained("MLP", 1), trained("MLP", 2)
    assert first["weights"] == second["weights"]
    assert first["loss"] == pytest.approx(alone["loss"], rel=1e-4)
    assert first["train"] == second["train"] == pytest.approx(alone["train"], rel=1e-4)
    assert first["weights"] == pytest.approx(alone["weights"], rel=1e-3, abs=1e-3)
    assert alone["loss"][-1] < alone["loss"][0]


def test_with_batch_norm_each_half_of_a_batch_is_normalised_alone(trained: Callable[..., Any]) -> None:
    """So the result is near, not the same."""
    (alone,), (first, second) = trained("CNN", 1), trained("CNN", 2)
    assert first["weights"] == second["weights"] != alone["weights"]
    assert first["loss"][-1] == pytest.approx(alone["loss"][-1], rel=0.2)
