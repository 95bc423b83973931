"""Every widget and card in Firefox: it says what it says in Chromium, and does what hands, fingers and keys ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chrome import FrontEnd
from firefox import FIREFOX, ROOT, Firefox, firefox
from widget_gallery import WIDGETS

from cifar_helpers import Cifar10

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox is missing: install it (apt-get install firefox-esr)"),
]
LEFT, RIGHT, DOWN = "\ue012", "\ue014", "\ue015"  # WebDriver's names of keys
DROP = f"""new Promise(done => {{
    const canvas = Object.assign(document.createElement("canvas"), {{ width: 40, height: 30 }});
    Object.assign(canvas.getContext("2d"), {{ fillStyle: "blue" }}).fillRect(0, 0, 40, 30);
    canvas.toBlob(blob => {{
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([blob], "blue.png", {{ type: "image/png" }}));
        {ROOT}.querySelector(".cw").dispatchEvent(
            new DragEvent("drop", {{ dataTransfer, bubbles: true, cancelable: true, composed: true }}));
        done();
    }});
}})"""


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


@pytest.fixture
def fox(_running: Firefox) -> Iterator[Firefox]:
    yield _running
    assert _running.errors == []


def show(fox: Firefox, name: str, data: Cifar10) -> None:
    fox.open(WIDGETS[name](data).as_page("A widget"))


@pytest.mark.parametrize("name", WIDGETS)
def test_it_says_what_it_says_in_chromium(fox: Firefox, front: FrontEnd, sketches: Cifar10, name: str) -> None:
    text = WIDGETS[name](sketches).as_page("A widget")
    page = front.open(text, height=900)
    page.locator(".cw:not([aria-busy=true])").first.wait_for()
    fox.open(text)
    root = page.locator(".cw").first
    assert fox.text() == root.text_content()
    box = root.bounding_box()
    assert box is not None
    width, height = fox.js(f"(box => [box.width, box.height])({ROOT}.querySelector('.cw').getBoundingClientRect())")
    assert width == box["width"] and height == pytest.approx(box["height"], abs=25)


def test_a_kernel_is_dragged_stepped_and_touched(fox: Firefox, sketches: Cifar10) -> None:
    show(fox, "kernel_bench", sketches)
    middle = fox.at("[role=spinbutton]", 4)
    right = (middle[0] + 50, middle[1])
    fox.drag(middle, right)  # five pixels a step of 0.1
    fox.drag(middle, right, pointer="touch")
    assert fox.state("kernel")[1] == pytest.approx([-2, 2, 2])
    fox.drag(fox.at("[role=spinbutton]", 3))  # a first press selects the number
    fox.keys(*".25", DOWN)
    assert fox.state("kernel")[1] == pytest.approx([0.15, 2, 2])
    picture = ".kb-picture .cw-picture"
    fox.drag(fox.at(picture, part=(0.3, 0.3)), fox.at(picture, part=(0.6, 0.5)))
    row, column = fox.state("pixel")
    fox.keys(DOWN, RIGHT)
    assert fox.state("pixel") == [row + 1, column + 1]
    fox.drag(fox.at(picture, part=(0.3, 0.3)), pointer="touch")
    assert fox.state("pixel")[0] < row and fox.state("pixel")[1] < column


def test_a_picture_is_painted_dropped_and_followed_through_the_epochs(fox: Firefox, sketches: Cifar10) -> None:
    show(fox, "through_the_network", sketches)
    words = fox.text()
    fox.drag(fox.at(".cw-picture", part=(0.1, 0.2)), fox.at(".cw-picture", part=(0.9, 0.7)))
    assert fox.text() != words
    words = fox.text()
    fox.js(DROP)
    fox.until(f"{ROOT}.querySelector('.cw').textContent !== {words!r}")
    fox.js(f"{ROOT}.querySelector('.cw-plot').focus()")
    fox.keys(LEFT, LEFT)
    assert fox.state("epoch") == 3


def test_squares_and_markers_are_dragged(fox: Firefox, sketches: Cifar10) -> None:
    show(fox, "predict_photo", sketches)
    fox.drag(fox.at(".pp-photo", part=(0.99, 0.99)), fox.at(".pp-photo", part=(0.7, 0.7)))
    left, top, side = fox.state("crop")
    assert (left, top) == (0, 0) and 0 < side < 200
    show(fox, "overfitting_lab", sketches)
    patience = fox.state("patience")
    fox.drag(fox.at(".cw-plot .thumb"), fox.at(".cw-plot", part=(0.8, 0.5)))
    assert fox.state("patience") > patience
    show(fox, "training_through_time", sketches)
    fox.drag(fox.at(".cw-plot", part=(0.1, 0.5)), fox.at(".cw-plot", part=(0.6, 0.5)))
    epoch = fox.state("epoch")
    fox.keys(LEFT)
    assert epoch > 10 and fox.state("epoch") == epoch - 1


def test_what_is_under_the_pointer_is_shown(fox: Firefox, sketches: Cifar10) -> None:
    for name in ("receptive_field", "feature_maps"):
        show(fox, name, sketches)
        words = fox.text()
        fox.hover(fox.at("[role=slider]", 2, part=(0.4, 0.4)))
        assert fox.text() != words, name


def test_a_suspicion_is_dragged_and_a_question_is_answered(fox: Firefox, sketches: Cifar10) -> None:
    show(fox, "bug_gallery", sketches)
    fox.drag(fox.at(".bg-suspect", 4), fox.at(".bg-row", 4))
    assert "Not this: learning rate ÷ 100." in fox.text()
    show(fox, "quiz", sketches)
    fox.drag(fox.at("label", 2))
    fox.press("Check")
    fox.until(f"{ROOT}.querySelector('.cw').textContent.includes('1 of 5 right')")


def test_a_worker_covers_the_photo(fox: Firefox, sketches: Cifar10) -> None:
    show(fox, "predict_photo", sketches)
    fox.press("Occlusion")
    fox.until(f"/loses \\d+/.test({ROOT}.querySelector('.cw').textContent)")
