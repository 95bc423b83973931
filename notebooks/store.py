"""Execute the notebooks on the real data and store them with their outputs.

    python notebooks/store.py            # all of them
    python notebooks/store.py 02 04      # those whose names start so

Each notebook is written only if every cell ran. A widget is stored as a picture of it, taken in Chromium, with a
small record of its state; the output of a cell that is tagged `reveals` is folded, because it answers a prediction,
and begins with one without data, because JupyterLab shows a line of the first output of a folded cell (nbval compares
an output without data with nothing). Prints the time of each notebook and its slowest cell, and keeps the times in
resources/lesson_seconds.json, from which the doctor tells what to expect on other machines.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

from cifar_helpers._paths import atomic_write
from cifar_helpers.heads import repository, with_head

HERE = Path(__file__).resolve().parent
LARGEST = 1_500_000
WIDGET = "application/vnd.jupyter.widget-view+json"
PAGE = re.compile(r"<p>[^<]*</p>(?=</div><!--page (\w+)-->)")
WIDTH = 800


def keep_pages(folder: str) -> None:
    """Runs in a lesson's kernel: whenever a widget is shown, write a page with it, from which a picture is taken."""
    from cifar_helpers.widgets import CourseWidget

    bundle_of = CourseWidget._repr_mimebundle_

    def with_page(widget: CourseWidget, **options: Any) -> Any:
        bundle, metadata = bundle_of(widget, **options)
        if type(widget).html is CourseWidget.html:  # questions and verdicts are stored as words
            page = Path(folder, f"{widget.model_id}.html")
            page.write_text(widget.as_page("A widget"), encoding="utf-8")
            bundle["text/html"] += f"<!--page {widget.model_id}-->"
        return bundle, metadata

    CourseWidget._repr_mimebundle_ = with_page  # type: ignore[method-assign]


def execute(path: Path, pages: Path) -> tuple[nbformat.NotebookNode, list[float]]:
    """Run a notebook from top to bottom; give it back with outputs, and the seconds of each code cell.

    Pages of its widgets are written into the folder `pages`. The cell that installs the course is left out.
    """
    notebook = nbformat.reads(with_head(path.read_text(encoding="utf-8"), path.name, None), as_version=4)
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
        extra_arguments=[f"--IPKernelApp.exec_lines=import store; store.keep_pages({str(pages)!r})"],
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
        cell.metadata.pop("jupyter", None)
        if "reveals" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"outputs_hidden": True}
            cell.outputs.insert(0, nbformat.v4.new_output("display_data", {}))
        for output in cell.get("outputs", []):
            # Without its live kernel a widget is an error message in every viewer.
            output.get("data", {}).pop(WIDGET, None)
            if output.get("output_type") == "stream":
                output.text = last_of_each_line(output.text)
    return notebook


def add_pictures(notebook: nbformat.NotebookNode, pages: Path) -> None:
    """Put a picture of each widget in the place of its words."""
    shown = [output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    wanted = [(output, found[1]) for output in shown if (found := PAGE.search(output.data.get("text/html", "")))]
    if not wanted:
        return
    from cifar_helpers.figures._base import image_html

    images = taken(pages, [name for _, name in wanted])
    for (output, _), (_, image) in zip(wanted, images, strict=True):
        data, alt = output.data, output.data["text/plain"]
        element = image_html(image, alt)
        output.metadata["image/png"] = {"alt": alt}
        record = PAGE.sub(lambda _, shown=element: shown, data["text/html"])
        data["text/html"] = re.sub(r"<!--page \w+-->", "", record)
        small = io.BytesIO()
        image.convert("RGB").quantize(128).save(small, "PNG", optimize=True)
        data["image/png"] = base64.b64encode(small.getvalue()).decode("ascii")


def taken(pages: Path, names: list[str]) -> Iterator[tuple[str, Image.Image]]:
    """Pictures of the widgets on pages, by the names of the files, in Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 700})
        for name in names:
            page.goto((pages / f"{name}.html").as_uri())
            page.wait_for_selector("html[data-booted]", state="attached")
            page.wait_for_selector(".cw:not([aria-busy=true])")
            for play in page.locator(".lt-records").get_by_role("button", name="Play", exact=True).all():
                play.click()  # a recorded run is drawn once it is played
                page.get_by_role("button", name="Play again").wait_for()
            page.wait_for_timeout(800)  # the last frames of what moves when it is first shown
            yield name, Image.open(io.BytesIO(page.locator("[data-cifar-widget]").first.screenshot()))
        browser.close()


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

    address = repository()
    failed, steps_per_second = False, round(speed(), 2)
    # Lesson 00 comes last: the doctor in it tells the times of the others.
    for path in sorted(HERE.glob("[0-9]*.ipynb"), key=lambda p: (p.name.startswith("00"), p.name)):
        if chosen and not path.name.startswith(tuple(chosen)):
            continue
        with tempfile.TemporaryDirectory() as pages:
            try:
                notebook, seconds = execute(path, Path(pages))
            except CellExecutionError as error:
                print(f"{path.name}: a cell failed, nothing is stored\n{error}", file=sys.stderr)
                failed = True
                continue
            add_pictures(notebook, Path(pages))
        problems = complaints(clean(notebook))
        if problems:
            print(f"{path.name}: not stored, {'; '.join(problems)}", file=sys.stderr)
            failed = True
            continue
        with atomic_write(path) as part:
            part.write_text(with_head(nbformat.writes(notebook) + "\n", path.name, address), encoding="utf-8")
        keep(path.stem, sum(seconds), steps_per_second)
        print(f"{path.name}: {sum(seconds):.0f} s, slowest cell {max(seconds):.1f} s", flush=True)
    draw_readme_pictures()
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


def draw_readme_pictures() -> None:
    """Widgets as the README shows them, without a picture of CIFAR-10 where sketches do."""
    from cifar_helpers import load_cifar10, widgets
    from cifar_helpers._paths import resources

    horse = load_cifar10(source="cifar10").split()[1].of_class("horse").images[3]
    shown = {
        "through_the_network": widgets.through_the_network(),
        "kernel_bench": widgets.kernel_bench(horse),
        "overfitting_lab": widgets.overfitting_lab(),
        "predict_photo": widgets.predict_photo(resources() / "inputs" / "horse.png"),
        "training_through_time": widgets.training_through_time(horse),
    }
    target = HERE.parent / "resources" / "figures"
    with tempfile.TemporaryDirectory() as folder:
        for name, widget in shown.items():
            Path(folder, f"{name}.html").write_text(widget.as_page(name), encoding="utf-8")
        for name, image in taken(Path(folder), list(shown)):
            image.convert("RGB").quantize(256).save(target / f"{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
