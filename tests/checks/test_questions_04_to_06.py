"""What the questions and pictures of lessons 04 to 06 say is true of the records and of what the lessons compute."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
import torch
from helpers import ALL, after_cell, right, solution, truth
from torch import nn

from cifar_helpers import MLP, CifarCNN, count_parameters, load_run, normalise
from cifar_helpers.checks import PREDICTIONS
from cifar_helpers.checks.answers import reply
from cifar_helpers.checks.lesson_04 import pictures as pictures_04
from cifar_helpers.checks.lesson_06 import pictures as pictures_06
from cifar_helpers.data import CLASSES
from cifar_helpers.data.sketches import draw
from cifar_helpers.inference import predict
from cifar_helpers.roofline import layer_work
from cifar_helpers.timing import recorded_benchmark, recorded_curves

# --- lesson 04 ---------------------------------------------------------------------------------------------------


def test_after_thirty_epochs_the_validation_loss_passes_its_lowest_point_and_rises() -> None:
    history = load_run("published-100").history
    half_way = history.best_epoch
    validation, training = history["validation_loss"], history["train_loss"]
    assert "lowest point and rises" in right("after_thirty") and 40 <= half_way <= 60
    assert validation[29] > validation[half_way - 1] and validation[-1] > 1.1 * validation[half_way - 1]
    assert training[29] > training[half_way - 1] > training[-1]
    assert history["validation_accuracy"][-1] == pytest.approx(history["validation_accuracy"][half_way - 1], abs=0.01)


def test_the_good_recipe_gains_more_than_the_extra_epochs_did() -> None:
    short, long, good = (load_run(name) for name in ("published-25", "published-100", "good-25"))
    accuracies = [run.metrics["validation"]["accuracy"] for run in (short, long, good)]
    assert truth("good_recipe") == pytest.approx(100 * (accuracies[2] - accuracies[1]), abs=0.05)
    assert truth("good_recipe") > 100 * (accuracies[1] - accuracies[0])
    start, old, new = (f"{100 * accuracy:.1f}" for accuracy in accuracies)
    said = PREDICTIONS["good_recipe"].says  # differences of what is shown
    assert f"from {old} % to {new} %" in said and f"from {start} % to {old} %" in said
    assert truth("good_recipe") == round(float(new) - float(old), 1)
    asked = PREDICTIONS["good_recipe"].ask  # what one can reason from, and what the replies speak of
    assert f"of {old} % after {long.recipe.epochs} epochs." in asked
    assert f"the same network for only {good.recipe.epochs} epochs." in asked
    assert f"a constant learning rate of {long.recipe.learning_rate}," in asked and not long.recipe.one_cycle
    assert f"Its rate rises to {good.recipe.learning_rate} and then falls to zero" in asked and good.recipe.one_cycle
    assert f"Epochs {short.recipe.epochs + 1} to {long.recipe.epochs} of the old recipe gained less:" in said
    told = {reply(PREDICTIONS["good_recipe"], guess).says.partition("Epochs 26")[2] for guess in (-10, 0, 5, 9, 13)}
    assert len(told) == 1 and "" not in told  # the reason is for everybody, right or wrong
    assert f"gained less: {float(old) - float(start):.1f} points" in said and "a rate a hundred times as high" in said
    assert good.recipe.learning_rate == pytest.approx(100 * long.recipe.learning_rate)


def test_too_long_a_step_lands_higher_on_the_other_side() -> None:
    after = {rate: (2 * (1 + 4 * rate) - 3) ** 2 for rate in (0.1, 0.25, 0.3)}
    assert after[0.1] < after[0.25] == 1 < after[0.3] and right("too_far") == "It rises above 1."


def test_momentum_makes_steps_along_a_slope_ten_times_as_long() -> None:
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.01, momentum=0.9)
    for _ in range(100):
        before = weight.detach().clone()
        optimizer.zero_grad()
        weight.sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(before - weight.detach()) / 0.01 == pytest.approx(truth("momentum_speed"), abs=0.01)


def test_four_times_as_many_images_gain_most() -> None:
    def mean(name: str, images: str = "validation") -> float:
        runs = [load_run(name + seed) for seed in ("", "-seed-1", "-seed-2")]
        return sum(run.metrics[images]["accuracy"] for run in runs) / 3

    def says(name: str, option: int) -> str:
        return ALL[name].options[option].says  # type: ignore[union-attr]

    names = ("small-decay", "small-dropout", "small-augment", "more-data")
    gains = {name: mean(name) - mean("small-plain") for name in names}
    assert max(gains, key=gains.__getitem__) == "more-data"
    assert max(names[:3], key=gains.__getitem__) == "small-augment"
    assert right("remedies") == "Four times as many images, for the same number of epochs"
    dropout, decay, *others = ALL["remedies"].measured()  # type: ignore[union-attr, misc]
    assert [decay, dropout, *others] == pytest.approx([100 * gains[name] for name in names])
    assert load_run("small-dropout").recipe.dropout == 0.5
    assert 0.45 < gains["small-augment"] / gains["more-data"] < 0.6 and "about half of this gain" in says("remedies", 3)
    runs = ("small-plain", "small-dropout", "small-decay")
    learnt = [mean(name, "training") for name in runs]
    assert f"falls from {learnt[0]:.0%} to {learnt[1]:.0%}.".replace("%", " %") in says("remedies", 0)
    assert f"classifies {learnt[2]:.0%} of its training".replace("%", " %") in says("remedies", 1)
    plain, more = (load_run(name).recipe for name in ("small-plain", "more-data"))
    asked = PREDICTIONS["remedies"].ask
    said = f"trains for {plain.epochs} epochs on {plain.train_images:,} images and classifies {mean('small-plain'):.1%}"
    assert said.replace("%", " %") in asked and "keeps the 24 epochs" in asked
    assert more.epochs == plain.epochs and more.batch_size == plain.batch_size and plain.train_images == 10_000


def test_the_best_of_thirty_is_what_the_lesson_computes() -> None:
    names = after_cell("04", "torch.rand(200, 30, 1000", {"torch": torch})
    assert truth("best_of_thirty") == pytest.approx(100 * float(names["shares"].max(1).values.mean()), abs=1e-4)
    error = 100 * math.sqrt(0.8 * 0.2 / 1000)
    assert 1 < error < 1.3  # "little more than a point"
    assert (truth("best_of_thirty") - 80) / error == pytest.approx(2, abs=0.1)  # "about two of them too high"
    assert 2.7 < (83.5 - 80) / error < 3  # "almost three standard errors"


# --- lesson 05 ---------------------------------------------------------------------------------------------------


def flop(model: nn.Module) -> int:
    return sum(layer.flop for layer in layer_work(model, 1))


def test_the_cnn_does_several_times_the_arithmetic_with_fewer_parameters() -> None:
    cnn, mlp = CifarCNN(), MLP()
    assert "1.3 million parameters, the MLP 1.7 million" in ALL["cnn_or_mlp"].ask
    assert [round(count_parameters(model) / 1e6, 1) for model in (cnn, mlp)] == [1.3, 1.7]
    assert flop(cnn) > 3 * flop(mlp) and "several times" in right("cnn_or_mlp")


def test_the_operations_a_byte_are_what_the_lesson_prints() -> None:
    weights = 4 * count_parameters(MLP())
    assert f"{truth('operations_a_byte'):.1f}" == f"{flop(MLP()) / weights:.1f}" == "0.5"


def test_an_image_takes_less_time_in_a_batch_of_sixteen_in_every_record() -> None:
    assert right("image_in_a_batch") == "In a batch of 1."
    assert all(curve[1] > 2 * curve[16] for curve in recorded_curves().values())


def test_batch_norm_relu_and_pooling_do_the_fewest_operations_per_byte() -> None:
    layers = {layer.name: layer.intensity for layer in layer_work(CifarCNN(), 200)}
    small = {name for name in layers if name.startswith(("batch norm", "ReLU", "max pool"))}
    assert right("fewest_operations") == "Batch norm, ReLU and max pooling."
    assert max(layers[name] for name in small) <= 0.25 < 4 < min(layers[name] for name in layers.keys() - small)
    assert round(layers["conv 1"]) == 12 and min(layers["conv 2"], layers["conv 3"]) > 95


def test_sixteen_bits_gained_most_in_the_record_and_whole_batches_next_to_nothing() -> None:
    gains = {row["engine"]: row["gain"] for row in recorded_benchmark("b") if "gain" in row}
    assert max(gains, key=gains.__getitem__) == "+ bfloat16 in training" and "16 bits" in right("one_change")
    assert sorted(gains.values())[-2] == gains["+ channels last"]
    seconds = [row["median"] for row in recorded_benchmark("b")]
    saved = [before - after for before, after in itertools.pairwise(seconds)]
    assert saved.index(max(saved)) == 1  # channels last: the largest number of seconds, not the largest factor
    assert gains["+ whole batches"] < 1.05 and gains["+ fused update"] < 1.05
    *_, bfloat16, update = ALL["one_change"].measured()  # type: ignore[union-attr, misc]
    assert (bfloat16, update) == (gains["+ bfloat16 in training"], gains["+ fused update"])


# --- lesson 06 ---------------------------------------------------------------------------------------------------


def test_pictures_that_are_not_normalised_cost_most() -> None:
    pixels = [np.asarray(draw(k % 10, seed=k)).transpose(2, 0, 1) for k in range(100)]
    images, labels = torch.from_numpy(np.stack(pixels)), torch.arange(100) % 10
    ways = {
        "as in training": normalise(images),
        "Normalising with a mean and standard deviation of 0.5": images / 127.5 - 1,
        "Exchanging red and blue": normalise(images.flip(1)),
        "Leaving the numbers between 0 and 1": images / 255,
    }
    model = load_run("good-25").model()
    with torch.no_grad():
        accuracies = {way: float((model(x).argmax(1) == labels).float().mean()) for way, x in ways.items()}
    assert min(accuracies, key=accuracies.__getitem__) == right("preprocessing_mistakes")
    assert max(accuracies, key=accuracies.__getitem__) == "as in training"


def test_to_noise_a_few_classes_share_most() -> None:
    noise = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    top = predict(noise).top
    assert sum(share for _, share in top) > 0.75 and top[0][1] < 0.5 and "share most" in right("noise")


# --- pictures of right answers -------------------------------------------------------------------------------------


def test_the_picture_of_early_stopping_shows_what_the_answer_said() -> None:
    history = load_run("published-100").history
    stopped, kept = solution("early_stopping")(history["validation_loss"], 10, 0.0)
    page = pictures_04.stopping(solution("early_stopping"))
    assert f"stops after epoch {stopped} and keeps epoch {kept}" in page and kept == history.best_epoch
    assert "stops after epoch 30 and keeps epoch 20" in pictures_04.stopping(lambda *_: (30, 20))


def test_the_picture_of_the_training_step_shows_a_loss_that_falls() -> None:
    before = torch.get_rng_state()
    first, last = re.findall(r"from ([\d.]+) to ([\d.]+)\.<", pictures_04.falling(solution("training_step")))[0]
    assert float(last) < 0.5 * float(first)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_picture_of_the_preprocessed_photo_has_its_three_channels() -> None:
    page = pictures_06.preprocessed(solution("preprocess"))
    assert len(re.findall(r'<img alt="Your (red|green|blue) channel', page)) == 3 and "1×3×32×32" in page


def test_the_picture_of_the_confusion_matrix_has_the_recorded_counts() -> None:
    recorded = np.asarray(load_run("good-25").metrics["validation"]["confusion"])
    page = pictures_06.confused(solution("confusion"))
    shown = re.findall(r">(\d+)</text>", page)
    assert [int(count) for count in shown] == recorded.flatten().tolist()
    off = recorded - np.diag(np.diag(recorded))
    true, predicted = divmod(int(off.argmax()), 10)
    assert f"{CLASSES[true]} predicted as {CLASSES[predicted]}, {off.max()} times" in page


def test_the_picture_of_saliency_names_its_brightest_pixel() -> None:
    def one_spot(model: nn.Module, image: torch.Tensor, label: int) -> torch.Tensor:
        spot = torch.zeros(image.shape[1:])
        spot[7, 9] = 1.0
        return spot

    assert "row 7, column 9" in pictures_06.salient(one_spot)
    page = pictures_06.salient(solution("saliency"))
    assert page.count("<img alt=") == 2 and "row 7, column 9" not in page
