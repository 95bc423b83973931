"""What the second part of lesson 09 says about its results is true of the records and of its stored outputs."""

from __future__ import annotations

import inspect
import json
import re

import pytest
import torch
from helpers import ROOT, code_cells, right, truth
from lesson_cells import defined_and_missing
from stored_lesson import StoredLesson, numbers
from torch import nn

from benchmarks import shipping
from benchmarks.shipping import limits
from cifar_helpers import CifarCNN, ImageSet, load_run
from cifar_helpers._paths import resources
from cifar_helpers.data import MEAN, STD
from cifar_helpers.data.sketches import draw_none
from cifar_helpers.evaluation import Metrics
from cifar_helpers.evaluation import evaluate as measure
from cifar_helpers.runs import save_weights
from cifar_helpers.shipping import recorded_forms, recorded_limits

LESSON = StoredLesson("09")
text, stored = LESSON.text, LESSON.stored
FORMS = {row["what"]: row for row in recorded_forms()}
PLAIN = FORMS["PyTorch"]


# --- rounded weights ------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_int8_reduces_the_file_to_a_quarter() -> None:
    large, small = numbers(stored("save_weights(cnn, small, int8=True)"))
    assert 3.9 < large / small < 4.1 and "reduce the file to a quarter of its size" in text("## What we saw")
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
    assert "the accuracy is about 1 point lower, above the dotted line" in said
    assert unrounded - channels[4] == pytest.approx(1, abs=0.3)
    assert "With one scale per layer it is about 2.5 points lower" in said
    assert unrounded - layers[4] == pytest.approx(2.5, abs=0.3)  # so below the line, which is 2 points lower
    assert "At 3 bits about 80 % and 70 % are left" in said
    assert channels[3] == pytest.approx(80, abs=1) and layers[3] == pytest.approx(70, abs=1)
    fewest = truth("fewest_bits")
    assert channels[int(fewest)] > unrounded - 2 > unrounded - 5 > channels[int(fewest) - 1]


# --- other programs -------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_onnx_runtime_agrees_with_pytorch_and_its_file_has_no_batch_norm() -> None:
    difference, same, of = numbers(stored("onnxruntime.InferenceSession"))
    assert difference < 1e-5 and same == of == 200
    assert "The same classes, and logits that differ by less than 0.00001" in text("Repeat this comparison")
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
    text("all save over a third of the time")
    several = ("channels last", "the same in bfloat16", "torch.compile", "ONNX Runtime")
    assert all(FORMS[name]["ms of 100"] < 2 / 3 * PLAIN["ms of 100"] for name in several)
    assert FORMS["torch.compile"]["ms of 100"] < 0.5 * PLAIN["ms of 100"]  # its reply: "it halves the time"
    text("needs a tenth of PyTorch's time. `bfloat16` even takes longer")
    assert PLAIN["ms"] == pytest.approx(5 * PLAIN["ms of 100"], rel=0.05) and "five times as long" in text("five times")
    assert FORMS["ONNX Runtime"]["ms"] == pytest.approx(0.1 * PLAIN["ms"], rel=0.2)
    assert FORMS["the same in bfloat16"]["ms, range"][0] > 1.2 * FORMS["channels last"]["ms, range"][1]
    least, most = PLAIN["ms, range"]
    assert f"The first row varied from {least:.2f} to {most:.2f}." in text("Times, medians of five rounds")
    assert all(row["ms"] > 0.9 * PLAIN["ms"] for name, row in FORMS.items() if name != "ONNX Runtime")
    assert right("fastest_form").startswith("ONNX Runtime")
    assert "channels last and another runtime saved time" in text("## What we saw")


# --- card and page --------------------------------------------------------------------------------------------------


def share_with_error(share: float, images: int) -> str:
    return f"{100 * share:.1f} % ± {200 * (share * (1 - share) / images) ** 0.5:.1f} points ({images:,} images)"


@pytest.mark.records
def test_the_card_shows_the_recorded_limits_and_what_has_still_to_be_written() -> None:
    card = stored("print(model_card")
    darkened, rotated, drawings, houses = recorded_limits().items()
    for name, share in (darkened, rotated):
        assert f"- validation images {name}: accuracy {share_with_error(share, 10_000)}\n" in card
    assert drawings[0] == "drawings"
    accuracy = share_with_error(drawings[1], 500)
    assert f"- simple drawings of the ten classes, made by a program: accuracy {accuracy}\n" in card
    assert houses[0] == "drawings of a house with a tree that get a class with more than 50 %"
    confident = share_with_error(houses[1], 500)
    assert f"Drawings of a house with a tree that get over 50 % probability: {confident}.\n" in card
    assert inspect.signature(limits).parameters["drawings"].default == 500
    metrics = load_run("good-25").metrics
    assert f"Accuracy {share_with_error(metrics['validation']['accuracy'], 10_000)}. The recipe" in card
    assert f"Accuracy {share_with_error(metrics['exact test']['accuracy'], 1000)}, the first of the test set. " in card
    confusion = torch.tensor(metrics["validation"]["confusion"])
    recall = confusion.diagonal() / confusion.sum(1)
    assert (confusion.sum(1) == 1000).all() and recall.argsort()[:2].tolist() == [5, 3]
    dog, cat = (share_with_error(float(recall[k]), 1000) for k in (5, 3))
    assert f"By recall: dog {dog} and cat {cat}, too close to rank." in card
    lowest, next_one, third = recall.sort().values[:3].tolist()
    error = (lowest * (1 - lowest) / 1000) ** 0.5
    assert next_one < lowest + error < lowest + 2 * error < third  # too close to rank, and the third is not
    assert f"subtract {MEAN} and divide by {STD}" in card
    assert load_run("good-25").config["data"]["train images"] == 40_000
    assert card.rstrip().endswith("Still to be written: Made for, Not made for, Data and licence.")


def test_the_pictures_that_the_card_names_are_those_that_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotated images have black corners; the drawings of none of the classes are those of a house with a tree."""
    seen: list[torch.Tensor] = []

    def evaluate(network: nn.Module, images: ImageSet) -> Metrics:
        seen.append(images.images)
        return measure(network, images)

    monkeypatch.setattr(shipping, "evaluate", evaluate)
    white = ImageSet(torch.full((4, 3, 32, 32), 255, dtype=torch.uint8), torch.zeros(4, dtype=torch.long))
    found = limits(CifarCNN(width=0.1).eval(), white, drawings=10)
    assert list(found) == list(recorded_limits())
    darkened, rotated, _ = seen
    assert (darkened == round(0.35 * 255)).all()
    corners = rotated[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0).all() and (rotated[:, :, 16, 16] == 255).all()
    assert "house with a tree" in str(draw_none.__doc__)


@pytest.mark.records
def test_lesson_07_measures_the_rounded_weights_and_mirrors_the_border_before_it_rotates() -> None:
    said = text("**Your card**")
    evaluation = StoredLesson("07")
    (found,) = map(int, re.findall(r"recall: +(\d+) of 1,000 cats", evaluation.stored("cats are found")))
    assert f"finds {found} of the 1,000 cats, one fewer than this record" in said
    assert load_run("good-25").metrics["validation"]["confusion"][3][3] == found + 1
    assert "After validation and test, the weights were rounded to `float16`." in stored("print(model_card")
    tensors = torch.load(load_run("good-25").folder / "weights.pt", weights_only=True).values()
    assert torch.float16 in {tensor.dtype for tensor in tensors}
    (low,) = re.findall(r"rotated by 15°: [\d.]+ % \(([\d.]+) to", evaluation.stored("confidences[name]"))
    black = recorded_limits()["rotated by 15°, with black corners"]
    assert "which costs less than black corners" in said and float(low) > 100 * black + 1


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


# --- parts, and what other tests measure ----------------------------------------------------------------------------


def test_each_part_needs_only_the_first_cell() -> None:
    first, *_ = code_cells("09")
    known, _ = defined_and_missing(first)
    there, parts = set(known), 0
    for cell in LESSON.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# Part "):
            there, parts = set(known), parts + 1
        elif cell.cell_type == "code" and cell.source != first:
            defined, missing = defined_and_missing(cell.source)
            assert not missing - there, cell.source
            there |= defined
    assert parts == 3 and "in three parts" in LESSON.cells[0].source
    assert all(f"Part {part} needs only the first cell." in LESSON.prose for part in ("two", "three"))


def test_the_page_is_compared_with_pytorch_on_as_many_images_as_the_lesson_says() -> None:
    said = text("The project's tests compare both.")
    source = (ROOT / "tests" / "web" / "test_network.py").read_text(encoding="utf-8")
    assert '("good-25", "float32", 1e-3)' in source and "images = validation.images[:60]" in source
    assert "the logits of 60 images agree within 0.001" in said
    assert "99.9 % of 2,000 images" in said and "validation.images[:2000]" in source


def test_each_element_of_a_tensor_takes_a_byte_even_with_4_bits() -> None:
    text("each element of a tensor takes at least a byte")
    for name in ("int4", "uint4"):
        assert torch.empty(0, dtype=getattr(torch, name)).element_size() == 1
