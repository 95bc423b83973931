"""The laboratory of overfitting: records, early stopping on the curve, pins, and a run to train now."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import asdict, replace

import pytest
import torch
import traitlets
from chrome import FrontEnd, state_of
from playwright.sync_api import expect

from cifar_helpers import BatchLoader, Cifar10, EarlyStopping, Epoch, History
from cifar_helpers.runs import Recipe, load_run, prepare
from cifar_helpers.web.join import join
from cifar_helpers.widgets import overfitting_lab
from cifar_helpers.widgets._trainer import Trainer, Watch
from cifar_helpers.widgets.overfitting_lab import Settings, early_stop, recipe_of, recorded

FALLS = [5, 4, 3, 3.5, 3.2, 2.9, 3.3, 3.4, 3.5]


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


def test_settings_marks_and_numbers_are_those_of_the_record(front: FrontEnd) -> None:
    page = front.open(overfitting_lab(), height=760)
    root = page.locator(".overfitting_lab")
    base = [run.history for run in recorded()[Settings()]]
    ends = [run.rows[-1].validation_accuracy for run in base]
    row = root.locator("tbody tr").first
    expect(row).to_contain_text(f"{100 * sum(run.rows[-1].train_accuracy for run in base) / 3:.1f} %")
    expect(row).to_contain_text(f"mean of 3 seeds: validation {100 * min(ends):.1f} to {100 * max(ends):.1f} %")
    expect(row.locator("td").nth(1)).to_have_text(f"{100 * sum(ends) / 3:.1f} %")
    losses = [sum(run.rows[k].validation_loss for run in base) for k in range(30)]
    expect(row.locator("td").nth(3)).to_have_text(str(losses.index(min(losses)) + 1))
    # A choice says whether it is recorded, by its name, too; what is chosen is never another run than what is shown.
    page.get_by_role("radio", name="20 %", exact=True).click()
    expect(page.get_by_role("radio", name="0.5, not recorded")).to_be_visible()
    expect(row).to_contain_text("wrong labels 20 %")
    page.get_by_role("radio", name="0.5, not recorded").click()
    expect(root.locator(".ol-lead")).to_contain_text(
        "not recorded. The nearest recorded run (grey) differs in wrong labels"
    )
    expect(root.locator(".ol-table")).to_be_hidden()
    page.get_by_role("button", name="Show it").click()
    expect(row).to_contain_text("This run dropout 0.5")
    page.get_by_role("button", name="2,000 images").press("Enter")
    expect(row).to_contain_text("training images 2,000")
    page.get_by_role("button", name="20 % wrong labels").click()
    expect(root).to_contain_text(
        "Below validation, because training accuracy is counted with dropout and shifts on, and"
    )
    expect(page.locator(".band.ghost")).to_have_count(0)  # a gap that is none
    page.evaluate("m => document.querySelector('[data-widget]').model.set('settings', m)", asdict(Settings(width=2.0)))
    expect(page.get_by_role("radio", name="× 2", exact=True)).to_be_checked()
    assert page.get_by_role("button", name="Train this combination now").count() == 0  # no kernel, no promise


def test_patience_is_dragged_on_the_curve_and_two_runs_are_compared(front: FrontEnd) -> None:
    page = front.open(overfitting_lab(), has_touch=True)
    lead = page.locator(".ol-lead")
    losses = recorded()[Settings()][0].history
    expect(lead).to_contain_text("stop after epoch {} and keep epoch {}".format(*early_stop(losses, 3)))
    handle = page.get_by_role("slider", name="Patience")
    handle.press("ArrowRight")
    expect(lead).to_contain_text("patience 4")
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 90, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 120)
    page.mouse.up()
    expect(lead).to_contain_text(
        "the first of 3 seeds would run to the end and keep epoch 20: 73.4 % on validation images, about"
    )
    patience = state_of(page, "patience")
    assert isinstance(patience, int) and early_stop(losses, patience)[0] == 30
    page.get_by_role("button", name="Pin this run").tap()
    page.get_by_role("radio", name="40,000").tap()
    pinned = page.locator("tbody tr").nth(1)
    expect(pinned).to_contain_text("mean of 3 seeds: validation 70.3 to 73.6 %")  # a pin keeps its seeds
    expect(pinned.locator("td").nth(1)).to_have_text(re.compile(r"71.5 % −\d"))
    page.get_by_role("radio", name="10,000").tap()
    page.get_by_role("radio", name="0.5", exact=True).tap()
    expect(pinned.locator("td").nth(1)).to_have_text("71.5 % ≈")  # what another seed would change as much
    expect(page.locator(".overfitting_lab")).to_contain_text("validation: 3.2 points), so it may be chance")
    assert state_of(page, "pinned") == [asdict(Settings())]
    page.get_by_role("button", name="Unpin A").tap()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_wrong_settings_say_what_is_allowed() -> None:
    lab = overfitting_lab()
    with pytest.raises(traitlets.TraitError, match=r"dropout is one of 0.0, 0.25, 0.5, got 0.3"):
        lab.settings = {**asdict(Settings()), "dropout": 0.3}
    with pytest.raises(traitlets.TraitError, match="a value for each of dropout"):
        lab.settings = {"dropout": 0.5}
    with pytest.raises(traitlets.TraitError, match="1 to 15 epochs, got 0"):
        lab.patience = 0
    with pytest.raises(traitlets.TraitError, match="room for 3"):
        lab.pinned = [asdict(Settings())] * 4
    with pytest.raises(RuntimeError, match=r"overfitting_lab\(data\)"):
        lab.train()
    assert "patience 3" in lab.words() and "71.5 %" in lab.words()
    lab.settings = asdict(Settings(width=2.0, images=2000))
    assert "not recorded" in lab.words()
    json.dumps(lab.state(), allow_nan=False)


def test_a_run_of_now_follows_the_recipe_and_leaves_the_learners_random_numbers(sketches: Cifar10) -> None:
    keep = slice(0, 500)
    data = replace(sketches, train_images=sketches.train_images[keep], train_labels=sketches.train_labels[keep])
    lab = overfitting_lab(data)
    assert lab.trainable
    lab.settings = asdict(Settings(images=2000))
    state = torch.random.get_rng_state()
    lab.train()
    deadline = time.monotonic() + 60
    while not lab.trained or len(lab.trained[0]["runs"][0]["train_loss"]) < 2:
        assert time.monotonic() < deadline, lab.trainer.problem
        time.sleep(0.02)
    lab.stop()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not lab.status["running"] and lab.status["step"] > 0 and not lab.trainer.problem
    assert lab.trained[0]["settings"] == asdict(Settings(images=2000))
    lab.close()


def test_the_loader_of_a_watched_run_has_everything_of_the_recipe(sketches: Cifar10) -> None:
    recipe = Recipe(
        about="", epochs=1, batch_size=40, mixup=0.3, alternate_flip=True, flip=False, train_images=200, seed=7
    )
    loader = prepare(recipe, sketches).loader
    loader.shard = (1, 2)
    trainer = Trainer(lambda: None)
    trainer.resume()
    watched = Watch(trainer, threading.Event()).loader(loader, 1)
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


def test_images_and_wrong_labels_do_what_lesson_04_says() -> None:
    def last(name: str) -> float:
        return load_run(name).history.rows[-1].validation_accuracy

    remedies = [last("lab-2000-everything") - last("lab-2000"), last("lab-everything") - last("lab-base")]
    images = [last("lab-base") - last("lab-2000"), last("lab-40000") - last("lab-base")]
    assert min(images) > max(remedies) + 0.05
    wrong, base = (load_run(name).history.rows for name in ("lab-wrong-labels", "lab-base"))
    assert 0.01 < base[9].validation_accuracy - wrong[9].validation_accuracy < 0.06
    assert wrong[-1].train_accuracy > wrong[19].train_accuracy + 0.05
    assert wrong[-1].validation_accuracy < wrong[19].validation_accuracy - 0.02
