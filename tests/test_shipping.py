"""Shipping a network: optional packages, the table of its forms, the model card, and what is recorded of the forms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import random_images
from torch import nn

from benchmarks import __main__ as command
from benchmarks import shipping as benchmark
from cifar_helpers import CifarCNN, normalise, shipping
from cifar_helpers.shipping import installed, model_card, recorded_forms, table_of_forms

ROWS = [
    {"what": "as it is", "bytes": 5_126_000, "accuracy": 0.8831, "ms": 0.5, "ms of 100": 0.25},
    {"what": "rounded", "accuracy": 0.883, "points": -0.01, "error": 0.02, "other class": 15},
]


# --- packages, table and card ---------------------------------------------------------------------------------------


def test_a_missing_package_is_named_with_the_command_that_installs_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert installed("torch", "numpy") and capsys.readouterr().out == ""
    assert not installed("torch", "no_such_package", "nor_this")
    said = capsys.readouterr().out
    assert said.startswith("Not installed: no_such_package, nor_this. Run pip install ") and "[transfer]" in said


def test_the_table_has_a_column_for_each_quantity_and_leaves_empty_what_was_not_measured() -> None:
    head, first, second = table_of_forms(ROWS).splitlines()
    assert head.split("  ")[-1].strip() == "ms, 100"
    assert first.split() == ["as", "it", "is", "5.13", "MB", "88.31%", "0.50", "0.25"]
    assert second.split() == ["rounded", "88.30%", "-0.01", "±", "0.04", "15"]
    assert first.index("88.31%") == second.index("88.30%")


def test_a_card_lists_what_has_still_to_be_written() -> None:
    card = model_card("mine", {"Data": "CIFAR-10", "Use": ..., "Limits": "  "})
    assert card.startswith("# mine\n\n## Data\n\nCIFAR-10\n\n## Use\n\n(to be written)")
    assert card.endswith("Still to be written: Use, Limits.")
    assert "to be written" not in model_card("mine", {"Data": "CIFAR-10"})


# --- what is recorded -----------------------------------------------------------------------------------------------


def by_form() -> dict[str, dict[str, Any]]:
    return {row["what"]: row for row in recorded_forms()}


@pytest.mark.records
def test_the_record_has_every_form_and_the_table_shows_it() -> None:
    rows = by_form()
    assert list(rows) == [
        "PyTorch", "weights as float16", "weights as int8", "with gradients", "channels last", "the same in bfloat16",
        "torch.compile", "ONNX Runtime",
    ]  # fmt: skip
    assert len(table_of_forms(recorded_forms()).splitlines()) == 9
    assert all(row["ms, range"][0] <= row["ms"] <= row["ms, range"][1] for row in rows.values())


# --- how it is measured ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return CifarCNN(width=0.25).eval()


def test_all_forms_compute_the_same_network(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    monkeypatch.setattr(torch, "compile", lambda model, dynamic: model)  # compiling takes long
    every = benchmark.forms(network, tmp_path)
    images = random_images(230)
    rows = {row["what"]: row for row in benchmark.compared(every, images)}
    assert list(rows) == list(by_form())
    sizes = [rows[name]["bytes"] for name in ("PyTorch", "weights as float16", "weights as int8")]
    assert sizes[0] > 1.9 * sizes[1] > 3 * sizes[2]
    for name in ("with gradients", "channels last", "torch.compile", "ONNX Runtime"):
        assert rows[name]["largest difference"] < 1e-4 and rows[name]["other class"] == 0
    assert 0 < rows["weights as float16"]["largest difference"] < rows["weights as int8"]["largest difference"] < 0.05
    assert "points" not in rows["PyTorch"] and 0 < rows["the same in bfloat16"]["largest difference"] < 0.05


def test_a_difference_comes_with_its_standard_error(network: nn.Module) -> None:
    images = random_images(200)
    logits = network(normalise(images.images)).detach()
    flipped = logits.clone()
    flipped[:50] = -flipped[:50]
    given = iter([*logits.split(100), *flipped.split(100)])
    every = [benchmark.Form(name, lambda _: next(given)) for name in ("one", "other")]
    _, other = benchmark.compared(every, images)
    before, after = (values.argmax(1) == images.labels for values in (logits, flipped))
    change = after.double() - before.double()
    assert other["points"] == pytest.approx(100 * float(change.mean()), abs=1e-4)
    assert other["error"] == pytest.approx(100 * float(change.std()) / 200**0.5, abs=1e-3)
    assert other["other class"] == 50


def test_every_form_gets_both_times() -> None:
    sizes: list[int] = []

    def forward(images: torch.Tensor) -> torch.Tensor:
        sizes.append(len(images))
        return images

    (row,) = benchmark.timed([benchmark.Form("one", forward)], random_images(150), rounds=1, seconds=0.001)
    assert set(sizes) == {1, benchmark.BATCH}
    assert {"what", "ms", "ms, range", "ms of 100", "ms of 100, range"} == set(row)


def test_the_command_writes_what_the_lesson_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path / "shipping.json")
    monkeypatch.setattr(benchmark, "measure", lambda: {"rows": ROWS})
    monkeypatch.setattr(command, "RESULTS", tmp_path / "benchmarks.json")
    monkeypatch.setattr(sys, "argv", ["benchmarks", "shipping"])
    command.main()
    monkeypatch.setattr(shipping, "resources", lambda: tmp_path)
    assert recorded_forms() == ROWS and table_of_forms(ROWS) in capsys.readouterr().out
    assert not command.RESULTS.exists()
    assert json.loads((tmp_path / "shipping.json").read_text(encoding="utf-8")) == {"rows": ROWS}
