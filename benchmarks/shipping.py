"""What the forms of a finished network cost: bytes, accuracy and time per image.

`python -m benchmarks shipping` writes `resources/shipping.json`. It trains the course's network again, by the recipe of
`good-25`: the stored weights of that run are float16 already, so they cannot show what rounding to float16 changes.
Needs the packages of the extra `transfer`.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import adjust_brightness, pil_to_tensor, rotate

from benchmarks.common import Row, real_data
from cifar_helpers import ImageSet, evaluate, load_run, load_weights, normalise, save_weights
from cifar_helpers._paths import atomic_write, resources
from cifar_helpers.data.sketches import draw_none, make_sketches
from cifar_helpers.runs import train_by
from cifar_helpers.shipping import table_of_forms
from cifar_helpers.timing import time_call

RESULTS = resources() / "shipping.json"
RUN = "good-25"
BATCH = 100
Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Form:
    """A way to store and to run the network: normalised images `(B, 3, 32, 32)` to logits `(B, 10)`."""

    what: str
    forward: Forward
    path: Path | None = None


def without_gradients(network: Forward, precision: torch.dtype = torch.float32) -> Forward:
    """A network under `inference_mode`, with convolutions and products in the given precision."""

    def forward(images: Tensor) -> Tensor:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            return network(images).float()

    return forward


def in_channels_last(network: nn.Module) -> Forward:
    """A copy of a network that computes with the channels of a pixel next to each other in memory."""
    changed = copy.deepcopy(network).to(memory_format=torch.channels_last)
    return lambda images: changed(images.contiguous(memory_format=torch.channels_last))


def exported(network: nn.Module, path: Path) -> Forward:
    """The network in an ONNX file, run by ONNX Runtime with as many threads as PyTorch."""
    import onnxruntime

    torch.onnx.export(
        network,
        (torch.zeros(2, 3, 32, 32),),
        path,
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: "batch"},),
        external_data=False,
        verbose=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options)
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


def forms(network: nn.Module, folder: Path) -> list[Form]:
    """All forms, the unchanged network first."""
    paths = {name: folder / f"{name}.pt" for name in ("float32", "float16", "int8")}
    torch.save(network.state_dict(), paths["float32"])
    save_weights(network, paths["float16"])
    save_weights(network, paths["int8"], int8=True)
    loaded = {name: load_weights(copy.deepcopy(network), paths[name]) for name in ("float16", "int8")}
    compiled = torch.compile(network, dynamic=False)  # compiled once for each of the two batch sizes
    return [
        Form("PyTorch", without_gradients(network), paths["float32"]),
        *(Form(f"weights as {name}", without_gradients(one), paths[name]) for name, one in loaded.items()),
        Form("with gradients", network),
        Form("channels last", without_gradients(in_channels_last(network))),
        Form("the same in bfloat16", without_gradients(in_channels_last(network), torch.bfloat16)),
        Form("torch.compile", without_gradients(compiled)),
        Form("ONNX Runtime", exported(network, folder / "network.onnx"), folder / "network.onnx"),
    ]


def logits_of(form: Form, images: ImageSet) -> Tensor:
    """Logits `(N, 10)`, computed in batches of 100."""
    return torch.cat([form.forward(normalise(part)).detach() for part in torch.split(images.images, BATCH)])


def compared(all_forms: Sequence[Form], images: ImageSet) -> list[Row]:
    """Bytes and accuracy of each form, and how it differs from the first one on the same images."""
    rows: list[Row] = []
    first: Tensor | None = None
    for form in all_forms:
        logits = logits_of(form, images)
        first = logits if first is None else first
        right = (logits.argmax(1) == images.labels).double()
        row: Row = {"what": form.what}
        if form.path:
            row["bytes"] = form.path.stat().st_size
        row["accuracy"] = float(right.mean())
        if logits is not first:
            change = right - (first.argmax(1) == images.labels).double()
            row["points"] = round(100 * float(change.mean()), 4)
            row["error"] = round(100 * float(change.std()) / len(change) ** 0.5, 4)
            row["other class"] = int((logits.argmax(1) != first.argmax(1)).sum())
            row["largest difference"] = float(f"{float((logits - first).abs().max()):.2g}")
        rows.append(row)
    return rows


def timed(all_forms: Sequence[Form], images: ImageSet, rounds: int = 5, seconds: float = 0.5) -> list[Row]:
    """Milliseconds per image of each form, one image at a time and in batches of 100; the forms take turns."""
    rows: list[Row] = [{"what": form.what} for form in all_forms]
    for name, count in (("ms", 1), ("ms of 100", BATCH)):
        batch = normalise(images.images[:count])
        found: list[list[float]] = [[] for _ in all_forms]
        for form in all_forms:
            form.forward(batch)  # the first call compiles where something is compiled
        for _ in range(rounds):
            for times, form in zip(found, all_forms, strict=True):
                times.append(1000 * time_call(partial(form.forward, batch), seconds) / count)
        for row, times in zip(rows, found, strict=True):
            row[name] = round(statistics.median(times), 4)
            row[f"{name}, range"] = [round(min(times), 4), round(max(times), 4)]
    return rows


@torch.inference_mode()
def limits(network: nn.Module, images: ImageSet, drawings: int = 500) -> dict[str, float]:
    """Accuracy of a network on pictures unlike those that it learned from, 0..1; for a model card.

    The last is the share of drawings of a house with a tree that get one of the ten classes with more than 50 %
    probability.
    """
    _, _, pixels, labels = map(torch.from_numpy, make_sketches(train=10, test=drawings))
    changed = {
        "darkened to 35 %": adjust_brightness(images.images, 0.35),
        "rotated by 15°, with black corners": rotate(images.images, 15),
    }
    found = {name: evaluate(network, ImageSet(part, images.labels)).accuracy for name, part in changed.items()}
    found["drawings"] = evaluate(network, ImageSet(pixels, labels)).accuracy
    none = torch.stack([pil_to_tensor(draw_none(seed, 32)) for seed in range(drawings)])
    confident = network(normalise(none)).softmax(1).amax(1) > 0.5
    found["drawings of a house with a tree that get a class with more than 50 %"] = float(confident.float().mean())
    return {name: round(share, 4) for name, share in found.items()}


def measure() -> dict[str, Any]:
    """Train, then measure every form; and the limits of the stored network."""
    data = real_data()
    validation = data.split()[1]
    network, history, _ = train_by(replace(load_run(RUN).recipe, keep_after=()), data)
    network = network.eval().to(memory_format=torch.contiguous_format)
    with tempfile.TemporaryDirectory() as folder:
        every = forms(network, Path(folder))
        times = timed(every, validation)
        rows = [{**size, **time} for size, time in zip(compared(every, validation), times, strict=True)]
    return {
        "about": f"Forms of the network of {RUN}, trained again; validation images; milliseconds per image.",
        "images": len(validation),
        "seconds of training": round(sum(history["seconds"])),
        "machine": {
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "processor": platform.machine(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
        },
        "limits": limits(load_run(RUN).model(), validation),
        "rows": rows,
    }


def record() -> None:
    """Measure, print the table, and write the results."""
    results = measure()
    print(table_of_forms(results["rows"]), flush=True)
    with atomic_write(RESULTS) as unfinished:
        unfinished.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
