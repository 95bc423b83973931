"""When a cell is run again, close the widgets of its last run together with their listeners."""

from __future__ import annotations

from typing import Any, Final

from ipywidgets import DOMWidget

# For each cell, its last run and the widgets that this run created.
_shown: Final[dict[str, tuple[str, list[DOMWidget]]]] = {}


def in_this_cell(widget: DOMWidget) -> None:
    """Close the widgets of an earlier run of this cell, and remember `widget`; does nothing outside a notebook."""
    cell, run = _current()
    if cell:
        earlier, made = _shown.get(cell, ("", []))
        if earlier != run:
            for old in made:
                old.close()
                old.layout.close()
            made = []
        _shown[cell] = (run, [*made, widget])


def _current() -> tuple[str, str]:
    """Identifiers of the cell and of its run; empty outside a notebook."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return "", ""
    # Only the shell of a notebook's kernel knows the current cell.
    parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    cell = (parent.get("metadata") or {}).get("cellId", "")
    return cell, (parent.get("header") or {}).get("msg_id", "")
