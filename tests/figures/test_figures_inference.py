"""The figures and the upload widget of lesson 06 show what they should."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from helpers import NOTEBOOKS
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from PIL import Image
from torch import Tensor, nn

from cifar_helpers import CLASSES, figures
from cifar_helpers.data import normalise
from cifar_helpers.figures import PALETTE
from cifar_helpers.inference import Prediction, predict, preprocess

LESSON = NOTEBOOKS / "06_inference.ipynb"


def answer(*shares: float, seen: Tensor | None = None) -> Prediction:
    """A prediction with the given probabilities of the first classes; the rest share what is left."""
    rest = (1 - sum(shares)) / (10 - len(shares))
    table = torch.tensor([*shares, *[rest] * (10 - len(shares))])
    order = table.argsort(descending=True, stable=True)[:3].tolist()
    top = tuple((CLASSES[k], float(table[k])) for k in order)
    pixels = torch.arange(3072).view(3, 32, 32).to(torch.uint8) if seen is None else seen
    return Prediction(*top[0], top=top, probabilities=table, seen=pixels)


class Fixed(nn.Module):
    """Always the same logits: 90 % horse."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.full((len(images), 10), np.log(0.1 / 9))
        logits[:, CLASSES.index("horse")] = np.log(0.9)
        return logits


# --- figures ---------------------------------------------------------------------------------------------


def test_predictions_are_marked_where_the_label_is_a_class_and_only_there() -> None:
    pictures = [Image.new("RGB", (40, 20), "red"), *[torch.zeros(3, 32, 32, dtype=torch.uint8)] * 3]
    said = [answer(0.7), answer(0.1, 0.6), answer(0.4), answer(0.999)]
    figure = figures.predictions(pictures, said, ["airplane", "truck", "a house", None], columns=5)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    titles = ["✓ airplane 70 %", "✗ automobile 60 %\nlabel: truck", "airplane 40 %\n(a house)", "airplane >99 %"]
    assert [axes.get_title() for axes in shown] == titles
    colours = [to_hex(axes.title.get_color()) for axes in shown]
    assert colours[1] == PALETTE[3] and colours[2] == colours[3] and len(set(colours)) == 3
    assert np.array_equal(shown[0].images[0].get_array(), np.asarray(pictures[0]))
    assert shown[1].images[0].get_array().shape == (32, 32, 3) and len(figure.axes) == 5
    assert "1 of 2 match their labels. airplane: airplane 70 %; truck: automobile 60 %; a house" in figure.get_label()


def test_a_large_photo_is_drawn_upright_and_reduced(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.new("RGB", (900, 600)).save(tmp_path / "p.jpg", exif=exif)
    with Image.open(tmp_path / "p.jpg") as photo:
        drawn = figures.predictions([photo], [answer(0.5)]).axes[0].images[0].get_array()
        assert drawn is not None and drawn.shape[0] == 128 > drawn.shape[1]
        assert photo.size == (900, 600)


def test_predictions_without_labels_mark_nothing() -> None:
    figure = figures.predictions([torch.zeros(3, 9, 9, dtype=torch.uint8)], [answer(0.999)])
    assert figure.axes[0].get_title() == "airplane >99 %" and "label" not in figure.get_label().split(".")[0]


@pytest.mark.parametrize(("count", "said", "labels"), [(2, 1, None), (1, 1, []), (1, 1, ["cat"] * 2)])
def test_predictions_that_do_not_fit_the_pictures_are_refused(count: int, said: int, labels: list[str] | None) -> None:
    pictures = [torch.zeros(3, 9, 9, dtype=torch.uint8)] * count
    with pytest.raises(ValueError, match=f"got {count} with {said} predictions"):
        figures.predictions(pictures, [answer(0.5)] * said, labels)


@pytest.mark.parametrize(("size", "corner"), [((60, 40), (10, 0)), ((40, 60), (0, 10)), ((32, 32), (0, 0))])
def test_seen_marks_the_square_that_the_network_gets(size: tuple[int, int], corner: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    picture, said = Image.fromarray(pixels), answer(0.7, 0.2, seen=preprocess(pixels))
    figure = figures.seen(picture, said)
    whole, small, bars = figure.axes
    x, y = (round(v + 0.5) for v in whole.patches[0].get_xy())
    side = int(whole.patches[0].get_width())
    assert (x, y) == corner and side == min(size) == int(whole.patches[0].get_height())
    assert torch.equal(preprocess(picture.crop((x, y, x + side, y + side))), said.seen)
    assert np.array_equal(small.images[0].get_array(), said.seen.permute(1, 2, 0))
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([100 * p for _, p in said.top])
    assert [t.get_text() for t in bars.get_yticklabels()] == ["airplane", "automobile", "bird"]
    assert [t.get_text() for t in bars.texts] == ["70 %", "20 %", "1 %"]
    assert f"{size[0]} × {size[1]} pixels" in figure.get_label() and str(said) in figure.get_label()


def test_moved_crop_draws_each_crop_and_the_classes_that_get_highest() -> None:
    said = [answer(0.8, 0.1), answer(0.3, 0.1, 0.6), answer(0.05, 0.1, 0.2)]
    figure = figures.moved_crop([0, 4, 8], said, "offset (pixels)", classes=2)
    *crops, lines = figure.axes
    assert [axes.get_title() for axes in crops] == ["airplane 80 %", "bird 60 %", "bird 20 %"]
    drawn = {line.get_label(): list(line.get_ydata()) for line in lines.lines}
    assert drawn["airplane"] == pytest.approx([80, 30, 5]) and set(drawn) == {"airplane", "bird"}
    assert list(lines.lines[0].get_xdata()) == [0, 4, 8]
    assert lines.get_xlabel() == "offset (pixels)" and lines.get_xlim() == (-2, 10) and "%" in lines.get_ylabel()
    assert "Predictions by offset (pixels): airplane 0, bird 4 to 8." in figure.get_label()
    figure.canvas.draw()
    for position, crop in zip([0, 4, 8], crops, strict=True):  # each point lies below its picture
        centre = crop.get_window_extent().x0 + crop.get_window_extent().width / 2
        assert lines.transData.transform((position, 0))[0] == pytest.approx(centre, abs=6)


def test_moved_crop_refuses_what_makes_no_line() -> None:
    with pytest.raises(ValueError, match="got 1 and 1"):
        figures.moved_crop([0], [answer(0.5)], "x")
    with pytest.raises(ValueError, match="got 3 and 2"):
        figures.moved_crop([0, 1, 2], [answer(0.5)] * 2, "x")


def test_evidence_has_one_scale_for_all_maps_and_a_bar_that_names_its_colours() -> None:
    values = np.zeros((32, 32))
    values[3, 7], values[9, 9] = 2.0, -4.0
    figure = figures.evidence(torch.zeros(3, 32, 32, dtype=torch.uint8), {"Grad-CAM": values, "occlusion": -values})
    *_, first, second, bar = figure.axes
    assert {(axes.images[0].norm.vmin, axes.images[0].norm.vmax) for axes in (first, second)} == {(-1, 1)}
    assert first.images[0].get_array()[3, 7] == 0.5 and first.images[0].get_array()[9, 9] == -1
    assert [t.get_text() for t in bar.get_yticklabels()] == ["against the\nprediction", "0", "for the\nprediction"]
    assert "Grad-CAM at row 3, column 7, and 0% as strongly at row " in figure.get_label()
    assert "occlusion at row 9, column 9, and 0% as" in figure.get_label()


def test_the_alt_text_of_evidence_names_a_second_place_far_from_the_strongest() -> None:
    values = np.zeros((32, 32))
    values[3, 7], values[4, 9], values[20, 30] = 2.0, 1.9, 1.0  # the second is near the strongest
    label = figures.evidence(torch.zeros(3, 32, 32, dtype=torch.uint8), {"occlusion": values}).get_label()
    assert "occlusion at row 3, column 7, and 50% as strongly at row 20, column 30." in label


def test_rejection_draws_who_is_answered_and_how_many_of_these_are_correct() -> None:
    confidence = torch.tensor([0.95, 0.85, 0.45, 0.3]).repeat_interleave(100)
    correct = torch.tensor([True, True, False, True]).repeat_interleave(100)
    figure = figures.rejection(confidence, correct, {"noise": torch.tensor([0.2, 0.6])})
    above, below = figure.axes
    *marks, accuracy = above.lines
    drawn = {str(line.get_label()): line for line in below.lines[len(marks) :]}

    def at(threshold: int, line: Line2D) -> float:
        where = np.flatnonzero(np.isclose(np.asarray(line.get_xdata(), float), threshold))
        return float(np.asarray(line.get_ydata())[where[0]])

    assert at(50, drawn["images of the ten classes"]) == 50 and at(50, drawn["noise"]) == 50
    assert at(20, accuracy) == 75 and at(40, accuracy) == pytest.approx(200 / 3) and at(50, accuracy) == 100
    assert max(np.asarray(accuracy.get_xdata())) < 96  # nothing is answered above 95 %
    assert above.get_title(loc="left") == "Accuracy of the answered images" and above.get_ylabel() == "correct (%)"
    assert below.get_ylabel() == "answered (%)" and below.get_xlabel() == "threshold (%)"
    assert "Above 50%: 50% of the images answered, 100.0% of these correctly; also answered: 50% of the noise." in (
        figure.get_label()
    )
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn.values()}) == 2
    names = {text.get_text(): text for text in below.texts}
    assert set(names) == set(drawn)
    assert all(to_hex(text.get_color()) == to_hex(drawn[name].get_color()) for name, text in names.items())
    assert [np.asarray(mark.get_xdata())[0] for mark in marks] == [50, 90]


# --- the lesson's own code -------------------------------------------------------------------------------


def test_the_steps_by_hand_in_the_lesson_are_those_of_predict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(LESSON.parent)
    cells = [c.source for c in nbformat.read(LESSON, as_version=4).cells if c.cell_type == "code"]
    first = next(k for k, source in enumerate(cells) if "Image.open" in source)
    imports = "\n".join(line for line in cells[0].splitlines() if line.startswith(("import ", "from ")))
    names = {"model": Fixed(), "folder": Path("../resources/inputs"), "print": lambda *_: None}
    exec(imports, names)
    for source in cells[first : first + 4]:
        exec(source, names)
    answer = predict(Path("../resources/inputs/horse.png"), Fixed())
    assert torch.equal(names["pixels"], answer.seen)  # type: ignore[arg-type]
    assert torch.equal(names["batch_of_one"], normalise(answer.seen)[None])  # type: ignore[arg-type]
    assert torch.allclose(names["by_hand"], answer.probabilities)  # type: ignore[arg-type]


def test_the_solution_of_the_stretch_mirrors_the_images() -> None:
    text = "".join("".join(c["source"]) for c in json.loads(LESSON.read_text(encoding="utf-8"))["cells"])
    (second,) = re.findall(r"<summary>Solution</summary>\s+```python\n(.+?)```", text, flags=re.S)
    images = torch.arange(2 * 3072).view(2, 3, 32, 32).to(torch.uint8)
    seen: list[Tensor] = []
    spy = SimpleNamespace(softmax=lambda _: torch.full((2, 10), 0.1))
    exec(second, {"images": images, "normalise": normalise, "model": lambda x: seen.append(x) or spy})
    assert torch.equal(seen[0], normalise(images).flip(3))
