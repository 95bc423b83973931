"""What lesson 07 and its questions say is true of the records, of what its cells compute, and of its stored outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from helpers import ALL, NOTEBOOKS, after_cell, code_cells, right, solution, truth
from torch import Tensor, nn

from cifar_helpers import CLASSES, Cifar10, ImageSet, Metrics, collect_logits, load_run
from cifar_helpers.checks.lesson_07 import pictures
from cifar_helpers.data.sketches import draw
from cifar_helpers.evaluation import bootstrap_interval, fit_temperature, human_confusion, reliability
from cifar_helpers.evaluation.attribution import METHODS, attribute
from cifar_helpers.inference import shipped_model

CAT, DOG, DEER, HORSE = (CLASSES.index(name) for name in ("cat", "dog", "deer", "horse"))
BIRD, AIRPLANE, TRUCK = (CLASSES.index(name) for name in ("bird", "airplane", "truck"))
LESSON = next(NOTEBOOKS.glob("07*.ipynb"))
RECORDED = load_run("good-25").metrics


def told() -> str:
    """All text that the stored lesson printed, alt texts included."""

    def texts() -> Iterator[str]:
        for cell in nbformat.read(LESSON, as_version=4).cells:
            for output in cell.get("outputs", []):
                yield output.get("text", "") or output.get("data", {}).get("text/plain", "")

    return "\n".join(texts())


def shares_in(pattern: str) -> list[float]:
    """Numbers that the stored lesson printed where the pattern has a group for each."""
    found = re.search(pattern, told())
    assert found, pattern
    return [float(number.replace(",", "")) for number in found.groups()]


def recorded_right(name: str, part: str) -> Tensor:
    metrics = load_run(name).metrics[part]
    return torch.arange(metrics["images"]) < round(metrics["accuracy"] * metrics["images"])


@pytest.fixture(scope="module")
def drawings() -> tuple[ImageSet, Tensor]:
    """Drawings of the ten classes, and what the network says to them."""
    labels = torch.arange(300) % 10
    pixels = np.stack([np.asarray(draw(int(label), seed=k)).transpose(2, 0, 1) for k, label in enumerate(labels)])
    images = ImageSet(torch.from_numpy(pixels), labels)
    return images, collect_logits(shipped_model(), images)[0]


@pytest.fixture(scope="module")
def photographs(real_data: Cifar10) -> tuple[ImageSet, Tensor]:
    """The first validation images, and what the network says to them."""
    images = real_data.split()[1].subset(slice(0, 2000))
    return images, collect_logits(shipped_model(), images)[0]


# --- class by class ----------------------------------------------------------------------------------------------


def scores_of_cat(images: ImageSet, logits: Tensor) -> dict[int, tuple[float, float]]:
    found = {}
    for bonus in (-2, 0, 2):
        moved = logits.clone()
        moved[:, CAT] += bonus
        metrics = Metrics.of(moved, images.labels)
        found[bonus] = float(metrics.precision[CAT]), float(metrics.recall[CAT])
    return found


def test_saying_cat_more_readily_buys_recall_with_precision(drawings: tuple[ImageSet, Tensor]) -> None:
    found = scores_of_cat(*drawings)
    assert found[-2][0] > found[0][0] > found[2][0] and found[-2][1] < found[0][1] < found[2][1]
    assert right("more_cats") == "Recall rises, precision falls."


def test_the_stored_lesson_shows_the_same_and_f1_and_accuracy_best_where_nothing_was_added() -> None:
    lines = re.findall(r"cat ([+-]\d): precision ([\d.]+)%, recall ([\d.]+)%, F1 ([\d.]+)%; accuracy ([\d.]+)%", told())
    minus, none, plus = ([float(number) for number in line] for line in lines)
    assert (minus[0], none[0], plus[0]) == (-2, 0, 2)
    assert minus[1] > none[1] > plus[1] and minus[2] < none[2] < plus[2]
    assert none[3] > max(minus[3], plus[3]) and none[4] > max(minus[4], plus[4])


def test_cat_and_dog_are_opposites_and_each_others_main_mistake() -> None:
    confusion = torch.tensor(RECORDED["validation"]["confusion"])
    metrics = Metrics(0.0, 0.0, confusion)
    assert metrics.precision[CAT] < metrics.recall[CAT] and metrics.precision[DOG] > metrics.recall[DOG]
    wrong = confusion.clone().fill_diagonal_(0)
    assert int(wrong[CAT].argmax()) == DOG and int(wrong[DOG].argmax()) == CAT


def test_three_quarters_of_what_is_called_frog_are_frogs() -> None:
    assert right("quiz_07_1") == f"{90 / (90 + 30):.0%}".replace("%", " %")


# --- the test images ---------------------------------------------------------------------------------------------


def test_the_stored_numbers_are_those_of_the_record() -> None:
    assert shares_in(r"([\d,]+) validation images, ([\d.]+)% named rightly") == [10_000, pytest.approx(88.3, abs=0.06)]
    printed = {
        "exact test": r"1,000 exact test images, ([\d.]+)%",
        "all test": r"9,000 of them JPEG-compressed: ([\d.]+)%",
    }
    for part, pattern in printed.items():
        assert shares_in(pattern) == [pytest.approx(100 * RECORDED[part]["accuracy"], abs=0.11)]
    assert RECORDED["test images"] == {"all": 10_000, "exact": 1000}


def test_ten_times_the_images_give_a_third_of_the_width() -> None:
    widths = {}
    for count in (1000, 10_000):
        low, high = bootstrap_interval(torch.arange(count) < 0.873 * count)
        widths[count] = 100 * (high - low)
    assert "some 4 points wide" in ALL["ten_times"].ask and round(widths[1000]) == 4
    assert right("ten_times") == "A bit more than 1 point." and 1 < widths[10_000] < 1.6


def test_validation_and_test_intervals_overlap_and_those_of_two_seeds_do_not_hold_the_third() -> None:
    validation, test = (bootstrap_interval(recorded_right("good-25", part)) for part in ("validation", "exact test"))
    assert test[0] < validation[0] < validation[1] < test[1]
    first, *others = (
        bootstrap_interval(recorded_right(name, "validation"))
        for name in ("lab-base", "lab-base-seed-1", "lab-base-seed-2")
    )
    assert all(first[0] > other[1] for other in others)


def test_seeds_of_a_recipe_may_differ_by_more_than_the_gain_in_the_quiz() -> None:
    gain = float(np.diff(sorted(map(float, re.findall(r"([\d.]+) %", ALL["quiz_07_2"].ask))))[0])
    accuracies = [
        100 * load_run(f"lab-base{end}").metrics["validation"]["accuracy"] for end in ("", "-seed-1", "-seed-2")
    ]
    assert max(accuracies) - min(accuracies) > gain == pytest.approx(0.6) and "Nothing yet" in right("quiz_07_2")


# --- people ------------------------------------------------------------------------------------------------------


def test_the_average_person_is_where_the_lesson_says_and_inside_the_interval_of_the_one_expert() -> None:
    assert truth("human_accuracy") == pytest.approx(95.23, abs=0.005)
    low, high = bootstrap_interval(torch.arange(400) < 376)
    assert 376 / 400 == 0.94 and low < 0.952 < high < 0.992


def test_where_people_and_the_network_err() -> None:
    people = human_confusion()
    network = torch.tensor(RECORDED["validation"]["confusion"]) / 1000
    assert people[BIRD, AIRPLANE] < 0.005 and network[BIRD, AIRPLANE] > 5 * people[BIRD, AIRPLANE]
    assert people[DEER, HORSE] > network[DEER, HORSE]
    assert min(people[CAT, DOG], people[DOG, CAT], network[CAT, DOG], network[DOG, CAT]) > 0.03


def test_the_difference_in_the_quiz_is_more_than_chance_makes() -> None:
    network, majority = (float(share) / 100 for share in re.findall(r"([\d.]+) %", ALL["quiz_07_3"].ask))
    error = sum(share * (1 - share) / 10_000 for share in (network, majority)) ** 0.5
    assert network - majority > 3 * error and "the labels themselves are in doubt" in right("quiz_07_3")


# --- calibration and shift ---------------------------------------------------------------------------------------


def test_the_network_is_less_sure_of_photographs_than_right_and_was_asked_to_be() -> None:
    sure, accurate = shares_in(r"mean confidence ([\d.]+)%, accuracy ([\d.]+)%")
    assert sure + 1 < accurate and right("too_sure").startswith("Below")
    smoothing = load_run("good-25").recipe.label_smoothing
    assert "95 % for the right class" in next(o.says for o in ALL["too_sure"].options if o.right)  # type: ignore[union-attr]
    assert 1 - smoothing == 0.95


def test_a_temperature_below_one_harms_on_drawings(drawings: tuple[ImageSet, Tensor]) -> None:
    images, logits = drawings
    errors = [reliability((logits / t).softmax(1), images.labels).error for t in (1.0, 0.8)]
    assert errors[1] > errors[0] + 0.03 and "surer where it errs more" in right("shifted_temperature")


def test_the_stored_temperature_is_below_one_and_harms_on_every_changed_set() -> None:
    (temperature,) = shares_in(r"temperature ([\d.]+); the same answers: True")
    rows = re.findall(r"^(\S.*?) {2,}([\d.]+)% +([\d.]+)%$", told(), re.M)
    changed = {name: (float(before), float(after)) for name, before, after in rows if name != "as they are"}
    assert temperature < 1 and len(changed) == 5
    assert all(after > before + 2 for before, after in changed.values())


def test_in_the_stored_lesson_accuracy_falls_farther_than_confidence_on_every_changed_set() -> None:
    rows = re.findall(r"([\w ,°%]+): (\d+)% right, (\d+)% sure", told())
    (_, accurate, sure), *changed = [(name, float(a), float(b)) for name, a, b in rows]
    assert len(changed) == 5 and all(accurate - a > sure - b > 0 for _, a, b in changed)
    dark = next((a, b) for name, a, b in changed if "darkened" in name)
    assert dark[0] < dark[1] - 5 and "Nothing is known" in right("quiz_07_4")


def test_compression_alone_costs_what_the_other_test_images_lack() -> None:
    low, high = shares_in(r"compression costs [\d.]+ points, interval ([\d.]+) to ([\d.]+)")
    (others,) = shares_in(r"the other 9,000 test images, JPEG-compressed: ([\d.]+)%")
    assert 0 < low < 100 * RECORDED["exact test"]["accuracy"] - others < high


@pytest.mark.real
def test_on_photographs_the_temperature_lies_below_one_and_cats_behave_alike(
    photographs: tuple[ImageSet, Tensor],
) -> None:
    images, logits = photographs
    assert 0.7 < fit_temperature(logits, images.labels) < 0.95
    found = scores_of_cat(images, logits)
    assert found[-2][0] > found[0][0] > found[2][0] and found[-2][1] < found[0][1] < found[2][1]


@pytest.mark.real
def test_a_grey_square_speaks_for_trucks_as_the_stretch_says(photographs: tuple[ImageSet, Tensor]) -> None:
    assert "a large grey square is called truck more often than anything else" in LESSON.read_text(encoding="utf-8")
    covered = photographs[0].images[:1000].clone()
    covered[:, :, 4:28, 4:28] = torch.tensor([125, 123, 114], dtype=torch.uint8)[:, None, None]
    logits, _ = collect_logits(shipped_model(), ImageSet(covered, photographs[0].labels[:1000]))
    counts = torch.bincount(logits.argmax(1), minlength=10)
    assert int(counts.argmax()) == TRUCK and counts[TRUCK] > 300


# --- where it looks ----------------------------------------------------------------------------------------------


def test_only_guided_backpropagation_survives_random_linear_layers(drawings: tuple[ImageSet, Tensor]) -> None:
    images, logits = drawings
    names: dict[str, Any] = {"torch": torch, "nn": nn, "collect_logits": collect_logits, "part": images}
    names["model"] = shipped_model()
    broken = after_cell("07", "reset_parameters", names)["broken"]
    (source,) = [source for source in code_cells("07") if "def agreement(" in source]
    exec(source.partition("pairs = ")[0], names)
    found = {}
    for method in METHODS:
        values = [
            names["agreement"](
                *(
                    attribute(network, images.images[k], int(logits[k].argmax()), method)
                    for network in (names["model"], broken)
                )
            )
            for k in range(6)
        ]
        found[method] = sum(values) / len(values)
    others = [value for method, value in found.items() if method != "guided backpropagation"]
    assert found["guided backpropagation"] > 0.6 > 0.5 > max(others)
    assert right("which_map").startswith("Guided backpropagation")


def test_the_stored_agreements_are_in_the_order_that_the_lesson_tells() -> None:
    found = {
        name: float(value)
        for name, value in re.findall(r"^(\S.*?) +agreement of trained and random ([+-][\d.]+)$", told(), re.M)
    }
    assert tuple(found) == METHODS
    assert found["guided backpropagation"] > 0.7 > 0.5 > found["saliency"] > 0.2
    assert max(abs(found["Grad-CAM"]), abs(found["occlusion"])) < 0.2
    (guessing,) = shares_in(r"random linear layers: ([\d.]+)% of")
    assert guessing < 20


# --- pictures of right answers -----------------------------------------------------------------------------------


def test_the_picture_of_precision_and_recall_has_the_scores_of_the_record() -> None:
    page = pictures.scored(solution("precision_recall"))
    assert "cat has the lowest precision and dog has the lowest recall" in page and page.count("<table") == 2
    assert "ship has the lowest precision" in pictures.scored(lambda c: (-torch.eye(10)[8], torch.eye(10)[0]))


def test_the_picture_of_f1_has_the_answers_numbers() -> None:
    page = pictures.levels(solution("f1"))
    assert "0.9 and 0.9 give 0.90, 0.9 and 0.1 only 0.18" in page
    assert "0.9 and 0.9 give 0.81" in pictures.levels(lambda p, r: p * r)


def test_the_picture_of_redraws_has_the_answers_interval() -> None:
    low, high = bootstrap_interval(recorded_right("good-25", "exact test"))
    page = pictures.redrawn(solution("bootstrap_interval"))
    ends = re.search(r"([\d.]+) % to ([\d.]+) %\.<", page)
    assert ends and [float(end) for end in ends.groups()] == pytest.approx([100 * low, 100 * high], abs=0.3)
    assert "30.0 % to 40.0 %" in pictures.redrawn(lambda right, picks: (0.3, 0.4))


def test_the_pictures_of_calibration_use_the_answer(drawings: tuple[ImageSet, Tensor]) -> None:
    images, logits = (part[:200] for part in (drawings[0].labels, drawings[1]))
    wanted = fit_temperature(logits, images)
    chosen = re.search(r"200 drawings: ([\d.]+)\. .*is too sure", pictures.cooled(solution("temperature")))
    assert chosen and float(chosen[1]) == pytest.approx(wanted, abs=0.03)
    assert "not sure enough" in pictures.cooled(lambda logits, labels, candidates: 0.5)
    error = 100 * reliability(logits.softmax(1), images).error
    assert f"in ten bins: {error:.1f} points" in pictures.trusted(solution("calibration_error"))
    assert "in ten bins: 7.0 points" in pictures.trusted(lambda *_: 0.07)
