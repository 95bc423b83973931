"""A photo is predicted in the browser as `predict` does it, wherever its square is dragged."""

from __future__ import annotations

import io
import itertools
import re

import numpy as np
import numpy.typing as npt
import pytest
import torch
import traitlets
from chrome import FrontEnd, next_frame, state_of
from helpers import ROOT, STORED, corners
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from torch import nn

from cifar_helpers import MLP, CifarCNN, normalise, predict, widgets
from cifar_helpers.data import CLASSES
from cifar_helpers.evaluation.attribution import attribute
from cifar_helpers.inference import PictureError, shipped_model
from cifar_helpers.widgets.predict_photo import predict_photo

pytestmark = pytest.mark.browser
INPUTS = ROOT / "resources" / "inputs"
LARGE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)).resize((400, 300))


@pytest.fixture(scope="module")
def small() -> CifarCNN:
    """For tests that ask what is seen or where something is, not what it is: the course's takes 0.4 s to open."""
    torch.manual_seed(0)
    return CifarCNN(width=0.25).eval()


def ready(page: Page) -> Page:
    """When the network is there and the first answer is drawn."""
    page.locator(".pp-says .cw-lead b").wait_for()
    return page


def shares(page: Page) -> list[float]:
    """The ten probabilities, as the bars' widths."""
    widths = page.locator(".cw-bars .bar i").evaluate_all("bars => bars.map(bar => parseFloat(bar.style.width))")
    return [width / 100 for width in widths]


def earlier(page: Page) -> list[float]:
    """The earlier probabilities that are marked on the bars."""
    marks = page.locator(".cw-bars .was").evaluate_all(
        "bars => bars.map(bar => parseFloat(bar.style.getPropertyValue('--was')))"
    )
    return [mark / 100 for mark in marks]


def changed(before: list[float], after: list[float]) -> list[float]:
    """The earlier probabilities that differ by three points or more."""
    return [was for was, now in zip(before, after, strict=True) if abs(was - now) >= 0.03]


def seen_by(page: Page, *, until: str = "true") -> np.ndarray:
    """The pixels that the browser gave to its network, once `until` holds for them (`pixels`, 3,072 numbers)."""
    script = f"""() => {{
        const data = document.querySelector("[data-widget]").model.get("seen");
        const pixels = [...new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0)];
        return {until} && pixels;
    }}"""
    return np.array(page.wait_for_function(script).json_value(), np.uint8).reshape(32, 32, 3)


def test_every_picture_of_the_course_gets_the_probabilities_of_predict(front: FrontEnd) -> None:
    names = sorted(path.stem for path in INPUTS.glob("*.png"))
    page = ready(front.open(widgets.predict_photo({name: INPUTS / f"{name}.png" for name in names})))
    for name in names:
        wanted = predict(INPUTS / f"{name}.png")
        page.get_by_role("option", name=name, exact=True).click()
        expect(page.locator(".cw-lead b")).to_have_text(wanted.label)
        expect(page.locator(".cw-lead")).to_contain_text(f"{100 * wanted.probability:.0f} %")
        assert np.abs(np.subtract(shares(page), wanted.probabilities.numpy())).max() < 0.01, name


def test_the_square_is_dragged_resized_and_moved_by_keys(front: FrontEnd) -> None:
    page = ready(front.open(widgets.predict_photo(LARGE)))
    photo = page.locator(".pp-photo")
    box = photo.bounding_box()
    assert box is not None
    scale = box["width"] / 400
    page.mouse.move(box["x"] + 348 * scale, box["y"] + 298 * scale)
    page.mouse.down()
    page.mouse.move(box["x"] + 248 * scale, box["y"] + 198 * scale, steps=4)
    page.mouse.up()
    left, top, side = state_of(page, "crop")  # type: ignore[misc]
    assert (left, top) == (50, 0) and abs(side - 200) <= 2
    page.mouse.move(box["x"] + 100 * scale, box["y"] + 50 * scale)
    page.mouse.down()
    page.mouse.move(box["x"] + 200 * scale, box["y"] + 100 * scale, steps=4)
    page.mouse.up()
    moved = state_of(page, "crop")
    assert isinstance(moved, list) and abs(moved[0] - 150) <= 2 and abs(moved[1] - 50) <= 2 and moved[2] == side
    photo.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("-")
    expect(page.locator(".pp-says [role=status]")).to_have_text(re.compile("^Largest square: "))  # it was no square
    expect(page.get_by_text("Arrows move the square, + and − change its size")).to_be_visible()
    after = state_of(page, "crop")
    assert isinstance(after, list) and after[2] == side - 8
    left, top, side = after
    wanted = predict(LARGE.crop((left, top, left + side, top + side)))
    pixels = wanted.seen.permute(1, 2, 0).flatten().tolist()
    seen_by(page, until=f"pixels.every((value, k) => Math.abs(value - {pixels}[k]) <= 1)")
    assert np.abs(np.subtract(shares(page), wanted.probabilities.numpy())).max() < 0.01
    undo = page.get_by_role("button", name="Undo")
    undo.click()
    undo.click()  # both keys
    assert state_of(page, "crop") == moved
    page.get_by_role("button", name="Largest square").click()
    assert state_of(page, "crop") == []
    undo.click()
    assert state_of(page, "crop") == moved
    undo.click()
    undo.click()
    assert state_of(page, "crop") == []
    expect(page.locator(".pp-steps button:visible")).to_have_count(0)  # nothing to undo, nothing to return to


def test_what_is_opened_dropped_or_no_picture(front: FrontEnd) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png")))
    chooser = page.locator("input[type=file]")
    chooser.set_input_files({"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_role("alert")).to_contain_text("can’t read this file as a picture")
    page.locator(".pp-photo").press("Tab")
    expect(page.get_by_role("alert")).to_be_visible()  # until the next action, and this is only the way to it
    page.get_by_role("slider", name=re.compile("What the network sees")).press("ArrowRight")
    expect(page.get_by_role("alert")).to_be_hidden()
    chooser.set_input_files({"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(page.get_by_role("alert")).to_have_text("SVG files don’t work here. Choose a PNG, JPEG, GIF or WebP file.")
    assert "svg" not in (chooser.get_attribute("accept") or "svg")
    only, move = page.get_by_text("must choose one of these,"), page.get_by_role("radio", name="Move")
    expect(only).to_contain_text("learned from photographs, not drawings")  # and the course's pictures are drawings
    page.get_by_role("radio", name="Draw in red").click()
    expect(move).not_to_be_checked()
    chooser.set_input_files(INPUTS / "ship.png")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(only).to_be_visible()
    expect(move).to_be_checked()  # a drag on another picture chooses the square again
    expect(page.locator(".cw-lead b")).to_have_text(predict(INPUTS / "ship.png").label)
    assert state_of(page, "chosen") == "your picture"
    page.locator(".pp-photo").click(position={"x": 100, "y": 100})
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    thin = io.BytesIO()
    LARGE.resize((3000, 20)).save(thin, "PNG")
    chooser.set_input_files({"name": "thin.png", "mimeType": "image/png", "buffer": thin.getvalue()})
    expect(page.locator(".cw-head span").first).to_have_text("3000 × 20")
    page.locator(".pp-photo").press("Home")
    assert state_of(page, "crop") == [0, 0, 20]  # all of its pixels are kept
    page.locator(".pp-photo").evaluate(
        """node => {
          const dataTransfer = new DataTransfer();
          dataTransfer.setData("text/uri-list", "https://example.org/horse.png");
          node.dispatchEvent(new DragEvent("drop", { bubbles: true, composed: true, dataTransfer }));
        }"""
    )  # a picture of another page may come as its address alone
    expect(page.get_by_role("alert")).to_contain_text("This is no file. Save the picture, then open it.")
    page.locator(".pp-photo").press("End")
    expect(page.get_by_role("alert")).to_be_hidden()  # whoever goes on working has read it
    wide = io.BytesIO()
    LARGE.resize((1600, 400)).save(wide, "PNG")
    chooser.set_input_files({"name": "wide.png", "mimeType": "image/png", "buffer": wide.getvalue()})
    expect(page.locator(".cw-head span").first).to_have_text("1600 × 400")
    page.locator(".pp-photo").press("End")
    wanted = "from 1200 across and 0 down, 400 pixels wide"  # in the pixels of the heading
    expect(page.locator(".pp-photo")).to_have_attribute("aria-valuetext", wanted)
    chooser.set_input_files({"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator(".pp-photo").click()
    expect(page.get_by_role("alert")).to_be_hidden()


NUMBERS = "[...canvas.getContext('2d').getImageData(0, 0, 32, 32).data]"
PIXELS = f"canvas => {NUMBERS}.join()"

# A camera whose picture is a colour, or the error of one.
CAMERA = """(given) => {
  const surface = document.createElement("canvas");
  [surface.width, surface.height] = [64, 48];
  const context = surface.getContext("2d");
  setInterval(() => { context.fillStyle = given; context.fillRect(0, 0, 64, 48); }, 30);
  const getUserMedia = async () => {
    if (given.endsWith("Error")) throw new DOMException("", given);
    return (window.stream = surface.captureStream(30));
  };
  Object.defineProperty(navigator, "mediaDevices", { value: given && { getUserMedia }, configurable: true });
}"""
GREEN = f"canvas => {NUMBERS}.every((value, k) => k % 4 % 2 ? value > 240 : value < 30)"


def test_a_camera_is_cancelled_or_its_picture_taken_and_it_is_off_afterwards(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo({"horse": INPUTS / "horse.png", "ship": INPUTS / "ship.png"}, small)))
    photo = page.locator(".pp-photo")
    photo.press("-")
    page.get_by_role("radio", name="Draw in red").click()
    photo.click(position={"x": 30, "y": 30})
    crop, title = state_of(page, "crop"), page.locator(".cw-head span").first
    red = "pixels.some((v, k) => k % 3 === 0 && v > 200 && pixels[k + 1] < 90 && pixels[k + 2] < 60)"
    seen = seen_by(page, until=red)
    page.evaluate(CAMERA, "rgb(0, 255, 0)")
    view = page.get_by_role("slider", name=re.compile("What the network sees")).locator("canvas").element_handle()
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function(GREEN, arg=view)
    expect(title).to_have_text("64 × 48")
    page.get_by_role("radio", name="Grad-CAM").click()
    expect(page.locator(".pp-notes").nth(1)).to_have_text("Take the picture to see where the network looks.")
    off = "window.stream.getTracks().every(track => track.readyState === 'ended')"
    assert not page.evaluate(off)
    page.keyboard.press("Escape")
    assert page.evaluate(off)
    assert (seen_by(page, until=red) == seen).all(), "with what was drawn on it"
    assert (state_of(page, "chosen"), state_of(page, "crop")) == ("horse", crop)
    expect(title).to_have_text("horse")
    expect(page.get_by_role("radio", name="Draw in red")).to_be_checked()
    expect(page.locator(".pp-says [role=status]")).to_have_text(re.compile("^Whole picture, undrawn: "))
    page.get_by_role("button", name="Undo").click()
    seen_by(page, until=f"!{red}")
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function(GREEN, arg=view)
    page.get_by_role("button", name="Take picture").click()
    expect(page.locator(".pp-notes").nth(1)).to_contain_text("evidence in the last feature maps")
    seen_by(page, until="pixels.every((value, k) => k % 3 === 1 ? value > 240 : value < 30)")
    assert page.evaluate(off) and state_of(page, "chosen") == "the camera’s picture"
    expect(page.locator(".pi-sources button")).to_have_text(["Open…", "Camera"])
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("button", name="Take picture")).to_be_visible()
    expect(page.locator(".pp-notes").nth(1)).to_contain_text("Take the picture")
    page.evaluate("window.stream.getTracks()[0].dispatchEvent(new Event('ended'))")  # unplugged
    expect(page.locator(".pp-notes").nth(1)).to_contain_text("evidence")
    expect(page.get_by_role("button", name="Camera")).to_be_visible()
    expect(page.get_by_role("option")).to_have_count(5)  # though both of its pictures are green
    chosen = state_of(page, "chosen")
    page.evaluate("() => { HTMLMediaElement.prototype.play = () => new Promise(() => {}); window.stream = null; }")
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("() => window.stream")
    page.keyboard.press("Escape")  # before its first picture
    page.wait_for_function(off)
    assert state_of(page, "chosen") == chosen


def test_what_the_reader_brings_stays_in_the_row_with_its_square_and_its_drawing(
    front: FrontEnd, small: CifarCNN
) -> None:
    page = ready(front.open(widgets.predict_photo({"horse": INPUTS / "horse.png", "ship": INPUTS / "ship.png"}, small)))
    photo, title = page.locator(".pp-photo"), page.locator(".cw-head span").first
    row, undo = page.get_by_role("option"), page.get_by_role("button", name="Undo")
    red = "pixels.some((v, k) => k % 3 === 0 && v > 200 && pixels[k + 1] < 90 && pixels[k + 2] < 60)"

    def choose(name: str) -> None:
        page.get_by_role("option", name=name, exact=True).click()
        expect(page.get_by_role("option", selected=True)).to_have_attribute("title", name)

    photo.press("-")
    page.get_by_role("radio", name="Draw in red").click()
    photo.click(position={"x": 30, "y": 30})
    photo.click(position={"x": 60, "y": 60}, button="right")  # opens the browser's menu and draws nothing
    drawn, square = seen_by(page, until=red), state_of(page, "crop")
    for name, size in (("frog", 60), ("cat", 90)):
        buffer = io.BytesIO()
        Image.open(INPUTS / f"{name}.png").resize((size, 60)).save(buffer, "PNG")
        page.locator("input[type=file]").set_input_files(
            {"name": "a", "mimeType": "image/png", "buffer": buffer.getvalue()}
        )
        expect(title).to_have_text(f"{size} × 60")
        assert state_of(page, "crop") == []
    photo.press("Home")
    photo.press("ArrowRight")
    page.wait_for_timeout(300)  # what is seen is given to Python once the square rests
    seen = seen_by(page)
    assert state_of(page, "crop") == [2, 0, 60]
    expect(row).to_have_count(5)
    choose("ship")
    assert state_of(page, "crop") == []
    choose("your picture")
    expect(title).to_have_text("60 × 60")
    choose("your picture 2")
    expect(title).to_have_text("90 × 60")
    assert (state_of(page, "chosen"), state_of(page, "crop")) == ("your picture 2", [2, 0, 60])
    seen_by(page, until=f"String(pixels) === '{','.join(map(str, seen.ravel()))}'")
    page.keyboard.press("End")  # in the row, where it is already
    assert state_of(page, "crop") == [2, 0, 60]
    choose("horse")
    assert (seen_by(page, until=red) == drawn).all() and state_of(page, "crop") == square
    expect(page.get_by_role("radio", name="Draw in red")).to_be_checked()
    # The course's picture, too, is shown as it will come back.
    shown = row.first.locator("canvas").evaluate(PIXELS)
    assert re.search(r"(^|,)2\d\d,\d\d,\d\d,255", shown)
    photo.press("Control+z")
    seen_by(page, until=f"!{red}")
    undo.click()
    assert state_of(page, "crop") == []
    page.evaluate(CAMERA, "rgb(0, 255, 0)")
    for end, count in (("Cancel", 5), ("Take picture", 6)):
        page.get_by_role("button", name="Camera").click()
        expect(title).to_have_text("64 × 48")
        page.get_by_role("button", name=end).click()
        expect(row).to_have_count(count)
    choose("ship")
    choose("the camera’s picture")
    seen_by(page, until="pixels.every((value, k) => k % 3 === 1 ? value > 240 : value < 30)")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0


def test_a_file_that_is_opened_again_is_the_same_picture_as_it_was_left(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo({"horse": INPUTS / "horse.png", "ship": INPUTS / "ship.png"}, small)))
    chooser, row = page.locator("input[type=file]"), page.get_by_role("option")
    red = "pixels.some((v, k) => k % 3 === 0 && v > 200 && pixels[k + 1] < 90 && pixels[k + 2] < 60)"

    def opened(name: str, chosen: str) -> None:
        chooser.set_input_files(INPUTS / f"{name}.png")
        expect(page.get_by_role("option", selected=True)).to_have_attribute("title", chosen)

    opened("frog", "your picture")
    page.get_by_role("radio", name="Draw in red").click()
    page.locator(".pp-photo").click(position={"x": 60, "y": 60})
    drawn = seen_by(page, until=red)
    opened("frog", "your picture")
    opened("cat", "your picture 2")  # which has as many pixels
    opened("frog", "your picture")
    expect(row).to_have_count(5)
    assert (seen_by(page, until=red) == drawn).all()
    opened("horse", "horse")


def test_a_drawing_stays_when_a_photo_is_opened(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo(model=small)))
    row = page.get_by_role("option")
    expect(row).to_have_count(1)
    top = page.locator(".pp-photo").bounding_box()
    page.locator(".pp-photo").click(position={"x": 100, "y": 100})
    expect(row).to_have_count(2)  # and another sheet
    assert page.locator(".pp-photo").bounding_box() == top
    drawn = seen_by(page, until="pixels.some(v => v < 60)")
    page.locator("input[type=file]").set_input_files(INPUTS / "ship.png")
    expect(row).to_have_count(3)
    page.get_by_role("option", name="a drawing").click()
    seen_by(page, until=f"String(pixels) === '{','.join(map(str, drawn.ravel()))}'")
    assert state_of(page, "chosen") == "a drawing"
    page.get_by_role("button", name="Undo").click()
    seen_by(page, until="pixels.every(v => v === 255)")


def test_a_blank_sheet_among_the_photos_starts_a_drawing(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo({"horse": INPUTS / "horse.png", "ship": INPUTS / "ship.png"}, small)))
    title, names = page.locator(".cw-head span").first, "all => all.map(one => one.title)"
    for drawing, others in (("a drawing", []), ("a drawing 2", ["a drawing"])):
        page.get_by_role("option", name="blank sheet").click()
        expect(page.get_by_role("radio", name="Draw in black")).to_be_checked()
        expect(title).to_have_text("blank sheet")
        seen_by(page, until="pixels.every(v => v === 255)")
        page.locator(".pp-photo").click(position={"x": 100, "y": 100})
        seen_by(page, until="pixels.some(v => v < 60)")
        expect(title).to_have_text(drawing)
        row = page.get_by_role("option").evaluate_all(names)
        assert row == ["horse", "ship", *others, drawing, "blank sheet"] and state_of(page, "chosen") == drawing
    page.get_by_role("option", name="horse").click()
    expect(page.get_by_role("radio", name="Move")).to_be_checked()


def test_the_keyboard_stays_on_the_photo_when_a_button_goes_and_keys_are_said_on_both_sides(
    front: FrontEnd, small: CifarCNN
) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", small)))
    photo, view = page.locator(".pp-photo"), page.get_by_role("slider", name=re.compile("What the network sees"))
    for button, strokes in (("Undo", 2), ("Largest square", 1)):
        for _ in range(strokes):
            photo.press("-")
        page.get_by_role("button", name=button).focus()
        for _ in range(strokes):
            expect(page.get_by_role("button", name=button)).to_be_focused()
            page.keyboard.press("Enter")
        expect(photo).to_be_focused()
        expect(page.get_by_role("button", name=button)).to_be_hidden()
    page.get_by_role("radio", name="Draw in red").click()
    photo.press("-")
    expect(page.locator(".pp-notes > p").first).to_contain_text("Arrows move the pen")
    page.keyboard.press("Tab")
    while not view.evaluate("one => one.matches(':focus')"):
        page.keyboard.press("Tab")
    expect(page.locator(".pp-notes").nth(1)).to_have_text("Arrows move a grey cover, Escape takes it off.")
    page.keyboard.press("ArrowRight")
    expect(view).to_have_attribute("aria-valuetext", "row 16, column 17")  # from the middle
    page.keyboard.press("Escape")
    expect(view).to_have_attribute("aria-valuetext", "nothing covered")


def test_the_camera_is_left_by_a_thumbnail_without_its_picture_and_a_stroke_that_takes_it_is_announced(
    front: FrontEnd, small: CifarCNN
) -> None:
    page = ready(front.open(widgets.predict_photo({"horse": INPUTS / "horse.png", "ship": INPUTS / "ship.png"}, small)))
    title, row = page.locator(".cw-head span").first, page.get_by_role("option")
    page.evaluate(CAMERA, "rgb(0, 255, 0)")
    off = "window.stream.getTracks().every(track => track.readyState === 'ended')"
    page.get_by_role("button", name="Camera").click()
    expect(title).to_have_text("64 × 48")
    expect(row).to_have_count(4)
    page.get_by_role("option", name="ship").click()
    expect(title).to_have_text("ship")
    expect(row).to_have_count(3)
    assert page.evaluate(off) and state_of(page, "chosen") == "ship"
    page.get_by_role("button", name="Camera").click()
    expect(title).to_have_text("64 × 48")
    page.get_by_role("radio", name="Draw in red").click()
    hint = page.locator(".pp-notes > p").first
    expect(hint).to_have_text("Drag to draw, which takes the picture.")
    page.locator(".pp-photo").click(position={"x": 60, "y": 100})
    expect(hint).to_contain_text("The network sees only the square")
    expect(row).to_have_count(4)
    assert page.evaluate(off) and state_of(page, "chosen") == "the camera’s picture"


def test_nothing_moves_on_a_telephone_and_no_colour_stands_alone(front: FrontEnd, small: CifarCNN) -> None:
    photos = {name: INPUTS / f"{name}.png" for name in ("horse", "ship")}
    for width, touch in ((360, True), (360, False), (706, False)):
        page = ready(front.open(widgets.predict_photo(photos, small), width=width, has_touch=touch))
        inks = page.get_by_role("radio", name=re.compile("Draw in"))
        tops = inks.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
        assert sorted(map(tops.count, {*tops})) == ([3, 3] if width == 360 else [6])
        answer = page.locator(".pp-says").bounding_box()
        inks.nth(1).click()
        page.locator(".pp-photo").click(position={"x": 60, "y": 60})
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        assert page.locator(".pp-says").bounding_box() == answer
        page.get_by_role("radio", name="Occlusion").click()
        expect(page.locator(".pp-scale")).to_be_visible(timeout=20_000)
        page.get_by_role("slider", name=re.compile("What the network sees")).hover()
        legend, only = page.locator(".pp-notes > p").last.bounding_box(), page.locator(".pp-only").bounding_box()
        assert legend and only and (width > 360 or only["y"] >= legend["y"] + legend["height"] + 8)


def test_a_camera_that_cannot_start_says_why_and_what_to_do(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", small)))
    for error, says in (
        ("NotAllowedError", "is blocked. Allow it in the browser’s settings"),
        ("NotFoundError", "No camera was found. Connect one"),
        ("NotReadableError", "did not start. Close programs that use it"),
        ("", "needs an address with https or localhost"),  # what other addresses have no mediaDevices for
    ):
        page.evaluate(CAMERA, error)
        page.get_by_role("button", name="Camera").click()
        expect(page.get_by_role("alert")).to_contain_text(says)
        expect(page.get_by_role("alert")).to_contain_text("or open a file.")
        expect(page.locator(".pi-sources button")).to_have_text(["Open…", "Camera"])


def test_covering_changes_the_answer_and_leaves_the_heat(front: FrontEnd) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png")))
    before, answer = shares(page), page.locator(".cw-lead").inner_text()
    view = page.get_by_role("slider", name=re.compile("What the network sees"))
    view.hover(position={"x": 100, "y": 100})
    expect(page.locator(".pp-says [role=status]")).to_have_text(f"Uncovered: {answer}")
    assert 0 < len(earlier(page)) < 10 and earlier(page) == pytest.approx(changed(before, shares(page)), abs=1e-5)
    bottom = page.locator(".was").first.evaluate("bar => parseFloat(getComputedStyle(bar, '::after').bottom)")
    assert bottom >= 8, "the mark covers the bar's end"
    shape = "node => getComputedStyle(node).clipPath"
    triangle = page.locator(".pp-says .pp-tick").evaluate(shape)
    page.mouse.move(0, 0)
    page.locator(".pp-photo").press("-")
    expect(page.locator(".pp-says [role=status]")).to_have_text(f"Whole picture: {answer}")
    assert page.locator(".pp-says .pp-tick").evaluate(shape) != triangle, "one mark for two references"
    page.locator(".pp-photo").press("Control+z")
    page.mouse.move(0, 0)
    expect(page.locator(".pp-says [role=status]")).to_have_text("")
    assert page.locator(".cw-lead").inner_text() == answer and earlier(page) == []
    plain = view.locator("canvas").evaluate(PIXELS)
    shown = view.locator("canvas").element_handle()
    for method, says in (
        (
            "Occlusion",
            r"loses \d\dgains \d+ points\s?Largest loss: .*, or the grey square misleads it.",
        ),
        ("Grad-CAM", "againstfor horse.*Relative evidence in the last feature maps: a hint."),
    ):
        heading = view.locator("..").locator(".cw-head b")
        expect(heading).to_have_text("Seen by the network")
        at_once = page.get_by_role("radio", name=method).evaluate(
            """button => new Promise(done => {
                button.click();
                requestAnimationFrame(() => requestAnimationFrame(() => done(
                    button.closest("figure").querySelector(".pp-notes").textContent)));
            })"""
        )
        assert at_once == "Computing …"
        expect(page.locator(".pp-notes").nth(1)).to_have_text(re.compile(says))
        expect(heading).to_have_text("Grad-CAM for horse" if method == "Grad-CAM" else "Effect of a cover on horse")
        expect(page.get_by_text("32 × 32", exact=True)).to_be_hidden()  # a map has fewer cells
        page.wait_for_function(f"([canvas, plain]) => ({PIXELS})(canvas) !== plain", arg=[shown, plain])
        heat = view.locator("canvas").evaluate(PIXELS)
        colours = np.fromstring(heat, int, sep=",").reshape(-1, 4)[:, :3]
        strength = np.ptp(colours, axis=1)
        assert strength.min() < 16 and strength.max() > 120, "what says nothing has no colour"
        steps = [np.diff(levels.reshape(32, 32, 3).mean(2)).ravel() for levels in (colours, seen_by(page))]
        assert np.corrcoef(*steps)[0, 1] > 0.3, "the picture's outlines cannot be seen"
        ramp = page.locator(".pp-ramp").bounding_box()
        assert ramp is not None and ramp["width"] >= 60
        page.get_by_role("radio", name="Picture").click()
        page.wait_for_function(f"([canvas, plain]) => ({PIXELS})(canvas) === plain", arg=[shown, plain])
    page.get_by_role("radio", name="Grad-CAM").click()
    expect(heading).to_have_text("Grad-CAM for horse")
    page.wait_for_function(f"([canvas, heat]) => ({PIXELS})(canvas) === heat", arg=[shown, heat])
    view.hover(position={"x": 60, "y": 60})
    expect(page.locator(".pp-says [role=status]")).to_have_text(f"Uncovered: {answer}")
    assert view.locator("canvas").evaluate(PIXELS) != heat, "the part that is covered is not drawn"
    page.mouse.move(0, 0)
    page.wait_for_function(f"([canvas, heat]) => ({PIXELS})(canvas) === heat", arg=[shown, heat])


def stops_of(ramp: Locator) -> npt.NDArray[np.int_]:
    """The 17 colours of a scale, (17, 3)."""
    found = re.findall(r"rgb\(([^)]+)\)", ramp.get_attribute("style") or "")
    return np.array([list(map(int, stop.split(","))) for stop in found])


def drawn(canvas: Locator) -> npt.NDArray[np.int_]:
    """The colours of a canvas of 32 × 32 pixels, (32, 32, 3)."""
    return np.fromstring(canvas.evaluate(PIXELS), int, sep=",").reshape(32, 32, 4)[..., :3]


def test_what_grad_cam_says_of_a_place_is_compared_with_what_a_cover_there_does(front: FrontEnd) -> None:
    seen, model = predict(INPUTS / "horse.png").seen, shipped_model()
    horse = CLASSES.index("horse")
    values = attribute(model, seen, horse, "Grad-CAM")
    values = values / abs(values).max()
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png"), width=706))
    page.get_by_role("radio", name="Grad-CAM").click()
    view = page.get_by_role("slider", name=re.compile("What the network sees"))
    legend, ramp = page.locator(".pp-notes").nth(1), page.locator(".pp-ramp")
    expect(legend).to_contain_text("Cover a part to test it.")
    scale, box = ramp.bounding_box(), view.bounding_box()
    assert scale is not None and box is not None
    verdicts = set()
    for row, column in ((17, 22), (7, 25), (28, 5), (11, 12), (7, 21), (17, 28)):
        page.mouse.move(box["x"] + (column + 0.5) * box["width"] / 32, box["y"] + (row + 0.5) * box["height"] / 32)
        place = slice(max(0, row - 4), row + 4), slice(max(0, column - 4), column + 4)
        covered = normalise(seen).clone()
        covered[:, *place] = 0
        with torch.no_grad():
            before, after = (float(100 * model(one[None]).softmax(1)[0, horse]) for one in (normalise(seen), covered))
        points, marked = round(after) - round(before), values[place].mean()
        expect(legend).to_contain_text(f"This cover: horse {points:+d} points.".replace("-", "−").replace("+0", "0"))
        verdict = f": “{'for' if marked > 0 else 'against'}”"
        agree = f"; they {'agree' if (points < 0) == (marked > 0) else 'disagree'}"
        verdict += agree if abs(points) >= 3 else "; the cover hardly matters"
        verdict = f"{verdict}." if abs(marked) >= 0.05 else " here is near 0."
        expect(legend).to_contain_text(f"The map’s mean{verdict}")
        # Under the cover there are the colours of the map alone, as the scale has them.
        under = drawn(view.locator("canvas"))[place]
        assert abs(under - stops_of(ramp)[np.rint(8 + 8 * values[place]).astype(int)]).max() < 30
        verdicts.add(verdict)
        tick = ramp.locator(".pp-tick").evaluate("mark => parseFloat(mark.style.left)")
        assert tick == pytest.approx(50 + 50 * marked, abs=1), "zero is in the middle"
        assert ramp.bounding_box() == scale, "the scale moves"
    assert len(verdicts) == 6, verdicts
    expect(page.locator(".cw-sr")).to_contain_text(f"The map’s mean{verdict}")  # and a screen reader says so


def test_the_class_of_a_bar_is_explained_instead_of_the_top_class(front: FrontEnd) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png")))
    bars, heading = page.locator(".cw-bars"), page.locator(".cw-head b").nth(1)
    chosen, only = page.locator(".pp-why"), page.locator(".pp-only")
    expect(chosen).to_have_count(0)
    expect(only).to_contain_text("Choose a class to see what speaks for it.")
    bars.get_by_text("dog", exact=True).click()  # opens the map
    expect(heading).to_have_text("Grad-CAM for dog")
    expect(chosen).to_have_text("dog")
    expect(only).to_contain_text("Choose dog again to return to the top class.")
    assert (state_of(page, "explained"), state_of(page, "method")) == ("dog", "Grad-CAM")
    values = attribute(shipped_model(), predict(INPUTS / "horse.png").seen, CLASSES.index("dog"), "Grad-CAM")
    warmth = np.subtract(*drawn(page.locator(".cw-picture canvas").nth(1))[..., ::2].transpose(2, 0, 1))
    assert np.corrcoef(warmth.ravel(), values.ravel())[0, 1] > 0.8, "the map of another class"
    page.get_by_role("radio", name="Occlusion").click()
    expect(heading).to_have_text("Effect of a cover on dog")
    view = page.get_by_role("slider", name=re.compile("What the network sees"))
    view.hover(position={"x": 100, "y": 100})
    expect(page.locator(".pp-notes").nth(1)).to_contain_text("This cell’s cover: dog")
    bars.locator(".bar").nth(CLASSES.index("dog")).click()  # again
    expect(heading).to_have_text("Effect of a cover on horse")
    assert state_of(page, "explained") == ""
    bars.press("ArrowUp")
    expect(heading).to_have_text("Effect of a cover on frog")
    expect(bars).to_have_attribute("aria-valuetext", "frog explained, 2 %")
    bars.press("Escape")
    expect(chosen).to_have_text("horse")
    bars.press("Home")
    expect(chosen).to_have_text("airplane")
    bars.press("Enter")  # again, by key
    expect(chosen).to_have_text("horse")
    bars.press("End")
    page.get_by_role("radio", name="Picture").click()
    expect(chosen).to_have_count(0)
    expect(bars).to_have_attribute("aria-valuetext", "none explained")
    bars.get_by_text("truck", exact=True).click()
    expect(heading).to_have_text("Grad-CAM for truck")  # which was chosen before, but not shown
    page.evaluate("document.querySelector('[data-widget]').model.set('explained', 'cat')")
    expect(heading).to_have_text("Grad-CAM for cat")


def test_nothing_below_moves_whatever_is_said(front: FrontEnd) -> None:
    photos = {name: INPUTS / f"{name}.png" for name in ("horse", "ship")}
    for width in (360, 800, 1300):
        page = ready(front.open(widgets.predict_photo(photos), width=width))
        foot, legend = page.locator(".cw-foot"), page.locator(".pp-notes").nth(1)
        top = foot.bounding_box()
        if width > 660:
            tools = [page.locator(".pp-under").nth(k).bounding_box() for k in (0, 1)]
            assert tools[0] and tools[1] and abs(tools[0]["y"] - tools[1]["y"]) < 1, "one line of controls"
            assert abs(tools[0]["height"] - tools[1]["height"]) < 1
        page.locator(".pp-photo").press("-")
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        assert foot.bounding_box() == top
        for name, says in (("Occlusion", "the grey square misleads it."), ("Grad-CAM", "Cover a part to test it.")):
            page.get_by_role("radio", name=name).click()
            expect(legend).to_contain_text(says)
            assert foot.bounding_box() == top
            page.get_by_role("slider", name=re.compile("What the network sees")).hover()
            expect(legend).to_contain_text("cover: ")
            assert foot.bounding_box() == top
        page.locator(".cw-bars").get_by_text("truck", exact=True).click()
        expect(page.locator(".pp-only")).to_contain_text("truck again")
        assert foot.bounding_box() == top


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_zero_looks_alike_on_bright_and_dark_parts_of_a_picture_and_in_the_scale(front: FrontEnd, theme: str) -> None:
    picture = np.repeat(np.repeat(np.array([[[240] * 3, [20] * 3]], np.uint8), 32, 0), 16, 1)
    page = ready(front.open(widgets.predict_photo(Image.fromarray(picture)), theme=theme))
    page.get_by_role("radio", name="Grad-CAM").click()
    stops = stops_of(page.locator(".pp-ramp"))
    shown = drawn(page.locator(".cw-picture canvas").nth(1))
    values = attribute(
        shipped_model(), torch.tensor(picture).permute(2, 0, 1), int(np.argmax(shares(page))), "Grad-CAM"
    )
    zero = abs(values) < 0.1 * abs(values).max()
    inside = np.zeros_like(zero)
    inside[:, 3:12] = inside[:, 20:29] = True  # and not on the outline between them
    places = zero & inside
    assert places[:, :16].any() and places[:, 16:].any()
    assert abs(shown[places].mean(1) - np.mean(stops[8])).max() < 25, "of the 220 between the two parts"
    step = abs(np.diff(shown.mean(2)[:, 14:18])).max(1)
    assert step.min() > 40, "the outline cannot be seen"


def test_a_network_without_convolutions_offers_no_grad_cam(front: FrontEnd) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", MLP().eval())))
    page.get_by_role("radio", name="Occlusion").click()
    expect(page.locator(".pp-notes").nth(1)).to_contain_text("points")
    expect(page.get_by_role("radio", name="Grad-CAM")).to_have_count(0)


def test_an_error_is_near_the_buttons_covers_no_picture_and_moves_nothing(front: FrontEnd, small: CifarCNN) -> None:
    for width in (360, 800):
        page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", small), width=width))
        boxes = "nodes => nodes.map(node => JSON.stringify(node.getBoundingClientRect()))"
        parts = page.locator(".pp-photo, .pp-row, .cw-foot, [data-cifar-widget]")
        before = parts.evaluate_all(boxes)
        chooser = page.locator("input[type=file]")
        chooser.set_input_files({"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
        problem = page.get_by_role("alert")
        expect(problem).to_be_visible()
        assert parts.evaluate_all(boxes) == before
        box = problem.bounding_box()
        photo, buttons = page.locator(".pp-photo").bounding_box(), page.locator(".pi-sources").bounding_box()
        assert box and photo and buttons and box["y"] + box["height"] <= photo["y"]
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        apart = max(box["y"] - buttons["y"] - buttons["height"], buttons["x"] - box["x"] - box["width"])
        assert 0 <= apart < 20, "beside the buttons, or under them"
        page.locator(".pp-photo").click(position={"x": 40, "y": 20})
        expect(problem).to_be_hidden()
        chooser.set_input_files({"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
        expect(problem).to_be_visible()
        page.get_by_role("radio", name="Picture").click()
        expect(problem).to_be_hidden()


def test_it_says_that_percentages_are_rounded_and_that_only_the_square_is_seen(
    front: FrontEnd, small: CifarCNN
) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", small)))
    expect(page.get_by_text("Percentages are rounded.")).to_be_visible()
    page.get_by_role("radio", name="Draw in red").click()
    expect(page.get_by_text("Drag to draw. The network sees only the square; choose Move to drag it.")).to_be_visible()
    page.get_by_role("slider", name=re.compile("What the network sees")).hover()
    past = page.locator(".pp-says [role=status]")
    expect(past).to_contain_text("Uncovered")
    assert re.search(r"\d\u00a0%$", past.text_content() or ""), "the sign may stand alone on a line"


def test_a_finger_finds_each_control(front: FrontEnd, small: CifarCNN) -> None:
    photos = {name: INPUTS / f"{name}.png" for name in ("horse", "ship")}
    page = ready(front.open(widgets.predict_photo(photos, small), width=706, has_touch=True))
    page.locator(".pp-photo").press("-")
    for width in (706, 360):
        page.set_viewport_size({"width": width, "height": 900})
        sizes = page.locator("[data-cifar-widget] button").evaluate_all(
            "all => all.filter(one => one.checkVisibility()).map(one => [one.offsetWidth, one.offsetHeight])"
        )
        assert len(sizes) > 12 and min(map(min, sizes)) >= 32, sizes
        corner = page.locator(".pp-se").bounding_box()
        assert corner is not None
        assert corner["width"] >= 20
        middle = [corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2]
        caught = page.evaluate(
            """([x, y]) => [[-14, 0], [14, 0], [0, 14], [0, -14]].map(([right, down]) => document.querySelector(
                "[data-cifar-widget]").shadowRoot.elementFromPoint(x + right, y + down).className)""",
            middle,
        )
        assert caught == ["pp-corner pp-se"] * 4, caught


# A Worker that gets a task only when `release` is called.
HELD = """() => {
  const post = Worker.prototype.postMessage;
  window.held = [];
  Worker.prototype.postMessage = function (message) {
    if (message.task) window.held.push(() => post.call(this, message));
    else post.call(this, message);
  };
}"""


def test_a_map_is_shown_over_its_own_picture_alone_and_those_in_between_are_left_out(
    front: FrontEnd, small: CifarCNN
) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", small)))
    page.evaluate(HELD)
    photo, legend = page.locator(".pp-photo"), page.locator(".pp-notes").nth(1)
    shown = page.get_by_role("slider", name=re.compile("What the network sees")).locator("canvas")
    page.get_by_role("radio", name="Occlusion").click()
    for tasks in (1, 2):
        page.wait_for_function(f"() => held.length === {tasks}")
        page.evaluate("held.at(-1)()")
        expect(legend).to_contain_text("points")
        photo.press("-")
        expect(legend).to_have_text("Computing …")
        pixels = np.fromstring(shown.evaluate(PIXELS), int, sep=",").reshape(32, 32, 4)[..., :3]
        seen_by(page, until=f"String(pixels) === '{','.join(map(str, pixels.ravel()))}'")
    page.wait_for_function("() => held.length === 3")
    for _ in range(3):
        photo.press("-")
        page.wait_for_timeout(150)
    assert page.evaluate("held.length") == 3
    page.evaluate("held.at(-1)()")
    page.wait_for_function("() => held.length === 4")
    expect(legend).to_have_text("Computing …")
    page.evaluate("held.at(-1)()")
    expect(legend).to_contain_text("points")


def test_each_colour_of_the_occlusion_map_is_what_the_cover_there_does(front: FrontEnd) -> None:
    seen, model = predict(INPUTS / "horse.png").seen, shipped_model()
    covered = normalise(seen).repeat(49, 1, 1, 1)
    for k, (row, column) in enumerate(itertools.product(range(7), repeat=2)):
        covered[k, :, 4 * row : 4 * row + 8, 4 * column : 4 * column + 8] = 0
    with torch.no_grad():
        whole, *without = model(torch.cat([normalise(seen)[None], covered])).softmax(1)[:, CLASSES.index("horse")]
    points = np.array([100 * float(one - whole) for one in without]).reshape(7, 7)
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png")))
    page.get_by_role("radio", name="Occlusion").click()
    legend = page.locator(".pp-notes").nth(1)
    expect(legend).to_have_text(re.compile(r"loses \d+gains"))
    ends = [int(end) for end in re.findall(r"\d+", legend.inner_text().replace("\n0", ""))]
    assert ends == pytest.approx([-points.min(), points.max()], abs=1)
    view = page.get_by_role("slider", name=re.compile("What the network sees"))
    # The cover that costs most is framed, and where that is is said.
    worst = [int(k) for k in np.unravel_index(points.argmin(), points.shape)]
    place = [f"{4 * k / 32:.3%}" for k in worst]
    frame = view.locator(".cw-frame").evaluate("one => [one.style.top, one.style.left].map(parseFloat)")
    assert [f"{k:.3f}%" for k in frame] == place
    row, column = (words[(k + 1) // 3] for words, k in zip(
        (("top", "middle", "bottom"), ("left", "middle", "right")), worst, strict=True))  # fmt: skip
    expect(legend).to_contain_text(f"Largest loss: {row if row == column else f'{row} {column}'} (framed). ")
    box = view.bounding_box()
    assert box is not None
    red, _, blue, _ = np.fromstring(view.locator("canvas").evaluate(PIXELS), int, sep=",").reshape(32, 32, 4).T
    warmth = (red - blue).T[4:32:4, 4:32:4]
    assert warmth[points < -20].min() > 50 and warmth[points < -10].min() > 20 and warmth[points > 10].max() < -6
    # In its corners, and where an average of the covers over it would be of another sign than the one around it.
    places = {(0, 0): (0, 0), (0, 31): (0, 6), (6, 6): (1, 1), (14, 14): (3, 3), (26, 14): (6, 3), (31, 31): (6, 6)}
    for (row, column), cell in places.items():
        step = box["width"] / 32
        page.mouse.move(box["x"] + (column + 0.5) * step, box["y"] + (row + 0.5) * step)
        expect(view).to_have_attribute("aria-valuetext", f"row {4 * cell[0] + 4}, column {4 * cell[1] + 4}")
        (said,) = re.findall(r"This cell’s cover: horse (\S+) points", legend.inner_text())
        bars = page.locator(".cw-bars .value").nth(CLASSES.index("horse")).inner_text()
        assert float(said.replace("−", "-")) == pytest.approx(points[cell], abs=1)
        assert 53 + int(said.replace("−", "-")) == int(bars.strip("< %")), "as the bars have it"
        mark = page.locator(".pp-ramp .pp-tick").evaluate("mark => parseFloat(mark.style.left)")
        assert mark == pytest.approx(100 * (points[cell] - points.min()) / np.ptp(points), abs=1), "losses are left"
    page.mouse.move(0, 0)
    view.focus()
    view.press("ArrowLeft")  # one cover further, where the pointer was last
    expect(view).to_have_attribute("aria-valuetext", "row 28, column 24")
    expect(page.locator(".pp-says [role=status]")).to_contain_text("Uncovered")
    view.press("Escape")
    expect(page.locator(".pp-says [role=status]")).to_have_text("")
    expect(view).to_have_attribute("aria-valuetext", "nothing covered")
    view.press("ArrowLeft")
    expect(legend).to_contain_text("This cell’s cover")
    page.get_by_role("radio", name="Grad-CAM").click()
    view.press("ArrowLeft")  # a pixel
    expect(view).to_have_attribute("aria-valuetext", "row 28, column 19")


def test_a_click_keeps_the_cover_until_another_click_on_it_or_escape(front: FrontEnd, small: CifarCNN) -> None:
    photos = {name: INPUTS / f"{name}.png" for name in ("horse", "ship")}
    page = ready(front.open(widgets.predict_photo(photos, small)))
    view, past = (
        page.get_by_role("slider", name=re.compile("What the network sees")),
        page.locator(".pp-says [role=status]"),
    )
    for end in ("click", "Escape", "ship"):
        view.click(position={"x": 60, "y": 60})
        expect(page.get_by_text("Click the cover again, or press Escape, to take it off.")).to_be_visible()
        place = view.get_attribute("aria-valuetext")
        view.hover(position={"x": 150, "y": 150})
        page.mouse.move(0, 0)
        page.locator(".cw-bars").focus()
        next_frame(page)
        expect(past).to_contain_text("Uncovered: ")
        assert view.get_attribute("aria-valuetext") == place
        if end == "click":
            view.click(position={"x": 62, "y": 62})
        elif end == "Escape":
            page.keyboard.press("Escape")
        else:
            page.get_by_role("option", name="ship").click()
        expect(past).to_have_text("")
    view.hover(position={"x": 60, "y": 60})  # what is not kept is a preview
    expect(past).to_contain_text("Uncovered: ")
    page.mouse.move(0, 0)
    expect(past).to_have_text("")


def test_a_row_is_marked_under_the_pointer_and_another_picture_has_its_own_top_class(
    front: FrontEnd, small: CifarCNN
) -> None:
    photos = {name: INPUTS / f"{name}.png" for name in ("horse", "ship")}
    for width in (800, 360):
        page = ready(front.open(widgets.predict_photo(photos, small), width=width))
        bars = page.locator(".cw-bars")
        for name in ("airplane", "truck"):
            row = bars.get_by_text(name, exact=True)
            row.hover()
            mark = bars.evaluate("""bars => {
                const style = getComputedStyle(bars, "::before");
                const top = bars.getBoundingClientRect().top + parseFloat(style.top);
                return [top, top + parseFloat(style.height)];
            }""")
            box = row.bounding_box()
            assert box and mark[0] <= box["y"] + 1 and mark[1] >= box["y"] + box["height"] - 1
        bar, room = bars.locator(".bar").first.bounding_box(), bars.bounding_box()
        assert bar and room and bar["width"] > (120 if width == 360 else 80)
        row.click()
        expect(page.locator(".pp-why")).to_have_text("truck")
        page.get_by_role("option", name="horse").click()  # the same picture
        assert state_of(page, "explained") == "truck"
        page.get_by_role("option", name="ship").click()
        expect(page.locator(".pp-why")).to_have_text(page.locator(".cw-lead b").inner_text())
        assert state_of(page, "explained") == ""
        bars.press("End")
        page.locator("input[type=file]").set_input_files(INPUTS / "cat.png")
        expect(page.get_by_role("option")).to_have_count(4)
        assert state_of(page, "explained") == ""


def test_a_finger_covers_draws_and_undoes(front: FrontEnd) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png"), has_touch=True))
    view = page.get_by_role("slider", name=re.compile("What the network sees"))
    for x, says in ((100, "Uncovered: horse"), (110, ""), (100, "Uncovered: horse"), (180, "Uncovered: horse")):
        view.tap(position={"x": x, "y": 100})  # on the cover it takes it off, beside it it moves it
        expect(page.locator(".pp-says [role=status]")).to_have_text(re.compile(f"^{says}.*" if says else "^$"))
    page.get_by_role("radio", name="Draw in red").tap()
    expect(page.locator(".pp-says [role=status]")).to_have_text("")
    before = shares(page)
    page.locator(".pp-photo").tap(position={"x": 30, "y": 30})
    is_red = "v > 200 && pixels[k + 1] < 90 && pixels[k + 2] < 60"
    red = seen_by(page, until=f"pixels.some((v, k) => k % 3 === 0 && {is_red})")
    assert 0 < ((red[..., 0] > 200) & (red[..., 1] < 90)).sum() < 60
    expect(page.locator(".pp-says [role=status]")).to_contain_text("Before drawing: horse")
    assert earlier(page) == pytest.approx(changed(before, shares(page)), abs=1e-5)
    page.get_by_role("button", name="Undo").tap()
    seen_by(page, until=f"!pixels.some((v, k) => k % 3 === 0 && {is_red})")
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()


RESTING = """() => new Promise(done => {
    let [still, last] = [0, scrollY];
    const look = () => {
        still = scrollY === last ? still + 1 : 0;
        last = scrollY;
        if (still < 10) requestAnimationFrame(look);
        else done();
    };
    look();
})"""


def test_a_swipe_over_the_photo_scrolls_and_changes_nothing(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", small), width=360, has_touch=True))
    page.set_viewport_size({"width": 360, "height": 420})
    expect(page.get_by_text("Drag a corner to crop the picture.")).to_be_visible()
    box = page.locator(".pp-photo").bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)

    def swipe(right: int, down: int) -> None:
        x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for k in range(1, 9):
            point = {"x": x + right * k / 8, "y": y + down * k / 8}
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def choose(name: str) -> None:
        page.evaluate(RESTING)  # a finger that leaves in motion keeps the page in motion
        # By mouse: of a tap on a busy machine the click comes late, or not at all.
        radio = page.get_by_role("radio", name=name)
        radio.click()
        expect(radio).to_be_checked()
        page.evaluate("scrollTo(0, 0)")
        page.evaluate(RESTING)  # by then the browser also knows where a finger scrolls

    swipe(0, -90)
    page.wait_for_function("() => scrollY > 20")
    assert state_of(page, "crop") == []
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    choose("Draw in red")
    swipe(0, -60)  # a pen draws in every direction
    seen_by(page, until="pixels.some((v, k) => k % 3 === 0 && v > 200 && pixels[k + 1] < 90 && pixels[k + 2] < 60)")
    assert page.evaluate("scrollY") == 0
    choose("Move")
    swipe(60, 20)  # a drag across spans a square
    page.wait_for_function("() => document.querySelector('[data-widget]').model.get('crop').length === 3")


def test_without_a_photo_there_is_a_sheet_to_draw_on(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo(model=small)))
    expect(page.get_by_text("Nothing is drawn here, and still the network must choose one of these.")).to_be_visible()
    page.locator(".pp-photo").click(position={"x": 100, "y": 100})
    seen = seen_by(page, until="pixels.some(v => v < 60) && pixels[0] === 255")
    assert 0 < (seen < 60).all(axis=2).sum() < 60
    assert state_of(page, "chosen") == "a drawing"
    tried = "The network must choose one of these, even if none fits: try the blank sheet."
    expect(page.get_by_text(tried)).to_be_visible()  # whatever it learned from


def test_a_square_that_fills_its_photo_makes_way_for_a_new_one(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo(INPUTS / "horse.png", small)))
    photo = page.locator(".pp-photo")
    box = photo.bounding_box()
    assert box is not None
    photo.click(position={"x": 100, "y": 100})  # a click changes nothing
    assert state_of(page, "crop") == []
    expect(page.get_by_text("Drag a corner to crop the picture.")).to_be_visible()
    scale = 256 / box["width"]
    page.mouse.move(box["x"] + 160, box["y"] + 170)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 70, steps=3)
    page.mouse.up()
    left, top, side = state_of(page, "crop")  # type: ignore[misc]
    assert np.abs(np.subtract([left, top, side], [60 * scale, 70 * scale, 100 * scale])).max() <= 1
    # Outside of it, too, a drag spans a new one and a click changes nothing.
    page.mouse.move(box["x"] + 200, box["y"] + 30)
    page.mouse.down()
    page.mouse.up()
    assert state_of(page, "crop") == [left, top, side]
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 70, steps=3)
    page.mouse.up()
    new = state_of(page, "crop")
    assert np.abs(np.subtract(new, [200 * scale, 30 * scale, 40 * scale])).max() <= 1, new  # type: ignore[call-overload]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Drag the square or a corner")).to_be_visible()
    for _ in range(12):
        photo.press("-")
    page.wait_for_function("square => square.offsetWidth <= 33", arg=page.locator(".pp-square").element_handle())
    square = page.locator(".pp-square").bounding_box()
    assert square is not None and 31 <= square["width"] <= 33, "its handles would cover it"
    page.mouse.move(square["x"] + 16, square["y"] + 16)
    page.mouse.down()
    page.mouse.move(square["x"] + 36, square["y"] + 26, steps=3)  # its middle moves it
    page.mouse.up()
    moved = page.locator(".pp-square").bounding_box()
    assert moved is not None and moved["width"] == square["width"] and abs(moved["x"] - square["x"] - 20) <= 2


@pytest.mark.parametrize("size", [(1600, 400), (300, 1000), (16, 9)])
def test_a_photo_of_any_shape_stays_in_its_column(front: FrontEnd, small: CifarCNN, size: tuple[int, int]) -> None:
    page = ready(front.open(widgets.predict_photo(LARGE.resize(size), small), width=360))
    for width in (360, 800):
        page.set_viewport_size({"width": width, "height": 900})
        photo, frame = page.locator(".pp-photo").bounding_box(), page.locator(".pp-box").bounding_box()
        host = page.locator("[data-cifar-widget]").bounding_box()
        assert photo is not None and frame is not None and host is not None
        assert photo["x"] + photo["width"] <= frame["x"] + frame["width"] + 0.5
        assert photo["height"] <= frame["height"] + 0.5 and abs(frame["height"] - frame["width"]) < 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        view, says = page.locator(".cw-picture").nth(1).bounding_box(), page.locator(".pp-says").bounding_box()
        assert view is not None and says is not None
        assert view["x"] + view["width"] <= says["x"] and abs(view["y"] - says["y"]) < 40, "the answer is not beside it"
        switch = page.get_by_role("radiogroup", name="Where the network looked").bounding_box()
        notes = page.locator(".pp-notes").nth(1).bounding_box()
        assert switch is not None and notes is not None
        under = notes if width == 360 else switch
        assert 0 <= under["y"] - view["y"] - view["height"] <= 12, "they are one block"
        assert width == 800 or 0 <= view["y"] - switch["y"] - switch["height"] <= 12
        bar = page.locator(".cw-bars .bar").first.bounding_box()
        assert bar is not None and bar["width"] >= (90 if width == 800 else 40), "the answer is too small to compare"
        page.locator(".pp-photo").press("Home")
        next_frame(page)
        corner = page.locator(".pp-nw").bounding_box()
        assert corner is not None and host["x"] + 2 <= corner["x"], "its rim of two pixels is cut off"


def test_a_stored_page_shows_the_pixels_of_a_photo_that_was_opened(front: FrontEnd) -> None:
    photo = widgets.predict_photo(INPUTS / "horse.png")
    photo.chosen = "your picture"
    page = ready(front.open(photo))
    expect(page.locator(".cw-lead b")).to_have_text("horse")


def test_python_reads_what_is_seen_and_refuses_what_is_wrong() -> None:
    photo = predict_photo(INPUTS / "horse.png")
    assert photo.prediction.label == predict(INPUTS / "horse.png").label
    assert photo.prediction.label in photo.words() and photo.prediction.label in CLASSES
    with pytest.raises(traitlets.TraitError, match=r"crop wants left, top and side, or nothing"):
        photo.crop = [1, 2]
    with pytest.raises(traitlets.TraitError, match=r"explained wants one of airplane, .*, or nothing; got 'donkey'"):
        photo.explained = "donkey"
    with pytest.raises(PictureError, match="nowhere"):
        predict_photo("nowhere.png")
    with pytest.raises(TypeError, match="model must be a network"):
        predict_photo(INPUTS / "horse.png", model="text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Tanh"):
        predict_photo(model=nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3600, 10)))
    assert "Drop or open a photo" in predict_photo().words()


def test_your_own_network_is_asked() -> None:
    torch.manual_seed(0)
    own = CifarCNN().eval()
    photo = predict_photo(INPUTS / "horse.png", own)
    torch.testing.assert_close(photo.prediction.probabilities, predict(INPUTS / "horse.png", own).probabilities)
    assert not torch.equal(photo.prediction.probabilities, predict(INPUTS / "horse.png", shipped_model()).probabilities)


def camera_photo(orientation: int) -> bytes:
    """A JPEG from a camera that was held so."""
    turn, buffer = STORED[orientation], io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = corners(80, 48) if turn is None else corners(80, 48).transpose(turn)
    picture.save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


def test_a_photo_from_a_camera_is_opened_upright_and_a_file_that_is_no_picture_is_named(
    front: FrontEnd, small: CifarCNN
) -> None:
    page = ready(front.open(widgets.predict_photo(model=small)))
    chooser = page.locator("input[type=file]")
    for orientation in STORED:
        content = camera_photo(orientation)
        chooser.set_input_files({"name": "p.jpg", "mimeType": "image/jpeg", "buffer": content})
        wanted = predict(content).seen.permute(1, 2, 0).flatten().tolist()
        # Decoders of JPEG differ a little; a wrong turn differs by more than 100 in a quarter of the picture.
        seen_by(page, until=f"pixels.reduce((sum, v, k) => sum + Math.abs(v - {wanted}[k]), 0) < 3072 * 8")
        expect(page.locator(".pp-photo").locator("..").locator("..").locator(".cw-head span")).to_have_text("80 × 48")
    chosen = state_of(page, "chosen")
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
    one_pixel = io.BytesIO()
    Image.new("RGB", (7, 90)).save(one_pixel, "PNG")
    for content, says in ((heic, "can’t read this file"), (b"", "can’t read"), (one_pixel.getvalue(), "7 × 90 pixels")):
        chooser.set_input_files({"name": "IMG_0001.HEIC", "mimeType": "image/heic", "buffer": content})
        expect(page.get_by_role("alert")).to_contain_text(says)
        expect(page.locator(".cw-bars")).to_be_visible()
    assert state_of(page, "chosen") == chosen, "none of them replaces the picture"


def test_the_keyboard_draws_too(front: FrontEnd, small: CifarCNN) -> None:
    page = ready(front.open(widgets.predict_photo(model=small)))
    page.get_by_role("radio", name="Draw in red").press("Space")
    sheet = page.get_by_role("slider", name=re.compile("Photo or drawing"))
    while not sheet.evaluate("node => node.matches(':focus')"):
        page.keyboard.press("Shift+Tab")
    expect(page.get_by_text("Arrows move the pen, Space draws, Ctrl+Z undoes.")).to_be_visible()
    expect(page.locator(".pp-nib")).to_be_visible()
    crop = state_of(page, "crop")
    for key in ("Space", *["Shift+ArrowRight"] * 2, "Space"):
        page.keyboard.press(key)
    expect(sheet).to_have_attribute("aria-valuetext", "pen at row 16, column 26")
    red = drawn(page.locator(".cw-picture canvas").nth(1))[16]
    isolated = np.flatnonzero((red[:, 0] > 150) & (red[:, 1] < 120))
    assert {15, 16, 25, 26} <= set(isolated.tolist()) and not {19, 20, 21} & set(isolated.tolist())  # two dots
    assert state_of(page, "crop") == crop  # the square stays
    page.keyboard.press("Control+z")
    seen_by(page, until="pixels.filter((v, k) => k % 3 === 1 && v < 120).length < 12")
    page.get_by_role("radio", name="Move").press("Space")
    expect(page.locator(".pp-nib")).to_be_hidden()
