"""Training through time: kernels of every epoch, maps and probabilities of the last weights kept until then."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import traitlets
from chrome import FrontEnd, next_frame, state_of
from helpers import random_images
from playwright.sync_api import Page, expect

from cifar_helpers import predict
from cifar_helpers.data.sketches import draw
from cifar_helpers.runs import load_run
from cifar_helpers.training.history import Epoch
from cifar_helpers.web.export import sketches
from cifar_helpers.widgets.feature_maps import activations
from cifar_helpers.widgets.training_through_time import TrainingThroughTime, kernel_pixels, training_through_time

EVERY_EPOCH = ".tt-film:not(.tt-few)"
HORSE = torch.from_numpy(np.array(draw(7, 0))).permute(2, 0, 1)


def pixels_of(page: Page, wall: str) -> list[int]:
    """The colours of a wall's canvas, without transparency."""
    values: list[int] = (
        page.get_by_role("slider", name=wall)
        .locator("canvas")
        .evaluate("c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)")
    )
    return values


def middles(page: Page, *selectors: str) -> list[float]:
    """Of elements, all in one frame: the next one may replace those of the chart."""
    return page.evaluate(  # type: ignore[no-any-return]
        """selectors => selectors.map(one => {
            const { left, right } = document.querySelector("[data-cifar-widget]").shadowRoot.querySelector(one)
                .getBoundingClientRect();
            return (left + right) / 2;
        })""",
        selectors,
    )


def framed(page: Page) -> None:
    next_frame(page)


def test_scrubbing_shows_kernels_of_the_epoch_and_predictions_of_the_last_weights_kept(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE))
    run = load_run("good-25")
    curve = page.get_by_role("slider", name="Epoch", exact=True)
    title = page.locator(".tt-top p").first
    captions = page.locator(".pv-head span")
    expect(title).to_have_text("Before training: validation 10.0 %")
    gap = page.locator(".tt-gap")
    expect(gap).to_have_text("")  # training accuracy is measured from the first epoch on
    # The rule under the mouse has its numbers, and the strip its frame; the epoch stays.
    curve.hover()
    read = re.sub(r"\D", "", page.locator(".cw-where, .looked .at").first.text_content() or "")
    row = run.history.rows[int(read) - 1]
    expect(page.locator(".cw-plot")).to_contain_text(f"{100 * row.validation_accuracy:.1f} %")
    film = page.locator(f"{EVERY_EPOCH} .cw-maps")
    expect(gap).to_have_text(gap_of(row))
    spoken = page.locator(".cw-sr")  # which is of the epoch that is chosen, not of the one under the mouse
    expect(spoken).to_have_text(re.compile(r"^Before training: validation 10\.0 %\. a guess"))
    shown = page.locator(".cw-plot .label").all_text_contents()  # a number keeps its name beside it
    for kind, value in (("training", row.train_accuracy), ("validation", row.validation_accuracy)):
        assert f"{kind} {100 * value:.1f} %" in shown
    left = f"{100 * 14 * int(read) / (26 * 14 - 2):.2f}"[:-1]  # of columns 12 pixels wide, 2 apart
    expect(film.locator("i")).to_have_attribute("style", re.compile(rf"^left: {re.escape(left)}"))
    page.mouse.move(1, 1)
    expect(title).to_have_text("Before training: validation 10.0 %")
    # The first view has predictions and maps with all weights that were kept, before anyone points at it.
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "false", timeout=30_000)
    stops = page.get_by_role("radiogroup", name="Weights that were kept").get_by_role("radio")
    for stop, kept in zip(stops.all(), run.epochs_with_weights, strict=True):
        said = rf"{predict(HORSE, run.model(kept)).label} \d+" if kept else r"a guess \d+–\d+"
        mean = float(activations(run.model(kept), HORSE)["block 1, ReLU"][0].mean())
        expect(stop).to_have_accessible_name(re.compile(rf"^epoch {kept} {said} % mean {mean:.2f}$"))
    # A map may fade while the answer gets better: how far, and whether the others do.
    first, end = (activations(run.model(epoch), HORSE)["block 1, ReLU"] for epoch in (0, 25))
    zeros = [round(100 * float((maps == 0).float().mean())) for maps in (first, end)]
    assert zeros[1] - zeros[0] >= 5
    expect(page.locator(".tt-told")).to_have_text(
        f"Map 0 of Block 1: mean activation {first[0].mean():.2f} → {end[0].mean():.2f}. "
        f"Zeros in all 32 maps {zeros[0]} → {zeros[1]} %, so they respond in fewer places"
    )
    # Before training no class is presented as the prediction.
    chances = 100 * predict(HORSE, run.model(0)).probabilities
    expect(page.locator(".pv-guess")).to_contain_text(f"a guess: {chances.min():.0f}–{chances.max():.0f} %")
    weights = "all => new Set(all.map(one => getComputedStyle(one).fontWeight)).size"
    assert page.locator(".pv-guess .cw-bars > :nth-child(3n + 1)").evaluate_all(weights) == 1
    alphas = "all => all.map(one => one.getContext('2d').getImageData(one.width - 1, one.height - 1, 1, 1).data[3])"
    assert page.locator(".tt-stop canvas").evaluate_all(alphas) == [255] * 5
    expect(captions.nth(4)).to_have_text("before training")
    box = curve.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 60, steps=3)
    page.mouse.up()
    dragged = state_of(page, "epoch")
    assert isinstance(dragged, int)
    assert 1 <= dragged <= 3
    for epoch, key in ((6, "ArrowRight"), (25, "End")):
        while state_of(page, "epoch") != epoch:
            curve.press(key)
        kept = {6: 3, 25: 25}[epoch]
        said = predict(HORSE, run.model(kept))
        expect(captions.nth(4)).to_have_text(f"weights of epoch {kept}" if kept != epoch else f"after epoch {kept}")
        expect(page.locator(".cw-bars .top").first).to_have_text(said.label)
        expect(page.locator(".pv-head b").nth(4)).to_have_text(re.compile(rf"^{said.label} \d+ %$"))
        row = run.history.rows[epoch - 1]
        accuracies = f"training {100 * row.train_accuracy:.1f} %, validation {100 * row.validation_accuracy:.1f} %"
        expect(title).to_have_text(f"Epoch {epoch}: {accuracies}")
        expect(gap).to_have_text(gap_of(row))
        kept_then = "Drag along the curve. Dots mark saved weights."
        between = "Only first kernels were saved; the rest is of epoch 3."
        expect(page.locator(".tt-top .cw-cap").first).to_have_text(between if kept != epoch else kept_then)
        # The heads of what is older than the epoch say so, and have the tint of the epochs between.
        expect(captions.nth(3)).to_have_text("from kernel 0" if kept == epoch else f"weights of epoch {kept}")
        tints = [
            page.locator(".pv-head").nth(k).evaluate("one => getComputedStyle(one).backgroundColor") for k in range(5)
        ]
        assert [tint != tints[0] for tint in tints] == [False] * 2 + [kept != epoch] * 3
        expect(spoken).not_to_have_text(re.compile(r"\.\."))
        framed(page)
        # The strip's kernels lie below their epochs; the column of this one is framed, and in it the chosen kernel.
        x, kernel_x, column_x = middles(page, ".thumb", f"{EVERY_EPOCH} .cw-frame", f"{EVERY_EPOCH} .cw-maps > i")
        assert abs(x - kernel_x) < 1 and abs(x - column_x) < 1
        expect(page.get_by_role("radio", name=f"epoch {kept}", checked=True)).to_have_count(1)
        first = np.array(pixels_of(page, "The 32 kernels")).reshape(31, 15, 4)[:3, :3, :3]
        assert (first == kernel_pixels(run.first_kernels().numpy())[epoch, 0]).all()


def gap_of(row: Epoch) -> re.Pattern[str]:
    """What is said at an epoch: the difference of the two accuracies as they are read, and why where it is odd."""
    training, validation = (round(100 * value, 1) for value in (row.train_accuracy, row.validation_accuracy))
    points = f"{abs(training - validation):.1f} points"
    if training >= validation:
        return re.compile(f"^Gap {points}, although training is measured with dropout and augmentation on\\.$")
    why = "training is measured during the epoch, with dropout and augmentation on"
    return re.compile(f"^Validation is {points} higher: {why}\\.$")


def test_a_lesson_stored_before_there_was_a_reason_names_the_gap_alone(front: FrontEnd) -> None:
    text = training_through_time(HORSE).as_page("A widget")
    assert text.count("handicap&quot;:") + text.count('"handicap":') == 1
    page = front.open(re.sub('(handicap|hint)(&quot;|"):', r"no_\1\2:", text))
    page.get_by_role("slider", name="Epoch", exact=True).press("ArrowRight")
    expect(page.locator(".tt-gap")).to_have_text(re.compile(r"^Validation is \d+\.\d points higher$"))
    expect(page.locator(".cw-sr")).to_have_text(re.compile(r"^Epoch 1: .* points higher\. "))
    expect(page.locator(".tt-pictures p")).to_have_count(0)  # the hint was in the note
    assert "undefined" not in page.locator(".cw").inner_text()


@pytest.mark.parametrize("width", [360, 800, 1300])
def test_the_gap_is_named_beside_the_rule_and_nothing_lies_under_its_words(front: FrontEnd, width: int) -> None:
    page = front.open(training_through_time(HORSE), width=width)
    curve = page.get_by_role("slider", name="Epoch", exact=True)
    rows = load_run("good-25").history.rows
    assert rows[0].train_accuracy < rows[0].validation_accuracy  # of both kinds
    for row in rows:
        curve.press("ArrowRight")
        expect(page.locator(".tt-gap")).to_have_text(gap_of(row))
        framed(page)
        words, plot, rule = (page.locator(one).bounding_box() for one in (".tt-gap", ".cw-plot", ".marker"))
        assert words and plot and rule
        is_left = words["x"] < rule["x"]
        beside = rule["x"] - words["x"] - words["width"] if is_left else words["x"] - rule["x"]
        assert 0 < beside < 20 and plot["x"] <= words["x"] and words["x"] + words["width"] <= plot["x"] + plot["width"]
        points = page.locator("[role=img] .line:is(.c1, .c2)").evaluate_all(
            """(all, { x, y, width }) => all.flatMap(line => {
                const at = line.getScreenCTM();
                return Array.from({ length: 200 }, (_, k) => line.getPointAtLength(k * line.getTotalLength() / 199))
                    .map(point => point.matrixTransform(at)).filter(p => p.x >= x && p.x <= x + width)
                    .map(p => p.y - y);
            })""",
            words,
        )
        assert max(points, default=-1) < 4, f"epoch {row.epoch}"  # the curves run above the words
    # Both curves enclose the gap.
    expect(page.locator("[role=img] .band")).to_have_count(1)


@pytest.mark.parametrize("width", [360, 800])
def test_nothing_moves_while_the_epochs_go_by(front: FrontEnd, width: int) -> None:
    page = front.open(training_through_time(HORSE), width=width)
    curve = page.get_by_role("slider", name="Epoch", exact=True)
    picture = page.get_by_role("slider", name="The picture")
    expect(page.get_by_role("slider", name="Block 1: 32 maps")).to_be_visible()
    # Chart, curves, kernels, and what is below them.
    parts = ".cw-plot, [role=img] .dot, .tt-film canvas, .tt-stop canvas, .tt-strip canvas, .cw-foot"
    places: set[str] = set()
    for key in ("", "ArrowRight", "ArrowRight", *("Shift+ArrowRight",) * 5):
        if key:
            curve.press(key)
        if state_of(page, "epoch") == 12:
            picture.press(" ")  # and while the reader draws
        framed(page)
        places.add(
            page.evaluate(
                """(parts, root = document.querySelector("[data-cifar-widget]").shadowRoot.querySelector(".cw")) =>
                [...root.querySelectorAll(parts)].filter(one => one.checkVisibility())
                .map(one => one.getBoundingClientRect()) // and the page may scroll
                .map(({ x, y }) => [x, y - root.getBoundingClientRect().y].map(one => one.toFixed(2))).join()""",
                parts,
            )
        )
    assert state_of(page, "epoch") == 25 and len(places) == 1
    if width == 360:
        # What is chosen lies beside what it changes, and between two frames the earlier one is marked.
        frames = [
            box
            for box in (page.locator(one).bounding_box() for one in ("figure.tt-near", ".tt-few .cw-maps"))
            if box is not None
        ]
        assert abs(frames[1]["y"] - frames[0]["y"] - frames[0]["height"]) < 60
        filmed = page.locator(".tt-filmed")
        told = "every 2 epochs to 22, then 25. Colours are weights: grey is 0. Framed: epoch 25."
        expect(filmed).to_contain_text(told)
        for near in (25, 22):  # at epochs 24 and 23
            curve.press("ArrowLeft")
            expect(page.locator(".tt-few .cw-frame")).to_be_visible()
            expect(filmed).to_contain_text(f"Framed: epoch {near}.")
        for _ in range(2):
            curve.press("ArrowRight")
        # On one screen the curve, the kernels below it and all weights; below these the picture that they respond to.
        parts = [".tt-top", ".cw-plot", ".tt-few", ".tt-told", ".tt-story", ".pi-gallery", ".pi-picture", ".tt-wall"]
        boxes = [box for box in (page.locator(one).bounding_box() for one in parts) if box]
        tops = [box["y"] for box in boxes]
        assert len(tops) == len(parts) and tops == sorted(tops)
        assert tops[4] + boxes[4]["height"] - tops[0] < 720 and tops[6] - tops[5] < 170
        large, maps = (
            page.locator(".tt-strip > :nth-child(4) canvas").bounding_box(),
            page.locator(".tt-wall").bounding_box(),
        )
        assert large and maps and large["x"] + large["width"] < maps["x"] and abs(large["y"] - maps["y"]) < 1
        shown = page.locator(".tt-few canvas").evaluate(
            "one => [...one.getContext('2d').getImageData(one.width - 12, 0, 12, 12).data]"
        )
        last = kernel_pixels(load_run("good-25").first_kernels().numpy())[25, 0]
        assert (np.array(shown).reshape(12, 12, 4)[::4, ::4, :3] == last).all()
    # The axis holds what guessing reaches, from where training begins.
    expect(page.locator(".cw-plot .tick").get_by_text("0 %", exact=True)).to_have_count(1)
    blocks, wall = page.locator(".tt-layers").bounding_box(), page.locator(".tt-wall").bounding_box()
    assert blocks and wall and blocks["y"] + blocks["height"] <= wall["y"] + 1  # above what they switch
    title = page.locator(".tt-strip > :nth-child(3) b").bounding_box()
    assert title and abs(title["y"] + title["height"] / 2 - blocks["y"] - blocks["height"] / 2) < 2
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    uncut = "all => all.every(one => one.scrollWidth <= one.clientWidth)"
    assert page.locator(".tt-stop span span").evaluate_all(uncut)
    # A narrow strip shows fewer kernels, on the axis as well.
    film = page.locator(".tt-few" if width == 360 else EVERY_EPOCH)
    size = film.locator(".cw-frame").bounding_box()
    strip, root = film.locator(".cw-maps").bounding_box(), page.locator(".cw").bounding_box()
    assert size and strip and root and size["width"] > 15
    assert strip["x"] + strip["width"] + 4 <= root["x"] + root["width"]  # with its frame


def test_layers_kernels_and_the_film_of_one_kernel(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE), has_touch=True)
    expect(page.get_by_role("slider", name="Block 1: 32 maps")).to_be_visible()
    foot = page.locator(".cw-foot").bounding_box()
    page.get_by_role("radio", name="Block 1").press("ArrowLeft")
    expect(page.get_by_role("slider", name="Block 3: 128 maps of 8 × 8")).to_be_visible()
    framed(page)
    lower = page.locator(".cw-foot").bounding_box()
    assert foot and lower and abs(foot["y"] - lower["y"]) < 2
    page.get_by_role("radio", name="Block 3").press("ArrowLeft")
    expect(page.get_by_role("slider", name="Block 2: 64 maps of 16 × 16")).to_be_visible()
    assert state_of(page, "layer") == 1
    # A map of a later block: the mouse shows one, a press keeps it, and it is followed through all weights kept.
    wall, told = page.get_by_role("slider", name="Block 2:"), page.locator(".tt-told")
    wall.hover(position={"x": 5, "y": 5})
    expect(told).to_contain_text("Map 0 of Block 2")
    wall.press("ArrowRight")
    page.mouse.move(1, 1)
    expect(told).to_contain_text("Map 1 of Block 2")
    one = page.locator(".tt-strip > :nth-child(4)")  # as large as the picture
    expect(one.locator("b")).to_have_text("Map 1")
    expect(one.locator(".pv-head span")).to_have_text("from all of Block 1")
    shown, picture = one.locator("canvas").bounding_box(), page.locator(".pi-picture").bounding_box()
    assert shown and picture and shown["width"] == pytest.approx(picture["width"], abs=1)
    assert one.locator("canvas").evaluate("c => c.width") == 16
    # A press counts also while the mouse rests on another map.
    wall.hover(position={"x": 5, "y": 5})
    expect(told).to_contain_text("Map 0 of Block 2")
    wall.press("ArrowRight")
    expect(told).to_contain_text("Map 1 of Block 2")
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "false", timeout=30_000)
    assert page.locator(".tt-stop canvas").evaluate_all("all => all.map(one => one.width)") == [16] * 5
    # Its story stands below the walls, and above them that of the first kernels, which says whose it is.
    expect(page.locator(".tt-filmed")).to_contain_text("First kernels 0 to 3 after each epoch")
    places = [page.locator(one).first.bounding_box() for one in (EVERY_EPOCH, ".tt-wall", ".tt-told", ".tt-story")]
    tops = [box["y"] for box in places if box]
    assert len(tops) == 4 and tops == sorted(tops)
    page.get_by_role("slider", name="The 32 kernels").press("ArrowDown")
    assert state_of(page, "kernel") == 4
    # A mouse shows another kernel while it is over it, and chooses none.
    filmed, chosen = page.locator(".tt-filmed"), page.locator(f"{EVERY_EPOCH} .tt-names .now")
    page.get_by_role("slider", name="The 32 kernels").hover(position={"x": 40, "y": 10})
    expect(filmed).to_contain_text("kernels 0 to 3")
    expect(chosen).to_have_text("1")
    page.get_by_role("slider", name="The 32 kernels").press("ArrowRight")  # a key counts while the mouse rests there
    expect(chosen).to_have_text("2")
    assert state_of(page, "kernel") == 2
    page.evaluate("document.querySelector('[data-widget]').model.set('kernel', 4)")
    page.mouse.move(1, 1)
    expect(filmed).to_contain_text("kernels 4 to 7")
    expect(chosen).to_have_text("4")
    framed(page)
    kernels = kernel_pixels(load_run("good-25").first_kernels().numpy())
    film = np.array(pixels_of(page, "4 kernels of the first layer")).reshape(54, 362, 4)
    for row in range(4):
        assert (film[14 * row : 14 * row + 12 : 4, 14 * 25 :: 4, :3] == kernels[25, 4 + row]).all()
    assert (film[:, 12:14, 3] == 0).all() and (film[12:14, :, 3] == 0).all()
    # A press in the strip chooses kernel and epoch; the strip stays.
    strip = page.get_by_role("slider", name="4 kernels of the first layer")
    box = strip.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4)
    assert (state_of(page, "epoch"), state_of(page, "kernel")) == (25, 7)
    expect(strip).to_have_attribute("aria-valuetext", "kernel 7, epoch 25")
    expect(filmed).to_contain_text("kernels 4 to 7")
    expect(chosen).to_have_text("7")
    page.evaluate("document.querySelector('[data-widget]').model.set('epoch', 4)")
    expect(page.locator(".tt-top b")).to_have_text("Epoch 4")


PANELS = """() => [...document.querySelector("[data-cifar-widget]").shadowRoot.querySelectorAll(".tt-strip > figure")]
    .map(panel => [panel, ...[".pv-head", ".pv-head ~ :not(.tt-layers)"].map(one => panel.querySelector(one))])
    .map(all => all.map(one => one.getBoundingClientRect()))
    .map(all => all.map(({ left, right, top, bottom }) => [left, right, top, bottom]))"""


@pytest.mark.parametrize("width", [720, 800, 1300])
def test_five_panels_begin_and_end_on_the_same_lines(front: FrontEnd, width: int) -> None:
    page = front.open(training_through_time(HORSE), width=width)
    expect(page.get_by_role("slider", name="Block 1: 32 maps")).to_be_visible()
    strip, switch = page.locator(f"{EVERY_EPOCH} .cw-maps").bounding_box(), page.locator(".tt-layers").bounding_box()
    assert strip and switch
    for epoch in (0, 6, 25):
        page.evaluate(f"document.querySelector('[data-widget]').model.set('epoch', {epoch})")
        framed(page)
        panels = np.array(page.evaluate(PANELS))  # (5, (panel, head, content), (left, right, top, bottom))
        heads = panels[:, 1]
        assert np.ptp(heads[:, 2:], axis=0).max() < 1 and (abs(heads[:, :2] - panels[:, 0, :2]) < 1).all()
        assert np.ptp(panels[:, 2, 2]) < 5  # bars begin with words
        assert np.ptp(panels[[0, 1, 4], 0, 3]) < 1 and abs(panels[1, 2, 3] - panels[1, 0, 3]) < 2  # kernels fill theirs
        sides = [
            box["height"] for box in (page.locator(one).bounding_box() for one in (".pi-picture", ".tt-wall")) if box
        ]
        assert sides[0] == pytest.approx(sides[1], abs=0.5 if width > 720 else 10)
        assert heads[0, 2] - strip["y"] - strip["height"] > 10  # air
        assert heads[2, 2] <= switch["y"] and switch["y"] + switch["height"] <= heads[2, 3]
        assert switch["x"] + switch["width"] <= heads[2, 1]


def test_on_a_phone_all_pictures_are_in_sight_and_the_switch_is_large(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE), width=360)
    expect(page.get_by_role("slider", name="Block 1: 32 maps")).to_be_visible()
    gallery = page.get_by_role("radiogroup", name="Pictures")
    assert gallery.evaluate("one => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight")
    for target in (*gallery.get_by_role("radio").all(), *page.locator(".tt-layers").get_by_role("radio").all()):
        box = target.bounding_box()
        assert box and box["width"] > 31 and box["height"] > 31


DARKEST = "138,63,5"
COLOURS = """c => {
    const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
    return Array.from({ length: data.length / 4 }, (_, k) => data.slice(4 * k, 4 * k + 3).join());
}"""


def test_the_large_map_and_the_wall_have_the_scale_of_the_cards(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE))
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "false", timeout=30_000)
    run = load_run("good-25")
    maps = torch.stack([activations(run.model(epoch), HORSE)["block 1, ReLU"] for epoch in run.epochs_with_weights])
    one = page.locator(".tt-strip > :nth-child(4)")
    expect(one.locator(".pv-key")).to_have_text(f"0{float(maps[:, 0].max()):.2f}")
    expect(one).to_contain_text("one scale, all epochs")
    ends = maps.amax((2, 3))  # (epochs, maps)
    reaches = ends == ends.amax(0)
    for k, epoch in enumerate(run.epochs_with_weights):
        page.evaluate(f"document.querySelector('[data-widget]').model.set('epoch', {epoch})")
        expect(page.locator(".pv-head span").nth(4)).to_have_text(
            f"after epoch {epoch}" if epoch else "before training"
        )
        framed(page)
        large = one.locator("canvas").evaluate(COLOURS)
        assert large == page.locator(".tt-stop canvas").nth(k).evaluate(COLOURS)
        assert (DARKEST in large) == bool(reaches[k, 0])
        wall = np.array(page.locator(".tt-wall canvas").evaluate(COLOURS)).reshape(6 * 33 - 1, 6 * 33 - 1)
        tiles = [wall[33 * (m // 6) :, 33 * (m % 6) :][:32, :32] for m in range(32)]
        assert [bool((tile == DARKEST).any()) for tile in tiles] == [
            bool(end) or bool(maps[k, m].max() > 0.997 * ends[:, m].max()) for m, end in enumerate(reaches[k])
        ]


def test_no_answer_to_an_earlier_picture_stays_below_a_new_one(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE), width=360)
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "false", timeout=30_000)
    picture = page.get_by_role("slider", name="The picture")
    place = picture.bounding_box()
    page.evaluate("window.requestIdleCallback = () => 0")  # the other weights never get their turn
    page.get_by_role("radio", name="sketch: frog").click()
    stops = page.get_by_role("radiogroup", name="Weights that were kept").get_by_role("radio")
    for stop, kept in list(zip(stops.all(), load_run("good-25").epochs_with_weights, strict=True))[1:]:
        expect(stop).to_have_accessible_name(f"epoch {kept} …")
    expect(stops.first).to_have_accessible_name(re.compile("a guess"))
    expect(page.locator(".tt-told")).to_have_text("Map 0 of Block 1 with each set of weights")
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "true")
    assert picture.bounding_box() == place  # where the pen is
    # Of weights that are asked for, at once.
    stops.last.click()
    expect(stops.last.locator("b")).not_to_have_text("…")


def test_the_maps_of_one_story_share_a_scale_from_zero_up(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE))
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "false", timeout=30_000)
    run = load_run("good-25")
    maps = torch.stack([activations(run.model(epoch), HORSE)["block 1, ReLU"][0] for epoch in run.epochs_with_weights])
    assert float(maps.min()) >= 0
    # Only the map with the largest number of all reaches the end of the scale.
    is_largest = (maps.amax((1, 2)) == maps.max()).tolist()
    ends = page.locator(".tt-stop canvas").evaluate_all(
        """all => all.map(one => {
            const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
            return data.some((_, k) => k % 4 === 0 && String(data.slice(k, k + 3)) === "138,63,5");
        })"""
    )
    assert ends == is_largest and sum(ends) == 1


def test_playing_goes_through_the_epochs_and_ends_with_the_widget(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE))
    page.evaluate("document.querySelector('[data-widget]').model.set('epoch', 24)")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".tt-top b")).to_have_text("Epoch 25")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.evaluate("""() => {
        const wait = window.setTimeout;
        window.waits = [];
        window.setTimeout = (call, time) => (window.waits.push(time), wait(call, time));
    }""")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".tt-top b")).to_have_text("Epoch 1")
    page.get_by_role("button", name="Pause").click()
    assert page.evaluate("waits.filter(time => time === 1000).length") == 2, "it stays where weights were kept: 0 and 1"
    stopped = state_of(page, "epoch")
    page.get_by_role("slider", name="The picture").press(" ")
    expect(page.locator(".tt-top b")).to_have_text(f"Epoch {stopped}")
    page.evaluate("document.querySelector('[data-widget]').close()")
    assert page.locator("[data-cifar-widget]").count() == 0


def test_traits_are_checked_and_words_say_what_is_shown() -> None:
    widget = training_through_time(HORSE)
    widget.epoch = 6
    said = predict(HORSE, load_run("good-25").model(3))
    assert "after epoch 6, validation accuracy 76.2 %" in widget.words()
    assert f"With the weights of epoch 3 it predicts {said.label}" in widget.words()
    with pytest.raises(traitlets.TraitError, match="set 0 to 25"):
        widget.epoch = 26
    with pytest.raises(traitlets.TraitError, match="32 kernels: set 0 to 31"):
        widget.kernel = 32
    assert isinstance(widget, TrainingThroughTime)
    with pytest.raises(ValueError, match="without the kernels"):
        training_through_time(HORSE, "published-25")
    with pytest.raises(ValueError, match="uint8"):
        training_through_time(random_images(1).images[0].float())


def test_the_hint_names_the_sketch_that_is_taken_for_most_classes() -> None:
    run = load_run("good-25")
    trained = [run.model(epoch) for epoch in run.epochs_with_weights[1:]]
    kinds = {
        name: len({predict(torch.from_numpy(pixels.copy()), model).label for model in trained})
        for name, pixels in sketches().items()
    }
    assert kinds["frog"] == max(kinds.values())
    assert training_through_time(HORSE).hint == f"Try the frog: its prediction goes through {kinds['frog']} classes."


def test_the_first_kernels_change_mostly_in_ten_epochs_as_lesson_04_says() -> None:
    run = load_run("good-25")
    kernels = np.asarray(run.first_kernels()).reshape(26, -1)
    early, late = (
        float(np.linalg.norm(kernels[b] - kernels[a]) / np.linalg.norm(kernels[a])) for a, b in ((0, 10), (10, 25))
    )
    assert 9 < early / late < 12
    tenth, last = run.history.rows[9], run.history.rows[-1]
    assert (
        last.train_accuracy > tenth.train_accuracy + 0.1 and last.validation_accuracy > tenth.validation_accuracy + 0.05
    )


def test_a_sketch_is_seen_with_all_weights_that_were_kept(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE))
    pictures = page.get_by_role("radiogroup", name="Pictures").get_by_role("radio")
    expect(pictures).to_have_count(11)
    expect(pictures.first).to_be_checked()
    page.get_by_role("radio", name="sketch: cat").click()
    cat, run = torch.from_numpy(sketches()["cat"].copy()), load_run("good-25")
    stops = page.get_by_role("radiogroup", name="Weights that were kept").get_by_role("radio")
    for stop, epoch in list(zip(stops.all(), run.epochs_with_weights, strict=True))[1:]:
        expect(stop.locator("b")).to_have_text(predict(cat, run.model(epoch)).label, timeout=30_000)
    pictures.first.click()
    last = predict(HORSE, run.model())
    expect(page.locator(".tt-story b").last).to_have_text(last.label)


@pytest.mark.parametrize("name", ["frog", "automobile"])
def test_a_sketch_is_named_and_each_prediction_right_or_wrong_until_it_is_changed(front: FrontEnd, name: str) -> None:
    page = front.open(training_through_time(HORSE))
    head, marks = page.locator(".tt-strip .pv-head").first, page.locator(".tt-stop [role=img]")
    expect(head).to_have_text("PictureDraw on it")
    expect(page.locator(".tt-pictures p")).to_contain_text("Try the frog")
    page.get_by_role("radio", name=f"sketch: {name}").click()
    expect(head).to_have_text(f"Sketch:{name}")
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "false", timeout=30_000)
    sketch, run = torch.from_numpy(sketches()[name].copy()), load_run("good-25")
    said = {epoch: predict(sketch, run.model(epoch)).label for epoch in run.epochs_with_weights[1:]}
    expect(marks).to_have_text(["✓" if label == name else "✗" for label in said.values()])  # none for a guess
    own = page.locator(".cw-bars > :has(canvas:not([hidden]))")
    expect(own).to_have_count(0)
    for epoch, label in said.items():
        page.evaluate(f"document.querySelector('[data-widget]').model.set('epoch', {epoch})")
        expect(own).to_have_text([] if label == name else [name])
        right = "right" if label == name else "wrong"
        expect(page.get_by_role("radio", name=re.compile(rf"^epoch {epoch} {label} .*{right} mean"))).to_have_count(1)
    expect(page.locator(".cw-sr")).to_contain_text(f"Sketch: {name}")
    page.get_by_role("slider", name="The picture").click(position={"x": 5, "y": 5})
    expect(head).to_have_text("PictureDraw on it")
    expect(page.locator(".cw")).to_have_attribute("aria-busy", "false", timeout=30_000)
    expect(marks).to_have_count(0)
    expect(own).to_have_count(0)


def test_a_finger_finds_pens_and_buttons(front: FrontEnd) -> None:
    page = front.open(training_through_time(HORSE), width=360, has_touch=True, is_mobile=True)
    targets = page.locator(".pi-pens button, .pi-sources button").all()
    assert len(targets) == 8
    for box in (target.bounding_box() for target in targets):
        assert box and box["height"] >= 36
