"""Through the network: what is drawn is what the network computes, from whatever picture, at whatever epoch."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import traitlets
from chrome import FrontEnd, cancelled_touch, next_frame, state_of
from helpers import random_images
from playwright.sync_api import Page, expect
from torch import nn

from cifar_helpers import CifarCNN, CompactCNN, normalise, predict
from cifar_helpers._paths import resources
from cifar_helpers.runs import DEFAULT_RUN, load_run
from cifar_helpers.web.export import sketches
from cifar_helpers.web.join import join
from cifar_helpers.web.page import Placed
from cifar_helpers.web.page import page as html_page
from cifar_helpers.widgets.feature_maps import activations
from cifar_helpers.widgets.through_the_network import ThroughTheNetwork, through_the_network

CAMERA = """(colour) => {
  const surface = document.createElement("canvas");
  [surface.width, surface.height] = [64, 48];
  const context = surface.getContext("2d");
  setInterval(() => { context.fillStyle = colour; context.fillRect(0, 0, 64, 48); }, 30);
  const devices = { getUserMedia: async () => (window.stream = surface.captureStream(30)) };
  Object.defineProperty(navigator, "mediaDevices", { value: devices });
}"""


# Whether a picture is shown that differs from this one.
OPENED = """before => {
  const i = document.querySelector("[data-widget]").model.get("image");
  return new Uint8Array(i.buffer, i.byteOffset, i.byteLength).some((value, k) => value !== before[k]);
}"""


NOTE = ".tn-one > p:last-child"
SUMMED = ".tn-card > canvas:nth-child(6), .tn-total > canvas"
"""What each part of a sum adds, and the sum."""


@pytest.fixture(scope="module")
def small() -> CifarCNN:
    torch.manual_seed(0)
    return CifarCNN(width=0.25).eval()


def image_of(page: Page) -> np.ndarray[Any, Any]:
    values = page.evaluate(
        "() => { const i = document.querySelector('[data-widget]').model.get('image');"
        " return Array.from(new Uint8Array(i.buffer, i.byteOffset, i.byteLength)); }"
    )
    return np.array(values, dtype=np.uint8).reshape(32, 32, 3)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def shown_share(page: Page, name: str) -> float:
    """The probability that a bar shows, in the frame after the last change."""
    next_frame(page)
    bar = page.locator(f".cw-bars > span:text-is('{name}') + .bar i")
    return float(bar.evaluate("bar => bar.style.width").removesuffix("%")) / 100


def top_of(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box
    return box["y"]


def left_of(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box
    return box["x"]


def choose(page: Page, *chosen: int) -> None:
    page.evaluate("chosen => document.querySelector('[data-widget]').model.set('chosen', chosen)", list(chosen))


def page_with(widget: ThroughTheNetwork, *files: str) -> str:
    """A page that holds only some of the weights: all of them are 9 MB."""
    placed = Placed(widget.module, widget.state(), "")
    return html_page([placed], {name: widget.loadable()[name]() for name in files}, title="A page")


def test_every_recorded_epoch_gives_the_probabilities_of_predict(front: FrontEnd) -> None:
    widget = through_the_network()
    page = front.open(widget)
    curve = page.get_by_role("slider", name="Epoch", exact=True)
    picture = torch.from_numpy(sketches()["horse"].copy())
    run = load_run("good-25")
    tops: set[float] = set()
    steps = {25: "", 8: "ArrowLeft", 0: "Home", 1: "ArrowRight"}
    for epoch, key in steps.items():
        if key:
            curve.press(key)
        assert state_of(page, "epoch") == epoch
        expect(page.locator(".tn-low b").first).to_have_text(f"After epoch {epoch}" if epoch else "Before training")
        measured = [run.untrained_accuracy, *run.history["validation_accuracy"]][epoch]
        expect(page.get_by_text(f"Validation accuracy {100 * measured:.1f} %")).to_be_visible()
        said = predict(picture, load_run("good-25").model(epoch))
        expect(page.locator(".cw-bars .top").first).to_have_text(said.label)
        assert shown_share(page, said.label) == pytest.approx(said.probability, abs=0.01)
        # Before training no class is presented as the prediction.
        words = rf"^{said.label} \d+ %$" if epoch else r"^a guess: 9–11 %$"
        expect(page.locator(".tn-end .pv-head span")).to_have_text(re.compile(words))
        weights = "all => new Set(all.map(one => getComputedStyle(one).fontWeight)).size"
        assert page.locator(".cw-bars > :nth-child(3n + 1)").evaluate_all(weights) == (2 if epoch else 1)
        tops.add(top_of(page, ".cw-plot"))
    assert len(tops) == 1
    dots = page.locator(".cw-chart .dot")
    expect(dots).to_have_count(5)  # where the marker can be, once
    heights = dots.evaluate_all("all => all.map(one => one.getAttribute('cy'))")
    assert len({*heights, page.locator(".thumb").get_attribute("cy")}) == 6  # on the curve, and none on the axis
    for epoch in ("0", "25"):
        expect(page.locator(".cw-plot .tick").get_by_text(epoch, exact=True)).to_have_count(1)
    box = curve.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 40, steps=4)
    page.mouse.up()
    assert state_of(page, "epoch") == 25
    page.evaluate("document.querySelector('[data-widget]').model.set('epoch', 3)")
    expect(page.locator(".tn-low b").first).to_have_text("After epoch 3")
    expect(page.get_by_role("slider", name="Epoch", exact=True)).to_have_attribute("aria-valuetext", "epoch 3")
    expect(page.get_by_text("Drag to a dot: weights were saved after epochs 0, 1, 3, 8 and 25.")).to_be_visible()
    choose(page, 1, 33)
    # The others add up to more than each of those beside them, which could not be seen on their scale.
    expect(page.locator(".tn-card").nth(4)).to_have_text("28 others\n+ bias")
    expect(page.locator(".tn-card").last).to_have_text("sum")  # no words about colours in the equation
    expect(page.locator(NOTE)).to_have_text(
        re.compile(
            r"^∗ slides the kernel over the map\. Batch norm rescales the sum; ReLU sets what is negative to 0\. "
            r"These 4 are \d\d % of all that is added or subtracted\. Dashed tiles are [1-9]\.\d× paler\.$"
        )
    )
    # 64 maps leave a place of 13 rows of 5, which looks like no map.
    expect(page.get_by_role("slider", name="Block 2").locator("canvas")).to_have_css("clip-path", re.compile("^p"))
    # Another picture: while the page is idle, the other four epochs compute it, and then nothing is left to do.
    page.wait_for_timeout(400)  # for what is left of the picture before
    page.evaluate(
        """[window.jobs, window.requestIdleCallback] =
            [0, job => setTimeout(() => job({ timeRemaining: () => 50, number: jobs++ }))]"""
    )
    page.get_by_role("radio", name="ship").click()
    page.wait_for_function("() => window.jobs >= 5")
    page.wait_for_timeout(300)  # more than what passes between two jobs
    assert page.evaluate("window.jobs") == 5


def test_a_map_shows_what_feeds_it_most(front: FrontEnd, small: CifarCNN) -> None:
    images = random_images(1).images
    page = front.open(through_the_network(images, small, run=None))
    with torch.no_grad():
        before = small.features[0](normalise(images))[0]
        hidden = small.classifier[:6](small.features(normalise(images)))[0]
    # The result is at the end of the sum, and whatever is looked at, neither it nor anything below moves.
    bounds = set()
    for wall in page.locator(".tn-stages .cw-maps, .tn-classes").all():
        wall.hover()
        lefts = [left_of(page, part) for part in (".tn-card >> nth=0", ".tn-card >> nth=4", ".tn-total", ".tn-big")]
        assert lefts == sorted(lefts)
        root, result = page.locator(".cw").first.bounding_box(), page.locator(".tn-big").bounding_box()
        assert root and result
        bounds.add((root["height"], round(result["x"] + result["width"])))
    assert len(bounds) == 1
    wall = page.get_by_role("slider", name="Block 2")
    name = page.locator(".tn-one b").first
    wall.click(position={"x": 20, "y": 40})
    stage, unit = state_of(page, "chosen")  # type: ignore[misc]
    assert stage == 1
    # A press holds: what the mouse passes on its way to the curve is looked at, and then the chosen map again.
    page.get_by_role("slider", name="Block 1").hover()
    expect(name).to_contain_text("Block 1, map")
    page.locator(".tn-key").hover()
    expect(name).to_have_text(f"Block 2, map {unit}")
    kernels = small.features[1][0].weight[unit].detach()
    added = nn.functional.conv2d(before[None], kernels[:, None], padding=1, groups=len(kernels))[0]
    size = added.abs().mean((1, 2))
    strongest = [f"map {k}" for k in size.argsort(descending=True)[:4].tolist()]
    share = float(size.sort(descending=True).values[:4].sum() / size.sum())
    made = "Computed from 8 maps, pooled to 16×16. The 4 that count most:"
    expect(page.locator(".tn-one > p").first).to_contain_text(made)
    expect(page.locator(NOTE)).to_contain_text(f"These 4 are {100 * share:.0f} % of all that is added or subtracted.")
    expect(page.locator(".tn-path")).to_have_text("batch norm, ReLU")
    # After the columns of four maps, what all others add together, and the sum: those two on a scale of their own.
    parts = added[size.argsort(descending=True)]
    rest = parts[4:].sum(0) + small.features[1][0].bias[unit].detach()
    total = parts.sum(0) + small.features[1][0].bias[unit].detach()
    columns = torch.stack([*parts[:4], rest, total])
    ends = [[59, 26, 120], [138, 63, 5]]

    def drawn_at_the_largest_of(part: torch.Tensor) -> list[list[int]]:
        _, row, at = np.unravel_index(int(part.abs().argmax()), part.shape)
        return page.locator(SUMMED).evaluate_all(  # type: ignore[no-any-return]
            "(all, at) => all.map(one => [...one.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3))",
            [int(at), int(row)],
        )

    # The sum of all is larger than each part: in the last two columns, it is the sum that has the darkest colour.
    most = columns.abs().amax((1, 2))
    assert most.argmax() == 5 and most[:4].argmax() == 0
    assert drawn_at_the_largest_of(total[None])[5] in ends
    assert drawn_at_the_largest_of(parts[:1])[0] in ends
    assert drawn_at_the_largest_of(rest[None])[4] not in ends
    expect(page.locator(".tn-card > span:first-child")).to_have_text([*strongest, "4 others\n+ bias", "sum"])
    expect(page.locator(NOTE)).to_contain_text(f"Dashed tiles are {float(most[5] / most[0]):.1f}× paler.")
    dashes = "all => all.map(one => getComputedStyle(one).outlineStyle)"
    assert page.locator(SUMMED).evaluate_all(dashes) == ["none"] * 4 + ["dashed"] * 2
    drawn = "wires => wires.getContext('2d').getImageData(0, 0, wires.width, wires.height).data.filter(v => v).length"
    wires = page.locator(".tn-wires")
    assert wires.evaluate(drawn) > 1000
    # The other four feed it, too: pale wires beside the strong ones.
    alphas = "wires => [...wires.getContext('2d').getImageData(0, 0, wires.width, wires.height).data]"
    pale = f"wires => ({alphas})(wires).filter((v, k) => k % 4 === 3 && v > 20 && v < 40).length"
    assert wires.evaluate(pale) > 250  # 167 are at the edges of the strong ones
    way = page.get_by_role("button", name=strongest[0], exact=True)  # back, by keys as well
    way.press("ArrowRight")
    expect(page.get_by_role("button", name=strongest[1], exact=True)).to_be_focused()
    way.focus()
    for _ in range(2):  # it ends at the colours
        page.keyboard.press("Enter")
        expect(name).to_have_text(f"Block 1, {strongest[0]}")
        assert state_of(page, "chosen") == [0, int(strongest[0].removeprefix("map "))]
    # The colours keep their order, and what is added everywhere alike is a number.
    expect(page.locator(".tn-card:visible > span:first-child")).to_have_text(["red", "green", "blue", "bias", "sum"])
    bias = float(small.features[0][0].bias[int(strongest[0].removeprefix("map "))].detach())
    expect(page.locator(".tn-card").nth(4).locator("b").first).to_have_text(f"{bias:.2f}".replace("-", "−"))
    for unit_of_first in range(8):
        page.evaluate("unit => document.querySelector('[data-widget]').model.set('chosen', [0, unit])", unit_of_first)
        expect(name).to_have_text(f"Block 1, map {unit_of_first}")
        expect(page.locator(".tn-card:visible > span:first-child")).to_have_text(
            ["red", "green", "blue", "bias", "sum"]
        )
    wall.click(position={"x": 20, "y": 40})
    wall.press("ArrowRight")
    assert state_of(page, "chosen") == [1, unit + 1]
    # Its name and what is below are announced, not the class again, which has not changed.
    made_of = r"Computed from 8 maps, pooled to 16×16\. The 4 that count most:"
    spoken = rf"^Block 2, map {unit + 1}\. {made_of}( map \d,?){{4}}$"
    expect(page.locator(".cw-sr")).to_have_text(re.compile(spoken))
    page.get_by_role("slider", name="Probabilities").press("ArrowDown")
    assert state_of(page, "chosen") == [5, 0]
    logit = float(small(normalise(images))[0, 0].detach())
    *line, result = map(number, page.locator(".tn-card .amount").all_inner_texts())
    assert result == pytest.approx(logit, abs=0.0051)
    assert number(name.inner_text().removeprefix("Airplane, logit ")) == result
    # The way ends at the probability, and many small inputs are seen to make the sum.
    expect(page.locator(".tn-path")).to_have_text("softmax of all 10")
    expect(page.locator(".tn-big b")).to_have_text(page.locator(".tn-classes .cw-bars > :nth-child(3)").inner_text())
    assert len(line) == 5 and sum(line) == pytest.approx(result, abs=1e-6)
    # Each column is a product that can be followed: both factors have their numbers, in the tiles.
    factors = [
        [number(text) for text in card.locator("b").all_inner_texts()] for card in page.locator("button.tn-card").all()
    ]
    assert [first * second for first, second in factors] == pytest.approx(line[:4], abs=0.002)
    # Rounded factors need not give the rounded product, and then no equals sign is between them.
    signs = page.locator("button.tn-card > :nth-child(5)").all_inner_texts()
    texts = page.locator("button.tn-card .amount").all_inner_texts()
    for (first, second), text, sign in zip(factors, texts, signs, strict=True):
        places = len(text.partition(".")[2])
        assert sign == ("=" if f"{first * second:.{places}f}".replace("-", "−") == text else "≈")
    summands = small.classifier[7].weight[0].detach() * hidden
    up, down = (int((sign * summands > 0).sum()) for sign in (1, -1))
    add, subtract = (float(part.sum()) for part in (summands.clamp(min=0), -summands.clamp(max=0)))
    told = [f"{up} units add", f"{down} units subtract"]
    for words, start, amount in zip(page.locator(".tn-piles > span").all(), told, (add, subtract), strict=True):
        text = words.inner_text()
        assert text.startswith(start)
        assert float(text.removeprefix(start).split(";")[0]) == pytest.approx(amount, abs=0.011)
    strongest = [f"unit {k}" for k in summands.abs().argsort(descending=True)[:4].tolist()]
    expect(page.locator(".tn-card > span:first-child")).to_have_text(
        [*strongest, re.compile("60 others"), re.compile("sum")]
    )
    value = float(summands[summands.abs().argmax()])
    places = min(3, 2 - math.floor(math.log10(abs(value))))  # small ones must not all be 0.00
    assert page.locator(".tn-card .amount").first.inner_text() == f"{value:.{places}f}".replace("-", "−")


def test_drawing_by_mouse_and_keys_and_choosing_again(front: FrontEnd, small: CifarCNN) -> None:
    page = front.open(through_the_network(model=small, run=None))
    picture = page.get_by_role("slider", name="The picture")
    page.get_by_role("radio", name="red").click()
    box = picture.bounding_box()
    assert box
    cell = box["width"] / 32
    low = top_of(page, ".tn-low")
    page.mouse.move(box["x"] + 4.5 * cell, box["y"] + 10.5 * cell)
    page.mouse.down()
    page.mouse.move(box["x"] + 20.5 * cell, box["y"] + 10.5 * cell)  # one jump: the stroke has no gap
    page.mouse.up()
    drawn = image_of(page)
    assert (drawn[9:12, 3:22] == [216, 72, 43]).all()
    assert (drawn[14:] == sketches()["horse"][14:]).all()
    said = predict(torch.from_numpy(drawn), small)
    expect(page.locator(".cw-bars .top").first).to_have_text(said.label)
    assert top_of(page, ".tn-low") == low
    page.get_by_role("button", name="Undo").press("Enter")
    assert (image_of(page) == sketches()["horse"]).all()
    expect(picture).to_be_focused()  # the button is gone
    picture.press("ArrowUp")  # from where the pointer was
    assert (image_of(page) == sketches()["horse"]).all()
    picture.press(" ")
    assert (image_of(page)[8:11, 19:22] == [216, 72, 43]).all()
    page.get_by_role("radio", name="horse").click()
    page.get_by_role("radio", name="horse").press("ArrowRight")
    assert (image_of(page) == sketches()["ship"]).all()


def test_undo_brings_back_what_the_reader_made_whatever_came_instead(front: FrontEnd, small: CifarCNN) -> None:
    page = front.open(through_the_network(model=small, run=None))
    picture, undo = page.get_by_role("slider", name="The picture"), page.get_by_role("button", name="Undo")
    either = page.locator(".pi-pens + button")
    expect(undo).to_be_hidden()
    page.get_by_role("radio", name="cat").click()
    expect(undo).to_be_hidden()  # the course's pictures are one press away
    pictures = [image_of(page)]
    for row in (40, 80):  # two strokes
        picture.click(position={"x": 60, "y": row})
        pictures.append(image_of(page))
    page.locator("input[type=file]").set_input_files(resources() / "inputs" / "frog.png")
    page.wait_for_function(OPENED, arg=pictures[-1].ravel().tolist())
    pictures.append(image_of(page))
    expect(undo).to_be_visible()
    page.get_by_role("radio", name="ship").click()
    # There is nothing to undo in a sketch: the same button leads back to the reader's picture.
    expect(undo).to_have_count(0)
    expect(page.get_by_role("button", name="Back", exact=True)).to_have_attribute("title", "Back to your picture")
    page.get_by_role("radio", name="deer").click()
    page.evaluate(CAMERA, "rgb(0, 255, 0)")
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function(OPENED, arg=sketches()["deer"].ravel().tolist())
    page.get_by_role("button", name="Take picture").click()
    page.get_by_role("radio", name="bird").click()
    assert (image_of(page) == sketches()["bird"]).all()
    either.click()  # the camera's picture
    assert not (image_of(page) == sketches()["deer"]).all()
    either.click()
    assert (image_of(page) == sketches()["deer"]).all()
    for kept in reversed(pictures):
        either.click()
        assert (image_of(page) == kept).all()
    expect(undo).to_be_hidden()


def test_files_give_what_predict_gives(front: FrontEnd) -> None:
    page = front.open(page_with(through_the_network(), "weights/25"))
    expect(page.locator(".cw-bars .top").first).to_have_text("horse")
    for name in ("airplane", "cat", "frog", "ship"):
        path = resources() / "inputs" / f"{name}.png"
        page.locator("input[type=file]").set_input_files(path)
        said = predict(path)
        expect(page.locator(".cw-bars .top").first).to_have_text(said.label)
        assert np.abs(image_of(page).astype(int) - said.seen.permute(1, 2, 0).numpy()).max() <= 1
        for label, probability in said.top[:3]:
            assert shown_share(page, label) == pytest.approx(probability, abs=0.01)
    page.locator("input[type=file]").set_input_files(resources() / "teaching.md")
    expect(page.get_by_role("alert")).to_contain_text("can’t read this file as a picture")


def test_a_picture_can_be_dropped_and_pasted(front: FrontEnd, small: CifarCNN) -> None:
    page = front.open(through_the_network(model=small, run=None))
    for kind, colour in (("drop", [255, 0, 0]), ("paste", [0, 0, 255])):
        page.evaluate(
            """async ([kind, colour]) => {
              const surface = new OffscreenCanvas(50, 40);
              const context = surface.getContext("2d");
              context.fillStyle = `rgb(${colour})`;
              context.fillRect(0, 0, 50, 40);
              const data = new DataTransfer();
              data.items.add(new File([await surface.convertToBlob()], "a.png", { type: "image/png" }));
              const options = { bubbles: true, composed: true };
              const event = kind === "drop"
                ? new DragEvent("drop", { ...options, dataTransfer: data })
                : new ClipboardEvent("paste", { ...options, clipboardData: data });
              document.querySelector("[data-cifar-widget]").shadowRoot.querySelector(".pi-picture").dispatchEvent(event);
            }""",
            [kind, colour],
        )
        page.wait_for_function(
            "c => new Uint8Array(document.querySelector('[data-widget]').model.get('image').buffer)[0] === c",
            arg=colour[0],
        )
        assert (image_of(page) == colour).all()


def test_the_camera_shows_what_it_sees_and_says_where_there_is_none(front: FrontEnd, small: CifarCNN) -> None:
    page = front.open(through_the_network(model=small, run=None))
    for width in (360, 1000):  # the words move nothing
        page.set_viewport_size({"width": width, "height": 900})
        next_frame(page)
        strip = top_of(page, ".tn-strip")
        page.get_by_role("button", name="Camera").click()
        expect(page.get_by_role("alert")).to_contain_text("or open a file")
        assert top_of(page, ".tn-strip") == strip
        page.locator(".tn-intro").click()
        expect(page.get_by_role("alert")).to_be_hidden()
    page.evaluate(CAMERA, "rgb(0, 255, 0)")
    before = image_of(page)
    is_green = (
        "() => { const i = document.querySelector('[data-widget]').model.get('image');"
        " const p = new Uint8Array(i.buffer); return p[1] > 240 && p[0] < 30; }"
    )
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function(is_green)
    page.get_by_role("button", name="Cancel").click()
    assert page.evaluate("window.stream.getTracks().every(track => track.readyState === 'ended')")
    assert (image_of(page) == before).all()
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("button", name="Take picture")).to_be_visible()
    page.wait_for_function(is_green)
    page.get_by_role("button", name="Take picture").click()
    assert page.evaluate("window.stream.getTracks().every(track => track.readyState === 'ended')")
    assert (image_of(page)[..., 1] > 240).all()


def test_touch_chooses_a_map_and_the_page_can_close(front: FrontEnd, small: CifarCNN) -> None:
    page = front.open(through_the_network(model=small, run=None), width=360, has_touch=True)
    box = page.get_by_role("slider", name="Block 3").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] - 3, box["y"] + 3)
    stage, unit = state_of(page, "chosen")  # type: ignore[misc]
    assert stage == 2
    assert unit > 0
    # A swipe that scrolls, which the browser cancels, chooses nothing.
    for name in ("Block 1", "Hidden layer 1", "Probabilities"):
        other = page.get_by_role("slider", name=name).bounding_box()
        assert other
        cancelled_touch(page, other["x"] + 5, other["y"] + 5)
        assert state_of(page, "chosen") == [stage, unit], name
    # What the terms mean is above the maps, and right below them is what a tap asks for.
    parts = [".pi-picture", ".tn-intro", ".tn-stages", ".tn-one", ".tn-key", ".tn-low > :first-child"]
    tops = [top_of(page, part) for part in parts]
    assert tops == sorted(tops) and tops[3] - tops[2] < 220
    page.get_by_role("slider", name="Hidden layer 1").tap()
    expect(page.locator(".tn-path")).to_have_text("ReLU")
    tops = page.locator(".tn-card .amount").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert len(tops) == 6 and len(set(tops[:4])) == len(set(tops[4:])) == 1  # on two lines
    # Read from left to right in the columns of the products: the others, the sum, the result, which has two.
    columns = [left_of(page, f".tn-card >> nth={k}") for k in range(4)]
    assert [left_of(page, part) for part in (".tn-card >> nth=4", ".tn-total", ".tn-big")] == columns[:3]
    last, result = page.locator(".tn-card").nth(3).bounding_box(), page.locator(".tn-big").bounding_box()
    assert last and result and result["x"] + result["width"] == pytest.approx(last["x"] + last["width"], abs=0.1)
    assert page.evaluate("document.documentElement.scrollWidth <= 360")
    page.evaluate("document.querySelector('[data-widget]').close()")
    assert page.locator("[data-cifar-widget]").count() == 0


def test_on_a_phone_a_tap_on_a_class_leaves_the_page_where_it_is(front: FrontEnd, small: CifarCNN) -> None:
    page = front.open(through_the_network(model=small, run=None), width=360, has_touch=True)
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("slider", name="Probabilities").tap(position={"x": 20, "y": 30})
    expect(page.locator(".tn-one b").first).to_have_text(re.compile(r"^Automobile, logit"))
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") == 0
    assert top_of(page, ".tn-one") < 740  # where its name is seen


def test_the_first_view_is_one_sum_that_is_complete_and_terms_are_explained(front: FrontEnd) -> None:
    page = front.open(page_with(through_the_network(), "weights/25"))
    expect(page.locator(".tn-one b").first).to_have_text("Block 1, map 3")
    expect(page.locator(".tn-card:visible > span:first-child")).to_have_text(["red", "green", "blue", "bias", "sum"])
    expect(page.locator(".tn-intro em")).to_have_text(["A map", "A hidden unit"])
    expect(page.locator(".tn-key")).to_contain_text("Press a map, a unit or a class to see")
    signs = page.locator(".tn-card:visible, .tn-result").evaluate_all(
        "all => all.map(one => getComputedStyle(one, '::after').content)"
    )
    assert signs == ["none", '"+"', '"+"', '"+"', '"="', '"→"']


def test_terms_are_those_of_the_network(front: FrontEnd) -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv2d(8, 8, 3, padding=1)
    pooling = nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)
    model = nn.Sequential(
        first, nn.ReLU(), pooling[0], second, nn.ReLU(), pooling[1], nn.Flatten(), nn.Linear(8, 10)
    ).eval()
    page = front.open(through_the_network(model=model, run=None))
    expect(page.locator(".tn-intro em")).to_have_text(["A map"])
    expect(page.locator(".tn-key")).to_contain_text("Press a map or a class to see")
    # The result stays at the end, also of sums that have no bias.
    ends = set()
    for stage, parts in enumerate((4, 6)):
        choose(page, stage, 0)
        expect(page.locator(".tn-card:visible")).to_have_count(parts)
        box = page.locator(".tn-big").bounding_box()
        assert box
        ends.add(round(box["x"] + box["width"]))
    assert len(ends) == 1


def test_where_another_class_is_predicted_the_sketch_marks_its_own(front: FrontEnd) -> None:
    page = front.open(page_with(through_the_network(), "weights/25", "weights/0", "weights/8"))
    name = page.locator(".pv-head span").first
    mark, caveat = page.locator(".tn-classes .cw-bars canvas:visible"), page.locator(".tn-caveat")
    expect(name).to_have_text("Sketch: horse")
    expect(mark).to_have_count(0)
    expect(caveat).to_have_text("")
    low = top_of(page, ".tn-low")
    page.get_by_role("radio", name="dog").click()
    expect(page.locator(".tn-end .pv-head span")).to_have_text("bird 66 %")
    expect(page.locator(".tn-classes .cw-bars > :has(canvas:not([hidden]))")).to_have_text("dog")
    expect(caveat).to_have_text("Trained on photographs, not sketches.")
    expect(page.locator(".cw-sr")).to_have_text("After epoch 25: bird 66 %. The picture’s name is dog.")
    assert top_of(page, ".tn-low") == low
    classes = page.get_by_role("slider", name="Probabilities")
    classes.locator(".cw-bars > :has(canvas)").click()
    expect(classes).to_have_attribute("aria-valuetext", re.compile(r"^dog \d+ %, the picture’s name$"))
    # A guess is no mistake, and what the reader draws has no name.
    curve = page.get_by_role("slider", name="Epoch", exact=True)
    curve.press("Home")
    expect(page.locator(".tn-end .pv-head span")).to_have_text("a guess: 9–11 %")
    expect(mark).to_have_count(0)
    curve.press("End")
    expect(mark).to_have_count(1)
    page.get_by_role("slider", name="The picture").click(position={"x": 5, "y": 5})
    expect(name).to_have_text("")
    expect(mark).to_have_count(0)
    expect(caveat).to_have_text("")


def test_a_picture_of_the_readers_has_the_name_that_it_was_given(front: FrontEnd, small: CifarCNN) -> None:
    images = random_images(2).images
    pictures = {"first": images[0], "second": images[1]}
    page = front.open(through_the_network(pictures, small, run=None))
    expect(page.locator(".pv-head span").first).to_have_text("first")
    expect(page.locator(".tn-caveat")).to_have_count(0)


def test_a_class_that_is_looked_at_has_a_surface_and_what_can_be_pressed_a_hand(
    front: FrontEnd, small: CifarCNN
) -> None:
    page = front.open(through_the_network(model=small, run=None))
    surface, classes = page.locator(".tn-classes > i"), page.locator(".tn-classes")
    expect(surface).to_be_hidden()
    rows = page.locator(".tn-classes .cw-bars > :nth-child(3n + 1)")
    for kind in ("hover", "click"):
        for k in (2, 7):
            rows.nth(k).hover() if kind == "hover" else rows.nth(k).click()
            box, row = surface.bounding_box(), rows.nth(k).bounding_box()
            assert box and row and box["y"] < row["y"] + row["height"] / 2 < box["y"] + box["height"]
    page.mouse.move(1, 1)
    expect(surface).to_be_visible()  # the press holds
    hand = "one => getComputedStyle(one).cursor"
    assert [rows.first.evaluate(hand), classes.evaluate(hand)] == ["pointer"] * 2
    assert page.locator(".tn-card").evaluate_all(f"all => all.map({hand})") == ["pointer"] * 4 + ["default"] * 2
    expect(page.locator(NOTE)).to_have_text(re.compile("^Softmax turns the 10 logits into probabilities. "))


def test_only_what_is_certain_reads_100_percent(front: FrontEnd) -> None:
    page = front.open(page_with(through_the_network(), "weights/25", "weights/8"))
    page.get_by_role("slider", name="Epoch", exact=True).press("ArrowLeft")
    page.get_by_role("radio", name="ship").click()
    said = predict(torch.from_numpy(sketches()["ship"].copy()), load_run("good-25").model(8))
    assert 0.995 <= said.probability < 1
    expect(page.locator(".tn-end .pv-head span")).to_have_text("ship >99 %")
    classes = page.get_by_role("slider", name="Probabilities")
    expect(classes.locator(".value").nth(8)).to_have_text(">99 %")
    classes.press("Home")
    expect(classes).to_have_attribute("aria-valuetext", re.compile(" <1 %$"))
    for _ in range(8):
        classes.press("ArrowDown")
    expect(classes).to_have_attribute("aria-valuetext", "ship >99 %")
    expect(page.locator(".tn-big b")).to_have_text(">99 %")


def test_your_own_network_beside_the_courses(front: FrontEnd) -> None:
    torch.manual_seed(0)
    widget = through_the_network(model=CompactCNN((8, 12), depth=1).eval())
    page = front.open(page_with(widget, "weights/yours", "weights/25"))
    names = [page.locator(".tn-stages .pv-head b").nth(k).inner_text() for k in range(3)]
    assert names == ["Block 1", "Block 2", "Block 3"]
    expect(page.get_by_text(re.compile("^CompactCNN: 4 convolutions, 1 linear layer"))).to_be_visible()
    page.get_by_role("radio", name="The course’s").click()
    expect(page.locator(".tn-low b").first).to_have_text("After epoch 25")
    expect(page.get_by_role("slider", name="Hidden layer 2")).to_be_visible()
    assert state_of(page, "network") == "course"


def test_another_network_that_comes_while_the_strip_is_hidden_has_its_wires_when_it_is_shown(front: FrontEnd) -> None:
    """As on paper, or in a section that the reader closes while weights load."""
    torch.manual_seed(0)
    widget = through_the_network(model=CompactCNN((8, 12), depth=1).eval())
    page = front.open(page_with(widget, "weights/yours", "weights/25"))
    page.evaluate(
        """async () => {
            const host = document.querySelector("[data-widget]");
            host.style.display = "none";
            host.model.set("chosen", [3, 0]);
            host.model.set("network", "course");
            await new Promise(done => setTimeout(done, 100));
            host.style.display = "";
        }"""
    )
    expect(page.get_by_role("slider", name="Hidden layer 1")).to_be_visible()
    expect(page.locator(".cw-bars .top").first).to_have_text("horse")
    page.wait_for_function(
        """() => {
            const wires = document.querySelector("[data-cifar-widget]").shadowRoot.querySelector(".tn-wires");
            const { data } = wires.getContext("2d").getImageData(0, 0, wires.width, wires.height);
            return data.some(part => part > 0);
        }"""
    )


def test_weights_that_do_not_arrive_are_said_and_the_last_picture_stays(front: FrontEnd) -> None:
    page = front.open(page_with(through_the_network(), "weights/25"))
    expect(page.locator(".cw-bars .top").first).to_have_text("horse")
    page.get_by_role("slider", name="Epoch", exact=True).press("ArrowLeft")
    expect(page.locator(".tn-low b").first).to_contain_text("After epoch 8: the weights could not be loaded.")
    assert shown_share(page, "horse") > 0.5


def test_traits_are_checked_and_words_say_what_is_shown() -> None:
    widget = through_the_network()
    assert "after epoch 25" in widget.words()
    assert "horse, with 93 %" in widget.words()
    widget.epoch = 0
    assert "before training" in widget.words()
    with pytest.raises(traitlets.TraitError, match="no weights of epoch 7: choose one of 0, 1, 3, 8, 25"):
        widget.epoch = 7
    with pytest.raises(traitlets.TraitError, match="choose course"):
        widget.network = "yours"
    with pytest.raises(traitlets.TraitError, match="uint8 array of shape"):
        widget.image = np.zeros((32, 32), dtype=np.uint8)
    with pytest.raises(ValueError, match="give a model, a run, or both"):
        through_the_network(run=None)
    with pytest.raises(ValueError, match="without weights"):
        through_the_network(run="lab-base")
    with pytest.raises(TypeError, match="LSTM"):
        through_the_network(model=nn.LSTM(3, 3))


def test_the_network_that_is_shown_stays_when_the_readers_learns_on(small: CifarCNN) -> None:
    torch.manual_seed(0)
    model = CifarCNN(width=0.25).eval()
    widget = through_the_network(model=model, run=None)
    held, before = widget.loadable()["weights/yours"](), widget.prediction.probabilities
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.zero_()
    assert widget.loadable()["weights/yours"]() == held
    assert torch.equal(widget.prediction.probabilities, before)


def test_weights_load_one_after_another_until_the_widget_closes(front: FrontEnd) -> None:
    page = front.open(
        f"""<script type="module">{join("picture_view")}
        window.asked = [];
        const get = name => new Promise((_, reject) => asked.push([name, reject]));
        window.store = networkStore(get, () => {{}});
        document.documentElement.dataset.booted = "true";</script>"""
    )
    names = "() => asked.map(([name]) => name)"
    page.evaluate("store.of('a', ['a', 'b', 'c'])")
    assert page.evaluate(names) == ["a"]
    assert page.evaluate("asked[0][1](new Error('gone'))") is None
    page.wait_for_function("asked.length === 2")
    assert page.evaluate("[store.of('a').problem, store.of('b').problem ?? 'loading']") == ["gone", "loading"]
    assert page.evaluate(names) == ["a", "b"]
    page.evaluate("async () => { store.close(); asked[1][1](new Error('late')); await new Promise(setTimeout); }")
    assert page.evaluate(names) == ["a", "b"]


def test_training_empties_block_3_as_lesson_00_says() -> None:
    horse = torch.from_numpy(sketches()["horse"].transpose(2, 0, 1).copy())
    before, after = (load_run(DEFAULT_RUN).model(epoch) for epoch in (0, 25))
    empty = [float((activations(model, horse)["block 3, ReLU"] == 0).float().mean()) for model in (before, after)]
    assert empty[0] < 0.55 and empty[1] > 0.75
    assert predict(horse, before).probabilities.max() < 0.13 and predict(horse, after).label == "horse"


def test_neither_pens_nor_names_reach_into_what_is_beside_them(front: FrontEnd) -> None:
    page = front.open(page_with(through_the_network(), "weights/25"), width=720)
    page.locator(".cw-bars .top").first.wait_for()
    for width in (1080, 940, 720):
        page.set_viewport_size({"width": width, "height": 1000})
        next_frame(page)
        pens_and_names_have_room(page)
    choose(page, 1, 33)  # the longest note
    for width in (752, 750, 690):
        page.set_viewport_size({"width": width, "height": 1000})
        next_frame(page)
        note = page.locator(NOTE).bounding_box()
        words = [page.locator(part).bounding_box() for part in (".tn-path", ".tn-card:nth-child(1) >> nth=-1")]
        assert note and all(
            box and (note["y"] + note["height"] <= box["y"] or note["y"] >= box["y"] + box["height"]) for box in words
        ), width
    page.set_viewport_size({"width": 720, "height": 1000})
    page.get_by_role("slider", name="Hidden layer 1").click()
    expect(page.locator(".tn-one b").first).to_contain_text("Hidden layer 1")
    pens_and_names_have_room(page)
    page.locator(".tn-classes").click()  # a negative logit is the widest
    pens_and_names_have_room(page)


def pens_and_names_have_room(page: Page) -> None:
    maps = page.locator(".tn-stages").bounding_box()
    pens = [pen.bounding_box() for pen in page.locator(".pi-pens button").all()]
    assert maps is not None and len(pens) == 6
    assert all(pen is not None and pen["x"] + pen["width"] <= maps["x"] for pen in pens)
    low, result = page.locator(".tn-low").bounding_box(), page.locator(".tn-big").bounding_box()
    assert low and result and result["x"] + result["width"] <= low["x"] + low["width"] + 0.5
    for line, count in (("b", 4), ("span", 5)):  # the hidden layers share a name
        names = page.locator(f".tn-stages .pv-head {line}:not(:empty)").evaluate_all(
            "all => all.map(one => (({ left, right }) => [left, right])(one.getBoundingClientRect()))"
        )
        assert len(names) == count
        assert all(left[1] < right[0] for left, right in pairwise(names)), names


def test_the_keyboard_finds_the_pen_in_the_middle(front: FrontEnd, small: CifarCNN) -> None:
    page = front.open(through_the_network(model=small, run=None))
    before = image_of(page)
    page.get_by_role("button", name="Camera").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator(".pi-picture:focus").count():
            break
    picture = page.locator(".pi-picture")
    expect(picture).to_have_attribute("aria-valuetext", "row 16, column 16")
    expect(picture.locator(".cw-frame")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    changed = (image_of(page) != before).any(axis=-1).nonzero()
    assert {*changed[0]} <= {15, 16, 17} and {*changed[1]} <= {16, 17, 18}
