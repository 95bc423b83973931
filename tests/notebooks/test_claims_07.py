"""What lesson 07 says about its results is true of the records, of its stored outputs, and of runs on the drawings."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from helpers import after_cell, code_cells
from stored_lesson import BOTH, StoredLesson, numbers
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as change

from cifar_helpers import CLASSES, Cifar10, ImageSet, Metrics, collect_logits, denormalise, load_run
from cifar_helpers.evaluation import bootstrap_interval, fit_temperature, human_confusion, reliability
from cifar_helpers.evaluation.attribution import METHODS, attribute, rank_agreement

LESSON = StoredLesson("07")
text, stored = LESSON.text, LESSON.stored
CAT, DOG, DEER, HORSE = (CLASSES.index(name) for name in ("cat", "dog", "deer", "horse"))
BIRD, AIRPLANE, TRUCK, FROG, SHIP = (CLASSES.index(name) for name in ("bird", "airplane", "truck", "frog", "ship"))
AUTOMOBILE = CLASSES.index("automobile")
RECORDED = load_run("good-25").metrics
SEEDS = ("small-augment", "small-augment-seed-1", "small-augment-seed-2")


def recorded_confusion() -> Tensor:
    return torch.tensor(RECORDED["validation"]["confusion"])


@pytest.fixture(params=BOTH)
def names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the lesson's first cell defines, with the drawings or the real data."""
    return LESSON.first_names(request.getfixturevalue(request.param), monkeypatch)


# --- class by class -----------------------------------------------------------------------------------------------


def scores_of_cat(printed: str) -> list[list[float]]:
    """Precision, recall, F1 and accuracy with less, the same and a higher logit."""
    return [numbers(line)[1:] for line in printed.splitlines() if line.startswith("logit of cat")]


def test_a_higher_logit_buys_recall_with_precision(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    after_cell("07", "metrics = Metrics.of", names)
    after_cell("07", "for bonus in", names)
    minus, none, plus = scores_of_cat(re.sub("F1", "F", capsys.readouterr().out))
    assert minus[0] >= none[0] > plus[0] and minus[1] < none[1] < plus[1]


@pytest.mark.records
def test_f1_and_accuracy_are_highest_where_the_logits_were_left_alone() -> None:
    minus, none, plus = scores_of_cat(re.sub("F1", "F", stored("for bonus in")))
    assert none[2] > max(minus[2], plus[2]) and none[3] > max(minus[3], plus[3])
    assert "F1 and accuracy are highest where the logits were left alone" in text("A search engine for cats")


@pytest.mark.records
def test_cat_dog_bird_and_deer_are_weakest_and_horse_and_frog_are_among_the_vehicles() -> None:
    metrics = Metrics(0.0, 0.0, recorded_confusion())
    order = [CLASSES[k] for k in metrics.f1.argsort()]
    said = text("as well as the vehicles")
    assert "*Cat*, *dog*, *bird* and *deer* are weakest; *horse* and *frog*" in said
    assert order[:4] == ["cat", "dog", "bird", "deer"] and {"horse", "frog"} < set(order[4:9])
    called, there, found = metrics.confusion.sum(0), metrics.confusion.sum(1), metrics.confusion.diagonal()
    assert called[CAT] > there[CAT] == 1000 == there[DOG] > called[DOG]
    assert f"*cat* {int(called[CAT]):,} times for 1,000 cats" in said
    assert f"*dog* about {round(int(called[DOG]), -1)} times for 1,000 dogs" in said
    right, named, *_ = numbers(stored("metrics = Metrics.of"))
    wrong, missed = int(named - right), int(1000 - right)
    assert f"{wrong} images are wrongly called cat and {missed} cats are missed" in said
    error = (wrong + missed) ** 0.5
    total = f"the standard error of {wrong} − {missed} = {wrong - missed} is about √({wrong} + {missed}) = {error:.0f}"
    assert total in said
    gaps, errors = (called - there).tolist(), (called + there - 2 * found).double().sqrt().tolist()
    assert 2 < -gaps[DOG] / errors[DOG] < 2.3 and "For *dog* the difference is a little more than two standard" in said
    # "But one such value among ten classes is no surprise": by chance it happens in a fifth of all cases, or more.
    assert 1 - (1 - math.erfc(-gaps[DOG] / errors[DOG] / 2**0.5)) ** 10 > 0.2
    assert sum(abs(gap) > 2 * error for gap, error in zip(gaps, errors, strict=True)) == 1
    for total in (called, there):
        scores = found / total
        assert scores[AUTOMOBILE] - scores[CAT] >= 0.15 and "at least 15 points below *automobile*" in said
    # Under chance alone, wrong calls and misses of a class are equally likely; 2.8 errors are 5 % of ten classes.
    assert max(abs(gap / error) for gap, error in zip(gaps, errors, strict=True)) < 2.8
    assert "lowest for cat, 77.9 %, and highest for automobile, 94.4 %" in stored("figures.class_scores")


@pytest.mark.records
def test_where_cats_are_rare_precision_is_low_and_two_standard_errors_are_as_stated() -> None:
    counts = recorded_confusion().double()
    recall, false = counts[CAT, CAT] / counts[CAT].sum(), (counts[:, CAT].sum() - counts[CAT, CAT]) / 9000
    rare = 0.01 * recall / (0.01 * recall + 0.99 * false)
    said, hits, wrong = text("A cat flap"), round(100 * float(recall)), round(9900 * float(false), -1)
    assert f"would find about {hits}." in said and f"about {round(9000 * float(false), -1):.0f} of the 9,000" in said
    assert (
        f"call about {wrong:.0f} of 9,900" in said
        and f"So about {round(hits + wrong, -1):.0f} images would be called cat, and only {hits}" in said
    )
    assert f"a precision of {100 * float(rare):.0f} %" in said
    errors = torch.cat(
        [
            200 * (share * (1 - share) / total).sqrt()
            for share, total in ((counts.diagonal() / counts.sum(0), counts.sum(0)), (counts.diagonal() / 1000, 1000))
        ]
    )
    assert f"1,000 images, are {errors.min():.1f} to {errors.max():.1f} points" in text("reads down a column")


# --- the test images ----------------------------------------------------------------------------------------------


@pytest.mark.records
def test_only_good_25_meets_the_test_images_where_the_lesson_says() -> None:
    opening = [source for source in code_cells("07") if re.search(r"data\.(exact_)?test|test_logits", source)]
    assert len(opening) == 2 and "for `good-25` only, three times: for its accuracy" in text("Each recorded run")
    assert "judges = {" in opening[1] and "and as a second judge of calibration" in text("Each recorded run")
    assert 'load_run("good-25").model()' in code_cells("07")[0]
    assert sum("load_run(" in source and ".model(" in source for source in code_cells("07")) == 1


@pytest.mark.records
def test_the_stored_accuracies_are_those_of_the_record() -> None:
    (share,) = re.findall(r"([\d.]+)% classified correctly", stored("logits, labels = collect"))
    assert float(share) == pytest.approx(100 * RECORDED["validation"]["accuracy"], abs=0.06)
    exact, others = (float(share) for share in re.findall(r"([\d.]+)%", stored("test_logits, test_labels =")))
    assert exact == pytest.approx(100 * RECORDED["exact test"]["accuracy"], abs=0.11)
    together = (1000 * exact + 9000 * others) / 10_000
    assert together == pytest.approx(100 * RECORDED["all test"]["accuracy"], abs=0.11)


@pytest.mark.records
def test_the_validation_interval_is_a_third_as_wide_and_holds_no_sign_of_luck() -> None:
    (validation, *first), (test, *second) = (
        [float(number) for number in found]
        for found in re.findall(r": ([\d.]+) % \(([\d.]+) to ([\d.]+)\)", stored("measured = {"))
    )
    assert (second[1] - second[0]) / (first[1] - first[0]) == pytest.approx(3.2, abs=0.3)
    assert round(validation - test) == 1 and second[0] < validation < second[1]


def test_of_a_hundred_intervals_about_95_contain_the_accuracy_on_all_images_and_fewer_the_next_sample() -> None:
    generator = torch.Generator().manual_seed(0)
    contain = [0, 0]
    for seed in range(200):
        sample, following = torch.rand(2, 1000, generator=generator) < 0.873
        low, high = bootstrap_interval(sample, draws=200, seed=seed)
        contain[0] += low <= 0.873 <= high
        contain[1] += low <= float(following.double().mean()) <= high
    assert 0.91 < contain[0] / 200 < 0.99 and contain[1] / 200 < 0.9


@pytest.mark.records
def test_intervals_of_two_seeds_overlap_although_their_paired_difference_excludes_zero() -> None:
    correct = [load_run(name).correct() for name in SEEDS]
    ends = [bootstrap_interval(values) for values in correct]
    assert min(high for _, high in ends) > max(low for low, _ in ends) and "Every pair overlaps" in text("only just")
    assert ends[1][1] - ends[2][0] < 0.005 < min(ends[0][1] - ends[2][0], ends[1][1] - ends[0][0])
    pairs = {(0, 1): True, (0, 2): False, (2, 1): True}
    for (one, other), excludes in pairs.items():
        difference = correct[one].float() - correct[other].float()
        low, high = bootstrap_interval(difference)
        assert (low > 0 or high < 0) == excludes
    assert f"differ by {100 * float(difference.mean()):.1f} points" in text("of *one recipe*")
    assert stored("by_seed[names[one]]").count("\n") == 3


# --- people -------------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_where_people_and_the_network_make_mistakes() -> None:
    people, network = human_confusion(), recorded_confusion() / 1000
    said = text("almost only the network's mistake")
    for true, called, kind in ((BIRD, AIRPLANE, "mistake"), (DEER, HORSE, "deer called horse")):
        shares = 100 * float(network[true, called]), 100 * float(people[true, called])
        one, other = shares if kind == "mistake" else shares[::-1]
        assert (
            f"{kind}: {one:.1f} % against {other:.1f} %" in said or f"{kind}, {one:.1f} % against {other:.1f} %" in said
        )
    count = int(recorded_confusion()[DEER, HORSE])
    error = 200 * (count / 1000 * (1 - count / 1000) / 1000) ** 0.5
    assert f"{count / 10:.1f} % are {count} of 1,000 deer, ± {error:.1f} points" in said
    assert 100 * float(people[DEER, HORSE] - network[DEER, HORSE]) < error + 0.02  # hardly beyond two standard errors
    assert min(people[CAT, DOG], people[DOG, CAT], network[CAT, DOG], network[DOG, CAT]) > 0.03
    assert "More frequent among people: deer called horse, 4.3 % against 3.2 ± 1.1 %." in stored(
        "figures.mistakes_compared"
    )


@pytest.mark.records
def test_one_person_makes_fewer_than_half_as_many_mistakes_and_what_is_hardest_differs() -> None:
    people, tested = human_confusion().diagonal(), RECORDED["exact test"]
    low = 1 - tested["accuracy"] - 2 * (tested["accuracy"] * (1 - tested["accuracy"]) / 1000) ** 0.5
    said, found = text("compares them mistake by"), recorded_confusion().diagonal() / 1000
    assert 1 - float(people.mean()) < 0.5 * low and "fewer than half as many mistakes" in said
    assert people.argmin() == DEER and set(found.argsort()[:2].tolist()) == {CAT, DOG}
    assert [f"{100 * share:.0f} %" for share in found[[CAT, DOG]]] == ["79 %"] * 2 and "finds 79 % of each" in said


@pytest.mark.records
def test_the_interval_of_the_one_expert_holds_the_average_person_but_not_the_majority() -> None:
    share, error = numbers(stored("standard_error = (0.94"))
    mean = 100 * float(human_confusion().diagonal().mean())
    assert f"average person's {mean:.1f} % within" in text("on 400 images") and abs(mean - share) < error
    assert text("It is. But this interval covers only the choice of images")
    assert "The *majority*" in text("far outside, with 99.2 %") and 99.2 - share > 2 * error


@pytest.mark.records
def test_the_doubted_labels_are_all_predicted_otherwise_and_mistakes_are_as_frequent_as_said() -> None:
    found = re.findall(r"(\d+) +(\w+): (\w+) +(\d+)%", stored("for place, k in enumerate(doubted, 1):\n"))
    assert len(found) == 24 and all(label != predicted for _, label, predicted, _ in found)
    assert sum(int(share) > 75 for *_, share in found) > 18  # "most of the others are confident mistakes"
    share = 100 * (1 - RECORDED["validation"]["accuracy"])
    assert f"Its mistakes are frequent ({share:.1f} %)" in text("we count two wrong labels")
    titles = stored("titles = [f")
    assert all(f"{place}: dog" in titles for place in (1, 14, 17, 19))


@pytest.mark.parametrize("names", BOTH[1:], indirect=True)
def test_the_horse_labelled_dog_of_lesson_06_is_at_place_17(names: dict[str, Any]) -> None:
    logits, labels = names["logits"], names["labels"]
    confidence, predicted = logits.softmax(1).max(1)
    of_06 = int((confidence * (predicted != labels)).argsort(descending=True)[7])
    assert (int(labels[of_06]), int(predicted[of_06])) == (DOG, HORSE)
    doubted = logits.softmax(1).gather(1, labels[:, None])[:, 0].argsort()
    assert int(doubted[16]) == of_06 and "number 17, the horse from lesson 06" in text("we count two wrong labels")


# --- probabilities ------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_network_is_underconfident_and_a_temperature_gains_a_little_that_1000_images_do_not_show() -> None:
    confidence, accuracy = numbers(stored('print(f"mean confidence'))
    assert 2 < accuracy - confidence < 4  # what the prediction calls right
    other, cooled, test, cooled_test = (numbers(line) for line in stored("judges = {").splitlines()[1:])
    (_, _, error, before, accuracy), (temperature, _, error_after, after, _) = other, cooled
    assert 2.5 < accuracy - before < 3 and 1.5 < after - accuracy < 2  # "nearly 3 ... nearly 2 points"
    assert temperature < 1 and error_after < error
    assert f"from {error} to {error_after} %" in text("the calibration error falls")
    assert cooled_test[2] > test[2]
    assert f"it is {test[2]} % before and {cooled_test[2]} % after" in text("the calibration error falls")
    (gain, low, high), (gain_test, low_test, high_test) = (
        numbers(line.partition(":")[2]) for line in stored("gain = losses").splitlines()
    )
    assert 0 < low < gain < high and gain == pytest.approx(gain_test, abs=0.001) and low_test < 0 < high_test


@pytest.mark.records
def test_neither_change_of_the_calibration_error_is_beyond_chance() -> None:
    (half, *first), (test, *second) = (
        numbers(line.partition(":")[2].replace("+", "")) for line in stored("def change_of_error").splitlines()
    )
    assert half < 0 < test and all(low < 0 < high for low, high in (first, second))
    assert "either change may be chance" in text("Both intervals contain zero")


@pytest.mark.records
def test_chance_alone_gives_an_error_that_is_larger_for_fewer_images() -> None:
    (many, error), (few, larger) = (numbers(line) for line in stored("own = torch.multinomial").splitlines())
    _, half, _, test = (numbers(line)[2] for line in stored("judges = {").splitlines()[1:])
    assert (many, few) == (5000, 1000) and error < larger
    assert f"part of the {half} % on the other half, and of the {test} % on 1,000" in text("So a good part of the")
    assert error > 0.3 * half and larger > 0.3 * test


@pytest.mark.parametrize("names", BOTH[1:], indirect=True)
def test_the_temperature_brings_the_last_bin_to_the_line_and_overshoots_in_three(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["temperature"] = names["fit_temperature"](names["logits"][: names["half"]], names["labels"][: names["half"]])
    monkeypatch.setattr("cifar_helpers.figures.show", lambda figure: None)
    after_cell("07", "after = reliability(", names)
    after, said = names["after"], text("hollow points have fewer than ten")
    gaps = 100 * (after.accuracy - after.confidence)
    errors = 100 * (after.accuracy * (1 - after.accuracy) / after.counts).sqrt()
    low = [k for k in range(9) if gaps[k] < -2 * errors[k] and after.counts[k] > 100]
    assert [100 * float(after.confidence[k]) for k in low] == pytest.approx([55, 75, 86], abs=0.6)
    assert "55, 75 and 86 %" in said and all(-8.5 < gaps[k] < -5.5 for k in low) and "6 to 8 points *below*" in said
    assert abs(gaps[9]) < 1 and f"with {100 * int(after.counts[9]) / int(after.counts.sum()):.0f} %" in said
    before = names["before"]
    assert int(before.counts[before.accuracy > before.confidence].sum()) > 0.9 * int(before.counts.sum())
    below = int(after.counts[after.accuracy < after.confidence].sum()) / int(after.counts.sum())
    assert f"bins with {100 * below:.0f} % of the predictions lie below the line" in said


# --- other images -------------------------------------------------------------------------------------------------


def shifts() -> dict[str, tuple[float, float]]:
    """Accuracy and confidence of each stored set, in percent."""
    found = re.findall(r"(?:^|[.;] )([^.;]+): ([\d.]+) % \([^)]*\), confidence ([\d.]+) %", stored('sets["sketches"]'))
    return {name: (float(accuracy), float(confidence)) for name, accuracy, confidence in found}


@pytest.mark.records
def test_accuracy_falls_further_than_confidence_on_every_changed_set_and_most_with_blur_and_darkness() -> None:
    found = shifts()
    accuracy, confidence = found.pop("unchanged")
    assert len(found) == 5 and all(accuracy - a > confidence - c > 0 for a, c in found.values())
    worst = sorted(found, key=lambda name: found[name][0])[:2]
    assert {name[:4] for name in worst} == {"blur", "dark"}
    assert all(accuracy - found[name][0] > 30 for name in worst) and "more than 30 points each" in text("darkness cost")
    assert f"On sketches the network is {accuracy - found['sketches'][0]:.0f} points less" in text("darkness cost")
    dark = found["darkened to 35 %"]
    assert dark[0] < dark[1] - 5  # "right far less often than it was confident", in quiz 4


def rows_of_shift() -> dict[str, list[float]]:
    """Of each stored set: how far it is overconfident, with its interval, and the calibration errors; in percent."""
    _, *lines = stored("over = 100 *").splitlines()
    number = r"([+-]?[\d.]+)"
    pattern = rf"(.+?) +{number} \( *{number} to +{number}\) +{number}% +{number}%"
    found = [re.fullmatch(pattern, line) for line in lines]
    return {row[1]: [float(value) for value in row.groups()[1:]] for row in found if row}


@pytest.mark.records
def test_only_blurred_and_darkened_images_and_sketches_are_clearly_overconfident() -> None:
    rows, said = rows_of_shift(), text("the error rises on all five")
    assert len(rows) == 6 and rows.pop("unchanged")[2] < 0
    assert {name[:4] for name, (_, low, *_) in rows.items() if low > 0} == {"blur", "dark", "sket"}
    assert all(low < 0 < high for name, (_, low, high, *_) in rows.items() if name[:3] in ("JPE", "rot"))
    assert "On blurred and darkened images and on sketches" in said and "interval contains zero" in said


@pytest.mark.records
def test_the_temperature_harms_on_every_changed_set_and_not_on_the_unchanged_one() -> None:
    rows = rows_of_shift()
    before, after = rows.pop("unchanged")[3:]
    assert after < before and all(after > before + 2 for *_, before, after in rows.values())
    jpeg = rows["JPEG, quality 75"]
    assert f"The rise with JPEG, {jpeg[4] - jpeg[3]:.1f} points, may be chance" in text("the error rises on all five")


@pytest.mark.parametrize("names", BOTH[1:], indirect=True)
def test_on_jpeg_and_rotated_images_confidence_lags_and_the_error_is_about_what_chance_gives(
    names: dict[str, Any],
) -> None:
    known, model = names["validation"].subset(slice(names["half"], names["half"] + 1000)), names["model"]
    larger = change.pad(known.images, 8, padding_mode="reflect")
    versions = known.images, change.jpeg(known.images, 75), change.center_crop(change.rotate(larger, 15), 32)
    temperature = fit_temperature(names["logits"][: names["half"]], names["labels"][: names["half"]])
    generator, over, rises = torch.Generator().manual_seed(0), [], []
    picks = torch.randint(1000, (500, 1000), generator=torch.Generator().manual_seed(0))  # as in the lesson
    for images in versions:
        logits = collect_logits(model, ImageSet(images, known.labels))[0]
        shares, sharper = logits.softmax(1), (logits / temperature).softmax(1)
        redrawn = [reliability(s[k], known.labels[k]).error for k in picks for s in (shares, sharper)]
        change_of_error = torch.tensor(redrawn).view(-1, 2).diff(dim=1)
        rises.append([100 * float(change_of_error.quantile(share)) for share in (0.025, 0.975)])
        over.append(shares.max(1).values - (shares.argmax(1) == known.labels).float())
        if images is not known.images:
            own = torch.multinomial(shares, 100, replacement=True, generator=generator)
            chance = torch.tensor([reliability(shares, own[:, k]).error for k in range(100)])
            assert chance.quantile(0.025) < reliability(shares, known.labels).error < chance.quantile(0.975)
            assert bootstrap_interval(over[-1] - over[0])[0] > 0  # accuracy falls further than confidence
    (_, compressed, rotated), said = rises, text("the error rises on all five")
    assert rotated[0] > 0 > compressed[0]
    assert f"(on redraws as above, −{-compressed[0]:.1f} to +{compressed[1]:.1f} points; not shown)" in said


@pytest.mark.records
def test_compression_alone_can_explain_what_the_other_test_images_lack() -> None:
    exact, others = (float(share) for share in re.findall(r"([\d.]+)%", stored("test_logits, test_labels =")))
    cost, low, high = numbers(stored("lost = unchanged"))
    parts = (exact, 1000), (others, 9000)
    error = 2 * sum(share * (100 - share) / count for share, count in parts) ** 0.5
    said = text("compression alone can explain")
    assert f"{exact - others:.1f} points lower than the exact ones, give or take {error:.1f}" in said
    assert f"costs {cost}, from {low} to {high}" in said and 0 < low < exact - others < high


@pytest.mark.records
def test_shuffled_images_are_hard_to_tell_from_known_ones_and_noise_is_not() -> None:
    _, shuffled, _, *pictured = stored("auroc = ").splitlines()
    pattern = r"(\w+)(?: images)?(?:: AUROC ([\d.]+) %)?, ([\d.]+) % below it, mean ([\d.]+) %"
    found = {name: [float(n or 0) for n in shares] for name, *shares in re.findall(pattern, "\n".join(pictured))}
    said = text("AUROC is only")
    assert list(found) == ["known", "noise", "shuffled", "houses"]
    (_, known, _), noise, (auroc, rejected, confidence), houses = found.values()
    assert f"{known:.0f} % of the known images and {noise[1]:.0f} % of the noise" in said
    assert numbers(shuffled)[0] > 85 and "called frog" in shuffled and "nearly all are called frog" in said
    assert f"AUROC is only {auroc:.0f} %" in said and f"with a mean confidence of {confidence:.0f} %" in said
    assert rejected < known + 2 and min(noise[0], houses[0]) > 85 > 75 > auroc


@pytest.mark.real
def test_nearly_all_shuffled_images_are_called_frog(real_data: Cifar10) -> None:
    validation, model = real_data.split()[1], load_run("good-25").model()
    for seed in range(1, 9):  # others than in the lesson
        order = torch.randperm(32 * 32, generator=torch.Generator().manual_seed(seed))
        shuffled = validation.images[:500].flatten(2)[:, :, order].view(-1, 3, 32, 32)
        logits, _ = collect_logits(model, ImageSet(shuffled, validation.labels[:500]))
        assert (logits.argmax(1) == FROG).float().mean() > 0.9
        assert logits.softmax(1).max(1).values.mean() > 0.7  # "with confidence"
    assert text("With eight others, nearly all were called frog")


def test_the_share_of_pairs_is_the_area_under_the_curve() -> None:
    generator = torch.Generator().manual_seed(0)
    known, unknown = torch.rand(200, generator=generator) ** 0.5, torch.rand(150, generator=generator)
    thresholds = torch.cat([known, unknown, torch.tensor([-1.0])]).sort(descending=True).values
    kept = [(float((unknown > t).float().mean()), float((known > t).float().mean())) for t in thresholds]
    area = float(np.trapezoid([y for _, y in kept], [x for x, _ in kept]))
    assert float((known[:, None] > unknown).float().mean()) == pytest.approx(area, abs=0.01)


# --- where it looks -----------------------------------------------------------------------------------------------


def roughness(values: np.ndarray[Any, Any]) -> float:
    """How much neighbouring pixels differ, as a share of what any two pixels do."""
    size = np.abs(values)
    return float(np.abs(np.diff(size, axis=1)).mean() / max(np.abs(size - size.mean()).mean(), 1e-9))


def test_gradient_maps_are_speckled_the_others_coarse_and_they_often_disagree(names: dict[str, Any]) -> None:
    model, images, predicted = names["model"], names["validation"].images, names["predicted"]
    methods = ("saliency", "integrated gradients", "Grad-CAM", "occlusion")
    maps = [{m: attribute(model, images[k], int(predicted[k]), m) for m in methods} for k in range(4)]
    rough = {m: np.mean([roughness(found[m]) for found in maps]) for m in methods}
    assert min(rough["saliency"], rough["integrated gradients"]) > 1.5 * max(rough["Grad-CAM"], rough["occlusion"])
    across = [rank_agreement(abs(f["saliency"]), abs(f[m])) for f in maps for m in ("Grad-CAM", "occlusion")]
    assert np.mean(across) < 0.5


@pytest.mark.records
def test_the_maps_of_the_horse_and_of_the_bird_point_where_the_lesson_says() -> None:
    rows = dict(
        re.findall(
            r"(image \d+): (.*?)[;.](?: |$)", stored("label = validation.images[k], int(predicted[k])\n    name")
        )
    )
    maps = {image: dict(re.findall(r"({}) ([a-z ]+)".format("|".join(METHODS)), row)) for image, row in rows.items()}
    said = text("Saliency and integrated gradients are speckled")
    assert rows["image 2"].startswith("horse, predicted horse") and rows["image 0"].startswith(
        "bird, predicted airplane"
    )
    assert maps["image 2"].pop("saliency") == "in the middle" and set(maps["image 2"].values()) == {"middle left"}
    assert "for the horse, saliency is strongest in the middle, the other four on the left" in said
    assert maps["image 0"]["Grad-CAM"] == maps["image 0"]["occlusion"] == "lower middle"
    assert list(rows)[:3] == ["image 1", "image 2", "image 0"] and len(rows) == 4


def test_the_map_adds_up_to_the_difference_of_the_logits(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    names["attribute"] = attribute
    after_cell("07", "integrated.sum()", names)
    total, seen, grey, difference = numbers(capsys.readouterr().out)
    assert total == pytest.approx(difference, rel=0.02, abs=0.05) and seen - grey == pytest.approx(difference, abs=0.02)


@pytest.mark.records
def test_on_cifar_10_the_sum_is_right_to_within_one_percent() -> None:
    total, _, _, difference = numbers(stored("integrated.sum()"))
    assert total == pytest.approx(difference, rel=0.01) and text("two agree to within one percent")


def test_a_map_of_grad_cam_has_one_weight_per_map_and_places_as_the_lesson_says(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("07", "torch.autograd.grad(logit, maps)", names)
    after_cell("07", "weights = gradient[0]", names)
    shapes, weights = capsys.readouterr().out.splitlines()[-2:]
    assert "maps (1, 128, 4, 4)" in shapes and "There are 128 maps of 4×4 positions" in text(
        "one number of the gradient"
    )
    assert " of 128 maps have a positive weight for " in weights


def agreements(names: dict[str, Any], count: int) -> dict[str, float]:
    """Mean agreement of the maps of a trained and a broken network, by the lesson's own measure."""
    names |= {"attribute": attribute, "rank_agreement": rank_agreement}
    (source,) = [source for source in code_cells("07") if "def importance(" in source]
    exec(source.partition("for method in METHODS")[0], names)
    importance, networks = names["importance"], (names["model"], names["broken"][0])
    return {
        method: float(
            np.mean([rank_agreement(*(importance(network, k, method) for network in networks)) for k in range(count)])
        )
        for method in METHODS
    }


def test_only_guided_backpropagation_survives_random_linear_layers(names: dict[str, Any]) -> None:
    after_cell("07", "layer.reset_parameters()", names)
    found = agreements(names, 5)
    others = [value for method, value in found.items() if method != "guided backpropagation"]
    assert found["guided backpropagation"] > 0.6 > 0.55 > max(others)


@pytest.mark.real
def test_other_random_layers_give_the_same_order(real_data: Cifar10) -> None:
    names: dict[str, Any] = {"torch": torch, "nn": nn, "model": load_run("good-25").model()}
    names["validation"] = real_data.split()[1].subset(slice(0, 6))
    names["predicted"] = collect_logits(names["model"], names["validation"])[0].argmax(1)
    for seed in (3, 4):
        names["broken"] = [load_run("good-25").model()]
        torch.manual_seed(seed)
        for layer in names["broken"][0].classifier:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
        found = agreements(names, 6)
        assert found["guided backpropagation"] > 0.7 > 0.55 > max(found["saliency"], found["integrated gradients"])
        assert max(found["Grad-CAM"], found["occlusion"]) < min(found["saliency"], found["integrated gradients"])


@pytest.mark.records
def test_the_stored_agreements_are_in_the_order_that_the_lesson_tells() -> None:
    lines = [line.split("agreement") for line in stored("def importance(").splitlines()]
    found = {name.strip(): numbers(values) for name, values in lines}
    assert tuple(found) == METHODS and "-0.00" not in stored("def importance(")
    assert found["guided backpropagation"][1] > 0.7 > found["saliency"][2]
    zero = {name: values[6] for name, values in found.items()}
    said, (salient, gradients) = (
        text("least about the prediction"),
        (found[m] for m in ("saliency", "integrated gradients")),
    )
    assert f"{gradients[0]:.2f}, where different pictures reach {zero['integrated gradients']:.2f}" in said
    assert f"Of saliency's {salient[0]:.2f} little" in said and f"pictures reach {zero['saliency']:.2f}" in said
    assert salient[0] - zero["saliency"] < 0.15 < gradients[1] - zero["integrated gradients"]
    assert found["guided backpropagation"][1] - zero["guided backpropagation"] > 0.6
    for method in ("Grad-CAM", "occlusion"):  # "next to nothing", "for each of the three draws"
        assert found[method][1] < 0.05 and found[method][2] < 0.2 and max(map(abs, found[method][3:6])) < 0.15
    assert all(len(values) == 7 for values in found.values())  # and that of different pictures
    for method in ("saliency", "integrated gradients"):
        low, high = min(found[method][3:6]), max(found[method][3:6])
        assert low > 0.2 and high < min(found["guided backpropagation"][3:6])
    assert all(share < 20 for share in map(float, re.findall(r"([\d.]+)%", stored("layer.reset_parameters()"))))


@pytest.mark.real
def test_grey_squares_are_called_truck_as_the_stretch_says(real_data: Cifar10) -> None:
    known, said = real_data.split()[1].subset(slice(5000, 6000)), text("called truck without a cover")
    grey = denormalise(torch.zeros(3, 1, 1))
    counts = {}
    logit = {}
    for side in (0, 8, 16, 20, 24, 32):
        covered, edge = known.images.clone(), (32 - side) // 2
        covered[:, :, edge : 32 - edge, edge : 32 - edge] = grey
        logits, _ = collect_logits(load_run("good-25").model(), ImageSet(covered, known.labels))
        counts[side] = torch.bincount(logits.argmax(1), minlength=10)
        logit[side] = float(logits[:, TRUCK].mean())
    none, few, some, many, beyond = (int(counts[side][TRUCK]) for side in (0, 8, 16, 20, 24))
    assert f"Of the 1,000 images, {none} are called truck without" in said
    assert f"{few} with a grey square of 8 pixels, {some} with 16, and {many} with 20. With each" in said
    assert f"With 24 pixels it is {beyond} images, and with 32" in said and none < few < some < many > beyond
    assert all(int(counts[side].argmax()) == TRUCK for side in (8, 16, 20)) and int(counts[32][SHIP]) == 1000
    assert f"raise the mean logit of truck by {logit[8] - logit[0]:.1f}" in said


@pytest.mark.records
def test_in_the_figure_of_the_broken_network_only_guided_backpropagation_agrees() -> None:
    found = re.findall(r"([A-Za-z -]+) (-?[\d.]+)[,.](?: |$)", stored("random\\nlinear").partition("ranks: ")[2])
    values = {name.strip(): float(value.rstrip(".")) for name, value in found}
    said = "it is not: {saliency:.2f}, against {guided backpropagation:.2f} for guided".format_map(values)
    assert said in text("saliency looks much alike")
    assert values.pop("guided backpropagation") > 0.75 and len(values) == 4 and max(values.values()) < 0.6


# --- the text itself ----------------------------------------------------------------------------------------------


@pytest.mark.records
def test_figures_write_their_own_alt_texts() -> None:
    assert not [source for source in code_cells("07") if "alt=" in source]
