"""The live parts of the site: what a notebook has stored works on a page, without Python and without the network."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from helpers import ROOT
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from cifar_helpers import checks, load_run, normalise, predict
from cifar_helpers.checks.questions import Choice, Number
from cifar_helpers.runs import DEFAULT_RUN
from cifar_helpers.web.export import sketches as one_of_each
from cifar_helpers.web.join import site_modules
from cifar_helpers.widgets import kernel_bench

pytestmark = pytest.mark.browser
NOTEBOOKS = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))}
START = 1_000_000
"""Bytes that the start page may load in all, besides the weights of the network."""
Act = Callable[[Locator], None]


def radio(name: str) -> Act:
    return lambda place: place.get_by_role("radio", name=name, exact=True).first.click()


def key(name: str) -> Act:
    """On whatever has the focus after the mouse was used."""
    return lambda place: place.page.keyboard.press(name)


TOUCHED: dict[str, tuple[str, str, Act, Act]] = {
    "through_the_network": (
        "00", "chosen",
        lambda place: place.get_by_role("slider", name="Block 1").click(position={"x": 5, "y": 5}),
        key("ArrowRight"),
    ),
    "image_browser": ("01", "label", radio("cat"), key("ArrowRight")),
    "convolution_steps": (
        "02", "step",
        lambda place: place.get_by_role("button", name="Step").click(),
        lambda place: place.get_by_role("slider", name="Step").press("ArrowRight"),
    ),
    "kernel_bench": (
        "02", "kernel",
        lambda place: place.get_by_role("button", name="sharpen").click(),
        lambda place: place.get_by_role("spinbutton", name="Kernel, row 1, column 1").press("ArrowUp"),
    ),
    "feature_maps": ("03", "layer", radio("block 1, pooling"), key("ArrowRight")),
    "receptive_field": (
        "03", "pixel",
        lambda place: place.get_by_role("slider", name="Units of block 1, ReLU").click(position={"x": 9, "y": 9}),
        key("ArrowDown"),
    ),
    "overfitting_lab": ("04", "settings", radio("20 %"), key("ArrowLeft")),
    "bug_gallery": (
        "04", "case",
        lambda place: place.get_by_role("button", name="Next case").click(),
        lambda place: place.get_by_role("radio", name="Case 2").press("ArrowRight"),
    ),
    "training_through_time": (
        "04", "kernel",
        lambda place: place.get_by_role("slider", name="The 32 kernels").click(position={"x": 60, "y": 40}),
        key("ArrowDown"),
    ),
    "timing_explorer": (
        "05", "batch",
        lambda place: place.locator(".cw-plot").first.click(position={"x": 200, "y": 60}),
        lambda place: place.get_by_role("slider", name="Batch size").press("ArrowRight"),
    ),
    "predict_photo": (
        "06", "chosen",
        lambda place: place.get_by_role("option", name="cat", exact=True).click(),
        key("ArrowRight"),
    ),
    "confusion_explorer": (
        "06", "chosen",
        lambda place: place.locator(".ce-network .ce-name").nth(3).click(),
        key("ArrowDown"),
    ),
}  # fmt: skip
"""Name of the module: its lesson, a trait, and how mouse and keyboard change that trait."""


@pytest.fixture(scope="module")
def live(sketch_root: Path) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("live", ROOT / "site" / "live.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFAR10_ROOT", str(sketch_root))
        patch.setitem(sys.modules, "live", module)
        spec.loader.exec_module(module)
        yield module


def cells(lesson: str) -> list[dict[str, Any]]:
    return list(json.loads(NOTEBOOKS[lesson].read_text(encoding="utf-8"))["cells"])


class Visits:
    """Opens pages; their complaints on a console and their requests to elsewhere are in `complaints`."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []
        self._kept: dict[str, Page] = {}

    def _ask(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"a request to {url}")

    def open(self, lesson: str = "", **options: Any) -> Page:
        """The page of a lesson, or the start page, in a fresh profile."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self._contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: self._ask(request.url))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{self.address}notebooks/{NOTEBOOKS[lesson].stem}.html" if lesson else f"{self.address}index.html")
        return page

    def again(self, lesson: str = "") -> Page:
        """A page that was opened before, as the last test has left it; a fresh one where there is none."""
        if lesson not in self._kept:
            self._kept[lesson] = self.open(lesson)
        return self._kept[lesson]

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a page as if for the first time; what it complains of fails the test."""
    visits = Visits(browser, address)
    yield visits.open
    visits.close()
    assert visits.complaints == []


@pytest.fixture(scope="module")
def kept(browser: Browser, address: str) -> Iterator[Visits]:
    visits = Visits(browser, address)
    yield visits
    visits.close()


@pytest.fixture
def revisit(kept: Visits) -> Iterator[Callable[..., Page]]:
    """Opens a page once for all tests that each use another part of it; what it complains of fails the test."""
    yield kept.again
    complaints = [*kept.complaints]
    kept.complaints.clear()
    assert complaints == []


def started(page: Page, module: str, number: int = 0) -> Locator:
    """A widget of the page, when it is scrolled to and shows what it has loaded."""
    place = page.locator(f'[data-widget="{module}"]').nth(number)
    page.evaluate("document.querySelectorAll('details.reveals').forEach(all => { all.open = true; })")
    place.scroll_into_view_if_needed()
    place.locator(".cw:not([aria-busy=true])").first.wait_for()
    return place


def trait(place: Locator, name: str) -> Any:
    return place.evaluate("(el, name) => el.model.get(name)", name)


def changes(place: Locator, name: str, act: Act) -> None:
    before = trait(place, name)
    act(place)
    place.page.wait_for_function(
        "([el, name, before]) => JSON.stringify(el.model.get(name)) !== JSON.stringify(before)",
        arg=[place.element_handle(), name, before],
    )


# --- widgets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", TOUCHED)
def test_a_widget_is_operated_by_mouse_and_keyboard(revisit: Callable[..., Page], module: str) -> None:
    lesson, name, mouse, keyboard = TOUCHED[module]
    place = started(revisit(lesson), module)
    changes(place, name, mouse)
    changes(place, name, keyboard)


def test_every_stored_widget_is_touched_here_or_says_why_not(revisit: Callable[..., Page], live: ModuleType) -> None:
    stored = {found[0] for lesson in NOTEBOOKS for cell in cells(lesson) if (found := live._stored(cell))}
    assert stored - {"questions", "verdict", "live_training"} == set(TOUCHED)
    page = revisit("04")
    expect(started(page, "live_training")).to_contain_text("This page cannot train: open the lesson in Jupyter")
    photo = started(revisit("06"), "predict_photo")
    expect(photo).to_contain_text("It stays in your browser: the network runs here.")
    judged = photo.page.locator('.course-live:has([data-widget="confusion_explorer"]) .course-note')
    expect(judged).to_contain_text("The network learned from photographs, so it makes more mistakes here")


def test_photographs_give_way_to_sketches_and_the_page_says_so(
    revisit: Callable[..., Page], live: ModuleType, sketches: Any
) -> None:
    page = revisit("02")
    note = page.locator(".course-note").first
    expect(note).to_have_text(
        "This page shows sketches drawn by the course instead of CIFAR-10’s photographs, so some numbers differ from "
        "the text."
    )
    horse = sketches.split()[1].of_class("horse").images[3]
    bench = started(page, "kernel_bench")
    pixels = bench.evaluate("el => [...el.model.get('image')]")
    assert pixels == horse.permute(1, 2, 0).flatten().tolist()
    assert tuple(trait(bench, "pixel")) == tuple(kernel_bench(horse).pixel)  # where this horse has an edge
    steps = np.array(trait(started(page, "convolution_steps"), "whole"))
    recorded = next(found[1] for cell in cells("02") if (found := live._stored(cell)) and "whole" in found[1])
    assert steps.shape == (32, 32) and abs(steps - np.array(recorded["whole"])).max() > 0.2
    stored = page.locator(".course-stored").first
    assert stored.locator("img").get_attribute("alt", timeout=1000)
    stored.locator("summary").click()
    page.wait_for_function("document.querySelector('.course-stored img').naturalWidth > 500")


def test_without_script_the_stored_picture_stays(visit: Callable[..., Page]) -> None:
    page = visit("00", java_script_enabled=False)
    picture = page.get_by_role("img", name="A picture on its way through the course's network after epoch 25")
    expect(picture).to_be_visible()
    question = page.locator('[data-widget="questions"] noscript b').first
    expect(question).to_be_visible()
    assert "What percentage does it classify correctly?" in question.inner_text()
    assert page.locator("html").get_attribute("data-theme") == "light"
    page = visit("02", java_script_enabled=False)
    steps = page.locator('.course-live:has([data-widget="convolution_steps"])')
    expect(steps.get_by_role("img")).to_have_count(1)  # the photograph, and not once more below it
    expect(steps.get_by_role("img")).to_be_visible()
    expect(steps.locator(".course-note")).to_be_hidden()


def test_from_disk_stored_pictures_stay_and_a_note_says_how_to_serve_the_page(browser: Browser, pages: Path) -> None:
    with browser.new_page() as page:
        page.goto((pages / "notebooks" / "02_convolutions_and_kernels.html").as_uri())
        steps = page.locator('.course-live:has([data-widget="convolution_steps"])')
        expect(steps.locator("img:visible")).to_have_count(1)
        expect(page.get_by_text("Run python -m http.server")).to_have_count(1)  # at the first of them
        expect(page.locator('[data-widget="questions"] b').first).to_be_visible()
        page.goto((pages / "index.html").as_uri())
        expect(page.locator("#live-strip img")).to_be_visible()
        expect(page.locator("#live-strip + p")).to_contain_text("Run python -m http.server")


@pytest.mark.parametrize("script", [True, False])
def test_on_paper_a_widget_is_its_stored_picture_and_nothing_is_folded(
    visit: Callable[..., Page], script: bool
) -> None:
    page = visit("02", java_script_enabled=script)
    page.emulate_media(media="print")
    steps = page.locator('.course-live:has([data-widget="convolution_steps"])')
    expect(steps.locator("[data-widget]")).to_be_hidden()
    expect(steps.locator("summary")).to_be_hidden()
    expect(steps.locator("img:visible")).to_have_count(1)
    results = page.locator("details.reveals .cell_output, details.reveals .output").first
    expect(results).to_be_visible()
    expect(page.locator('[data-widget="questions"]').first).to_be_visible()
    page = visit("00", java_script_enabled=script)
    expect(page.locator("figure.course-paper").first).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator("figure.course-paper").first).to_be_visible()
    expect(page.locator('[data-widget="through_the_network"]').first).to_be_hidden()
    if script:
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.wait_for_function("[...document.querySelectorAll('.bd-article img')].every(one => one.naturalWidth > 0)")
        assert page.pdf().startswith(b"%PDF")


def test_logits_are_those_of_pytorch(revisit: Callable[..., Page], pages: Path) -> None:
    page = revisit()
    place = started(page, "through_the_network")
    expect(place.locator(".cw-bars .top").first).to_have_text("horse")
    pictures = one_of_each()
    files = json.loads((pages / "_static/course/strip.json").read_text(encoding="utf-8"))["files"]
    for epoch in load_run(DEFAULT_RUN).epochs_with_weights:
        got = page.evaluate(
            """async ([file, pictures]) => {
                const { Network, decode } = await import("/_static/course/network.js");
                const answer = await fetch(`/_static/course/files/${file}`);
                const network = new Network(decode(new Uint8Array(await answer.arrayBuffer())));
                return pictures.map(one => [...network.forward(Uint8Array.from(one)).logits]);
            }""",
            [files[f"weights/{epoch}"], [pixels.flatten().tolist() for pixels in pictures.values()]],
        )
        images = torch.from_numpy(np.stack(list(pictures.values()))).permute(0, 3, 1, 2)
        with torch.no_grad():
            wanted = load_run(DEFAULT_RUN).model(epoch)(normalise(images)).numpy()
        assert abs(np.array(got) - wanted).max() < 0.1, epoch  # the weights are int8
    horse = predict(torch.from_numpy(pictures["horse"].transpose(2, 0, 1).copy()), load_run(DEFAULT_RUN).model())
    share = float(place.locator(".cw-bars > span.top + .bar i").evaluate("bar => parseFloat(bar.style.width)"))
    assert abs(share - 100 * horse.probability) < 1


def test_a_widget_is_as_high_as_it_is_once_it_has_loaded(revisit: Callable[..., Page]) -> None:
    page = revisit()
    place = started(page, "through_the_network")
    expect(place.locator(".cw-bars .top").first).to_have_text("horse")
    page.wait_for_function("el => !el.style.minHeight", arg=place.element_handle())
    strip, shown = page.locator("#live-strip").bounding_box(), place.locator(".cw").first.bounding_box()
    assert strip is not None and shown is not None
    below = strip["y"] + strip["height"] - shown["y"] - shown["height"]
    assert below < 40


def test_the_start_page_loads_little_and_weights_only_when_asked_for(visit: Callable[..., Page]) -> None:
    page = visit()
    place = started(page, "through_the_network")
    expect(place.locator(".tn-low b").first).to_have_text("After epoch 25")
    sizes: Mapping[str, int] = page.evaluate(
        """() => Object.fromEntries(["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
            .map(one => [one.name.split("/").at(-1), one.decodedBodySize]))"""
    )
    weights = [name for name in sizes if name.startswith("weights")]
    assert len(weights) == 1 and weights[0].startswith("weights-25-")
    loaded = {name.partition("?")[0] for name in sizes}
    assert {"index.html", "pydata-sphinx-theme.css", "through_the_network.js"} <= loaded
    assert 500_000 < sum(sizes.values()) - sizes[weights[0]] < START
    place.get_by_role("slider", name="Epoch", exact=True).press("Home")
    expect(place.locator(".tn-low b").first).to_have_text("Before training")
    place.locator(".pi-picture").click()
    expect(place.get_by_role("button", name="Undo")).to_be_visible()
    expect(place.get_by_role("button", name="Camera")).to_be_visible()


def test_the_modules_import_each_other_and_nothing_else() -> None:
    modules = site_modules(["questions", "predict_photo", "boot"])
    assert {"boot.js", "ui.js", "questions.js", "predict_photo.js", "network.js", "colour.js"} <= set(modules)
    assert not any(re.search("^import [^{]", text, re.M) for text in modules.values())


# --- questions ----------------------------------------------------------------------------------------------------


def answer(place: Locator, question: Choice | Number, *, correctly: bool) -> None:
    assert isinstance(question, Choice)
    right = next(k for k, option in enumerate(question.options) if option.right)
    place.locator(".q-option").nth(right if correctly else (right + 1) % len(question.options)).click()
    place.get_by_role("button", name="Commit").click()


def test_a_prediction_is_answered_opens_its_result_and_is_there_after_a_reload(visit: Callable[..., Page]) -> None:
    page = visit("00")
    place = page.locator('[data-widget="questions"]').first
    folds = page.locator("details.reveals")
    states = "all => all.map(one => one.open)"
    place.locator(".q-option").first.wait_for()
    before = folds.evaluate_all(states)
    assert not any(before)
    answer(place, checks.PREDICTIONS["one_epoch"], correctly=False)
    expect(place.locator(".q-verdict")).to_contain_text("The answer is B. Colours, backgrounds and rough shapes")
    page.wait_for_function("document.querySelectorAll('details.reveals[open]').length === 1")
    assert folds.evaluate_all(states) == [False, True, False]  # the one below the question
    page.reload()
    expect(place.locator(".q-verdict")).to_contain_text("The answer is B.")
    assert folds.evaluate_all(states) == [False, True, False]
    expect(place.get_by_role("button", name="Commit")).to_be_hidden()


def test_a_quiz_is_answered_by_keyboard_and_is_there_after_a_reload_and_in_another_tab(
    visit: Callable[..., Page],
) -> None:
    page = visit("01")
    other = page.context.new_page()
    other.goto(page.url)
    other.locator(".q-option").first.wait_for()
    place = page.locator('[data-widget="questions"]').last
    first, second, *_ = checks.QUIZZES[1]
    for k, question in enumerate((first, second)):
        right = next(k for k, option in enumerate(question.options) if option.right)
        place.locator(".q-card:visible input").first.focus()
        page.keyboard.press("Space")
        for _ in range(right):
            page.keyboard.press("ArrowDown")
        place.locator(".q-card:visible").get_by_role("button", name="Check").press("Enter")
        expect(place.locator(".q-card:visible .q-verdict")).to_contain_text(f"Yes. {question.options[right].says}"[:40])
        if not k:
            place.locator(".q-card:visible").get_by_role("button", name="Next question").press("Enter")
    page.reload()
    expect(place.locator(".q-head")).to_contain_text("2 of 5 right")
    expect(other.locator('[data-widget="questions"]').last.locator(".q-head")).to_contain_text("2 of 5 right")
    other.close()


def test_a_number_is_judged_on_the_page(revisit: Callable[..., Page]) -> None:
    page = revisit("02")
    place = page.locator('[data-widget="questions"]').filter(has=page.locator(".q-number")).first
    place.locator(".q-number").fill("a lot")
    place.locator(".q-number").press("Enter")
    expect(place.locator(".q-verdict p")).to_have_attribute("data-state", "open")
    place.locator(".q-number").fill("123456")
    place.locator(".q-number").press("Enter")
    expect(place.locator(".q-verdict p").first).to_have_attribute("data-state", "wrong")


def test_answers_are_given_where_storage_is_blocked_or_spoilt(visit: Callable[..., Page]) -> None:
    page = visit("00")
    page.locator('[data-widget="questions"] .q-option').first.wait_for()
    place = page.locator('[data-widget="questions"]').first
    key = json.loads(place.locator("script").text_content() or "")["key"]
    page.evaluate("key => localStorage.setItem(key, '{broken')", key)
    page.reload()
    place.locator(".q-option").first.wait_for()
    # The theme keeps its own setting there, so only the course is refused.
    page.add_init_script(
        """for (const name of ["getItem", "setItem"]) {
            const given = Storage.prototype[name];
            Storage.prototype[name] = function (key, ...values) {
                if (key.startsWith("cifar-course/")) throw new DOMException("blocked", "SecurityError");
                return given.call(this, key, ...values);
            };
        }"""
    )
    page.reload()
    answer(place, checks.PREDICTIONS["one_epoch"], correctly=True)
    expect(place.locator(".q-verdict")).to_contain_text("Yes. Colours")


def test_no_answer_is_in_the_page_or_readable_in_a_file(pages: Path) -> None:
    reasons = [
        option.says
        for questions in [checks.PREDICTIONS.values(), *checks.QUIZZES.values()]
        for question in questions
        if isinstance(question, Choice)
        for option in question.options
    ]
    solutions = [max(check.hints[-1].splitlines(), key=len).strip() for check in checks.EXERCISES]
    written = [*pages.glob("notebooks/*.html"), *pages.glob("_static/course/**/*.*")]
    assert len(written) > 100
    everything = b"\n".join(file.read_bytes() for file in written if "weights" not in file.name)
    for secret in filter(lambda text: len(text) > 20, [*reasons, *solutions]):
        forms = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], escape(secret))
        assert not any(form.encode() in everything for form in forms), secret


def test_an_exercise_says_that_it_needs_python_and_gives_hints_one_at_a_time(revisit: Callable[..., Page]) -> None:
    page = revisit("00")
    place = page.locator('[data-widget="verdict"]').first
    expect(place).to_contain_text("There is no Python on this page")
    hints = checks.session.known["accuracy"].hints
    for k in range(len(hints)):
        more = place.get_by_role("button")
        expect(more).to_have_text("Show the solution" if k == len(hints) - 1 else f"Hint {k + 1} of {len(hints)}")
        more.press("Enter")
        expect(place.locator("ol > li")).to_have_count(k + 1)
    expect(place.locator("pre")).to_contain_text("def my_accuracy(predicted, true):")
    expect(place.get_by_role("button")).to_be_hidden()


@pytest.mark.parametrize(
    ("module", "record", "message"),
    [
        ("verdict", {}, "lesson 02: 'checks.gone"),
        ("questions", {"questions": [{"name": "gone"}]}, "'gone', which there is no longer: store the lesson again"),
    ],
)
def test_an_output_that_the_course_no_longer_has_is_an_error(
    live: ModuleType, module: str, record: dict[str, Any], message: str
) -> None:
    html = f'<div data-widget="{module}" data-state="{escape(json.dumps(record))}"></div>'
    cell = {"source": ["checks.gone(my_gone)"], "outputs": [{"data": {"text/html": [html]}}]}
    with pytest.raises(ValueError, match=message):
        live.replacement(cell, "02")
    assert live.replacement({"source": ["1"], "outputs": [{"data": {"text/plain": "1"}}]}, "02") is None


def test_a_question_that_waits_for_a_number_is_not_published(live: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = checks.PREDICTIONS["one_epoch"]
    assert isinstance(asked, Choice)
    options = [replace(option, says=f"@@ %. {option.says}") for option in asked.options]
    monkeypatch.setitem(checks.PREDICTIONS, "one_epoch", replace(asked, options=tuple(options)))
    record = escape(json.dumps({"questions": [{"name": "one_epoch"}]}))
    html = f'<div data-widget="questions" data-state="{record}"></div>'
    live._asked.cache_clear()
    with pytest.raises(ValueError, match="lesson 00: the question 'one_epoch', or one of its quiz, has @@"):
        live.replacement({"source": ["1"], "outputs": [{"data": {"text/html": [html]}}]}, "00")
