"""(c) Time to 70, 75 and 80 % validation accuracy with the short recipe: mean and σ over seeds."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
from dataclasses import replace

from benchmarks.common import Row, apart, peak_megabytes, real_data
from cifar_helpers.runs import SHORT, train_by

TARGETS = (0.70, 0.75, 0.80)


def measure(seeds: int = 5) -> list[Row]:
    """One training for each seed, each in a new process."""
    runs = [apart("benchmarks.accuracy", str(seed)) for seed in range(seeds)]
    rows: list[Row] = []
    for target in TARGETS:
        reached = [
            next((s for a, s in zip(r["accuracy"], r["seconds"], strict=True) if a >= target), None) for r in runs
        ]
        times = [s for s in reached if s is not None]
        rows.append(
            {
                "validation accuracy": f"{target:.0%}",
                "mean seconds": round(statistics.mean(times), 1) if times else float("nan"),
                "σ seconds": round(statistics.stdev(times), 1) if len(times) > 1 else float("nan"),
                "reached by": f"{len(times)} of {seeds} seeds",
            }
        )
    last = [r["accuracy"][-1] for r in runs]
    rows.append(
        {
            "validation accuracy": f"at the end {statistics.mean(last):.1%}, σ {statistics.stdev(last):.2%}",
            "mean seconds": round(statistics.mean(r["seconds"][-1] for r in runs), 1),
            "σ seconds": round(statistics.stdev(r["seconds"][-1] for r in runs), 1),
            "reached by": f"{SHORT.epochs} epochs",
            "peak MB": runs[0]["peak MB"],
        }
    )
    return rows


def main() -> None:
    """Train with one seed; print accuracies and the seconds since the start, after each epoch, as JSON."""
    _, history, _ = train_by(replace(SHORT, seed=int(sys.argv[1])), real_data(), progress=False)
    seconds = list(itertools.accumulate(history["seconds"]))
    print(
        json.dumps({"accuracy": history["validation_accuracy"], "seconds": seconds, "peak MB": round(peak_megabytes())})
    )


if __name__ == "__main__":
    main()
