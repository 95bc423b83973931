"""Controls that all widgets share: labels that are not cut off, whole numbers within limits, one widget a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

_WIDE = {"description_width": "initial"}


def choice(name: str, options: Sequence[Any]) -> widgets.Dropdown:
    """A list to choose one from."""
    return widgets.Dropdown(options=options, description=name, style=_WIDE, layout=widgets.Layout(width="auto"))


def whole(name: str, least: int, greatest: int, value: int | None = None) -> widgets.BoundedIntText:
    """A field for a whole number; the arrow keys change it by one, and what lies outside becomes the nearest limit."""
    return widgets.BoundedIntText(
        value=least if value is None else value,
        min=least,
        max=greatest,
        description=name,
        tooltip=f"{least} to {greatest}",
        style=_WIDE,
        layout=widgets.Layout(width=f"{max(9, 5.5 + 0.6 * len(name))}em"),
    )


def slider(name: str, least: int, greatest: int, value: int | None = None) -> widgets.IntSlider:
    """A slider over whole numbers; arrow keys, Page Up and Page Down move it."""
    start = least if value is None else value
    return widgets.IntSlider(start, least, greatest, description=name, style=_WIDE, layout=widgets.Layout(width="24em"))


def limit(control: widgets.BoundedIntText | widgets.IntSlider, greatest: int) -> None:
    """Move the upper limit; a value beyond it becomes the limit."""
    with control.hold_trait_notifications():
        control.value = min(control.value, greatest)
        control.max = greatest
        control.tooltip = f"{control.min} to {greatest}"


def row(*controls: widgets.Widget) -> widgets.HBox:
    """Controls side by side, in several lines where the window is narrow."""
    return widgets.HBox(controls, layout=widgets.Layout(flex_flow="row wrap"))


def on_change(draw: Callable[[], None], *controls: widgets.Widget) -> None:
    """Call `draw` whenever the value of one of the controls changes."""
    for control in controls:
        control.observe(lambda _: draw(), "value")
