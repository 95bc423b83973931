"""Live training: a run in a thread, its curves in the browser."""

from __future__ import annotations

import importlib
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
import traitlets
from chrome import FrontEnd
from helpers import random_images
from playwright.sync_api import Locator, Page, expect

from cifar_helpers import Cifar10
from cifar_helpers.bug_gallery import healthy as healthy_program
from cifar_helpers.bug_gallery import inject
from cifar_helpers.models import CifarCNN
from cifar_helpers.runs import Recipe, load_run, prepare
from cifar_helpers.web.join import join
from cifar_helpers.widgets import LiveTraining, live_training
from cifar_helpers.widgets._trainer import Curve
from cifar_helpers.widgets.live_training import _KEPT, _OFF, _worth_keeping

live_module = importlib.import_module("cifar_helpers.widgets.live_training")


def until(true: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def small(sketches: Cifar10) -> Cifar10:
    keep = slice(0, 250)  # 200 to train on
    return replace(sketches, train_images=sketches.train_images[keep], train_labels=sketches.train_labels[keep])


@pytest.fixture
def live(small: Cifar10) -> Iterator[LiveTraining]:
    widget = live_training(*small.split())
    widget.batch_size = 64
    yield widget
    widget.close()
    until(lambda: not training())


def training() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "training"]


def ended(live: LiveTraining) -> bool:
    return live.run.get("state") == "ended"


def test_a_run_grows_in_the_traits_and_keeps_model_and_history(live: LiveTraining) -> None:
    with pytest.raises(RuntimeError, match="press Start"):
        live.model  # noqa: B018
    state = torch.random.get_rng_state()
    live.epochs = 2
    live.start()
    until(lambda: ended(live))
    assert torch.equal(torch.random.get_rng_state(), state)  # the learner's own random numbers
    steps = 2 * math.ceil(200 / 64)
    assert len(live.history) == 2 and live.run["step"] == live.run["steps"] == steps
    points = live.run["points"]
    assert len(points) == steps and points[-1][0] == pytest.approx(2) and points[0][3] == pytest.approx(0.03)
    assert points[0][1] == 0 < points[1][1]  # the first step of a process takes as long as many others
    # The losses of the steps are those that the epoch's loss is the mean of.
    sizes = [64, 64, 64, 8]
    mean = sum(size * point[2] for size, point in zip(sizes, points[:4], strict=True)) / 200
    assert mean == pytest.approx(live.history.rows[0].train_loss, rel=0.01)
    assert live.run["validation_accuracy"][1] == pytest.approx(live.history.rows[1].validation_accuracy, abs=1e-4)
    assert not live.model._forward_hooks
    with torch.no_grad():
        assert live.model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert "2 complete epochs" in live.words()


def test_a_new_start_is_fresh_and_a_new_rate_counts_at_once(live: LiveTraining) -> None:
    live.epochs = 1
    live.start()
    until(lambda: ended(live))
    first, weights = live.model, live.model.state_dict()["features.0.0.weight"].clone()
    live.epochs = 3  # so that the pause comes before the end on a busy machine, too
    live.start()
    live.pause()
    live.learning_rate = 0.001
    live.resume()
    until(lambda: ended(live))
    assert live.model is not first and torch.equal(first.state_dict()["features.0.0.weight"], weights)
    assert live.history.rows[-1].learning_rate == pytest.approx(0.001)
    assert live.run["points"][-1][3] == pytest.approx(0.001) and live.earlier[0]["points"][-1][3] == pytest.approx(0.03)
    assert (live.earlier[0]["number"], live.run["number"]) == (1, 2)  # a number that no other run gets
    live.learning_rate, live.epochs = 0.03, 1
    live.start()
    until(lambda: ended(live))
    assert torch.equal(live.model.state_dict()["features.0.0.weight"], weights)  # same settings and seed, same network


def test_pause_waits_and_stop_ends_it_also_while_paused_or_closed(live: LiveTraining, small: Cifar10) -> None:
    live.epochs = 100
    live.start()
    until(lambda: live._trainer.run.step > 2)
    live.pause()
    until(lambda: live.run["state"] == "paused")
    time.sleep(0.3)  # the step that was under way
    step = live._trainer.run.step
    time.sleep(0.3)
    assert live._trainer.run.step == step
    live.resume()
    until(lambda: live._trainer.run.step > step)
    live.pause()
    live.stop()
    assert ended(live) and live._trainer.state == "ended"
    live.start()
    other = live_training(*small.split())
    other._command(None, {"type": "start"}, [])
    until(lambda: live._trainer.state == "ended" and other._trainer.state == "running")  # what another widget trains
    other.close()
    until(lambda: not training())


def test_what_is_pressed_never_waits_for_a_step_of_the_run_before(
    live: LiveTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, gate = threading.Event(), threading.Event()
    calls: list[threading.Thread] = []

    class Slow(CifarCNN):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            calls.append(threading.current_thread())
            reached.set()
            gate.wait(20)  # a step that takes long, as the first one with a large batch does
            return super().forward(images)

    def press(kind: str, **settings: float) -> dict[str, object]:
        begin = time.monotonic()
        live._command(None, {"type": kind, **settings}, [])
        assert time.monotonic() - begin < 2
        return live.run

    monkeypatch.setattr(live_module, "CifarCNN", Slow)
    press("start")
    assert reached.wait(20)
    (first,) = training()
    assert press("pause")["state"] == "paused"
    # The settings of a start come with it, so that none is late.
    run = press("start", learning_rate=0.01, batch_size=32, epochs=3)
    assert (run["number"], run["state"], run["learning_rate"]) == (2, "waiting", 0.01)
    assert (run["batch_size"], run["epochs"], live.batch_size) == (32, 3, 32)
    assert press("stop")["state"] == "ending"
    press("pause")  # too late, and must not hold it back
    assert press("start")["number"] == 3
    assert len(training()) == 3
    gate.set()
    until(lambda: live.run["state"] == "running" and live.run["step"] > 0)
    assert len(training()) == 1  # the second never began
    assert calls.count(first) == 1  # and the first tried no further step
    assert live.earlier == []  # without a complete epoch there is nothing to compare
    press("stop")
    until(lambda: ended(live) and not training())


def test_the_best_and_the_last_four_runs_are_kept_and_one_that_diverged(live: LiveTraining) -> None:
    def run(number: int, best: float | None, **more: Any) -> dict[str, Any]:
        return {"number": number, "validation_accuracy": [best], "problem": "", "points": [[1, 1, 2.0, 0.1]], **more}

    runs: list[dict[str, Any]] = []
    for number, best in enumerate((0.3, 0.5, 0.2, None, 0.4, 0.3, 0.1), 1):
        runs = _worth_keeping([*runs, run(number, best)])
    assert [one["number"] for one in runs] == [2, 4, 5, 6, 7]
    source = join("live_training")
    assert f"const KEPT = {_KEPT};" in source and f"const TOP = {_OFF:g};" in source  # the browser says the same
    live.run = {**live.run, **run(1, None, train_loss=[], state="ended", points=[[0.1, 1, None, 3]], problem="NaN")}
    live.start()
    assert [one["number"] for one in live.earlier] == [1]
    live.stop()


def test_divergence_is_a_sentence_and_ends_the_run(live: LiveTraining) -> None:
    live.learning_rate = 1e20
    live.start()
    until(lambda: ended(live))
    problem = r"The loss is no longer a number \(epoch 1, step \d\)\. A learning rate of 1e\+20 is too high: its steps "
    assert re.fullmatch(problem + r"overshoot\. Start with a smaller one\.", live.run["problem"])


def test_wrong_settings_say_what_is_allowed(live: LiveTraining) -> None:
    with pytest.raises(traitlets.TraitError, match="set a number above 0"):
        live.learning_rate = 0
    with pytest.raises(traitlets.TraitError, match="epochs is 0; set a whole number from 1 to 100"):
        live.epochs = 0
    images = random_images(20)
    with pytest.raises(ValueError, match="images to train on"):
        live_training(images.subset(slice(0, 0)), images)


def test_a_long_curve_is_halved_and_a_loss_that_is_no_number_left_out() -> None:
    curve = Curve(most=4)
    for step in range(1, 9):
        curve.add(step, step / 10, float(step), 0.1 if step < 8 else 0.01)
        curve.add(step, step / 10, math.nan, 0.1)
    assert curve.stride == 4 and [point[2] for point in curve.points] == [2.5, 6.5]
    assert curve.points[-1][3] == 0.01


def test_the_recorded_runs_differ_in_the_learning_rate_that_they_had(live: LiveTraining) -> None:
    program = Path(healthy_program.__file__).read_text(encoding="utf-8")
    first, *others = live.records
    for setting in (
        f"lr={first['learning_rate']}",
        f"len(images), {first['batch_size']}",
        f"slice(0, {first['images']})",
    ):
        assert setting in program
    for name, run in zip(("learning rate ÷ 100", "learning rate × 100"), others, strict=True):
        assert float(inject.BUGS[name].wrong.split("lr=")[1].split(",")[0]) == run["learning_rate"]
        assert inject.BUGS[name].wrong.replace(f"{run['learning_rate']}", "0.01") == inject.BUGS[name].right
        assert f"{run['learning_rate']:g}" in run["ask"] and "after 10 epochs" in run["ask"]
    assert others[1]["train_loss"] == [None] * 10 and "2.28, 3.47, 23.3, 82.1" in others[1]["problem"]
    # Of logits that are no numbers the first is taken, whatever the image.
    assert len(set(torch.full((3, 10), math.nan).argmax(1).tolist())) == 1
    (share,) = set(others[1]["validation_accuracy"])
    assert f"gives every image the same class: {100 * share:.1f} % validation accuracy" in others[1]["problem"]
    seen = replace(inject.symptoms()["learning rate × 100"], validation_accuracy=(0.1,) * 9 + (0.2,))
    assert "same class" not in live_module._record(seen, 100)["problem"]  # it is computed


def test_a_page_without_a_kernel_replays_recorded_runs_after_a_prediction(front: FrontEnd) -> None:
    images = random_images(4)
    page = front.open(live_training(images, images))
    state, reading = page.locator(".lt-state"), page.locator(".lt-reading")
    first, small, large = (inject.symptoms()[f"{name}"] for name in (
        inject.HEALTHY, "learning rate ÷ 100", "learning rate × 100"))  # fmt: skip
    play, names = page.locator(".lt-records > button"), page.locator(".lt-records [role=radio]")
    expect(names).to_have_text(["rate 0.01", "rate 0.0001", "rate 1", "10,000 images"])
    # It begins with one question: what is guessed stays out of the picture until Play, and is not required.
    question = "Predict: how high is validation accuracy after 10 epochs with a learning rate of 0.01?"
    expect(state).to_have_text(question)
    expect(page.locator('.cw-chart:not([hidden]) .cw-plot .line:not([d=""])')).to_have_count(2)  # of guessing
    guess, shown = page.get_by_role("slider", name="Your guess of validation accuracy"), page.locator(".cw-plot").nth(1)
    expect(guess).to_have_attribute("aria-valuetext", "none yet")
    expect(guess).to_have_class(re.compile("lt-unset"))
    expect(play).to_have_text("Play without a guess")
    end, bar = page.locator(".cw-plot .axis").first.bounding_box(), page.locator(".lt-records")
    places = [one.bounding_box() for one in (bar, guess, play)]
    play.click()
    expect(shown.locator(".of-dot", has_text="epoch")).to_have_text(re.compile(r"^epoch \d: \d\d\.\d %$"))
    expect(guess).to_be_disabled()  # while it runs, and from then on: it is a prediction
    expect(play).to_have_text("Play again", timeout=9000)
    expect(guess).to_be_disabled()
    expect(page.locator(".lt-guess")).to_have_text("Your guess: –")
    assert [one.bounding_box() for one in (bar, guess, play)] == places  # no hole in the bar
    expect(page.locator(".of-dot", has_text="epoch")).to_have_count(0)
    own = first.validation_accuracy[-1]
    result = f"A learning rate of 0.01 works: {100 * own:.1f} % validation accuracy after 10 epochs."
    expect(state).to_have_text(result)
    expect(state.locator("b")).to_have_text(result)
    both = zip(first.train_accuracy, first.validation_accuracy, strict=True)
    assert [k for k, (a, b) in enumerate(both, start=1) if a < b] == [1, 2, 3, 5]
    expect(reading).to_contain_text("accuracy is above training accuracy in epochs 1–3 and 5, because training")
    # Overfitting is named where validation loss gains nothing while training loss falls, and how far to trust that.
    losses, train = first.validation_loss, first.train_loss
    assert losses.index(min(losses)) == 4
    expect(reading).to_contain_text(
        f"Validation loss is lowest after epoch 5, {losses[4]:.2f}. Later, training loss falls from {train[4]:.2f} to "
        f"{train[-1]:.2f}, while validation loss is {fmean(losses[5:]):.2f} on average: a sign of overfitting. But "
    )
    expect(page.locator(".lt-bar")).to_be_hidden()
    expect(page.get_by_role("table")).to_have_count(0)
    expect(page.locator('.cw-chart:not([hidden]) .cw-plot .line:not([d=""])')).to_have_count(6)
    charts, words = page.locator(".lt-charts").bounding_box(), reading.bounding_box()
    assert charts and words and charts["y"] + charts["height"] <= words["y"]
    ticks = page.locator(".cw-plot").nth(1).locator(".tick").all_text_contents()
    assert {"0 %", "100 %"} <= set(ticks)
    # Another is asked about before it is drawn, beside the first; the axes give nothing away.
    names.nth(1).click()
    expect(state).to_have_text(
        "Predict: how high is validation accuracy after 10 epochs with a learning rate 100 times smaller, 0.0001?"
    )
    expect(reading).to_have_text("")
    shown = page.locator(".cw-plot").nth(1).locator(".line.c2")
    expect(shown).to_have_attribute("d", "")
    expect(page.locator(".cw-plot").nth(1).locator('.line.ghost:not([d=""])')).to_have_count(2)  # and that of guessing
    assert page.locator(".cw-plot .axis").first.bounding_box() == end  # as wide as without it
    guess.click(position={"x": guess.bounding_box()["width"] / 2, "y": 10})  # where it is already
    expect(guess).to_have_attribute("aria-valuetext", "50 %")
    expect(guess).not_to_have_class(re.compile("lt-unset"))
    guess.press("ArrowLeft")
    yours = page.locator(".lt-charts").get_by_text("you: 45 %")
    expect(yours).to_be_visible()
    expect(page.locator(".lt-records .cw-main")).to_have_text("Play")
    play.click()
    expect(play).to_have_text("Pause")
    expect(shown).to_have_attribute("d", re.compile("L"))
    play.click()
    expect(play).to_have_text("Play")
    expect(guess).to_be_disabled()
    drawn = shown.get_attribute("d")
    page.wait_for_timeout(500)
    assert shown.get_attribute("d") == drawn  # it waits
    expect(state).to_contain_text("Predict:")
    play.click()
    expect(play).to_have_text("Play again", timeout=9000)
    now = small.validation_accuracy[-1]
    expect(state).to_have_text(
        f"A learning rate of 0.0001 is too low: {100 * now:.1f} % validation accuracy after 10 epochs. "
        f"You guessed 45 %, {100 * (0.45 - now):.1f} points too high."
    )
    expect(yours).to_be_visible()  # at its line
    expect(page.locator(".lt-guess")).to_have_text("Your guess: 45 %")
    expect(reading.locator("span").first).to_have_text(
        f"Rate 0.01 is at {100 * own:.1f} % after epoch 10; this run is {100 * (own - now):.1f} points lower."
    )
    expect(reading.locator("span").last).to_have_text(
        "Validation loss is 2.22, still close to that of guessing (2.30). Both losses fall in every epoch: the network "
        "learns, but slowly. Validation accuracy is above training accuracy in all epochs, for the same reason as with "
        "rate 0.01."  # which is not said again
    )
    assert page.locator(".lt-charts").bounding_box() == charts
    assert page.locator(".cw-plot").nth(1).locator(".tick").all_text_contents() == ticks
    # Each number that is read has its name; what is level, as the guess, has none to read.
    plot = page.locator(".cw-plot").nth(1)
    for _ in range(3):
        plot.press("ArrowRight")
    read = [f"{name} {100 * values[2]:.1f} %" for name, values in (
        ("rate 0.01", first.validation_accuracy), ("validation", small.validation_accuracy),
        ("training", small.train_accuracy),
    )]  # fmt: skip
    expect(plot).to_have_attribute("aria-valuetext", f"epoch 3: {', '.join(read)}")
    expect(plot.locator(".looked .label")).to_have_text(read)
    expect(plot.locator(".looked .dot")).to_have_count(3)
    crosshair = plot.locator(".looked line").get_attribute("x1")
    assert {dot.get_attribute("cx") for dot in plot.locator(".looked .dot").all()} == {crosshair}
    plot.press("Escape")
    # One that diverged is replayed by its first batches, whose losses are beside the curve.
    names.nth(2).click()
    expect(page.locator(".cw-chart b").first).to_have_text("Loss")  # nothing given away
    play.press("Enter")
    batches = page.locator(".cw-chart", has_text="Loss of the first batches")
    expect(batches.locator(".of-dot", has_text="3.47")).to_be_visible()
    expect(play).to_have_text("Play again", timeout=4000)
    numbers = [f"{loss:.3g}" for loss in large.first_losses]
    assert numbers[-1] == "12.3"
    assert batches.locator(".of-dot").all_text_contents() == ["random guessing", *numbers[:-1], "12.3, later NaN"]
    expect(reading).to_contain_text(", ".join(numbers[:4]))
    share = 100 * large.validation_accuracy[-1]
    expect(state).to_have_text(f"A learning rate of 1 is too high: {share:.1f} % validation accuracy after 10 epochs.")
    expect(page.locator(".lt-charts .off")).to_have_count(0)
    # Seen once, a run is there at once, with its guess; the longest has the laboratory's images.
    names.nth(1).click()
    expect(state).to_contain_text("A learning rate of 0.0001 is too low")
    expect(guess).to_have_attribute("aria-valuetext", "45 %")
    expect(page.locator(".cw-chart b").first).to_have_text("Loss")
    record = load_run("lab-base").history
    names.nth(3).click()
    expect(state).to_have_text("Predict: how high is validation accuracy after 30 epochs with 10,000 images?")
    expect(page.locator(".of-dot")).to_have_text(["random guessing", "random guessing"])
    play.click()
    expect(play).to_have_text("Play again", timeout=12000)
    loss, train_share, validation = (
        record[f"{name}"] for name in ("validation_loss", "train_accuracy", "validation_accuracy")
    )
    best = loss.index(min(loss))
    label = page.locator(".of-dot", has_text="lowest")
    expect(label).to_have_text(f"lowest: {best + 1}")
    page.locator(".cw-plot").first.hover()
    expect(label).to_be_hidden()  # where numbers are read
    page.mouse.move(1, 1)
    expect(label).to_be_visible()
    result = (
        f"10,000 images: after epoch 10, {100 * validation[9]:.1f} % validation accuracy, "
        f"{100 * (validation[9] - own):.1f} points higher than with 2,000."
    )
    expect(state).to_have_text(result)
    expect(state.locator("b")).to_have_text(result)
    # At the same epoch, and with what else differs.
    expect(reading.locator("span").first).to_have_text(
        f"After epoch 30, it is {100 * validation[-1]:.1f} %. The two runs also differ in random flips and batch "
        "size (128, not 50), so the images need not be the only reason."
    )
    gaps = (100 * (train_share[k] - validation[k]) for k in (best, -1))
    expect(reading).to_contain_text(
        "From epoch 20 to the last, the gap in accuracy goes from {:.1f} to {:.1f} points".format(*gaps)
    )
    assert validation[-1] > validation[best]
    expect(reading).to_contain_text(
        f", yet validation accuracy rises from {100 * validation[best]:.1f} % to {100 * validation[-1]:.1f} %."
    )
    expect(page.locator(".cw-foot")).to_contain_text(
        "Recorded run of a CifarCNN: 10,000 images, flipped at random, learning rate 0.01, batches of 128. Grey: "
        "validation with rate 0.01."
    )
    height = page.locator(".live_training").bounding_box()["height"]
    assert height <= 760, height
    for scheme in ("light", "dark"):  # the run that it is compared with is drawn as strongly as words
        page.emulate_media(color_scheme=scheme)
        root = page.locator(f".cw[data-theme={scheme}]").first
        ink = root.evaluate("e => getComputedStyle(e.querySelector('.cw-foot .cw-cap')).color")
        expect(page.locator(".line[data-run='rate 0.01']").first).to_have_css("stroke", ink)


SIGNS = "Validation loss is lowest after epoch 2, 1.60. Later, training loss falls from 1.50 to"


@pytest.mark.parametrize(
    ("change", "state", "reading"),
    [
        # Named by what the records say, in both directions, and no clearer than single runs are.
        ({"validation_accuracy": [0.3, 0.4, 0.52]}, "works: 52.0 %", "is 3.1 points lower, which may be chance."),
        ({"validation_accuracy": [0.3, 0.4, 0.1]}, "A learning rate of 0.0001: 10.0 % ", "45.1 points lower."),
        ({"batch_size": 20}, "works", "differ in batch size (20, not 50), so the learning rate need not be the only"),
        (
            {"validation_loss": [1.9, 1.6, 1.7, 1.75, 1.8, 1.62], "train_loss": [2.0, 1.5, 1.4, 1.3, 1.2, 1.1]},
            "works", f"{SIGNS} 1.10, while validation loss is 1.72 on average: a sign of overfitting. But validation",
        ),
        (
            {"validation_loss": [1.9, 1.6, 1.7, 1.72, 1.8, 1.79, 1.9], "train_loss": [2, 1.5, 1.4, 1.3, 1.2, 1.1, 1]},
            "works", f"{SIGNS} 1.00, while validation loss is 1.78 on average: a sign of overfitting. Validation",
        ),
    ],
)  # fmt: skip
def test_conclusions_follow_from_the_records(front: FrontEnd, change: dict[str, Any], state: str, reading: str) -> None:
    images = random_images(4)
    live = live_training(images, images)
    first, second, *_ = live.records
    steady = {
        "train_loss": [2.0, 1.8, 1.6], "validation_loss": [2.0, 1.9, 1.8], "train_accuracy": [0.3, 0.4, 0.5],
        "validation_accuracy": [0.3, 0.4, 0.5],
    }  # fmt: skip
    count = max(len(change.get(name, values)) for name, values in steady.items())
    longer = {name: [*values, *values[-1:] * (count - 3)] for name, values in steady.items()}
    same = {name: [*first[name][: count - 1], first[name][-1]] for name in steady}
    live.records = [{**first, **same}, {**second, **longer, **change}]
    page = front.open(live)
    replay_all(page, 2)
    expect(page.locator(".lt-state")).to_contain_text(state)
    expect(page.locator(".lt-reading")).to_contain_text(reading)


def replay_all(page: Page, runs: int) -> None:
    play, names = page.locator(".lt-records > button"), page.locator(".lt-records [role=radio]")
    for k in range(runs):
        names.nth(k).click()
        play.click()
        expect(play).to_have_text("Play again", timeout=15000)


@pytest.mark.parametrize("width", [360, 560, 700, 800])
def test_the_bar_and_the_heads_have_their_room(front: FrontEnd, width: int) -> None:
    images = random_images(4)
    page = front.open(live_training(images, images), width=width)
    replay_all(page, 2)
    heads = page.locator(".cw-chart:not([hidden]) .cw-chart-head")
    assert {head.bounding_box()["height"] for head in heads.all()} == {20}  # names in one row
    bar, play = page.locator(".lt-records").bounding_box(), page.locator(".lt-records > button").bounding_box()
    assert abs(play["x"] + play["width"] - bar["x"] - bar["width"]) < 1  # nothing floats
    plot, axis = page.locator(".cw-plot").first.bounding_box(), page.locator(".cw-plot .axis").first.bounding_box()
    assert axis["width"] > plot["width"] - 70  # no room is kept for names beside it


def test_a_lesson_stored_earlier_never_says_undefined(front: FrontEnd) -> None:
    images = random_images(4)
    live = live_training(images, images)
    kept = ["label", "learning_rate", "points", "problem", "seconds", "train_loss", "validation_loss"]
    kept += ["train_accuracy", "validation_accuracy"]
    live.records = [{name: value for name, value in one.items() if name in kept} for one in live.records]
    page = front.open(live)
    for k in range(4):
        names = page.locator(".lt-records [role=radio]")
        names.nth(k).click()
        expect(page.locator(".live_training")).not_to_contain_text("undefined")
        page.locator(".lt-records > button").click()
        expect(page.locator(".lt-records > button")).to_have_text("Play again", timeout=15000)
        text = page.locator(".live_training").inner_text()
        assert "undefined" not in text and "NaN images" not in text and "null" not in text


def test_a_lesson_stored_before_there_were_records_shows_its_one_run(front: FrontEnd) -> None:
    text = live_training(random_images(4), random_images(4)).as_page("A widget")
    assert text.count("records&quot;:") + text.count('"records":') == 1
    page = front.open(re.sub('records(&quot;|"):', r"others\1:", text))
    expect(page.locator(".lt-state")).to_contain_text(
        "A learning rate of 0.01 works: 73.6 % validation accuracy after 30"
    )
    expect(page.get_by_role("button")).to_have_count(0)


def test_the_browser_draws_the_ghost_then_the_run_and_sends_what_is_pressed(front: FrontEnd) -> None:
    images = random_images(4)
    live = live_training(images, images)
    page = front.open(live)
    record = load_run("lab-base").history
    validation, losses = record["validation_accuracy"], record["validation_loss"]
    reading, cannot = page.locator(".lt-reading"), page.get_by_text("This page cannot train: open the lesson in Jup")
    expect(cannot).to_be_visible()
    run = {
        "learning_rate": 0.03, "batch_size": 64, "epochs": 4, "state": "running", "step": 20, "steps": 40, "stride": 1,
        "problem": "", "points": [[k / 10, k, 2.3 - k / 20, 0.03 if k < 10 else 0.003] for k in range(1, 21)],
        "seconds": [9.5, 19.5], "train_loss": [2.0, 1.5], "train_accuracy": [0.2, 0.4],
        "validation_loss": [1.9, 1.6], "validation_accuracy": [0.3, 0.45],
    }  # fmt: skip
    run["number"] = 6
    better = {"validation_accuracy": [0.6, 0.55]}  # at the same epoch
    earlier = [{**run, **better, "state": "ended", "batch_size": 16, "number": 5}]
    page.evaluate(
        """([run, earlier]) => {
            const { model } = document.querySelector("[data-widget]");
            globalThis.sent = [];
            model.send = message => sent.push(message);
            model.set("batch_size", 64);
            model.set("images", [400, 400]);
            model.set("run", { ...run, train_accuracy: [], validation_accuracy: [] });
        }""",
        [run, earlier],
    )
    expect(cannot).to_be_hidden()
    expect(page.locator("tbody tr").last).to_contain_text(f"{100 * max(validation[:4]):.1f} %")
    # What the curves show is read, or what to look for.
    read = "m => document.querySelector('[data-widget]').model.set('run', m)"
    waiting = {**run, "train_accuracy": [], "validation_accuracy": [], "train_loss": [], "validation_loss": []}
    level = {**run, "points": [[k / 30, k, 2.29, 0.03] for k in range(1, 31)]}
    steady = {**run, "points": [[k / 10, k, 1.5, 0.03] for k in range(1, 21)]}
    rising = {"train_loss": [2.0, 1.5, 1.3, 1.2, 1.1, 1.0], "validation_loss": [1.9, 1.6, 1.7, 1.72, 1.8, 1.82]}
    rising |= {"train_accuracy": [0.2, 0.4, 0.5, 0.6, 0.65, 0.7], "validation_accuracy": [0.3, 0.45, *[0.5] * 4]}
    varying = rising | {"validation_loss": [1.9, 1.6, 1.7, 1.82, 1.72, 1.83]}
    falling = varying | {"validation_accuracy": [0.3, 0.45, 0.5, 0.49, 0.4, 0.39]}
    lower = steady | {"points": [[k / 10, k, 1.5, 0.03 if k < 11 else 0.1] for k in range(1, 31)]}
    lower |= {"validation_loss": [1.9, 2.2, 2.4]}
    for state, text in (
        (waiting | {"points": []}, "Watch how fast training loss leaves 2.30, that of guessing among ten classes."),
        (level, "Training loss is still that of guessing among ten classes, 2.30."),
        (steady, "Validation is above training because training accuracy is measured during the epoch"),
        (steady | {"train_accuracy": [0.2, 0.57]}, "Training accuracy is 12.0 points above validation"),
        (steady | {"train_accuracy": [0.2, 0.46]}, "no sign of overfitting so far"),
        (
            steady | rising,
            "Validation loss was lowest after epoch 2, while training loss went on falling: the network overfits. The "
            "gap in accuracy grew since, from −5.0 to 20.0 points.",
        ),
        (steady | varying, "Validation varies too much from epoch to epoch to say that it got worse since."),
        (steady | falling, "went on falling: the network overfits."),
        (run, "Since the learning rate became 0.003, training loss fell from 2.05 to 1.52."),
        (lower, "Since the learning rate became 0.1, validation loss rose from 1.90 to 2.40."),
        (steady | {"validation_loss": [1.9, 2.4]}, "Validation loss is 2.40, worse than guessing (2.30)"),
        (steady | {"validation_loss": [2.3, 2.28]}, "Validation loss is 2.28, still close to that of guessing (2.30)."),
        (steady | {"train_accuracy": [0.2, 0.46], "validation_loss": [2.3, 2.1]}, "no sign of overfitting so far"),
    ):
        page.evaluate(read, state)
        expect(reading).to_contain_text(text)
    set_both = "([run, earlier]) => { const m = document.querySelector('[data-widget]').model; "
    page.evaluate(set_both + "m.set('run', run); m.set('earlier', earlier); }", [run, earlier])
    expect(page.locator(".lt-state")).to_have_text(
        "Training: step 20 of 40, 2 of 4 epochs complete. 45.0 % validation accuracy, 10.0 points below run 5 "
        "(batch size 16) at the same epoch."
    )
    expect(page.locator(".lt-state b")).to_have_text(["45.0 %", "10.0 points"])
    near = {**earlier[0], "validation_accuracy": [0.6, 0.5]}  # of 400 images each, 5 points can be chance
    page.evaluate(set_both + "m.set('earlier', earlier); }", [run, [near]])
    expect(page.locator(".lt-state")).to_contain_text(", no clear difference from run 5 (batch size 16) at the same")
    page.evaluate(set_both + "m.set('earlier', earlier); }", [run, earlier])
    ends = page.locator(".cw-plot").nth(1).locator(".tick[text-anchor=end]").all_text_contents()
    assert (ends[0], ends[-2]) == ("20 %", "60 %")  # the axis is as long as the accuracies need
    expect(page.locator("tbody tr").first).to_have_text("Now0.03 → 0.0036422045.0 %")
    expect(page.locator("tbody tr").nth(1)).to_have_text("Run 50.03 → 0.0031622060.0 %")
    expect(page.locator("tbody tr").last).to_contain_text(re.compile("Recorded0.011284 of 3016"))  # always there
    for k, text in enumerate(["0.003", "0.01", "0.03", "0"]):  # the rates that occur
        expect(page.locator(".cw-plot").nth(2).locator(".tick").nth(k)).to_have_text(text)
    ends = page.locator(".cw-plot").evaluate_all(
        "plots => plots.map(plot => plot.querySelector('.axis').getBoundingClientRect().width)"
    )
    assert len(set(ends)) == 1  # one axis
    expect(page.locator(".cw-chart").first.locator(".cw-key")).to_have_text(["training", "validation"])
    for k, text in enumerate(["1.0", "1.5", "2.0", "2.5"]):  # the axis is as long as the losses need
        expect(page.locator(".cw-plot").first.locator(".tick").nth(k)).to_have_text(text)
    expect(page.get_by_role("button", name="Start again")).to_be_visible()
    expect(page.locator(".lt-bar")).to_contain_text("the notebook’s own stop button does not")
    change = """more => {
        const { model } = document.querySelector("[data-widget]");
        model.set("run", { ...model.get("run"), ...more });
    }"""
    controls = page.locator(".lt-bar button, .lt-bar input, .lt-words")
    places = [box.bounding_box() for box in controls.all()]
    # What waits for the next start says so, and what this run has.
    bar, main = page.locator(".lt-bar"), page.locator(".cw-button.cw-main")
    expect(main).to_have_count(0)
    page.get_by_role("radio", name="16", exact=True).click()
    page.get_by_role("slider", name="Epochs", exact=True).press("Home")
    said = "Press Start again to use batch size 16 and 1 epoch: this run keeps 64 and 4."
    for text in ("this run: 64", "4 → 1", said):
        expect(bar).to_contain_text(text)
    expect(main).to_have_text(["Start again"])
    assert page.locator(".lt-words").bounding_box() == places[-1]  # what is below stays
    page.evaluate("() => { const m = document.querySelector('[data-widget]').model; m.set('batch_size', 64); "
                  "m.set('epochs', 4); }")  # fmt: skip
    expect(main).to_have_count(0)
    # A row brings its run forward, also by the keyboard; an earlier run is named by what differs.
    first, last, _ = page.locator("tbody tr").all()
    last.hover()
    expect(page.locator(".line.front")).to_have_count(3)
    page.mouse.move(1, 1)
    expect(page.locator(".front")).to_have_count(0)
    first.focus()
    expect(page.locator(".line.back")).to_have_count(6)  # of two other runs
    page.evaluate(change, {"seconds": [9.5, 19.6], "validation_accuracy": [0.3, 0.46]})
    expect(first).to_contain_text("46.0 %")
    expect(first).to_be_focused()  # while it trains
    expect(page.locator(".line.back")).to_have_count(6)  # of two other runs
    first.blur()
    page.evaluate(change, {"points": [[0.1, 1, 0.5 * k, 3] for k in range(20)], "state": "ended", "problem": "NaN"})
    expect(page.locator(".lt-state")).to_have_text("NaN")
    expect(page.locator(".cw-plot").first.locator(".tick").nth(3)).to_have_text("2.5")  # as for the healthy run
    expect(page.locator(".cw-plot").nth(2).get_by_text("0.03", exact=True)).to_be_visible()  # the rate to start with
    page.evaluate(change, {**run, "points": [[0.1, 1, 9.0, 10]], "state": "paused"})
    expect(page.locator(".lt-state")).to_contain_text("off the chart: this learning rate is too high. Press Stop.")
    expect(page.locator(".cw-button.cw-main")).to_have_text(["Resume"])  # Start again would end the run
    assert [box.bounding_box() for box in controls.all()] == places  # nothing moves under the pointer
    page.evaluate(change, {"points": [[0.1, 1, 500.0, 1]] + [[0.1 + k / 10, 1, 2.3, 1] for k in range(10)]})
    expect(page.locator(".lt-state")).to_contain_text("2 of 4 epochs complete")  # the mean forgets a peak
    page.evaluate(change, {"steps": 0})
    expect(page.locator(".lt-state")).to_have_text("Preparing …")
    page.evaluate(change, run)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.get_by_role("button", name="Start")).to_be_focused()  # as Stop cannot be pressed any more
    page.get_by_role("slider", name="Learning rate", exact=True).press("ArrowLeft")
    assert page.evaluate("sent") == [{"type": "pause"}, {"type": "stop"}]
    # What was asked for is said at once, and once: the kernel may be busy.
    asked = page.locator(".lt-state")
    expect(asked).to_have_text("Ending the run …")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.evaluate(change, {"state": "ending"})
    expect(asked).to_have_text("Ending the run …")
    for _ in range(2):
        page.get_by_role("button", name="Start again").click()
        expect(asked).to_have_text("Ending the run before …")
    start = {"type": "start", "learning_rate": 0.01, "batch_size": 64, "epochs": 4}  # not 120 ms later
    assert page.evaluate("sent.slice(2)") == [start]
    page.evaluate(change, {"number": 7, "state": "waiting"})
    expect(asked).to_have_text("Ending the run before …")
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    expect(page.get_by_role("button", name="Stop")).to_be_enabled()
    nothing = {"train_loss": [], "validation_loss": [], "train_accuracy": [], "validation_accuracy": [], "seconds": []}
    page.evaluate(change, {**nothing, "points": [[0.1, 1, 9.0, 10]], "state": "ended"})
    expect(asked).to_have_text(
        "Stopped at step 20 of 40, after 0 complete epochs. The loss left the chart. A learning rate of 10 is too "
        "high: its steps overshoot. Start with a smaller one."
    )
    page.evaluate(change, {**run, "state": "ended"})
    expect(asked).to_contain_text("Stopped at step 20 of 40, after 2 complete epochs.")
    expect(page.locator(".cw-foot")).to_contain_text("The network is trainer.model, if trainer names this widget.")
    page.evaluate(change, {**run, "state": "ended", "step": 40})
    expect(asked).to_contain_text("Ended after 2 complete epochs.")
    page.evaluate(change, run)
    assert page.evaluate("document.querySelector('[data-widget]').model.get('learning_rate')") == 0.01
    assert set(page.locator(".label.ghost").all_text_contents()) == {"run 5", "recorded"}  # a key in each head
    for _ in range(2):  # one axis, one rule on all; it stands at whole epochs, of which validation is
        page.locator(".cw-plot").nth(2).press("ArrowRight")
    expect(page.locator(".words.at")).to_have_text(["epoch 2"] * 3)
    for k, texts in enumerate((
        ["1.52", "1.60", "1.60", f"{losses[1]:.2f}"], ["40.0 %", "45.0 %", "55.0 %", f"{100 * validation[1]:.1f} %"],
        ["0.003", "0.003", "0.01"],
    )):  # fmt: skip
        shown = page.locator(".cw-plot").nth(k).locator(".label").all_text_contents()
        assert sorted(re.sub("run 5 |recorded ", "", text) for text in shown) == sorted(texts)
    page.locator(".cw-plot").nth(2).press("End")  # the run has no numbers for an epoch that it has not reached
    expect(page.locator(".words.at")).to_have_text(["epoch 4"] * 3)
    expect(page.locator(".cw-plot").nth(1).locator(".label")).to_have_text([re.compile(r" %$"), "run 5"])
    # A line that is pointed at brings its run forward, and its row is marked.
    line = page.locator(".cw-plot").nth(2).locator(".line.ghost[data-run='5']").bounding_box()
    assert line is not None
    page.mouse.move(line["x"] + 30, line["y"])
    expect(last).to_have_class("pointed")
    expect(page.locator(".line.ghost.front")).to_have_count(3)
    page.mouse.move(1, 1)
    expect(last).not_to_have_class("pointed")
    # Earlier runs are told apart: the recorded one is dotted, the latest strongest. A new rate is a step, not a slope.
    dash = "e => getComputedStyle(e).strokeDasharray"
    assert [page.locator(f".line[data-run='{run}']").first.evaluate(dash) for run in ("10,000 images", "5")] == [
        "1px, 4px", "none",
    ]  # fmt: skip
    stroke = "e => getComputedStyle(e).stroke"
    assert len({page.locator(f".line.lt-age-{age}").first.evaluate(stroke) for age in (1, 2)}) == 2
    corners = page.locator(".cw-plot").nth(2).locator(".line.c1").get_attribute("d")
    assert corners is not None
    path = [place.split() for place in re.split("[ML]", corners)[1:]]
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(path)) and len({y for _, y in path}) == 2
    page.locator(".cw-plot").nth(2).focus()
    page.keyboard.press("Home")
    left = page.locator(".cw-plot").nth(2).locator(".looked line").bounding_box()
    dots = page.locator(".cw-plot").nth(2).locator(".looked .dot")
    assert left is not None and {round(middle_of(dot) - left["x"]) for dot in dots.all()} == {0}  # none stays behind
    page.keyboard.press("Escape")
    model = "document.querySelector('[data-widget]').model"
    constant = [[k / 10, k, 2.3 - k / 20, 0.003] for k in range(1, 21)]
    page.evaluate(f"one => {model}.set('earlier', [one])", {**earlier[0], "points": constant})
    expect(page.locator(".label.ghost", has_text="rate 0.003").first).to_be_visible()
    page.get_by_role("radio", name="Seconds").click()
    expect(page.locator(".cw-plot").first.locator(".tick").last).to_have_text("seconds")


def test_a_recipe_is_prepared_as_it_is_recorded(small: Cifar10) -> None:
    plan = prepare(
        Recipe(about="", epochs=2, batch_size=50, learning_rate=0.1, one_cycle=True, train_images=100), small
    )
    assert len(plan.loader) == 2 and plan.scheduler is not None and len(plan.validation) == len(small.split()[1])
    assert math.isclose(plan.optimizer.param_groups[0]["momentum"], 0.95)  # one-cycle begins with much momentum


def middle_of(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


@pytest.mark.parametrize("width", [360, 700, 760, 1300])
def test_every_control_has_its_room(front: FrontEnd, live: LiveTraining, width: int) -> None:
    page = front.open(live, width=width)
    model = "document.querySelector('[data-widget]').model"
    page.evaluate(f"() => {{ {model}.send = () => {{}}; {model}.set('epochs', 6); }}")
    expect(page.locator(".lt-bar")).to_be_visible()
    bar = page.locator(".lt-bar").bounding_box()
    buttons = page.locator(".lt-buttons").bounding_box()
    assert bar is not None and buttons is not None and buttons["x"] + buttons["width"] <= bar["x"] + bar["width"] + 1
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    assert page.locator(".lt-bar .cw-head > *").evaluate_all(cut) == []
    run = {"state": "running", "epochs": 100, "batch_size": 512, "learning_rate": 0.03, "points": [], "step": 1}
    run |= {"steps": 9, "number": 1, "problem": "", "seconds": [], "stride": 1}
    run |= {f"{part}_{what}": [] for part in ("train", "validation") for what in ("loss", "accuracy")}
    page.evaluate(f"run => {{ {model}.set('run', run); {model}.set('epochs', 64); }}", run)
    expect(page.locator(".lt-bar")).to_contain_text("100 → 64")
    assert page.locator(".lt-bar .cw-head > *").evaluate_all(cut) == []  # the new number least of all
    table, root = page.locator(".lt-runs").bounding_box(), page.locator(".live_training").bounding_box()
    assert table is not None and root is not None and table["x"] + table["width"] <= root["x"] + root["width"]
