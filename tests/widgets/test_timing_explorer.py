"""The timing explorer: reading between measurements, the crossover, and the split of an image's time."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
import traitlets
from chrome import FrontEnd, next_frame, state_of
from playwright.sync_api import Page, expect

from cifar_helpers.timing import recorded_benchmark, recorded_curves
from cifar_helpers.widgets import timing_explorer
from cifar_helpers.widgets.timing_explorer import crossovers, fit, time_at

SIZES = (1, 4, 16, 64, 256)
# A device with a cost for each call, and one without that is slower for each image.
GPU = {n: 10 / n + 0.01 for n in SIZES}
CPU = dict.fromkeys(SIZES, 0.5)
FLAG = "[aria-hidden] text.label"  # the words at the marker
ENDS = "[role=img] text.label"  # the names at the curves' ends
NAMED = {"CNN, CPU, here": CPU, "CNN, GPU, recorded": GPU, "laptop, reported": {16: 0.7}}


def test_measured_sizes_are_read_as_measured_and_others_lie_between() -> None:
    assert all(time_at(GPU, n) == pytest.approx(t) for n, t in GPU.items())
    assert GPU[64] < time_at(GPU, 30) < GPU[16]
    assert math.isnan(time_at(GPU, 500)) and math.isnan(time_at(GPU, 0.5))
    assert time_at({8: 2.0}, 8) == 2.0


def test_a_crossover_is_where_both_take_the_same_time() -> None:
    (place,) = crossovers(GPU, CPU)
    assert time_at(GPU, place) == pytest.approx(0.5, rel=1e-6) and crossovers(CPU, GPU) == pytest.approx([place])
    assert crossovers(CPU, dict.fromkeys(CPU, 0.4)) == []
    assert crossovers(CPU, {1000: 0.1}) == []  # nothing in common


def test_all_crossovers_are_found_and_noise_makes_none() -> None:
    flat = dict.fromkeys((1, 4, 16, 64), 1.0)
    assert crossovers(flat, {1: 0.98, 4: 1.02, 16: 0.97, 64: 1.01}) == []
    assert crossovers(flat, {1: 2.0, 4: 1.0, 16: 0.5, 64: 2.0}) == pytest.approx([4, 32])
    assert crossovers(flat, {1: 2.0, 4: 1.0, 16: 1.0, 64: 2.0}) == []  # they touch


def test_a_fit_finds_what_a_step_and_an_image_cost() -> None:
    found = fit(GPU)
    assert found is not None
    assert (found.step, found.image) == pytest.approx((10, 0.01)) and found.error == pytest.approx(0, abs=1e-9)
    flat = fit({1: 0.5, 4: 0.5, 16: 0.6})  # no fixed cost: it would come out below 0
    assert flat is not None and flat.step == 0 and 0.5 < flat.image < 0.6
    assert fit({1: 1.0, 4: 0.5}) is None


def test_a_fit_is_the_best_of_those_nearby_and_says_where_it_is_off() -> None:
    curve = {
        row["batch size"]: row["ms per image"] for row in recorded_benchmark("f") if row["curve"] == "CNN, float32"
    }
    found = fit(curve)
    assert found is not None
    assert max(curve) == 512 and found.last == 256  # the maps of 512 images are too large for the cache
    curve.pop(512)
    sizes, times = np.array(list(curve)), np.array(list(curve.values()))

    def errors(step: float, image: float) -> Any:
        return (step / sizes + image) / times - 1

    least = (errors(found.step, found.image) ** 2).sum()
    for step, image in ((1.01, 1), (0.99, 1), (1, 1.01), (1, 0.99)):
        assert (errors(found.step * step, found.image * image) ** 2).sum() > least
    off = errors(found.step, found.image)
    assert found.error == pytest.approx(off[abs(off).argmax()]) and found.batch == 4


@pytest.mark.parametrize("curves", [{}, {"a": {}}, {"a": {1: 0.0}}, {"a": {0: 1.0}}])
def test_curves_without_positive_numbers_are_refused(curves: dict[str, dict[int, float]]) -> None:
    with pytest.raises(ValueError, match="timing_explorer"):
        timing_explorer(curves)


def test_words_and_what_is_refused() -> None:
    widget = timing_explorer(NAMED)
    assert widget.words() == (
        "Time per image in batches of 64. CNN, CPU (here): 0.5 ms; CNN, GPU (recorded): 0.166 ms. "
        "CNN, GPU (recorded) is 3 times as fast. They cross near a batch of 20."
    )
    widget.compared = ["CNN, CPU, here"]  # one alone, whose name has commas
    assert widget.words() == "Time per image in batches of 64. CNN, CPU (here): 0.5 ms."
    widget.compared = ["CNN, CPU, here", "laptop, reported"]
    assert "laptop (reported): not measured" in widget.words() and "do not cross" in widget.words()
    several = timing_explorer({"A": dict.fromkeys((1, 4, 16), 1.0), "B": {1: 2.0, 4: 0.5, 16: 2.0}})
    assert several.words().endswith("They cross 2 times.") and "as fast" not in several.words()
    near = timing_explorer({"A": dict.fromkeys((3, 4, 5), 1.0), "B": {3: 2.0, 4: 0.96, 5: 0.5}})
    assert near.words().endswith("They cross near a batch of 4.")  # where both take about the same time
    early = timing_explorer({"A": {1: 1.0, 2: 1.0}, "B": {1: 2.0, 2: 0.5}})
    assert early.words().endswith("They cross between batches of 1 and 2.")
    with pytest.raises(traitlets.TraitError, match="there is no curve 'TPU'; there are CNN, CPU, here"):
        widget.compared = ["TPU"]
    with pytest.raises(traitlets.TraitError, match="one or two different curves"):
        widget.compared = ["CNN, CPU, here"] * 2
    with pytest.raises(traitlets.TraitError, match="batch is 512; the curves reach from 1 to 256"):
        widget.batch = 512
    json.dumps(widget.state(), allow_nan=False)


def cells(page: Page) -> list[list[str]]:
    """The table's head and rows, without its first column."""
    rows = page.locator(".te-table tr").all()
    read = "all => all.slice(1).map(one => [...one.childNodes].filter(part => part.tagName !== 'svg')"
    read += ".map(part => part.textContent).join('|'))"
    return [[cell.replace("\u00a0", " ") for cell in row.locator("td, th").evaluate_all(read)] for row in rows]


def test_work_and_peaks_give_lower_bounds(front: FrontEnd) -> None:
    work = {"CNN, GPU, recorded": lambda batch: (2e6 * batch, 4e6 + 1e6 * batch)}
    widget = timing_explorer(NAMED, work, (1e9, 5e8))
    bounds = widget.curves[1]["bounds"]
    assert bounds[0] == pytest.approx((1, 2, 10)) and bounds[-1] == pytest.approx((256, 2, 2 + 8 / 256))
    widget.fit = True
    page = front.open(widget)
    expect(page.locator(".te-table tbody th")).to_have_text(["CPU", "GPU"])  # as at the ends of the curves
    expect(page.locator(".te-table thead th").first).to_have_text("ms per image")
    assert cells(page) == [
        ["measured", "fit", "= fixed cost ÷ 64", "+ cost per image"],
        ["0.500", "0.500|0 % off", "0.000|", "0.500|"],
        ["0.166", "0.166|0 % off", "0.156|10.0 ÷ 64", "0.010|"],
    ]
    limits = "In batches of 64, CNN (GPU, recorded) takes 0.078 times its limit of 2.13\u00a0ms (memory)."
    expect(page.get_by_text("times its limit")).to_have_text(limits)  # of the curve whose work was given
    falls = "A batch reads the weights once for all its images, so memory’s limit falls as the batch grows."
    expect(page.locator(".cw-foot")).to_contain_text(falls)
    page.get_by_role("slider", name="Batch size").press("Home")
    expect(page.locator(".te-table th").nth(3)).to_have_text("= fixed cost")
    assert cells(page)[1:] == [
        ["0.500", "0.500|0 % off", "0.000|", "0.500|"],
        ["10.0", "10.0|0 % off", "10.0|", "about 0|"],
    ]
    with pytest.raises(ValueError, match="work needs peaks"):
        timing_explorer(NAMED, work)
    with pytest.raises(ValueError, match="no curve 'TPU'"):
        timing_explorer(NAMED, {"TPU": lambda batch: (1, 1)}, (1, 1))


def test_times_of_a_fast_device_are_in_microseconds(front: FrontEnd) -> None:
    page = front.open(timing_explorer({"CNN": {1: 4e-3, 8: 1e-3, 64: 5e-4}, "MLP": {1: 5e-3, 8: 6e-4, 64: 8e-5}}))
    expect(page.locator(FLAG)).to_have_text(["↔ batch 64", "CNN 0.500\u00a0µs", "MLP 0.0800\u00a0µs"])
    expect(page.locator(".te-bar")).to_be_hidden()  # two curves need no choice
    page.get_by_role("slider", name="Batch size").press("Home")
    expect(page.locator(FLAG)).to_have_text(["↔ batch 1", "CNN 4.00\u00a0µs", "MLP 5.00\u00a0µs"])
    widget = timing_explorer({"CNN": {1: 4.6583, 8: 0.55, 64: 0.06}})
    widget.fit = True
    page = front.open(widget)
    page.get_by_role("slider", name="Batch size").press("Home")
    expect(page.locator(".te-words")).to_contain_text("CNN takes 4.66\u00a0ms")
    assert cells(page)[-1] == ["4.66", "4.24|9 % low", "4.24|", "0|lost in the scatter"]
    ticks = [text.split("\u00a0") for text in page.locator(".tick").all_text_contents() if "\u00a0" in text]
    assert {unit for _, unit in ticks} == {"ms"} and {"1", "0.1"} <= {number for number, _ in ticks}  # one unit
    expect(page.locator(".cw-chart")).to_contain_text("Training time per image (log scale)")
    expect(page.locator(".cw-chart")).to_contain_text("images per batch (log scale)")


def test_the_batch_is_dragged_and_moved_by_keys(front: FrontEnd) -> None:
    widget = timing_explorer(NAMED)
    widget.fit = True
    page = front.open(widget)
    words, where = page.locator(".te-words"), page.locator(".te-where")
    slider = page.get_by_role("slider", name="Batch size")
    slider.press("ArrowRight")
    slider.press("ArrowLeft")
    expect(words).to_have_text("In batches of 64, CNN (GPU, recorded) is 3.0 times as fast as CNN (CPU, here).")
    expect(where).to_have_text(
        "The curves cross near batch 20, at the ring: CNN (CPU, here) is faster in smaller batches, "
        "CNN (GPU, recorded) in larger ones. They ran on different machines."
    )
    expect(words.locator("b.c1")).to_have_text("CNN (CPU, here)")
    model = page.locator(".line.te-model")
    kinds = [line.get_attribute("class") for line in model.all()]
    assert kinds == ["line c1 te-model te-sum", "line c1 te-model te-image"]
    # The fit of one curve is drawn; its row in the table chooses which, and keeps the focus.
    other = page.get_by_role("button", name="GPU: draw its fit")
    other.press("Enter")
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(other).to_be_focused()
    assert [line.get_attribute("class") for line in model.all()] == [
        "line c2 te-model te-sum", "line c2 te-model te-step", "line c2 te-model te-image",
    ]  # fmt: skip
    dashes = [line.get_attribute("stroke-dasharray") for line in model.all()]
    assert len(set(dashes)) == 3 and dashes[0] == ""
    # The table's heads have samples of the lines, which need no names in the chart.
    expect(page.locator(ENDS)).to_have_text(["CPU", "GPU"])
    samples = page.locator(".te-table thead.c2 th svg line")
    assert [sample.get_attribute("stroke-dasharray") for sample in samples.all()] == dashes
    expect(page.get_by_text("Press a row to draw its fit")).to_be_visible()
    page.locator(".te-table tbody tr").first.click(position={"x": 400, "y": 8})  # all of the row
    expect(page.locator(".te-table thead.c1 th svg")).to_have_count(2)  # of no fixed cost is no line
    other.click()
    expect(model).to_have_count(3)
    # The sum lies above both of its parts, and ends where the level part is all of it.
    sums, falls, levels = (
        np.array([point.split() for point in re.findall(r"[ML]([\d.]+ [\d.]+)", line.get_attribute("d") or "")], float)
        for line in model.all()
    )
    assert (sums[:, 1] < np.interp(sums[:, 0], *falls.T)).all() and (sums[:, 1] < levels[0, 1]).all()
    assert (np.diff(sums[:, 1]) > 0).all() and len(sums) == 25
    values = page.locator(FLAG)
    expect(values).to_have_text(["↔ batch 64", "CPU 0.500\u00a0ms", "GPU 0.166\u00a0ms"])
    ticks = [tick for tick in page.locator(".tick").all_text_contents() if tick.isdigit()]
    assert ticks == ["1", "4", "16", "64", "256"]  # where something was measured
    spoken = "batch 64, CNN (CPU, here) 0.500\u00a0ms per image, CNN (GPU, recorded) 0.166\u00a0ms per image"
    expect(slider).to_have_attribute("aria-valuetext", spoken)
    slider.press("ArrowRight")
    assert state_of(page, "batch") == 256  # the next that was measured
    slider.press("ArrowLeft")
    expect(page.locator("[aria-hidden] .dot.te-between")).to_have_count(0)
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 76)")  # as Python can
    expect(words).to_contain_text("In batches of 76, CNN (GPU, recorded) is about 3.5 times")
    between = time_at(GPU, 76)  # as Python reads it
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^batch 76, CNN \(CPU, here\) about 0\.500"))
    expect(values.last).to_have_text(f"GPU ≈\u00a0{between:.3f}\u00a0ms")  # nothing was measured at 76
    expect(page.locator("[aria-hidden] .dot.te-between")).to_have_count(2)
    # The cost stays, its share shrinks; a time that was not measured is no yardstick.
    assert cells(page)[0][0] == "time" and cells(page)[-1] == ["≈ 0.143", "0.142|", "0.132|10.0 ÷ 76", "0.010|"]
    colours = page.locator(f"{FLAG}:not(:first-of-type)").evaluate_all(
        "all => all.map(one => getComputedStyle(one).fill)"
    )
    assert len({*colours, page.locator(".te-words").evaluate("one => getComputedStyle(one).backgroundColor")}) == 3

    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + 100, steps=4)
    page.mouse.up()
    expect(words).to_contain_text("In batches of 1, CNN (CPU, here) is 20 times as fast as CNN (GPU, recorded).")
    expect(values).to_have_text(["↔ batch 1", "CPU 0.500\u00a0ms", "GPU 10.0\u00a0ms"])
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 20)")
    expect(words).to_contain_text("about equally fast")
    ring, read = page.locator(".dot.te-cross").bounding_box(), page.locator(".dot.te-between").first.bounding_box()
    assert ring and read and ring["width"] > read["width"]
    ends = (("x", "width"), ("y", "height"))
    assert all(abs(ring[k] + ring[size] / 2 - read[k] - read[size] / 2) < 4 for k, size in ends)


def test_a_time_is_split_only_where_the_fit_is_near_and_up_to_what_it_holds_for(front: FrontEnd) -> None:
    near = {n: 10 / n + 1 for n in (1, 4, 16)} | {64: 3.0}
    far = {1: 1.0, 4: 4.0, 16: 0.5, 64: 3.0}
    found, poor = fit(near), fit(far)
    assert found is not None and poor is not None and abs(poor.error) > 0.25
    assert (found.step, found.image) == pytest.approx((10, 1)) and (found.last, poor.last) == (16, 0)
    widget = timing_explorer({"CNN, here": near, "MLP, here": far})
    widget.batch, widget.fit = 16, True
    page = front.open(widget)
    assert cells(page)[1:] == [
        ["1.63", "1.63|0 % off", "0.63|10.0 ÷ 16", "1.00|"],
        ["0.500", "no fixed cost fits"],
    ]
    ends = page.locator(".line.te-step").get_attribute("d")
    assert ends is not None and len(re.findall("[ML]", ends)) == 2
    last = page.locator(".dot.c1").nth(2).get_attribute("cx")  # at batch 16, up to which it holds
    assert last is not None and f"L{last} " in ends
    said = "How close it fits – CNN: within 0\u00a0% up to batch 16; MLP: no fixed cost fits."
    expect(page.get_by_text(said, exact=True)).to_be_visible()
    expect(page.locator(".cw-foot")).to_contain_text("Larger ones do not follow the model; why was not measured.")
    expect(page.get_by_role("button", name="draw its fit")).to_have_count(0)  # there is one alone
    expect(page.get_by_text("Press a row to draw its fit")).to_be_hidden()
    page.get_by_role("slider", name="Batch size").press("End")
    expect(page.locator(".te-table td").nth(1)).to_have_text("fitted up to batch 16")


def test_compared_curves_are_named_at_their_ends(front: FrontEnd) -> None:
    curves = {"CNN": {1: 1.0, 4: 0.5, 16: 0.25}, "MLP": {1: 0.4, 4: 0.1, 16: 0.05}, "other": {1: 9.0, 2: 8.0}}
    page = front.open(timing_explorer(curves))
    expect(page.locator(".line:not(.te-model)")).to_have_count(2)  # those that are compared
    labels = page.locator(ENDS)
    expect(labels).to_have_text(["CNN", "MLP"])
    first, second = page.get_by_label("First curve"), page.get_by_label("Second curve")
    names = "all => all.filter(one => one.disabled && one.value).map(one => one.value)"
    assert first.locator("option").evaluate_all(names) == ["MLP"]  # which is chosen beside it
    first.select_option("other")  # MLP keeps its colour
    expect(page.locator(f"{ENDS}.c1")).to_have_text("other")
    expect(page.locator(f"{ENDS}.c2")).to_have_text("MLP")
    expect(second).to_have_value("MLP")
    assert state_of(page, "compared") == ["other", "MLP"]
    page.get_by_role("slider", name="Batch size").press("End")
    assert state_of(page, "batch") == 2  # where the shorter of the two ends
    expect(page.locator(".te-where")).to_contain_text("do not cross between batch 1 and 2: MLP is always faster here.")
    elsewhere = {f"{name}, GPU, recorded": curves[name] for name in ("CNN", "MLP")}
    page = front.open(timing_explorer(elsewhere))
    expect(page.locator(".te-where")).to_contain_text("MLP is always faster on that machine.")
    page = front.open(timing_explorer({"CNN, CPU, recorded": {1: 2.0, 4: 1.0}, "CNN, GPU, recorded": {1: 1.0, 4: 0.1}}))
    expect(page.locator(".te-where")).to_have_text(
        "The curves do not cross between batch 1 and 4: CNN (GPU) is always faster."  # of two machines, on neither
    )


def test_what_a_gpu_cannot_show_is_said_and_so_is_other_hardware(front: FrontEnd) -> None:
    """Its images seem to cost nothing, its fit is a quarter off, and it crosses the others between 1 and 2."""
    widget = timing_explorer(recorded_curves())
    widget.fit = True
    page = front.open(widget)
    where = page.locator(".te-where")
    page.get_by_role("button", name="CNN and MLP, float32, H100").click()
    page.get_by_role("slider", name="Batch size").press("End")
    expect(page.locator(".te-table td").first).to_have_text("5.06")
    assert cells(page)[1:] == [
        ["5.06", "6.30|25 % high", "6.30|3,225 ÷ 512", "0|lost in the scatter"],
        ["2.09", "2.12|1 % high", "2.12|1,086 ÷ 512", "0|lost in the scatter"],
    ]
    said = "How close it fits – CNN: roughly, within 25\u00a0%; MLP: within 15\u00a0%."
    expect(page.get_by_text(said, exact=True)).to_be_visible()
    expect(page.locator(".cw-foot")).not_to_contain_text("Larger ones do not follow")
    expect(page.locator(".line.te-step")).to_have_count(1)
    expect(page.locator(".line.te-image")).to_have_count(0)  # the other part has no line
    expect(page.locator("dt", has_text="Lost in the scatter")).to_have_count(1)
    expect(where).not_to_contain_text("They ran")
    page.get_by_label("Second curve").select_option("CNN, float32, 2 cores, recorded")
    expect(where).not_to_contain_text("They ran")  # the names say it
    page.get_by_label("Second curve").select_option("MLP, float32, 2 cores, recorded")
    expect(where).to_contain_text("They ran on different devices.")
    page.get_by_label("First curve").select_option("CNN, float32, NVIDIA H100 80GB HBM3, recorded")
    page.get_by_label("Second curve").select_option("CNN, bfloat16, 2 cores, recorded")
    expect(where).to_contain_text(
        "cross between batch 1 and 2, at the ring: CNN (bfloat16, 2 cores) is faster in smaller batches, CNN "
        "(float32, H100) in larger ones."
    )
    expect(page.locator(".dot.te-cross")).to_have_count(1)
    page.get_by_label("Second curve").select_option("MLP, float32, 2 cores, recorded")
    page.get_by_label("First curve").select_option("CNN, bfloat16, NVIDIA H100 80GB HBM3, recorded")
    expect(where).to_contain_text("They ran on different devices and in different precisions.")
    page.get_by_label("First curve").select_option("CNN, bfloat16, NVIDIA H100 80GB HBM3, recorded")
    page.get_by_label("Second curve").select_option("CNN, float32, NVIDIA H100 80GB HBM3, recorded")
    # What is less than the fit is off is said to be lost, be it 0 or not, and has no line.
    assert 0 < widget.curves[4]["fit"]["image"] < 1
    assert [row[-1] for row in cells(page)[1:]] == ["0.31|lost in the scatter", "0|lost in the scatter"]
    expect(page.locator(".line.te-image")).to_have_count(0)
    page.get_by_label("Second curve").select_option("MLP, float32, 2 cores, recorded")
    page.locator(".te-table tbody tr").last.click()
    expect(page.locator(".line.c2.te-image")).to_have_count(1)
    assert cells(page)[-1][-1] == "39.5|"
    page.get_by_label("First curve").select_option("CNN, float32, 2 cores, recorded")
    expect(page.locator("dt", has_text="Lost in the scatter")).to_have_count(0)  # what is not shown is not explained


def test_one_scale_shows_that_a_machine_is_faster(front: FrontEnd) -> None:
    curves = recorded_curves()
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": CPU, **curves}))
    seen = set()
    for machine, last in (("here", "256"), ("2 cores", "512"), ("H100", "512")):
        page.get_by_role("button", name=re.compile(f"CNN and MLP.*{machine}")).click()
        next_frame(page)
        read = "all => all.map(one => [one.textContent, one.getAttribute('x'), one.getAttribute('y')])"
        ticks = page.locator("[role=img] .tick:not(.unit)").evaluate_all(read)
        assert ticks[-1][0] == last  # where a compared curve has times, and the marker can go
        seen.add(str([tick for tick in ticks if "\u00a0" in tick[0] or tick[0] in ("1", "4", "256")]))
    assert len(seen) == 1  # the same ends of both axes
    numbers = [float(tick[0].split("\u00a0")[0].replace(",", "")) for tick in ticks if "\u00a0" in tick[0]]
    times = [1000 * time for curve in curves.values() for time in curve.values()]
    assert min(numbers) < min(times)
    assert sorted(numbers) == [1, 10, 100, 1000] and max(times) < 10_000  # each step is of the same factor
    assert page.locator(".grid").count() == len(numbers)


def test_it_asks_first_and_then_says_what_is_read(front: FrontEnd) -> None:
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": GPU}))
    words, question = page.locator(".te-words"), "Which gains more from larger batches, CNN or MLP? Drag the line."
    expect(words).to_have_text(question)
    page.get_by_role("slider", name="Batch size").press("End")
    expect(words).to_contain_text("In batches of 256, MLP is")
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": GPU}))
    words, gained = page.locator(".te-words"), page.locator(".te-gained")
    expect(words).to_have_text(question)
    expect(gained).to_be_hidden()
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 16)")  # Python answers it, too
    low, high = min(CPU), max(CPU)
    assert (CPU[low] / CPU[high], round(GPU[low] / GPU[high])) == (1.0, 204)
    expect(gained).to_have_text(
        f"From batch {low} to {high}, training on an image gets no faster with CNN and 204 times as fast with MLP."
    )
    expect(words).to_contain_text("In batches of 16,")
    # Names tell one network on two machines apart; "about" marks a time that is read between measured ones.
    faster, slower = {1: 4.0, 4: 3.0, 256: 0.5}, {1: 1.0, 64: 2.0}
    page = front.open(timing_explorer({"CNN, GPU, recorded": faster, "CNN, CPU, here": slower}))
    page.get_by_role("slider", name="Batch size").press("Home")
    expect(page.locator(".te-gained")).to_have_text(
        f"From batch 1 to 64, training on an image gets about {4 / time_at(faster, 64):.1f} times as fast with "
        "GPU and no faster with CPU."
    )
    page = front.open(timing_explorer({"CNN, here": CPU}))
    expect(page.locator(".te-words")).to_contain_text("In batches of 64,")  # one curve is no question


def test_the_time_of_a_step_follows_the_batch_size(front: FrontEnd) -> None:
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": GPU}))
    step = page.locator(".te-time")
    expect(step).to_have_text("A step of 64 images takes 32.0\u00a0ms (CNN) and 10.6\u00a0ms (MLP).")
    page.get_by_role("slider", name="Batch size").press("Home")
    expect(step).to_have_text("A step of 1 image takes 0.500\u00a0ms (CNN) and 10.0\u00a0ms (MLP).")
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 32)")
    about = f"{32 * time_at(GPU, 32):.1f}"
    expect(step).to_have_text(f"A step of 32 images takes ≈\u00a016.0\u00a0ms (CNN) and ≈\u00a0{about}\u00a0ms (MLP).")
    page = front.open(timing_explorer({"CNN": {1: 4e-3, 8: 1e-3, 64: 5e-4}}))  # its times per image are in microseconds
    expect(page.locator(".te-time")).to_have_text("A step of 64 images takes 0.0320\u00a0ms (CNN).")


def test_one_press_compares_a_network_on_two_recorded_machines(front: FrontEnd) -> None:
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": GPU, **recorded_curves()}))
    both = page.get_by_role("button", name="CNN: 2 cores and H100")
    both.click()
    expect(both).to_have_attribute("aria-pressed", "true")
    machines = ("2 cores", "NVIDIA H100 80GB HBM3")
    assert state_of(page, "compared") == [f"CNN, float32, {machine}, recorded" for machine in machines]
    expect(page.locator(".te-where")).to_contain_text(
        "CNN (2 cores) is faster in smaller batches, CNN (H100) in larger ones."
    )
    expect(page.locator(".te-words")).to_contain_text("CNN (H100) is 8.4 times as fast as CNN (2 cores).")


def test_steps_that_take_as_long_for_many_images_are_named(front: FrontEnd) -> None:
    page = front.open(timing_explorer(recorded_curves()))
    said = page.locator(".te-steady")
    for machine, words in (
        ("H100", "1 to 512 images, a step takes 2.6–\u20603.9\u00a0ms (CNN) and 0.95–\u20601.26\u00a0ms (MLP)"),
        ("2 cores", "1 to 16 images, a step takes 4.0–\u20605.7\u00a0ms (MLP)"),
    ):
        page.get_by_role("button", name=f"{machine} (recorded)").click()
        expect(said).to_have_text(f"With {words}: mostly fixed cost.")
        last = int(words.split()[2])
        for low, high, name in re.findall(r"([\d.]+)–\u2060([\d.]+)\u00a0ms \((\w+)\)", words):
            (curve,) = (
                c for key, c in recorded_curves().items() if key.startswith(f"{name}, float32") and machine in key
            )
            steps = [size * time for size, time in curve.items() if size <= last]
            assert (min(steps), max(steps)) == pytest.approx((float(low), float(high)), rel=0.03)
            assert max(steps) <= 1.5 * min(steps)
    page.get_by_label("Second curve").select_option("CNN, bfloat16, 2 cores, recorded")
    expect(said).to_be_hidden()  # theirs grow from the start


def test_limits_are_named_where_a_compared_curve_has_them(front: FrontEnd) -> None:
    work = {"CNN, here": lambda batch: (1e6 * batch, 1e6 * batch)}
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": CPU, **recorded_curves()}, work, (1e9, 1e9)))
    said = "In batches of 64, CNN takes 0.50 times its limit of 1,000\u00a0µs (memory)."
    expect(page.get_by_text(said, exact=True)).to_be_visible()
    expect(page.locator(".cw-foot")).not_to_contain_text("falls as the batch grows")  # here it does not
    limits = page.locator(".te-limits")  # in view, not in the notes alone
    page.get_by_label("Second curve").select_option("MLP, float32, 2 cores, recorded")
    page.get_by_label("First curve").select_option("MLP, here")
    expect(limits).to_have_text("No limit for float32, 2 cores: limits need the machine itself.")
    page.get_by_label("First curve").select_option("CNN, float32, NVIDIA H100 80GB HBM3, recorded")
    page.get_by_label("Second curve").select_option("MLP, here")
    expect(limits).to_have_text("No limit for CNN, float32, H100 (recorded): limits need the machine itself.")
    page.get_by_role("button", name="CNN and MLP, float32, H100").click()
    expect(limits).to_have_text("No limit for CNN and MLP: limits need the machine itself.")
    page.get_by_label("First curve").select_option("CNN, here")
    other = "No limit for MLP, float32, H100 (recorded): limits need the machine itself."
    expect(limits).to_have_text(f"{said.replace('CNN', 'CNN (here)')} {other}")
    page = front.open(timing_explorer(recorded_curves()))
    expect(page.locator(".te-limits")).to_be_hidden()  # there are none to be missed


def test_limits_are_lines_of_the_larger_time_and_pale_where_another_fit_is_drawn(front: FrontEnd) -> None:
    work = {
        "CNN, here": lambda batch: (2e6 * batch, 10e6),  # 2 ms of arithmetic, 10 / batch of memory
        "MLP, here": lambda batch: (1e6 * batch, 0.1e6),
    }
    widget = timing_explorer({"CNN, here": {n: 10 / n + 4 for n in SIZES}, "MLP, here": GPU}, work, (1e9, 1e9))
    page = front.open(widget)
    lines = page.locator(".line.te-limit")
    expect(lines).to_have_count(2)
    expect(page.locator(f"{ENDS}.c1")).to_have_text(["limit", "CNN"])
    kink = page.locator(".words.te-kink")
    expect(kink).to_have_count(0)  # of two limits, it would not be clear whose

    def line(selector: str) -> Any:
        found = re.findall(r"[ML]([\d.]+) ([\d.]+)", page.locator(selector).get_attribute("d") or "")
        return np.array(found, float)

    ticks = page.locator(".grid").evaluate_all("all => all.map(one => +one.getAttribute('y1'))")
    names = [text for text in page.locator(".tick").all_text_contents() if "\u00a0" in text]
    y = {name.split("\u00a0")[0]: place for name, place in zip(names, ticks, strict=True)}
    limit = line(".line.c1.te-limit")
    assert limit[0, 1] == pytest.approx(y["10"], abs=0.2)  # memory sets it at first, arithmetic at last
    assert (np.diff(limit[:, 1]) >= -0.1).all() and limit[-1, 1] == limit[-5, 1] > limit[0, 1]
    assert limit[-1, 1] == pytest.approx(y["10"] + (y["1"] - y["10"]) * math.log10(10 / 2), abs=0.2)
    page.get_by_role("button", name="Fit:").click()
    expect(lines).to_have_count(2)
    expect(page.locator(".line.te-back")).to_have_class("line c2 te-limit te-back")
    expect(kink).to_have_text("memory | arithmetic")
    place = page.locator(".dot.te-kink").evaluate("one => [+one.getAttribute('cx'), +one.getAttribute('cy')]")
    sixteenth, first = (page.locator(".dot.c1").nth(k).get_attribute("cx") for k in (2, 0))
    assert sixteenth and first  # 10 / 5 = 2: both take as long in batches of 5
    assert place[0] == pytest.approx(float(first) + (float(sixteenth) - float(first)) * math.log(5, 16), abs=0.5)
    assert place[1] == pytest.approx(limit[-1, 1], abs=0.5)
    expect(page.locator(".words.te-kink.c1")).to_have_count(1)
    page.get_by_role("button", name="MLP: draw its fit").click()
    expect(kink).to_have_count(0)  # arithmetic sets all of it
    expect(page.locator(".line.te-back")).to_have_class("line c1 te-limit te-back")
    expect(page.locator(f"{ENDS}.c1")).to_have_text(["limit", "CNN"])


@pytest.mark.parametrize("width", [360, 728, 800])
def test_nothing_moves_while_the_batch_size_is_dragged(front: FrontEnd, width: int) -> None:
    page = front.open(timing_explorer({"CNN, here": CPU, **recorded_curves()}), width=width)
    slider = page.get_by_role("slider", name="Batch size")
    rows = page.locator(".cw-plot, .te-sums, .te-where, .te-table td:nth-child(2)")
    page.get_by_role("button", name="Fit:").click()
    cnn, mlp = (f"{name}, float32, 2 cores" for name in ("CNN", "MLP"))
    for names in ([cnn, mlp], [mlp, "CNN, bfloat16, NVIDIA H100 80GB HBM3"], ["CNN, here", "CNN, bfloat16, 2 cores"]):
        slots = [name if "here" in name else f"{name}, recorded" for name in names]
        page.evaluate("names => document.querySelector('[data-widget]').model.set('compared', names)", slots)
        slider.press("Home")
        places = set()
        for size in (1, 2, 3, 4, 19, 64, 108, 256, *([] if "CNN, here" in names else [512])):
            page.evaluate(f"document.querySelector('[data-widget]').model.set('batch', {size})")
            expect(page.locator(".te-words")).to_contain_text(f"In batches of {size},")
            boxes = rows.evaluate_all("all => all.map(one => one.getBoundingClientRect()).map(({ x, y }) => [x, y])")
            places.add(str([[0 if width < 400 else round(x), round(y)] for x, y in boxes]))
            words_do_not_meet(page)
        assert len(places) == 1


@pytest.mark.parametrize("width", [360, 800])
def test_the_fit_is_directly_under_the_chart_and_all_is_in_view(front: FrontEnd, width: int) -> None:
    widget = timing_explorer({"CNN, here": CPU, "MLP, here": GPU, **recorded_curves()}, *_limits())
    widget.fit = True
    page = front.open(widget, width=width)
    chart, fits, words = page.locator(".cw-plot"), page.locator(".te-split"), page.locator(".te-details")
    presets = page.locator(".te-bar > :first-child .cw-chip")
    expect(presets).to_have_count(4)
    for preset in presets.all():
        preset.click()
        for key in ("Home", "ArrowRight", "End"):
            page.get_by_role("slider", name="Batch size").press(key)
            next_frame(page)
            boxes = [one.bounding_box() for one in (chart, fits, words, page.locator(".timing_explorer"))]
            plot, fit_box, rest, whole = (box for box in boxes if box)
            assert 0 <= fit_box["y"] - plot["y"] - plot["height"] <= 10 and rest["y"] > fit_box["y"] + fit_box["height"]
            table = page.locator(".te-table").bounding_box()
            assert table is not None and table["y"] + table["height"] - plot["y"] <= 600  # seen together on a phone
            assert width < 800 or whole["height"] <= 760
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def _limits() -> tuple[Any, tuple[float, float]]:
    return {"CNN, here": lambda n: (2e6 * n, 10e6), "MLP, here": lambda n: (1e6 * n, 5e6)}, (1e9, 1e9)


def test_a_step_is_a_bar_of_its_two_costs_on_one_scale(front: FrontEnd) -> None:
    slow = {n: 2 / n + 0.5 for n in SIZES}
    fast = {n: 10 / n + 0.1 for n in SIZES} | {4: 2.5}
    widget = timing_explorer({"CNN, here": slow, "MLP, here": fast})
    widget.batch, widget.fit = 4, True
    page = front.open(widget)
    found = fit(fast)
    assert found is not None
    sums, bars = page.locator(".te-sums"), page.locator(".te-stack")
    parts = [round(found.step, 1), round(4 * found.image, 1)]
    expect(sums).to_have_text(
        [
            "2.00 + 2.00 = 4.00\u00a0ms (4.00\u00a0ms)",
            f"{parts[0]} + {parts[1]} = {sum(parts):.1f}\u00a0ms (10.0\u00a0ms)",
        ]
    )

    def width(curve: int, part: str) -> float:
        return float(bars.nth(curve).locator(part).evaluate("one => one.getBoundingClientRect().width"))

    whole = width(1, ".te-fixed") + width(1, ".te-images")
    scale = (found.step + 4 * found.image) / whole
    for curve, part, time in ((0, ".te-fixed", 2), (0, ".te-images", 2), (1, ".te-fixed", found.step)):
        assert width(curve, part) * scale == pytest.approx(time, rel=0.02)
    seen = "one => one.getBoundingClientRect().x + 1 - one.parentElement.getBoundingClientRect().x"
    assert bars.first.locator(".te-seen").evaluate(seen) * scale == pytest.approx(4, rel=0.02)
    # One tile for each image, as long as there is room.
    expect(bars.first.locator(".tiled")).to_have_attribute("style", re.compile("background-size: 25% 100%"))
    page.get_by_role("slider", name="Batch size").press("End")
    expect(sums.first).to_have_text("2 + 128 = 130\u00a0ms (130\u00a0ms)")
    expect(page.locator(".tiled")).to_have_count(0)
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 32)")
    expect(sums.first).to_contain_text("(≈")
    near = {n: 10 / n + 1 for n in (1, 4, 16)} | {64: 3.0}  # no fit for 64
    widget = timing_explorer({"CNN, here": near, "MLP, here": {1: 1.0, 64: 0.5}})
    widget.batch, widget.fit = 64, True
    page = front.open(widget)
    expect(page.locator(".te-sums")).to_have_text(["no fit here: 192\u00a0ms", "no fit here: 32.0\u00a0ms"])
    wide = page.locator(".te-whole").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert wide[0] == pytest.approx(6 * wide[1], rel=0.01)


def test_more_than_sharing_can_give_is_said_to_be_so(front: FrontEnd) -> None:
    page = front.open(timing_explorer(recorded_curves()))
    over, gained = page.locator(".te-over"), page.locator(".te-gained")
    slider = page.get_by_role("slider", name="Batch size")
    slider.press("Home")
    expect(gained).to_be_visible()
    expect(over).to_be_hidden()
    page.get_by_role("button", name="CNN: 2 cores and H100").click()
    steps = {
        size: size * time for size, time in recorded_curves()["CNN, float32, NVIDIA H100 80GB HBM3, recorded"].items()
    }
    assert steps[512] < steps[1]
    expect(gained).to_contain_text("2.8 times as fast with 2 cores and 646 times as fast with H100.")
    most = "Sharing a fixed cost alone gives 512 times at most"
    expect(over).to_have_text(f"{most}: with H100, a step of 512 images takes less time than one of 1.")
    ideal = {n: 10 / n for n in (2, 6)}  # just as much as sharing gives
    page = front.open(timing_explorer({"A, here": ideal, "B, here": {2: 5.0, 6: 1.6}}))
    page.get_by_role("slider", name="Batch size").press("Home")
    expect(page.locator(".te-gained")).to_contain_text("3.0 times as fast with A and 3.1 times as fast with B.")
    expect(page.locator(".te-over")).to_have_text(
        "Sharing a fixed cost alone gives 3.0 times at most: with B, a step of 6 images takes less time than one of 2."
    )


H100 = {1: 3.3, 2: 1.6, 4: 0.8, 16: 0.21, 64: 0.05}  # no cost per image shows in its scatter
SLOW = {n: 2 / n + 0.5 for n in H100}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (  # the larger fixed cost is named first, whichever curve that is
            SLOW, H100,
            "With B, the fixed cost is 3.25 ms against 2.00 ms with A, but each image adds about nothing against "
            "0.500 ms: so training is slower in small batches and faster in large ones.",
        ),
        (
            {n: 3 / n + 0.5 for n in H100}, H100,
            "With B, the fixed cost is 3.25 ms against 3.00 ms with A, but each image adds about nothing against "
            "0.500 ms: so training is faster at every batch size here.",
        ),
        (
            {n: 2.7 / n + 0.5 for n in H100}, {n: 3.5 / n + 0.01 for n in H100},
            "With B, the fixed cost is 3.50 ms against 2.70 ms with A, but each image adds 0.0100 ms against 0.500 ms: "
            "so training is slower for single images and faster in large batches.",
        ),
        (
            {n: 3 / n + 0.5 for n in SIZES}, {n: 2 / n + 0.1 for n in SIZES},
            "With A, the fixed cost is 3.00 ms against 2.00 ms with B, and each image adds 0.500 ms against 0.100 ms: "
            "so training is slower at every batch size here.",
        ),
        (
            {n: 3 / n + 0.1 for n in SIZES}, {n: 3 / n + 0.5 for n in SIZES},
            "With B, the fixed cost is 3.00 ms against 3.00 ms with A, but each image adds 0.500 ms against 0.100 ms: "
            "so training is slower at every batch size here.",
        ),
        (
            {n: 9 / n + 0.01 for n in SIZES}, {n: 9 / n + 0.1 for n in SIZES},
            "With B, the fixed cost is 9.00 ms against 9.00 ms with A, but each image adds 0.100 ms against 0.0100 ms: "
            "so training is about as fast in small batches and slower in large ones.",
        ),
        (
            {n: 2 * time for n, time in H100.items()}, H100,
            "With A, the fixed cost is 6.50 ms against 3.25 ms with B, and each image adds about nothing (as with B): "
            "so training is slower at every batch size here.",
        ),
        (
            CPU, dict.fromkeys(SIZES, 0.2),
            "With A, the fixed cost is about nothing (as with B), but each image adds 0.500 ms against 0.200 ms: "
            "so training is slower at every batch size here.",
        ),
        (
            H100, dict(H100),
            "With A, the fixed cost is 3.25 ms against 3.25 ms with B, and each image adds about nothing (as with B): "
            "so training is about as fast at every batch size here.",
        ),
        (  # the curves cross beyond the batches for which A has a fit
            {n: 1 / n + 0.05 for n in (1, 4, 16)} | {64: 0.5}, {n: 1.2 / n + 0.07 for n in H100},
            "With B, the fixed cost is 1.20 ms against 1.00 ms with A, and each image adds 0.0700 ms against 0.0500 "
            "ms. The fits do not explain which is faster where.",
        ),
        (  # neither is clearly faster
            {n: 3 / n * (1 + 0.1 * (-1) ** k) for k, n in enumerate(SIZES)}, {n: 3 / n for n in SIZES},
            "With A, the fixed cost is 2.93 ms against 3.00 ms with B, and each image adds about nothing (as with B).",
        ),
        (CPU, {1: 1.0, 4: 2.0}, ""),  # of one there is no fit
    ],
)  # fmt: skip
def test_the_fits_say_why_curves_cross_or_not(
    front: FrontEnd, first: dict[int, float], second: dict[int, float], said: str
) -> None:
    widget = timing_explorer({"A, here": first, "B, here": second})
    page = front.open(widget)
    page.get_by_role("button", name="Fit:").click()
    words = page.locator(".te-gained")
    none = re.compile("^From batch 1 to 4, training on an image gets")
    expect(words).to_have_text(said.replace(" ms", "\u00a0ms") if said else none)
    page.get_by_role("button", name="Fit:").click()
    expect(words).to_contain_text("From batch 1 to")  # without the fit, what larger batches bring


def test_one_sentence_says_why_a_gpu_loses_with_single_images_and_wins_in_large_batches(front: FrontEnd) -> None:
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": GPU, **recorded_curves()}))
    page.get_by_role("button", name="Fit:").click()
    page.get_by_role("button", name="CNN: 2 cores and H100").click()
    expect(page.locator(".te-gained")).to_have_text(
        "With H100, the fixed cost is 3.22\u00a0ms against 2.22\u00a0ms with 2 cores, but each image adds about "
        "nothing against 533\u00a0µs: so training is slower for single images and faster in large batches."
    )
    expect(page.locator(".te-over")).to_be_hidden()  # it explains the sentence that is not there


def test_fits_that_contradict_the_measured_times_are_said_to_be_rough(front: FrontEnd) -> None:
    page = front.open(timing_explorer(recorded_curves()))
    rough = page.get_by_text("The fits are too rough to decide here.")
    page.get_by_role("button", name="2 cores (recorded)").click()
    expect(rough).to_be_hidden()
    page.get_by_role("button", name="Fit:").click()
    seen = set()
    for size in (1, 2, 4, 8, 64, 512):  # at 4 the bars say CNN, the times say neither
        page.evaluate(f"document.querySelector('[data-widget]').model.set('batch', {size})")
        expect(page.locator(".te-words")).to_contain_text(f"In batches of {size},")
        next_frame(page)
        if rough.is_visible():
            seen.add(size)
    assert seen == {4}


def test_the_answer_has_its_place_before_it_is_given(front: FrontEnd) -> None:
    page = front.open(timing_explorer(recorded_curves()))
    parts = page.locator(".cw-plot, .te-time, .te-where, .cw-foot")
    places = "all => all.map(one => one.getBoundingClientRect().y)"
    before = parts.evaluate_all(places)
    expect(page.locator(".te-gained")).to_be_hidden()
    page.get_by_role("slider", name="Batch size").press("ArrowRight")
    expect(page.locator(".te-gained")).to_be_visible()
    assert parts.evaluate_all(places) == before


def test_the_line_follows_the_pointer_and_snaps_on_release(front: FrontEnd) -> None:
    page = front.open(timing_explorer(NAMED))
    slider = page.get_by_role("slider", name="Batch size")
    ticks = page.locator("[role=img] .tick").evaluate_all(
        "all => all.map(one => [one, one.getBoundingClientRect()]).map(([one, box]) => "
        "[one.textContent, box.x + box.width / 2])"
    )
    place = {int(text): x for text, x in ticks if text.isdigit()}
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(place[64], box["y"] + 120)
    page.mouse.down()
    far = place[64] + (place[16] - place[64]) * math.log(64 / 25) / math.log(4)
    page.mouse.move(far, box["y"] + 120, steps=3)
    next_frame(page)
    assert state_of(page, "batch") == 25
    expect(page.locator(".te-words")).to_contain_text("In batches of 25,")
    page.mouse.up()
    expect(page.locator(".te-words")).to_contain_text("In batches of 16,")
    slider.press("ArrowLeft")
    assert state_of(page, "batch") == 4  # keys go from one measured size to the next
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 5)")  # as Python can
    expect(page.locator(".te-words")).to_contain_text("In batches of 5,")
    page.mouse.move(place[4], box["y"] + 120)
    page.mouse.down()
    page.mouse.move(far, box["y"] + 120, steps=3)
    event = "new PointerEvent('pointercancel', { isPrimary: true, pointerId: 1, bubbles: true })"
    slider.evaluate(f"one => one.dispatchEvent({event})")  # as where a touch scrolls the page
    next_frame(page)
    assert state_of(page, "batch") == 5
    page.mouse.up()
    slider.press("ArrowRight")
    assert state_of(page, "batch") == 16


def words_do_not_meet(page: Page) -> None:
    """Neither each other in the chart, nor the line of the marker, nor what is beside them in the table."""
    next_frame(page)
    edges = "({ left, top, right, bottom }) => [left, top, right, bottom]"
    boxes = f"all => all.map(one => one.getBoundingClientRect()).map({edges})"
    words = page.locator(f"{FLAG}, {ENDS}, .marker").evaluate_all(boxes)
    for k, one in enumerate(words):
        for other in words[:k]:
            across = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
            assert across[0] < 0 or across[1] < 1, (one, other)
    plot = page.locator(".cw-plot").bounding_box()
    assert plot is not None and max(box[2] for box in words) <= plot["x"] + plot["width"] + 1
    over = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    assert page.locator(".te-table :is(th, td)").evaluate_all(over) == []
    heights = "all => all.map(one => [one.textContent, one.offsetHeight])"
    lines = page.locator(".te-table td span").evaluate_all(heights)
    assert [text for text, height in lines if height > 20 and re.search(r"\d", text)] == []


def test_a_pair_of_one_machine_is_chosen_by_one_press(front: FrontEnd) -> None:
    recorded = {f"{net}, float32, 2 cores, recorded": curve for net, curve in (("CNN", GPU), ("MLP", CPU))}
    page = front.open(timing_explorer({"CNN, here": CPU, "MLP, here": CPU, **recorded}))
    expect(page.locator(".te-bar .cw-cap")).to_have_text(["Compare", "CNN and MLP:", "Curves", "and"])
    page.get_by_role("button", name="here").click()
    expect(page.locator(".te-words")).to_have_text("In batches of 64, CNN and MLP are about equally fast.")
    expect(page.locator(".te-where")).to_have_text("The curves do not cross between batch 1 and 256.")
    pair = page.get_by_role("button", name="CNN and MLP, float32, 2 cores (recorded)")
    expect(pair).to_have_text("float32, 2 cores (recorded)")  # after what all pairs have in common
    expect(pair).to_have_attribute("aria-pressed", "false")
    choose = "names => document.querySelector('[data-widget]').model.set('compared', names)"
    page.evaluate(choose, list(recorded))
    expect(pair).to_have_attribute("aria-pressed", "true")
    page.locator("select").first.focus()
    page.keyboard.press("Shift+Tab")
    expect(pair).to_be_focused()  # Tab lands on the pressed one
    page.evaluate(choose, ["CNN, here", "MLP, here"])
    expect(pair).to_have_attribute("aria-pressed", "false")
    pair.press("Enter")
    expect(pair).to_have_attribute("aria-pressed", "true")
    assert state_of(page, "compared") == list(recorded)
    expect(pair).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Second curve")).to_have_value("MLP, float32, 2 cores, recorded")
    expect(page.locator(ENDS)).to_have_text(["CNN", "MLP"])  # without what both have in common
    expect(page.locator(".te-words")).to_have_text("In batches of 64, CNN is 3.0 times as fast as MLP.")
    expect(page.locator(".te-where")).to_have_text(
        "The curves cross near batch 20, at the ring: MLP is faster in smaller batches, CNN in larger ones."
    )


@pytest.mark.parametrize(
    ("pair", "said", "sizes"),
    [
        (
            [f"{name}, float32, 2 cores, recorded" for name in ("CNN", "MLP")],
            "cross near batch 4, at the ring: CNN is faster in smaller batches,",
            (3, 5),
        ),
        (["A, here", "B, here"], "cross between batch 4 and 5, at the ring: A is faster in smaller batches,", (4, 5)),
    ],
)
def test_what_is_said_of_a_crossing_agrees_with_the_times_on_both_sides(
    front: FrontEnd, pair: list[str], said: str, sizes: tuple[int, int]
) -> None:
    own = {"A, here": dict.fromkeys((1, 4, 5, 16), 1.0), "B, here": {1: 2.0, 4: 1.2, 5: 0.85, 16: 0.5}}
    widget = timing_explorer({**own, **recorded_curves()})
    widget.compared = pair
    page = front.open(widget)
    words = page.locator(".te-words")
    expect(page.locator(".te-where")).to_contain_text(said)
    for size, fast in zip(sizes, pair, strict=True):
        page.evaluate(f"document.querySelector('[data-widget]').model.set('batch', {size})")
        expect(words).to_contain_text(re.compile(rf"In batches of {size}, {fast.split(',')[0]}\b.* is "))
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 4)")
    if "near" in said:
        expect(words).to_contain_text("are about equally fast")


def test_curves_that_cross_several_times_are_said_to_differ_little(front: FrontEnd) -> None:
    one, other = {1: 1.0, 4: 1.0, 16: 1.0, 64: 1.0}, {1: 1.3, 4: 0.9, 16: 1.08, 64: 0.8}
    page = front.open(timing_explorer({"A, here": one, "B, here": other}))
    expect(page.locator(".te-where")).to_have_text(
        "The curves change places 3 times and differ by a factor of 1.3 at most: neither is clearly faster."
    )
    times = "In batches of 64, A takes 1.00\u00a0ms per image and B takes 0.800\u00a0ms per image."
    expect(page.locator(".te-words")).to_have_text(times)  # and no winner
    expect(page.locator(".te-cross")).to_have_count(0)  # no ring for each
    page = front.open(timing_explorer({"A, here": one, "B, here": {1: 2.0, 4: 0.5, 16: 0.5, 64: 2.0}}))
    said = "The curves change places 2 times and differ by a factor of 2.0 at most."
    expect(page.locator(".te-where")).to_have_text(said)
    page.get_by_role("slider", name="Batch size").press("Home")
    expect(page.locator(".te-words")).to_have_text("In batches of 1, A is 2.0 times as fast as B.")


def test_the_fit_is_shown_on_demand(front: FrontEnd) -> None:
    widget = timing_explorer({"CNN, here": GPU, "MLP, here": CPU})
    page = front.open(widget)
    fit_parts = page.locator(".line.te-model:visible, .te-table:visible")
    expect(fit_parts).to_have_count(0)
    expect(page.locator(".cw-foot")).not_to_contain_text("Fixed cost")
    toggle = page.get_by_role("button", name="Fit: fixed cost + cost per image")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.press("Enter")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(fit_parts).to_have_count(3)  # a table, the sum and the falling line; a level line has no height
    expect(page.locator(".te-table thead svg:visible")).to_have_count(3)  # samples of its lines
    expect(page.locator(".cw-foot")).to_contain_text("Fixed cost")
    assert state_of(page, "fit") is True
    page.evaluate("document.querySelector('[data-widget]').model.set('fit', false)")  # as Python can
    expect(fit_parts).to_have_count(0)
    with pytest.raises(traitlets.TraitError):
        widget.fit = "yes"  # type: ignore[assignment]


def test_curves_are_chosen_and_their_source_is_seen(front: FrontEnd) -> None:
    page = front.open(timing_explorer(NAMED), width=360, has_touch=True)
    words, first, second = (
        page.locator(".te-words"), page.get_by_label("First curve"), page.get_by_label("Second curve"),
    )  # fmt: skip
    titles = first.locator("optgroup").evaluate_all("all => all.map(one => one.label)")
    assert titles == ["Measured here", "Recorded on another machine", "Reported by others"]
    dashes = [page.locator(".te-pick line").nth(k).get_attribute("stroke-dasharray") for k in range(2)]
    assert dashes == ["", "7 4"]
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 16)")
    first.select_option("laptop, reported")
    expect(page.locator(".te-pick line").first).to_have_attribute("stroke-dasharray", "2 4")
    expect(words).to_have_text("In batches of 16, CNN, GPU (recorded) is 1.1 times as fast as laptop (reported).")
    expect(page.locator(".te-where")).to_have_text("They ran on different machines.")
    second.select_option("CNN, CPU, here")
    page.evaluate("document.querySelector('[data-widget]').model.set('batch', 64)")
    expect(words).to_contain_text(
        "laptop (reported) was not measured and CNN, CPU (here) takes 0.500\u00a0ms per image."
    )
    expect(page.locator(FLAG)).to_have_text(["↔ batch 64", "laptop not measured", "CNN 0.500\u00a0ms"])
    page.get_by_role("button", name="Fit:").click()
    said = "How close it fits – laptop (reported): too few batch sizes for a fit; CNN, CPU (here): within 0\u00a0%."
    expect(page.get_by_text(said, exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("document.querySelector('[data-widget]').model.set('compared', ['CNN, CPU, here'])")
    expect(words).to_have_text("In batches of 64, CNN, CPU takes 0.500\u00a0ms per image.")
    expect(first).to_have_value("")
    first.select_option("CNN, GPU, recorded")  # a second one, in the free colour
    assert state_of(page, "compared") == ["CNN, GPU, recorded", "CNN, CPU, here"]


def test_a_single_image_through_the_mlp_is_nearly_all_overhead_as_lesson_05_says() -> None:
    times = {
        row["batch size"]: row["ms per image"] for row in recorded_benchmark("f") if row["curve"] == "MLP, float32"
    }
    sizes = np.array(sorted(times))
    steps = sizes * np.array([times[size] for size in sizes])
    fitted, *_ = np.linalg.lstsq(np.stack([1 / steps, sizes / steps], 1), np.ones(len(sizes)), rcond=None)
    assert fitted[0] / fitted.sum() > 0.95
