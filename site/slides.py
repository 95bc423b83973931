"""Slides for teachers: one page per lesson, from what its stored notebook says and shows."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, StrictUndefined
from markdown_it import MarkdownIt
from PIL import Image

from cifar_helpers.doctor.lesson_times import READING

__all__ = ["NAME", "link_slides", "slides_page"]

HERE = Path(__file__).resolve().parent
NAME = "slides.html"
"""The file of all slides, among the static files of the site."""

FIGURES = {
    "00": ("widgets.through_the_network()", "[CLASSES[k] for k in order]"),
    "01": ("figures.class_means(", "figures.channel_histograms("),
    "02": ("figures.kernel_results(", "figures.influence("),
    "03": ("figures.network_shapes(", "figures.without_each_part("),
    "04": ("figures.curves(long, mark", "figures.gaps("),
    "05": ("figures.batch_sizes(", "figures.step_shares("),
    "06": ("figures.moved_crop(", "figures.rejection("),
    "07": ("figures.reliability_diagram(", "figures.attributions("),
    "08": ("figures.seed_curves(", "figures.ladder("),
    "09": ('figures.transfer(arms("ten classes")', "figures.accuracy_by_bits("),
}
"""The two figures of each lesson that say most, by words of the first cell that shows them."""

_MARKDOWN = MarkdownIt()
_LINK = re.compile(r"\[([^\]]+)\]\([^)\s]+\)")


@dataclass(frozen=True)
class Figure:
    """A stored picture: PNG as base64, its words, and its size in pixels."""

    data: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Slide:
    """A lesson on one page; `aims` and `seen` are HTML."""

    number: str
    title: str
    minutes: int
    aims: list[str]
    seen: list[str]
    figures: list[Figure]


def slides_page(notebooks: list[Path]) -> str:
    """The page with the slides of all lessons, in HTML that needs no other file.

    Raises:
        ValueError: if a lesson has not what its slide shows; it names the lesson.
    """
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string((HERE / "slides.html.jinja").read_text(encoding="utf-8"))
    return template.render(slides=[_slide(path) for path in notebooks])


def link_slides(page: Path) -> None:
    """Make the name of the slides a link, in the copy of the teachers' notes from which their page is made."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(f"`{NAME}`", f'<a href="../_static/{NAME}">{NAME}</a>'), encoding="utf-8")


def _slide(path: Path) -> Slide:
    cells = nbformat.read(path, as_version=4).cells
    number, title = path.name[:2], cells[0].source.splitlines()[0].partition(" · ")[2]
    (saw,) = [c.source for c in cells if c.cell_type == "markdown" and "## What we saw" in c.source] or [""]
    aims, seen = _bullets(cells[0].source), _bullets(saw.partition("## What we saw")[2].partition("\n## ")[0])
    if not aims or not seen:
        raise ValueError(f"{path.name}: a slide needs bullets in the first cell and below ## What we saw")
    figures = [_figure(cells, words, path.name) for words in FIGURES[number]]
    return Slide(number, title, READING[number], aims, seen, figures)


def _bullets(text: str) -> list[str]:
    """The items of a list in Markdown, as HTML without links."""
    items = re.findall(r"^- (.+(?:\n {2}.+)*)", text, re.M)
    return [_MARKDOWN.renderInline(_LINK.sub(r"\1", item)) for item in items]


def _figure(cells: list[Any], words: str, name: str) -> Figure:
    for cell in cells:
        for output in cell.get("outputs", []) if words in cell.source else []:
            if "image/png" in output.get("data", {}):
                data = str(output.data["image/png"]).replace("\n", "")
                with Image.open(io.BytesIO(base64.b64decode(data))) as image:
                    return Figure(data, output.metadata["image/png"]["alt"], *image.size)
    raise ValueError(f"{name} shows no picture where its code has {words!r}: name another in site/slides.py")
