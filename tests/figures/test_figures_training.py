"""The figures of lesson 04: what they draw, and that a live curve stays one picture."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from cifar_helpers import Epoch, History, figures


def history(validation_loss: list[float], validation_accuracy: list[float] | None = None) -> History:
    """Training loss falls, training accuracy climbs; validation as given."""
    accuracy = validation_accuracy or [0.5] * len(validation_loss)
    rows = zip(validation_loss, accuracy, strict=True)
    return History([Epoch(k, 2.0 / k, 0.1 * k, v, a, 0.1, 1.0) for k, (v, a) in enumerate(rows, start=1)])


def drawn(figure: Figure, axes: int = 0) -> dict[str, tuple[list[float], list[float]]]:
    """Label to the x and y of each labelled line of one pair of axes."""
    lines = figure.axes[axes].get_lines()
    named = {str(line.get_label()): line for line in lines if not str(line.get_label()).startswith("_")}
    return {
        name: (np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist())
        for name, line in named.items()
    }


@pytest.fixture(autouse=True)
def _close_figures() -> object:
    yield
    plt.close("all")


def test_curves_draw_loss_and_accuracy_of_both_sets() -> None:
    figure = figures.curves(history([1.5, 1.0, 1.2], [0.3, 0.5, 0.4]))
    assert drawn(figure, 0) == {
        "training": ([1, 2, 3], [2.0, 1.0, 2.0 / 3]),
        "validation": ([1, 2, 3], [1.5, 1.0, 1.2]),
    }
    assert drawn(figure, 1)["validation"] == ([1, 2, 3], [0.3, 0.5, 0.4])
    assert [place.get_ylabel().split()[0] for place in figure.axes] == ["loss", "accuracy"]


def test_curves_mark_an_epoch_in_both_pictures() -> None:
    figure = figures.curves(history([1.5, 1.0, 1.2]), mark=2)
    for place in figure.axes:
        assert [2, 2] in [np.asarray(line.get_xdata()).tolist() for line in place.get_lines()]
    assert [text.get_text().strip() for text in figure.axes[0].texts] == ["epoch 2"]


def test_curves_of_a_training_without_validation_name_no_validation() -> None:
    figure = figures.curves(history([math.nan, math.nan]))
    assert list(drawn(figure)) == ["training"]


@pytest.mark.parametrize(("column", "best"), [("validation_loss", (2, 1.0)), ("validation_accuracy", (3, 0.7))])
def test_compare_marks_the_best_epoch_of_each_run(column: str, best: tuple[int, float]) -> None:
    one = history([1.5, 1.0, 1.2], [0.3, 0.6, 0.7])
    figure = figures.compare({"one": one, "two": history([0.9])}, column, "the unit")
    assert drawn(figure)["one"] == ([1, 2, 3], one[column])
    dots = [line for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert (float(dots[0].get_xdata()[0]), float(dots[0].get_ydata()[0])) == best
    assert figure.axes[0].get_ylabel() == "the unit"


def test_compared_runs_differ_in_colour_and_in_stroke() -> None:
    three = {name: history([1.0, 0.9]) for name in ("a", "b", "c")}
    lines = [x for x in figures.compare(three, "train_loss", "loss").axes[0].get_lines() if x.get_marker() != "o"]
    assert len({str(line.get_color()) for line in lines}) == 3
    assert len({str(line.get_linestyle()) for line in lines}) == 3


def test_gaps_stand_in_the_order_given_from_the_top() -> None:
    figure = figures.gaps({"plain": (0.98, 0.64), "augmented": (0.72, 0.73)})
    place = figure.axes[0]
    assert [label.get_text() for label in place.get_yticklabels()] == ["augmented", "plain"]
    assert [text.get_text().strip() for text in place.texts] == ["gap -1.0 points", "gap 34.0 points"]
    dots = {(float(x.get_xdata()[0]), float(x.get_ydata()[0])) for x in place.get_lines() if x.get_marker() == "o"}
    assert dots == {(73.0, 0.0), (64.0, 1.0)}


def test_in_a_terminal_live_curves_draw_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = plt.get_fignums()
    assert figures.LiveCurves().after_epoch(None, history([1.0])) is False  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""
    assert plt.get_fignums() == before


NOTEBOOK = [
    """\
import torch
from matplotlib import pyplot as plt
from torch import nn
from cifar_helpers import ImageSet, figures, fit

noise = ImageSet(torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8), torch.arange(40) % 10)
live = figures.LiveCurves()

def training():
    model = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 10))
    fit(model, noise, noise, epochs=3, callbacks=[live], precision="float32", progress=False)""",
    "training()",
    "training()",
    "print(plt.get_fignums())",
]


def test_in_a_notebook_each_training_has_one_picture_that_is_redrawn(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in NOTEBOOK])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell in notebook.cells[1:3]:
        (output,) = cell.outputs
        assert "image/png" in output.data
        assert output.metadata["image/png"]["alt"].startswith("Loss and accuracy of 3 epochs")
    assert notebook.cells[3].outputs[0].text == "[]\n"
