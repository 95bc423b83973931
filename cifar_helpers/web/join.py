"""Join several ES modules into one text, for a notebook or for the script of a page; or prepare them for a site.

A front-end module imports its neighbours on separate lines, in one of three forms:

    import { a, b } from "./numbers.js";
    import styles from "./kernel_bench.css";       the text of the file
    import source from "./heavy.js?joined";        the joined module as text, for a Worker

and exports with `export function`, `export class` or `export const`. Comments of CSS, and those of scripts that are
on lines of their own, are left out, a sixth of all bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FRONTEND: Final = Path(__file__).parent / "frontend"

_NAMES = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "\./(\w+)\.js";$', re.MULTILINE)
_TEXT = re.compile(r'^import (\w+) from "\./(\w+)\.(css|js\?joined)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_CSS_COMMENTS = re.compile(r"\s*/\*(?:(?!\*/)[\s\S])*\*/")
_COMMENTS = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/)[\s\S])*\*/|//.*)[ \t]*\n", re.MULTILINE)
_ANY = re.compile(r"^import .*$", re.MULTILINE)


@cache
def join(name: str) -> str:
    """The front-end module `name` with everything that it imports, as the text of one ES module.

    Raises:
        ValueError: if an import is not in one of the three forms, or imports a name that is not exported.
    """
    parts: dict[str, str] = {}
    module = _module(name)
    for needed in module.imports:
        _add(needed, parts)
    return "\n".join([*parts.values(), module.text])


def widget_module(name: str) -> str:
    """The joined module in the form that anywidget expects: with `render` in its default export."""
    return f"{join(name)}\nexport default {{ render }};\n"


def page_script(names: Sequence[str]) -> str:
    """The script of a page with these widgets; `boot.js` starts each one at its place on the page."""
    parts: dict[str, str] = {}
    for name in ["boot", *names]:
        _add(name, parts)
    renders = ", ".join(f"{name}: ${name}.render" for name in names)
    return "\n".join([*parts.values(), f"$boot.boot({{ {renders} }});", ""])


def site_modules(names: Sequence[str]) -> dict[str, str]:
    """The front-end modules `names` with all that they import, as files that a browser imports from each other.

    What a module imports as text (CSS, the script of a Worker) becomes a constant in it.

    Returns:
        Name of the file to its text.
    """
    texts: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if f"{name}.js" not in texts:
            text = _TEXT.sub(_as_constant, _source(name))
            texts[f"{name}.js"] = text
            waiting += [source for _, source in _NAMES.findall(text)]
    return texts


def without_comments(path: Path) -> str:
    """The text of a CSS file or of a script, less its comments."""
    comments = _CSS_COMMENTS if path.suffix == ".css" else _COMMENTS
    return comments.sub("", path.read_text(encoding="utf-8"))


def _source(name: str) -> str:
    return without_comments(FRONTEND / f"{name}.js")


def _as_constant(match: re.Match[str]) -> str:
    """In place of the import of a text, the text."""
    whole = without_comments(FRONTEND / f"{match[2]}.css") if match[3] == "css" else join(match[2])
    return f"const {match[1]} = {json.dumps(whole)};"


def _add(name: str, parts: dict[str, str]) -> None:
    """Add to `parts` what the module imports, then the module itself."""
    if name not in parts:
        module = _module(name)
        for needed in module.imports:
            _add(needed, parts)
        text = _EXPORT.sub("", module.text)
        parts[name] = f"const ${name} = (() => {{\n{text}\nreturn {{ {', '.join(module.exports)} }};\n}})();"


@dataclass(frozen=True)
class _Module:
    """A front-end module: its text with its imports replaced, the modules it imports, and the names it exports."""

    text: str
    imports: list[str]
    exports: list[str]


@cache
def _module(name: str) -> _Module:
    imports: list[str] = []

    def names(match: re.Match[str]) -> str:
        wanted, source = match[1].split(", "), match[2]
        imports.append(source)
        for word in wanted:
            if word not in _module(source).exports:
                raise ValueError(f"{name}.js imports {word!r} from {source}.js, which does not export it")
        return f"const {{ {', '.join(wanted)} }} = ${source};"

    text = _TEXT.sub(_as_constant, _NAMES.sub(names, _source(name)))
    if odd := _ANY.search(text):
        raise ValueError(f'{name}.js: write this import as `import {{ a, b }} from "./x.js";`: {odd[0]}')
    return _Module(text, imports, _EXPORT.findall(text))
