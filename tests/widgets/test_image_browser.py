"""The image browser: pictures of a class, pixel values, channels, and draws of an augmentation."""

from __future__ import annotations

import base64
import math
import re
from functools import partial

import numpy as np
import pytest
import torch
import traitlets
from chrome import next_frame, state_of
from front_fixture import FrontEnd
from helpers import random_images
from playwright.sync_api import Locator, Page, expect

from cifar_helpers import CLASSES, Augment, ImageSet
from cifar_helpers.data import MEAN, STD, denormalise, normalise
from cifar_helpers.web.page import Placed
from cifar_helpers.web.page import page as html_page
from cifar_helpers.widgets import image_browser
from cifar_helpers.widgets.image_browser import ImageBrowser

IMAGES = random_images(400)


def pixels(canvas: Locator) -> np.ndarray:
    flat = canvas.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 32, 32).data]")
    return np.array(flat, dtype=np.uint8).reshape(32, 32, 4)[..., :3]


def rows_first(image: torch.Tensor) -> np.ndarray:
    return np.asarray(image.permute(1, 2, 0))


def put(page: Page, name: str, value: object) -> None:
    page.evaluate("([n, v]) => document.querySelector('[data-widget]').model.set(n, v)", [name, value])


def normalised(page: Page) -> list[str]:
    return page.locator(".ib-values tbody tr").nth(1).locator("td b").all_inner_texts()


def around(page: Page) -> tuple[np.ndarray, int]:
    """The numbers of the three channels around a pixel, `(3, 5, 5)`, and which of the 25 is marked."""
    cells = page.locator(".ib-values .cw-grid > *").evaluate_all(
        "all => all.map(cell => [Number(cell.textContent), Number(cell.classList.contains('ib-here'))])"
    )
    shown, marked = np.array(cells).T.reshape(2, 3, 25)
    assert (marked == marked[0]).all() and marked[0].sum() == 1
    return shown.reshape(3, 5, 5), int(marked[0].argmax())


def test_classes_pixels_and_channels(front: FrontEnd) -> None:
    widget = image_browser(IMAGES)
    widget.picture = 333  # beyond what the wall of a page holds
    page = front.open(widget)
    large = page.locator(".ib-close > .cw-picture canvas")
    expect(page.locator(".ib-main .cw-head b").nth(1)).to_have_text(f"{CLASSES[IMAGES.labels[333]]}, image 333")
    assert np.array_equal(pixels(large), rows_first(IMAGES.images[333]))
    page.get_by_role("radio", name="cat").click()
    cats = (IMAGES.labels == 3).nonzero().flatten().tolist()
    expect(page.locator(".ib-main .cw-head b").nth(1)).to_have_text(f"cat, image {cats[0]}")
    wall = page.get_by_role("listbox", name="Pictures", exact=True)
    wall.get_by_role("option").nth(2).click()
    assert state_of(page, "picture") == cats[2]
    page.keyboard.press("ArrowDown")
    assert state_of(page, "picture") == cats[8]
    image = IMAGES.images[cats[8]]
    expect(page.locator(".ib-main .cw-head b").nth(1)).to_have_text(f"cat, image {cats[8]}")
    assert np.array_equal(pixels(large), rows_first(image))
    for channel, canvas in zip(image, page.locator(".ib-channels canvas").all(), strict=True):
        assert np.array_equal(pixels(canvas)[..., 1], channel)
    expect(page.locator(".ib-head")).to_have_text(f"cat, image {cats[8]}· original")
    assert len(cats) > 30  # as many are on a page
    expect(page.locator(".iw-pager").first).to_contain_text("1–24 of 30")
    # Values: under the pointer, which is not kept; after a click and arrow keys, which is.
    box = large.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 20.5 / 32, box["y"] + box["height"] * 5.5 / 32)
    place, values = page.locator(".ib-spot"), page.locator(".ib-values")
    expect(place).to_contain_text("Row 5, column 20, both from 0")
    expect(values).to_contain_text("Click to mark this pixel.")
    assert state_of(page, "pixel") == [16, 16]
    page.mouse.down()
    page.mouse.up()
    expect(values).to_contain_text("Point at a pixel.")
    page.keyboard.press("ArrowDown")
    assert state_of(page, "pixel") == [6, 20]
    page.mouse.move(0, 0)
    spoken = ", ".join(f"{image[c, 6, 20]} {name}" for c, name in enumerate(("red", "green", "blue")))
    expect(place).to_have_text(f"Row 6, column 20, both from 0{spoken}")
    shown, marked = around(page)
    assert np.array_equal(shown, image[:, 4:9, 18:23]) and marked == 12
    frame, step = page.locator(".ib-around").bounding_box(), box["width"] / 32
    assert frame is not None
    expected = [box["x"] + 18 * step, box["y"] + 4 * step, 5 * step, 5 * step]
    assert list(frame.values()) == pytest.approx(expected, abs=0.1)
    assert normalised(page) == [f"{v:.2f}".replace("-", "−") for v in normalise(image)[:, 6, 20].tolist()]
    red_is, (mean, std) = int(image[0, 6, 20]), (255 * MEAN[0], 255 * STD[0])
    rule = f"({red_is} − {mean:.1f})/{std:.1f}".replace(".0)", ")").removesuffix(".0")
    expect(page.locator(".ib-values td span").first).to_have_text(rule)
    expect(page.locator(".ib-values")).to_contain_text("all values from −2.0 to 2.1")
    bounds = normalise(torch.tensor([0, 255], dtype=torch.uint8).repeat(3, 1)[..., None])
    assert [f"{bound:.1f}" for bound in (bounds.min(), bounds.max())] == ["-2.0", "2.1"]
    # A number marks its pixel.
    numbers = page.locator(".ib-values .cw-grid").nth(1).locator("> *")
    numbers.nth(5 * 1 + 4).click()
    assert state_of(page, "pixel") == [5, 22]
    expect(place).to_contain_text("Row 5, column 22")
    shown, marked = around(page)
    assert np.array_equal(shown, image[:, 3:8, 20:25]) and marked == 12
    # The mark of a channel lies on its picture, even in a corner.
    page.locator(".ib-close > .cw-picture").press("End")
    frames = page.locator(".ib-channels .cw-frame").evaluate_all(
        "all => all.map(e => [getComputedStyle(e).boxShadow.match(/inset/g).length, e.parentNode.contains(e)])"
    )
    assert frames == [[2, True]] * 3
    # The channels are pointed at like the picture.
    page.locator(".ib-channels .cw-picture").first.click(position={"x": 2, "y": 2})
    red = state_of(page, "pixel")
    assert isinstance(red, list) and max(red) < 2
    expect(place).to_contain_text(f"Row {red[0]}, column {red[1]}")
    shown, marked = around(page)  # at the rim the numbers are those of its 5 rows and columns
    assert np.array_equal(shown, image[:, :5, :5]) and divmod(marked, 5) == (red[0], red[1])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_number_lies_on_its_grey_between_hairlines(front: FrontEnd, theme: str) -> None:
    page = front.open(image_browser(IMAGES), theme=theme)
    expect(page.locator(".ib-spot")).to_contain_text("Row 16")
    seen: dict[int, str] = {}
    for row in range(2, 30, 5):
        put(page, "pixel", [row, row])
        next_frame(page)
        look = """all => all.map(e => {
            const { color, backgroundColor, boxShadow } = getComputedStyle(e);
            return [Number(e.textContent), color, backgroundColor, boxShadow, e.offsetWidth - e.offsetHeight];
        })"""
        for value, ink, paper, line, off_square in page.locator(".ib-values .cw-grid > *").evaluate_all(look):
            assert paper == f"rgb({value}, {value}, {value})" and off_square == 0
            assert "0px 0px 0px 1px" in line
            seen[value] = ink
    assert len(seen) > 150
    for value, ink in seen.items():
        assert contrast(value, 0 if ink == "rgb(0, 0, 0)" else 255) >= 4.5, (value, ink)


def contrast(one: int, other: int) -> float:
    """The contrast of two greys by WCAG."""
    shares = (grey / 255 for grey in (one, other))
    dark, light = sorted(s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("flip", "shift", "cutout", "said", "key"),
    [
        (
            True,
            4,
            8,
            "draws one of 101,250 versions: hard to learn by heart.",
            "at most 23 % pushed out; grey: 6 % covered",
        ),
        (True, 0, 0, "draws one of 2 versions.", ""),
        (False, 8, 0, "Up to 44 % of the picture can be lost", "at most 44 % pushed out"),
        (False, 0, 16, "draws one of 289 versions.", "grey: 25 % covered"),
        (
            True,
            8,
            16,
            "Up to 69 % of the picture can be lost",
            "at most 44 % pushed out; grey: 25 % covered",
        ),
        (False, 0, 0, "each epoch shows the same picture.", ""),
    ],
)
def test_it_says_what_the_augmentation_is_for_and_when_it_goes_too_far(
    front: FrontEnd, flip: bool, shift: int, cutout: int, said: str, key: str
) -> None:
    widget = image_browser(IMAGES)
    widget.label = "automobile"  # the longest name
    widget.flip, widget.shift, widget.cutout = flip, shift, cutout
    page = front.open(widget)
    why = page.locator(".ib-why")
    expect(why).to_contain_text(said)
    if "Up to" in said:
        expect(why).to_contain_text("Once the automobile is hidden, its label teaches something false.")
    expect(page.locator(".ib-done > :last-child")).to_have_text(key)
    page.get_by_role("listbox", name="draws").get_by_role("option").nth(1).click()
    whole = page.locator("[data-cifar-widget]").bounding_box()
    assert whole is not None and whole["height"] <= 760, "each sentence is a line"
    # What `Augment` draws: the fewest pixels that it leaves, and how many versions there are.
    numbered = torch.arange(1.0, 1025).view(1, 1, 32, 32).repeat(5000, 3, 1, 1)
    draws = Augment(flip, shift, cutout)(numbered, torch.Generator().manual_seed(0))[:, 0].flatten(1)
    text = why.inner_text()
    if percent := re.search(r"Up to (\d+) %", text):
        lost = 100 * (1 - min(len(torch.unique(draw[draw > 0])) for draw in draws) / 1024)
        assert -6 < lost - int(percent[1]) <= 0.5
    if found := re.search(r"one of ([\d,]+) versions", text):
        versions = int(found[1].replace(",", ""))
        expected = versions * (1 - math.exp(-5000 / versions))  # different ones in so many draws
        assert len(torch.unique(draws, dim=0)) == pytest.approx(expected, abs=40 if versions > 1000 else 0.1)


def test_draws_are_those_of_augment(front: FrontEnd) -> None:
    page = front.open(image_browser(IMAGES))
    strip = page.get_by_role("listbox", name="draws")
    expect(strip.get_by_role("option")).to_have_count(8)
    expect(strip.get_by_role("option").nth(1)).to_have_attribute("aria-label", re.compile("Draw 1"))
    # Another choice moves nothing.
    widths = page.locator(".ib-foot .cw-seg button").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().width)"
    )
    assert len(set(widths)) == 1, widths
    before = strip.bounding_box()
    page.get_by_role("radiogroup", name="Side of the covered square").get_by_role("radio", name="16").click()
    assert strip.bounding_box() == before
    # The key of the captions stays while a draw is inspected.
    key, told = page.locator(".ib-done > :last-child"), page.locator(".ib-done > :first-child")
    expect(key).to_have_text("at most 23 % pushed out; grey: 25 % covered")
    put(page, "cutout", 8)
    put(page, "shift", 8)
    next_frame(page)
    first = strip.get_by_role("option").nth(1).get_attribute("aria-label") or ""
    expect(told).to_contain_text(first.removeprefix("Draw 1: "))
    expect(told).to_contain_text("border reflected")
    option = strip.get_by_role("option").nth(3)
    option.hover()
    said = option.get_attribute("aria-label") or ""
    expect(told).to_contain_text(said.removeprefix("Draw 3: "))  # under the pointer
    captions = strip.locator(".cw-cap").all_inner_texts()[1:]
    assert not any("▪" in text for text in captions) and captions[2].startswith("flip") == ("mirrored" in said)
    put(page, "flip", False)
    put(page, "shift", 0)
    expect(key).to_have_text("grey: 6 % covered")
    expect(strip.locator(".cw-cap")).to_have_text(["original", *["not moved"] * 7])
    put(page, "flip", True)
    put(page, "shift", 8)
    page.mouse.move(0, 0)
    expect(told).to_contain_text(first.removeprefix("Draw 1: "))
    names: set[str] = set()
    for seed in range(4):
        put(page, "seed", seed)
        next_frame(page)
        shown = strip.get_by_role("option").evaluate_all(
            """all => all.slice(1).map(e => {
                const { data } = e.querySelector("canvas").getContext("2d").getImageData(0, 0, 32, 32);
                return [e.getAttribute("aria-label"), new Uint8Array(data.buffer).toBase64()];
            })"""
        )
        for name, flat in shown:
            names.add(name.split(": ")[1])
            image = np.frombuffer(base64.b64decode(flat), np.uint8).reshape(32, 32, 4)[..., :3]
            assert np.array_equal(image, rows_first(done(IMAGES.images[0], name))), name
    assert len(names) == 28  # no two draws are the same
    text = " ".join(names)
    for word, least in (("mirrored", 6), ("up", 5), ("down", 5), ("left", 5), ("right", 5)):
        assert text.count(word) >= least
    for trait, value in (("flip", False), ("shift", 0), ("cutout", 0)):
        put(page, trait, value)
    expect(page.locator(".ib-why")).to_contain_text("No augmentation is on")
    expect(strip.get_by_role("option").nth(3)).to_have_attribute("aria-label", "Draw 3: unchanged")


def done(image: torch.Tensor, name: str) -> torch.Tensor:
    """What the words say, with PyTorch: mirrored, moved with a reflected border, blanked with the mean."""

    def steps(more: str, less: str) -> int:
        found = re.search(rf"(\d+) ({more}|{less})", name)
        return 0 if found is None else int(found[1]) * (1 if found[2] == more else -1)

    out = normalise(image.flip(2) if "mirrored" in name else image)
    down, right = steps("down", "up"), steps("right", "left")
    padded = torch.nn.functional.pad(out[None], (8,) * 4, mode="reflect")[0]
    out = padded[:, 8 - down : 40 - down, 8 - right : 40 - right].clone()
    hole = re.search(r"row (\d+), column (\d+)", name)
    if hole:
        out[:, int(hole[1]) : int(hole[1]) + 8, int(hole[2]) : int(hole[2]) + 8] = 0
    return denormalise(out)


def test_a_draw_is_inspected_and_drawn_again_with_a_finger(front: FrontEnd) -> None:
    page = front.open(image_browser(IMAGES), width=360, has_touch=True)
    strip = page.get_by_role("listbox", name="draws")
    below = (page.locator(".ib-close > .cw-picture"), page.locator(".ib-values"), strip)
    ends = [box["y"] + box["height"] for box in (place.bounding_box() for place in below) if box]
    assert ends == sorted(ends) and ends[1] - ends[0] < 300 and ends[2] - ends[0] < 670  # on one screen
    expect(page.locator(".ib-main .cw-head .cw-cap")).to_have_text("the first 30 of 400")
    expect(page.locator(".ib-values")).to_contain_text("Touch a pixel.")
    strip.get_by_role("option").nth(2).tap()
    before = strip.get_by_role("option").nth(2).get_attribute("aria-label") or ""
    expect(page.locator(".ib-done")).to_contain_text(before.removeprefix("Draw 2: "))
    # Beside the draws is a copy of the large picture, which is a screen above.
    copy = page.locator(".ib-copy canvas")
    assert np.array_equal(pixels(copy), pixels(page.locator(".ib-close > .cw-picture canvas")))
    box, draws = copy.bounding_box(), strip.bounding_box()
    assert box and draws and box["width"] > 110 and box["y"] + box["height"] - draws["y"] < 400
    hole = re.search(r"row (\d+), column (\d+)", before)
    assert hole
    # The lesson asks to predict the numbers of the square, so they are not there before it is pointed at.
    values = page.locator(".ib-values")
    put(page, "pixel", [int(hole[1]) + 1, int(hole[2]) + 1])
    expect(values).to_contain_text("Predict, then press the mark")
    assert normalised(page) == ["?"] * 3
    rounded = "Numbers of the cutout are not whole; they are rounded here."  # 125.3 is 125 there
    expect(values).to_contain_text(rounded)
    expect(values).not_to_contain_text("fills with the mean")
    expect(page.locator(".ib-foot")).not_to_contain_text("mean")
    page.locator(".ib-close > .cw-picture").press("ArrowRight")
    expect(values).to_contain_text("Cutout fills with the mean: 0 after normalising.")
    assert normalised(page) == ["0.00"] * 3
    # The longest numbers there are: each mean has a decimal. Nothing leaves its column.
    expect(values.locator("td .cw-cap").nth(2)).to_have_text("(113.9 − 113.9)/66.7")
    for width in (360, 700, 1300):
        page.set_viewport_size({"width": width, "height": 900})
        rooms = values.locator("td .cw-cap").evaluate_all("all => all.map(e => [e.scrollWidth, e.clientWidth])")
        assert all(needed <= room for needed, room in rooms), (width, rooms)
    page.set_viewport_size({"width": 360, "height": 900})
    strip.get_by_role("option").first.tap()
    expect(values).not_to_contain_text("rounded")
    expect(values).to_contain_text("Each pixel is three of them: 0 is dark, 255 bright.")
    strip.get_by_role("option").nth(2).tap()
    page.get_by_role("button", name="Draw again").tap()
    expect(strip.get_by_role("option").nth(2)).not_to_have_attribute("aria-label", before)
    assert state_of(page, "seed") == 1
    expect(page.get_by_role("button", name="Draw other pictures")).to_be_hidden()  # a stored page has no others
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_files_hold_the_pictures_of_a_class() -> None:
    widget = image_browser(IMAGES)
    ships = (IMAGES.labels == 8).nonzero().flatten()
    packed = widget.read("class/ship/0")
    count = len(ships)
    assert np.frombuffer(packed[: 4 + 4 * count], "<u4").tolist() == [count, *ships.tolist()]
    assert set(packed[4 + 4 * count : 4 + 5 * count]) == {8}
    assert indices(widget.read("class/all/0")) == list(range(200))
    assert indices(widget.loadable()["class/all/0"]()) == list(range(30))
    # Another order is another sample of all pictures, on a page the beginning of the same.
    drawn = indices(widget.read("class/all/1"))
    assert len(set(drawn)) == 200 and max(drawn) > 380 and drawn != indices(widget.read("class/all/2"))
    widget.order = 1
    assert indices(widget.loadable()["class/all/1"]()) == drawn[:30]


def indices(packed: bytes) -> list[int]:
    count = int(np.frombuffer(packed[:4], "<u4")[0])
    return [int(k) for k in np.frombuffer(packed[4 : 4 + 4 * count], "<u4")]


def test_a_notebook_draws_other_pictures(front: FrontEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("class/all/0", "class/all/1")
    monkeypatch.setattr(ImageBrowser, "loadable", lambda self: {name: partial(self.read, name) for name in names})
    widget = image_browser(IMAGES)
    # As in a notebook, the widget asks its model and has no `load` of the page.
    ask = """({ model, el, load }) => {
        model.send = ({ name }) => load(name).then(bytes =>
            model.listeners.get("msg:custom").forEach(hear => hear({ type: "loaded", name }, [bytes])));
        return $image_browser.render({ model, el });
    }"""
    page = front.open(widget.as_page("A widget").replace("$image_browser.render }", f"{ask} }}"))
    expect(page.locator(".iw-pager").first).to_be_visible()
    whole = page.locator("[data-cifar-widget]").bounding_box()
    assert whole is not None and whole["height"] <= 760, "a pager makes it taller"
    pager, words, picture = (
        page.locator(place).first.bounding_box() for place in (".ib-under", ".ib-values b", ".ib-close > .cw-picture")
    )
    assert pager is not None and words is not None and picture is not None
    assert pager["y"] + pager["height"] < picture["y"] + picture["height"] < words["y"] - 12  # a chapter of its own
    page.get_by_role("button", name="Draw other pictures").click()
    first, *_ = indices(widget.read("class/all/1"))
    expect(page.locator(".ib-main .cw-head b").nth(1)).to_have_text(re.compile(f", image {first}$"))
    expect(page.locator(".ib-main .cw-head .cw-cap")).to_have_text("200 of 400, drawn at random")
    assert state_of(page, "picture") == first
    page.get_by_role("listbox", name="Pictures", exact=True).get_by_role("option").first.press("PageDown")
    assert state_of(page, "picture") == indices(widget.read("class/all/1"))[24]


def test_pictures_that_do_not_arrive_are_said(front: FrontEnd) -> None:
    widget = image_browser(IMAGES)
    page = front.open(html_page([Placed(widget.module, widget.state(), "")], {}, title="A page"))
    expect(page.get_by_text(re.compile("^The pictures could not be loaded: .+ Reload the page.$"))).to_be_visible()


def test_another_class_takes_its_first_picture_and_words_say_which() -> None:
    widget = image_browser(IMAGES)
    widget.label = "frog"
    first = int((IMAGES.labels == 6).nonzero()[0])
    assert widget.picture == first
    assert widget.words().startswith(f"A wall of images of the class frog. Image {first} (frog) is enlarged")


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        ("label", "house", "set one of 'all', 'airplane'"),
        ("picture", 400, "set 0 to 399"),
        ("shift", 5, "set one of 0, 2, 4, 8"),
        ("cutout", 1, "set one of 0, 8, 12, 16"),
        ("pixel", [32, 0], "a row and a column, each 0 to 31"),
    ],
)
def test_wrong_values_are_refused(trait: str, value: object, message: str) -> None:
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(image_browser(IMAGES), trait, value)


def test_no_images_are_refused_and_an_empty_class_is_not_offered(front: FrontEnd) -> None:
    with pytest.raises(ValueError, match="no images"):
        image_browser(IMAGES.subset(slice(0, 0)))
    few = image_browser(ImageSet(IMAGES.images[:3], IMAGES.labels[:3]))
    with pytest.raises(traitlets.TraitError, match="label is 'dog'"):
        few.label = "dog"
    page = front.open(few)
    names = page.get_by_role("radiogroup", name="Class").get_by_role("radio").all_inner_texts()
    assert names == ["all", *CLASSES[:3]]
    expect(page.locator(".ib-main .cw-head .cw-cap")).to_have_text("all 3")
