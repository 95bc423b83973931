"""Milliseconds from a key to the end of the frame that shows its effect, on a plain page and in JupyterLab.

    python tests/browser/latency.py            # on a quiet machine: 50 moves of each

A key arrives at any time within a frame of 16.7 ms, so half a frame of waiting is part of the first pair of figures.
The second is without it: from the key, or from the beginning of the frame if that is later. In JupyterLab each widget
is in a notebook of its own: each code cell on the screen has a cursor that blinks, and where there are a dozen, every
frame takes several milliseconds longer, whatever is in them.

How fast the machine is, the first line shows: a page with nothing but a number that counts keys.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chrome import FrontEnd, launched
from helpers import ROOT
from lab import Lab, notebook_with, serving
from playwright.sync_api import Locator, Page
from widget_gallery import WIDGETS

from cifar_helpers import load_cifar10

MOVES = 50
KEYS = {
    "kernel_bench": ("[role=spinbutton]", "ArrowUp", "ArrowDown"),
    "feature_maps": (".cw-maps", "ArrowRight", "ArrowLeft"),
    "training_through_time": ("[role=slider]", "ArrowRight", "ArrowLeft"),
    "receptive_field": ("[role=slider]", "ArrowRight", "ArrowLeft"),
    "overfitting_lab": ("[role=slider]", "ArrowRight", "ArrowLeft"),
    "through_the_network": (".marked", "ArrowRight", "ArrowLeft"),
}
"""Widget to what has the focus, and the keys that move it to and fro."""
_WATCH = """() => {
    window.times = [];
    document.addEventListener("keydown", event => {
        requestAnimationFrame(frame => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => {
                const end = performance.now();
                window.times.push([end - event.timeStamp, end - Math.max(event.timeStamp, frame)]);
            };
            port2.postMessage(0);
        });
    }, true);
}"""
_NOTHING = """<button>0</button><script>
    const button = document.querySelector("button");
    button.addEventListener("keydown", () => button.textContent = +button.textContent + 1);
</script>"""


def measured(page: Page, widget: Locator, name: str) -> str:
    """Median and 95th percentile of the moves of a widget, with the wait for a frame and without."""
    place, forth, back = KEYS[name]
    widget.locator(".cw:not([aria-busy=true])").wait_for()
    page.wait_for_timeout(1500)
    return times_of(page, widget.locator(place).first, forth, back)


def times_of(page: Page, place: Locator, forth: str, back: str) -> str:
    """The same of what has the focus."""
    place.focus()
    page.evaluate("window.times = []")
    for move in range(MOVES):
        page.keyboard.press(forth if move % 10 < 5 else back)
        page.wait_for_timeout(37)  # out of step with the frames
    page.wait_for_function(f"window.times.length >= {MOVES}")
    said = []
    for times in zip(*page.evaluate("window.times"), strict=True):
        late = sorted(times)[round(0.95 * MOVES) - 1]
        said.append(f"median {statistics.median(times):5.1f} ms, 95th percentile {late:5.1f} ms")
    return "; without the wait for a frame ".join(said)


def main() -> None:
    """Measure every widget in `KEYS`, first on a page from disk and then in JupyterLab."""
    data = load_cifar10()
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        page = browser.new_page()
        page.set_content(_NOTHING)
        page.evaluate(_WATCH)
        print(f"page        {'nothing but a number':24} {times_of(page, page.locator('button'), 'a', 'b')}", flush=True)
        page.close()
        front = FrontEnd(browser, Path(folder))
        for name in KEYS:
            page = front.open(WIDGETS[name](data))
            page.evaluate(_WATCH)
            print(f"page        {name:24} {measured(page, page.locator('[data-cifar-widget]'), name)}", flush=True)
        front.close()
        with serving(Path(folder, "lab"), ROOT / "data") as address:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            lab = Lab(page, address)
            for name in KEYS:
                notebook = f"{name}.ipynb"
                Path(folder, "lab", "notebooks", notebook).write_text(notebook_with([name]), encoding="utf-8")
                lab.open(notebook)
                lab.run_all()
                if name == next(iter(KEYS)):
                    page.evaluate(_WATCH)
                widget = lab.widget(f"WIDGETS['{name}']")
                print(f"JupyterLab  {name:24} {measured(page, widget, name)}", flush=True)


if __name__ == "__main__":
    main()
