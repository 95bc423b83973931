"""The line chart of the front end, in Chromium."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from chrome import FrontEnd, cancelled_touch, next_frame
from playwright.sync_api import Page, expect

from cifar_helpers.web.join import page_script

LOSSES = {"training": [2.0, 1.0, 0.5, 0.25, 0.2], "validation": [2.2, 1.2, 0.9, None, 1.1]}


def chart_page(content: dict[str, Any], options: str = "") -> str:
    """A page with one chart, as `chart`, whose marker's values are kept in `moves`."""
    script = f"""{page_script(["chart"])}
const {{ root, say }} = $ui.mount(document.body, "probe", "Probe", "", () => {{}});
globalThis.moves = [];
globalThis.chart = $chart.chart({{label: "Losses", x: {{label: "epoch"}}, y: {{label: "Loss"}}, say, {options}}});
chart.set({json.dumps(content)});
root.append(chart.node);
"""
    return f'<!doctype html><html lang="en"><title>x</title><body><script type="module">{script}</script>'


def lines(losses: dict[str, list[float | None]]) -> list[dict[str, Any]]:
    colours = ("c1", "c2", "c3")
    return [
        {"name": name, "colour": colour, "points": [[k, y] for k, y in enumerate(values, start=1)]}
        for (name, values), colour in zip(losses.items(), colours, strict=False)
    ]


def at(page: Page, x: float, xs: Sequence[float] = (1, 5)) -> float:
    """The horizontal position of an x, by the axis that is drawn."""
    box = page.locator(".cw-plot .axis").first.bounding_box()
    assert box is not None
    return float(box["x"] + (x - xs[0]) / (xs[1] - xs[0]) * box["width"])


def test_hover_and_keys_show_the_numbers_at_an_x(front: FrontEnd) -> None:
    page = front.open(chart_page({"series": lines(LOSSES)}, "sides: [20, 130]"))
    box = page.locator(".cw-plot").bounding_box()
    assert box is not None
    labels, where = page.locator(".cw-plot > svg .label"), page.locator(".looked .words")
    places = labels.evaluate_all("all => all.map(one => one.getAttribute('y'))")
    page.mouse.move(at(page, 3.2), box["y"] + 50)
    expect(where).to_have_text("epoch 3")  # below its line, in place of the axis' label
    expect(page.locator(".unit")).to_be_hidden()
    expect(labels).to_have_text(["training 0.500", "validation 0.900"])  # where the lines have their names
    page.mouse.move(at(page, 4), box["y"] + 50)
    expect(labels).to_have_text(["training 0.250", "validation"])  # none where a line has a gap
    page.mouse.move(5, 600)
    expect(labels).to_have_text(["training", "validation"])
    expect(where).to_have_count(0)
    page.locator(".cw-plot").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(where).to_have_text("epoch 3")
    expect(page.locator(".cw-plot")).to_have_attribute("aria-valuetext", "epoch 3: validation 0.900, training 0.500")
    assert page.locator(".cw-plot").bounding_box() == box  # nothing moves
    assert labels.evaluate_all("all => all.map(one => one.getAttribute('y'))") == places
    page.keyboard.press("Escape")
    expect(where).to_have_count(0)
    assert page.locator(".line.c2").first.get_attribute("d").count("M") == 2  # type: ignore[union-attr]
    # A line that has no label has its number beside its dot, inside the plot; a name without room gives way.
    more = [*lines(LOSSES), {"name": "batch", "end": "", "colour": "c3", "points": [[1, 2.1], [5, 0.1]]}]
    more[0]["end"] = "training in all epochs"
    page.evaluate("series => chart.set({ series: series.map((one, k) => ({ ...one, run: `${k}` })) })", more)
    axis = page.locator(".cw-plot .axis").first.bounding_box()
    assert axis is not None
    for x, number in ((1, "2.100"), (5, "0.100")):
        page.mouse.move(at(page, x), box["y"] + 50)
        expect(where).to_have_text(f"epoch {x}")
        expect(page.locator(".looked .label")).to_have_text(number)
        expect(labels.first).to_have_text("2.000" if x == 1 else "0.200")
        number_box = page.locator(".looked .label").bounding_box()
        assert number_box is not None and number_box["x"] >= axis["x"]
        assert number_box["x"] + number_box["width"] <= axis["x"] + axis["width"] + 1
        paper = page.locator(".looked .paper").bounding_box()  # so that it is read where lines run on behind it
        assert paper is not None and paper["x"] < number_box["x"]
        assert paper["x"] + paper["width"] > number_box["x"] + number_box["width"]
    # A line that is pointed at comes forward, also where another was brought forward.
    page.evaluate("chart.bring('1')")
    line = page.locator(".line.c3").bounding_box()
    assert line is not None
    page.mouse.move(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
    expect(page.locator(".line.front")).to_have_class("line c3 front")
    page.mouse.move(5, 600)
    expect(page.locator(".line.front")).to_have_class("line c2 front")
    page.evaluate("chart.bring('1')")
    expect(page.locator(".front")).to_have_count(2)  # the line and its label
    expect(page.locator(".back")).to_have_count(3)  # of the lines without label only the line
    page.evaluate("chart.bring('a run that is gone')")
    expect(page.locator(".front, .back")).to_have_count(0)


def test_the_marker_is_dragged_and_moved_by_keys_between_its_stops(front: FrontEnd) -> None:
    content = {
        "series": lines(LOSSES), "marker": "b",
        "stops": [{"value": "a", "x": 1}, {"value": "b", "x": 3}, {"value": "c", "x": 5}],
    }  # fmt: skip
    page = front.open(chart_page(content, "marker: {label: 'Stop', moved: v => moves.push(v), text: v => `at ${v}`}"))
    handle = page.get_by_role("slider", name="Stop")
    expect(handle).to_have_attribute("aria-valuetext", "at b")
    page.mouse.move(at(page, 3), 100)
    expect(page.locator(".label")).to_have_text(["training", "validation"])  # the marker reads
    page.mouse.down()
    page.mouse.move(at(page, 3.9), 100)
    page.mouse.move(at(page, 4.2), 100)
    page.mouse.up()
    page.mouse.move(at(page, 1), 100)  # no longer dragged
    expect(handle).to_have_attribute("aria-valuetext", "at c")
    handle.press("ArrowLeft")
    handle.press("Home")
    expect(handle).to_have_attribute("aria-valuenow", "0")
    assert page.evaluate("moves") == ["c", "b", "a"]
    # A touch that scrolls the page, which the browser cancels, leaves the marker where it was.
    cancelled_touch(page, at(page, 5), 100)
    page.mouse.move(at(page, 3), 100)
    assert page.evaluate("moves") == ["c", "b", "a", "c", "a"]
    # A move draws the marker and what goes with it, and leaves the curves as they are.
    page.evaluate(
        """() => {
            const root = document.querySelector("[data-cifar-widget]").shadowRoot;
            globalThis.curve = root.querySelector(".line");
            chart.set({ rules: [{ x: 2, label: "two" }], shade: { colour: "c2", ends: [2, 3] },
                dots: [{ x: 3, y: 0.5, colour: "c1", label: "least" }] });
        }"""
    )
    for text in ("two", "least"):
        expect(page.get_by_text(text)).to_be_visible()
    expect(page.locator(".band")).to_have_count(1)
    assert page.evaluate("curve.isConnected")
    # At both ends the marker leaves the numbers of the axes free.
    for key in ("Home", "End"):
        handle.press(key)
        next_frame(page)
        covered = page.evaluate(
            """() => {
                const root = document.querySelector("[data-cifar-widget]").shadowRoot;
                const thumb = root.querySelector(".thumb").getBoundingClientRect();
                return [...root.querySelectorAll(".tick")].filter(tick => {
                    const box = tick.getBoundingClientRect();
                    return box.right > thumb.left && box.left < thumb.right && box.bottom > thumb.top + 2
                        && box.top + 2 < thumb.bottom;
                }).map(tick => tick.textContent);
            }"""
        )
        assert covered == []


def test_lines_that_leave_the_chart_or_end_early_are_labelled_in_the_margin(front: FrontEnd) -> None:
    series = lines({"training": [1.0, 2.0, 3e6], "validation": [1.0, 2.0, 1.0, 0.5, 0.5]})
    page = front.open(chart_page({"series": series, "y": [0, 4]}))
    expect(page.locator(".label.c1").first).to_have_text("↑ 3.0 × 10⁶")
    plot = page.locator(".cw-plot").bounding_box()
    label = page.get_by_text("training", exact=True).bounding_box()
    leader = page.locator(".leader").first.bounding_box()  # from the line's end to its label, not out of the chart
    assert plot is not None and leader is not None and leader["y"] >= plot["y"]
    assert label is not None and at(page, 5) < label["x"] < leader["x"] + leader["width"] + 5
    assert abs(leader["x"] - at(page, 3)) < 5
    page.locator(".cw-plot").press("End")
    expect(page.locator(".label:not(.off, .looked *)")).to_have_text(["3.0 × 10⁶", "0.500"])


def test_small_and_large_ticks_are_plain_numbers(front: FrontEnd) -> None:
    series = [{"name": "a", "colour": "c1", "points": [[0, 0.0004], [2000, 0.02]]}]
    page = front.open(chart_page({"series": series}, "y: {label: 'Time', log: true}"))
    texts = page.locator(".tick").all_text_contents()
    assert "0.001" in texts and "1,000" in texts and not [text for text in texts if "," in text and "." in text]
    page.locator(".cw-plot").press("Home")
    expect(page.locator(".label")).to_have_text("0.0004")


def test_a_finger_takes_the_marker_anywhere(front: FrontEnd) -> None:
    options = "marker: {label: 'Epoch', moved: v => moves.push(v)}"
    page = front.open(chart_page({"series": lines(LOSSES), "marker": 1}, options), has_touch=True)
    page.touchscreen.tap(at(page, 4), 100)
    expect(page.get_by_role("slider", name="Epoch", exact=True)).to_have_attribute("aria-valuetext", "epoch 4")
    assert page.evaluate("moves") == [4]
    touch = page.context.new_cdp_session(page)
    first, second = ({"x": at(page, epoch), "y": 100, "id": epoch} for epoch in (2, 5))
    for type_, points in (("touchStart", [first]), ("touchStart", [first, second]), ("touchEnd", [])):
        touch.send("Input.dispatchTouchEvent", {"type": type_, "touchPoints": points})
    assert page.evaluate("moves") == [4, 2, 4]  # two fingers zoom: the marker is where it was
    apart = [{"x": at(page, epoch), "y": 100, "id": k} for k, epoch in enumerate((1, 5))]
    for type_, points in (("touchStart", [first, second]), ("touchMove", apart), ("touchEnd", [])):
        touch.send("Input.dispatchTouchEvent", {"type": type_, "touchPoints": points})
    assert page.evaluate("chart") and page.evaluate("moves.at(-1)") == 4


@pytest.mark.parametrize("width", [340, 760])
def test_labels_do_not_meet_and_ticks_of_one_epoch_are_whole(front: FrontEnd, width: int) -> None:
    close = {"training": [1.0, 1.00], "validation": [2.0, 1.01], "another": [3.0, 1.02]}
    rules = [{"x": 1, "label": "kept: 1"}, {"x": 1.1, "label": "stopped: 1"}]
    page = front.open(chart_page({"series": lines(close), "rules": rules}), width=width)  # type: ignore[arg-type]
    expect(page.locator(".words")).to_have_count(2)
    for kind in (".label", ".words"):
        boxes = [box for text in page.locator(kind).all() if (box := text.bounding_box())]
        assert len(boxes) == (3 if kind == ".label" else 2)
        for k, one in enumerate(boxes):
            assert one["x"] >= 0 and one["x"] + one["width"] <= width
            for other in boxes[:k]:
                apart = abs(one["y"] - other["y"]) >= 14 or one["x"] >= other["x"] + other["width"]
                assert apart or other["x"] >= one["x"] + one["width"], boxes
    page.evaluate("chart.set({series: [{name: 'training', colour: 'c1', points: [[1, 2]]}], rules: []})")
    expect(page.locator(".tick")).not_to_have_count(0)
    expect(page.locator(".cw-plot .line.c1")).to_have_count(1)
    across = page.locator(".tick[text-anchor=middle]").all_text_contents()
    assert across == ["1", "2"]


def test_a_narrow_chart_has_its_names_in_the_head_and_its_numbers_at_the_dots(front: FrontEnd) -> None:
    series = lines(LOSSES)
    series[1] |= {"dash": "5 3", "name": "A, validation", "end": "A"}
    grey = {"name": "guessing", "colour": "ghost", "points": [[1, 2.3], [5, 2.3]]}
    rules = [{"x": 2.6, "label": "keeps 2"}, {"x": 3, "label": "stops 3"}]
    page = front.open(chart_page({"series": [grey, *series], "rules": rules}, "sides: [20, 130]"), width=380)
    keys, plot, axis = page.locator(".cw-key"), page.locator(".cw-plot"), page.locator(".cw-plot .axis").first
    expect(keys).to_have_text(["training", "A", "guessing"])
    expect(keys.nth(1).locator(".line")).to_have_attribute("stroke-dasharray", "5 3")
    box, whole = axis.bounding_box(), plot.bounding_box()
    assert box is not None and whole is not None
    assert box["x"] + box["width"] > whole["x"] + whole["width"] - 12  # the names take none of its width
    # Words of neighbours stand on both sides of their lines.
    words = [text.bounding_box() for text in page.locator(".words").all()]
    assert words[0] and words[1] and words[0]["y"] == words[1]["y"]
    assert words[0]["x"] + words[0]["width"] < at(page, 2.6) < at(page, 3) < words[1]["x"]
    page.mouse.move(at(page, 2), whole["y"] + 90)
    expect(page.locator(".looked .label")).to_have_text(["2.300", "A 1.200", "1.000"])
    assert plot.bounding_box() == whole
    # Several grey lines look alike, so that their names stay at their ends.
    page.mouse.move(5, 600)
    other = {**grey, "name": "run 2", "points": [[1, 1], [5, 1]]}
    page.evaluate("series => chart.set({ series })", [grey, other, *series])
    expect(keys).to_have_text(["training", "A"])
    expect(page.locator(".cw-plot .label.ghost")).to_have_text(["guessing", "run 2"])
