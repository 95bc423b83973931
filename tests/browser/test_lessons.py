"""Every lesson in JupyterLab: every widget by keyboard and mouse, its latency, names and errors; one lesson as a whole.

nbval runs all cells of all lessons; here run those that the widgets need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lab import Lab, Widget
from lesson_cells import with_needed
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]

IMAGE, NETWORK = 50, 100  # milliseconds from key press to changed picture, for a machine with nothing else to do
PATIENCE = 6  # times as long is allowed where tests share the processor


@contextmanager
def lesson(lab: Lab, name: str, *words: str) -> Iterator[None]:
    """Run the cells that hold these words and those that they need, and end without an error on the console."""
    lab.open(name)
    assert lab.run(with_needed(name[:2], *words)), "a cell failed"
    yield
    assert not lab.errors, lab.errors
    lab.close()


@contextmanager
def whole_lesson(lab: Lab, name: str) -> Iterator[None]:
    """Run all cells of a lesson as the menu does it, and end without an error on the console."""
    lab.open(name)
    assert lab.run_all(), "a cell failed"
    yield
    assert not lab.errors, lab.errors
    lab.close()


def answers(widget: Widget, what: str, control: str, keys: list[str], limit: float) -> None:
    """Print and check how fast a widget answers, and that everything in it has a name."""
    assert not widget.unnamed(), widget.unnamed()
    took = widget.latency(control, keys)
    print(
        f"\n{what:24} median {took['median']:5.0f} ms, greatest {took['greatest']:5.0f} ms, "
        f"{took['presses']} presses, aim {limit:.0f} ms"
    )
    assert took["median"] <= PATIENCE * limit and not took["flickers"]


UP_AND_DOWN = ["ArrowUp", "ArrowDown"] * 8


def test_start(lab: Lab) -> None:
    with lesson(lab, "00_start_here.ipynb", "image_grid(pictures"):
        lab.cell("data = load_cifar10()").output.get_by_text("sketches").wait_for()
        lab.cell("image_grid(pictures").output.locator("img").wait_for()


def test_dataset_tour(lab: Lab) -> None:
    with lesson(lab, "01_dataset_tour.ipynb", "widgets.image_browser"):
        browser = lab.widget("widgets.image_browser")
        answers(browser, "image_browser", "picture", ["ArrowRight", "ArrowLeft"] * 8, IMAGE)
        browser.choose("class", "ship")
        browser.wait("ship, image")
        browser.choose("view", "channels")
        browser.output.get_by_alt_text("red channel").wait_for()
        browser.choose("augmentation", "all")
        browser.wait("Draw 0:")
        before = browser.status()
        browser.press("draw", "ArrowUp")
        browser.wait("Draw 1:")
        assert browser.status() != before
        browser.choose("view", "pixel")
        browser.alt("Values of red in rows 12").wait_for()
        picture = browser.output.locator("img[data-grid]").first
        picture.click(position={"x": 2, "y": 2})
        browser.alt("Values of red in rows 0 to 7, columns 0 to 7").wait_for()


def test_convolutions(lab: Lab) -> None:
    with whole_lesson(lab, "02_convolutions_and_kernels.ipynb"):
        steps = lab.widget("widgets.convolution_steps")
        answers(steps, "convolution_steps", "step", ["ArrowRight"] * 16, IMAGE)
        steps.wait("Step 17 of 36")
        steps.output.locator('[data-place="output 0 2"]').click()
        steps.wait("Step 3 of 36")
        steps.press("padding", "ArrowUp")
        steps.wait("of 64")
        steps.press("play or pause", "Enter")
        steps.wait("Step 5 of 64")
        bench = lab.widget("widgets.kernel_bench(picture)")
        answers(bench, "kernel_bench", "row 2, column 2", UP_AND_DOWN, IMAGE)
        before = bench.picture("Result of the kernel 0 0 0; 0 1 0; 0 0 0")
        bench.press("row 2, column 2", "ArrowUp")  # the field's step is one half
        assert bench.picture("Result of the kernel 0 0 0; 0 1.5 0; 0 0 0") != before
        bench.choose("kernel", "sharpen")
        bench.alt("Result of the kernel 0 -1 0; -1 5 -1").wait_for()
        bench.output.locator('img[data-grid^="result"]').click(position={"x": 3, "y": 3})
        bench.wait("Pixel in row 0, column 0")
        bench.type("row 1, column 1", "1000")
        bench.wait("row 1, column 1: type a number from -100 to 100")
        bench.type("row 1, column 1", "0")
        bench.choose("puzzle", "1")
        bench.choose("kernel", "identity")
        bench.type("row 2, column 2", "0.5")
        bench.wait("solved")


def test_the_network(lab: Lab) -> None:
    with lesson(lab, "03_building_the_cnn.ipynb", "widgets.feature_maps", "widgets.receptive_field(part)"):
        maps = lab.widget("widgets.feature_maps")
        answers(maps, "feature_maps, channel", "channel", ["ArrowRight"] * 16, IMAGE)
        maps.alt("block 1, convolution, trained: channel 16 of 32").wait_for()
        maps.press("layer", "ArrowDown")
        maps.alt("block 1, batch norm, trained: channel 16").wait_for()
        before = maps.picture("block 1, batch norm, trained: all")
        answers(maps, "feature_maps, picture", "picture", UP_AND_DOWN, NETWORK)
        maps.press("picture", "ArrowUp")
        maps.page.wait_for_function(
            "old => !document.body.innerHTML.includes(old)", arg=before.removeprefix("data:image/png;base64,")[:400]
        )
        maps.output.locator('img[data-grid^="mosaic"]').click(position={"x": 5, "y": 5})
        maps.alt("block 1, batch norm, trained: channel 0 of 32").wait_for()
        field = lab.widget("widgets.receptive_field(part)")
        answers(field, "receptive_field, channel", "channel", ["ArrowRight"] * 16, IMAGE)
        answers(field, "receptive_field, picture", "picture", UP_AND_DOWN, NETWORK)
        field.choose("layer", "block 3, pool")
        field.wait("of block 3, pooling, channel")
        field.output.locator('img[data-grid^="unit"]').click(position={"x": 250, "y": 10})
        field.wait("The unit in row 0, column 3")


def test_training(lab: Lab) -> None:
    with lesson(
        lab,
        "04_training_and_overfitting.ipynb",
        "widgets.live_training",
        "widgets.training_through_time",
        "widgets.overfitting_lab",
        "widgets.bug_gallery",
    ):
        live = lab.widget("widgets.live_training")
        assert not live.unnamed()
        live.choose("learning rate", "0.01")
        live.type("epochs", "50")
        live.press("start", "Enter")
        live.wait("Training, learning rate 0.01")
        live.press("pause", "Enter")
        live.wait("Paused")
        live.control("go on").press("Enter")
        live.wait("Training")
        live.wait("1 epochs complete")
        live.press("stop", "Enter")
        live.wait("Ended after")
        expect(live.output.locator("svg")).to_have_count(2)
        live.control("start again").click()  # while nothing runs; then again while it does
        live.wait("Training")
        live.wait("1 epochs complete")
        live.control("start again").click()
        live.wait("0 epochs complete")
        live.press("stop", "Enter")
        live.wait("Ended")
        time = lab.widget("widgets.training_through_time")
        answers(time, "training_through_time", "epoch", ["ArrowRight"] * 16, NETWORK)
        time.wait("Epoch 16:")
        kernels = time.picture("The 32 kernels of the first layer after epoch 16")
        time.press("epoch", "ArrowLeft")
        assert time.picture("The 32 kernels of the first layer after epoch 15") != kernels
        time.choose("layer", "block 3")
        time.alt("block 3, ReLU").wait_for()
        laboratory = lab.widget("widgets.overfitting_lab")
        answers(laboratory, "overfitting_lab", "patience (epochs)", ["ArrowRight"] * 8, IMAGE)
        laboratory.wait("patience 11")
        before = laboratory.status()
        laboratory.choose("dropout", "0.5")
        laboratory.wait_for_other_words_than(before)
        before = laboratory.status()
        laboratory.choose("width", "2")
        laboratory.wait("was not recorded")
        laboratory.press("train this one now", "Enter")
        laboratory.wait("training now")
        laboratory.press("stop", "Enter")
        laboratory.choose("width", "1")
        laboratory.wait("After 30 epochs")
        assert laboratory.status() == before
        gallery = lab.widget("widgets.bug_gallery")
        answers(gallery, "bug_gallery", "case", ["ArrowDown"] * 8, IMAGE)
        gallery.wait("Case 9, after 10 epochs")
        gallery.output.get_by_role("radio", name="no zero_grad").focus()
        for key in ("Space", "Tab", "Enter"):
            gallery.page.keyboard.press(key)
        gallery.wait("Not this: no zero_grad. Gradients that add up")
        gallery.output.get_by_role("radio", name="learning rate ÷ 100").check()
        gallery.output.get_by_role("button", name="That is it").press("Enter")
        gallery.wait("Yes: learning rate ÷ 100")
        assert gallery.output.locator("pre").all_inner_texts()[0].endswith("lr=0.0001, momentum=0.9)")
        gallery.choose("case", "3")
        gallery.wait("Case 3, after 10 epochs")
        expect(gallery.output.locator("pre, input:checked")).to_have_count(0)  # nothing is left of the case before
        gallery.press("Tell me", "Enter")
        gallery.wait("It is learning rate × 100")


def test_timing(lab: Lab) -> None:
    with lesson(lab, "05_cpu_vs_gpu.ipynb", "widgets.timing_explorer"):
        explorer = lab.widget("widgets.timing_explorer")
        answers(explorer, "timing_explorer", "batch size", UP_AND_DOWN, IMAGE)
        explorer.choose("compare", "CNN, float32, rec")
        explorer.choose("with", "MLP, float32, rec")
        explorer.wait(re.compile(r"CNN, float32, rec.* MLP, float32, rec.*They cross near a batch of"))
        explorer.type("batch size", "200")
        explorer.wait("An image in a batch of 200")


def test_inference(lab: Lab) -> None:
    with lesson(lab, "06_inference.ipynb", "widgets.confusion_explorer", "widgets.predict_photo("):
        explorer = lab.widget("widgets.confusion_explorer")
        answers(explorer, "confusion_explorer", "answered", ["ArrowUp", "ArrowDown"] * 4, IMAGE)
        explorer.output.locator('[data-place="cell 9 1"]').click()
        explorer.wait("truck called automobile")
        explorer.choose("show", "most")
        explorer.wait("mistakes")
        photo = lab.widget("widgets.predict_photo(")
        answers(photo, "predict_photo", "crop (%)", ["ArrowLeft"] * 16, NETWORK)
        photo.wait("Crop of 84 %")
        before = photo.picture("What the network sees")
        photo.press("to the right (%)", "Home")
        photo.wait_for_other_picture("What the network sees", before)
        photo.choose("where it looked", "Grad")
        photo.alt("Grad-CAM: most for").wait_for()
        answers(photo, "predict_photo, Grad-CAM", "crop (%)", ["ArrowLeft"] * 8, NETWORK)
        photo.choose("where it looked", "occl")
        photo.alt("occlusion: most for").wait_for()
        answers(photo, "predict_photo, occlusion", "crop (%)", ["ArrowRight"] * 8, NETWORK)
        with photo.page.expect_file_chooser() as chooser:
            photo.output.get_by_role("button", name="choose a photo").press("Enter")
        chooser.value.set_files({"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
        photo.wait("cannot be used")


def test_a_cell_that_is_run_again_leaves_nothing_behind(lab: Lab) -> None:
    lab.open("02_convolutions_and_kernels.ipynb")
    assert lab.run(with_needed("02", "widgets.kernel_bench(picture)"))
    cell = lab.cell("widgets.kernel_bench(picture)")
    alive = """async code => {
        const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        const future = kernel.requestExecute({ code, store_history: false });
        let text = '';
        future.onIOPub = message => { if (message.header.msg_type === 'stream') text += message.content.text; };
        await future.done;
        return Number(text);
    }"""
    code = """
from ipywidgets.widgets.widget import _instances
from matplotlib.pyplot import get_fignums
print(len(_instances) + 10000 * len(get_fignums()))"""
    numbers = []
    for _ in range(3):
        cell.run()
        numbers.append(lab.page.evaluate(alive, code))
    assert numbers[0] == numbers[1] == numbers[2] < 10000
    lab.close()


def test_going_further(lab: Lab) -> None:
    with lesson(lab, "08_going_further.ipynb", "for processes in (1, 2)"):
        lab.cell("for processes in (1, 2)").output.scroll_into_view_if_needed()
        for processes in (1, 2):
            lab.page.get_by_text(f"{processes} process(es): loss").wait_for(timeout=10_000)
