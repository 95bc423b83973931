"""(c) Time to 70, 75 and 80 % validation accuracy with the short recipe and the former one: mean and σ over seeds."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.common import Row, apart, peak_megabytes, real_data
from benchmarks.short import FORMER
from cifar_helpers.runs import SHORT, train_by

TARGETS = (0.70, 0.75, 0.80)
RECIPES = {"short": SHORT, "former": FORMER}


def measure(seeds: int = 5) -> list[Row]:
    """One training with each recipe and seed, in turns, each in a new process."""
    runs: dict[str, list[Row]] = {name: [] for name in RECIPES}
    for seed, name in itertools.product(range(seeds), RECIPES):
        runs[name].append(apart("benchmarks.accuracy", name, str(seed)))
    rows = [summary(runs["short"], runs["former"], target) for target in TARGETS]
    last = [run["accuracy"][-1] for run in runs["short"]]
    rows.append(
        {
            "validation accuracy": f"at the end {statistics.mean(last):.1%}, σ {statistics.stdev(last):.2%}",
            **_spread([run["seconds"][-1] for run in runs["short"]]),
            "reached by": f"{SHORT.epochs} epochs",
            "peak MB": runs["short"][0]["peak MB"],
        }
    )
    return rows


def summary(short: Sequence[Row], former: Sequence[Row], target: float) -> Row:
    """When the runs of both recipes reach a validation accuracy, in seconds of training and validation.

    Args:
        short: for each seed the accuracies after each epoch, 0..1, and the seconds since the start.
        former: the same of the recipe that it is compared with.
        target: an accuracy, 0..1.
    """
    times, before = _reached(short, target), _reached(former, target)
    row: Row = {
        "validation accuracy": f"{target:.0%}",
        **_spread(times),
        "reached by": f"{len(times)} of {len(short)} seeds",
    }
    if times and before:
        row |= {
            "former": _spread(before)["mean seconds"],
            "of the former": statistics.mean(times) / statistics.mean(before),
        }
        row["of the former"] = round(row["of the former"], 3)
    return row


def _reached(runs: Sequence[Row], target: float) -> list[float]:
    firsts = [next((s for a, s in zip(r["accuracy"], r["seconds"], strict=True) if a >= target), None) for r in runs]
    return [seconds for seconds in firsts if seconds is not None]


def _spread(seconds: Sequence[float]) -> Row:
    return {
        "mean seconds": round(statistics.mean(seconds), 1) if seconds else float("nan"),
        "σ seconds": round(statistics.stdev(seconds), 1) if len(seconds) > 1 else float("nan"),
    }


def main() -> None:
    """Train with a recipe and seed; print accuracies and the seconds since the start, after each epoch, as JSON."""
    recipe = replace(RECIPES[sys.argv[1]], seed=int(sys.argv[2]))
    _, history, _ = train_by(recipe, real_data(), progress=False)
    seconds = list(itertools.accumulate(history["seconds"]))
    print(
        json.dumps({"accuracy": history["validation_accuracy"], "seconds": seconds, "peak MB": round(peak_megabytes())})
    )


if __name__ == "__main__":
    main()
