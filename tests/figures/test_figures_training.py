"""The figures of lesson 04: what they draw, and that a live curve stays one picture."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from forked_kernel import execute
from matplotlib.figure import Figure

from cifar_helpers import Epoch, History, figures, load_run
from cifar_helpers.bug_gallery import inject


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


def test_curves_draw_loss_and_accuracy_of_both_sets() -> None:
    figure = figures.curves(history([1.5, 1.0, 1.2], [0.3, 0.5, 0.4]))
    assert drawn(figure, 0) == {
        "training": ([1, 2, 3], [2.0, 1.0, 2.0 / 3]),
        "validation": ([1, 2, 3], [1.5, 1.0, 1.2]),
    }
    assert drawn(figure, 1)["validation"] == ([1, 2, 3], [30, 50, 40])
    assert [place.get_ylabel() for place in figure.axes] == ["loss (nats)", "accuracy (%)"]
    assert "lowest after epoch 2, 1.00, and 1.20 after the last, accuracy 40.0%" in figure.get_label()


def test_training_is_solid_and_validation_dashed_as_in_the_widgets() -> None:
    run = load_run("good-25").history
    symptoms = inject.symptoms()
    cases = figures.bug_cases([symptoms[name] for name in inject.CASES], symptoms[inject.HEALTHY])
    for place in (*figures.curves(run).axes, figures.schedule(run).axes[0], *cases.axes):
        styles = {str(line.get_label()): line.get_linestyle() for line in place.get_lines()}
        assert (styles["training"], styles["validation"]) == ("-", "--")


def test_curves_mark_an_epoch_in_both_pictures() -> None:
    figure = figures.curves(history([1.5, 1.0, 1.2]), mark=2)
    for place in figure.axes:
        assert [2, 2] in [np.asarray(line.get_xdata()).tolist() for line in place.get_lines()]
    assert [text.get_text() for text in figure.axes[1].texts] == ["epoch 2"]


def test_curves_of_a_training_without_validation_name_no_validation() -> None:
    figure = figures.curves(history([math.nan, math.nan]))
    assert list(drawn(figure)) == ["training"]
    assert "Validation" not in figure.get_label() and "nan" not in figure.get_label()


def test_compare_marks_the_epoch_with_the_lowest_validation_loss_even_where_accuracy_is_not_highest() -> None:
    one = history([1.5, 1.0, 1.2], [0.3, 0.6, 0.7])
    figure = figures.compare({"one": one, "two": history([0.9])})
    assert drawn(figure)["one"] == ([1, 2, 3], [30, 60, 70])
    dots = [line for line in figure.axes[0].get_lines() if line.get_marker() == "o" and len(line.get_xdata())]
    assert [(float(x.get_xdata()[0]), float(x.get_ydata()[0])) for x in dots] == [(2, 60), (1, 50)]
    assert "one 70.0% after 3 epochs; two 50.0% after 1 epochs" in figure.get_label()


def test_a_history_without_its_first_epochs_is_marked_at_its_own_epochs() -> None:
    later = History(history([1.5, 1.0, 1.2, 1.4], [0.3, 0.6, 0.7, 0.5]).rows[1:])
    assert "loss lowest after epoch 2, 1.00" in figures.curves(later).get_label()
    compared = figures.compare({"one": later})
    assert "50.0% after 4 epochs" in compared.get_label()
    dots = [line for line in compared.axes[0].get_lines() if line.get_marker() == "o"]
    assert [(float(x.get_xdata()[0]), float(x.get_ydata()[0])) for x in dots if len(x.get_xdata())] == [(2, 60)]


def test_compared_runs_differ_in_colour_and_in_stroke() -> None:
    three = {name: history([1.0, 0.9]) for name in ("a", "b", "c")}
    lines = [x for x in figures.compare(three).axes[0].get_lines() if x.get_marker() != "o"]
    assert len({str(line.get_color()) for line in lines}) == 3
    assert len({str(line.get_linestyle()) for line in lines}) == 3


def test_of_eleven_compared_runs_two_of_one_colour_differ_in_stroke() -> None:
    eleven = {str(k): history([1.0, 0.9]) for k in range(11)}
    lines = [x for x in figures.compare(eleven).axes[0].get_lines() if x.get_marker() != "o"]
    assert len({(str(line.get_color()), str(line.get_linestyle())) for line in lines}) == 11


@pytest.mark.parametrize("name", ["compare", "schedule"])
def test_the_learning_rate_is_drawn_below_over_the_same_epochs(name: str) -> None:
    run = load_run("good-25").history
    figure = figures.compare({"good": run}) if name == "compare" else figures.schedule(run)
    above, below = figure.axes
    (line,) = below.get_lines()
    assert np.asarray(line.get_ydata()).tolist() == run["learning_rate"]
    assert below.get_ylabel() == "learning rate" and above.get_xlim() == below.get_xlim()


def test_the_words_of_the_schedule_name_its_peak() -> None:
    figure = figures.schedule(load_run("good-25").history)
    assert "rises to 0.1 in epoch 8 and falls to" in figure.get_label()


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ([0.1, 0.1, 0.1], "The learning rate is 0.1 in every epoch. Validation loss is 0.50 at the end."),
        ([0.1, 0.1, 0.01], "begins at 0.1 and falls to 0.01 in epoch 3. Validation loss is 0.70 at the peak"),
        ([0.01, 0.05, 0.1], "rises to 0.1 in epoch 3. Validation loss is 0.50 at the peak of the rate and 0.50 at"),
    ],
)
def test_the_words_of_the_schedule_say_only_what_it_does(rates: list[float], says: str) -> None:
    rows = [replace(row, learning_rate=rate) for row, rate in zip(history([0.7, 0.6, 0.5]).rows, rates, strict=True)]
    assert says in figures.schedule(History(rows)).get_label()
    alone = figures.schedule(History([replace(row, validation_loss=math.nan) for row in rows])).get_label()
    assert "alidation" not in alone


def test_gaps_show_each_seed_and_the_gap_of_the_means() -> None:
    figure = figures.gaps({"plain": [(0.98, 0.64), (0.96, 0.66)], "augmented": [(0.72, 0.73)]})
    place = figure.axes[0]
    assert [label.get_text() for label in place.get_yticklabels()] == ["augmented", "plain"]
    assert [text.get_text() for text in place.texts] == ["gap -1.0 points", "gap 32.0 points"]
    dots = [line for line in place.get_lines() if line.get_marker() == "o"]
    assert np.asarray(dots[1].get_xdata()).tolist() == [64, 66] and "plain: 97.0 % and 65.0 %" in figure.get_label()


def test_descent_draws_each_path_and_names_the_loss_at_its_end() -> None:
    path = torch.tensor([[2.0, 1.0], [1.0, 0.5], [0.6, 0.1]])
    figure = figures.descent({"one": path, "two": 0.5 * path}, torch.tensor([1.0, 100.0]))
    assert drawn(figure)["one step"] == ([2.0, 1.0, pytest.approx(0.6)], pytest.approx([1.0, 0.5, 0.1]))
    assert [place.get_title().splitlines()[1] for place in figure.axes] == [
        "loss 0.68 after 2 steps",
        "loss 0.17 after 2 steps",
    ]
    assert "one: 0.68; two: 0.17" in figure.get_label()


def test_a_sweep_marks_rates_that_diverge_at_the_top_and_names_the_lowest_loss() -> None:
    figure = figures.rate_sweep({0.001: 2.2, 0.1: 1.9, 1.0: math.nan, 10.0: math.inf}, start=2.3)
    assert drawn(figure)["after the short run"] == ([0.001, 0.1], [2.2, 1.9])
    assert drawn(figure)["diverged"] == ([1.0, 10.0], [pytest.approx(2.4)] * 2)
    assert "lowest, 1.90, at 0.1; 2.20 at 0.001; diverged at 1, 10" in figure.get_label()
    assert "diverged" not in drawn(figures.rate_sweep({0.1: 1.9}, start=2.3))
    ends = figures.rate_sweep({0.001: 2.2, 0.1: 1.9, 0.3: 2.4}, start=2.3).get_label()
    assert "2.20 at 0.001; 2.40 at 0.3." in ends


def test_a_sweep_of_which_each_run_diverges_says_so() -> None:
    figure = figures.rate_sweep({1.0: math.nan, 10.0: math.inf}, 2.3)
    assert figure.get_label() == "Each short run diverged: with learning rates of 1, 10."
    assert drawn(figure)["diverged"][0] == [1.0, 10.0]


def test_the_correct_class_stands_out_after_every_epoch() -> None:
    shares = torch.full((10,), 0.05).index_fill(0, torch.tensor(8), 0.55)
    figure = figures.class_by_epoch(torch.zeros(3, 32, 32, dtype=torch.uint8), {0: shares.flip(0), 3: shares}, 8)
    for place in figure.axes[1:]:
        colours = [patch.get_facecolor() for patch in place.patches]
        assert colours.count(colours[8]) == 1 and len(set(colours)) == 2
    assert figure.axes[2].patches[8].get_width() == pytest.approx(55)
    assert "class, ship: 5% after epoch 0, 55% after epoch 3" in figure.get_label()


def test_in_a_terminal_live_curves_draw_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = plt.get_fignums()
    assert figures.LiveCurves().after_epoch(None, history([1.0])) is False  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""
    assert plt.get_fignums() == before


NOTEBOOK = [
    """\
import torch
from forked_kernel import execute
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


def test_in_a_notebook_each_training_run_has_one_picture_that_is_redrawn(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in NOTEBOOK])
    execute(notebook, tmp_path)
    for cell in notebook.cells[1:3]:
        (output,) = cell.outputs
        assert "image/png" in output.data
        assert output.metadata["image/png"]["alt"].startswith("Loss and accuracy by epoch, 3 in all")
    assert notebook.cells[3].outputs[0].text == "[]\n"
