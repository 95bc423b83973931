"""The kernel bench: its arithmetic, puzzles, how it is steered in a browser, and what Python says to wrong values."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import traitlets
from chrome import FrontEnd, next_frame, state_of
from playwright.sync_api import Locator, Page, expect
from torch.nn.functional import conv2d

from cifar_helpers import preprocess
from cifar_helpers.data import sketches
from cifar_helpers.inference import shipped_model
from cifar_helpers.kernels import KERNELS, grey
from cifar_helpers.widgets.kernel_bench import PUZZLES, KernelBench, distance, kernel_bench, nearest

PICTURE = preprocess(sketches.draw(7, seed=3))
SOBEL = np.array(KERNELS["Sobel, vertical edges"], np.float32)
GAUSS = np.array([1, 4, 6, 4, 1]) / 16
TOTAL = ".cv-total"


def cell(page: Page, row: int, column: int) -> Locator:
    return page.get_by_role("spinbutton", name=f"Kernel, row {row}, column {column}")


def shown(page: Page, area: str) -> list[float]:
    texts = page.locator(f".cv-{area} > *").all_inner_texts()
    return [float(text.replace("−", "-")) for text in texts]


def total(page: Page) -> float:
    return float(page.locator(TOTAL).inner_text().replace("−", "-"))


def adds_up(page: Page, image: np.ndarray, padding: int = 1, stride: int = 1, dilation: int = 1) -> bool:
    """Whether "≈" is missing before the sum, after a look at each shown product and at what they add up to."""
    kernel, place = (np.array(state_of(page, name)) for name in ("kernel", "pixel"))
    return honest(page, window(image, len(kernel), place, padding, stride, dilation) * kernel)


def window(
    image: np.ndarray, side: int, place: np.ndarray, padding: int = 0, stride: int = 1, dilation: int = 1
) -> np.ndarray:
    """The pixels under a kernel at one place of the output."""
    top, left = place * stride
    span = dilation * (side - 1) + 1
    return np.pad(image, padding)[top : top + span : dilation, left : left + span : dilation]


def honest(page: Page, exact: np.ndarray) -> bool:
    """The same, of products that are known exactly."""
    products = shown(page, "products")
    assert np.abs(products - exact.ravel()).max() < 0.0051  # each rounded by itself
    read = "cells => cells.map(cell => cell.value ?? cell.textContent)"
    weights = page.locator(".cv-kernel > *").evaluate_all(read)
    for pixel, weight, product in zip(shown(page, "pixels"), weights, products, strict=True):
        if weight in ("−1", "0", "1"):
            assert product == pixel * float(weight.replace("−", "-"))
    is_about = page.locator(TOTAL).get_attribute("data-about") is not None
    assert is_about == (round(sum(products), 2) != total(page))
    before = page.locator(TOTAL).evaluate("e => getComputedStyle(e, '::before').content")
    assert before == ('"≈"' if is_about else "none")
    return not is_about


def levels(page: Page, area: str) -> np.ndarray:
    """Pixels of a canvas: (H, W, 4)."""
    data, width = page.locator(f".kb-{area} .cw-picture canvas").evaluate(
        "c => [Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data), c.width]"
    )
    return np.array(data).reshape(-1, width, 4)


def framed(page: Page, picture: Locator, row: int, column: int) -> bool:
    """Whether a frame is drawn at the upper left corner of a pixel of the bench's picture of 34 × 34."""
    box, place = picture.bounding_box(), page.locator(".cv-wires").bounding_box()
    assert box is not None and place is not None
    x, y = box["x"] - place["x"] + column * box["width"] / 34, box["y"] - place["y"] + row * box["height"] / 34
    corner = "(c, [x, y]) => [...c.getContext('2d').getImageData(x - 1, y - 1, 5, 5).data]"
    return max(page.locator(".cv-wires").evaluate(corner, [x, y])[3::4]) > 240


def ticked(page: Page, share: float) -> bool:
    """Whether the sum is marked at a share of the way along the key of the result."""
    key, place = page.locator(".kb-result .cw-scale canvas").bounding_box(), page.locator(".cv-wires").bounding_box()
    assert key is not None and place is not None
    point = [key["x"] - place["x"] + share * key["width"], key["y"] - place["y"] + key["height"] / 2]
    dark = "(c, [x, y]) => [...c.getContext('2d').getImageData(Math.round(x) - 1, Math.round(y), 2, 1).data]"
    levels = page.locator(".cv-wires").evaluate(dark, point)
    return levels[3] > 200 and levels[0] < 60


def put(page: Page, **state: object) -> None:
    """What Python would set."""
    page.evaluate(
        """async state => {
            const { model } = document.querySelector('[data-widget]');
            for (const [name, value] of Object.entries(state)) model.set(name, value);
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
        }""",
        state,
    )


# --- what the browser computes ---------------------------------------------------------------------------


def test_the_browser_computes_what_pytorch_computes_and_the_shown_digits_add_up(front: FrontEnd) -> None:
    bench = kernel_bench(PICTURE)
    page = front.open(bench)
    image = torch.from_numpy(grey(PICTURE.numpy()))[None, None]
    generator = np.random.default_rng(0)
    for padding, stride, dilation, side in [(1, 1, 1, 3), (0, 2, 1, 3), (3, 3, 4, 3), (2, 1, 2, 5), (0, 4, 3, 5)]:
        kernel = generator.uniform(-2, 2, (side, side)).round(2)
        weight = torch.from_numpy(kernel)[None, None].float()
        result = conv2d(image, weight, None, stride, padding, dilation)[0, 0].numpy()
        for row, column in [(0, 0), (len(result) // 2, 1), (len(result) - 1, len(result) - 1)]:
            put(page, kernel=kernel.tolist(), padding=padding, stride=stride, dilation=dilation, pixel=[row, column])
            assert total(page) == pytest.approx(float(result[row, column]), abs=0.0051)
            adds_up(page, image[0, 0].numpy(), padding, stride, dilation)
        assert f"= {len(result)}" in (page.locator(".kb-formula").text_content() or "")
    # Purple below zero and orange above: the bluest and the reddest pixel are the extremes.
    put(page, kernel=SOBEL.tolist(), padding=0, stride=1, dilation=1, pixel=[3, 4])
    result = conv2d(image, torch.from_numpy(SOBEL)[None, None])[0, 0].numpy()
    assert ticked(page, (float(result[3, 4] / np.abs(result).max()) + 1) / 2)
    pixels = levels(page, "result").astype(int)
    lowest, highest = np.unravel_index(result.argmin(), result.shape), np.unravel_index(result.argmax(), result.shape)
    assert pixels.shape[:2] == result.shape
    assert pixels[lowest][2] > pixels[lowest][0] and pixels[highest][0] > pixels[highest][2]
    # The identity shows the picture itself, in colours, too; each colour is convolved by itself.
    put(page, kernel=[[0, 0, 0], [0, 1, 0], [0, 0, 0]], padding=1, channel="all colours")
    assert np.array_equal(levels(page, "result")[..., :3], PICTURE.permute(1, 2, 0).numpy())
    page.get_by_role("radio", name="blue").last.click()
    expect(page.locator(TOTAL)).to_have_text(f"{PICTURE[2, 3, 4] / 255:.2f}")
    # Where a result of all colours has a sign, its zero is a middle grey, and both signs can be seen.
    put(page, kernel=SOBEL.tolist())
    expect(page.get_by_role("radio", name="0 is grey")).to_be_checked()
    expect(page.get_by_role("radio", name="signs")).to_have_count(0)
    # The sum's tile has the colour that is written out alone, as bright as in the result.
    tile = [int(level) for level in re.findall(r"\d+", page.locator(TOTAL).evaluate("e => e.style.background"))]
    assert tile == [0, 0, levels(page, "result")[3, 4, 2]]
    pixels = levels(page, "result").astype(int)
    edges = conv2d(PICTURE[:, None] / 255, torch.from_numpy(SOBEL)[None, None], padding=1)[:, 0].numpy()
    for channel, map_ in enumerate(edges):
        assert np.abs(pixels[..., channel][np.abs(map_) < 0.001] - 128).max() <= 1
        assert pixels[..., channel][map_ < -0.5].max() < 128 < pixels[..., channel][map_ > 0.5].min()


def test_each_product_is_rounded_by_itself_and_a_sum_that_is_not_theirs_is_about(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE))
    image = grey(PICTURE.numpy())
    exact = {}
    kernels = {**KERNELS, "tenths": [[0.3, -0.7, 1.5], [-2.4, 0.1, 1], [0, 3.2, -1]]}
    places = [(place // 32, place % 32) for place in range(0, 32 * 32, 41)]
    for name, rows in kernels.items():
        exact[name] = 0
        for place in places:
            put(page, kernel=[list(row) for row in rows], pixel=place)
            exact[name] += adds_up(page, image)
    assert exact.pop("identity") == len(places)
    assert all(0 < count < len(places) for count in exact.values()), exact
    # A product does not change when another number of the kernel does.
    for place in places:
        put(page, kernel=kernels["tenths"], pixel=place)
        before = shown(page, "products")
        put(page, kernel=[*kernels["tenths"][:2], [0, 3.2, 1.9]])
        assert shown(page, "products")[:8] == before[:8]


def test_a_kernel_to_start_from_says_what_its_sums_mean(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE), reduced_motion="reduce")
    meaning, now = page.locator(".cv-meaning"), page.locator(".cv-meaning [data-now]")
    expect(meaning).to_contain_text("Positive: brighter on the right. Negative: brighter on the left.")
    assert total(page) > 0.1
    expect(now).to_have_text("Positive: brighter on the right.")
    said = set()
    for name in KERNELS:
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
        said.add(meaning.inner_text())
    assert len(said) == len(KERNELS)
    page.get_by_role("button", name="Change all signs").click()
    expect(meaning).to_be_empty()  # of another kernel nothing is known
    page.get_by_role("button", name="blur", exact=True).click()
    page.get_by_role("radio", name="5 × 5").click()
    expect(meaning).to_be_empty()  # zeros around nine numbers are no mean of 25
    page.get_by_role("button", name="blur, 5 × 5").click()
    expect(meaning).to_have_text("Each sum is the mean of the 25 pixels.")
    page.get_by_role("radio", name="Puzzles").click()  # which begin with the identity
    expect(meaning).to_be_empty()


def test_the_scale_says_when_numbers_lie_beyond_it(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE))
    ends = page.locator(".kb-result .cw-scale .cw-cap")
    put(page, kernel=[[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert ends.all_inner_texts() == ["0", "1"]
    put(page, kernel=[[-1, 0, 0], [0, 3, 0], [0, 0, 0]])
    assert ends.all_inner_texts() == ["≤ 0", "≥ 1"]
    put(page, kernel=SOBEL.tolist())
    assert [text[:2] for text in ends.all_inner_texts()] == ["≤ ", "≥ "]  # the rim of padding
    rim = page.get_by_text("Bars at the border come from the zeros")
    expect(rim).to_be_visible()
    put(page, padding=0)
    expect(rim).to_be_hidden()
    # Without a negative number no zero makes a bar, however pale the middle of the result is.
    put(page, padding=1, stride=3, dilation=4, kernel=np.outer(GAUSS, GAUSS).tolist())
    expect(rim).to_be_hidden()
    put(page, padding=1, stride=1, dilation=1, kernel=SOBEL.tolist())
    expect(rim).to_be_visible()
    # A whole kernel chooses how its result is drawn; a single number, dragged or typed, changes no colours.
    signs = page.get_by_role("radio", name="signs")
    box = cell(page, 2, 3).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 20)
    expect(cell(page, 2, 3)).to_have_value("4")
    expect(signs).to_be_checked()
    page.mouse.up()
    cell(page, 2, 2).fill("3")
    expect(page.locator(".kb-state")).to_contain_text("add up to 5")
    expect(signs).to_be_checked()
    page.get_by_role("button", name="sharpen").click()
    expect(signs).not_to_be_checked()
    expect(rim).to_be_visible()
    cell(page, 2, 2).fill("4")  # what is black is said, and can be seen with its sign
    expect(page.get_by_text("as dark as 0")).to_be_visible()
    signs.click()
    expect(page.get_by_text("as dark as 0")).to_be_hidden()
    cell(page, 2, 2).fill("5")
    expect(ends.first).not_to_have_text("≤ 0")
    page.get_by_role("button", name="Undo").click()
    expect(signs).to_be_checked()


def test_padding_is_shown_as_zeros_and_what_is_multiplied_is_lit(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE))
    put(page, pixel=[0, 0])
    pixels = page.locator(".cv-pixels > *")
    assert pixels.all_inner_texts()[:4] == ["0"] * 4
    assert "gradient" in pixels.first.evaluate("c => getComputedStyle(c).backgroundImage")
    assert pixels.last.inner_text() == f"{grey(PICTURE.numpy())[1, 1]:.2f}"
    pixels.nth(3).hover()
    lit = "c => [...c.parentNode.children].indexOf(c)"
    assert [part.evaluate(lit) for part in page.locator(".cv-lit").all()] == [3, 3, 3]
    cell(page, 3, 1).focus()
    assert [part.evaluate(lit) for part in page.locator(".cv-lit").all()] == [6, 6, 6]
    page.mouse.move(0, 0)
    cell(page, 3, 1).blur()
    expect(page.locator(".cv-lit")).to_have_count(0)


def test_the_most_similar_learned_kernel_is_that_of_python(front: FrontEnd) -> None:
    bench = kernel_bench(PICTURE)
    page = front.open(bench)
    number, likeness, _ = bench.nearest
    alike = page.locator(".kb-alike")

    def said(number: int, likeness: float) -> str:
        where = f"kernel {number} of its first layer{', signs swapped' if likeness < 0 else ''}"
        return f"by itself ({where}; cosine {likeness:.2f})".replace("-", "−")

    expect(alike).to_have_text(f"A trained network found nearly this kernel {said(number, likeness)}")
    turned = -np.array([[1, 1, 0], [1, 0, -1], [0, -1, -1]], np.float32)
    bench.kernel = turned
    number, likeness, _ = bench.nearest
    assert 0.7 < abs(likeness) < 0.9
    put(page, kernel=turned.tolist())
    expect(alike).to_have_text(f"A trained network found a similar kernel {said(number, likeness)}")
    # The middle of a larger kernel does not speak for all of it.
    blur = np.full((3, 3), 1, np.float32)
    likenesses = [nearest(kernel, shipped_model())[1] for kernel in (blur, np.pad(blur, 1), np.ones((5, 5)))]
    assert likenesses == pytest.approx([likenesses[0]] * 2 + [0.6 * likenesses[0]], abs=1e-4)
    put(page, kernel=np.ones((5, 5)).tolist())
    expect(alike).to_be_hidden()
    put(page, kernel=[[0, 0, 0], [0, 1, 0], [0, 0, 0]])  # no learned kernel is like the identity
    expect(page.locator(".kb-alike")).to_be_hidden()
    learned = shipped_model().features[0][0].weight.detach().sum(1).numpy()
    for sign in (1, -1):
        found, cosine, values = nearest(2 * sign * learned[5], shipped_model())
        assert found == 5 and cosine == pytest.approx(sign, abs=1e-4) and np.allclose(values, learned[5])


# --- how it is steered -----------------------------------------------------------------------------------


def test_numbers_are_typed_dragged_and_stepped(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE), reduced_motion="reduce")
    cell(page, 2, 2).click()
    for typed, value in {"0,5": 0.5, "1/3": 0.333333, "-2": -2, "−.25": -0.25}.items():
        cell(page, 2, 2).fill(typed)
        assert state_of(page, "kernel")[1][1] == pytest.approx(value)  # type: ignore[index]
    says = {"x": "a number: 0.5 or 1/9", "1000": "from −100 to 100", "1/0": "a number: 0.5 or 1/9"}
    for wrong, message in says.items():
        cell(page, 2, 2).fill(wrong)
        expect(cell(page, 2, 2)).to_have_attribute("aria-invalid", "true")
        said = page.locator(".cv-kernel").evaluate("grid => getComputedStyle(grid, '::after').content")
        assert message in said
        assert state_of(page, "kernel")[1][1] == -0.25  # type: ignore[index]
        cell(page, 2, 2).press("Enter")
        expect(cell(page, 2, 2)).to_be_focused()
    for begun in ("-", "1/", ""):  # no complaint while a number is being typed
        cell(page, 2, 2).fill(begun)
        expect(page.locator("[data-wrong], [aria-invalid]")).to_have_count(0)
    cell(page, 2, 2).fill("x")
    page.keyboard.press("Control+z")  # takes back what is no number, and nothing else
    expect(cell(page, 2, 2)).to_have_value("−0.25")
    expect(page.locator("[data-wrong], [aria-invalid]")).to_have_count(0)
    cell(page, 2, 2).fill("x")
    cell(page, 2, 2).press("Tab")
    expect(page.locator(".cv-kernel")).to_have_attribute("data-wrong", "ignored: it is still −0.25")
    cell(page, 2, 2).press("Shift+ArrowUp")
    expect(page.locator("[data-wrong]")).to_have_count(0)
    assert state_of(page, "kernel")[1][1] == 0.75  # type: ignore[index]
    cell(page, 2, 2).press("Enter")
    expect(cell(page, 3, 2)).to_be_focused()
    box = cell(page, 1, 1).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] - 30, steps=4)
    page.mouse.up()
    assert state_of(page, "kernel")[0][0] == pytest.approx(0)  # type: ignore[index]
    page.get_by_role("button", name="Undo").click()  # the whole drag, and then what was typed
    assert state_of(page, "kernel")[0][0] == -1  # type: ignore[index]
    cell(page, 2, 2).focus()
    page.keyboard.press("Control+z")
    expect(cell(page, 2, 2)).to_have_value("−0.25")
    page.keyboard.press("Control+z")
    expect(cell(page, 2, 2)).to_have_value("0")
    put(page, kernel=np.where(SOBEL == 0, 3, SOBEL).tolist())  # a number that has the focus follows, too
    expect(cell(page, 2, 2)).to_have_value("3")
    put(page, kernel=SOBEL.tolist())
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("button", name="Change all signs").click()
    assert np.array_equal(np.array(state_of(page, "kernel")), -SOBEL)
    page.get_by_role("button", name="sharpen").click()
    assert state_of(page, "kernel") == [list(row) for row in KERNELS["sharpen"]]
    expect(page.locator(".kb-state")).to_contain_text("add up to 1: a uniform area stays as it is")
    page.get_by_role("radio", name="5 × 5").click()
    expect(page.get_by_role("spinbutton")).to_have_count(25)
    assert np.array_equal(np.array(state_of(page, "kernel")), np.pad(KERNELS["sharpen"], 1))
    chips = page.locator(".cv-chips .cw-chip:visible").all()
    assert [chip.get_attribute("aria-label") for chip in chips][:2] == ["identity", "blur, 5 × 5"]
    page.get_by_role("button", name="blur, 5 × 5").click()
    assert np.allclose(np.array(state_of(page, "kernel")), 0.04)


def test_what_turns_out_to_be_no_number_leaves_the_number_as_it_was(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE), reduced_motion="reduce")
    number, undo = cell(page, 1, 2), page.get_by_role("button", name="Undo")
    number.click()
    page.keyboard.type("0.4")
    page.keyboard.press("Enter")
    for leave, kept in (("Tab", "0.4"), ("Escape", "0.4"), ("Control+z", "0.4")):
        number.click()
        page.keyboard.type("5/0")  # the 5 counts until then
        page.keyboard.press(leave)
        expect(number).to_have_value(kept)
        assert state_of(page, "kernel")[0][1] == 0.4  # type: ignore[index]
        if leave == "Tab":
            expect(page.locator(".cv-kernel")).to_have_attribute("data-wrong", "ignored: it is still 0.4")
    for text, key, shown in (("x", "Shift+ArrowUp", "1.4"), ("100", "Shift+ArrowUp", "100"), ("x", "ArrowUp", "100")):
        number.fill(text)
        number.press(key)  # counts from the last number, also where it can get no larger
        expect(number).to_have_value(shown)
        expect(page.locator("[data-wrong], [aria-invalid]")).to_have_count(0)
    for before in ("0.4", "0"):  # no step is left of what did not count
        undo.click()
        expect(number).to_have_value(before)
    expect(undo).to_be_disabled()


def test_a_drag_goes_one_way_and_its_number_changes_colour_alone(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE))
    put(page, kernel=[[0, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    box = cell(page, 2, 2).bounding_box()
    assert box is not None
    x, y = box["x"] + 20, box["y"] + 20
    colour = "cell => cell.style.background"
    others = [page.locator(f".cv-{grid} > *").nth(8) for grid in ("kernel", "products")]
    product = page.locator(".cv-products > *").nth(4)
    page.mouse.move(x, y)
    page.mouse.down()
    before = [part.evaluate(colour) for part in (*others, product)]
    page.mouse.move(x, y - 10)
    page.mouse.move(x - 100, y - 100)  # the hand strays to the left
    expect(cell(page, 2, 2)).to_have_value("2.5")
    after = [part.evaluate(colour) for part in (*others, product)]
    assert after[:2] == before[:2] and after[2] != before[2]
    page.mouse.move(x - 100, y)
    expect(cell(page, 2, 2)).to_have_value("0.5")
    page.mouse.up()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()  # it is where it was
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y + 50, steps=3)
    page.mouse.up()
    expect(cell(page, 2, 2)).to_have_value("2.5")
    cell(page, 2, 1).click()  # now the others are compared with the largest again
    expect(others[0]).not_to_have_attribute("style", re.compile(re.escape(before[0])))


def test_a_number_dragged_in_one_view_leaves_the_look_of_another(front: FrontEnd) -> None:
    twice = "host => { r(host); r({ ...host, el: document.body.appendChild(document.createElement('div')) }); }"
    text = kernel_bench(PICTURE).as_page("A bench, twice")
    once = "{ kernel_bench: $kernel_bench.render }"
    assert once in text
    page = front.open(text.replace(once, f"{{ kernel_bench: (r => {twice})($kernel_bench.render) }}"))
    first, second = page.locator(".kernel_bench").all()
    # The sum of the numbers passes all marks between a map with signs and a picture.
    for value in ("3", "-9", "9"):
        first.get_by_role("spinbutton", name="Kernel, row 2, column 2").fill(value)
        expect(second.locator(".kb-state")).to_contain_text(f"add up to {value}".replace("-", "−"))
        for view in (first, second):
            expect(view.get_by_role("radio", name="signs")).to_be_checked()
    first.get_by_role("button", name="sharpen").click()  # a whole kernel chooses, in all views
    for view in (first, second):
        expect(view.get_by_role("radio", name="signs")).not_to_be_checked()


def test_each_drag_is_a_step_back_and_a_second_finger_or_button_moves_nothing(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE), has_touch=True)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    def middle(place: Locator) -> tuple[float, float]:
        box = place.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def numbers() -> list[float]:
        return [round(value, 2) for row in state_of(page, "kernel") for value in row]  # type: ignore[attr-defined]

    expect(page.get_by_text("kernel: drag sideways or type")).to_be_visible()
    x, y = middle(cell(page, 1, 2))
    lower = middle(cell(page, 3, 2))
    for _ in range(2):
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 25, y, steps=5)
        page.mouse.up()
    for _ in range(2):
        fingers("touchStart", lower)
        fingers("touchMove", (lower[0] + 25, lower[1]))
        fingers("touchEnd")
    assert (numbers()[1], numbers()[7]) == (1, 1)
    undo = page.get_by_role("button", name="Undo")
    ways: list[tuple[float, float]] = []
    while undo.is_enabled() and len(ways) < 9:
        undo.click()
        ways.append((numbers()[1], numbers()[7]))
    assert ways == [(1, 0.5), (1, 0), (0.5, 0), (0, 0)]
    expect(undo).to_be_focused()
    # A finger that goes up or down scrolls the page, and changes nothing.
    page.set_viewport_size({"width": 800, "height": 500})
    fingers("touchStart", (x, y))
    for step in range(1, 9):
        fingers("touchMove", (x, y - 10 * step))
    fingers("touchEnd")
    page.wait_for_function("() => scrollY > 30")
    assert numbers()[1] == 0
    page.set_viewport_size({"width": 800, "height": 1000})
    page.evaluate("scrollTo(0, 0)")
    # Of two fingers the first drags; after a cancelled touch nothing follows the pointer.
    fingers("touchStart", (x, y))
    fingers("touchStart", (x, y), lower)
    fingers("touchMove", (x + 25, y), (lower[0] + 50, lower[1]))
    assert (numbers()[1], numbers()[7]) == (0.5, 0)
    fingers("touchCancel")
    next_frame(page)
    page.mouse.move(x - 60, y)
    assert numbers()[1] == 0.5
    # The window follows neither a second finger nor a press that began elsewhere.
    picture = page.locator(".kb-picture .cw-picture")
    near, far = middle(picture), (middle(picture)[0] + 60, middle(picture)[1] + 60)
    fingers("touchStart", near)
    place = state_of(page, "pixel")
    fingers("touchStart", near, far)
    fingers("touchEnd")
    page.mouse.move(near[0], near[1] - 180)
    page.mouse.down()
    page.mouse.move(*far, steps=3)
    page.mouse.up()
    picture.click(button="right", position={"x": 20, "y": 20})
    assert state_of(page, "pixel") == place


def test_a_choice_is_at_the_picture_that_it_changes(front: FrontEnd) -> None:
    for width in (360, 706, 800):
        page = front.open(kernel_bench(PICTURE), width=width)
        for area, name in (("picture", "Picture"), ("result", "Result")):
            choice = page.get_by_role("radiogroup", name=name).bounding_box()
            assert choice is not None and choice["height"] >= 32  # for a finger
            picture = page.locator(f".kb-{area} .cw-picture").bounding_box()
            assert picture is not None
            assert choice["x"] == picture["x"] and 0 < picture["y"] - choice["y"] - choice["height"] < 12
        padding, summary = page.get_by_role("radiogroup", name="Padding"), page.locator(".kb-more summary")
        expect(padding).to_be_hidden()  # first the kernel; what is not as usual is said all the same
        expect(summary).to_have_text("Padding, stride, dilation")
        put(page, stride=2)
        expect(summary).to_have_text(re.compile(r"^Padding\s1, stride\s2, dilation\s1$"))
        summary.click()
        expect(padding).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("radiogroup", name="Stride").get_by_text("1").click()
        expect(summary).to_have_text("Padding, stride, dilation")
        expect(page.get_by_text("Picture: drag the window")).to_be_visible()
        settings = summary.bounding_box()
        kernel = cell(page, 1, 1).bounding_box()
        assert settings is not None and kernel is not None and settings["y"] < kernel["y"]
        put(page, kernel=np.full((5, 5), -0.04).tolist())
        sum_ = page.locator(TOTAL).bounding_box()
        assert sum_ is not None and sum_["x"] + sum_["width"] <= width - 14  # the last of the line, and all of it
        expect(cell(page, 3, 3)).to_have_value("−.04")  # with its zero it would be cut


def test_the_window_is_dragged_touched_and_moved_by_keys(front: FrontEnd) -> None:
    bench = kernel_bench(PICTURE)
    bench.stride = 2
    page = front.open(bench, has_touch=True)
    picture, result = page.locator(".kb-picture .cw-picture"), page.locator(".kb-result .cw-picture")
    box = picture.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.52, box["y"] + box["height"] * 0.73, steps=3)
    page.mouse.up()
    assert state_of(page, "pixel") == [12, 8]  # pixels 24 and 17 of the 34 of picture and border
    picture.press("ArrowUp")
    picture.press("ArrowLeft")
    assert state_of(page, "pixel") == [11, 7]
    picture.press("Shift+ArrowDown")
    picture.press("End")
    assert state_of(page, "pixel") == [15, 15]
    expect(page.locator(".kb-result .cw-head")).to_contain_text("row 15, column 15")
    expect(page.locator(".kb-picture .cw-head")).to_contain_text("rows 29–31, columns 29–31")
    result.press("ArrowUp")
    assert state_of(page, "pixel") == [14, 15]
    # Screen readers hear where the window is, in rows of the picture and not of its border.
    expect(picture).to_have_attribute("aria-valuetext", "row 28, column 30")
    expect(result).to_have_attribute("aria-valuetext", "row 14, column 15")
    size = result.bounding_box()
    assert size is not None
    # The frames, drawn on one canvas, lie where they say; the window of the number under the pointer is dashed.
    assert framed(page, picture, 28, 30) and not framed(page, picture, 3, 3)
    result.hover(position={"x": size["width"] * 1.5 / 16, "y": size["height"] * 1.5 / 16})
    assert framed(page, picture, 2, 2)
    page.mouse.move(0, 0)
    assert not framed(page, picture, 2, 2)
    page.touchscreen.tap(size["x"] + size["width"] * 0.22, size["y"] + size["height"] * 0.1)
    assert state_of(page, "pixel") == [1, 3]


def test_a_puzzle_is_solved_by_typing_and_is_marked(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE))
    page.get_by_role("radio", name="Puzzles").click()
    page.get_by_role("radio", name="Puzzle 4").click()
    # A press on the target chooses the number, too; what is wanted there is said, and marked on the target's key.
    target = page.get_by_role("slider", name="target of the puzzle")
    box = target.bounding_box()
    assert box is not None
    edges = grey(PICTURE.numpy())[1:-1, 2:] - grey(PICTURE.numpy())[1:-1, :-2]
    row, column = (int(place) + 1 for place in np.unravel_index(edges.argmin(), edges.shape))
    target.click(position={"x": box["width"] * (column + 0.5) / 32, "y": box["height"] * (row + 0.5) / 32})
    assert state_of(page, "pixel") == [row, column]
    expect(page.locator(".kb-target .cw-head")).to_have_text(f"Targethere {edges.min():.2f}".replace("-", "−"))
    share = page.locator(".kb-target .cw-scale").evaluate("e => e.style.getPropertyValue('--at')")
    assert float(share) == pytest.approx((edges.min() / np.abs(edges).max() + 1) / 2, abs=1e-5)
    expect(page.get_by_text("right minus left")).to_have_count(0)  # what is to be found is not told
    # On a phone, too, the three pictures are beside each other, on one line.
    page.set_viewport_size({"width": 360, "height": 1000})
    tops = page.locator(".kb-stage .cw-picture").evaluate_all("all => all.map(e => e.getBoundingClientRect().y)")
    assert len(set(tops)) == 1, tops
    words = page.locator(".kb-state").bounding_box()
    assert words is not None and words["x"] + words["width"] <= 360
    page.set_viewport_size({"width": 800, "height": 1000})
    onward = page.get_by_role("button", name="Next puzzle")
    expect(onward).to_be_hidden()
    # The two results lead; how far the numbers of the kernels are apart is a hint for those who ask.
    here = f"{grey(PICTURE.numpy())[row, column]:.2f}"
    said = f"Here the target is {edges.min():.2f}, your result {here}.".replace("-", "−")
    expect(page.locator(".kb-state")).to_have_text(said)
    meter = page.get_by_role("meter")
    expect(meter).to_have_count(0)
    page.get_by_text("Hint", exact=True).click()
    ways = [int(meter.get_attribute("aria-valuenow") or -1)]
    assert ways == [0], "the bar is empty where a puzzle begins"
    expect(page.get_by_text("Bars at the border")).to_be_visible()  # of the target
    for row, column, text in ((2, 2, "0"), (2, 1, "-1"), (2, 3, "1")):
        expect(page.locator(".kb-alike")).to_be_hidden()
        cell(page, row, column).fill(text)
        next_frame(page)
        ways.append(int(meter.get_attribute("aria-valuenow") or -1))
    assert ways == sorted(set(ways)) and ways[-1] == 100  # the bar fills as the kernel comes nearer
    expect(meter).to_have_accessible_name("Closeness to the secret kernel")
    expect(page.locator(".kb-state")).to_have_text("Solved: right minus left.")
    why = "Equal neighbours cancel, so only changes from left to right remain."
    expect(page.locator(".kb-words")).to_contain_text(f"Solved: right minus left. {why}")
    expect(page.locator(".kb-alike")).to_be_hidden()
    assert state_of(page, "solved") == [4]
    expect(page.get_by_role("radio", name="Puzzle 4: right minus left, solved")).to_be_visible()
    assert np.array_equal(levels(page, "target"), levels(page, "result"))
    onward.click()
    assert state_of(page, "puzzle") == 5 and state_of(page, "kernel") == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    expect(page.get_by_role("radio", name="Puzzle 5")).to_be_focused()
    page.get_by_role("radio", name="Puzzle 4").click()  # what was found is still there
    expect(page.locator(".kb-state")).to_have_text("Solved: right minus left.")
    reasons = set()
    for number, kernel in enumerate(PUZZLES.values(), start=1):
        put(page, puzzle=number, kernel=kernel.tolist(), solved=[1, 2, 3, 4, 5])
        reasons.add(page.locator(".kb-state + span").inner_text())
    assert len(reasons) == 6 and all(reason.endswith(".") for reason in reasons)
    cell(page, 2, 2).fill("3")
    expect(page.get_by_text("Equal pixels cancel")).to_have_count(0)
    cell(page, 2, 2).fill("4")
    expect(page.locator(".kb-state")).to_have_text("Solved: outline. All 6 are solved.")
    expect(onward).to_be_hidden()


def test_where_a_puzzles_pictures_agree_already_others_places_are_worth_a_look(front: FrontEnd) -> None:
    flat = np.full((16, 16), 128, np.uint8)
    flat[:, 8:] = 200
    bench = kernel_bench(flat)
    bench.puzzle, bench.kernel, bench.pixel = 2, np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]), (8, 4)
    page = front.open(bench)
    expect(page.locator(".kb-state")).to_have_text("Here both are 0.50. Drag the window to where they differ.")
    put(page, pixel=[8, 8])
    expect(page.locator(".kb-state")).to_have_text("Here the target is 0.50, your result 0.78.")


def test_puzzles_keep_the_own_kernel_their_places_and_a_result_that_can_be_seen(front: FrontEnd) -> None:
    bench = kernel_bench(PICTURE)
    bench.kernel, bench.stride, bench.channel = np.full((3, 3), 0.25), 2, "all colours"
    page = front.open(bench)
    page.get_by_role("radio", name="Puzzles").click()
    assert state_of(page, "channel") == "grey"
    places = set()
    for number in range(1, 7):
        page.get_by_role("radio", name=f"Puzzle {number}").click()
        box = page.get_by_role("radiogroup", name="Puzzle").bounding_box()
        assert box is not None
        places.add(box["x"])
    assert len(places) == 1
    cell(page, 2, 2).fill("4")  # far beyond the target's scale
    target = list(PUZZLES.values())[5]
    gaps = [np.abs(target - np.array([[0, 0, 0], [0, v, 0], [0, 0, 0]])).sum() for v in (4, 1)]
    said = f"In total, your numbers are {gaps[0]:.2f} away from the secret ones (before: {gaps[1]:.2f})."
    expect(page.locator(".kb-hint")).to_contain_text(said)
    ends = [page.locator(f".kb-{area} .cw-scale .cw-cap").last.inner_text() for area in ("target", "result")]
    most = [float(text.removeprefix("≥ ")) for text in ends]
    assert most[1] > 2 * most[0]
    page.get_by_role("radio", name="Explore").click()
    assert state_of(page, "kernel") == [[0.25] * 3] * 3 and state_of(page, "stride") == 2
    assert state_of(page, "channel") == "all colours"


def test_products_of_two_digits_and_a_sign_fit_the_cells_of_a_telephone(front: FrontEnd) -> None:
    bench = kernel_bench(torch.full((16, 16), 255, dtype=torch.uint8))
    bench.kernel, bench.pixel = np.full((5, 5), -1.0), (8, 8)
    page = front.open(bench, width=360, has_touch=True)
    caption = page.get_by_text("kernel: drag sideways or type").bounding_box()
    assert caption is not None and caption["x"] + caption["width"] <= 360 - 14  # all of it
    products = page.locator(".cv-products > *")
    expect(products).to_have_text(["−1.00"] * 25)
    assert products.evaluate_all("all => all.every(e => e.scrollWidth <= e.clientWidth)")


def test_a_kernel_that_does_not_fit_says_what_to_do(front: FrontEnd) -> None:
    bench = kernel_bench(PICTURE[0, :12, :12])
    bench.kernel, bench.padding, bench.dilation = np.eye(5), 0, 4
    page = front.open(bench, width=360)
    expect(page.get_by_role("alert")).to_have_text(re.compile("spans 17 pixels and does not fit"))
    expect(page.get_by_role("radiogroup", name="Picture")).to_have_count(0)  # a grey picture has no colours
    page.locator(".kb-picture .cw-picture").press("ArrowRight")
    assert state_of(page, "pixel") == list(bench.pixel)
    page.get_by_role("radiogroup", name="Dilation").get_by_text("1").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert "does not fit" in bench.words()


def test_keys_of_the_browser_stay_with_it(front: FrontEnd) -> None:
    """Alt and left goes back a page."""
    page = front.open(kernel_bench(PICTURE))
    before = state_of(page, "kernel"), state_of(page, "channel")
    page.get_by_role("radiogroup", name="Picture").get_by_role("radio", checked=True).press("Alt+ArrowLeft")
    cell = page.locator(".kb-kernel input, .cw-grid input").nth(4)
    cell.focus()
    for key in ("Alt+ArrowLeft", "Control+ArrowUp", "Control+Enter"):
        cell.press(key)
        expect(cell).to_be_focused()
    assert (state_of(page, "kernel"), state_of(page, "channel")) == before
    cell.press("Alt+ArrowUp")  # a small step of the number, which no browser uses
    assert state_of(page, "kernel") != before[0]


def test_on_another_screen_the_wires_are_as_sharp(front: FrontEnd) -> None:
    page = front.open(kernel_bench(PICTURE))
    wires = page.locator(".cv-wires")
    was = wires.evaluate("e => e.width")
    screen = page.context.new_cdp_session(page)
    screen.send(
        "Emulation.setDeviceMetricsOverride", {"width": 800, "height": 1000, "deviceScaleFactor": 2, "mobile": False}
    )
    page.locator(".kb-picture .cw-picture").press("ArrowRight")
    in_widget = "document.querySelector('[data-cifar-widget]').shadowRoot"
    page.wait_for_function(f"least => {in_widget}.querySelector('.cv-wires').width >= least", arg=2 * was - 2)
    screen.send("Emulation.clearDeviceMetricsOverride")


# --- in Python -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUZZLES)
def test_the_distance_falls_with_each_number_that_gets_nearer(name: str) -> None:
    target = PUZZLES[name]
    kernel = np.zeros((3, 3), np.float32)
    before = distance(kernel, target)
    assert before == pytest.approx(1)
    for place in zip(*target.nonzero(), strict=True):
        for share in (0.5, 1.0):
            kernel[place] = share * target[place]
            assert distance(kernel, target) < before
            before = distance(kernel, target)
    assert before == 0


def test_the_puzzles_differ_and_a_kernel_in_a_larger_one_is_the_same_kernel() -> None:
    names = list(PUZZLES)
    assert all(distance(PUZZLES[a], PUZZLES[b]) > 0.3 for a in names for b in names if a != b)
    assert distance(np.pad(SOBEL, 1), SOBEL) == 0


def test_it_begins_where_its_kernel_finds_an_edge() -> None:
    bench = kernel_bench(PICTURE)
    row, column = bench.pixel
    assert bench.result[row, column] > 0.9 * np.abs(bench.result[1:-1, 1:-1]).max()


def test_result_and_words_follow_the_state() -> None:
    bench = kernel_bench(PICTURE)
    bench.channel, bench.padding, bench.puzzle = "all colours", 0, 4
    expected = conv2d(PICTURE[:, None] / 255, torch.from_numpy(SOBEL)[None, None])[:, 0].numpy()
    assert np.allclose(bench.result, expected, atol=1e-5)
    bench.channel = "green"
    assert np.allclose(bench.result, expected[1], atol=1e-5)
    words = bench.words()
    assert "30 × 30" in words and f"{expected[1][bench.pixel]:.2f}" in words and "4: right minus left" in words
    bench.pixel, bench.stride = (29, 29), 4
    assert bench.pixel == (7, 7)  # a smaller result keeps the pixel inside


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        ("kernel", np.zeros((4, 4)), r"must have shape \(3, 3\) or \(5, 5\)"),
        ("kernel", [[np.nan] * 3] * 3, "finite"),
        ("kernel", np.full((3, 3), 101), "largest value allowed is 100"),
        ("pixel", (32, 0), "give a row from 0 to 31 and a column from 0 to 31"),
        ("padding", 4, "padding"),
        ("channel", "purple", "grey"),
        ("puzzle", 7, "puzzle"),
    ],
)
def test_wrong_values_are_refused_with_a_reason(trait: str, value: object, message: str) -> None:
    bench: KernelBench = kernel_bench(PICTURE)
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(bench, trait, value)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((32, 32)), np.zeros((32, 32, 3), np.uint8), np.zeros(9, np.uint8), np.zeros((3, 8, 32), np.uint8)],
)
def test_the_bench_refuses_what_is_no_picture(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="kernel_bench"):
        kernel_bench(wrong)
    with pytest.raises(traitlets.TraitError, match="leave channel at 'grey'"):
        kernel_bench(PICTURE[0]).channel = "red"
