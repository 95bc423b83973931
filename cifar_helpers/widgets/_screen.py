"""Where a widget shows its HTML, and where JupyterLab leaves the keys to it."""

from __future__ import annotations

from typing import cast

import anywidget
import traitlets

# JupyterLab takes arrows and letters on a focused dropdown for its own shortcuts (ipywidgets issue 3912), except
# where the focused element itself has this attribute. The output's element exists once the view is attached.
_VIEW = """
export default {
  render({ model, el }) {
    const draw = () => { el.innerHTML = model.get("value"); };
    const claim = event => event.target.setAttribute("data-lm-suppress-shortcuts", "true");
    const listen = () => el.isConnected
      ? el.closest(".jp-OutputArea-output")?.addEventListener("focusin", claim)
      : requestAnimationFrame(listen);
    model.on("change:value", draw);
    draw();
    listen();
  }
}
"""


class Screen(anywidget.AnyWidget):
    """HTML in `value`, drawn anew whenever it changes; controls in the same output keep their keys."""

    _esm = _VIEW
    value = cast(str, traitlets.Unicode("").tag(sync=True))

    def __init__(self, value: str = "") -> None:
        super().__init__(value=value)
