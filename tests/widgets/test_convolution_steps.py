"""The widget that steps through a convolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import traitlets
from chrome import FrontEnd, next_frame, state_of
from playwright.sync_api import Locator, Page, expect
from test_kernel_bench import PICTURE, SOBEL, honest, put, shown, total, window
from torch.nn.functional import conv2d

from cifar_helpers.kernels import KERNELS, convolve_windows, grey
from cifar_helpers.widgets.convolution_steps import convolution_steps

CORNER = (23, 16)
SQUARE = torch.from_numpy(grey(PICTURE.numpy())[23:31, 16:24].copy())


def cells(page: Page, figure: int) -> list[str]:
    return page.locator(".cs-views figure").nth(figure).locator(".cw-grid > *").all_inner_texts()


def place(box: Locator, row: float, column: float, side: int) -> dict[str, float]:
    size = box.bounding_box()
    assert size is not None
    return {"x": size["width"] * (column + 0.5) / side, "y": size["height"] * (row + 0.5) / side}


def test_the_output_fills_up_with_the_numbers_of_pytorch(front: FrontEnd) -> None:
    page = front.open(convolution_steps(PICTURE, CORNER))
    for padding, stride, dilation, step in [(0, 1, 1, 17), (1, 2, 1, 16), (2, 3, 2, 1), (2, 1, 2, 64)]:
        put(page, step=1)
        put(page, padding=padding, stride=stride, dilation=dilation, step=step)
        weight = torch.from_numpy(SOBEL)[None, None]
        output = conv2d(SQUARE[None, None], weight, None, stride, padding, dilation)[0, 0].numpy().ravel()
        texts = cells(page, 1)
        assert len(texts) == len(output) and texts[step:] == [""] * (len(output) - step)
        filled = [float(text.replace("−", "-")) for text in texts[:step]]
        side = 8 + 2 * padding
        assert filled == pytest.approx(output[:step].tolist(), abs=0.0051)
        place_ = np.array(divmod(step - 1, round(len(output) ** 0.5)))
        honest(page, window(SQUARE.numpy(), 3, place_, padding, stride, dilation) * SOBEL)
        assert total(page) == pytest.approx(filled[-1], abs=1e-9)  # with the same digits
        expect(page.locator(".cs-at")).to_have_text(f"Step {step} of {len(output)}")
        expect(page.get_by_role("slider", name="Step")).to_have_value(str(step - 1))
        inner = np.array(cells(page, 0)).reshape(side, side)
        assert (inner[:padding] == "0").all() and float(inner[padding, padding]) == round(float(SQUARE[0, 0]), 2)
    # The same sum has the same colour whatever the stride, and the key says when others lie beyond.
    first = page.locator(".cs-views figure").last.locator(".cw-grid > *").first
    colours = set()
    for stride in (1, 2, 3):
        put(page, padding=0, stride=stride, dilation=1, step=1)
        colours.add(first.evaluate("cell => cell.style.background"))
    assert len(colours) == 1
    largest = float(conv2d(SQUARE[None, None], weight).abs().max())
    ends = page.locator(".cs-views .cw-scale .cw-cap")
    assert ends.all_inner_texts() == [f"−{largest:.2g}", f"{largest:.2g}"]
    put(page, padding=1, stride=1)
    assert "≤ " in ends.all_inner_texts()[0] or "≥ " in ends.all_inner_texts()[1]
    put(page, padding=2, step=1)
    # What the sum of the step says is marked among what sums can say.
    said = page.locator(".cv-meaning [data-now]")
    expect(page.locator(".cv-meaning")).to_contain_text(
        "Positive: brighter on the right. Negative: brighter on the left."
    )
    expect(said).to_have_text("Positive: brighter on the right.")
    assert total(page) >= 0.1
    put(page, step=64)
    expect(said).to_have_text("Negative: brighter on the left.")
    assert total(page) <= -0.1
    put(page, kernel="blur", dilation=1, stride=3)
    expect(said).to_have_text("Each sum is the mean of the nine pixels.")
    assert state_of(page, "step") == 16  # a step beyond the last becomes the last


def wait_by_hand(page: Page) -> None:
    """The next step of the play comes when `after` asks for it, not with the time."""
    page.evaluate(
        """() => {
            const wait = setTimeout;
            window.setTimeout = (then, ms, ...more) => {
                if (then.name !== "proceed") return wait(then, ms, ...more);
                window.due = [then, ms];
                return 0;
            };
        }"""
    )


def after(page: Page) -> int:
    """Let the pause pass that the play makes now; its milliseconds."""
    return int(page.evaluate("() => { const [then, ms] = window.due; window.due = null; then(); return ms; }"))


def test_it_is_played_dragged_clicked_and_moved_by_keys(front: FrontEnd) -> None:
    page = front.open(convolution_steps(PICTURE, CORNER), has_touch=True)
    image, output = page.locator(".cs-views .cw-picture").all()
    step = page.get_by_role("button", name="Step")
    beside = step.bounding_box()
    wait_by_hand(page)
    page.get_by_role("button", name="Play").click()
    for number in range(2, 9):
        assert after(page) == (700 if number < 8 else 300)  # the first row slowly, and to the start of the next one
        assert state_of(page, "step") == number
    expect(page.locator(".cs-at")).to_have_text("Step 8 of 36")
    assert step.bounding_box() == beside
    page.get_by_role("button", name="Pause").click()
    step.click()
    assert state_of(page, "step") == 9
    # The number of the output appears when the frame is there.
    expect(page.locator(".cs-at")).to_have_text("Step 9 of 36")
    lands = page.locator(".cs-lands")
    expect(lands).to_have_text(cells(page, 1)[8])
    colours = """cell => {
        const [glide] = cell.getAnimations();
        glide.pause();
        return [0, 140, 151].map(time => {
            glide.currentTime = time;
            return getComputedStyle(cell).color;
        });
    }"""
    first, late, after_it = lands.evaluate(colours)
    assert first == late == "rgba(0, 0, 0, 0)" != after_it
    slides = page.locator(".convolution_steps[data-slides]")
    expect(slides).to_have_count(1)
    output.click(position=place(output, 4, 1, 6))  # a number that is not computed yet
    assert state_of(page, "step") == 26
    expect(slides).to_have_count(0)  # a jump does not
    next_frame(page)
    expect(page.locator(".cs-views figure").last.locator(".cw-grid > *").nth(25)).not_to_have_class("cs-lands")
    output.press("ArrowUp")
    assert state_of(page, "step") == 20
    image.press("ArrowRight")
    assert state_of(page, "step") == 21
    image.tap(position=place(image, 1, 1, 8))
    assert state_of(page, "step") == 1
    start, end = place(image, 1, 1, 8), place(image, 3.2, 4, 8)
    image.drag_to(image, source_position=start, target_position=end)  # type: ignore[arg-type]
    assert state_of(page, "step") == 16
    page.emulate_media(reduced_motion="reduce")  # so that nothing glides below
    page.get_by_role("slider", name="Step").press("ArrowRight")
    expect(page.locator(".cs-at")).to_have_text("Step 17 of 36")
    # Looking back keeps the sums that were there, and playing fills them in again.
    assert cells(page, 1).index("") == 26
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".cs-views figure").last.locator(".cw-grid > *").nth(25)).to_have_text("")
    page.get_by_role("button", name="Pause").press("Escape")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    put(page, step=17)
    # A pixel of the window lights its product, and a number of the output frames its window.
    image.hover(position=place(image, 3, 5, 8))
    assert page.locator(".cv-lit").first.evaluate("c => [...c.parentNode.children].indexOf(c)") == 4
    image.hover(position=place(image, 0, 0, 8))
    expect(page.locator(".cv-lit")).to_have_count(0)
    wires = page.locator(".cv-wires")
    before = wires.evaluate("c => c.toDataURL()")
    output.hover(position=place(output, 0, 0, 6))
    assert wires.evaluate("c => c.toDataURL()") != before
    page.mouse.move(0, 0)
    assert wires.evaluate("c => c.toDataURL()") == before
    page.emulate_media(reduced_motion="no-preference")
    # Another padding or stride keeps the window, or the nearest one.
    expect(page.locator(".cs-views .cw-head").first).to_contain_text("rows 2–4, columns 4–6")
    page.get_by_text("Padding, stride, dilation").click()
    page.get_by_role("radiogroup", name="Padding").get_by_text("2").click()
    expect(page.locator(".cs-at")).to_have_text("Step 47 of 100")
    expect(page.locator(".cs-views .cw-head").first).to_contain_text("rows 2–4, columns 4–6")
    page.get_by_role("radiogroup", name="Stride").get_by_text("2").click()
    expect(page.locator(".cs-at")).to_have_text("Step 14 of 25")
    expect(page.locator(".cs-views .cw-head").first).to_contain_text("rows 2–4, columns 4–6")
    page.get_by_role("radiogroup", name="Padding").get_by_text("0").click()
    put(page, step=8)
    step.press("Enter")
    expect(step).to_be_disabled()
    expect(step).to_be_focused()
    step.press("Enter")
    assert state_of(page, "step") == 9
    page.get_by_role("radiogroup", name="Stride").get_by_text("2").press("ArrowRight")
    assert state_of(page, "stride") == 3
    page.get_by_role("button", name="sharpen").click()
    assert state_of(page, "kernel") == "sharpen"
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")

    def layouts() -> float:
        metrics = cdp.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) for metric in metrics if metric["name"] == "LayoutCount")

    count = layouts()
    page.locator(".cs-whole .cw-picture").press("ArrowRight")
    assert state_of(page, "corner") == [CORNER[0], CORNER[1] + 1]
    assert layouts() - count < 20  # a look at the width for each number would be a hundred


def test_a_sign_is_predicted_before_the_sum_is_shown(front: FrontEnd) -> None:
    page = front.open(convolution_steps(PICTURE, CORNER), width=360)
    page.get_by_role("radio", name="Predict").click()
    expect(page.locator(".cv-total")).to_have_text("?")
    first = int(state_of(page, "step")) - 1  # type: ignore[call-overload]
    assert first > 0 and cells(page, 1)[first] == "?"  # not the window whose sum was on the screen
    pixels, asked = page.locator(".cv-line").bounding_box(), page.locator(".cs-predict").bounding_box()
    assert (
        pixels and asked and pixels["y"] < asked["y"] < pixels["y"] + 400
    )  # pixels, kernel and question on one screen
    assert page.locator(".cv-products > *").all_inner_texts() == [""] * 9
    output = conv2d(SQUARE[None, None], torch.from_numpy(SOBEL)[None, None])[0, 0].ravel()
    names = ["near zero" if abs(v) < 0.1 else "positive" if v > 0 else "negative" for v in output.tolist()]
    assert abs(output[first]) == output.abs().max()  # it begins with a clear edge
    expect(page.locator(".cv-meaning")).to_be_hidden()  # it would give the sign away
    page.get_by_role("button", name=names[first]).click()
    expect(page.locator(".cv-meaning")).to_be_visible()
    expect(page.locator(".cs-verdict")).to_contain_text(f"✓ Right: {output[first]:.2f}".replace("-", "−"))
    assert state_of(page, "score") == [1, 1]
    streak = page.locator(".cs-dots")
    expect(streak).to_have_accessible_name("1 of 3")
    onward = page.get_by_role("button", name="Next window")
    expect(onward).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".cv-total")).to_have_text("?")
    expect(page.locator(".cs-predict button:visible").first).to_be_focused()  # nor is the place of the keyboard lost
    here = int(state_of(page, "step")) - 1  # type: ignore[call-overload]
    wrong = next(name for name in ("negative", "positive") if name != names[here])
    page.get_by_role("button", name=wrong).click()
    expect(page.locator(".cs-verdict")).to_contain_text(f"is {names[here]}")
    negative, positive = (sum(v for v in shown(page, "products") if sign * v > 0) for sign in (-1, 1))
    both = f"The right column adds {positive:.2f}, the left takes away {-negative:.2f}"
    ends = {
        "positive": ": the right is brighter.",
        "negative": ": the left is brighter.",
        "near zero": ": they nearly cancel.",
    }
    expect(page.locator(".cs-parts")).to_have_text(both + ends[names[here]])
    tops = [page.locator(part).bounding_box() for part in (".cs-verdict", ".cs-parts", ".cs-predict .cw-main")]
    assert tops == sorted(tops, key=lambda box: box["y"])  # type: ignore[index]  # the answer before what comes next
    assert state_of(page, "score") == [1, 2]
    expect(streak).to_have_accessible_name("0 of 3")
    # Three in a row are three signs, so that one answer again and again is never enough.
    asked = []
    for count in (1, 2, 3):
        onward.click()
        asked.append(names[int(state_of(page, "step")) - 1])  # type: ignore[call-overload]
        page.get_by_role("button", name=asked[-1]).click()
        expect(streak).to_have_accessible_name(f"{count} of 3")
        done = page.locator(".cs-verdict").get_by_text("Three in a row: done.")
        expect(done).to_have_count(int(count == 3))
    assert set(asked) == {"negative", "near zero", "positive"}
    page.locator(".cs-views .cw-picture").last.press("Shift+ArrowDown")
    page.locator(".cs-views .cw-picture").last.press("Shift+ArrowDown")  # what is skipped stays to be predicted
    next_frame(page)
    filled = [text for text in cells(page, 1) if text]
    assert len(filled) == 5 + ("?" in filled)
    # Another kernel begins again; one that only copies asks nothing.
    put(page, kernel="identity", step=1)
    expect(streak).to_be_hidden()
    expect(page.locator(".cs-parts")).to_have_text(
        "Each sum is the pixel in the middle itself. Choose another kernel to predict."
    )
    expect(page.get_by_role("button", name="positive")).to_be_hidden()
    expect(page.locator(".cv-meaning")).to_be_hidden()  # it says the same
    put(page, kernel="emboss")
    expect(streak).to_have_accessible_name("0 of 3")
    here = int(state_of(page, "step")) - 1  # type: ignore[call-overload]
    page.get_by_role("button", name="positive").click()
    negative, positive = (sum(v for v in shown(page, "products") if sign * v > 0) for sign in (-1, 1))
    both = f"Negative products: {negative:.2f}. Positive products: {positive:.2f}.".replace("-", "−")
    expect(page.locator(".cs-parts")).to_have_text(both)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # A sum near the line between two answers is asked for last.
    page = front.open(convolution_steps(PICTURE, (2, 0)))
    square = torch.from_numpy(grey(PICTURE.numpy())[2:10, :8].copy())
    sums = conv2d(square[None, None], torch.from_numpy(SOBEL)[None, None])[0, 0].ravel()
    assert ((sums.abs() > 0.05) & (sums.abs() < 0.15)).any()
    page.get_by_role("radio", name="Predict").click()
    for _ in range(6):
        here = int(state_of(page, "step")) - 1  # type: ignore[call-overload]
        assert not 0.05 < abs(sums[here]) < 0.15
        page.locator(".cs-predict button:visible").first.click()
        page.get_by_role("button", name="Next window").click()


def test_three_windows_in_a_row_are_the_three_answers_in_changing_orders(front: FrontEnd) -> None:
    output = conv2d(SQUARE[None, None], torch.from_numpy(SOBEL)[None, None])[0, 0].ravel().tolist()
    names = ["near zero" if abs(v) < 0.1 else "positive" if v > 0 else "negative" for v in output]

    def rounds() -> list[tuple[str, ...]]:
        page = front.open(convolution_steps(PICTURE, CORNER))
        page.get_by_role("radio", name="Predict").click()
        asked = []
        for _ in range(12):
            asked.append(names[int(state_of(page, "step")) - 1])  # type: ignore[call-overload]
            page.get_by_role("button", name=asked[-1]).click()
            page.get_by_role("button", name="Next window").click()
        return [tuple(asked[k : k + 3]) for k in range(0, 12, 3)]

    orders = rounds()
    assert all(len(set(order)) == 3 for order in orders), orders
    assert len(set(orders)) >= 3, "the order can be foreseen"
    assert rounds() == orders  # for all learners the same


def test_after_a_change_of_settings_the_output_is_filled_up_to_the_step(front: FrontEnd) -> None:
    page = front.open(convolution_steps(PICTURE, CORNER))
    bar = page.get_by_role("slider", name="Step")
    put(page, step=9)
    page.get_by_text("Padding, stride, dilation").click()
    page.get_by_role("radiogroup", name="Padding").get_by_text("2").click()

    def filled() -> int:
        return len([text for text in cells(page, 1) if text])

    assert filled() == int(state_of(page, "step")) > 20  # type: ignore[call-overload]
    bar.press("Home")
    for number in range(1, 4):
        expect(page.locator(".cs-at")).to_have_text(f"Step {number} of 100")
        assert filled() == number
        bar.press("ArrowRight")
    expect(page.locator(".cs-at")).to_have_text("Step 4 of 100")
    bar.press("Home")
    expect(page.locator(".cs-at")).to_have_text("Step 1 of 100")
    assert filled() == 4  # these were seen to come


def test_without_negative_numbers_the_sum_is_compared_with_the_pixel_in_the_middle(front: FrontEnd) -> None:
    page = front.open(convolution_steps(PICTURE, CORNER), width=360)
    put(page, kernel="blur", predicting=True)
    expect(page.get_by_role("group", name="Predict the sum")).to_contain_text("Compared with the pixel in the middle")
    expect(page.locator(".cv-meaning")).to_have_text("Each sum is the mean of the nine pixels.")  # gives nothing away
    means = convolve_windows(SQUARE.numpy(), np.full((3, 3), 1 / 9, np.float32)).ravel()
    gaps = means - SQUARE.numpy()[1:-1, 1:-1].ravel()
    asked = set()
    for number in range(1, 4):
        here = int(state_of(page, "step")) - 1  # type: ignore[call-overload]
        sign = 0 if abs(gaps[here]) < 0.05 else int(np.sign(gaps[here]))
        name = ["lower", "about equal", "higher"][sign + 1]
        asked.add(name)
        page.get_by_role("button", name=name).click()
        expect(page.locator(".cs-verdict")).to_contain_text(f"✓ Right: {means[here]:.2f} is {name}")
        window = SQUARE.numpy()[here // 6 : here // 6 + 3, here % 6 : here % 6 + 3]
        away = window - window[1, 1]
        expect(page.locator(".cs-parts")).to_have_text(
            f"The pixel in the middle is {window[1, 1]:.2f}. In total, darker neighbours are "
            f"{-away[away < 0].sum():.2f} below it, brighter ones {away[away > 0].sum():.2f} above."
        )
        expect(page.locator(".cs-dots")).to_have_accessible_name(f"{number} of 3")
        page.get_by_role("button", name="Next window").click()
    assert len(asked) == 3
    flat = front.open(convolution_steps(np.full((32, 32), 90, np.uint8), (9, 9)))
    put(flat, kernel="blur", predicting=True)
    expect(flat.locator(".cs-parts")).to_have_text(
        "All sums here are about equal, compared with the pixel in the middle. "
        "Choose another kernel or drag the square to predict."
    )


def test_in_every_window_each_product_is_rounded_by_itself_and_small_sums_are_pale(front: FrontEnd) -> None:
    page = front.open(convolution_steps(PICTURE, CORNER))
    for name in ("Sobel, vertical edges", "sharpen", "blur"):
        put(page, kernel=name)
        exact = 0
        for step in range(1, 37):
            put(page, step=step)
            seen = window(SQUARE.numpy(), 3, np.array(divmod(step - 1, 6)))
            exact += honest(page, seen * np.array(KERNELS[name]))
        assert 0 < exact < 36
    # A uniform area has no strong colours, however small its own sums are.
    flat = np.full((32, 32), 120, np.uint8)
    flat[:, 16:] += 5
    page = front.open(convolution_steps(flat, (4, 12)))
    put(page, step=3)
    assert total(page) == pytest.approx(0.08, abs=0.005)
    tile = page.locator(".cv-total").evaluate("e => e.style.background.match(/\\d+/g).map(Number)")
    assert min(tile) > 200, tile
    page.locator(".cs-views .cw-scale .cw-cap").last.wait_for()
    expect(page.locator(".cs-views .cw-scale .cw-cap").last).to_have_text("1")


def test_it_begins_around_a_vertical_edge_and_shows_where_that_lies(front: FrontEnd) -> None:
    edge = np.full((32, 24), 0.5, np.float32)
    edge[12:30, 15:] = 0.9
    for pixels, corner in (((255 * edge).astype(np.uint8), None), ((255 * edge).astype(np.uint8), (1, 2))):
        steps = convolution_steps(pixels, corner)
        top, left = steps.corner
        assert np.array_equal(steps.image, grey(pixels)[top : top + 8, left : left + 8].astype(np.float64))
        if corner:
            assert (top, left) == corner
        else:
            sums = convolve_windows(steps.image.astype(np.float32), SOBEL)
            assert sums[2, 2] == sums.max() > 1 and f"from row {top}, column {left} of a picture" in steps.words()
        page = front.open(steps)
        frame = page.locator(".cs-whole .cw-frame")
        style = frame.evaluate("f => [f.style.top, f.style.left]")
        assert [float(text.rstrip("%")) for text in style] == pytest.approx([100 * top / 32, 100 * left / 24], abs=0.01)
    # The square is moved in the whole picture, and its numbers follow.
    small, wires = page.locator(".cs-whole .cw-picture"), page.locator(".cv-wires")
    before = wires.evaluate("c => c.toDataURL()")
    small.click(position=place(small, 20, 10 * 32 / 24, 32))
    assert state_of(page, "corner") == [16, 6]
    assert wires.evaluate("c => c.toDataURL()") != before  # the lines from the square go with it
    small.press("ArrowRight")
    small.press("Shift+ArrowDown")
    assert state_of(page, "corner") == [21, 7] and frame.evaluate("f => f.style.top") == "65.625%"
    assert np.array_equal(np.array(state_of(page, "image")), np.array(state_of(page, "whole"))[21:29, 7:15])
    expect(page.locator(".cs-views .cw-grid > *").first).to_have_text("0.50")
    high = np.zeros((9, 9), np.uint8)
    high[:, 8] = 255  # an edge at the very side
    assert convolution_steps(high).corner == (0, 1)


def test_dilation_and_the_formula_are_shown_when_asked_for(front: FrontEnd) -> None:
    page = front.open(convolution_steps(PICTURE))
    formula = page.locator(".cs-more .cw-cap").last
    expect(formula).to_be_hidden()
    root = page.locator(".convolution_steps")
    closed = root.evaluate("root => root.clientHeight")
    opened = page.get_by_text("Padding, stride, dilation")
    board = [opened, *page.locator(".cs-views .cw-picture").all(), page.locator(".cv-line")]
    places = [part.bounding_box() for part in board]
    opened.click()
    assert [part.bounding_box() for part in board] == places  # nothing moves, and a second press closes it
    assert closed <= root.evaluate("root => root.clientHeight") <= 760
    # The fields come without the formula: lesson 02 lets them be tried before it asks for it.
    expect(page.get_by_role("radiogroup", name="Stride")).to_be_visible()
    expect(formula).to_be_hidden()
    page.get_by_text("Formula for the size").click()
    expect(formula).to_be_visible()
    assert [part.bounding_box() for part in board] == places
    assert root.evaluate("root => root.clientHeight") <= 760
    expect(formula).to_contain_text("= ⌊(8 + 2·0 − 3) / 1⌋ + 1 = 6")
    expect(formula).not_to_contain_text("span")
    page.get_by_role("radiogroup", name="Dilation").get_by_text("2").click()
    expect(formula).to_contain_text("span = dilation × (kernel − 1) + 1 = 5")
    assert state_of(page, "dilation") == 2
    assert root.evaluate("root => root.clientHeight") <= 760
    # Each number of the output fits its cell, with the frame around a neighbour.
    for padding, stride, dilation in ((0, 1, 1), (1, 1, 1), (2, 1, 1), (2, 3, 2)):
        put(page, padding=padding, stride=stride, dilation=dilation)
        page.get_by_role("slider", name="Step").press("End")
        numbers = page.locator(".cs-views figure").last.locator(".cw-grid > *")
        expect(numbers.last).not_to_have_text("")
        spare = numbers.evaluate_all(
            """cells => Math.min(...cells.map(cell => {
                const range = document.createRange();
                range.selectNodeContents(cell);
                return cell.clientWidth - range.getBoundingClientRect().width;
            }))"""
        )
        assert spare >= 3
    # On a phone, too, all numbers are there and large enough to be read: image and output are below each other.
    page.set_viewport_size({"width": 360, "height": 1000})
    size = "cell => parseFloat(getComputedStyle(cell).fontSize)"
    for padding in (0, 2):
        put(page, padding=padding, stride=1, dilation=1)
        for figure in page.locator(".cs-views figure").all():
            assert figure.locator(".cw-grid > *").first.evaluate(size) >= 9, padding
    boxes = [figure.bounding_box() for figure in page.locator(".cs-views figure").all()]
    assert boxes[0] and boxes[1] and boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    small = page.locator(".cs-whole .cw-picture").bounding_box()
    assert small and small["width"] == 140  # its square is as large as a fingertip
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_state_and_words_in_python() -> None:
    steps = convolution_steps(PICTURE)
    steps.step = 36
    assert "step 36 of 36" in steps.words() and f"row 5, column 5 is {steps.output[5, 5]:.2f}" in steps.words()
    steps.stride = 2
    assert steps.step == 9 and steps.output.shape == (3, 3)
    steps.predicting = True
    assert f"{steps.output[2, 2]:.2f}" not in steps.words()
    for trait, value, message in (("step", 10, "from 1 to 9"), ("kernel", "edge", "blur"), ("padding", 3, "padding")):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(steps, trait, value)
    assert tuple(steps.presets) == tuple(KERNELS)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"corner": (30, 0)}, "does not lie in"), ({"side": 13}, "5..12"), ({"corner": (-1, 0)}, "does not lie in")],
)
def test_a_square_outside_the_picture_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convolution_steps(PICTURE, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="uint8"):
        convolution_steps(np.zeros((32, 32)))
