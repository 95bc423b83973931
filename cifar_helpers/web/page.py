"""A self-contained HTML file with widgets: it makes no requests, and opens from disk."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cifar_helpers.web.join import page_script

__all__ = ["Placed", "page"]

# The page may only run its own content: a browser refuses every request.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; worker-src blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src blob:"
)
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 16px; max-width: 1100px; background: #fff; color: #1d1f24;
  font: 16px/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 22px; }
@media (prefers-color-scheme: dark) { body { background: #16181d; color: #eceef2; } }
@media (max-width: 400px) { body { padding: 10px; } }
"""


class Placed(NamedTuple):
    """A widget on a page: the name of its module, its state, and a sentence for readers without script."""

    name: str
    state: Mapping[str, Any]
    words: str


def page(widgets: Sequence[Placed], files: Mapping[str, bytes], *, title: str, heading: bool = True) -> str:
    """The text of an HTML file.

    Args:
        widgets: in their order on the page.
        files: data that the widgets load, by name.
        title: of the page.
        heading: whether to show the title above the widgets too.
    """
    places = "\n".join(
        f'<div data-widget="{widget.name}"><script type="application/json">{as_json(widget.state)}</script>'
        f"<noscript>{html.escape(widget.words)}</noscript></div>"
        for widget in widgets
    )
    data = "\n".join(
        f'<script type="text/plain" data-file="{html.escape(name)}">{base64.b64encode(content).decode()}</script>'
        for name, content in files.items()
    )
    script = page_script(sorted({widget.name for widget in widgets})).replace("</script", "<\\/script")
    name = html.escape(title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{name}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{f"<h1>{name}</h1>" if heading else ""}
{places}
</main>
{data}
<script type="module">
{script}</script>
</body>
</html>
"""


def as_json(value: Any) -> str:
    """JSON that is safe inside a script element; bytes become `{"$bytes": base64}`."""
    text = json.dumps(value, default=_bytes, allow_nan=False)
    return text.replace("<", "\\u003c")


def _bytes(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
