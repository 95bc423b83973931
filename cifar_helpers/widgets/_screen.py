"""Where a widget shows its HTML: without flicker, with clicks, and with keys that JupyterLab leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import anywidget
import traitlets


class Screen(anywidget.AnyWidget):
    """HTML in `value`, drawn anew whenever it changes; a click on a marked part of it calls `clicked`.

    An element with `data-place="NAME ROW COLUMN"` is one place; an image with `data-grid="NAME ROWS COLUMNS"` is
    divided into as many. Each control of the widget does the same by keyboard.
    """

    _esm = Path(__file__).with_name("screen.js")
    value = cast(str, traitlets.Unicode("").tag(sync=True))
    place = cast(str, traitlets.Unicode("").tag(sync=True))
    given = cast(str, traitlets.Unicode("").tag(sync=True))
    """When a question's button was pressed, a space, and the answer: the place of a choice, or what was typed."""

    def __init__(self, value: str = "", clicked: Callable[[str, int, int], None] | None = None) -> None:
        super().__init__(value=value)
        self.clicked = clicked
        self.observe(self._choose, "place")

    def _choose(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        name, row, column = change["new"].split()
        self.place = ""  # so that a second click on the same place is a change again
        if self.clicked is not None:
            self.clicked(name, int(row), int(column))
