"""What lesson 05 states in prose is what the records hold and what can be counted on any machine."""

from __future__ import annotations

import json
import re

import pytest
import torch
from helpers import NOTEBOOKS
from stored_lesson import StoredLesson
from torch.utils.flop_counter import FlopCounterMode

from cifar_helpers import MLP, CifarCNN, count_parameters
from cifar_helpers.roofline import LayerWork, layer_work, recorded_roofline
from cifar_helpers.timing import recorded_benchmark, recorded_curves, recorded_gpu
from cifar_helpers.widgets.timing_explorer import crossovers

LESSON = StoredLesson("05")
PROSE = LESSON.prose


def totals(layers: list[LayerWork]) -> tuple[int, int]:
    return sum(layer.flop for layer in layers), sum(layer.moved for layer in layers)


@pytest.mark.records
def test_the_recorded_curve_of_the_cnn_falls_and_then_rises() -> None:
    cnn, mlp = (recorded_curves()[f"{name}, float32, 2 cores, recorded"] for name in ("CNN", "MLP"))
    assert f"between batches of 64 and 512, from {mlp[64]:.2f} to {mlp[512]:.2f} ms per image" in PROSE
    assert f"its curve even rises, from {cnn[64]:.2f} to {cnn[512]:.2f} ms" in PROSE
    assert cnn[1] > cnn[16] > cnn[64] < cnn[128] < cnn[256] < cnn[512]
    epochs = {
        row["batch size"]: row["ms per image"]
        for row in recorded_benchmark("e")
        if (row["images"], row["threads"], row["width"]) == (8000, 2, 1.0)
    }
    assert "`fit`, which keeps freed memory, shows no such rise" in PROSE
    assert epochs[800] <= epochs[400] <= epochs[200] and max(epochs) == 800
    assert "The MLP gains most" in PROSE and mlp[1] / mlp[16] > 2 * cnn[1] / cnn[16]


@pytest.mark.records
def test_in_the_record_the_cnn_is_faster_below_four_images_and_the_weights_do_not_explain_it() -> None:
    cnn, mlp = (recorded_curves()[f"{name}, float32, 2 cores, recorded"] for name in ("CNN", "MLP"))
    assert "The recorded curves cross near 4 images per batch; below, the CNN is faster" in PROSE
    (place,) = crossovers(cnn, mlp)
    assert round(place) == 4 and [size for size in cnn if mlp[size] > 1.05 * cnn[size]] == [1, 2]
    more = count_parameters(MLP()) / count_parameters(CifarCNN())
    assert f"only {more:.2f} times as many, and for a single image it takes {mlp[1] / cnn[1]:.1f} times" in PROSE
    assert "On that of the stored run the MLP is faster throughout" in PROSE
    state = LESSON.state("timing_explorer")
    assert state["compared"] == ["CNN, float32, 2 cores, recorded", "MLP, float32, 2 cores, recorded"]
    assert [curve["name"] for curve in state["curves"][:2]] == ["CNN, here", "MLP, here"]
    here_cnn, here_mlp = (dict(curve["points"]) for curve in state["curves"][:2])
    assert crossovers(here_cnn, here_mlp) == [] and all(here_mlp[size] < 1.05 * here_cnn[size] for size in here_cnn)


@pytest.mark.records
def test_in_large_batches_the_cnn_takes_longer_than_its_arithmetic_says() -> None:
    cnn, mlp = (recorded_curves()[f"{name}, float32, 2 cores, recorded"] for name in ("CNN", "MLP"))
    said = "with batches of 256, a step of the CNN takes ten times as long as one of the MLP, for seven times the"
    assert said in PROSE
    assert round(cnn[256] / mlp[256]) == 10


@pytest.mark.records
def test_the_shares_of_a_step_are_the_recorded_ones() -> None:
    shares = {
        row["what"].removesuffix(", bfloat16"): 100 * row["share of time"]
        for row in recorded_benchmark("d")
        if "share of time" in row
    }
    assert f"convolutions take {shares['convolutions']:.0f} % of a step" in PROSE
    assert f"the linear layers {shares['linear layers']:.0f} % and the update {shares['update']:.0f} %" in PROSE
    waiting = sum(shares[kind] for kind in ("batch norm", "pooling", "ReLU"))
    assert f"Batch norm, pooling and ReLU take {waiting:.0f} %" in PROSE
    moved = {
        kind: sum(layer.moved for layer in layer_work(CifarCNN(), 200) if layer.name.startswith(kind))
        for kind in ("ReLU", "max pool")
    }
    assert "pooling takes more than twice as long as ReLU, although ReLU moves more of them" in PROSE
    assert shares["pooling"] > 2 * shares["ReLU"] and moved["ReLU"] > moved["max pool"]
    left = 1 - shares["convolutions"] / 100
    assert (
        f"With convolutions at {shares['convolutions']:.0f} %" in PROSE and f"= {1 / left:.1f} times as fast" in PROSE
    )


@pytest.mark.records
def test_memory_format_and_precision_are_the_two_changes_that_count() -> None:
    gains = {row["engine"]: row["gain"] for row in recorded_benchmark("b")}
    rows = {row["engine"]: row for row in recorded_benchmark("b")}
    whole, last, short = (
        rows[f"+ {name}"]["median"] for name in ("whole batches", "channels last", "bfloat16 in training")
    )
    assert f"saves more seconds ({whole - last:.1f} against {last - short:.1f})" in PROSE
    assert f"the larger factor ({last / short:.2f} against {whole / last:.2f})" in PROSE
    assert "In the record it gained a factor of 1.44" in PROSE and gains["+ channels last"] == 1.44
    assert all(gain < 1.1 for name, gain in gains.items() if name not in ("+ channels last", "+ bfloat16 in training"))
    names = list(rows)
    for name in ("+ whole batches", "+ fused update", "+ freed memory kept"):
        before = rows[names[names.index(name) - 1]]
        assert before["smallest"] <= rows[name]["median"] <= before["largest"]


@pytest.mark.records
def test_compiling_took_as_long_and_gained_as_little_as_recorded() -> None:
    without, compiled = recorded_benchmark("h")
    slower = compiled["ms per step"] / without["ms per step"]
    took = compiled["seconds of the first call"]
    assert f"compiling took {took:.0f} seconds and the step became {slower:.1f} times *slower*" in PROSE
    eager, fused = (row["ms per step"] for row in recorded_gpu("compile")[:2])
    assert "on the H100 half" in PROSE and "Together, that halves the time" in PROSE and 0.45 < fused / eager < 0.55
    before, after = (row["ms per step"] for row in recorded_gpu("compile")[2:])
    assert recorded_gpu("compile")[2]["device"] == "CPU, 16 cores"
    assert f"On the 16 cores beside the H100 the step took {100 - 100 * after / before:.0f} % less time" in PROSE


@pytest.mark.records
def test_pooling_first_and_a_frozen_layer_save_as_much_as_recorded() -> None:
    changes = {row["what"]: row["ratio"] for row in recorded_benchmark("s") if "ms per step" in row}
    assert f"Pooling first saves {100 - 100 * changes['pooling before ReLU']:.0f} % of the recorded step" in PROSE
    assert f"A first layer that is not trained saves {100 - 100 * changes['frozen first layer']:.0f} %" in PROSE
    maps = torch.randn(2, 3, 8, 8)
    pool = torch.nn.MaxPool2d(2)
    assert torch.equal(pool(maps.relu()), pool(maps).relu()) and "the result is the same" in PROSE


@pytest.mark.records
def test_the_faster_arithmetic_gets_the_more_the_rest_weighs() -> None:
    long, short = recorded_benchmark("d")[:2]
    assert short["GFLOP/s"] > long["GFLOP/s"] and short["share of the peak"] < long["share of the peak"]
    assert "The faster the arithmetic gets, the more everything else weighs" in PROSE


def test_parameters_operations_and_intensities_are_as_stated() -> None:
    cnn, mlp = CifarCNN(), MLP()
    assert (
        f"more weights ({count_parameters(mlp) / 1e6:.2f} against {count_parameters(cnn) / 1e6:.2f} million)" in PROSE
    )
    small, large = (totals(layer_work(mlp, size)) for size in (1, 200))
    assert f"from {small[0] / small[1]:.1f} to {large[0] / large[1]:.0f} FLOP per byte" in PROSE
    small, large = (totals(layer_work(cnn, size)) for size in (1, 200))
    assert f"mostly moves maps, from {small[0] / small[1]:.1f} to {large[0] / large[1]:.0f}" in PROSE
    assert "seven times the arithmetic" in PROSE
    assert round(small[0] / totals(layer_work(mlp, 1))[0]) == 7


def test_convolutions_do_nine_tenths_of_the_arithmetic_and_hidden_layers_hold_more_of_the_parameters() -> None:
    layers = layer_work(CifarCNN(), 200)
    convolutions = sum(layer.flop for layer in layers if layer.name.startswith("conv"))
    assert convolutions / totals(layers)[0] == pytest.approx(0.9, abs=0.02) and "nine tenths of the arithmetic" in PROSE
    hidden = count_parameters(CifarCNN().classifier)
    assert hidden / count_parameters(CifarCNN()) > 0.9 and "more than nine tenths of this network's parameters" in PROSE


def test_a_training_step_does_about_three_times_the_work_of_a_forward_pass() -> None:
    model, images = CifarCNN(), torch.rand(2, 3, 32, 32)
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(images)
    with FlopCounterMode(display=False) as step:
        model(images).sum().backward()  # type: ignore[no-untyped-call]
    assert 2.8 < step.get_total_flops() / forward.get_total_flops() <= 3 and "about three times the work" in PROSE


@pytest.mark.records
def test_a_step_on_the_recorded_gpu_takes_as_long_for_one_image_as_for_many() -> None:
    curves = recorded_curves()
    cores, h100 = (curves[f"CNN, bfloat16, {place}, recorded"] for place in ("2 cores", "NVIDIA H100 80GB HBM3"))
    steps = [size * h100[size] for size in (1, 16, 64, 256)]
    assert "A step takes about 3 ms on the H100, whether it holds 1 image or 256" in PROSE
    assert all(2.5 < step < 3.5 for step in steps)
    assert "With one image in a batch, our CNN was no faster on an H100 than on two CPU cores" in PROSE
    assert 0.9 < cores[1] / h100[1] < 1.1 and "fixed cost, here about 3 ms" in PROSE
    assert f"with 256 it was {cores[256] / h100[256]:.0f} times as fast" in PROSE
    one_by_one = sum(row["ms"] for row in recorded_gpu("layers") if row["layer"] != "limits")
    together = recorded_gpu("compile")[0]["ms per step"]
    assert f"they would take {3 * one_by_one:.1f} of the {together} ms" in PROSE and 3 * one_by_one < together / 2
    assert "Most of the time the GPU waits" in PROSE
    assert "over two thousand times" in PROSE and 2000 < 989_000 / recorded_benchmark("d")[1]["peak"] < 2500


@pytest.mark.records
def test_on_the_recorded_gpu_a_small_layer_takes_far_longer_than_its_limits_allow() -> None:
    found = recorded_roofline()
    assert found is not None
    (small,) = [layer for layer in found.layers if layer.name == "ReLU 5"]
    taken = 1e6 * small.seconds
    printed = f"ReLU 5 alone: {taken:.1f} µs, of which memory needs {taken * found.share(small):.1f}"
    assert printed in LESSON.stored("ReLU 5 alone") and "that pace is slow, as ReLU 5 shows" in PROSE


@pytest.mark.records
def test_the_two_records_are_of_the_versions_that_the_lesson_names() -> None:
    record = json.loads((NOTEBOOKS.parent / "resources" / "benchmarks.json").read_text(encoding="utf-8"))
    gpu, cores = (record[part]["torch"].rpartition(".")[0] for part in ("gpu", "machine"))
    assert f"PyTorch {gpu} there, {cores} on the two cores" in PROSE


@pytest.mark.records
def test_some_layer_is_near_each_part_of_the_roof_and_linear_3_far_below_on_every_machine() -> None:
    assert "near* the flat part for arithmetic: find one of each" in PROSE and "far below, such as linear 3" in PROSE
    slope, flat = LESSON.stored("measure_roofline(cnn)").split("Where arithmetic sets it:")
    here = [
        {name: int(share) / 100 for name, share in re.findall(r"(\w[\w ]*) (\d+)%", said)} for said in (slope, flat)
    ]
    gpu = recorded_roofline()
    assert gpu is not None
    sides = [[one for one in gpu.layers if (one.intensity < gpu.ridge) == is_slope] for is_slope in (True, False)]
    there = [{layer.name: gpu.share(layer) for layer in side} for side in sides]
    for slope_shares, flat_shares in (here, there):
        assert max(slope_shares.values()) > 0.8 and 0.8 < max(flat_shares.values()) <= 1
        assert {**slope_shares, **flat_shares}["linear 3"] < 0.5


def test_the_reported_laptop_s_gpu_was_four_to_five_times_as_fast_however_the_two_times_were_rounded() -> None:
    assert "about 36 s per epoch" in PROSE and "about 8 s on an NVIDIA" in PROSE
    assert 4 < 35.5 / 8.5 < 36.5 / 7.5 < 5 and PROSE.count("four to five times as fast as its CPU") == 2


def test_ten_tensors_against_three_bring_the_two_rates_together() -> None:
    assert "A factor near 3, with a lower second rate" in PROSE
    assert "one to the single pass: ten against three, or 3.3 times" in PROSE
    for factor in (2.6, 3.0, 3.6):
        rates, other_rates = factor * 2 / 9, factor * 3 / 10  # the second one divided by the first
        assert rates < 1 and abs(1 - other_rates) < 1 - rates


def test_flatten_copies_only_in_channels_last() -> None:
    maps = torch.rand(200, 128, 4, 4)
    assert maps.flatten(1).data_ptr() == maps.data_ptr()
    other = maps.contiguous(memory_format=torch.channels_last)
    assert other.flatten(1).data_ptr() != other.data_ptr()
    assert "which moves nothing. (In channels last, below, it has to copy them.)" in PROSE


@pytest.mark.records
def test_the_stretch_was_recorded_on_faster_cores_than_the_curves() -> None:
    now = recorded_benchmark("h")[0]["ms per step"] / 200
    assert now < 0.7 * recorded_curves()["CNN, bfloat16, 2 cores, recorded"][256]
    assert "a faster pair than in the curves above" in PROSE


def test_operations_per_byte_of_small_layers_are_as_derived() -> None:
    found = {layer.name: layer.intensity for layer in layer_work(CifarCNN(), 200)}
    assert found["ReLU 1"] == 1 / 8 and found["max pool 1"] == 3 / 20 and round(found["batch norm 1"], 3) == 1 / 4
    assert "four bytes in and four out: 1/8. Batch norm does two, 1/4" in PROSE and "3/20" in PROSE
    assert f"Linear 1 and 2 reach {found['linear 1']:.0f} and {found['linear 2']:.0f}" in PROSE
    largest = next(layer for layer in layer_work(CifarCNN(), 2_000) if layer.name == "linear 3")
    assert found["linear 3"] < largest.intensity < 5 and "Linear 3 stays below 5, however large the batch" in PROSE
    left = {name.rpartition(" ")[0] for name, value in found.items() if value < 7}
    assert "With a ridge near 7, batch norm, ReLU, pooling and linear 3 are on the side of the slope" in PROSE
    assert left == {"batch norm", "ReLU", "max pool", "linear"} and found["linear 2"] > 7 < found["conv 1"]
    assert f"on the flat side, convolution 1, with {found['conv 1']:.0f}, only just" in PROSE
    assert "should come to 9.4 MFLOP" in PROSE and round(2 * 9 * 32 * 64 * 256 / 1e6, 1) == 9.4


def test_four_passes_read_and_write_nine_tensors_and_one_pass_two() -> None:
    images = torch.randn(1000)
    out = torch.empty_like(images)
    lists = 0

    class Counted(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal lists
            lists += sum(isinstance(arg, torch.Tensor) for arg in args) + 1
            return func(*args, **(kwargs or {}))

    with Counted():
        torch.add(images, 3, out=out).clamp_(0, 6)
        passes = torch.mul(images, out, out=out).div_(6)
    assert lists == 9 and "nine tensors of 20 million numbers" in PROSE
    torch.testing.assert_close(passes, torch.nn.functional.hardswish(images))
    lesson = "\n".join(cell.source for cell in LESSON.cells)
    assert "torch.add(x, 3, out=out).clamp_(0, 6)" in lesson and "torch.mul(x, out, out=out).div_(6)" in lesson
