"""`python -m benchmarks [a b c d e f h l p s gpu]`: measure, print tables, write `resources/benchmarks.json`.

The column `was` has what was recorded before.

`python -m benchmarks short`, `shipping` and `transfer` measure for lessons 08 and 09, and write files of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch

from benchmarks import (
    accuracy,
    compiling,
    costs,
    epoch,
    gpu,
    loading,
    photos,
    roof,
    shipping,
    short,
    steps,
    sweeps,
    transfer,
    tricks,
)
from benchmarks.common import table, with_former
from cifar_helpers import devices
from cifar_helpers._paths import atomic_write

PARTS = {
    "a": ("An epoch (40,000 training and 10,000 validation images, batch 200), seconds", epoch.measure),
    "b": ("Each trick added to those before it, seconds of the same epoch", tricks.measure),
    "c": ("Time to accuracy with the short recipe", accuracy.measure),
    "d": ("Arithmetic of a training step, batch 200, and where its time goes", roof.measure),
    "e": ("Cost of an epoch of fit", costs.measure),
    "f": ("Training time per image against batch size", sweeps.measure),
    "h": ("torch.compile: a training step in bfloat16, batch 200", compiling.measure),
    "l": ("Loading CIFAR-10 from its official batches, seconds", loading.measure),
    "p": ("Predicting a folder of mixed photos, seconds", photos.measure),
    "s": ("What could make a training step faster: bfloat16, batch 200", steps.measure),
}
OTHERS = {"shipping": shipping.record, "short": short.record, "transfer": transfer.record}
"""What is measured only if it is asked for, and written to files of their own."""
RESULTS = Path(__file__).resolve().parent.parent / "resources" / "benchmarks.json"


def main() -> None:
    """Measure the chosen parts; the others keep what was measured before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    which = "none means all of a to s, and gpu where there is one"
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "gpu", *OTHERS, []], help=which)
    chosen = parser.parse_args().parts or [*PARTS, *(["gpu"] if len(devices()) > 1 else [])]
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if "machine" in results:
        print("`was` is of", ", ".join(f"{name} {value}" for name, value in results["machine"].items()), flush=True)
    if "gpu" in chosen:
        if len(devices()) == 1:
            parser.error("gpu needs a GPU that torch can use, and there is none here")
        former = results.get("gpu", {})
        results["gpu"] = {**gpu.measure(devices()[-1]), "recorded": f"{date.today()}"}
        for part in ("sweep", "queue", "layers", "compile"):
            same = former.get("device") == results["gpu"]["device"]
            rows = with_former(results["gpu"][part], former.get(part, []) if same else [])
            print(table(results["gpu"]["device"], rows), flush=True)
        _write(results)
    for part in (part for part in chosen if part in OTHERS):
        OTHERS[part]()
    for part in (part for part in chosen if part in PARTS):
        title, measure = PARTS[part]
        start = time.perf_counter()
        rows = measure()
        print(table(title, with_former(rows, results.get(part, {}).get("rows", []))), flush=True)
        print(f"({time.perf_counter() - start:.0f} s)", flush=True)
        results[part] = {"title": title, "recorded": f"{date.today()}", "cores": os.cpu_count(), "rows": rows}
        results["machine"] = {
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "processor": platform.machine(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
        }
        _write(results)


def _write(results: dict[str, Any]) -> None:
    with atomic_write(RESULTS) as unfinished:
        unfinished.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
