"""(g) What an epoch of each recipe of the ladder costs: 40,000 training and 10,000 validation images."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from benchmarks.common import Row, apart, middle, real_data
from cifar_helpers.runs import load_run, train_by
from cifar_helpers.runs.ablation import timed_runs


def measure() -> list[Row]:
    """Two epochs of each recipe, in a new process; the second counts, as the first one warms up."""
    return [{"run": run.name, **middle(apart("benchmarks.ladder", run.name)["seconds"])} for run in timed_runs()]


def main() -> None:
    """Time one recipe and print its seconds as JSON."""
    recipe = replace(load_run(sys.argv[1]).recipe, epochs=2, keep_after=())
    history = train_by(recipe, real_data(), progress=False)[1]
    print(json.dumps({"seconds": history["seconds"][1:]}))


if __name__ == "__main__":
    main()
