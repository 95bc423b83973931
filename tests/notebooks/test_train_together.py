"""The script that lesson 08 starts in several processes: which device it takes, and how two machines train together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import NOTEBOOKS

SCRIPT = (NOTEBOOKS / "train_together.py").read_text(encoding="utf-8")


def device_chosen(
    kind: str | None, count: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, list[str]]:
    """What the script takes for its process with local rank 1 of `processes` on a machine with `count` accelerators."""
    ranks = {"RANK": processes + 1, "WORLD_SIZE": 2 * processes, "LOCAL_RANK": 1, "LOCAL_WORLD_SIZE": processes}
    for name, number in ranks.items():  # on the second of two machines
        monkeypatch.setenv(name, str(number))
    found = None if kind is None else torch.device(kind)
    accelerator = SimpleNamespace(
        current_accelerator=lambda: found, device_count=lambda: count, set_device_index=lambda index: None
    )
    started: list[str] = []
    backend = torch.distributed.get_default_backend_for_device
    names: dict[str, Any] = {
        "os": os,
        "torch": SimpleNamespace(accelerator=accelerator, device=torch.device),
        "dist": SimpleNamespace(get_default_backend_for_device=backend, init_process_group=started.append),
    }
    exec(SCRIPT[SCRIPT.index("rank, world_size =") : SCRIPT.index("train, validation")], names)
    return names["device"], started


@pytest.mark.parametrize(
    ("kind", "count", "processes", "device", "backend"),
    [
        ("cuda", 4, 4, "cuda:1", "nccl"),
        ("cuda", 1, 2, "cpu", "gloo"),  # two processes cannot share a GPU
        ("cuda", 0, 2, "cpu", "gloo"),  # PyTorch for GPUs on a machine without one
        ("mps", 1, 1, "cpu", "gloo"),
        (None, 0, 2, "cpu", "gloo"),
    ],
)
def test_each_process_takes_the_gpu_of_its_local_rank_if_there_is_one_for_each(
    kind: str | None, count: int, processes: int, device: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device_chosen(kind, count, processes, monkeypatch) == (torch.device(device), [backend])


@pytest.mark.slow
def test_two_machines_train_together_here_played_by_one(sketch_root: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rendezvous = ["--rdzv-id=1", "--rdzv-backend=c10d", f"--rdzv-endpoint=localhost:{port}"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", *rendezvous]
    environment = {**os.environ, "CIFAR10_ROOT": str(sketch_root), "CIFAR10_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    machines = [
        subprocess.Popen(
            [*command, "train_together.py"],
            cwd=NOTEBOOKS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [machine.communicate(timeout=240) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    results = [line for printed, _ in said for line in printed.splitlines() if "process(es)" in line]
    assert len(results) == 1 and results[0].startswith("2 process(es): loss ")  # the one with rank 0 speaks
