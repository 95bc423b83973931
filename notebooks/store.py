"""Execute the notebooks on the real data and store them with their outputs.

    python notebooks/store.py            # all of them
    python notebooks/store.py 02 04      # those whose names start so

Each notebook is written only if every cell ran. Prints its time and its slowest cell, and keeps the times
in resources/lesson_seconds.json, from which the doctor tells what to expect on other machines.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from cifar_helpers._paths import atomic_write

HERE = Path(__file__).resolve().parent
LARGEST = 1_500_000
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_REPR = re.compile(r"\w+\(children=")  # what a widget is as text; a question is words
WIDGET_TEXT = "Run this cell to use the controls; the figure above says the same."


def execute(path: Path) -> tuple[nbformat.NotebookNode, list[float]]:
    """Run a notebook from top to bottom; give it back with outputs, and the seconds of each code cell."""
    notebook = nbformat.read(path, as_version=4)
    seconds: list[float] = []
    started = 0.0

    def start(**_: Any) -> None:
        nonlocal started
        started = time.perf_counter()

    def stop(**_: Any) -> None:
        seconds.append(time.perf_counter() - started)

    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(HERE)}},
        coalesce_streams=True,
        on_cell_execute=start,
        on_cell_executed=stop,
    )
    client.execute()
    return notebook, seconds


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what differs from machine to machine or breaks other viewers."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            # Without its live kernel a widget is an error message in every viewer.
            if data.pop(WIDGET, None) is not None and WIDGET_REPR.match(data["text/plain"]):
                data["text/plain"] = WIDGET_TEXT
            if output.get("output_type") == "stream":
                output.text = last_of_each_line(output.text)
    return notebook


def last_of_each_line(text: str) -> str:
    """What a terminal shows in the end: a progress bar writes over itself after each carriage return."""
    lines = re.sub(r"\r+\n", "\n", text).split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """What must not be stored: places of this machine, or too much."""
    text = nbformat.writes(notebook)
    found = [f"it names the folder {p}" for p in (str(HERE.parent), str(Path.home())) if f"{p}/" in text]
    if len(text.encode()) > LARGEST:
        found.append(f"it has {len(text.encode()):,} bytes, over {LARGEST:,}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of notebook names; none means all")
    chosen = parser.parse_args().names
    os.environ["CIFAR10_OFFLINE"] = "1"
    from cifar_helpers.data import load_cifar10

    load_cifar10(source="cifar10", download=False)  # stored outputs show the real data, or nothing is stored
    from cifar_helpers.doctor import speed

    failed, steps_per_second = False, round(speed(), 2)
    # Lesson 00 comes last: the doctor in it tells the times of the others.
    for path in sorted(HERE.glob("[0-9]*.ipynb"), key=lambda p: (p.name.startswith("00"), p.name)):
        if chosen and not path.name.startswith(tuple(chosen)):
            continue
        try:
            notebook, seconds = execute(path)
        except CellExecutionError as error:
            print(f"{path.name}: a cell failed, nothing is stored\n{error}", file=sys.stderr)
            failed = True
            continue
        problems = complaints(clean(notebook))
        if problems:
            print(f"{path.name}: not stored, {'; '.join(problems)}", file=sys.stderr)
            failed = True
            continue
        with atomic_write(path) as part:
            part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        keep(path.stem, sum(seconds), steps_per_second)
        print(f"{path.name}: {sum(seconds):.0f} s, slowest cell {max(seconds):.1f} s", flush=True)
    draw_readme_picture()
    return int(failed)


def keep(lesson: str, seconds: float, steps_per_second: float) -> None:
    """Write the seconds of a lesson, with the speed of this machine; what others took is scaled to it."""
    file = HERE.parent / "resources" / "lesson_seconds.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"seconds": {}}
    factor = kept.get("steps_per_second", 1.0) / steps_per_second
    times = {name: round(before * factor, 1) for name, before in kept["seconds"].items()}
    times[lesson] = round(seconds, 1)
    content = {"steps_per_second": steps_per_second, "seconds": dict(sorted(times.items()))}
    with atomic_write(file) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def draw_readme_picture() -> None:
    """The course's picture on its way through the trained network."""
    from cifar_helpers import figures, load_cifar10, load_run, predict
    from cifar_helpers.widgets.feature_maps import activations

    picture = load_cifar10(source="cifar10").split()[1].of_class("horse").images[3]
    model = load_run("good-25").model()
    maps = activations(model, picture)
    blocks = {f"block {k}": maps[f"block {k}, pooling"] for k in (1, 2, 3)}
    figure = figures.through_the_network(picture, blocks, predict(picture, model).probabilities)
    target = HERE.parent / "resources" / "figures" / "through_the_network.png"
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main())
