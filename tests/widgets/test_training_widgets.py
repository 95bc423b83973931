"""Widgets around training: the overfitting laboratory, live training."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import alert, named, random_images, status

from cifar_helpers import Cifar10, EarlyStopping, Epoch, History
from cifar_helpers.runs import Recipe, prepare
from cifar_helpers.widgets import live_training, overfitting_lab
from cifar_helpers.widgets.overfitting_lab import Settings, early_stop, recorded, render

PICTURE = random_images(1).images[0]


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def history(*losses: float, accuracies: tuple[float, ...] = ()) -> History:
    shares = accuracies or tuple(0.5 for _ in losses)
    return History(
        [Epoch(k, x, a, x, a, 0.1, 1.0) for k, (x, a) in enumerate(zip(losses, shares, strict=True), start=1)]
    )


# --- the laboratory of overfitting -----------------------------------------------------------------------


def test_early_stopping_is_that_of_the_callback() -> None:
    falls = history(5, 4, 3, 3.5, 3.2, 2.9, 3.3, 3.4, 3.5)
    assert early_stop(falls, 2) == (5, 3)
    assert early_stop(falls, 3) == (9, 6)
    assert early_stop(history(3, 2, 1), 2) == (3, 3)
    assert early_stop(falls, 8)[1] == 6 and EarlyStopping(8).patience == 8


def test_words_say_what_stopping_would_have_cost() -> None:
    told = status(render([history(3, 2, 3, 4, accuracies=(0.3, 0.6, 0.5, 0.7))], 1))
    assert "stopped after epoch 3 and kept epoch 2" in told and "−10.0 points" in told and "1 of 4 epochs saved" in told


def test_several_seeds_are_a_band_from_the_least_to_the_greatest() -> None:
    three = [history(3, 2 + k, accuracies=(0.3, 0.4 + k / 10)) for k in range(3)]
    page = render(three, 5)
    assert page.count("<polygon") == 4 and "40.0% to 60.0%" in status(page) and "3 seeds" in status(page)
    assert "<polygon" not in render(three[:1], 5)


def test_each_recorded_combination_shows_its_own_record() -> None:
    lab = overfitting_lab()
    parts = named(lab)
    runs = recorded()
    assert len(runs) >= 14
    for settings, group in runs.items():
        for name, value in vars(settings).items():
            parts[
                {"weight_decay": "weight decay", "images": "training images", "wrong_labels": "wrong labels"}.get(
                    name, name
                )
            ].value = value
        assert not alert(parts["Screen"].value) and parts["recorded"].value == settings
        worst = min(run.history.rows[-1].validation_accuracy for run in group)
        assert f"{worst:.1%}" in status(parts["Screen"].value) and f"{len(group)} seed" in status(parts["Screen"].value)


def test_choosing_a_record_sets_the_controls() -> None:
    parts = named(overfitting_lab())
    parts["recorded"].value = Settings(images=2000)
    assert parts["training images"].value == 2000 and parts["dropout"].value == 0.25
    assert "3 seeds" in status(parts["Screen"].value)


def test_a_combination_that_was_not_recorded_says_so_and_names_what_differs() -> None:
    parts = named(overfitting_lab())
    parts["width"].value, parts["training images"].value = 2.0, 2000
    assert "not recorded" in alert(parts["Screen"].value) and "<svg" not in parts["Screen"].value


def test_patience_moves_the_marks() -> None:
    parts = named(overfitting_lab())
    before = status(parts["Screen"].value)
    parts["patience (epochs)"].value = 15
    assert status(parts["Screen"].value) != before and "patience 15" in status(parts["Screen"].value)


def test_without_data_nothing_can_be_trained() -> None:
    assert named(overfitting_lab())["train this one now"].disabled


def test_the_button_trains_the_chosen_settings_beside_the_record(small: Cifar10) -> None:
    lab = overfitting_lab(small)
    parts = named(lab)
    parts["recorded"].value = Settings(images=2000)
    parts["train this one now"].click()
    until(lambda: len(lab.trainer.history) >= 2)  # type: ignore[attr-defined]
    assert "now, validation" in parts["Screen"].value and "recorded, validation" in parts["Screen"].value
    parts["stop"].click()
    assert not lab.trainer.running and parts["stop"].disabled  # type: ignore[attr-defined]
    parts["dropout"].value = 0.5  # other settings: the training does not belong to them
    assert "now, validation" not in parts["Screen"].value


# --- live training ---------------------------------------------------------------------------------------


@pytest.fixture
def small(sketches: Cifar10) -> Cifar10:
    keep = slice(0, 500)
    return Cifar10(
        sketches.train_images[keep], sketches.train_labels[keep], sketches.test_images[:50], sketches.test_labels[:50],
        sketches.source, sketches.fingerprint, sketches.is_official, sketches.exact_test_images,
    )  # fmt: skip


@pytest.fixture
def live(small: Cifar10) -> Any:
    widget = live_training(*small.split())
    yield widget
    widget.close()


def test_a_training_runs_to_its_end_and_keeps_model_and_history(live: Any) -> None:
    with pytest.raises(RuntimeError, match="press start"):
        live.model  # noqa: B018
    live.epochs.value = 2
    live.start.click()
    assert not live.stop.disabled
    until(lambda: not live._trainer.running)
    assert len(live.history) == 2 and live.stop.disabled and live.pause.disabled
    assert "Ended after 2 complete epochs" in status(live.shown.value)
    assert f"{live.history.rows[-1].validation_accuracy:.1%}" in status(live.shown.value)
    with torch.no_grad():
        assert live.model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_pause_stands_still_and_goes_on(live: Any) -> None:
    live.epochs.value = 100
    live.start.click()
    until(lambda: live._trainer.step > 3)
    live.pause.click()
    time.sleep(0.3)
    step = live._trainer.step
    time.sleep(0.5)
    assert live._trainer.step == step and live.pause.description == "go on" and "Paused" in status(live.shown.value)
    live.pause.click()
    until(lambda: live._trainer.step > step)
    live.stop.click()


def test_stop_ends_at_once_and_loses_nothing(live: Any) -> None:
    live.epochs.value = 100
    live.start.click()
    until(lambda: len(live.history) >= 1)
    weights = {k: v.clone() for k, v in live.model.state_dict().items()}
    live.stop.click()
    assert not live._trainer.running and len(live.history) >= 1
    assert live.model.state_dict().keys() == weights.keys()
    live.start.click()
    until(lambda: live._trainer.step > 1)
    live.pause.click()
    live.stop.click()  # stop works while it is paused
    assert not live._trainer.running


def test_a_second_start_trains_a_fresh_network_with_the_new_settings(live: Any) -> None:
    live.epochs.value = 1
    live.start.click()
    until(lambda: not live._trainer.running)
    first, weights = live.model, live.model.features[0][0].weight.detach().clone()
    live.rate.value = 0.001
    live.start.click()
    assert live.model is not first
    until(lambda: not live._trainer.running)
    assert torch.equal(first.features[0][0].weight, weights)  # the old one is not trained on
    assert live.history.rows[-1].learning_rate == pytest.approx(0.001)
    live.rate.value = 0.03
    live.start.click()
    until(lambda: not live._trainer.running)
    assert torch.equal(live.model.features[0][0].weight, weights)  # same settings, same seed, same network


def test_a_start_ends_what_another_widget_trains(small: Cifar10, live: Any) -> None:
    other = live_training(*small.split())
    live.epochs.value = other.epochs.value = 100
    live.start.click()
    until(lambda: live._trainer.step > 1)
    other.start.click()
    assert not live._trainer.running and other._trainer.running
    other.close()
    assert not [t for t in threading.enumerate() if t.name == "training"]


def test_divergence_is_a_message_in_the_widget(live: Any) -> None:
    live.rate.value, live.epochs.value = 10.0, 30
    live._train.images[:] = 255 * torch.randint(0, 2, live._train.images.shape, dtype=torch.uint8)
    live.rate.options = [*live.rate.options, ("1e20", 1e20)]
    live.rate.value = 1e20
    live.start.click()
    until(lambda: "TrainingDiverged" in alert(live.shown.value))
    assert not live._trainer.running and "smaller learning rate" in alert(live.shown.value)


def test_the_learners_random_numbers_stay_as_they_were(live: Any) -> None:
    state = torch.random.get_rng_state()
    live._begin()
    live.stop.click()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_no_images_are_refused() -> None:
    images = random_images(20)
    with pytest.raises(ValueError, match="images to train on"):
        live_training(images.subset(slice(0, 0)), images)


def test_a_recipe_is_prepared_as_it_is_recorded(small: Cifar10) -> None:
    plan = prepare(
        Recipe(about="", epochs=2, batch_size=50, learning_rate=0.1, one_cycle=True, train_images=100), small
    )
    assert len(plan.loader) == 2 and plan.scheduler is not None and len(plan.validation) == len(small.split()[1])
    assert math.isclose(plan.optimizer.param_groups[0]["momentum"], 0.95)  # one-cycle begins with much momentum
