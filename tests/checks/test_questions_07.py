"""What the questions of lesson 07 and the pictures of right answers say is true of the records and of computations."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from helpers import ALL, right, solution, truth
from torch import Tensor

from cifar_helpers import Cifar10, ImageSet, collect_logits, load_run
from cifar_helpers.checks.lesson_07 import pictures
from cifar_helpers.data.sketches import draw
from cifar_helpers.evaluation import bootstrap_interval, fit_temperature, human_confusion, reliability
from cifar_helpers.inference import shipped_model

RECORDED = load_run("good-25").metrics


@pytest.fixture(scope="module")
def drawings() -> tuple[Tensor, Tensor]:
    """The network's logits for 300 drawings of the ten classes, and their labels."""
    labels = torch.arange(300) % 10
    pixels = np.stack([np.asarray(draw(int(label), seed=k)).transpose(2, 0, 1) for k, label in enumerate(labels)])
    return collect_logits(shipped_model(), ImageSet(torch.from_numpy(pixels), labels))


def seeds(name: str) -> list[float]:
    return [float(load_run(name + end).correct().double().mean()) for end in ("", "-seed-1", "-seed-2")]


# --- scores and intervals -----------------------------------------------------------------------------------------


def test_three_quarters_of_what_is_called_frog_are_frogs() -> None:
    assert right("quiz_07_1") == f"{90 / (90 + 30):.0%}".replace("%", " %")


def test_ten_times_the_images_give_a_third_of_the_width() -> None:
    widths = {}
    for count in (1000, 10_000):
        low, high = bootstrap_interval(torch.arange(count) < 0.873 * count)
        widths[count] = 100 * (high - low)
    assert "about 4 points wide" in ALL["ten_times"].ask and round(widths[1000]) == 4
    assert right("ten_times") == "A bit more than 1 point." and 1 < widths[10_000] < 1.6


@pytest.mark.records
def test_seeds_of_a_recipe_may_differ_by_more_than_the_gain_in_the_quiz() -> None:
    new, old = sorted(map(float, re.findall(r"([\d.]+) %", ALL["quiz_07_2"].ask)), reverse=True)
    assert round(10_000 * (new - old) / 100) == 60 and "Nothing yet" in right("quiz_07_2")
    assert 100 * (max(seeds("small-augment")) - min(seeds("small-augment"))) > new - old


# --- people -------------------------------------------------------------------------------------------------------


def test_the_average_person_is_where_the_lesson_says() -> None:
    assert truth("human_accuracy") == pytest.approx(95.23, abs=0.005)
    assert truth("human_accuracy") == pytest.approx(100 * float(human_confusion().diagonal().mean()))


def test_the_difference_in_the_quiz_is_more_than_chance_makes() -> None:
    network, majority = (float(share) / 100 for share in re.findall(r"([\d.]+) %", ALL["quiz_07_3"].ask))
    error = sum(share * (1 - share) / 10_000 for share in (network, majority)) ** 0.5
    says = next(option.says for option in ALL["quiz_07_3"].options if option.right)  # type: ignore[union-attr]
    missed = round(10_000 * (1 - network))
    assert network - majority > 3 * error and f"disagrees with only {missed} labels" in says
    assert f"people judged 54 wrong or unclear, so it agrees with at least {54 - missed}" in says


# --- calibration --------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_label_smoothing_asks_for_955_percent_at_most() -> None:
    smoothing = load_run("good-25").recipe.label_smoothing
    says = next(option.says for option in ALL["too_sure"].options if option.right)  # type: ignore[union-attr]
    assert f"{100 * (1 - smoothing + smoothing / 10):.1f} % for the correct class" in says
    assert right("too_sure") == "It is 2 to 4 points too low."


def test_a_temperature_below_one_harms_on_drawings(drawings: tuple[Tensor, Tensor]) -> None:
    logits, labels = drawings
    errors = [reliability((logits / t).softmax(1), labels).error for t in (1.0, 0.8)]
    assert errors[1] > errors[0] + 0.03 and "the calibration error rises" in right("shifted_temperature")


@pytest.mark.real
def test_on_cifar_10_the_temperature_lies_below_one(real_data: Cifar10) -> None:
    images = real_data.split()[1].subset(slice(0, 2000))
    assert 0.7 < fit_temperature(*collect_logits(shipped_model(), images)) < 0.95


# --- pictures of right answers ------------------------------------------------------------------------------------


def test_the_picture_of_precision_and_recall_has_the_scores_of_the_record() -> None:
    page = pictures.scored(solution("precision_recall"))
    assert "cat has the lowest precision and dog has the lowest recall" in page
    assert "your precision" in page and "your recall" in page and page.count(" %</td>") == 20
    assert "ship has the lowest precision" in pictures.scored(lambda c: (-torch.eye(10)[8], torch.eye(10)[0]))


def test_the_picture_of_f1_has_the_answers_numbers() -> None:
    page = pictures.levels(solution("f1"))
    assert "0.9 and 0.9 give 0.90, 0.9 and 0.1 only 0.18" in page
    assert "0.9 and 0.9 give 0.81" in pictures.levels(lambda p, r: p * r)


def test_the_picture_of_redraws_has_the_answers_interval() -> None:
    row = RECORDED["exact test"]["confusion"][3]
    low, high = bootstrap_interval(torch.arange(sum(row)) < row[3])  # of the cats alone: nearly the same
    page = pictures.redrawn(solution("recall_interval"))
    ends = re.search(r"([\d.]+) % to ([\d.]+) %\. So", page)
    assert ends and [float(end) for end in ends.groups()] == pytest.approx([100 * low, 100 * high], abs=1.5)
    assert f"{row[3]} of {sum(row)} cats found" in page and high - low > 0.1
    assert "30.0 % to 40.0 %" in pictures.redrawn(lambda right, of_class, picks: (0.3, 0.4))


def test_the_pictures_of_calibration_use_the_answer(drawings: tuple[Tensor, Tensor]) -> None:
    logits, labels = (part[:200] for part in drawings)
    wanted = fit_temperature(logits, labels)
    chosen = re.search(r"200 drawings: ([\d.]+)\. .*it is overconfident", pictures.cooled(solution("temperature")))
    assert chosen and float(chosen[1]) == pytest.approx(wanted, abs=0.03)
    assert "underconfident" in pictures.cooled(lambda logits, labels, candidates: 0.5)
    error = 100 * reliability(logits.softmax(1), labels).error
    assert f"in ten bins: {error:.1f} points" in pictures.trusted(solution("calibration_error"))
    assert "in ten bins: 7.0 points" in pictures.trusted(lambda *_: 0.07)


def test_the_picture_of_grad_cam_has_the_answers_map() -> None:
    page = pictures.looked(solution("grad_cam"))
    assert "covers 8×8 pixels" in page and page.count("<img") == 2
    corner = torch.zeros(4, 4)
    corner[3, 1] = 1.0
    assert "in row 3 and column 1" in pictures.looked(lambda *_: corner)
