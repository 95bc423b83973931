"""Receptive fields: the field is what the gradient reaches, and the most exciting pictures are PyTorch's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import pytest
import torch
import traitlets
from chrome import FrontEnd, cancelled_touch, next_frame, state_of
from helpers import random_images
from playwright.sync_api import Page, expect
from torch import Tensor, nn

from cifar_helpers import CifarCNN, CompactCNN, normalise
from cifar_helpers.data import CLASSES
from cifar_helpers.widgets import receptive_field as receptive_field_widget
from cifar_helpers.widgets.feature_maps import activations, layer_outputs, with_maps_only
from cifar_helpers.widgets.receptive_field import most_exciting

IMAGES = random_images(12)


def network(seed: int = 0) -> CifarCNN:
    torch.manual_seed(seed)
    model = CifarCNN(width=0.25)
    with torch.no_grad():
        model(normalise(IMAGES.images))
    return model.eval()


def test_the_most_exciting_pictures_have_the_largest_activations() -> None:
    model = network()
    found = most_exciting(model, IMAGES.images, count=3)["block 2, ReLU"]
    maps = torch.stack([activations(model, picture)["block 2, ReLU"] for picture in IMAGES.images])
    values, pictures = maps.flatten(2).max(2).values.topk(3, dim=0)
    torch.testing.assert_close(found.values, values.T)
    assert torch.equal(found.pictures, pictures.T)
    place = int(found.places[1, 0])
    assert maps[found.pictures[1, 0], 1].flatten()[place] == pytest.approx(float(found.values[1, 0]))


def test_it_begins_with_the_fourth_horse_and_its_most_excited_unit() -> None:
    images = random_images(60)
    horse = int((images.labels == 7).nonzero()[3])
    field = receptive_field_widget(images, network())
    maps = activations(network(), images.images[horse])["block 3, ReLU"]
    assert (field.picture, field.layer) == (horse, "block 3, ReLU")
    assert field.activation == pytest.approx(float(maps.max()))
    assert f"picture {horse}, of class horse" in field.words()
    assert receptive_field_widget(images.subset(slice(0, 3)), network()).picture == 0


def test_no_images_and_no_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no images"):
        receptive_field_widget(IMAGES.subset(slice(0, 0)))
    with pytest.raises(ValueError, match="has no maps"):
        receptive_field_widget(IMAGES, nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)))


class Sums(nn.Module):
    """All weights above zero and no kinks, so that a unit's gradient reaches all that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, dilation=2, padding=2), nn.AvgPool2d(2), nn.BatchNorm2d(4))
        self.inner = nn.Conv2d(4, 4, 5, padding=2)
        self.last = nn.Sequential(nn.Conv2d(4, 4, (3, 1), stride=2, padding=(1, 0)), nn.AvgPool2d(3, 2))
        self.head = nn.Linear(4, 10)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.maps(x).mean((2, 3)))

    def maps(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(self.inner(x) + x)


def reached(row: int, column: int) -> str:
    """Rows and columns of the picture that change a unit, as the widget says them."""
    picture = torch.zeros(1, 3, 32, 32, requires_grad=True)
    Sums().eval().maps(picture)[0, :, row, column].sum().backward()
    assert picture.grad is not None
    changed = picture.grad[0].abs().sum(0) > 0
    ends = [changed.any(axis).nonzero().flatten()[[0, -1]].tolist() for axis in (1, 0)]
    return f"rows {ends[0][0]} to {ends[0][1]}, columns {ends[1][0]} to {ends[1][1]}."


def test_the_field_in_the_browser_is_what_the_gradient_reaches(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(IMAGES, Sums()))
    units = page.get_by_role("slider", name="block 3, average pooling")
    spoken = page.locator(".cw-sr")
    units.click(position={"x": 3, "y": 3})
    assert state_of(page, "pixel") == [0, 0]
    expect(page.locator(".rf-seen")).to_have_text("This Block 3 pool unit sees 26 × 22 pixels")
    page.keyboard.press("PageUp")
    expect(page.get_by_role("slider", name="block 3, convolution")).to_be_focused()
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert state_of(page, "pixel") == [1, 1]
    expect(spoken).to_contain_text("It sees 26 × 22 pixels: ")
    expect(spoken).to_contain_text(reached(1, 1))
    assert page.locator(".cw-terms b").all_inner_texts() == ["18", "(3 − 1)", "4", "26"]
    captions = ["Block 3 conv sees", "window 3, minus 1", "pixels per step in Block 3 conv", "field"]
    assert page.locator(".cw-terms .cw-cap").all_inner_texts() == captions


def test_pointing_and_pressing_choose_units_and_pictures(front: FrontEnd) -> None:
    model = network()
    field = receptive_field_widget(IMAGES, model)
    page = front.open(field)
    first = page.get_by_role("slider", name="Units of block 1, ReLU")
    unit = page.locator(".rf-unit > p")
    best = page.locator(".rf-best")
    before = [part.inner_text() for part in (unit, best)]
    drawn = first.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    first.hover(position={"x": 60, "y": 70})
    expect(page.locator(".rf-seen")).to_have_text("This Block 1 ReLU unit sees 3 × 3 pixels")
    assert unit.inner_text() != before[0]
    assert best.inner_text() == before[1] and "of Block 3 ReLU" in before[1]  # about the layer chosen, as it says
    expect(best).to_have_css("opacity", "0.35")  # and pale while the unit is of another,
    assert best.evaluate("best => getComputedStyle(best).transitionDelay") == "0.2s"  # but not while the mouse crosses
    best.hover()
    expect(best).to_have_css("opacity", "1")
    expect(unit).to_have_text(before[0])
    page.locator(".cw-terms").get_by_text("Block 2 pool sees").hover()
    expect(page.locator(".rf-lit")).to_have_attribute("data-side", "10 × 10")
    # All maps are drawn as large as each other, whatever their rim.
    widths = page.locator(".rf-cell").evaluate_all(
        """cells => cells.map(cell => {
            const rim = cell.querySelector(".cw-rim");
            return Math.round((rim?.offsetWidth || cell.firstChild.clientWidth) / 3);
        })"""
    )
    assert len(widths) == 6 and len(set(widths)) == 1, widths

    # A press keeps the map that was pointed at, and shows no other one under the pointer.
    first.click(position={"x": 60, "y": 70})
    row, column = state_of(page, "pixel")  # type: ignore[misc]
    maps = activations(model, IMAGES.images[field.picture])["block 1, ReLU"]
    channel = state_of(page, "channel")
    assert isinstance(channel, int)
    assert state_of(page, "layer") == "block 1, ReLU"
    expect(unit).to_contain_text(f"activation {float(maps[channel, row, column]):.2f}")
    expect(page.locator(".rf-chain .rf-here")).to_have_text(f"Block 1 ReLUsees 3 × 3map {channel} of 8")
    expect(page.locator(".rf-map")).to_contain_text(f"Map {channel} of Block 1 ReLU")
    assert first.locator("canvas").evaluate("canvas => canvas.toDataURL()") == drawn
    # Hatched is only what the unit's field has beyond the picture, and to see it moves nothing.
    big = page.locator(".rf-big")
    place = big.bounding_box()
    zeros = """big => {
        const place = part => big.querySelector(part).getBoundingClientRect();
        for (const [one, other] of [[".rf-zeros", ".cw-frame"], [".rf-veil", "canvas"]]) {
            for (const side of ["left", "top", "right", "bottom"]) {
                if (Math.abs(place(one)[side] - place(other)[side]) > 0.5) throw new Error(`${one} is not on ${other}`);
            }
        }
        return place(".rf-zeros").left < place("canvas").left - 1;
    }"""
    for unit_at in ([0, 0], [row, column]):
        page.evaluate("at => document.querySelector('[data-widget]').model.set('pixel', at)", unit_at)
        next_frame(page)
        assert big.bounding_box() == place
        assert big.evaluate(zeros) is (unit_at == [0, 0])
    # The picture is bright where the unit sees it.
    hole = page.locator(".rf-veil").evaluate("veil => veil.style.clipPath.match(/([0-9.]+)% ([0-9.]+)%.$/).slice(1)")
    assert [float(share) * 0.32 for share in hole] == pytest.approx([max(0, column - 1), max(0, row - 1)])
    # The frames of later layers, which the unit does not see, show at their names alone, and say whose they are.
    assert frames(page) == [3, 4, 8, 10, 18, 22]
    nested = page.locator(".rf-big i[data-side]").filter(visible=True)
    expect(nested).to_have_count(0)
    for k, side in [(1, "4 × 4"), (5, "22 × 22")]:
        page.locator(".rf-chain div.cw-cap").nth(k).hover()
        expect(nested).to_have_count(1)
        expect(nested).to_have_attribute("data-side", side)

    page.get_by_role("slider", name="Map").fill("3")
    expect(page.locator(".rf-chain .rf-here")).to_contain_text("map 3 of 8")
    excited = most_exciting(model, IMAGES.images)["block 1, ReLU"]
    labels = IMAGES.labels[excited.pictures[3]].bincount(minlength=10)
    most = int(labels.max())
    leading = f"{most} of these 8 are {plural(int(labels.argmax()))}; of all 12, " if most > 4 else "Mixed: "
    expect(page.locator(".rf-best")).to_contain_text(leading)
    expect(page.locator(".rf-map")).to_contain_text("Map 3 of Block 1 ReLU")
    # A small field is enlarged: of the picture there are two pixels on each side.
    frame = page.locator(".rf-around i").nth(1)
    shown = "one => (({ top, left }) => [top, left].map(share => Math.round(parseFloat(share) * 0.07)))(one.style)"
    place = [max(0, cell - 1 - min(25, max(0, cell - 3))) for cell in divmod(int(excited.places[3, 1]), 32)]
    assert frame.evaluate(shown) == place
    name = page.locator(".iw-name")
    box = name.bounding_box()
    page.get_by_role("radiogroup", name="Most exciting").get_by_role("radio").nth(1).click()
    assert state_of(page, "picture") == int(excited.pictures[3, 1])
    assert state_of(page, "pixel") == list(divmod(int(excited.places[3, 1]), 32))
    expect(unit).to_contain_text(f"activation {float(excited.values[3, 1]):.2f}")
    expect(name).to_contain_text(f"picture {int(excited.pictures[3, 1])}")
    assert name.bounding_box() == box  # a long name moves nothing


def plural(label: int) -> str:
    return "deer" if CLASSES[label] == "deer" else f"{CLASSES[label]}s"


SHOWN_MAPS = "all => all.map(one => Number(one.textContent.split(' ')[1]))"


def test_a_pooled_map_and_the_map_that_it_is_made_of_have_one_number(front: FrontEnd) -> None:
    model = network()
    page = front.open(receptive_field_widget(IMAGES, model))
    unit, which = page.locator(".rf-unit > p"), page.locator(".rf-cell + .cw-cap")
    slider = page.get_by_role("slider", name="Map", exact=True)
    excited = page.get_by_role("radiogroup", name="Most exciting").get_by_role("radio")
    expect(which.last).to_contain_text("map ")  # drawn, on a busy machine, too
    for block, kind, channel in [(1, "pooling", 5), (2, "pooling", 9), (3, "pooling", 31), (3, "ReLU", 2)]:
        numbers = which.evaluate_all(SHOWN_MAPS)
        assert numbers[0::2] == numbers[1::2]
        page.get_by_role("slider", name=f"Units of block {block}, {kind}").click()
        expect(slider).to_have_attribute("max", str(8 * 2 ** (block - 1) - 1))  # that of this layer
        slider.fill(str(channel))
        expect(page.locator(".rf-map")).to_contain_text(f"Map {channel} of ")
        excited.first.click()  # of another picture, and another unit
        expect(which.nth(2 * block - 2)).to_contain_text(f"map {channel} of ")
        expect(which.nth(2 * block - 1)).to_contain_text(f"map {channel} of ")
        # The largest of the four units that are framed is the pooled one.
        maps = activations(model, IMAGES.images[int(str(state_of(page, "picture")))])
        row, column = (at // (2 if kind == "ReLU" else 1) for at in state_of(page, "pixel"))  # type: ignore[attr-defined]
        pooled = maps[f"block {block}, pooling"][channel, row, column]
        page.evaluate(CHOOSE, [f"block {block}, ReLU", [2 * row, 2 * column]])
        four = []
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            expect(unit).to_contain_text("Row {}, column {}:".format(*state_of(page, "pixel")))  # type: ignore[misc]
            four.append(unit.inner_text().split()[-1])
            page.get_by_role("slider", name=f"Units of block {block}, ReLU").press(key)
        assert max(four) == f"{float(pooled):.2f}"
    # A sum keeps the number, too: both of its layers belong to the map that is pooled from it.
    page = front.open(receptive_field_widget(IMAGES, Shortcut()))
    page.get_by_role("slider", name="pooling").click()
    page.get_by_role("slider", name="Map", exact=True).fill("3")
    expect(page.locator(".rf-map")).to_contain_text("Map 3 of ")
    assert page.locator(".rf-cell + .cw-cap").evaluate_all(SHOWN_MAPS)[1:] == [3, 3, 3]


CHOOSE = """([layer, pixel]) => {
    const { model } = document.querySelector("[data-widget]");
    model.set("layer", layer);
    model.set("pixel", pixel);
}"""


class Shortcut(nn.Module):
    """Two convolutions side by side, and a pooling of their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.left, self.right = (nn.Conv2d(count, 4, 3, padding=1) for count in (3, 4, 4))
        self.pool, self.head = nn.MaxPool2d(2), nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.head(self.pool(torch.relu(self.left(x) + self.right(x))).mean((2, 3)))


def test_maps_without_an_activation_are_those_of_the_convolution(front: FrontEnd) -> None:
    bare = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(4 * 28 * 28, 10))
    page = front.open(receptive_field_widget(IMAGES, bare))
    expect(page.locator(".rf-seen")).to_contain_text("This Block 2 conv unit")
    expect(page.locator(".rf-unit > p")).to_have_text(re.compile(r"activation −?\d\.\d\d$"))


def frames(page: Page) -> list[int]:
    """Sides of the fields framed on the picture, in pixels."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => {
            const big = document.querySelector("[data-cifar-widget]").shadowRoot.querySelector(".rf-big");
            const { width } = big.querySelector("canvas").getBoundingClientRect();
            const all = [...big.querySelectorAll("i[data-side]:not([hidden]), .cw-frame")];
            const sides = all.map(one => one.offsetWidth / width);
            return sides.map(side => Math.round(side * 32)).sort((a, b) => a - b);
        }"""
    )


def test_the_key_of_earlier_layers_is_shown_where_there_are_some(front: FrontEnd) -> None:
    widget = receptive_field_widget(random_images(3), network())
    for layer, pixel, is_shown in [(widget.layers[0], 0, False), (widget.layers[1], 2, True)]:
        widget.layer, widget.channel, widget.pixel = layer, 0, [pixel, pixel]
        page = front.open(widget)
        expect(page.get_by_text("fields of earlier units")).to_be_visible(visible=is_shown)
        expect(page.get_by_text("outside the picture", exact=True)).to_be_visible(visible=not pixel)
    lines = [page.locator(part).first.evaluate("e => getComputedStyle(e).borderTopStyle")
             for part in (".rf-big .rf-field", ".rf-big .cw-frame")]  # fmt: skip
    assert lines[0] == "dashed" != lines[1]  # the unit's own field looks different


def test_a_touch_that_scrolls_the_page_moves_no_unit(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(IMAGES, network()), width=360, has_touch=True)
    before = state_of(page, "pixel")
    big = page.locator(".rf-big")
    big.scroll_into_view_if_needed()
    box = big.bounding_box()
    assert box
    page.evaluate(
        """() => {
            const { model } = document.querySelector("[data-widget]");
            window.pixels = [];
            model.on("change:pixel", () => pixels.push(model.get("pixel")));
        }"""
    )
    cancelled_touch(page, box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6)
    pixels = page.evaluate("pixels")
    assert len(pixels) == 2 and pixels[0] != before and pixels[1] == before


def test_a_finger_that_begins_sideways_drags_the_unit_and_a_swipe_scrolls_the_page(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(IMAGES, network()), width=360, has_touch=True)
    big = page.locator(".rf-big")
    big.scroll_into_view_if_needed()
    touch = page.context.new_cdp_session(page)

    def go(*ways: tuple[float, float]) -> list[int]:
        """Along points of the picture, as shares of its size; the rows of the unit on the way."""
        box, rows = big.bounding_box(), []
        assert box
        for kind, (right, down) in zip(["touchStart", *["touchMove"] * len(ways)], ways, strict=False):
            point = {"x": box["x"] + box["width"] * right, "y": box["y"] + box["height"] * down}
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
            next_frame(page)
            rows.append(state_of(page, "pixel")[0])  # type: ignore[index]
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        return rows

    scrolled = page.evaluate("scrollY")
    rows = go((0.3, 0.3), (0.4, 0.32), (0.5, 0.34), (0.5, 0.5), (0.5, 0.7))
    assert rows[0] < rows[-1] == state_of(page, "pixel")[0] and page.evaluate("scrollY") == scrolled  # type: ignore[index]
    kept = state_of(page, "pixel")
    go(*((0.5, 0.8 - 0.1 * k) for k in range(6)))
    page.wait_for_function(f"() => scrollY > {scrolled} + 20")
    assert state_of(page, "pixel") == kept


def test_the_name_of_a_layer_chooses_it_and_the_unit_at_the_same_place(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(IMAGES, network()))
    page.evaluate(CHOOSE, ["block 1, ReLU", [20, 10]])
    expect(page.locator(".rf-here")).to_contain_text("Block 1 ReLU")
    page.locator(".rf-chain").get_by_text("Block 2 ReLU").click()
    expect(page.locator(".rf-here")).to_contain_text("Block 2 ReLU")
    assert (state_of(page, "layer"), state_of(page, "pixel")) == ("block 2, ReLU", [10, 5])


def test_padding_that_a_field_reaches_into_is_said_and_python_may_set_the_state(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(IMAGES, CompactCNN((8, 8, 8))), width=360)
    # Layer and unit come from Python one by one, and the first unit may lie outside the new layer.
    page.evaluate("document.querySelector('[data-widget]').model.set('pixel', [31, 31])")
    next_frame(page)
    assert page.locator(".rf-seen").evaluate("line => line.offsetHeight") < 26  # on one line
    rest = page.locator(".rf-big").bounding_box()
    page.get_by_role("radio", name="Effective field").evaluate("radio => radio.click()")  # and scrolls nothing
    expect(page.locator(".rf-effect")).to_contain_text("effect")
    assert page.locator(".rf-big").bounding_box() == rest  # the other view moves nothing
    page.get_by_role("radio", name="Field", exact=True).click()
    box = page.locator(".receptive_field").bounding_box()
    assert box is not None and box["width"] <= 360
    words = page.locator(".rf-best button span span, .rf-chain .cw-cap b, .cw-terms div")
    assert words.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth || !one.clientWidth)")
    page.evaluate("document.querySelector('[data-widget]').close()")
    assert page.locator("[data-cifar-widget]").count() == 0


class Mixed(nn.Module):
    """Groups, GELU, a rim of padding that average pooling counts, a factor, and a shortcut around all of them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2, stride=2), nn.GELU(), nn.AvgPool2d(3, 1, 1))
        self.second = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.pool, self.head = nn.MaxPool2d(3, 2, 1), nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.head(torch.relu(self.pool(0.5 * self.second(x) + x)).mean((2, 3)))


def slopes_of(model: nn.Module, picture: Tensor, layer: str, unit: tuple[int, int, int], by: str = "") -> Tensor:
    """PyTorch's gradient of a unit by the picture, or by the maps of another layer times their values."""
    _, graph = with_maps_only(model)
    values = normalise(picture[None]).requires_grad_()
    outputs = {node.label: output for node, output in layer_outputs(graph, values)}
    (found,) = torch.autograd.grad(outputs[layer][0][unit], outputs[by] if by else values)
    return cast("Tensor", found * outputs[by] if by else found)[0].detach()


@pytest.mark.parametrize("make", [network, Sums, Shortcut, Mixed])
def test_the_effective_field_is_the_gradient_of_pytorch(front: FrontEnd, make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(1)
    model = make().eval()
    field = receptive_field_widget(IMAGES, model)
    field.effective = True
    page = front.open(field)
    said = page.locator(".rf-effect")
    assert page.get_by_role("radio", name="Effective field").get_attribute("aria-checked") == "true"
    seen = 0
    for layer in field.layers:
        field.layer, field.channel = layer, 1
        _, height, width = activations(model, IMAGES.images[field.picture])[layer].shape
        for place in [(0, 0), (height // 2, width // 3), (height - 1, width // 2)]:
            page.evaluate(CHOOSE, [layer, list(place)])
            page.evaluate("document.querySelector('[data-widget]').model.set('channel', 1)")
            expect(page.locator(".rf-unit > p")).to_contain_text(f"Row {place[0]}, column {place[1]}:")
            next_frame(page)
            effect = slopes_of(model, IMAGES.images[field.picture], layer, (1, *place)).abs().sum(0)
            if not effect.any():
                expect(said).to_have_text("No pixel has an effect here")
                continue
            seen += 1
            expect(said).to_contain_text("Middle ")
            numbers = [int(number) for number in re.findall(r"\d+", said.inner_text())]
            height_now, width_now, share, _ = numbers
            frame = page.evaluate(FRAME)
            inner = effect[max(0, frame[0]) : frame[0] + height_now, max(0, frame[1]) : frame[1] + width_now]
            assert share == pytest.approx(100 * float(inner.sum() / effect.sum()), abs=1), (layer, place)
            # Where the colour is strongest, the slopes are largest.
            row, column = page.evaluate(DARKEST)
            assert float(effect[row, column]) > 0.97 * float(effect.max()), (layer, place)
    assert seen > 3


FRAME = """() => {
    const big = document.querySelector("[data-cifar-widget]").shadowRoot.querySelector(".rf-big");
    const inner = big.querySelector("i.rf-field:not([data-side])").getBoundingClientRect();
    const canvas = big.querySelector("canvas").getBoundingClientRect();
    return [inner.top - canvas.top, inner.left - canvas.left].map(px => Math.round((px / canvas.width) * 32));
}"""
DARKEST = """() => {
    const { shadowRoot } = document.querySelector("[data-cifar-widget]");
    const canvas = shadowRoot.querySelector(".rf-big canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, 32, 32);
    const is = [0x8a, 0x3f, 0x05]; // the end of the scale
    let best = 0;
    const far = i => is.reduce((sum, one, c) => sum + Math.abs(one - data[i * 4 + c]), 0);
    for (let i = 1; i < 1024; i++) if (far(i) < far(best)) best = i;
    return [Math.floor(best / 32), best % 32];
}"""


def test_a_unit_that_is_off_has_no_effective_field(front: FrontEnd) -> None:
    model = network()
    field = receptive_field_widget(IMAGES, model)
    maps = activations(model, IMAGES.images[field.picture])["block 3, ReLU"]
    channel, row, column = (maps == 0).nonzero()[0].tolist()
    field.channel, field.pixel, field.effective = channel, [row, column], True
    page = front.open(field)
    expect(page.locator(".rf-effect")).to_have_text("No pixel has an effect here")
    expect(page.locator(".rf-keys p")).to_have_text("After any small change the unit stays 0.00.")
    expect(page.locator(".cw-sr")).to_contain_text("No pixel has an effect here.")
    expect(page.locator(".rf-hint")).to_contain_text("Each earlier layer shows one of its maps.")  # none adds anything
    page.get_by_role("radio", name="Field", exact=True).click()
    assert state_of(page, "effective") is False
    expect(page.locator(".rf-seen")).to_be_visible()


def test_earlier_layers_show_the_map_that_adds_most(front: FrontEnd) -> None:
    model = network()
    field = receptive_field_widget(IMAGES, model)
    page = front.open(field)
    which = page.locator(".rf-cell + .cw-cap")
    picture = IMAGES.images[field.picture]
    maps = activations(model, picture)["block 3, ReLU"]
    expect(page.locator(".rf-hint")).to_contain_text(
        "Frames mark the unit’s input. Each earlier layer shows the map that adds most to the chosen unit."
    )
    for row, column in maps[field.channel].nonzero()[:4].tolist():
        page.evaluate(CHOOSE, ["block 3, ReLU", [row, column]])
        expect(page.locator(".rf-unit > p")).to_contain_text(f"Row {row}, column {column}:")
        next_frame(page)
        shown = which.evaluate_all(SHOWN_MAPS)
        for k, layer in enumerate(field.layers[:4]):
            added = slopes_of(model, picture, "block 3, ReLU", (field.channel, row, column), layer).sum((1, 2))
            assert float(added[shown[k]]) == pytest.approx(float(added.max()), rel=1e-3)


def test_a_class_goes_to_the_maps_that_respond_mostly_to_it(front: FrontEnd) -> None:
    model = network()
    images = IMAGES.subset(slice(0, 12))
    images = type(images)(images.images, torch.tensor([7] * 7 + [3] * 5))  # most of the eight are of class 7 at times
    page = front.open(receptive_field_widget(images, model))
    best = page.locator(".rf-best")
    excited, pressed = most_exciting(model, images.images), 0
    for layer in ("block 3, ReLU", "block 1, ReLU"):
        page.get_by_role("slider", name=f"Units of {layer}").click()
        labels = images.labels[excited[layer].pictures]
        lit = excited[layer].values > 0  # a map that is 0 everywhere responds to nothing
        own = {label: ((labels == label) & lit).sum(1).gt(4).nonzero().flatten().tolist() for label in (3, 7)}
        many = sum(map(len, own.values()))
        verb = "favour" if many > 1 else "favours"
        expect(best).to_contain_text(f"{many or 'None'} of the {len(labels)} maps {verb} one class (5 or more of 8)")
        for label, maps in own.items():
            chip = best.get_by_role("button", name=f"{CLASSES[label]}:")
            if not maps:
                expect(chip).to_have_count(0)
                continue
            visited = []
            for _ in maps:
                chip.click()
                pressed += 1
                expect(chip).to_have_attribute("aria-pressed", "true")
                channel = int(str(state_of(page, "channel")))
                times = int((labels[channel] == label).sum())
                total = int((images.labels == label).sum())
                expect(best).to_contain_text(f"{times} of these 8 are {plural(label)}; of all 12, {total}.")
                visited.append((channel, times))
                # It leads to the map's strongest unit, and not to one that may be off.
                strongest = excited[layer]
                assert state_of(page, "picture") == int(strongest.pictures[channel, 0])
                expect(page.locator(".rf-unit b").first).to_have_text(f"{float(strongest.values[channel, 0]):.2f}")
                expect(best.get_by_role("radio").first).to_have_attribute("aria-checked", "true")
            assert sorted(channel for channel, _ in visited) == maps  # type: ignore[type-var]
    assert pressed > 3


def test_a_way_leads_from_a_unit_that_is_off_to_the_strongest_of_its_map(front: FrontEnd) -> None:
    model = network()
    with torch.no_grad():  # in block 1, map 2 is off in all pictures; in block 3, some maps are off in single ones
        norm = cast("nn.BatchNorm2d", model.get_submodule("features.0.1"))
        norm.weight[2], norm.bias[2] = 0, -1
    field = receptive_field_widget(IMAGES, model)
    layer = "block 3, ReLU"
    peaks = torch.stack([activations(model, picture)[layer] for picture in IMAGES.images]).flatten(2).max(2).values
    best = most_exciting(model, IMAGES.images)[layer]
    page = front.open(field)
    way, unit = page.get_by_role("button", name="Active unit"), page.locator(".rf-unit > p")
    expect(way).to_be_hidden()  # it begins with an active unit
    # In a map that is somewhere active in the picture, the way stays in it.
    maps = activations(model, IMAGES.images[field.picture])[layer]
    channel = int(((maps == 0).flatten(1).any(1) & (peaks[field.picture] > 0)).nonzero()[0])
    off = (maps[channel] == 0).nonzero()[0].tolist()
    page.evaluate(SET, {"channel": channel, "pixel": off})
    expect(unit).to_contain_text("activation 0.00")
    expect(way).to_have_attribute("title", "The strongest unit of this map in this picture")
    way.click()
    expect(unit).to_contain_text(f"activation {float(maps[channel].max()):.2f}")
    expect(way).to_be_hidden()
    assert state_of(page, "picture") == field.picture
    expect(page.get_by_role("slider", name=f"Units of {layer}")).to_be_focused()
    # In one that is off all over the picture, it leads to another picture.
    picture, channel = ((peaks == 0) & (peaks.max(0).values > 0)).nonzero()[0].tolist()
    page.evaluate(SET, {"picture": picture, "channel": channel})
    expect(way).to_have_attribute("title", re.compile(f"in .*picture {int(best.pictures[channel, 0])}$"))
    way.press("Enter")
    assert state_of(page, "picture") == int(best.pictures[channel, 0])
    expect(unit).to_contain_text(f"activation {float(best.values[channel, 0]):.2f}")
    # And where all pictures leave the map off, there is none.
    page.evaluate(SET, {"layer": "block 1, ReLU", "channel": 2})
    expect(page.locator(".rf-map")).to_contain_text("Map 2 of Block 1 ReLU")
    expect(unit).to_contain_text("activation 0.00")
    expect(way).to_be_hidden()
    expect(page.locator(".rf-best")).to_contain_text("No picture excites this map.")


SET = """values => {
    const { model } = document.querySelector("[data-widget]");
    for (const [name, value] of Object.entries(values)) model.set(name, value);
}"""


def test_max_pooling_is_said_to_pass_on_one_unit(front: FrontEnd) -> None:
    model = network()
    field = receptive_field_widget(IMAGES, model)
    maps = activations(model, IMAGES.images[field.picture])["block 3, pooling"]
    channel, row, column = divmod(int(maps.argmax()), 16)[0], *divmod(int(maps.argmax()) % 16, 4)
    field.layer, field.channel, field.pixel, field.effective = "block 3, pooling", channel, [row, column], True
    page = front.open(field)
    note = page.locator(".rf-keys p")
    expect(note).to_have_text("Max pooling passes on one unit, so only its 18 × 18 pixels matter.")
    effect = slopes_of(model, IMAGES.images[field.picture], "block 3, pooling", (channel, row, column)).abs().sum(0)
    for axis in (0, 1):
        reached = effect.sum(axis).nonzero().flatten()
        assert 0 < int(reached[-1] - reached[0]) < 18
    page.evaluate(CHOOSE, ["block 3, ReLU", [2 * row, 2 * column]])
    expect(note).not_to_contain_text("Max pooling")


def test_a_tap_on_a_map_brings_the_picture_into_view_and_is_called_a_tap(front: FrontEnd) -> None:
    widget = receptive_field_widget(IMAGES, network())
    page = front.open(widget, width=360, height=740, has_touch=True, reduced_motion="reduce")
    expect(page.locator(".rf-hint")).to_contain_text("Tap a unit, or drag across the picture.")
    expect(page.locator(".rf-by-touch")).to_be_visible()
    expect(page.locator(".rf-by-mouse")).to_be_hidden()
    place = page.locator(".rf-big").bounding_box()
    assert place and place["y"] + place["height"] > 740
    page.get_by_role("slider", name="Units of block 3, pooling").tap()
    place = page.locator(".rf-big").bounding_box()
    assert place and place["y"] >= 0 and place["y"] + place["height"] <= 740.5
    # A mouse has the picture beside the maps, or a wheel under its finger: it moves nothing.
    page = front.open(widget, width=360, height=740, reduced_motion="reduce")
    page.get_by_role("slider", name="Units of block 3, pooling").click()
    assert page.evaluate("scrollY") == 0


def test_what_keys_do_is_said_where_they_are_used_and_the_picture_has_them_too(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(IMAGES, network()))
    by_keys = page.get_by_text("Arrow keys move the unit, Page Up and Down the layer.")
    expect(by_keys).to_be_hidden()
    tall = page.locator(".rf-hint").bounding_box()
    page.get_by_role("slider", name="Units of block 3, ReLU").focus()
    page.keyboard.press("PageUp")
    expect(by_keys).to_be_visible()
    assert page.locator(".rf-hint").bounding_box() == tall
    assert state_of(page, "layer") == "block 2, pooling"
    big = page.get_by_role("slider", name="The picture")
    big.focus()
    page.keyboard.press("PageUp")
    assert state_of(page, "layer") == "block 2, ReLU"
    expect(big).to_be_focused()
    page.locator(".rf-map button").first.focus()
    expect(by_keys).to_be_hidden()


def test_a_finger_gets_larger_targets(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(random_images(30), network()), width=360, has_touch=True)
    for part in (".rf-map button", ".iw-pager button", ".iw-slot", ".rf-keys button"):
        box = page.locator(part).first.bounding_box()
        assert box is not None and box["height"] >= 40, part
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_effective_changes_what_python_says_and_is_a_truth_value() -> None:
    field = receptive_field_widget(IMAGES, network())
    assert field.words().startswith("The part of picture ")
    field.effective = True
    assert field.words().startswith("How much each pixel matters in the part of picture ")
    with pytest.raises(traitlets.TraitError, match="effective"):
        field.effective = "yes"  # type: ignore[assignment]


def test_the_pages_of_pictures_are_only_browsed(front: FrontEnd) -> None:
    page = front.open(receptive_field_widget(random_images(30), network()))
    before, pages = state_of(page, "picture"), page.locator(".iw-pager .cw-cap")
    expect(pages).to_have_text("page 1 of 3")
    page.get_by_role("button", name="Next page").click()
    expect(pages).to_have_text("page 2 of 3")
    assert state_of(page, "picture") == before
    expect(page.locator(".iw-slot[aria-selected=true]")).to_have_count(0)
    page.locator(".iw-slot[tabindex='0']").press("ArrowRight")
    assert state_of(page, "picture") == 13
    page.get_by_role("button", name="Next page").click()
    page.get_by_role("option").nth(2).click()
    assert state_of(page, "picture") == 26
    expect(pages).to_have_text("page 3 of 3")
    # A key to another page leads the focus there, also to the picture that is chosen already.
    page.get_by_role("button", name="Previous page").click()
    page.locator(".iw-slot[tabindex='0']").press("ArrowDown")
    expect(pages).to_have_text("page 3 of 3")
    assert state_of(page, "picture") == 24
    page.get_by_role("button", name="Previous page").click()
    page.locator(".iw-slot").last.press("End")
    assert state_of(page, "picture") == 29
    focused = page.locator(".iw-slot:focus")
    expect(focused).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Previous page").click()
    page.locator(".iw-slot[tabindex='0']").press("End")
    expect(pages).to_have_text("page 3 of 3")
    expect(focused).to_have_attribute("aria-selected", "true")
