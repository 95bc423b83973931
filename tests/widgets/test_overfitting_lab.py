"""The overfitting laboratory: results of records, early stopping on the curve, pins, and a run to train now."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, replace
from statistics import fmean

import numpy as np
import pytest
import torch
import traitlets
from chrome import FrontEnd, next_frame, state_of
from playwright.sync_api import expect

from cifar_helpers import BatchLoader, Cifar10, EarlyStopping, Epoch, History
from cifar_helpers.runs import Recipe, Run, load_run, prepare
from cifar_helpers.web.join import join
from cifar_helpers.widgets import overfitting_lab
from cifar_helpers.widgets._trainer import Trainer, Watch
from cifar_helpers.widgets.overfitting_lab import Settings, _record, early_stop, recipe_of, recorded

FALLS = [5, 4, 3, 3.5, 3.2, 2.9, 3.3, 3.4, 3.5]


def last_ten(run: Run, column: str = "validation_accuracy") -> list[float]:
    """In percent; of 10,000 images many shares end in a 5, which is rounded up as the browser does."""
    return [100 * value + 1e-6 for value in run.history[column][-10:]]


def shown(settings: Settings) -> str:
    """Validation accuracy as the table shows it, in percent."""
    summary = _record(settings, [run.history for run in recorded()[settings]])["summary"]
    return f"{100 * summary['validation']:.1f}"


def history(losses: list[float]) -> History:
    return History([Epoch(k, x, 0.5, x, 0.5, 0.1, 1.0) for k, x in enumerate(losses, start=1)])


def test_early_stopping_is_that_of_the_callback(front: FrontEnd) -> None:
    assert early_stop(history(FALLS), 2) == (5, 3)
    assert early_stop(history(FALLS), 3) == (9, 6)
    assert early_stop(history([3, 2, 1]), 2) == (3, 3)
    cases = [(FALLS, patience) for patience in range(1, 9)] + [([3, 2, 1], 2)]
    cases += [(runs[0].history["validation_loss"], patience) for runs in recorded().values() for patience in (1, 4, 15)]
    script = (
        f"{join('overfitting_lab')}\nglobalThis.earlyStop = earlyStop; document.documentElement.dataset.booted = 1;"
    )
    page = front.open(f'<!doctype html><title>x</title><body><script type="module">{script}</script>')
    found = page.evaluate(
        "cases => cases.map(([l, p]) => { const e = earlyStop(l, p); return [e.stopped, e.kept]; })", cases
    )
    assert [tuple(pair) for pair in found] == [early_stop(history(losses), patience) for losses, patience in cases]
    assert EarlyStopping(8).patience == 8


CROSSED = """words => {
    const box = words.getBoundingClientRect();
    const isIn = p => p.x > box.left && p.x < box.right && p.y > box.top + 3 && p.y < box.bottom - 2;
    return [...words.closest(".cw-plot").querySelectorAll("path.line:not(.ol-training)")].filter(line => {
        const steps = Array.from({ length: line.getTotalLength() / 2 }, (_, k) => line.getPointAtLength(2 * k));
        return steps.some(p => isIn(p.matrixTransform(line.getScreenCTM())));
    }).length;
}"""


@pytest.mark.parametrize("width", [360, 800])
def test_the_word_at_the_lowest_loss_lies_on_no_curve(front: FrontEnd, width: int) -> None:
    lab = overfitting_lab()
    remedies = Settings(dropout=0.5, augmentation="flip + shift", weight_decay=5e-4)
    lab.pinned = [asdict(replace(remedies, wrong_labels=0.2)), asdict(Settings())]
    named = []
    for settings in [replace(remedies, images=2000), replace(remedies, wrong_labels=0.2), remedies]:
        losses = recorded()[settings][0].history
        lab.settings, lab.patience = asdict(settings), 3
        page = front.open(lab, width=width)
        words = page.locator(".of-dot")
        lowest = losses["validation_loss"].index(min(losses["validation_loss"])) + 1
        if early_stop(losses, 3)[1] == lowest:
            expect(words).to_have_count(0)
            continue
        named.append(lowest)
        expect(words).to_have_text(f"lowest: {lowest}")
        assert words.evaluate(CROSSED) == 0, settings
    assert len(named) == 3


def test_settings_marks_and_numbers_are_those_of_the_record(front: FrontEnd) -> None:
    page = front.open(overfitting_lab(), height=760)
    root = page.locator(".overfitting_lab")
    base = recorded()[Settings()]
    row = root.locator("tbody tr").first
    ends = [last_ten(run) for run in base]
    means = [fmean(values) for values in ends]
    train = fmean(fmean(last_ten(run, "train_accuracy")) for run in base)
    for k, text in enumerate([f"{train:.1f} %", f"{fmean(means):.1f} %", f"{train - fmean(means):.1f}"]):
        expect(row.locator("td").nth(k)).to_contain_text(text)
    expect(root.locator(".ol-headline")).to_have_text(
        f"Base: validation accuracy {fmean(means):.1f} %, {train - fmean(means):.1f} points below training."
    )
    low, high = min(map(min, ends)), max(map(max, ends))
    # Beside the result is the range of the seeds, by which chance is judged; that of single epochs is folded away.
    expect(row.locator("td").nth(1)).to_contain_text(f"3 seeds: {min(means):.1f}–{max(means):.1f}")
    more = root.locator("details").last
    expect(more).to_contain_text(f"This run: {low:.1f}–{high:.1f} %")
    # What is shaded is named in the charts' heads, and lines at their ends.
    for chart, keys in enumerate([["3 seeds"], ["gap"]]):
        place = root.locator(".cw-chart").nth(chart)
        expect(place.locator(":is(.cw-key, .ol-key):visible")).to_have_text(keys)
        expect(place.locator("text.label")).to_have_text(["training", "validation"])
    expect(root.locator(".ol-verdict")).to_have_text(
        "3 seeds of base differ by up to 1.2 points, with no change at all."
    )
    expect(root.locator(".ol-task p")).to_have_text(re.compile("Guess, then choose it"))
    legend = root.locator(".ol-legend")
    expect(legend).to_be_hidden()  # all choices around the base are recorded
    page.get_by_role("checkbox", name="One change from base at a time").uncheck()
    # Early stopping is shown on the line of the seed that it is about: what it keeps, and the lowest loss.
    first = base[0].history["validation_loss"]
    lowest = root.get_by_text(f"lowest: {first.index(min(first)) + 1}")
    expect(lowest).to_be_visible()
    root.locator(".cw-plot").first.hover()
    expect(lowest).to_be_hidden()  # numbers are read there
    page.mouse.move(2, 2)
    expect(root.locator(".line.first")).to_have_count(2)
    expect(root.locator(".band.c1, .band.c2:not(rect)")).to_have_count(4)  # the range of the seeds
    band, line = (root.locator(f".cw-chart:last-child .{kind}").bounding_box() for kind in ("band.c2", "line.first"))
    assert band and line and band["y"] <= line["y"] + 2 and band["height"] >= line["height"] - 4
    expect(root).to_contain_text("measured during the epoch, with dropout and augmentation on.")
    expect(more).to_contain_text("so compare it and gaps only between runs that share them")
    expect(root.locator(":scope > p").last).to_be_hidden()  # nothing to say of this run
    # A choice says whether it is recorded, by its name, too; what is chosen is never another run than what is shown.
    page.get_by_role("radio", name="20 %", exact=True).click()
    expect(legend).to_have_text("Dashed: not recorded")
    expect(page.get_by_role("radio", name="0.5, not recorded")).to_have_css("outline-style", "dashed")
    expect(root.locator(".ol-key:visible")).to_have_text(["gap"])  # of one seed there is no range
    expect(row).to_contain_text("wrong labels 20 %")
    page.get_by_role("radio", name="0.5, not recorded").click()
    expect(root.locator(".ol-lead")).to_contain_text("The nearest recorded run (grey) differs in wrong labels")
    expect(row.locator("td").nth(1)).to_have_text(re.compile(r"\d %"))  # the nearest run has its numbers
    expect(root.locator(".ol-headline")).to_have_text("Not recorded: the nearest run is drawn in grey.")
    expect(page.get_by_role("radio", name="0.5", exact=True)).not_to_have_css(
        "outline-style", "dashed"
    )  # what is chosen
    change = "more => { const { model } = document.querySelector('[data-widget]'); Object.assign(model, more.own); "
    change += "for (const name in more.traits) model.set(name, more.traits[name]); }"
    page.evaluate("() => { document.querySelector('[data-widget]').model.send = sent => { globalThis.sent = sent; }; }")
    page.evaluate(change, {"traits": {"trainable": True, "status": {**overfitting_lab().status, "running": False}}})
    expect(root.locator(".ol-headline")).to_have_text("Not recorded: predict the curve.")  # which is then trained
    page.get_by_role("button", name="Train this combination now").click()
    assert page.evaluate("sent") == {"type": "train", "settings": asdict(Settings(dropout=0.5, wrong_labels=0.2))}
    page.evaluate(change, {"traits": {"status": {**overfitting_lab().status, "running": True, "ending": True}}})
    expect(root.locator(".cw-foot [role=status]")).to_have_text("Ending the run …")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.evaluate(change, {"own": {"send": None}, "traits": {"trainable": False, "status": overfitting_lab().status}})
    expect(root.locator(".ol-swatch.ghost").first).to_be_visible()
    page.get_by_role("button", name="Nearest").click()
    expect(row).to_contain_text("This run dropout 0.5")
    page.get_by_role("button", name="2,000 images").press("Enter")
    expect(row).to_contain_text("training images 2,000")
    page.get_by_role("button", name="20 % wrong labels").click()
    expect(row.locator("td").nth(1)).to_contain_text("one seed")
    expect(row.locator("td").nth(2)).to_have_text("−12.3")  # that of the numbers beside it
    expect(page.locator(".band.ghost")).to_have_count(0)  # a gap that is none
    expect(root).to_contain_text("Not finished: at epoch 30 training loss is still falling and validation loss is not")
    page.evaluate("m => document.querySelector('[data-widget]').model.set('settings', m)", asdict(Settings(width=2.0)))
    expect(page.get_by_role("radio", name="× 2", exact=True)).to_be_checked()
    assert page.get_by_role("button", name="Train this combination now").count() == 0  # no kernel, no promise
    # A run of now keeps the nearest one beside it, and has neither early stopping nor means before ten epochs.
    page.get_by_role("radio", name="2,000, not recorded").click()
    lead, state = root.locator(".ol-lead"), root.locator(".cw-foot [role=status]")
    for count, running in ((1, True), (1, False), (12, True)):
        trained = _record(Settings(width=2.0, images=2000), [history([2.3 - k / 10 for k in range(count)])])
        page.evaluate(
            """([trained, running]) => {
                const { model } = document.querySelector("[data-widget]");
                model.set("trained", [trained]);
                model.set("status", { ...model.get("status"), running, steps: 2370 });
            }""",
            [trained, running],
        )
        names = [re.compile(f"^{name}") for name in ("This run", "Nearest", "Base")]
        expect(root.locator("tbody tr")).to_have_text(names)
        expect(root.locator(".cw-plot").first.locator(".line.ghost:visible")).to_have_count(3)
        if count == 1:
            so_far = " so far" if running else ""
            expect(lead).to_have_text(f"1 epoch{so_far}: validation accuracy 50.0\u00a0%. Early stopping and means "
                                      "are shown from ten epochs on.")  # fmt: skip
            expect(row.locator("td").nth(1)).to_have_text("–")
            expect(root.locator(".marker, .rule")).to_have_count(0)
            expect(state).to_contain_text("Training: step" if running else "Stopped after 1 of 30 epochs.")
    expect(lead).to_contain_text("the run would go on after epoch 12 and keep epoch 12")
    page.get_by_role("radio", name="× ½, not recorded").click()
    page.get_by_role("button", name="Show ").click()
    expect(root.locator("tbody tr")).to_have_count(2)


def test_patience_is_dragged_on_the_curve_and_two_runs_are_compared(front: FrontEnd) -> None:
    page = front.open(overfitting_lab(), has_touch=True)
    lead = page.locator(".ol-lead")
    first = recorded()[Settings()][0]
    expect(lead).to_contain_text("stop after epoch {} and keep epoch {}".format(*early_stop(first.history, 3)))
    expect(lead).to_contain_text("69.4\u00a0% validation accuracy: 2.6 points below that seed’s mean of the last 10 "
                                "epochs, 72.0\u00a0% (range 69.5–73.9\u00a0%).")  # fmt: skip
    expect(page.locator(".overfitting_lab")).not_to_contain_text("Not finished")
    height = lead.bounding_box()
    handle = page.get_by_role("slider", name="Patience")
    handle.press("ArrowRight")
    expect(lead).to_contain_text("patience 4")
    box = handle.bounding_box()
    assert box is not None
    # Away from its line a tap reads numbers, and the patience stays.
    loss = page.locator(".cw-chart").first
    page.touchscreen.tap(box["x"] + 90, box["y"] + 120)
    expect(loss.locator(".looked")).to_be_visible()
    expect(lead).to_contain_text("patience 4")
    line = loss.locator(".marker").bounding_box()
    assert line is not None
    page.mouse.move(line["x"] + 9, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 120)
    page.mouse.up()
    expect(lead).to_contain_text(
        "the first of 3 seeds (thin line) would run to the end and keep epoch 20, with 73.4 % validation accuracy"
    )
    expect(lead).to_contain_text("within the range of that seed’s last 10 epochs, 69.5–73.9 % (mean 72.0 %).")
    assert lead.bounding_box() == height  # the table below stays
    patience = state_of(page, "patience")
    assert isinstance(patience, int) and early_stop(first.history, patience)[0] == 30
    # Without a pin, a run is compared with base: of gaps, few are comparable.
    headline = page.locator(".ol-headline")
    page.get_by_role("radio", name="20 %").tap()
    expect(headline).to_have_text("Wrong labels 20 %: validation accuracy 64.1 %, 7.3 points below base.")
    expect(page.locator(".ol-verdict")).to_have_text("At least twice the range of base’s seeds (1.2 points).")
    page.get_by_role("button", name="base", exact=True).tap()
    expect(headline.locator("b")).to_have_text(["71.4 %"])
    page.get_by_role("button", name="Pin this run").press("Enter")
    expect(page.locator("tbody tr")).to_have_text([re.compile("^This run = A base.*Unpin$")])  # one row, one line
    expect(page.locator(".cw-chart").last.locator("text.label")).to_have_text(["training", "validation"])
    expect(page.get_by_role("button", name="Unpin A")).to_be_focused()
    page.get_by_role("radio", name="40,000").tap()
    expect(page.locator("tbody tr")).to_have_count(2)
    now, pinned = page.locator("tbody tr").all()
    expect(pinned.locator("td").nth(1)).to_have_text("71.4 %3 seeds: 70.8–72.0")  # a pin keeps its seeds
    expect(now.locator("td").nth(1)).to_contain_text("82.0 % +10.6")  # the sign is that of the question
    expect(now.locator("td .ol-less:not(:empty)")).to_have_count(3)
    expect(headline).to_have_text("Training images 40,000: validation accuracy 82.0 %, 10.6 points above A.")
    # Every number ends where its head does, before its difference.
    ends = "all => all.map(one => { const r = document.createRange(); r.selectNode(one.firstChild); "
    ends += "return Math.round(r.getBoundingClientRect().right); })"
    heads = page.locator("thead th:not(:first-child)").evaluate_all(ends)
    assert heads == now.locator("td:not(:last-child)").evaluate_all(ends)
    page.get_by_role("radio", name="10,000").tap()
    page.get_by_role("radio", name="0.5", exact=True).tap()
    expect(now.locator("td").nth(1)).to_contain_text(re.compile(r" % [−≈]"))
    expect(now.locator("td .ol-less:not(:empty)")).to_have_count(1)  # training was measured with another dropout
    # A pin's training line is drawn, and its numbers are read, only while its row is pointed at.
    loss = page.locator(".cw-chart").first
    expect(loss.locator(".line.c3:visible")).to_have_count(1)
    pinned.hover()
    expect(loss.locator(".line.c3:visible")).to_have_count(2)
    # The marks of this run are hidden meanwhile, its gap as well.
    gap, rule = (page.locator(".cw-chart").last.locator(kind).first for kind in (".band.ghost", ".rule"))
    expect(gap).to_be_hidden()
    expect(rule).to_be_hidden()
    page.mouse.move(2, 2)
    expect(gap).to_be_visible()
    expect(rule).to_have_css("visibility", "visible")
    expect(headline).to_contain_text(re.compile(r"Dropout 0.5: .* 1.5 points below A\."))
    expect(page.locator(".ol-verdict")).to_have_text(
        "Larger than the range of base’s seeds (1.2 points), but of one seed only, so it may be chance."
    )
    assert state_of(page, "pinned") == [asdict(Settings())]
    # With two pins, only their validation is drawn, and besides training of what is pointed at.
    page.get_by_role("button", name="Pin this run").tap()
    page.get_by_role("radio", name="0.25", exact=True).tap()
    page.get_by_role("radio", name="2,000").tap()
    accuracy = page.locator(".cw-chart").last
    expect(accuracy.locator(".line:visible:not(.first)")).to_have_count(4)
    expect(accuracy.locator(".band.ghost")).to_have_count(1)  # the gap of this run stays
    expect(accuracy.locator("text.label")).to_have_text(["A", "B", "training", "validation"])
    expect(accuracy.locator(".ol-key")).to_be_visible()
    pins = [asdict(one) for one in (Settings(), Settings(dropout=0.5), Settings(width=2.0))]
    page.evaluate("pins => document.querySelector('[data-widget]').model.set('pinned', pins)", pins)
    expect(page.get_by_role("button", name="Pin this run")).to_have_text("3 pinned")
    page.evaluate("pins => document.querySelector('[data-widget]').model.set('pinned', pins)", pins[:2])
    pinned.hover()
    expect(accuracy.locator(".line.front:visible")).to_have_count(2)
    page.get_by_role("button", name="Unpin B").tap()
    page.get_by_role("button", name="Unpin A").tap()
    expect(page.locator("tbody tr")).to_have_text([re.compile("^This run"), re.compile("^Base")])


def test_wrong_settings_say_what_is_allowed() -> None:
    lab = overfitting_lab()
    with pytest.raises(traitlets.TraitError, match=r"dropout is 0.3; set one of 0.0, 0.25, 0.5"):
        lab.settings = {**asdict(Settings()), "dropout": 0.3}
    with pytest.raises(traitlets.TraitError, match="must have a value for each of dropout"):
        lab.settings = {"dropout": 0.5}
    with pytest.raises(traitlets.TraitError, match="patience is 0; set 1 to 15 epochs"):
        lab.patience = 0
    with pytest.raises(traitlets.TraitError, match="pin at most 3"):
        lab.pinned = [asdict(Settings())] * 4
    with pytest.raises(RuntimeError, match=r"overfitting_lab\(data\)"):
        lab.train()
    assert "patience 3" in lab.words() and "validation accuracy 71.4 %" in lab.words()
    lab.settings = asdict(Settings(width=2.0, images=2000))
    assert "not recorded" in lab.words()
    json.dumps(lab.state(), allow_nan=False)


def test_a_run_of_now_follows_the_recipe_and_leaves_the_learners_random_numbers(sketches: Cifar10) -> None:
    keep = slice(0, 250)
    data = replace(sketches, train_images=sketches.train_images[keep], train_labels=sketches.train_labels[keep])
    lab = overfitting_lab(data)
    assert lab.trainable
    lab.settings = asdict(Settings(images=2000))
    state = torch.random.get_rng_state()
    lab.train()
    deadline = time.monotonic() + 300
    while not lab.trained or len(lab.trained[0]["runs"][0]["train_loss"]) < 2:
        assert time.monotonic() < deadline, lab.trainer.run.problem
        time.sleep(0.02)
    lab.stop()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not lab.status["running"] and lab.status["step"] > 0 and not lab.trainer.run.problem
    assert lab.trained[0]["settings"] == asdict(Settings(images=2000))
    lab.close()


def test_the_loader_of_a_watched_run_has_everything_of_the_recipe(sketches: Cifar10) -> None:
    recipe = Recipe(
        about="", epochs=1, batch_size=40, mixup=0.3, alternate_flip=True, flip=False, train_images=200, seed=7
    )
    loader = prepare(recipe, sketches).loader
    loader.shard = (1, 2)
    watched = Watch(Trainer(lambda: None)).loader(loader, 1)
    assert isinstance(watched, BatchLoader)
    torch.manual_seed(3)
    plain = list(loader)
    torch.manual_seed(3)
    pairs = list(zip(plain, watched, strict=True))
    assert len(pairs) == 5 and all(len(labels) == 20 for (_, labels), _ in pairs)
    for (images, labels), (same_images, same_labels) in pairs:
        assert torch.equal(images, same_images) and torch.equal(labels, same_labels)


def test_a_combination_without_a_record_takes_all_else_from_the_nearest() -> None:
    runs = recorded()
    strange = {Settings(): [replace(runs[Settings()][0], recipe=replace(runs[Settings()][0].recipe, mixup=0.2))]}
    recipe = recipe_of(Settings(width=2.0, wrong_labels=0.2), strange)
    assert (recipe.mixup, recipe.width, recipe.wrong_labels) == (0.2, 2.0, 0.2)


@pytest.mark.records
def test_images_and_wrong_labels_have_the_effects_that_lesson_04_names() -> None:
    def mean(name: str, first: int, last: int, column: str = "validation_accuracy") -> float:
        return 100 * fmean(load_run(name).history[column][first - 1 : last])

    pairs = {
        "remedies": [("lab-2000-everything", "lab-2000"), ("lab-everything", "lab-base")],
        "images": [("lab-base", "lab-2000"), ("lab-40000", "lab-base")],
    }
    gains = {what: [mean(a, 21, 30) - mean(b, 21, 30) for a, b in runs] for what, runs in pairs.items()}
    assert min(gains["images"]) > max(gains["remedies"]) + 5
    assert 1 < mean("lab-base", 1, 10) - mean("lab-wrong-labels", 1, 10) < 6
    late, later = (
        [mean("lab-wrong-labels", *span, column) for column in ("train_accuracy", "validation_accuracy")]
        for span in ((20, 24), (26, 30))
    )
    assert later[0] > late[0] + 4 and later[1] < late[1] - 2


def test_loss_and_accuracy_that_disagree_are_explained_with_the_epochs_in_which_they_do(front: FrontEnd) -> None:
    page = front.open(overfitting_lab())
    note = page.locator(".overfitting_lab > p").last

    def of(settings: Settings, part: str) -> list[float]:
        means = np.mean([run.history[f"validation_{part}"] for run in recorded()[settings]], 0)
        return [float(means[k : k + 5].mean()) for k in range(26)]

    said = {}
    for settings in recorded():
        page.evaluate("m => document.querySelector('[data-widget]').model.set('settings', m)", asdict(settings))
        expect(page.locator("tbody tr").first.locator("td").nth(1)).to_contain_text(shown(settings))
        losses, shares = of(settings, "loss"), of(settings, "accuracy")
        low, high = losses.index(min(losses)), shares.index(max(shares))
        text = note.inner_text() if note.is_visible() else ""
        assert text.startswith("Loss and accuracy disagree") == (
            high > low and losses[high] >= 1.15 * losses[low] and shares[high] - shares[low] > 0.012
        ), settings
        if "disagree" not in text:
            continue
        said[settings] = text
        numbers = (
            f"lowest in epochs {low + 1}–{low + 5} ({losses[low]:.2f}), but accuracy highest in epochs {high + 1}–"
        )
        assert numbers in text and f"when loss is {losses[high]:.2f}." in text
        falls = shares[high] - shares[-1] > 0.012
        assert (f"By epochs 26–30, accuracy has fallen again, to {100 * shares[-1]:.1f}\u00a0%" in text) == falls
    assert len(said) == 4 and sum("fallen again" in text for text in said.values()) == 1


def test_headline_verdict_and_sign_agree_for_every_run(front: FrontEnd) -> None:
    page = front.open(overfitting_lab())
    page.get_by_text("All single changes, ranked: guess first").click()
    verdicts = []
    for rank in page.locator(".ol-rank").all():
        rank.click()
        points = abs(float(rank.locator("> :last-child").inner_text().replace("−", "-")))
        level = 0 if points <= 1.2 else 1 if points < 2.4 else 2
        start = ("The difference is no larger", "Larger than", "At least twice")[level]
        expect(page.locator(".ol-verdict")).to_have_text(re.compile(f"^{start} (than )?the range of base’s seeds"))
        wanted = "no clear difference from base." if level == 0 else f"{points:.1f} points"
        expect(page.locator(".ol-headline")).to_contain_text(wanted)
        expect(page.locator(".ol-headline b")).to_have_count(2 if level == 2 else 1)
        expect(page.locator("tbody tr").first.locator("td").nth(1)).to_contain_text(
            "≈" if level == 0 else f"{points:.1f}"
        )
        verdicts.append(level)
    assert set(verdicts) == {0, 1, 2}


def test_base_is_behind_every_other_run_unless_it_is_there_already(front: FrontEnd) -> None:
    page = front.open(overfitting_lab())
    names = page.locator(".cw-chart").last.locator("text.label")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    page.get_by_role("radio", name="40,000").click()
    expect(names).to_have_text(["base", "training", "validation"])
    expect(page.locator(".cw-chart").last.locator(".line.ghost:visible")).to_have_count(1)
    expect(rows).to_have_text([re.compile("^This run"), re.compile("^Base87.6")])
    expect(rows.first.locator("td").nth(1)).to_contain_text("+10.6")
    page.get_by_role("button", name="Pin base").click()
    expect(names).to_have_text(["A", "training", "validation"])
    expect(rows).to_have_text([re.compile("^This run"), re.compile("^A base")])


def test_one_press_leads_to_another_single_change_or_adds_it(front: FrontEnd) -> None:
    page = front.open(overfitting_lab())
    page.get_by_role("button", name="no remedies", exact=True).click()
    expect(page.locator(".ol-fields button:not(.ol-known)")).to_have_count(0)
    page.get_by_role("radio", name="40,000").click()
    assert state_of(page, "settings") == asdict(Settings(images=40_000))
    page.get_by_role("radio", name="× 2").click()
    assert state_of(page, "settings") == asdict(Settings(width=2.0))
    page.get_by_role("checkbox", name="One change from base at a time").uncheck()
    page.get_by_role("radio", name="40,000, not recorded").click()
    assert state_of(page, "settings") == asdict(Settings(width=2.0, images=40_000))


def test_a_tap_on_a_row_brings_its_training_curve_and_another_takes_it_away(front: FrontEnd) -> None:
    page = front.open(overfitting_lab(), has_touch=True)
    page.get_by_role("button", name="Pin this run").tap()
    page.get_by_role("radio", name="40,000").tap()
    pinned, curve = page.locator("tbody tr").last, page.locator(".cw-chart").first.locator(".line.c3:visible")
    expect(curve).to_have_count(1)
    place = pinned.locator("td").first
    place.tap()
    expect(curve).to_have_count(2)
    place.tap()
    expect(curve).to_have_count(1)


def test_single_changes_are_ranked_where_a_guess_comes_first_and_a_row_is_chosen(front: FrontEnd) -> None:
    page = front.open(overfitting_lab())
    ranks = page.locator(".ol-rank")
    expect(ranks.first).to_be_hidden()
    page.get_by_text("All single changes, ranked: guess first").click()
    means = {settings: float(shown(settings)) for settings in recorded()}
    more = {
        settings: mean - means[Settings()]
        for settings, mean in means.items()
        if len(settings.differences(Settings())) == 1
    }
    best = sorted(more.values(), reverse=True)
    texts = ranks.locator("> :last-child").all_text_contents()
    assert [float(text.replace("−", "-")) for text in texts] == pytest.approx(best, abs=0.01)
    assert [text[0] for text in texts] == ["+" if value > 0 else "−" for value in best]
    # Bars begin at one zero, on the side of their sign, as long as the difference.
    boxes = ranks.locator("i").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    zero = boxes[0][0]
    frame = ranks.first.locator(".ol-bar").bounding_box()
    assert frame and zero == pytest.approx(frame["x"] + frame["width"] * -best[-1] / (best[0] - best[-1]), abs=1)
    longest = boxes[0][1] - zero
    for (left, right), value in zip(boxes, best, strict=True):
        assert (left if value > 0 else right) == pytest.approx(zero, abs=2.1)
        assert right - left == pytest.approx(max(2, abs(value) / best[0] * longest), abs=1)
    row = page.get_by_role("button", name="augmentation flip + shift +2.9")
    row.press("Enter")
    expect(row).to_have_attribute("aria-pressed", "true")
    expect(row).to_be_focused()
    assert state_of(page, "settings") == asdict(Settings(augmentation="flip + shift"))
    expect(page.locator(".ol-headline")).to_contain_text("2.9 points above base.")
    assert ranks.and_(page.locator("[aria-pressed=true]")).count() == 1


@pytest.mark.parametrize("width", [360, 800, 1300])
def test_columns_and_charts_stay_where_they_are_whatever_is_shown(front: FrontEnd, width: int) -> None:
    page = front.open(overfitting_lab(), width=width)
    root = page.locator(".overfitting_lab")
    ends = "all => all.map(one => Math.round(one.getBoundingClientRect().right))"
    tops, columns, titles = set(), set(), set()
    pins = [Settings(images=40_000), Settings(dropout=0.5), Settings(width=2.0)]
    for count in (0, 1, 3):
        pinned = [asdict(one) for one in pins[:count]]
        page.evaluate("pins => document.querySelector('[data-widget]').model.set('pinned', pins)", pinned)
        for name in ("base", "all remedies, 20 % wrong labels", "no remedies"):
            page.get_by_role("button", name=name, exact=True).click()
            expect(root.locator(".ol-headline")).to_contain_text(re.compile(name, re.IGNORECASE))
            expect(root.locator("tbody tr")).to_have_count(1 + count + (name != "base"))
            next_frame(page)  # in which the rows are made anew
            boxes = [one.bounding_box() for one in root.locator(".cw-plot").all()]
            tops.add(tuple(round(box["y"]) for box in boxes if box))
            columns.add(str(root.locator("tbody tr:first-child td:not(:last-child)").evaluate_all(ends)))
            heads = [one.bounding_box() for one in root.locator(".cw-chart-head").all()]
            titles |= {round(box["height"]) for box in heads if box}
    assert len(tops) == 1 and len(titles) == 1, (tops, titles)
    if width > 720:
        assert len(columns) == 1, columns
    corners = root.locator(".ol-corners > *")
    for corner in corners.all():  # each can be seen
        box = corner.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width


def test_what_fingers_press_is_large_enough(front: FrontEnd) -> None:
    page = front.open(overfitting_lab(), width=360, has_touch=True)
    page.get_by_role("radio", name="40,000").tap()
    page.get_by_text("All single changes, ranked: guess first").tap()
    small = page.locator(".overfitting_lab :is(button, label):visible").evaluate_all(
        "all => all.map(one => [one.textContent, one.getBoundingClientRect().height]).filter(one => one[1] < 40)"
    )
    assert small == []
