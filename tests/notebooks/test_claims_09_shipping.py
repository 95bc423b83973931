"""What the second part of lesson 09 says about its results is true of the records and of its stored outputs."""

from __future__ import annotations

import inspect
import json
import re

import pytest
import torch
from helpers import right, truth
from stored_lesson import StoredLesson, numbers

from benchmarks.shipping import limits
from cifar_helpers import load_run
from cifar_helpers._paths import resources
from cifar_helpers.data import MEAN, STD
from cifar_helpers.runs import save_weights
from cifar_helpers.shipping import recorded_forms, recorded_limits

LESSON = StoredLesson("09")
text, stored = LESSON.text, LESSON.stored
FORMS = {row["what"]: row for row in recorded_forms()}
PLAIN = FORMS["PyTorch"]


# --- rounded weights ------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_int8_makes_the_file_four_times_as_small() -> None:
    large, small = numbers(stored("save_weights(cnn, small, int8=True)"))
    assert 3.9 < large / small < 4.1 and "four times as small" in text("## What we saw")
    assert 3.9 < PLAIN["bytes"] / FORMS["weights as int8"]["bytes"] < 4.1


@pytest.mark.records
def test_less_than_one_percent_of_the_numbers_stay_in_float16(tmp_path: object) -> None:
    file = f"{tmp_path}/int8.pt"
    network = load_run("good-25").model()
    save_weights(network, file, int8=True)
    tensors = torch.load(file, weights_only=True).values()
    rest = sum(t.numel() for t in tensors if t.dtype == torch.float16)
    assert "less than 1 % of its numbers" in text("The rest, less than")
    assert 0 < rest < 0.01 * sum(p.numel() for p in network.parameters())
    assert f"{sum(p.numel() for p in network.parameters()):,} parameters" in text("## A quarter of the bytes")


@pytest.mark.records
def test_one_or_two_images_in_a_thousand_change_class_at_a_cost_of_at_most_a_tenth_of_a_point() -> None:
    changed, of, points, error = numbers(stored("rough, _ = collect_logits").replace("±", ""))
    assert 0.001 <= changed / of <= 0.0025 and 0 <= error - points < 0.15
    assert "one or two images in a thousand" in text("at most about a tenth of a point.\n\n## How few bits?")
    row = FORMS["weights as int8"]
    assert 0.001 <= row["other class"] / 10_000 <= 0.0025 and 0 <= 2 * row["error"] - row["points"] < 0.15


def curve(name: str) -> dict[int, float]:
    """Accuracy in percent by bits, from the alt text of the stored figure."""
    said = stored("figures.accuracy_by_bits")
    (words,) = re.findall(f"{name}: ([^;]+?)[;.](?: |$)", said + " ")
    return {int(bits): float(share) for share, bits in re.findall(r"([\d.]+) % with (\d)", words)}


@pytest.mark.records
def test_accuracy_is_flat_down_to_five_bits_and_breaks_at_three() -> None:
    (unrounded,) = map(float, re.findall(r"float32 has ([\d.]+) %", stored("figures.accuracy_by_bits")))
    channels, layers = curve("one scale per channel"), curve("one scale per layer")
    assert list(channels) == list(layers) == [8, 7, 6, 5, 4, 3, 2]
    assert all(abs(one[bits] - unrounded) < 1 for one in (channels, layers) for bits in (5, 6, 7, 8))
    assert max(channels[3], layers[3]) < unrounded - 5 and max(channels[2], layers[2]) < 20
    said = text("within a point of `float32` down to 5 bits")
    assert f"the accuracy is {unrounded - channels[4]:.0f} point lower, above the dotted line" in said
    assert unrounded - channels[4] < 2 < unrounded - layers[4]
    assert f"with one scale per layer it is {unrounded - layers[4]:.1f} points lower" in said
    assert f"At 3 bits {channels[3]:.0f} % and {layers[3]:.0f} % are left" in said
    fewest = truth("fewest_bits")
    assert channels[int(fewest)] > unrounded - 2 > unrounded - 5 > channels[int(fewest) - 1]


# --- other programs -------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_onnx_runtime_agrees_with_pytorch_and_its_file_has_no_batch_norm() -> None:
    difference, same, of = numbers(stored("onnxruntime.InferenceSession"))
    assert difference < 1e-5 and same == of == 200
    assert "The same classes, and logits that agree to five digits" in text("Repeat this comparison")
    operations = stored('onnx.load("my_network.onnx")').split()
    assert operations.count("Conv") == operations.count("Gemm") == 3 and not {"BatchNormalization", "Dropout"} & set(
        operations
    )
    assert operations[:4] == ["Cast", "Div", "Sub", "Div"] and operations.count("Reshape") == 1
    text("`Cast Div Sub Div` is your preprocessing")
    text("There is no dropout, which does nothing in eval mode, and no batch norm")
    row = FORMS["ONNX Runtime"]
    assert row["largest difference"] < 1e-5 and row["other class"] == 0


@pytest.mark.records
def test_rounded_weights_and_missing_gradients_hardly_change_the_time() -> None:
    assert "hardly any time" in text("*Rounded weights* are no faster")
    for name in ("weights as float16", "weights as int8", "with gradients"):
        for times in ("ms", "ms of 100"):
            assert FORMS[name][times] == pytest.approx(PLAIN[times], rel=0.05), (name, times)


@pytest.mark.records
def test_four_forms_gain_in_batches_and_for_one_image_onnx_runtime_alone() -> None:
    text("all save more than a third of the time")
    several = ("channels last", "the same in bfloat16", "torch.compile", "ONNX Runtime")
    assert all(FORMS[name]["ms of 100"] < 2 / 3 * PLAIN["ms of 100"] for name in several)
    assert FORMS["torch.compile"]["ms of 100"] < 0.5 * PLAIN["ms of 100"]  # its reply: "it halves the time"
    text("needs a tenth of PyTorch's time. `bfloat16` even takes longer")
    assert PLAIN["ms"] == pytest.approx(5 * PLAIN["ms of 100"], rel=0.05) and "five times as long" in text("five times")
    assert FORMS["ONNX Runtime"]["ms"] == pytest.approx(0.1 * PLAIN["ms"], rel=0.2)
    assert FORMS["the same in bfloat16"]["ms"] > 1.2 * PLAIN["ms"]
    assert all(row["ms"] > 0.9 * PLAIN["ms"] for name, row in FORMS.items() if name != "ONNX Runtime")
    assert right("fastest_form").startswith("ONNX Runtime")
    assert "channels last and another runtime saved time" in text("## What we saw")


# --- card and page --------------------------------------------------------------------------------------------------


def share_with_error(share: float, images: int) -> str:
    return f"{100 * share:.1f} % ± {200 * (share * (1 - share) / images) ** 0.5:.1f} points of {images:,}"


@pytest.mark.records
def test_the_card_shows_the_recorded_limits_and_what_has_still_to_be_written() -> None:
    card = stored("print(model_card")
    *others, (last, confident) = recorded_limits().items()
    for name, share in others:
        drawn = name == "drawings"
        of = share_with_error(share, 500) if drawn else f"{share_with_error(share, 10_000)} validation images"
        shown = "simple drawings of the ten classes, made by a program" if drawn else name
        assert f"- {shown}: {of} are correct\n" in card
    assert last == "drawings of none of the ten classes that get one with more than 50 %"
    assert f"{share_with_error(confident, 500)} drawings of other things get over 50 % probability for a class." in card
    assert inspect.signature(limits).parameters["drawings"].default == 500
    metrics = load_run("good-25").metrics
    assert f"{share_with_error(metrics['validation']['accuracy'], 10_000)} images are correct. The recipe" in card
    assert f"{share_with_error(metrics['exact test']['accuracy'], 1000)} test images (the first) are correct. " in card
    confusion = torch.tensor(metrics["validation"]["confusion"])
    recall = confusion.diagonal() / confusion.sum(1)
    assert (confusion.sum(1) == 1000).all() and recall.argsort()[:2].tolist() == [5, 3]
    dog, cat = (share_with_error(float(recall[k]), 1000) for k in (5, 3))
    assert f"By share of images found: dog ({dog}) and cat ({cat}), too close to rank." in card
    lowest, next_one, third = recall.sort().values[:3].tolist()
    error = (lowest * (1 - lowest) / 1000) ** 0.5
    assert next_one < lowest + error < lowest + 2 * error < third  # too close to rank, and the third is not
    assert f"subtract {MEAN} and divide by {STD}" in card
    assert load_run("good-25").config["data"]["train images"] == 40_000
    assert card.rstrip().endswith("Still to be written: Made for, Not made for, Data and licence.")


@pytest.mark.records
def test_the_weights_came_back_from_the_file_in_a_new_network() -> None:
    assert stored("received = CifarCNN()").strip() == "True"
    text("every tensor arrived unchanged")


@pytest.mark.records
def test_the_times_were_measured_on_the_machine_that_the_lesson_names() -> None:
    machine = json.loads((resources() / "shipping.json").read_text(encoding="utf-8"))["machine"]
    text("on two quiet cores of an x86 processor with AVX-512, with PyTorch 2.14.")
    assert (machine["cores"], machine["processor"], machine["instructions"]) == (2, "x86_64", "AVX512")
    assert machine["torch"].startswith("2.14.")


@pytest.mark.records
def test_changed_pictures_cost_more_than_twenty_points_and_half_of_what_is_none_gets_a_class() -> None:
    shares = list(recorded_limits().values())
    accuracy = load_run("good-25").metrics["validation"]["accuracy"]
    assert max(shares[:3]) < accuracy - 0.2 and shares[3] > 0.4
    assert "often with a high probability" in text("it gives every picture a class")
