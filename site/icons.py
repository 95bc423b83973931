"""Only the icons that the pages show: the theme has all of Font Awesome, 1.5 MB as a script and 240 kB as fonts."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import quote

__all__ = ["only_used_icons"]

_SCRIPT = re.compile(r'<script[^>]* src="([^"]*)scripts/fontawesome\.js[^"]*"></script>')
_FONT = re.compile(r"@font-face\{[^}]*/vendor/fontawesome/[^}]*\}")
# Of a name that occurs twice, as an outline and as a solid shape, the script has the solid one last.
_ICON = r'[{{,]"?{name}"?:\[(\d+),(\d+),\[[^\]]*\],"\w+","([^"]+)"\]'
_RENAMED = r'[{{,]"?[\w-]+"?:\[(\d+),(\d+),\[[^\]]*"{name}"[^\]]*\],"\w+","([^"]+)"\]'
_RULES = """\
.fa-solid, .fas, .fab { display: inline-block; width: 1em; height: 1em; vertical-align: -.125em; background: currentColor; mask: var(--icon) center / contain no-repeat; }
.fa-lg { font-size: 1.25em; }
.fa-fw { width: 1.25em; }
.theme-switch-button .theme-switch.fa-solid { width: 1em; font-size: 1.25rem; }
html[data-mode="auto"] .theme-switch-button .theme-switch[data-mode="auto"],
html[data-mode="dark"] .theme-switch-button .theme-switch[data-mode="dark"],
html[data-mode="light"] .theme-switch-button .theme-switch[data-mode="light"] { display: inline-block; }
@media (forced-colors: active) { .fa-solid, .fas, .fab { background: ButtonText; forced-color-adjust: none; } }
"""  # noqa: E501


def only_used_icons(pages: Path) -> None:
    """Draw the icons of built pages by a small stylesheet, and remove the script and the fonts that drew them.

    Raises:
        ValueError: if the theme has no icon that a page shows, or draws its icons in another way.
    """
    script = pages / "_static" / "scripts" / "fontawesome.js"
    library = script.read_text(encoding="utf-8")
    files = [file for file in pages.rglob("*.html") if "_static" not in file.parts]
    shown = {file: file.read_text(encoding="utf-8") for file in files}
    names = sorted(set(re.findall(r"\b(?:fas|fab|fa-solid) fa-([a-z-]+)", "".join(shown.values()))))
    rules = [f".fa-{name} {{ --icon: url('{_drawn(name, library)}'); }}" for name in names]
    (pages / "_static" / "icons.css").write_text(_RULES + "\n".join(rules) + "\n", encoding="utf-8")
    for file, text in shown.items():
        changed, count = _SCRIPT.subn(r'<link rel="stylesheet" href="\1icons.css">', text)
        if count != 1:
            raise ValueError(f"{file.name} loads fontawesome.js {count} times, not once: see how the theme does it now")
        file.write_text(changed, encoding="utf-8")
    script.unlink()
    script.with_name("fontawesome.js.map").unlink()
    style = pages / "_static" / "styles" / "pydata-sphinx-theme.css"
    rules_left, count = _FONT.subn("", style.read_text(encoding="utf-8"))
    if not count:
        raise ValueError(f"{style.name} has no font of Font Awesome: see how the theme loads its icons now")
    style.write_text(rules_left, encoding="utf-8")
    shutil.rmtree(pages / "_static" / "vendor" / "fontawesome")


def _drawn(name: str, library: str) -> str:
    """An icon as the address of an SVG picture."""
    found = [drawn for form in (_RENAMED, _ICON) for drawn in re.findall(form.format(name=re.escape(name)), library)]
    if not found:
        raise ValueError(f"the theme's fontawesome.js has no icon {name}, which a page shows")
    width, height, path = found[-1]
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'
    return f"data:image/svg+xml,{quote(drawing)}"
