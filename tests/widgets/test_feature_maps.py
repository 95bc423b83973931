"""Feature maps: what the browser computes is what PyTorch computes, for any network, and shown digits add up."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import cast

import pytest
import torch
import traitlets
from chrome import FrontEnd, next_frame, state_of
from helpers import random_images
from playwright.sync_api import Locator, Page, expect
from torch import Tensor, nn

from cifar_helpers import MLP, CifarCNN, CompactCNN, normalise
from cifar_helpers.models import FastCNN
from cifar_helpers.widgets import feature_maps
from cifar_helpers.widgets.feature_maps import activations, layer_outputs, with_maps_only

IMAGES = random_images(12)
PICTURE = IMAGES.images[0]


def network(seed: int = 0) -> CifarCNN:
    torch.manual_seed(seed)
    model = CifarCNN(width=0.25)
    with torch.no_grad():
        model(normalise(IMAGES.images))  # statistics that are not 0 and 1
    return model.eval()


class Odd(nn.Module):
    """What the course's networks do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 5, stride=2, padding=2, bias=False)
        self.even = nn.Conv2d(6, 6, 2, padding="same", groups=2)
        self.pools = nn.Sequential(nn.MaxPool2d(3, 2, padding=1), nn.GELU("tanh"), nn.AvgPool2d(3, 2, ceil_mode=True))
        self.last = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = torch.relu(self.even(x)) + x * 0.5
        return self.last(self.pools(x).mean((2, 3)))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("model", [network(), CompactCNN((8, 12, 16)), FastCNN((8, 8, 8)), Odd()])
def test_a_network_cut_after_its_maps_gives_their_means_as_the_layers_computed_one_by_one_do(model: nn.Module) -> None:
    values = normalise(IMAGES.images)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    cut, graph = with_maps_only(model)
    with torch.no_grad():
        outputs = [output for _, output in layer_outputs(graph, values)]
        torch.testing.assert_close(cut(values), outputs[-1])
    assert not any(node.op == "linear" for node in graph.nodes)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_activations_are_those_of_the_network_itself() -> None:
    model, values = network(), normalise(PICTURE[None])
    found = activations(model, PICTURE)
    with torch.no_grad():
        torch.testing.assert_close(found["block 3, pooling"], model.features(values)[0])
    assert list(found)[:4] == ["block 1, convolution", "block 1, batch norm", "block 1, ReLU", "block 1, pooling"]


def test_networks_without_maps_and_layers_without_a_browser_are_refused() -> None:
    with pytest.raises(ValueError, match="MLP has no maps to show"):
        feature_maps(PICTURE, MLP())
    with pytest.raises(TypeError, match=r"Softplus \(1\) is not supported in the browser"):
        feature_maps(PICTURE, nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Flatten(), nn.Linear(3600, 10)))
    with pytest.raises(ValueError, match="other layers than the trained one"):
        feature_maps(PICTURE, network(), CifarCNN())


def test_pictures_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8 pixels of shape \(3, 32, 32\), got torch.float32"):
        feature_maps(PICTURE.float(), network())
    with pytest.raises(ValueError, match="there are no images"):
        feature_maps(IMAGES.subset(slice(0, 0)), network())


def test_the_untrained_network_is_the_same_each_time_and_not_the_trained_one() -> None:
    model = network()
    one, other = (feature_maps(PICTURE, model).loadable() for _ in range(2))
    assert one["untrained"]() == other["untrained"]() != one["trained"]()


def test_state_that_is_not_there_is_refused_and_a_smaller_layer_keeps_the_pixel_inside() -> None:
    maps = feature_maps(IMAGES, network())
    for name, value, message in [
        ("layer", "block 9", "there is no layer 'block 9': choose one of block 1, convolution"),
        ("channel", 8, "channel is 8; it needs a whole number from 0 to 7"),
        ("pixel", [0, 32], "a row from 0 to 31 and a column from 0 to 31"),
        ("picture", 12, "picture is 12; it needs a whole number from 0 to 11"),
    ]:
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(maps, name, value)
    maps.pixel = [31, 3]
    maps.layer = "block 3, pooling"
    assert maps.pixel == [3, 3]
    torch.testing.assert_close(maps.activations, activations(network(), PICTURE)["block 3, pooling"])
    assert "The 32 maps of 4 × 4" in maps.words()


def number(text: str) -> float:
    return float(re.sub(r"max\(0, (.*)\)", r"\1", text).strip("()").replace("−", "-"))


def shown(page: Page, line: int = -1) -> list[float]:
    """The numbers of the sum below the maps."""
    return [number(text) for text in page.locator(".cw-terms").nth(line).locator("b").all_inner_texts()]


@torch.no_grad()
def strongest_products(model: CifarCNN, picture: Tensor, block: int, channel: int, pixel: list[int]) -> list[float]:
    """The nine products of a pixel for the input map that counts most in its map; of the picture, those of red."""
    read = model.features[: block - 1](normalise(picture[None]))
    kernels = model.features[block - 1][0].weight[channel]  # type: ignore[index]
    windows = nn.functional.pad(read[0], (1, 1, 1, 1))[:, pixel[0] :, pixel[1] :][:, :3, :3]
    products = (windows * kernels).flatten(1)
    added = nn.functional.conv2d(read, kernels[:, None], padding=1, groups=len(kernels))[0]
    return products[int(added.abs().sum((1, 2)).argmax()) if block > 1 else 0].tolist()


def test_the_browser_shows_the_numbers_of_pytorch_and_they_add_up(front: FrontEnd) -> None:
    model = network()
    norm = model.features[1][1]  # type: ignore[index]
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        for values, value in [
            (norm.running_mean, 0.4),
            (norm.running_var, 2.25),
            (norm.weight, 1.234),
            (norm.bias, 0.2),
        ]:
            values.fill_(value)
    found = {k: activations(model, picture) for k, picture in enumerate(IMAGES.images[:2])}
    page = front.open(feature_maps(IMAGES, model, network(1)))
    expect(page.get_by_role("slider", name="Maps of block 1, convolution, trained.")).to_be_visible()
    for name, picture, channel, pixel in [
        ("block 1, convolution", 0, 3, [0, 31]),
        ("block 2, convolution", 1, 5, [7, 4]),
        ("block 2, batch norm", 1, 5, [7, 4]),
        ("block 2, ReLU", 1, 5, [7, 4]),
        ("block 3, pooling", 0, 30, [3, 0]),
    ]:
        page.evaluate(
            """state => {
              const { model } = document.querySelector("[data-widget]");
              for (const [name, value] of Object.entries(state)) model.set(name, value);
            }""",
            {"picture": picture, "layer": name, "channel": channel, "pixel": pixel},
        )
        value = float(found[picture][name][channel, pixel[0], pixel[1]])
        result = page.locator(".cw-terms").last.locator(".result b")
        expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()
        expect(result).to_have_text(re.compile(rf"^−?{abs(value):.2f}" if value else "^0$"))
        numbers = shown(page)
        if name.endswith("convolution"):
            products = page.locator(".cw-grid").nth(2).locator("div").all_inner_texts()
            exact = strongest_products(model, IMAGES.images[picture], int(name[6]), channel, pixel)
            assert [number(text) for text in products] == pytest.approx(exact, abs=0.011)
            assert sum(number(text) for text in products) == pytest.approx(numbers[0], abs=1e-6)
            assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=1e-6)
            # The bias is a term of its own.
            expect(page.locator(".cw-terms").last.locator(".cw-cap").nth(-2)).to_have_text("bias")
            bias = float(model.features[int(name[6]) - 1][0].bias.detach()[channel])  # type: ignore[index]
            assert numbers[-2] == pytest.approx(bias, abs=0.011)
            if int(name[6]) > 1:  # what the cards say is what the sum says
                beside = page.locator(".fm-slots button:not([aria-checked=true]) span span").all_inner_texts()
                said = sum(number(text.split("\n")[1]) for text in beside)
                assert len(beside) == 3 and said == pytest.approx(numbers[1], abs=0.021)
        if name.endswith("batch norm"):
            subtrahend, divisor, normalised = shown(page, 0)[1:]
            assert [subtrahend, divisor, *numbers[:3]] == [0.4, 1.5, normalised, 1.234, 0.2]
            before = float(found[picture]["block 2, convolution"][channel, pixel[0], pixel[1]])
            assert normalised == pytest.approx((before - 0.4) / 1.5, abs=0.0051)
        assert numbers[-1] == pytest.approx(value, abs=0.0051)


def test_numbers_of_small_kernels_add_up_and_are_written_the_same_in_each_layer(front: FrontEnd) -> None:
    model = network()
    with torch.no_grad():
        conv = cast("nn.Conv2d", model.get_submodule("features.2.0"))
        conv.weight.mul_(0.1)
        cast("Tensor", conv.bias).fill_(1.2345)
    maps = feature_maps(PICTURE, model)
    maps.layer = "block 3, convolution"
    page = front.open(maps, width=360)
    for row in range(8):
        page.evaluate("at => document.querySelector('[data-widget]').model.set('pixel', at)", [row, 4])
        next_frame(page)
        texts = page.locator(".cw-terms").last.locator("b").all_inner_texts()
        assert all(re.fullmatch(r"−?\d\.\d\d", text) for text in texts), texts
        *added, result = map(number, texts)
        assert sum(added) == pytest.approx(result, abs=1e-6)
        assert added[-1] == pytest.approx(1.2345, abs=0.01)
        styles = [r"−?\d\.\d\d", r"−?\.\d{3}", r"−?\d\.\d\d"]  # of the weights all three decimals
        for style, grid in zip(styles, page.locator(".cw-grid").all(), strict=True):
            assert all(re.fullmatch(style, text) for text in grid.locator("div").all_inner_texts()), style
    page.get_by_role("radio", name="block 3, batch norm").click()
    expect(page.locator(".cw-terms").first.locator("b").first).to_have_text(f"({texts[-1]}")
    page.get_by_role("radio", name="block 3, convolution").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".cw-grid:visible > div").evaluate_all(
        "cells => cells.every(cell => cell.scrollWidth <= cell.clientWidth + 1)"
    )


def test_pointing_shows_a_map_and_pressing_keeps_it(front: FrontEnd) -> None:
    page = front.open(feature_maps(IMAGES, network(), network(1)))
    walls = page.get_by_role("slider", name="Maps of block 1")
    head = page.locator(".fm-flow .cw-head b").last
    walls.nth(1).hover(position={"x": 100, "y": 10})
    expect(head).to_have_text("Untrained 1")
    page.get_by_text("Point at a map").hover()
    expect(head).to_have_text("Map 0")
    walls.nth(0).click(position={"x": 100, "y": 10})
    expect(head).to_have_text("Map 1")
    # One kernel makes a map; it has a slice for each colour.
    expect(page.locator(".fm-slots .cw-head b")).to_have_text("Kernel 1")
    expect(page.locator(".fm-grids p")).to_have_text(["window", "slice", "products"])
    walls.nth(0).hover(position={"x": 200, "y": 10})
    expect(head).to_have_text("Map 2")
    page.get_by_role("button", name="Next map").click()
    page.get_by_role("button", name="Next map").click()
    expect(head).to_have_text("Map 3")  # from the one that was kept
    page.get_by_role("button", name="Previous map").click()
    page.get_by_role("button", name="Previous map").click()
    expect(head).to_have_text("Map 1")
    # The frame of a chosen layer does not enclose the name of its block.
    page.locator(".fm-layers i").evaluate_all(
        """names => names.forEach(name => {
          const [own, { top }] = [name, name.closest("button")].map(one => one.getBoundingClientRect());
          if (own.bottom > top) throw new Error(name.textContent);
        })"""
    )
    page.get_by_role("radio", name="slice for input map green").click()
    before = page.locator(".fm-flow > div").first
    expect(before).to_have_text("green")
    expect(page.locator(".fm-photo")).to_have_text(
        "The photo’s green, normalised: 0 is the average green of the training images."
    )
    assert before.locator("b").evaluate("name => name.scrollWidth <= name.clientWidth")
    enlarged = page.get_by_role("slider", name="The enlarged map")
    painted = "wall => wall.querySelector('canvas').toDataURL()"
    alone = enlarged.evaluate(painted)
    walls.nth(0).press("ArrowRight")
    page.get_by_text("Point at a map").hover()
    expect(head).to_have_text("Map 2")
    assert (state_of(page, "network"), state_of(page, "channel")) == ("trained", 2)

    # What is only pointed at does not go along to the enlargement.
    walls.nth(1).hover(position={"x": 100, "y": 10})
    expect(head).to_have_text("Untrained 1")
    enlarged.hover()
    expect(head).to_have_text("Map 2")
    page.get_by_text("Point at a map").hover()
    own = walls.nth(1).evaluate(painted)
    key = page.locator(".fm-key")
    expect(key).to_have_text("below zeroabove zero")
    page.get_by_role("radio", name="all maps").click()
    maps = (activations(network(seed), PICTURE)["block 1, convolution"] for seed in (0, 1))
    most = max(float(values.abs().max()) for values in (normalise(PICTURE), *maps))  # with the input map
    expect(key).to_have_text(f"−{most:.1f}{most:.1f}")  # of one scale the ends are known
    expect(page.locator(".fm-zeros")).to_have_text(["", ""])  # none are not worth a word
    ends = [activations(network(seed), PICTURE)["block 1, convolution"].aminmax() for seed in (0, 1)]
    ranges = [f"range {float(low):.1f} to {float(high):.1f}".replace("-", "−") for low, high in ends]
    expect(page.locator(".fm-wall .cw-head .cw-cap")).to_have_text(ranges)
    expect(page.locator(".fm-wall i:visible")).to_have_count(0)
    page.wait_for_function(
        "([wall, own]) => wall.querySelector('canvas').toDataURL() !== own", arg=[walls.nth(1).element_handle(), own]
    )
    walls.nth(0).press("ArrowLeft")
    expect(head).to_have_text("Map 1")
    assert enlarged.evaluate(painted) != alone  # the wall's scale is the enlarged map's, too
    walls.nth(0).press("ArrowRight")
    enlarged.press("ArrowDown")
    maps = activations(network(), PICTURE)
    row, column = divmod(int(maps["block 1, convolution"][0].argmax()), 32)
    assert state_of(page, "pixel") == [row + 1, column]
    read = page.get_by_role("slider", name="The input map")
    foot = height(page)
    page.get_by_role("radio", name="block 1, pooling").click()
    expect(page.get_by_text("The largest number of each window is kept.")).to_be_visible()
    assert state_of(page, "pixel") == [(row + 1) // 2, column // 2]
    box = read.bounding_box()
    assert box is not None
    read.hover(position={"x": box["width"] * 21.5 / 32, "y": box["height"] * 6.5 / 32})
    expect(page.locator(".cw-sr")).to_contain_text("row 3, column 10")
    read.click(position={"x": box["width"] * 21.5 / 32, "y": box["height"] * 6.5 / 32})
    for key in ("ArrowDown", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert state_of(page, "pixel") == [4, 8]
    for name in ("block 2, ReLU", "block 3, ReLU"):
        page.get_by_role("radio", name=name).click()
        zeros = [float((activations(network(seed), PICTURE)[name] == 0).float().mean()) for seed in (0, 1)]
        tops = [f"up to {float(activations(network(seed), PICTURE)[name].max()):.1f}" for seed in (0, 1)]
        expect(page.locator(".fm-wall .cw-head .cw-cap")).to_have_text(tops)
        expect(page.locator(".fm-zeros")).to_have_text(["", ""])  # they would answer the question
        page.get_by_role("button", name="About equal").click()
        expect(page.locator(".fm-zeros")).to_have_text([f"{100 * share:.0f} % zeros" for share in zeros])
        assert height(page) == foot  # another layer moves nothing
    # The input map stays, as do those to choose from, under a pointer that moves over one of them.
    page.get_by_role("radio", name="block 2, convolution").click()
    places, sums = set(), set()
    for k in range(3):
        read.hover(position={"x": 30 + 20 * k, "y": 40})
        next_frame(page)
        labels = page.locator(".fm-slots button").evaluate_all("all => all.map(one => one.ariaLabel.split(',')[0])")
        places.add((page.locator(".fm-flow .cw-head b").first.inner_text(), *sorted(labels)))
        sums.add(page.locator(".cw-terms .result b").inner_text())
    assert len(places) == 1 and len(sums) > 1
    page.get_by_role("option", name=re.compile("picture 11$")).click()
    assert state_of(page, "picture") == 11


def selective(share: float) -> str:
    return "about as" if abs(share) < 10 else "more" if share > 0 else "less"


def guessed(page: Page, guess: str) -> Locator:
    page.get_by_role("group", name="Your guess").get_by_role("button", name=guess, exact=True).click()
    return page.locator(".fm-answer")


@pytest.mark.parametrize("swapped", [False, True])
def test_a_guess_is_judged_by_the_numbers_of_this_picture(front: FrontEnd, swapped: bool) -> None:
    models = [network(0), network(1)]
    with torch.no_grad():
        models[0].features[2][1].bias.sub_(0.6)  # type: ignore[index]  # more zeros in block 3
    models = models[::-1] if swapped else models
    found = [activations(model, PICTURE) for model in models]
    page = front.open(feature_maps(PICTURE, *models))
    question, answer = page.locator(".fm-guess > p").first, page.locator(".fm-answer")

    def share(layer: str, of: str = "zeros") -> list[int]:
        part = [(maps[layer] == 0) if of == "zeros" else (maps[layer] > 0) for maps in found]
        return [round(100 * float(one.float().mean())) for one in part]

    def verdict(values: list[int], guess: str) -> str:
        more = values[0] - values[1]
        who = "about equal" if abs(more) < 10 else "trained" if more > 0 else "untrained"
        near = ", under 10 points apart" if who == "about equal" else ""
        return f"{'Right' if who == guess.lower() else 'No'}: {who}{near}. "

    for layer, guess in [
        ("block 1, ReLU", "About equal"), ("block 3, ReLU", "Untrained"), ("block 3, pooling", "Trained")
    ]:  # fmt: skip
        page.get_by_role("radio", name=layer).click()
        expect(question).to_contain_text("Whose maps have more zeros?")
        expect(answer).to_have_text("Guess by what you see; then come the numbers.")  # at each layer anew
        guessed(page, guess)
        values = share(layer)
        places = found[0][layer][0].numel()
        own, other = (round(float((maps[layer] != 0).float().mean()) * places) for maps in found)
        deepest = share("block 3, ReLU")
        differs = abs(deepest[0] - deepest[1]) > abs(values[0] - values[1])
        expect(answer).to_have_text(
            f"{verdict(values, guess)}Zeros in this picture: {values[0]} %, untrained {values[1]} %. "
            f"Trained maps are {selective(values[0] - values[1])} selective: on average one responds in {own} of its "
            f"{places} places, untrained in {other}."
            + (" In block 3 the zeros differ more: look there." if differs and "block 1" in layer else "")
        )
        expect(page.locator(".fm-wall i:visible")).to_have_count(2)
    page.get_by_role("radio", name="block 3, batch norm").click()
    expect(question).to_contain_text("Whose maps have more orange?")
    values, zeros = share("block 3, batch norm", "above"), share("block 3, ReLU")
    size = "more places than" if swapped else "fewer places than"
    assert (zeros[1] - zeros[0] >= 10) == swapped and abs(zeros[1] - zeros[0]) >= 10
    expect(guessed(page, "Trained")).to_have_text(
        f"{verdict(values, 'Trained')}Above zero in this picture: {values[0]} %, untrained {values[1]} %. "
        f"After ReLU, trained maps respond in {size} untrained ones."
    )
    pressed = page.get_by_role("button", name="Trained", exact=True)
    expect(pressed).to_have_attribute("aria-pressed", "true")
    pressed.press("Enter")
    expect(answer).to_contain_text("Guess by what you see")


def correlation(maps: Tensor, picture: Tensor) -> float:
    """Mean size of the correlation of each map with the picture's brightness."""
    light = picture.float().mean(0).flatten()
    return float(torch.stack([torch.corrcoef(torch.stack([one.flatten(), light]))[0, 1].abs() for one in maps]).mean())


@pytest.mark.parametrize("swapped", [False, True])
def test_at_the_first_layers_maps_are_compared_with_the_photo(front: FrontEnd, swapped: bool) -> None:
    models = [network(0), network(1)]
    with torch.no_grad():
        conv = models[0].features[0][0]  # type: ignore[index]
        conv.weight.copy_(2 * (conv.weight - conv.weight.mean((1, 2, 3), keepdim=True)))  # of a uniform area: nothing
        models[1].features[0][0].weight.abs_()  # type: ignore[index]  # brightness
    models = models[::-1] if swapped else models
    picture = (torch.linspace(20, 235, 32).expand(3, 32, 32) + 20 * torch.rand(3, 32, 32)).byte()
    maps = [activations(model, picture)["block 1, convolution"] for model in models]
    page = front.open(feature_maps(picture, *models))
    expect(page.locator(".fm-guess > p").first).to_contain_text("Which look more like tinted copies?")
    own, other = (correlation(one, picture) for one in maps)
    assert (own > other + 0.1) == swapped and abs(own - other) > 0.1
    spans = [round(float(one.max()), 1) - round(float(one.min()), 1) for one in maps]
    who, how = ("trained", "more") if swapped else ("untrained", "less")
    near = max(spans) / min(spans) < 1.15
    size = "about the same" if near else f"{spans[0] / spans[1]:.1f} times the"
    expect(guessed(page, "Untrained")).to_have_text(
        f"{'No' if swapped else 'Right'}: {who}. Trained maps follow the photo’s brightness {how}: mean correlation "
        f"(sign aside) in this picture {own:.2f}, untrained {other:.2f} (a tinted copy: 1). "
        f"Trained numbers have {size} range."
    )


def test_networks_that_are_the_same_are_about_equal_at_each_layer(front: FrontEnd) -> None:
    page = front.open(feature_maps(PICTURE, network(), network()))
    for layer, text in [
        (
            "block 1, batch norm",
            "Right: about equal, under 0.10 apart. Both follow the photo’s brightness about as much: ",
        ),
        ("block 2, convolution", "Right: about equal, under 10 points apart. Above zero"),
        ("block 3, ReLU", "Right: about equal, under 10 points apart. Zeros"),
    ]:
        page.get_by_role("radio", name=layer).click()
        expect(guessed(page, "About equal")).to_contain_text(text)
        expect(page.locator(".fm-answer")).to_have_text(
            re.compile("about the same range|about as many places as untrained ones|are about as selective")
        )


@pytest.mark.parametrize("width", [360, 800, 1300])
def test_an_answer_moves_no_map_and_closes_with_another_picture(front: FrontEnd, width: int) -> None:
    models = [network(0), network(1)]
    with torch.no_grad():
        models[0].features[2][1].bias.sub_(0.6)  # type: ignore[index]
    page = front.open(feature_maps(IMAGES, *models), width=width)
    main = page.locator(".fm-main")
    for layer, words in [("block 1, convolution", "tinted copy"), ("block 1, ReLU", "look there")]:
        page.get_by_role("radio", name=layer).click()
        next_frame(page)
        before = main.bounding_box()
        expect(guessed(page, "Untrained")).to_contain_text(words)
        assert main.bounding_box() == before
    page.get_by_role("option", name=re.compile("picture 1$")).click()
    expect(page.locator(".fm-answer")).to_have_text("Guess by what you see; then come the numbers.")


def test_the_slices_are_in_the_order_of_what_each_adds_at_this_pixel(front: FrontEnd) -> None:
    maps = feature_maps(PICTURE, network())
    maps.layer = "block 3, convolution"
    page = front.open(maps)
    cards, chosen = page.locator(".fm-slots button"), page.locator(".fm-slots button[aria-checked=true]")
    expect(page.get_by_text("The map’s strongest, by the size of what each adds here.")).to_be_visible()
    orders, read = set(), page.locator(".fm-flow .cw-head b").first
    inputs = set()
    for row in range(8):
        page.evaluate("at => document.querySelector('[data-widget]').model.set('pixel', at)", [row, 3])
        next_frame(page)
        texts = [text.split("\n") for text in cards.all_inner_texts()]
        sizes = [abs(number(amount)) for _, amount in texts]
        assert len(sizes) == 4 and sizes == sorted(sizes, reverse=True)
        orders.add(tuple(name for name, _ in texts))
        inputs.add(read.inner_text().lower())
        assert chosen.inner_text().split("\n")[0] in read.inner_text().lower()
    assert len(orders) > 1 and len(inputs) == 1  # the cards change places, the input map stays
    cards.last.click()
    next_frame(page)
    assert read.inner_text().lower() == f"input {texts[-1][0]}" and chosen.inner_text().startswith(texts[-1][0])


def test_the_strongest_maps_are_shown_at_their_largest_number(front: FrontEnd) -> None:
    model = network()
    page = front.open(feature_maps(PICTURE, model, network(1)))
    for name, seed in (("trained", 0), ("untrained", 1)):
        if seed:
            page.get_by_role("slider", name="untrained").press("ArrowRight")
        maps = activations(network(seed), PICTURE)["block 1, convolution"]
        peaks, order = maps.amax((1, 2)).sort(descending=True)
        best = page.get_by_role("group", name="Maps with the largest numbers")
        expect(best.locator("> span")).to_have_text(f"Highest, {name}")
        expect(best.get_by_role("button")).to_have_text(
            [f"map {channel} {float(peak):.1f}" for channel, peak in zip(order[:3], peaks, strict=False)]
        )
        best.get_by_role("button").nth(1).click()
        channel = int(order[1])
        assert (state_of(page, "network"), state_of(page, "channel")) == (name, channel)
        assert state_of(page, "pixel") == list(divmod(int(maps[channel].argmax()), 32))
        expect(page.locator(".cw-terms").last.locator(".result b")).to_have_text(
            re.compile(f"^{float(peaks[1]):.2f}".replace(".", r"\."))
        )


def test_a_mouse_on_its_way_across_maps_enlarges_none_of_them(front: FrontEnd) -> None:
    page = front.open(feature_maps(PICTURE, network(), network(1)))
    head = page.locator(".fm-flow .cw-head b").last
    wall = page.get_by_role("slider", name="untrained")
    box = wall.bounding_box()
    assert box is not None
    page.clock.install(time=0)
    try:
        page.clock.pause_at(1)  # however long this test takes
        for map_ in range(4):
            place = {"clientX": box["x"] + (map_ + 0.5) * box["width"] / 4, "clientY": box["y"] + 5}
            wall.dispatch_event("pointermove", {**place, "pointerType": "mouse"})
            page.clock.run_for(60)
            expect(head).to_have_text("Map 0")
        page.clock.run_for(120)
        expect(head).to_have_text("Untrained 3")  # where it came to rest
        wall.dispatch_event("pointerleave")
        page.clock.run_for(60)
        expect(head).to_have_text("Map 0")
    finally:
        page.close()  # no later test gets a page whose clock stands still


def test_a_pixel_stays_the_same_from_layer_to_layer_where_relu_makes_it_zero_too(front: FrontEnd) -> None:
    model = network()
    maps = activations(model, PICTURE)
    page = front.open(feature_maps(PICTURE, model))
    page.get_by_role("radio", name="block 1, batch norm").click()
    note = page.locator(".fm-detail > p")
    expect(note).to_contain_text("were measured in training; scale and shift were learned.")
    pixel = list(divmod(int(maps["block 1, batch norm"][0].argmin()), 32))
    page.evaluate("at => document.querySelector('[data-widget]').model.set('pixel', at)", pixel)
    least = f"{float(maps['block 1, batch norm'][0].min()):.2f}".replace("-", "−")
    expect(page.locator(".cw-terms").last.locator("b").last).to_have_text(least)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cw-terms").last.locator("b")).to_have_text([f"max(0, {least})", "0"])
    assert state_of(page, "pixel") == pixel
    page.keyboard.press("ArrowLeft")
    page.get_by_role("slider", name="batch norm, untrained").press("ArrowRight")
    assert (state_of(page, "pixel"), state_of(page, "network")) == (pixel, "untrained")
    # A batch norm that was never trained does nothing, and the reason is given.
    expect(note).to_contain_text("Not trained yet: mean 0 and std 1, scale 1 and shift 0")
    assert shown(page, 0)[1:3] == [0, 1] and shown(page)[1:3] == [1, 0]


def test_on_one_scale_a_layer_that_keeps_the_numbers_keeps_their_colours(front: FrontEnd) -> None:
    models = [CifarCNN(width=0.25).eval() for _ in range(2)]  # norm layers as they begin: mean 0, std 1
    maps = feature_maps(IMAGES, *models)
    maps.layer = "block 2, batch norm"
    page = front.open(maps)
    page.get_by_role("radio", name="all maps").click()
    expect(page.get_by_text("leave each number as it is")).to_be_visible()
    read, made = (
        page.get_by_role("slider", name=name)
        .locator("canvas")
        .evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
        for name in ("The input map", "The enlarged map")
    )
    assert len(read) == len(made) > 1000 and max(abs(a - b) for a, b in zip(read, made, strict=True)) < 8
    key = float(page.locator(".fm-key span").last.inner_text())
    assert key == pytest.approx(max(
        float(activations(model, IMAGES.images[maps.picture])[name].abs().max())
        for model in models for name in ("block 2, convolution", "block 2, batch norm")
    ), abs=0.05)  # fmt: skip


def test_what_is_read_has_the_colours_of_its_map_on_either_scale(front: FrontEnd) -> None:
    maps = feature_maps(PICTURE, network(), network(1))
    maps.pixel = [9, 20]
    page = front.open(maps)
    own = page.get_by_text("Slice, products: own scales.")
    seen = set()
    for layer in ("block 1, convolution", "block 2, convolution", "block 3, pooling"):
        page.get_by_role("radio", name=layer).click()
        expect(own).to_be_visible(visible="convolution" in layer)
        for scale in ("all maps", "each map"):
            page.get_by_role("radio", name=scale).click()
            next_frame(page)
            colours = page.evaluate(
                """layer => {
                  const { shadowRoot } = document.querySelector("[data-cifar-widget]");
                  const canvas = shadowRoot.querySelector(".fm-flow .cw-picture canvas");
                  const window = shadowRoot.querySelector(".fm-grids .cw-grid");
                  const [row, column] = document.querySelector("[data-widget]").model.get("pixel");
                  const [cell, y, x] = layer.includes("pooling") ? [0, 2 * row, 2 * column] : [4, row, column];
                  const [r, g, b] = canvas.getContext("2d").getImageData(x, y, 1, 1).data;
                  return [`rgb(${r}, ${g}, ${b})`, getComputedStyle(window.children[cell]).backgroundColor];
                }""",
                layer,
            )
            assert colours[0] == colours[1], (layer, scale, colours)
            seen.add(colours[0])
    assert len(seen) > 3


def test_padding_is_named_at_the_edge_and_rows_of_maps_are_nearly_full(front: FrontEnd) -> None:
    page = front.open(feature_maps(PICTURE, CompactCNN((64, 8, 8))))
    padding = page.get_by_text("Padding (zeros) can leave a bar along the edge.")
    for pixel, is_named in [([31, 5], True), ([5, 5], False), ([7, 0], True), ([30, 30], False)]:
        page.evaluate("at => document.querySelector('[data-widget]').model.set('pixel', at)", pixel)
        expect(padding).to_be_visible(visible=is_named)
    last = page.get_by_role("slider", name="Maps of").first
    last.click(position={"x": last.evaluate("wall => wall.clientWidth") - 3, "y": 3})
    assert state_of(page, "channel") == 12  # 13 × 5, one place empty
    for key, channel in [
        ("PageDown", 51),
        ("Home", 39),
        ("ArrowDown", 52),
        ("ArrowRight", 53),
        ("PageUp", 1),
        ("End", 12),
    ]:
        last.press(key)
        assert state_of(page, "channel") == channel, key


def height(page: Page) -> int:
    return page.evaluate("document.querySelector('[data-cifar-widget]').offsetHeight")  # type: ignore[no-any-return]


def test_touch_chooses_and_a_widget_taken_away_leaves_nothing(front: FrontEnd) -> None:
    model = network()
    with torch.no_grad():
        model.features[0][0].weight.mul_(0.05)  # type: ignore[index]
    page = front.open(feature_maps(PICTURE, model), width=360, has_touch=True)
    wall = page.get_by_role("slider", name="Maps of")
    expect(wall).to_have_count(1)  # so that it and what is computed for it are on one screen
    expect(page.get_by_text("Tap a map or a pixel.")).to_be_visible()
    page.get_by_role("radio", name="Untrained").tap()
    page.get_by_role("slider", name="untrained").tap(position={"x": 100, "y": 10})
    # What it changes is in sight: the map of both networks, under those to choose from
    pair = page.locator(".fm-pair")
    channel = state_of(page, "channel")
    expect(pair).to_have_text(re.compile(f"^trained.map {channel}.*untrained.map {channel}", re.DOTALL))
    boxes = [part.bounding_box() for part in (page.locator(".fm-wall .cw-maps:visible"), pair)]
    assert boxes[0] and boxes[1] and 0 <= boxes[1]["y"] - boxes[0]["y"] - boxes[0]["height"] < 20
    for step in page.locator(".fm-steps button").all():
        assert cast("dict[str, float]", step.bounding_box())["height"] >= 32
    expect(page.locator(".fm-flow .cw-head b").last).to_have_text(re.compile(r"^Untrained [1-9]"))
    expect(wall).to_have_count(1)
    # Of both, what is to be compared
    least, most = activations(model, PICTURE)["block 1, convolution"].aminmax()
    ends = f"{float(least):.1f} to {float(most):.1f}".replace("-", "−")
    page.get_by_role("radio", name=f"Trained {ends}", exact=True).tap()
    page.get_by_role("slider", name="convolution, trained").tap(position={"x": 100, "y": 10})
    expect(page.locator(".fm-flow .cw-head b").last).to_have_text(re.compile(r"^Map [1-9]"))
    # Small weights have three decimals, and so that they fit no zero before the point.
    small = "cells => cells.every(cell => cell.scrollWidth <= cell.clientWidth + 1)"
    assert page.locator(".cw-grid > div").evaluate_all(small)
    texts = page.locator(".cw-grid").nth(1).locator("div").all_inner_texts()
    assert len(texts) == 9 and all(re.fullmatch(r"−?\.\d{3}", text) for text in texts)
    numbers = page.locator(".cw-grid:visible > div, .fm-slots button, .cw-terms:visible b")
    grids = [box for box in (grid.bounding_box() for grid in page.locator(".cw-grid").all()) if box]
    gaps = [after["x"] - before["x"] - before["width"] for before, after in pairwise(grids)]
    assert len(gaps) == 2 and min(gaps) >= 16  # room for the signs
    above = [box["x"] for box in (part.bounding_box() for part in page.locator(".fm-flow > div").all()) if box]
    assert above == pytest.approx([grid["x"] for grid in grids], abs=1)  # each picture above its numbers
    # The choice of a wall is its heading, too.
    expect(page.locator(".fm-wall .cw-head:visible")).to_have_count(0)
    page.get_by_role("radio", name="block 1, ReLU").tap()
    zeros = float((activations(model, PICTURE)["block 1, ReLU"] == 0).float().mean())
    page.get_by_role("button", name="About equal").tap()
    expect(page.get_by_role("radio", name=f"Trained {100 * zeros:.0f} % zeros", exact=True)).to_be_checked()
    expect(page.get_by_role("radio", name=re.compile("^Untrained .* zeros$"))).to_be_visible()
    layers = page.locator(".fm-layers").bounding_box()
    assert layers and layers["height"] < 150  # the maps of a layer that is chosen are on the same screen
    page.get_by_role("radio", name="block 2, convolution").tap()
    expect(page.locator(".fm-flow .cw-head b").nth(1)).to_have_text("4 of 8 slices")
    assert page.locator(".fm-slots button").evaluate_all(small)
    # The result is on a row of its own, and nothing reaches into its neighbour or over the edge.
    boxes = [box for box in (one.bounding_box() for one in page.locator(".cw-terms:visible > *:visible").all()) if box]
    bottoms = [round(box["y"] + box["height"]) for box in boxes]
    assert len(set(bottoms[:-2])) == 1 and len(set(bottoms[-2:])) == 1 and bottoms[-1] > bottoms[0]
    for one, other in pairwise(boxes[:-2]):
        assert other["x"] >= one["x"] + one["width"]
    assert max(box["x"] + box["width"] for box in boxes) <= 350
    texts = numbers.all_inner_texts()
    assert texts and all(re.search(r"\d\.\d\d$", text) for text in texts)
    for name in ("block 1, batch norm", "block 1, pooling"):
        page.get_by_role("radio", name=name).tap()
        # The result is made anew at the next frame, so it is looked up each time.
        page.wait_for_function(
            """() => {
                const { shadowRoot } = document.querySelector("[data-cifar-widget]");
                const { right } = shadowRoot.querySelector(".cw-terms .result").getBoundingClientRect();
                return right > 0 && right <= 350;
            }"""
        )
    page.evaluate("document.querySelector('[data-widget]').close()")
    assert page.locator("[data-cifar-widget]").count() == 0


LATE = """async source => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const file = name => document.querySelector(`[data-file="${name}"]`).textContent;
  const load = async name => Uint8Array.from(atob(file(name)), letter => letter.charCodeAt(0));
  const el = document.createElement("div");
  widget.render({ model: document.querySelector("[data-widget]").model, el, load });
  await new Promise(resolve => setTimeout(resolve, 200));
  document.body.append(el);
}"""


def test_a_second_view_attached_after_it_was_drawn_looks_like_the_first(front: FrontEnd) -> None:
    maps = feature_maps(PICTURE, network())
    page = front.open(maps)
    page.evaluate(LATE, maps._esm)
    page.wait_for_function(
        """() => {
          const roots = [...document.querySelectorAll("[data-cifar-widget]")].map(host => host.shadowRoot);
          const [one, other] = roots.map(root => root.querySelector(".cw-maps canvas")?.toDataURL());
          return one && one === other;
        }""",
        timeout=5_000,
    )
