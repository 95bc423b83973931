"""A cell that is run again replaces its widgets: what it showed before is closed, with all that watches it."""

from __future__ import annotations

from typing import Any, Final

from ipywidgets import DOMWidget

# Cell to the run of it and the widgets that it made.
_shown: Final[dict[str, tuple[str, list[DOMWidget]]]] = {}


def in_this_cell(widget: DOMWidget) -> None:
    """Close what an earlier run of the current cell made, and remember `widget`; outside a notebook nothing happens."""
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
    """Identifiers of the cell and of its run; empty where there is no notebook that tells."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return "", ""
    # Only the shell of a notebook's kernel knows its cell.
    parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    cell = (parent.get("metadata") or {}).get("cellId", "")
    return cell, (parent.get("header") or {}).get("msg_id", "")
