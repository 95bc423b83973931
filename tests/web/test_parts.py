"""Parts of the front end, called in Chromium: numbers, colours, controls, the state that is shared with Python."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from chrome import FrontEnd, cancelled_touch
from playwright.sync_api import Page, expect

from cifar_helpers.web.join import FRONTEND, join, site_modules

pytestmark = pytest.mark.browser


@pytest.fixture
def page(front: FrontEnd) -> Page:
    """An empty page, with what `ui.js` needs of one."""
    return front.open("<!doctype html><html lang=en data-booted><title>Parts</title><body></body></html>")


def call(page: Page, module: str, body: str, *arguments: Any) -> Any:
    """What a function `(m, ...arguments) => body` gives, where `m` is the joined module."""
    return page.evaluate(
        """async ([text, body, given]) => {
            const m = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
            return await (0, eval)(body)(m, ...given);
        }""",
        [join(module), body, list(arguments)],
    )


def test_what_a_person_types_is_read(page: Page) -> None:
    typed = {
        "1": 1, "-1": -1, "−1": -1, "+2": 2, "0,5": 0.5, ".5": 0.5, " 1/9 ": 1 / 9, "-1/3": -1 / 3, "2.": 2,
        "": None, "1/0": None, "1/2/3": None, "abc": None, "1e3": None, "--1": None, "1,000,0": None,
    }  # fmt: skip
    read = call(page, "numbers", "(m, texts) => texts.map(m.parse).map(v => (Number.isNaN(v) ? null : v))", list(typed))
    assert read == pytest.approx(list(typed.values()))


def test_numbers_are_written_for_people(page: Page) -> None:
    shown = {1 / 9: "1/9", -1 / 9: "−1/9", 0.5: "0.5", -2: "−2", 0.126: "0.13", -0.001: "0", -4 / 3: "−4/3"}
    assert call(page, "numbers", "(m, v) => v.map(x => m.show(x))", list(shown)) == list(shown.values())
    assert call(page, "numbers", "m => [1e-6, 1.0000006, 2 / 3].map(v => m.show(v))") == ["0", "1", "2/3"]
    assert call(page, "numbers", "m => [m.fixed(-0.004), m.fixed(-1.5), m.percent(0.123)]") == ["0.00", "−1.50", "12 %"]


def test_rounded_parts_add_up_to_the_rounded_sum(page: Page) -> None:
    values = (np.random.default_rng(0).normal(size=(200, 9)) * 2).round(6).tolist()
    for row in call(page, "numbers", "(m, rows) => rows.map(row => m.roundedToSum(row))", values):
        assert sum(round(part * 100) for part in row["parts"]) == round(row["sum"] * 100)
    for row, got in zip(values, call(page, "numbers", "(m, r) => r.map(v => m.roundedToSum(v))", values), strict=True):
        assert abs(got["sum"] - sum(row)) <= 0.0051 and np.abs(np.subtract(row, got["parts"])).max() < 0.01


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_can_be_read_on_every_colour_of_the_scale(front: FrontEnd, theme: str) -> None:
    page = front.open("<!doctype html><html lang=en data-booted><title>x</title><body></body></html>", theme=theme)
    worst = call(
        page,
        "ui",
        """m => {
            const { root, colours } = m.mount(document.body, "trial", "Trial", "", () => {});
            const light = c => { c /= 255; return c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
            const of = rgb => .2126 * light(rgb[0]) + .7152 * light(rgb[1]) + .0722 * light(rgb[2]);
            const table = colours();
            let worst = 99;
            for (let i = 0; i < 511; i++) {
                const rgb = [...table.slice(i * 3, i * 3 + 3)], ground = of(rgb);
                worst = Math.min(worst, Math.max((ground + .05) / .05, 1.05 / (ground + .05)));
            }
            return [root.dataset.theme, worst];
        }""",
    )
    assert worst[0] == theme and worst[1] >= 4.5


def test_the_theme_follows_the_background(page: Page) -> None:
    themes = call(
        page,
        "ui",
        """async m => {
            const { root } = m.mount(document.body, "trial", "Trial", "", () => { seen.push("redrawn"); });
            const seen = [root.dataset.theme];
            for (const ground of ["rgb(10, 10, 20)", "rgba(0, 0, 0, 0)", "#fff"]) {
                document.body.style.backgroundColor = ground;
                await new Promise(done => setTimeout(done, 30));
                seen.push(root.dataset.theme);
            }
            return seen;
        }""",
    )
    assert themes == ["light", "redrawn", "dark", "redrawn", "light", "light"]


def test_a_state_ignores_its_own_echo_and_follows_python(page: Page) -> None:
    heard = call(
        page,
        "ui",
        """async m => {
            const model = new m.LocalModel({ a: 1 });
            let saved = 0, heard = [];
            model.save_changes = () => { saved++; };
            const state = m.binding(model, { a: () => heard.push(model.get("a")) });
            for (let k = 2; k < 12; k++) state.set({ a: k });
            const own = heard.length;
            model.set("a", 99);
            await new Promise(done => setTimeout(done, 200));
            state.close();
            model.set("a", 100);
            return { own, heard, saved };
        }""",
    )
    assert heard == {"own": 0, "heard": [99], "saved": 1}


def test_a_loader_asks_once_and_reports_what_python_says(page: Page) -> None:
    got = call(
        page,
        "ui",
        """async m => {
            const model = new m.LocalModel({}), asked = [];
            model.send = message => {
                asked.push(message.name);
                const answer = message.name === "bad" ? { error: "KeyError: 'bad'" } : {};
                const tell = [...model.listeners.get("msg:custom")];
                setTimeout(() => tell.forEach(f => f({ type: "loaded", name: message.name, ...answer },
                    [new DataView(new Uint8Array([0, 7, 8]).buffer, 1, 2)])), 5);
            };
            const load = m.loader(model);
            const [a, b] = await Promise.all([load("good"), load("good")]);
            const error = await load("bad").catch(e => e.message);
            return { asked, bytes: [...a], same: a === b, error };
        }""",
    )
    assert got == {"asked": ["good", "bad"], "bytes": [7, 8], "same": True, "error": "KeyError: 'bad'"}


def test_a_loader_says_where_python_does_not_answer(page: Page) -> None:
    page.clock.install()
    call(
        page,
        "ui",
        """m => {
            const model = new m.LocalModel({});
            model.send = () => {};
            m.loader(model, document.body)("weights");
            const answer = { type: "loaded", name: "weights" };
            window.arrive = () => model.listeners.get("msg:custom").forEach(f => f(answer, [new ArrayBuffer(1)]));
        }""",
    )
    said = page.get_by_role("status")
    page.clock.run_for(7000)
    expect(said).to_have_count(0)
    page.clock.run_for(2000)
    expect(said).to_have_text("Python has not answered yet. If no cell is running, run this one again.")
    page.evaluate("window.arrive()")
    expect(said).to_have_count(0)


def test_a_segmented_choice_is_one_tab_stop_with_arrows(page: Page) -> None:
    call(
        page,
        "controls",
        """m => {
            window.chosen = [];
            const options = [1, 2, 3].map(value => ({ value, text: `number ${value}` }));
            document.body.append(m.segmented("Size", options, 2, v => window.chosen.push(v)).node);
        }""",
    )
    group = page.get_by_role("radiogroup", name="Size")
    page.keyboard.press("Tab")
    expect(group.get_by_role("radio", name="number 2")).to_be_focused()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    expect(group.get_by_role("radio", name="number 3")).to_be_focused()
    for key in ("Alt+ArrowLeft", "Control+ArrowRight"):  # the first goes back a page
        page.keyboard.press(key)
    page.keyboard.press("Tab")
    expect(group.locator(":focus")).to_have_count(0)
    assert page.evaluate("window.chosen") == [3, 1, 3]


def test_a_touch_that_the_system_ends_draws_nothing_more(page: Page) -> None:
    call(
        page,
        "picture",
        """m => {
            window.told = [];
            const moved = (row, column, byPointer) => window.told.push(byPointer);
            const { node } = m.picture("Picture", { rows: 32, columns: 32, moved });
            node.style.width = "320px";
            document.body.append(node);
        }""",
    )
    picture = page.get_by_role("slider", name="Picture")
    picture.dispatch_event("pointercancel", {"isPrimary": True})
    assert page.evaluate("window.told") == [False]


def grid(page: Page) -> None:
    call(
        page,
        "grid",
        """m => {
            window.edits = [];
            const g = m.numberGrid(3, 3, "Kernel", (k, v) => { window.edits.push([k, v]); });
            g.set([0, 0, 0, 0, 1, 0, 0, 0, 0], () => [255, 255, 255]);
            document.body.append(g.node);
        }""",
    )


def test_a_number_is_typed_stepped_and_left_by_keys(page: Page) -> None:
    grid(page)
    cell = page.get_by_role("spinbutton", name="Kernel, row 2, column 2")
    cell.focus()
    page.keyboard.type("7")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Alt+ArrowUp")
    assert page.evaluate("window.edits.map(e => e[1])") == pytest.approx([7, 7.1, 6.1, 6.11])
    page.keyboard.type("zebra")
    expect(cell).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    expect(cell).to_have_value("6.11")
    assert len(page.evaluate("window.edits")) == 4
    page.keyboard.press("Enter")
    expect(page.get_by_role("spinbutton", name="Kernel, row 3, column 2")).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")  # goes forward a page
    expect(page.get_by_role("spinbutton", name="Kernel, row 3, column 2")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("spinbutton", name="Kernel, row 3, column 3")).to_be_focused()
    page.keyboard.type("1000")
    expect(page.get_by_role("spinbutton", name="Kernel, row 3, column 3")).to_have_attribute("aria-invalid", "true")


def test_a_number_is_dragged_and_scrolled_only_while_it_has_the_focus(page: Page) -> None:
    grid(page)
    cell = page.get_by_role("spinbutton", name="Kernel, row 1, column 1")
    box = cell.bounding_box()
    assert box is not None
    x, y = box["x"] + 10, box["y"] + 10
    page.mouse.move(x, y)
    page.mouse.wheel(0, -100)
    assert page.evaluate("window.edits") == []
    page.mouse.down()
    page.mouse.move(x + 50, y, steps=5)
    page.mouse.up()
    assert page.evaluate("window.edits.at(-1)") == [0, 1]
    page.mouse.wheel(0, -100)
    page.wait_for_function("window.edits.at(-1)[1] === 1.1")
    page.keyboard.down("Shift")
    for turn in (-100, 100):  # with shift a wheel scrolls sideways
        page.mouse.wheel(turn, 0)
        page.wait_for_function(f"window.edits.at(-1)[1] === {2.1 if turn < 0 else 1.1}")
    page.keyboard.up("Shift")
    count = page.evaluate("window.edits.length")
    for _ in range(24):  # a touchpad tells of a few pixels at a time
        page.mouse.wheel(0, -5)
    page.wait_for_function(f"window.edits.length === {count + 3}")
    for _ in range(24):
        page.mouse.wheel(0, 5)
    page.wait_for_function("window.edits.at(-1)[1] === 1.1")
    page.mouse.move(x, y)
    page.mouse.down()  # now on a number that is selected
    page.mouse.move(x + 50, y, steps=5)
    page.mouse.up()
    assert page.evaluate("window.edits.at(-1)") == [0, 2.1]


def test_a_touch_that_scrolls_the_page_and_a_right_click_choose_no_map(page: Page) -> None:
    call(
        page,
        "maps",
        """m => {
            window.picks = [];
            const size = { count: 4, height: 8, width: 8, columns: 2 };
            const wall = m.mapGrid("Maps.", { ...size, chosen: k => picks.push(k), hovered() {} });
            wall.node.style.width = "200px";
            document.body.append(wall.node);
        }""",
    )
    wall = page.get_by_role("slider", name="Maps.")
    box = wall.bounding_box()
    assert box is not None
    wall.press("ArrowRight")
    cancelled_touch(page, box["x"] + 20, box["y"] + 180)
    assert page.evaluate("picks") == [1, 2, 1]
    wall.click(button="right", position={"x": 20, "y": 180})
    assert page.evaluate("picks") == [1, 2, 1]
    expect(wall).to_have_attribute("aria-valuetext", "1 of 4")


def test_a_touch_that_scrolls_the_page_moves_no_slider(page: Page) -> None:
    call(
        page,
        "controls",
        """m => {
            window.moves = [];
            const range = m.slider("Rate", ["low", "middle", "high"], "low", now => moves.push(now));
            document.body.append(range.node);
        }""",
    )
    slider = page.get_by_role("slider", name="Rate")
    box = slider.bounding_box()
    assert box is not None
    cancelled_touch(page, box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    assert page.evaluate("moves") == ["high", "low"]
    expect(slider).to_have_attribute("aria-valuetext", "low")


def test_what_is_sent_has_no_comments_of_styles() -> None:
    assert "/*" in (FRONTEND / "theme.css").read_text(encoding="utf-8")
    (sent,) = re.findall("^const theme = (.*);$", site_modules(["kernel_bench"])["ui.js"], re.M)
    assert "/*" not in sent and ".cw-cap" in sent


def test_joining_names_what_is_wrong(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.js").write_text("export const one = 1;\n")
    cases = {
        'import { two } from "./b.js";\n': "imports 'two' from b.js, which does not export it",
        'import * as b from "./b.js";\n': "write this import as",
        'import { one as two } from "./b.js";\n': "write this import as",
    }
    monkeypatch.setattr("cifar_helpers.web.join.FRONTEND", tmp_path)
    for k, (text, says) in enumerate(cases.items()):
        (tmp_path / f"a{k}.js").write_text(text)
        with pytest.raises(ValueError, match=says):
            join(f"a{k}")
    (tmp_path / "good.js").write_text('import { one } from "./b.js";\nexport const two = one + 1;\n')
    assert json.dumps(1) in join("good") and "const { one } = $b;" in join("good")
    kept = 'const a = "// no comment"; // beside code\nconst b = 1 /* inside */ / 2;\n/** @type {any} */ (a);\n'
    (tmp_path / "said.js").write_text(f"// What it is for.\n/**\n * @param a\n */\n{kept}  /** @type {{any}} */\n")
    assert join("said") == kept
