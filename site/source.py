"""The pages of the site as Sphinx reads them: notebooks and texts of the repository, copied and made fit for the web.

The folders keep their places, so that links between lessons, glossary and notes lead where they lead in the
repository. Nothing is executed, and no file of the repository is changed.
"""

from __future__ import annotations

import base64
import html
import io
import posixpath
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

from cifar_helpers.heads import TAG

__all__ = [
    "ROOT", "Replacement", "canonical_anchors", "copy_texts", "fresh", "lessons", "section", "texts",
    "without_dead_links", "write_lesson",
]  # fmt: skip

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

Replacement = Callable[[dict[str, Any], str], str | None]
"""From a code cell and the number of its lesson to the HTML that replaces its widget, or None to keep the picture."""

_ANCHORED = re.compile(r"^(#+ )((?:<a id=\"[^\"]+\"></a>)+)(.+)$", re.M)
_PICTURE = re.compile(r'<img (?P<rest>[^>]*)src="data:image/(?P<kind>\w+);base64,(?P<data>[^"]+)"(?P<end>[^>]*)>')
_RECORD = re.compile(r' data-(?:widget|state)="[^"]*"')


def texts(root: Path) -> list[str]:
    """The texts that become pages, by their paths in the repository."""
    return [*sorted(f"resources/{path.name}" for path in (root / "resources").glob("*.md")), "data/README.md"]


def lessons(root: Path) -> list[Path]:
    """The stored notebooks, in order."""
    return sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))


# --- texts ------------------------------------------------------------------------------------------------------


def canonical_anchors(glossary: str) -> dict[str, str]:
    """For each further anchor of a term, such as `feature-maps`, the anchor of its heading, `feature-map`."""
    return {
        alias: anchor_of(term)
        for _, written, term in _ANCHORED.findall(glossary)
        for alias in re.findall('id="([^"]+)"', written)
    }


def anchor_of(heading: str) -> str:
    """The anchor of a heading, as links in the course write it."""
    return re.sub(r"[^\w-]", "", re.sub(r"[ /]", "-", heading.lower()))


def with_canonical_links(text: str, anchors: dict[str, str]) -> str:
    """Links to the glossary by the anchors of its headings, the only ones that Sphinx checks."""
    link = re.compile(r"(glossary\.md#)([\w-]+)\)")
    return link.sub(lambda found: f"{found[1]}{anchors.get(found[2], found[2])})", text)


def without_dead_links(text: str, place: str, pages: set[str]) -> str:
    """Links to files of the repository that are no pages, such as its licence, become their words alone.

    Args:
        text: in Markdown.
        place: path of its file in the repository, from which links are read.
        pages: paths of the files that become pages.
    """

    def kept(found: re.Match[str]) -> str:
        target = found[2].partition("#")[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        return found[0] if not target or ":" in target or path in pages else found[1]

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", kept, text)


def section(text: str, heading: str, title: str, place: str) -> str:
    """What a Markdown text says below `## heading`, as a page with that title.

    Raises:
        ValueError: if it has no such heading; `place` is named in the message.
    """
    found = re.search(rf"^## {re.escape(heading)}\n(.+?)(?=^## |\Z)", text, re.M | re.S)
    if found is None:
        raise ValueError(f'{place} has no section "## {heading}", which the site shows: name another in site/build.py')
    return f"# {title}\n{found[1]}".replace("\n### ", "\n## ").strip() + "\n"


def copy_texts(root: Path, source: Path, anchors: dict[str, str], pages: set[str]) -> None:
    """Write the texts of the repository that become pages into the folder `source`."""
    for name in texts(root):
        text = _ANCHORED.sub(r"\1\3", (root / name).read_text(encoding="utf-8"))
        text = without_dead_links(text, name, pages)
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(with_canonical_links(text, anchors), encoding="utf-8")


# --- lessons ----------------------------------------------------------------------------------------------------


def write_lesson(
    path: Path,
    source: Path,
    pictures: Path,
    anchors: dict[str, str],
    pages: set[str],
    replacement: Replacement | None = None,
) -> None:
    """Write the copy of a stored notebook from which its page is made.

    Args:
        path: of the notebook; it is only read.
        source: folder of the copies.
        pictures: folder for the pictures in its outputs, which a page loads when they come into view.
        anchors: from `canonical_anchors`.
        pages: paths of the files that become pages.
        replacement: what shows a widget that works, if there is such a thing.
    """
    notebook = nbformat.read(path, as_version=4)
    lesson = path.name[:2]
    notebook.cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]  # nothing to install
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            text = without_dead_links(cell.source, f"notebooks/{path.name}", pages)
            cell.source = with_canonical_links(text, anchors)
            continue
        try:
            cell.outputs = _shown(cell, lesson, f"{lesson}-{number}", pictures, replacement)
        except ValueError as error:
            raise ValueError(f"{path.name}, cell {number}: {error}") from error
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": [*tags, "hide-output"] if "reveals" in tags else tags})
    target = source / "notebooks" / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)


def _shown(
    cell: nbformat.NotebookNode, lesson: str, name: str, pictures: Path, replacement: Replacement | None
) -> list[nbformat.NotebookNode]:
    """The outputs of a cell, with pictures as files and widgets as what replaces them."""
    live = replacement(cell, lesson) if replacement else None
    shown = []
    for number, output in enumerate(cell.outputs):
        data = output.get("data", {})
        if output.output_type == "display_data" and not data:  # only for JupyterLab, see notebooks/store.py
            continue
        text = _html(output)
        if text is None:
            shown.append(output)
        elif live is not None and "data-widget=" in data.get("text/html", ""):
            shown.append(nbformat.v4.new_output("display_data", {"text/html": live}))
        else:
            text = _with_files(_RECORD.sub("", text), f"{name}-{number}", pictures)
            shown.append(nbformat.v4.new_output("display_data", {"text/html": text}))
    return shown


def _html(output: nbformat.NotebookNode) -> str | None:
    """An output as HTML, in which every picture says what it shows; None if it is text."""
    data = output.get("data", {})
    if "text/html" in data:
        return str(data["text/html"])
    if "image/png" not in data:
        return None
    alt = output.metadata.get("image/png", {}).get("alt")
    if not alt:
        raise ValueError("a picture has no alt text: show it with figures.show(figure)")
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data["image/png"].strip()}">'


def _with_files(text: str, name: str, pictures: Path) -> str:
    """HTML whose pictures are files, which a browser loads when they come into view."""
    numbers: Iterator[int] = iter(range(100))

    def as_file(found: re.Match[str]) -> str:
        file = f"{name}-{next(numbers)}.{found['kind']}"
        content = base64.b64decode(found["data"])
        pictures.mkdir(parents=True, exist_ok=True)
        (pictures / file).write_bytes(content)
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
        attributes = found["rest"] + found["end"]
        alt = re.search('alt="([^"]*)"', attributes)
        if alt is None:
            raise ValueError("a picture has no alt text")
        shown_width = re.search('width="([0-9]+)"', attributes)
        wide = int(shown_width[1]) if shown_width else width
        # The place of a picture is kept free, so that the text does not jump when it comes.
        size = f'width="{wide}" height="{round(height * wide / width)}"'
        return (
            f'<figure class="picture"><img alt="{alt[1]}" {size} loading="lazy" decoding="async" '
            f'src="../_static/{pictures.name}/{file}"></figure>'
        )

    return _PICTURE.sub(as_file, text)


def fresh(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
