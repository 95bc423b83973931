"""The networks: shapes, parameters, and that the lesson's network is the package's."""

from __future__ import annotations

import itertools
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

from cifar_helpers import MLP, CifarCNN, count_parameters

LESSON = Path(__file__).resolve().parent.parent / "notebooks" / "03_building_the_cnn.ipynb"


def test_the_network_has_the_parameters_that_the_course_counts() -> None:
    assert count_parameters(CifarCNN()) == 1_276_682


def test_each_block_halves_the_size_and_the_last_layer_gives_ten_logits() -> None:
    model, values = CifarCNN().eval(), torch.zeros(2, 3, 32, 32)
    shapes = []
    for block in model.features:
        values = block(values)
        shapes.append(tuple(values.shape))
    assert shapes == [(2, 32, 16, 16), (2, 64, 8, 8), (2, 128, 4, 4)]
    assert model.classifier(values).shape == (2, 10)


def test_dropout_acts_only_in_train_mode() -> None:
    torch.manual_seed(0)
    model, images = CifarCNN(dropout=0.9), torch.rand(4, 3, 32, 32)
    model.train()
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 2])
def test_impossible_dropout_is_refused(dropout: float) -> None:
    with pytest.raises(ValueError, match="dropout"):
        CifarCNN(dropout)


@pytest.mark.parametrize("hidden", [(512, 256), (7,), (4, 3, 2)])
def test_an_mlp_has_the_parameters_of_the_formula(hidden: tuple[int, ...]) -> None:
    sizes = (3072, *hidden, 10)
    expected = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    model = MLP(hidden)
    assert count_parameters(model) == expected
    assert model(torch.zeros(3, 3, 32, 32)).shape == (3, 10)


@pytest.mark.parametrize("hidden", [(), (0,), (5, -1)])
def test_an_mlp_without_units_is_refused(hidden: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="hidden"):
        MLP(hidden)


def test_the_network_of_lesson_03_is_the_network_of_the_package() -> None:
    cells = [c.source for c in nbformat.read(LESSON, as_version=4).cells if c.cell_type == "code"]
    # The cells that define functions, without those that need data.
    code = "\n".join(c.split("\n\n\nnetwork = ")[0] for c in cells if c.startswith(("def block", "def build")))
    names: dict[str, object] = {"nn": nn}
    exec(code, names)
    ours, theirs = CifarCNN(dropout=0.4).eval(), names["build"](0.4).eval()  # type: ignore[operator]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images = torch.rand(5, 3, 32, 32)
    assert torch.equal(ours(images), theirs(images))
    assert [m.p for m in theirs.modules() if isinstance(m, nn.Dropout)] == [0.4, 0.4]
