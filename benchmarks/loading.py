"""(l) Seconds until CIFAR-10 is in memory, from its official batches, and what that takes in memory."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import Row, apart, middle, peak_megabytes
from cifar_helpers import load_cifar10
from cifar_helpers.data.layouts import BATCHES, DataError, find_batches
from cifar_helpers.data.load import default_root


def measure(repeats: int = 5) -> list[Row]:
    """The first load, which takes the fingerprint, and a later one, each in a new process; the files are cached."""
    batches = find_batches(default_root())
    if batches is None:
        raise DataError(f"{default_root()} has no official batches to load")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / BATCHES).symlink_to(batches.resolve(), target_is_directory=True)
        for load in ("first", "later"):
            found = [apart("benchmarks.loading", folder, load) for _ in range(repeats)]
            rows.append(
                {
                    "load": f"{load}, {'with' if load == 'first' else 'without'} the fingerprint",
                    **middle([one["seconds"] for one in found]),
                    "peak MB more than torch": max(one["peak MB"] for one in found),
                }
            )
    return rows


def main() -> None:
    """Time one load and print it as JSON."""
    folder, load = sys.argv[1:]
    if load == "first":
        (Path(folder) / ".cache" / "cifar10.npz").unlink(missing_ok=True)
    os.environ["CIFAR10_OFFLINE"] = "1"
    before, start = peak_megabytes(), time.perf_counter()
    load_cifar10(folder, source="cifar10")
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak MB": round(peak_megabytes() - before)}))


if __name__ == "__main__":
    main()
