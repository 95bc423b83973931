"""What lesson 04 says about its results is true of the records, of its stored outputs, and of runs on the drawings."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import Any

import pytest
import torch
from helpers import after_cell
from stored_lesson import BOTH, StoredLesson, numbers, three_seeds
from torch import nn

from cifar_helpers import (
    CLASSES,
    Augment,
    BatchLoader,
    Cifar10,
    CifarCNN,
    collect_logits,
    evaluate,
    fit,
    load_run,
    predict,
)
from cifar_helpers.bug_gallery import evidence, inject
from cifar_helpers.evaluation import bootstrap_interval
from cifar_helpers.web.export import sketches
from cifar_helpers.widgets.overfitting_lab import early_stop

LESSON = StoredLesson("04")
text, stored = LESSON.text, LESSON.stored
RECIPES = ("small-plain", "small-decay", "small-dropout", "small-augment", "more-data-same-steps", "more-data")


def mean(name: str, part: str = "validation", what: str = "accuracy") -> float:
    return sum(float(run.metrics[part][what]) for run in three_seeds(name)) / 3


@pytest.fixture(params=BOTH)
def names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the lesson's first cell defines, with the drawings or the real data."""
    return LESSON.first_names(request.getfixturevalue(request.param), monkeypatch)


# --- part one: on any data ----------------------------------------------------------------------------------------


def test_the_first_loss_is_near_ln_10_and_a_step_is_a_small_share_of_the_weights(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("04", "for _ in range(5):", names)
    losses = numbers(capsys.readouterr().out)
    assert losses[0] == pytest.approx(math.log(10), abs=0.1) and losses == sorted(losses, reverse=True)
    after_cell("04", "change = -0.05 * weight.grad", names)
    shares = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert len(shares) == 6 and all(0.001 < share < 0.0075 for share in shares)


@pytest.mark.slow  # the lesson's own cells do the same each time
def test_one_batch_is_learned_by_heart_and_a_blind_network_stays_near_ln_10(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("04", "BatchLoader(some, 20)", names)
    assert float(capsys.readouterr().out.split()[-1]) < 0.05  # "practically zero"
    after_cell("04", '("zeros", 0.0)', names)
    seeing, blind = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines())
    assert blind == pytest.approx(math.log(10), abs=0.1) and seeing < blind - 0.3


def test_two_gradients_and_three_steps_are_those_that_torch_finds(capsys: pytest.CaptureFixture[str]) -> None:
    values = after_cell("04", "loss_by_z = 2 * (z - y)", {})
    after_cell("04", "first = torch.tensor(w1", {**values, "torch": torch})
    by_hand, by_torch = capsys.readouterr().out.splitlines()[-2:]
    assert by_hand == by_torch


# --- part one: on CIFAR-10 ----------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_sweep_has_a_valley_between_rates_that_do_nothing_and_one_that_diverges() -> None:
    said = stored("figures.rate_sweep")
    lowest, rate, at_smallest, _, at_largest, largest = numbers(said)[:6]
    assert 0.01 <= rate <= 0.1 and lowest < 2.1 and at_smallest > 2.25 and "diverged at 1." in said
    assert "a rate of 1 *diverges*" in text("*diverges*") and largest == 0.3 and at_largest > lowest + 0.1


@pytest.mark.real
def test_the_nearest_class_mean_classifies_as_many_images_as_the_lesson_says(real_data: Cifar10) -> None:
    train, validation = real_data.split()
    means = torch.stack([train.images[train.labels == k].float().mean(0).flatten() for k in range(10)])
    nearest = torch.cdist(validation.images.float().flatten(1), means).argmin(1)
    accuracy = float((nearest == validation.labels).float().mean())
    assert f"the nearest class mean classifies {accuracy:.1%}".replace("%", " %") in text("nearest class mean")


@pytest.mark.records
def test_hundreds_of_steps_at_0001_take_the_loss_well_below_that_of_guessing() -> None:
    run = load_run("published-100")
    assert run.recipe.learning_rate == 0.001 and 40_000 // run.recipe.batch_size < 4 * 8000 // 128  # in its first epoch
    assert run.history.rows[0].validation_loss < math.log(10) - 0.4
    steps = 4 * math.ceil(8000 / 128)
    said = f"{steps} such steps go about as far as {steps // 10} at 0.001"
    assert said in text("batches of 128, the loss")


@pytest.mark.slow
def test_at_a_tenth_of_the_rate_ten_times_the_steps_go_about_as_far(real_data: Cifar10) -> None:
    def loss_after(epochs: int, images: int, rate: float) -> float:
        torch.manual_seed(0)
        model = CifarCNN()
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
        batches = BatchLoader(real_data.train.subset(slice(images)), 128, shuffle=True, augment=Augment(), seed=0)
        held_out = real_data.train.subset(slice(40_000, 42_000))
        history = fit(model, batches, held_out, epochs=epochs, optimizer=optimizer, progress=False)
        return history.rows[-1].validation_loss

    slow = loss_after(4, 8000, 0.0001)
    assert slow == pytest.approx(loss_after(1, 25 * 128, 0.001), abs=0.06)
    assert math.log(10) - 0.1 < slow < math.log(10)


# --- schedules and long runs ----------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_validation_loss_wobbles_at_a_high_rate_and_falls_every_time_at_the_end() -> None:
    history = load_run("good-25").history
    losses, rates = history["validation_loss"], history["learning_rate"]
    high = [k for k in range(1, len(losses)) if rates[k] > 0.05]
    rises = [losses[k] > losses[k - 1] for k in high]
    assert 3 <= sum(rises) < len(rises)
    assert all(losses[k] < losses[k - 1] for k in range(20, 25)) and "In the last five" in text(
        "In the first six epochs"
    )
    assert losses[19] > losses[18] and all(losses[k] < losses[k - 1] for k in range(1, 6))
    assert all(row.train_loss > row.validation_loss for row in history) and load_run("good-25").recipe.label_smoothing


@pytest.mark.records
def test_the_hundred_epochs_turn_where_the_lesson_says_so() -> None:
    history = load_run("published-100").history
    best = history.best_epoch
    losses = history["validation_loss"]
    assert f"lowest after epoch {best}, stays about there until epoch 70, and then rises" in text("*memorises*")
    assert max(losses[best:70]) - losses[best - 1] < 0.06 and min(losses[72:]) - losses[best - 1] > 0.05
    assert history["validation_accuracy"][-1] == pytest.approx(history["validation_accuracy"][best - 1], abs=0.005)
    assert history.rows[0].train_accuracy < history.rows[0].validation_accuracy  # "the gap begins below zero"
    two, five, ten, _ = (numbers(line)[3] for line in stored("stop_after(long").splitlines()[1:])
    assert two == five and ten - two == pytest.approx(1.3, abs=0.05)
    assert "1.3 points less" in text("With patience 2 or 5")
    (patience, stopped, kept, *_), *others = (numbers(line) for line in stored("stop_after(long").splitlines()[1:])
    assert (patience, stopped < best, kept < best) == (2, True, True)
    assert all(row[1] >= stopped for row in others) and others[-1][2] == best
    end = 100 * history["validation_accuracy"][-1]
    rows = stored("stop_after(long").splitlines()[1:]
    assert all(numbers(line)[3] <= end + 0.05 for line in rows)  # "None of these rows has a higher accuracy"


@pytest.mark.records
def test_twenty_five_epochs_take_a_quarter_of_the_time_and_cost_four_points() -> None:
    short, long = load_run("published-25"), load_run("published-100")
    shares = [run.metrics["validation"]["accuracy"] for run in (short, long)]
    errors = [2 * (share * (1 - share) / 10_000) ** 0.5 for share in shares]
    assert shares[0] + errors[0] < shares[1] - errors[1] - 0.01  # "far apart"
    assert 100 * (shares[1] - shares[0]) == pytest.approx(4, abs=0.1)
    assert sum(short.history["seconds"]) / sum(long.history["seconds"]) == pytest.approx(0.25, abs=0.05)


@pytest.mark.records
def test_the_good_recipe_is_what_the_lesson_says() -> None:
    good, long = load_run("good-25"), load_run("published-100")
    end = long.metrics["validation"]["accuracy"]
    passed = next(row.epoch for row in good.history if row.validation_accuracy > end)
    assert text("than the old one after 100").startswith(
        f"After epoch {passed} the new recipe is already more accurate"
    )
    accuracies = good.history["validation_accuracy"]
    assert 100 * (accuracies[-1] - accuracies[-6]) == pytest.approx(5, abs=0.3)
    both = asdict(good.recipe), asdict(long.recipe)
    other = {key for key in both[0] if both[0][key] != both[1][key]}
    other -= {"about", "epochs", "keep_weights", "keep_after", "one_cycle"}  # the schedule and its peak are one thing
    assert len(other) == 7 and "seven things" in text("How a network is trained")
    words = text("A recipe that makes 25 epochs better")
    target = 1 - good.recipe.label_smoothing * 0.9
    assert f"dropout {good.recipe.dropout} instead of {long.recipe.dropout}" in words
    assert f"{target:.1%}".replace("%", " %") in words
    smoothed = nn.functional.cross_entropy(torch.zeros(1, 10), torch.tensor([3]), label_smoothing=0.05)
    assert float(smoothed) == pytest.approx(math.log(10))


# --- what helps against overfitting ---------------------------------------------------------------------------------


@pytest.mark.records
def test_the_recipes_change_one_thing_and_the_last_takes_as_many_steps() -> None:
    plain = load_run("small-plain").recipe
    changes = {"small-decay": {"weight_decay"}, "small-dropout": {"dropout"}, "small-augment": {"flip", "shift"}}
    changes |= {"more-data": {"train_images"}, "more-data-same-steps": {"train_images", "epochs"}}
    for name, fields in changes.items():
        for seed, run in enumerate(three_seeds(name)):
            differing = {key for key, value in asdict(run.recipe).items() if value != asdict(plain)[key]}
            assert differing - {"about", "seed"} == fields and run.recipe.seed == seed
    steps = {name: load_run(name).recipe.epochs * load_run(name).config["data"]["train images"] for name in RECIPES}
    assert steps["more-data-same-steps"] == steps["small-plain"] == steps["more-data"] / 4


@pytest.mark.records
@pytest.mark.parametrize("name", RECIPES)
def test_what_a_record_calls_correct_is_its_accuracy(name: str) -> None:
    for run in three_seeds(name):
        assert float(run.correct().float().mean()) == pytest.approx(run.metrics["validation"]["accuracy"], abs=1e-5)


@pytest.mark.records
def test_pairs_make_the_interval_narrower() -> None:
    paired, unpaired = re.findall(r"± ([\d.]+)", stored("unpaired = "))
    assert float(paired) < 0.7 * float(unpaired) and "much narrower" in text("the paired interval is")


@pytest.mark.records
def test_each_gain_is_as_large_as_the_lesson_says() -> None:
    def gains(name: str) -> list[tuple[float, float]]:
        pairs = zip(three_seeds(name), three_seeds("small-plain"), strict=True)
        differences = [run.correct().double() - base.correct().double() for run, base in pairs]
        return [(100 * float(d.mean()), 200 * float(d.std()) / len(d) ** 0.5) for d in differences]

    words = text("Flips and shifts gain about 5 points")
    about = {"small-augment": 5, "small-dropout": 1, "small-decay": 0.5, "more-data-same-steps": 8, "more-data": 9}
    for name, points in about.items():
        found = gains(name)
        assert sum(g for g, _ in found) / 3 == pytest.approx(points, abs=0.3) and all(g > 0 for g, _ in found)
        include_zero = {"small-decay": 3, "small-dropout": 1}.get(name, 0)
        assert sum(g < error for g, error in found) == include_zero
    assert "all three intervals of weight decay include zero, and so does one of dropout's" in words
    for name, said in (("small-decay", "+0.1 to +1.0"), ("small-dropout", "+0.5 to +1.5")):
        pairs = zip(three_seeds(name), three_seeds("small-plain"), strict=True)
        by_image = torch.stack([100 * (run.correct().float() - base.correct().float()) for run, base in pairs]).mean(0)
        low, high = bootstrap_interval(by_image)
        assert f"{low:+.1f} to {high:+.1f}" == said and said in words
    same, more = ([g for g, _ in gains(name)] for name in ("more-data-same-steps", "more-data"))
    assert all(a < b for a, b in zip(same, more, strict=True))
    assert f"about {sum(same) / 3:.0f} points in as many steps, and {sum(more) / 3:.0f} with four times" in words


@pytest.mark.records
def test_seeds_of_one_recipe_differ_by_about_a_third_of_what_25_epochs_cost() -> None:
    shares = [[100 * run.metrics["validation"]["accuracy"] for run in three_seeds(name)] for name in RECIPES]
    widest = max(max(values) - min(values) for values in shares)
    said = f"seeds differ by at most {widest:.1f} points. The 4 points that 25 epochs cost are almost three times that"
    assert said in text("A narrow interval") and 2.7 < 4 / widest < 3


@pytest.mark.records
def test_the_gap_and_the_loss_are_what_the_lesson_says() -> None:
    train = {name: 100 * mean(name, "training") for name in RECIPES}
    by_heart = ("small-plain", "small-decay", "more-data")
    assert all(train[name] > 99.95 for name in by_heart) and "by heart, too: 100 %" in text("A narrower gap")
    measured_on = load_run("more-data").metrics["training"]["images"]
    assert f"knows even its 40,000 images by heart (measured on {measured_on:,} of them)" in text("A narrower gap")
    judged = {name: 100 * mean(name) for name in ("more-data", "more-data-same-steps")}
    assert train["more-data"] - judged["more-data"] > train["more-data-same-steps"] - judged["more-data-same-steps"] + 5
    assert (
        judged["more-data"]
        > judged["more-data-same-steps"]
        == max(mean(name) * 100 for name in RECIPES if name != "more-data")
    )
    assert all(90 < train[name] < 98 for name in ("small-dropout", "small-augment"))  # "lower it a little"
    loss = {name: mean(name, what="loss") for name in ("small-plain", "small-decay")}
    assert 0.5 < loss["small-decay"] / loss["small-plain"] < 0.6  # "little more than half"
    history = load_run("small-plain").history
    best, last = history.rows[history.best_epoch - 1], history.rows[-1]
    words = text("has its lowest loss after epoch")
    assert f"lowest loss after epoch {best.epoch}, with {best.validation_accuracy:.1%}".replace("%", " %") in words
    assert 100 * (last.validation_accuracy - best.validation_accuracy) == pytest.approx(10, abs=0.5)
    rates = history["learning_rate"]
    assert f"epoch {1 + rates.index(max(rates))} of {len(rates)} is the peak of the rate" in words
    losses = {name: load_run(name).history for name in RECIPES}
    lost = {n: h["validation_accuracy"][-1] - h["validation_accuracy"][h.best_epoch - 1] for n, h in losses.items()}
    assert max(lost, key=lost.__getitem__) == "small-plain"


# --- laboratory, watching it form, and the last exercise -------------------------------------------------------------


def late_mean(name: str, column: str = "validation_accuracy", first: int = 21, last: int = 30) -> float:
    rows = load_run(name).history[column][first - 1 : last]
    return 100 * sum(rows) / len(rows)


@pytest.mark.records
def test_the_laboratory_answers_are_those_of_its_records() -> None:
    words = text("40,000 images raise it most")
    base, few = (
        sum(late_mean(name + seed) for seed in ("", "-seed-1", "-seed-2")) / 3 for name in ("lab-base", "lab-2000")
    )
    more = late_mean("lab-40000")
    assert f"by about {more - base:.0f} points; 2,000 images lower it most, by {base - few:.0f}" in words
    assert abs(late_mean("lab-2000-everything") - few) < 1 and f"8,000 more images bring {base - few:.0f}" in words
    wrong = [late_mean("lab-wrong-labels", first=a, last=b) for a, b in ((11, 20), (21, 30), (20, 24), (26, 30))]
    assert wrong[1] > wrong[0] + 1 and wrong[2] - wrong[3] == pytest.approx(3, abs=0.5)
    assert f"over the last ten epochs about {base - wrong[1]:.0f}" in words
    assert "which ends below 80 % with dropout" in words
    assert load_run("lab-wrong-labels").history["train_accuracy"][-1] < 0.8
    history = load_run("lab-base").history
    stopped, kept = early_stop(history, 3)
    lost = late_mean("lab-base") - 100 * history["validation_accuracy"][kept - 1]
    assert f"With patience 3 or 4, the base's first seed would keep epoch {kept} and lose {lost:.1f} points" in words
    assert "From 5 on" in words and early_stop(history, 4)[1] == kept and stopped < len(history)
    assert all(history["validation_accuracy"][early_stop(history, k)[1] - 1] > 0.73 for k in range(5, 16))


@pytest.mark.records
def test_the_ship_first_loses_and_then_wins_as_the_lesson_says() -> None:
    _, *shares = re.findall(r"(\d+)% after epoch", stored("figures.class_by_epoch"))
    a, b, c, d = shares
    words = text("the ship first loses")
    assert f"from {a} % after epoch 1 to {b} % after epoch 3" in words
    assert f"with {c} % after epoch 8 and {d} % at the end" in words


@pytest.mark.real
def test_the_ship_is_taken_for_an_airplane_after_epochs_1_3_and_8(real_data: Cifar10) -> None:
    good, part = load_run("good-25"), real_data.split()[1].subset(slice(0, 1000))
    after = {epoch: collect_logits(good.model(epoch), part)[0].argmax(1) for epoch in (1, 3, 8, 25)}
    late = int(((after[25] == part.labels) & (after[8] != part.labels)).int().argmax())
    assert {CLASSES[int(after[epoch][late])] for epoch in (1, 3, 8)} == {"airplane"}
    assert "After epochs 1, 3 and 8 the network says *airplane*" in text("the ship first loses")


@pytest.mark.records
def test_the_moved_weights_lie_outside_in_all_cases_but_2_and_7() -> None:
    seen = inject.symptoms()
    symptom = next(one for one in evidence.SYMPTOMS if one.key == "moved")
    outside = [number for number, name in enumerate(inject.CASES, 1) if evidence.outside(symptom, seen[name])]
    assert outside == [1, 3, 4, 5, 6, 8, 9] and "(outside in all cases but 2 and 7)" in text("One answer")


@pytest.mark.records
def test_the_first_kernels_are_found_early() -> None:
    before, after = (load_run("good-25").model(epoch).state_dict() for epoch in (8, 25))
    kernels = [name for name, tensor in before.items() if tensor.dim() > 1]
    first, *later = (float((after[k] - before[k]).norm() / before[k].norm()) for k in kernels)
    assert first == pytest.approx(0.25, abs=0.05) and min(later) > 0.5 and len(later) == 5
    pattern = load_run("good-25").first_kernels()[:, 0].flatten(1)
    assert nn.functional.cosine_similarity(pattern[10], pattern[-1], dim=0) > 0.95  # "by about epoch 10"


def test_three_sketches_get_their_class_with_the_last_weights_only() -> None:
    good = load_run("good-25")
    said = {
        name: [predict(torch.from_numpy(picture.copy()), good.model(epoch)).label for epoch in (1, 3, 8, 25)]
        for name, picture in sketches().items()
    }
    late = {name for name, labels in said.items() if labels[-1] == name and name not in labels[:-1]}
    assert late == {"bird", "cat", "frog"} and "the bird, the cat and the frog get" in text("edges are found early")


@pytest.mark.real
def test_single_changes_of_the_last_exercise_gain_what_its_table_says(real_data: Cifar10) -> None:
    words = text("gains need not add up")
    table = dict(re.findall(r"^\| (none|batches of 25|`lr=0.01`) \| ([\d.]+) \|$", words, re.M))
    rows = {change: float(share) for change, share in re.findall(r"^\| (.+) \| ([\d.]+) \|$", words, re.M)}
    above = {change for change, share in rows.items() if share - rows["none"] > 5}
    assert above == {"batches of 25", "`lr=0.01`"} and "and 1.4 points do not show" in words
    assert rows["batches of 25"] - rows["`lr=0.01`"] == pytest.approx(1.4)
    assert rows["`lr=0.03` and `dropout=0.0`"] < min(rows["`lr=0.03`"], rows["`dropout=0.0`"])
    train, validation = real_data.split()
    some, held_out = train.subset(slice(0, 4000)), validation.subset(slice(0, 2000))
    for change, rate, batch in (("none", 0.005, 100), ("batches of 25", 0.005, 25), ("`lr=0.01`", 0.01, 100)):
        torch.manual_seed(0)
        model = CifarCNN(dropout=0.25)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
        fit(model, BatchLoader(some, batch, shuffle=True), epochs=3, optimizer=optimizer, progress=False)
        assert 100 * evaluate(model, held_out).accuracy == pytest.approx(float(table[change]), abs=2.5)


@pytest.mark.records
def test_thirty_epochs_at_a_small_rate_are_worth_more_than_three_quarters() -> None:
    assert "in 30 epochs of 200 steps each: more than 75 % of the validation images" in text("in 30 epochs of 200")
    run = load_run("published-100")
    assert 40_000 // run.recipe.batch_size == 200
    assert 0.75 < run.history.rows[29].validation_accuracy < 0.8


def test_along_the_valley_momentum_takes_longer_steps_than_plain_sgd() -> None:
    (code,) = [cell.source for cell in LESSON.cells if "walk(0." in cell.source]
    (plain, _), (rate, kept) = re.findall(r"walk\((0\.\d+)(?:, momentum=(0\.\d+))?\)", code)
    longest = float(rate) / (1 - float(kept))  # where a step no longer grows
    assert f"to ten times the rate, {longest:.2g} against {plain}." in text("Plain SGD zig-zags")
    assert round(longest / float(rate)) == 10 and longest > float(plain)
