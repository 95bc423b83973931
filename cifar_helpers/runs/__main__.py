"""Record runs by name, or list them: `python -m cifar_helpers.runs`."""

from __future__ import annotations

import argparse

from cifar_helpers._paths import resources
from cifar_helpers.data import load_cifar10
from cifar_helpers.runs.records import load_run, read_recipe, record, run_names


def main(arguments: list[str] | None = None) -> None:
    """Repeat the runs that `resources/runs/NAME/config.json` describe, or list all runs."""
    parser = argparse.ArgumentParser(prog="python -m cifar_helpers.runs", description=__doc__)
    parser.add_argument("command", choices=["record", "list"])
    parser.add_argument("names", nargs="*", help="runs to record again from their config.json")
    parser.add_argument("--root", default=None, help="folder of the data")
    chosen = parser.parse_args(arguments)
    if chosen.command == "list":
        for name in run_names():
            print(f"{name}: {load_run(name).recipe.about}")
        return
    data = load_cifar10(chosen.root, source="cifar10", download=False)
    for name in chosen.names:
        folder = resources() / "runs" / name
        if not (folder / "config.json").is_file():
            parser.error(f"{folder} has no config.json with a recipe")
        run = record(name, read_recipe(folder), data)
        print(f"{name}: validation accuracy {run.metrics['validation']['accuracy']:.2%}", flush=True)


if __name__ == "__main__":
    main()
