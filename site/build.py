"""Build the site from the stored notebooks: python site/build.py writes site/_build/html.

Nothing is executed and nothing is fetched. A warning of Sphinx, such as a link that leads nowhere, is an error.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import nbformat
from icons import only_used_icons
from jinja2 import Environment, StrictUndefined
from PIL import Image
from slides import NAME, link_slides, slides_page
from source import ROOT, canonical_anchors, copy_texts, fresh, lessons, section, texts, without_dead_links, write_lesson
from sphinx.cmd.build import build_main

from cifar_helpers import CifarCNN
from cifar_helpers.doctor.lesson_times import READING

HERE = Path(__file__).resolve().parent
BUILD = HERE / "_build"
SECTIONS = {"install": ("Install", "Install the course"), "reuse": ("Reuse the helpers", "Reuse the helpers")}
"""Pages that are sections of the README: the heading there, and the title here."""
RESULTS = {
    "published-25": ("A plain recipe, the one that this course starts from", "validation"),
    "published-100": ("The same, four times as long", "validation"),
    "good-25": ("The course’s recipe, same network", "validation"),
    "fast-5": ("FastCNN, built for speed", "validation"),
    "fast-16": ("FastCNN, longer, mean of six views", "validation, 6 views"),
}
"""Recorded runs on the start page: what it says of them, and which of their measurements it shows."""
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True)
class Lesson:
    """A lesson on the start page's map."""

    number: str
    title: str
    about: str
    minutes: int
    source: str
    glyph: str

    @property
    def page(self) -> str:
        """The address of its page, from the start page."""
        return f"{self.source}.html"


@dataclass(frozen=True)
class Result:
    """A recorded run: accuracy in percent, and how far its 95 % interval reaches to each side."""

    says: str
    epochs: int
    percent: float
    reach: float


def lesson_map(notebooks: list[Path]) -> list[Lesson]:
    """What the map says about each lesson: its title, and what lesson 00 says that it is about.

    Raises:
        ValueError: if lesson 00 or the reading times do not know a lesson.
    """
    table = "\n".join(c.source for c in nbformat.read(notebooks[0], as_version=4).cells if c.cell_type == "markdown")
    rows = dict(re.findall(r"^\| \[?(\d\d) .+? \| (.+?) \| \d+ \|$", table, re.M))
    found = []
    for path in notebooks:
        number = path.name[:2]
        if number not in rows:
            raise ValueError(f"{notebooks[0].name} has no row for lesson {number} in its table: add one")
        if number not in READING:
            raise ValueError(f"lesson {number} has no minutes: add them to READING in cifar_helpers/doctor")
        heading = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0]
        title = heading.partition(" · ")[2]
        glyph = (HERE / "glyphs" / f"{number}.svg").read_text(encoding="utf-8").strip()
        found.append(Lesson(number, title, rows[number], READING[number], f"notebooks/{path.stem}", glyph))
    return found


def results() -> list[Result]:
    """The recorded runs of `RESULTS`."""
    rows = []
    for name, (says, measured) in RESULTS.items():
        run = ROOT / "resources" / "runs" / name
        metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))[measured]
        epochs = json.loads((run / "config.json").read_text(encoding="utf-8"))["recipe"]["epochs"]
        share = metrics["accuracy"]
        reach = 1.96 * math.sqrt(share * (1 - share) / metrics["images"])
        rows.append(Result(says, epochs, 100 * share, 100 * reach))
    return rows


def start_page(notebooks: list[Path]) -> str:
    """The start page in Markdown, with numbers from the records."""
    shown, measured = lesson_map(notebooks), results()
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string((HERE / "start.md.jinja").read_text(encoding="utf-8"))
    return template.render(
        lessons=shown,
        results=measured,
        beside=[*SECTIONS, *(name.removesuffix(".md") for name in texts(ROOT))],
        hours=round(sum(lesson.minutes for lesson in shown) / 60),
        parameters=sum(p.numel() for p in CifarCNN().parameters()),
        best=f"{measured[-1].percent:.0f}",
        words=lambda count: WORDS[count],
    )


def live() -> ModuleType | None:
    """The module that makes widgets work on the pages, if the site has one."""
    file = HERE / "live.py"
    if not file.exists():
        return None
    spec = importlib.util.spec_from_file_location("live", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["live"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


def write_sources(source: Path, static: Path) -> list[Path]:
    """Write what Sphinx reads into `source`, and the files that pages load into `static`; give the notebooks."""
    notebooks = lessons(ROOT)
    named = {*(f"notebooks/{path.name}" for path in notebooks), *texts(ROOT)}
    anchors = canonical_anchors((ROOT / "resources" / "glossary.md").read_text(encoding="utf-8"))
    widgets = live()
    for path in notebooks:
        write_lesson(path, source, static / "pictures", anchors, named, widgets.replacement if widgets else None)
    copy_texts(ROOT, source, anchors, named)
    link_slides(source / "resources" / "teaching.md")
    (static / NAME).write_text(slides_page(notebooks), encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, (heading, title) in SECTIONS.items():
        page = without_dead_links(section(readme, heading, title, "README.md"), "README.md", named)
        (source / f"{name}.md").write_text(page, encoding="utf-8")
    (source / "index.md").write_text(start_page(notebooks), encoding="utf-8")
    # In 96 colours: a third smaller.
    still = Image.open(ROOT / "resources" / "figures" / "through_the_network.png").convert("RGB").quantize(96)
    still.convert("RGB").save(static / "through_the_network.webp", lossless=True, quality=100, method=4)
    for name, content in (widgets.assets() if widgets else {}).items():
        target = static / "course" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return notebooks


def build(folder: Path = BUILD) -> Path:
    """Build the site in a folder of its own; give the folder of its pages.

    Raises:
        SystemExit: if Sphinx warns or fails, which it explains on stderr.
    """
    source, static, pages = (fresh(folder / name) for name in ("source", "static", "html"))
    notebooks = write_sources(source, static)
    loaded = f"html_static_path={HERE / 'theme'},{static}"
    checked = ["-q", "-W", "--keep-going", "-c", str(HERE), "-d", str(folder / "doctrees"), "-D", loaded]
    status = build_main([*checked, str(source), str(pages)])
    if status:
        raise SystemExit(status)
    only_used_icons(pages)
    for path in notebooks:  # what a reader downloads is the notebook as it is stored
        shutil.copy(path, pages / "_sources" / "notebooks")
    return pages


if __name__ == "__main__":
    print(f"Open {build() / 'index.html'}, or serve that folder: python -m http.server -d {BUILD / 'html'}")
