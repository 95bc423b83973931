"""The live parts of the site: stored outputs of widgets, questions and exercises become ones that work on a page.

Nothing of a notebook is executed. A widget gets the state that its notebook has stored. Its pictures are not stored, so
they are sketches here, which the course draws itself; the files that a widget may load are written beside the page.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from PIL import Image

from cifar_helpers import CLASSES, Cifar10, ImageSet, checks, collect_logits, load_cifar10, load_run, widgets
from cifar_helpers._paths import resources
from cifar_helpers.checks.verdict_widget import VerdictCard, sentence
from cifar_helpers.data import BatchLoader
from cifar_helpers.runs import DEFAULT_RUN
from cifar_helpers.web.join import site_modules, without_comments
from cifar_helpers.web.page import as_json
from cifar_helpers.widgets import CourseWidget

__all__ = ["assets", "replacement"]

_ASSETS: Final = "../_static/course"  # as the page of a lesson addresses them
_NOTEBOOKS: Final = Path(__file__).parent.parent / "notebooks"
_STATIC: Final = Path(__file__).parent / "static"
_STORED: Final = re.compile(r'<div data-widget="(\w+)" data-state="([^"]*)">(.*)</div>', re.DOTALL)
_PICTURE: Final = re.compile(r'<img alt="([^"]*)" width="(\d+)"[^>]*src="data:image/(\w+);base64,([^"]*)"[^>]*>')
_EXERCISE: Final = re.compile(r"\bchecks\.(\w+)\(my_\w+\)\s*$")
# Files with answers are not to be read by accident: course.js undoes this.
_VEIL: Final = bytes(k ^ 0x55 for k in range(256))
_UNFINISHED: Final = "@@"  # marks a text of a question that waits for a number
_MANY: Final = 200  # sketches that a widget takes where a lesson takes a thousand photographs

_NO_PYTHON: Final = (
    "There is no Python on this page, so it cannot check an answer. Write yours in the notebook of this lesson; "
    "the hints are the same."
)
_SKETCHES: Final = (
    "This page shows sketches drawn by the course instead of CIFAR-10’s photographs, so some numbers differ from the "
    "text."
)
_SKETCHES_JUDGED: Final = (
    "The images here are sketches drawn by the course instead of CIFAR-10’s photographs. The network learned from "
    "photographs, so it makes more mistakes here than in the text. People judged the photographs."
)


@dataclass(frozen=True)
class _Live:
    """What works on a page in place of a stored output.

    Attributes:
        module: of the front end.
        state: of the widget.
        files: that it may load, by name.
        keep: names of the traits that are kept for the reader's next visit.
        secret: whether the files contain answers.
    """

    module: str
    state: Mapping[str, Any]
    files: Mapping[str, bytes]
    keep: tuple[str, ...] = ()
    secret: bool = False

    def named_files(self) -> dict[str, str]:
        """Name as the widget knows it to the name of the file, which changes when its content does."""
        kind = "veiled" if self.secret else "bin"
        return {
            name: f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{_digest(content)}.{kind}"
            for name, content in self.files.items()
        }

    def written(self) -> dict[str, bytes]:
        """Name of each file to its content as it is written."""
        names = self.named_files()
        return {names[k]: content.translate(_VEIL) if self.secret else content for k, content in self.files.items()}

    def record(self) -> str:
        """What course.js reads; progress is lost only if the state that it belongs to changes."""
        key = f"cifar-course/{self.module}/{_digest(as_json(self.state).encode())}"
        return as_json({"state": self.state, "files": self.named_files(), "keep": self.keep, "key": key})


@dataclass(frozen=True)
class _Source:
    """How a widget is made for the site.

    Attributes:
        make: the widget, from sketches.
        follows: recorded traits that follow from the notebook's pictures, and so do not hold for sketches.
        photographs: whether the notebook shows photographs.
        note: what the page says below the widget if so.
        keep: see `_Live`.
        secret: see `_Live`.
    """

    make: Callable[[], CourseWidget]
    follows: frozenset[str] = frozenset()
    photographs: bool = True
    note: str = _SKETCHES
    keep: tuple[str, ...] = ()
    secret: bool = False


@cache
def _sketches() -> Cifar10:
    return load_cifar10(source="sketches")


def _validation() -> ImageSet:
    return _sketches().split()[1]


def _horse() -> Any:
    """The fourth horse, as in all lessons: uint8 `(3, 32, 32)`."""
    return _validation().of_class("horse").images[3]


def _feature_maps() -> CourseWidget:
    images = _validation()
    chosen = [int((images.labels == CLASSES.index("horse")).nonzero()[3]), *range(50)]
    return widgets.feature_maps(ImageSet(images.images[chosen], images.labels[chosen]))


def _confusion() -> CourseWidget:
    images = _validation()
    logits, _ = collect_logits(load_run(DEFAULT_RUN).model(), BatchLoader(images))
    return widgets.confusion_explorer(images, logits)


def _photos() -> CourseWidget:
    pictures = {path.stem: path for path in sorted((resources() / "inputs").glob("*.png"))}
    return widgets.predict_photo({"horse": pictures["horse"], **pictures})  # as in lesson 06


_SOURCES: Final[dict[str, _Source]] = {
    "through_the_network": _Source(lambda: widgets.through_the_network(), photographs=False),
    "image_browser": _Source(lambda: widgets.image_browser(_validation()), frozenset({"counts", "picture"})),
    "convolution_steps": _Source(lambda: widgets.convolution_steps(_horse()), frozenset({"whole", "corner", "image"})),
    "kernel_bench": _Source(lambda: widgets.kernel_bench(_horse()), frozenset({"pixel"}), keep=("solved",)),
    "feature_maps": _Source(_feature_maps, frozenset({"pixel"})),
    "receptive_field": _Source(
        lambda: widgets.receptive_field(_validation().subset(slice(0, _MANY))),
        frozenset({"picture", "layer", "channel", "pixel"}),
    ),
    "training_through_time": _Source(lambda: widgets.training_through_time(_horse())),
    "bug_gallery": _Source(widgets.bug_gallery, photographs=False, keep=("solved", "told", "tried"), secret=True),
    "confusion_explorer": _Source(_confusion, frozenset({"chosen", "picture"}), note=_SKETCHES_JUDGED),
    "predict_photo": _Source(_photos, photographs=False),
}
"""Widgets that load pictures, weights or answers; the state of all others is what the notebook has stored."""


def replacement(cell: Mapping[str, Any], lesson: str) -> str | None:
    """The HTML that replaces the stored output of a widget, a question, a quiz or an exercise.

    Args:
        cell: of a notebook, as JSON.
        lesson: its number, such as "02", for messages.

    Returns:
        `None` for a cell without such an output.

    Raises:
        ValueError: if the course no longer has what the output shows; the lesson must be stored again.
    """
    stored = _stored(cell)
    if stored is None:
        return None
    module, _, shown = stored
    live = _live(cell, lesson)
    picture = _PICTURE.search(shown)
    photographs = module in _SOURCES and _SOURCES[module].photographs
    height = "" if picture is None else f' style="min-height:{_height(picture)}px"'
    # Lessons that were stored some time ago have backticks in their questions.
    without = re.sub("`([^`]+)`", r"<code>\1</code>", shown) if picture is None else _image(picture)
    parts = [
        f'<div class="course-live"><div data-widget="{module}"{height}>'
        f'<script type="application/json">{live.record()}</script><noscript>{without}</noscript></div>'
    ]
    if picture is not None and not photographs:
        parts.append(_image(picture, "picture course-paper"))
    if photographs:
        parts.append(f'<p class="course-note">{_SOURCES[module].note}</p>')
        if picture is not None:
            parts.append(
                '<details class="course-stored"><summary>The same widget in the notebook, with photographs</summary>'
                f"{_image(picture)}</details>"
            )
    return "".join([*parts, "</div>"])


def assets() -> dict[str, bytes]:
    """Everything that the live parts of all pages need, by its path below `_static/course/`.

    Each page loads `course.js`, as a module, and `course.css`. Modules of widgets lie beside them; weights, pictures
    and answers in `files/`, each loaded when it is needed. `strip.json` is the record of *through the network*, which
    course.js puts into `<div id="live-strip">`.
    """
    found = {path.name: without_comments(path).encode() for path in _STATIC.iterdir()}
    modules = {"boot"}
    for notebook in sorted(_NOTEBOOKS.glob("[0-9]*.ipynb")):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            stored = _stored(cell)
            if stored is None:
                continue
            live = _live(cell, notebook.stem[:2])
            modules.add(live.module)
            if live.module == "through_the_network":
                found["strip.json"] = live.record().encode()
            found |= {f"files/{name}": content for name, content in live.written().items()}
            if picture := _PICTURE.search(stored[2]):
                found[f"files/{_image_name(picture)}"] = base64.b64decode(picture[4])
    return found | {name: text.encode() for name, text in site_modules(sorted(modules)).items()}


def _stored(cell: Mapping[str, Any]) -> tuple[str, dict[str, Any], str] | None:
    """Module, record and visible HTML of the widget that a cell shows."""
    for output in cell.get("outputs", []):
        if match := _STORED.search("".join(output.get("data", {}).get("text/html", ""))):
            return match[1], json.loads(html.unescape(match[2])), match[3]
    return None


def _live(cell: Mapping[str, Any], lesson: str) -> _Live:
    stored = _stored(cell)
    assert stored is not None
    module, record, _ = stored
    if module == "verdict":
        return _exercise("".join(cell["source"]), lesson)
    if module == "questions":
        return _asked(tuple(question["name"] for question in record["questions"]), lesson)
    return _widget(module, as_json(record))


@cache
def _widget(module: str, record: str) -> _Live:
    """A widget with its recorded state."""
    values = json.loads(record)
    if module not in _SOURCES:
        return _Live(module, values, {})
    source = _SOURCES[module]
    made = source.make()
    for name, value in values.items():
        if name not in source.follows:
            setattr(made, name, value)
    files = {name: read() for name, read in made.loadable().items()}
    return _Live(module, made.state(), files, source.keep, source.secret)


@cache
def _asked(names: tuple[str, ...], lesson: str) -> _Live:
    """A prediction, or the quiz that has these questions."""
    quizzes = {tuple(question.name for question in asked): number for number, asked in checks.QUIZZES.items()}
    asked = checks.quiz(quizzes[names]) if names in quizzes else checks.guess(names[0])
    if not isinstance(asked, checks.QuestionWidget):
        raise ValueError(
            f"lesson {lesson} shows the question {names[0]!r}, which there is no longer: store the lesson again"
        )
    answers = {name: read() for name, read in asked.loadable().items()}
    if _UNFINISHED in as_json(asked.state()) or any(_UNFINISHED.encode() in content for content in answers.values()):
        raise ValueError(
            f"lesson {lesson}: the question {names[0]!r}, or one of its quiz, has {_UNFINISHED} in place of a number: "
            "record the run that it waits for"
        )
    return _Live("questions", asked.state(), answers, ("replies",), secret=True)


def _exercise(source: str, lesson: str) -> _Live:
    """The card of an exercise, with its hints."""
    called = _EXERCISE.search(source)
    check = None if called is None else checks.session.known.get(called[1])
    if check is None:
        last = source.rstrip().rpartition("\n")[2]
        raise ValueError(f"lesson {lesson}: {last!r} checks no exercise of the course: store the lesson again")
    hints = [sentence(hint) for hint in check.hints]
    card = VerdictCard(checks.Verdict("open", _NO_PYTHON, exercise=check))
    state = {**card.state(), "says": _NO_PYTHON, "progress": ""}  # nothing can be solved here
    return _Live("verdict", state, {"hints": json.dumps(hints).encode()}, secret=True)


def _image(picture: re.Match[str], kind: str = "picture") -> str:
    """A stored picture as a file of its own; `kind` has the classes of its figure."""
    alt, width = picture[1], int(picture[2])
    place = f"{_ASSETS}/files/{_image_name(picture)}"
    size = f'width="{width}" height="{_height(picture)}"'
    return f'<figure class="{kind}"><img alt="{alt}" {size} loading="lazy" src="{place}"></figure>'


def _image_name(picture: re.Match[str]) -> str:
    return f"widget-{_digest(base64.b64decode(picture[4]))}.{picture[3]}"


def _height(picture: re.Match[str]) -> int:
    """As it is shown, in pixels."""
    with Image.open(io.BytesIO(base64.b64decode(picture[4]))) as image:
        return round(image.height * int(picture[2]) / image.width)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:10]
