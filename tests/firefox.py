"""Firefox for the tests: a page from disk with a widget on it, driven over WebDriver BiDi, which Firefox speaks."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

__all__ = ["FIREFOX", "Firefox", "firefox"]

FIREFOX = next(filter(None, map(shutil.which, ("firefox", "firefox-esr"))), None)
ROOT = "document.querySelector('[data-cifar-widget]').shadowRoot"
Point = tuple[float, float]


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A Firefox with a new profile, which nothing else uses."""
    assert FIREFOX is not None
    (folder / "profile").mkdir()
    command = [
        FIREFOX,
        "--headless",
        "--no-remote",
        "--profile",
        str(folder / "profile"),
        "--remote-debugging-port",
        "0",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr is not None
            found = next(filter(None, (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)))
            yield Firefox(f"{found[1]}/session", folder)
        finally:
            process.terminate()


class Firefox:
    """One page; whatever it complains of on its console is in `errors`."""

    def __init__(self, address: str, folder: Path) -> None:
        # Firefox refuses a client that names the origin of a page.
        self._socket = websocket.create_connection(address, suppress_origin=True, timeout=60)
        self._numbers = itertools.count(1)
        self.folder, self.errors = folder, list[str]()
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded"])
        # In the tab that Firefox opens, keys would go to the address bar.
        self._page = self._send("browsingContext.create", type="tab")["context"]
        self._ask("browsingContext.activate")
        self._ask("browsingContext.setViewport", viewport={"width": 800, "height": 900})

    def _send(self, method: str, **params: object) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            reply = json.loads(self._socket.recv())
            if reply.get("method") == "log.entryAdded" and reply["params"]["level"] == "error":
                self.errors.append(reply["params"]["text"])
            elif reply.get("id") == number:
                assert reply["type"] == "success", f"{method}: {reply}"
                return reply["result"]

    def _ask(self, method: str, **params: object) -> Any:
        return self._send(method, context=self._page, **params)

    def open(self, text: str) -> None:
        """The text of an HTML file with a widget, when this is drawn."""
        file = self.folder / "page.html"
        file.write_text(text, encoding="utf-8")
        self.errors.clear()
        self._ask("browsingContext.navigate", url=file.as_uri(), wait="complete")
        self.until("document.documentElement.hasAttribute('data-booted')")
        self.until(f"{ROOT}.querySelector('.cw:not([aria-busy=true])')")
        self.settle()

    def settle(self) -> None:
        """Until the next two frames are drawn."""
        self.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def js(self, expression: str) -> Any:
        """What an expression, or the promise that it is, comes to."""
        reply = self._send(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(value => JSON.stringify(value ?? null))",
            target={"context": self._page},
            awaitPromise=True,
        )
        assert reply["type"] == "success", reply["exceptionDetails"]["text"]
        return json.loads(reply["result"]["value"])

    def until(self, expression: str) -> None:
        """Wait until an expression is true, for a minute at most."""
        end = time.monotonic() + 60
        while not self.js(f"!!({expression})"):
            assert time.monotonic() < end, f"never true: {expression}; {self.errors}"
            time.sleep(0.05)

    def state(self, name: str) -> Any:
        """A trait of the page's widget, as its model holds it."""
        return self.js(f"document.querySelector('[data-widget]').model.get('{name}')")

    def text(self) -> str:
        """All words and numbers of the widget."""
        return str(self.js(f"{ROOT}.querySelector('.cw').textContent"))

    def at(self, selector: str, number: int = 0, part: Point = (0.5, 0.5)) -> Point:
        """Where a part of an element lies, as shares of its width and height from the upper left."""
        x, y, width, height = self.js(
            f"(box => [box.x, box.y, box.width, box.height])"
            f"({ROOT}.querySelectorAll('{selector}')[{number}].getBoundingClientRect())"
        )
        return x + part[0] * width, y + part[1] * height

    def drag(self, *way: Point, pointer: str = "mouse") -> None:
        """Press at the first point and let go at the last, in eight moves for each piece of the way; or press once."""
        moves: list[Point | str] = [way[0], "down"]
        for (x, y), (to_x, to_y) in itertools.pairwise(way):
            moves += [(x + (to_x - x) * k / 8, y + (to_y - y) * k / 8) for k in range(1, 9)]
        self._act("pointer", pointer, [*map(_move, moves), _move("up")], parameters={"pointerType": pointer})
        self.settle()

    def hover(self, point: Point) -> None:
        """Move the mouse there."""
        self._act("pointer", "mouse", [_move(point)], parameters={"pointerType": "mouse"})
        self.settle()

    def press(self, words: str) -> None:
        """Click the button with these words."""
        buttons = self.js(f"[...{ROOT}.querySelectorAll('button')].map(button => button.textContent.trim())")
        self.drag(self.at("button", buttons.index(words)))

    def keys(self, *keys: str) -> None:
        """Letters, or those of `ARROWS`, to what has the focus."""
        self._act("key", "keys", [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")])
        self.settle()

    def _act(self, kind: str, name: str, actions: list[dict[str, object]], **more: object) -> None:
        self._ask("input.performActions", actions=[{"type": kind, "id": name, "actions": actions, **more}])


def _move(step: Point | str) -> dict[str, object]:
    if isinstance(step, str):
        return {"type": f"pointer{step.title()}", "button": 0}
    return {"type": "pointerMove", "x": round(step[0]), "y": round(step[1])}
