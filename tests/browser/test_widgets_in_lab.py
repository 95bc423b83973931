"""Every widget in JupyterLab with its kernel: seen, free of violations, and of one state with Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import ALL_WIDGETS, Lab
from lesson_cells import with_needed
from playwright.sync_api import expect
from widget_gallery import WIDGETS

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]


@pytest.fixture(scope="module")
def widgets(lab: Lab) -> Iterator[Lab]:
    """JupyterLab with the notebook of all widgets, run."""
    lab.open(ALL_WIDGETS)
    assert lab.run_all(), "a cell failed"
    yield lab
    lab.close()


def printed(lab: Lab, code: str) -> str:
    """What the kernel prints, without a cell on the page."""
    text = lab.page.evaluate(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let text = '';
            future.onIOPub = message => {
                const { content } = message;
                text += content.text ?? content.ename ?? '';
            };
            await future.done;
            return text;
        }""",
        code,
    )
    return str(text).strip()


DARK, LIGHT = ("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")


@pytest.mark.parametrize("themes", [[DARK], pytest.param([DARK, LIGHT], marks=pytest.mark.slow)], ids=["dark", "both"])
def test_every_widget_is_seen_without_a_violation(widgets: Lab, themes: list[tuple[str, str]]) -> None:
    for name in WIDGETS:
        expect(widgets.widget(f"WIDGETS['{name}']").locator(".cw")).to_be_visible(timeout=20_000)
    for theme, word in themes:
        widgets.theme(theme)
        expect(widgets.page.locator(f'.cw[data-theme="{word}"]').first).to_be_visible()
        only = {"resultTypes": ["violations"]}
        found = Axe().run(widgets.page, {"include": [["[data-cifar-widget]"]]}, only).response["violations"]
        assert not found, [(v["id"], v["nodes"][0]["html"][:160]) for v in found]
    assert not widgets.errors, widgets.errors


def test_python_and_the_browser_have_one_state(widgets: Lab) -> None:
    bench = widgets.widget("WIDGETS['kernel_bench']")
    assert printed(widgets, "kernel_bench.kernel = [[0, 0, 0], [0, 0.5, 0], [0, 0, 0]]") == ""
    middle = bench.get_by_role("spinbutton").nth(4)
    expect(middle).to_have_value("0.5")
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    middle.focus()
    place = widgets.page.evaluate(active)
    widgets.page.keyboard.press("ArrowUp")
    expect(middle).to_have_value("0.6")
    for _ in range(50):
        if (said := printed(widgets, "print(float(kernel_bench.kernel[1, 1]))")) == "0.6":
            break
        widgets.page.wait_for_timeout(100)
    assert said == "0.6"
    assert widgets.page.evaluate(active) == place  # JupyterLab did not take the key for its own
    assert printed(widgets, "kernel_bench.kernel = [1, 2]") == "TraitError"


def test_a_training_runs_in_the_kernel_and_is_drawn_here(widgets: Lab) -> None:
    live = widgets.widget("WIDGETS['live_training']")
    live.get_by_role("button", name="Start").click()
    live.get_by_role("button", name="Stop").wait_for()
    live.get_by_role("button", name="Pause").click()
    live.get_by_role("button", name="Go on").or_(live.get_by_role("button", name="Resume")).click()
    live.get_by_role("button", name="Stop").click()
    live.get_by_role("button", name="Start").wait_for(timeout=20_000)
    assert printed(widgets, "print(type(live_training.model).__name__)") == "CifarCNN"


def test_a_prediction_is_judged_in_the_kernel(widgets: Lab) -> None:
    asked = widgets.widget("WIDGETS['prediction']")
    asked.locator(".q-option").nth(3).click()
    asked.get_by_role("button", name="Commit").press("Enter")
    expect(asked.locator(".q-verdict")).to_contain_text("Yes", timeout=20_000)
    assert printed(widgets, "print(prediction.replies[0]['state'])") == "right"


def test_the_notebook_is_saved_from_within_a_widget(widgets: Lab) -> None:
    number = widgets.widget("WIDGETS['kernel_bench']").get_by_role("spinbutton").first
    number.focus()
    widgets.page.keyboard.press("ArrowUp")  # which JupyterLab would take for the cell above
    expect(number).to_be_focused()
    model = "window.jupyterapp.shell.currentWidget.context.model"
    widgets.page.evaluate(f"{model}.dirty = true")
    widgets.page.keyboard.press("Control+s")
    widgets.page.wait_for_function(f"!{model}.dirty")


def test_a_cell_that_is_run_again_leaves_nothing_behind(widgets: Lab) -> None:
    cell = widgets.cell("WIDGETS['kernel_bench']")
    code = "from ipywidgets.widgets.widget import _instances; print(len(_instances))"
    numbers = []
    for _ in range(2):
        cell.run()
        numbers.append(printed(widgets, code))
    assert numbers[0] == numbers[1] != "0"


def test_a_stored_lesson_opens_with_pictures_of_its_widgets(lab: Lab) -> None:
    lab.open("02_convolutions_and_kernels.ipynb")
    stored = lab.cell("widgets.kernel_bench(picture)").output
    # JupyterLab takes the record out of a notebook that it does not trust, and leaves the picture.
    expect(stored.locator('img[alt^="The kernel"]')).to_be_visible()
    expect(lab.page.get_by_text("Error displaying widget")).to_have_count(0)
    folds = lab.page.locator(".jp-OutputPlaceholder")  # of answers to predictions
    folds.first.wait_for()
    assert {text.strip() for text in folds.all_inner_texts()} == {""}
    assert lab.run(with_needed("02", "widgets.kernel_bench(picture)"))
    expect(lab.widget("widgets.kernel_bench(picture)").locator(".cw")).to_be_visible()
    lab.close()
