"""A cell that is run again replaces its widgets: what it showed before is closed, with all that watches it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

import ipywidgets as widgets

BoxT = TypeVar("BoxT", bound=widgets.Box)

# Cell to the run of it and the widgets that it made.
_shown: Final[dict[str, tuple[str, list[widgets.Widget]]]] = {}


def in_this_cell(box: BoxT) -> BoxT:
    """Close what an earlier run of the current cell made, and remember `box`; outside a notebook nothing happens."""
    cell, run = _current()
    if cell:
        earlier, made = _shown.get(cell, ("", []))
        if earlier != run:
            for old in made:
                close_all(old)
            made = []
        _shown[cell] = (run, [*made, box])
    return box


def close_all(widget: widgets.Widget) -> None:
    """Close a widget and everything in it."""
    for part in list(_inside(widget)):
        part.close()


def _inside(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    for child in getattr(widget, "children", ()):
        yield from _inside(child)
    for name in ("layout", "style"):
        part = getattr(widget, name, None)
        if isinstance(part, widgets.Widget):
            yield part
    yield widget


def _current() -> tuple[str, str]:
    """Identifiers of the cell and of its run; empty where there is no notebook that tells."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return "", ""
    # Only the shell of a notebook's kernel knows its cell.
    parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    cell = (parent.get("metadata") or {}).get("cellId", "")
    return cell, (parent.get("header") or {}).get("msg_id", "")
