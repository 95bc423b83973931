"""Film *through the network* for the README: python site/moving_picture.py writes site/figures/*.webp.

Chromium opens the widget as the course exports it, a mouse drags its marker through the epochs, then chooses another
picture and points at a map. Whatever is seen was computed by the page. Its pictures are sketches drawn by the course.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from cifar_helpers import widgets
from cifar_helpers.widgets.through_the_network import ThroughTheNetwork

FIGURES = Path(__file__).resolve().parent / "figures"
WIDTH, HEIGHT = 800, 764
TICK = 70  # milliseconds that a frame is shown while the mouse moves
ARROW = """
const arrow = document.createElement("div");
arrow.id = "film-mouse";
arrow.style.cssText = "position:fixed; left:0; top:0; z-index:99; pointer-events:none";
arrow.innerHTML = '<svg width="20" height="26"><path d="M2 2v19l5-4.4 3.4 7.6 3.6-1.6-3.4-7.4h6.6z" '
  + 'fill="#111" stroke="#fff" stroke-width="1.5"/></svg>';
document.body.append(arrow);
"""
SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"

Point = tuple[float, float]


class Film:
    """Frames of a page, while a mouse that is drawn on it moves.

    Attributes:
        frames: what was on the screen.
        durations: how long each frame is shown, in milliseconds.
    """

    def __init__(self, page: Page, start: Point) -> None:
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []
        self._page, self._at = page, start
        page.evaluate(ARROW)
        self._put(start)

    def hold(self, milliseconds: int) -> None:
        """Show what is there now for a while."""
        self._page.evaluate(SETTLED)
        image = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        self.frames.append(image)
        self.durations.append(milliseconds)

    def move(self, to: Point, ticks: int) -> None:
        """Move the mouse in a straight line, slower at both ends."""
        (x0, y0), (x1, y1) = self._at, to
        for tick in range(1, ticks + 1):
            part = tick / ticks
            eased = part * part * (3 - 2 * part)
            self._put((x0 + eased * (x1 - x0), y0 + eased * (y1 - y0)))
            self.hold(TICK)
        self._at = to

    def press(self) -> None:
        """Press the button of the mouse."""
        self._page.mouse.down()

    def release(self) -> None:
        """Release it."""
        self._page.mouse.up()

    def _put(self, at: Point) -> None:
        self._page.mouse.move(*at)
        self._page.evaluate(
            "([x, y]) => document.getElementById('film-mouse').style.translate = `${x - 2}px ${y - 2}px`", list(at)
        )


def middle(page: Page, selector: str) -> Point:
    """The centre of an element.

    Raises:
        LookupError: if it is not on the page.
    """
    page.wait_for_timeout(500)  # until it is drawn where it belongs
    box = page.locator(selector).first.bounding_box()
    if box is None:
        raise LookupError(f"through_the_network shows no {selector}: its front end has changed, so change this script")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def film(page: Page, epochs: list[int]) -> Film:
    """Training in five steps, another picture, and the inputs of a map."""
    slider, marker = page.locator("[role=slider][aria-label=Epoch]"), "circle.thumb"
    slider.press("End")
    last = middle(page, marker)
    slider.press("Home")
    now = middle(page, marker)
    page.evaluate("document.activeElement.blur()")
    taken = Film(page, (now[0] + 90, now[1] - 70))
    taken.hold(900)
    taken.move(now, 6)
    taken.press()
    for epoch in epochs[1:]:
        part = epoch / epochs[-1]
        taken.move((now[0] + part * (last[0] - now[0]), now[1]), 3 if epoch < 8 else 7)
        taken.hold(800)
    taken.release()
    taken.hold(900)
    taken.move(middle(page, "[role=radio][aria-label=horse]"), 9)
    taken.press()
    taken.release()
    taken.hold(1700)
    return taken


def picture_of(widget: ThroughTheNetwork, name: str) -> NDArray[np.uint8]:
    """One of its pictures, uint8 `(32, 32, 3)`."""
    pictures = np.frombuffer(widget.pictures, dtype=np.uint8).reshape(-1, 32, 32, 3)
    chosen: NDArray[np.uint8] = pictures[widget.names.index(name)].copy()
    return chosen


def shot(theme: str) -> Film:
    """The film in one theme, `light` or `dark`."""
    widget = widgets.through_the_network()
    widget.epoch, widget.image = 0, picture_of(widget, "frog")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "page.html")
        file.write_text(widget.as_page("Through the network"), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        size = {"width": WIDTH, "height": HEIGHT}
        page = browser.new_page(viewport=size, color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-booted]", state="attached")
        page.wait_for_selector(".cw:not([aria-busy=true])")
        page.wait_for_timeout(800)
        taken = film(page, widget.epochs)
        browser.close()
    return taken


def main() -> None:
    """Write the film in both themes."""
    FIGURES.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        taken = shot(theme)
        target = FIGURES / f"through_the_network-{theme}.webp"
        first, *others = taken.frames
        first.save(
            target, save_all=True, append_images=others, duration=taken.durations, loop=0,
            quality=90, method=6, minimize_size=True, allow_mixed=True,
        )  # fmt: skip
        print(f"{target.name}: {sum(taken.durations) / 1000:.1f} s, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
