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


def test_predictions_name_each_answer_and_mark_the_wrong_ones() -> None:
    pictures = [Image.new("RGB", (40, 20), "red"), torch.zeros(3, 32, 32, dtype=torch.uint8)]
    figure = figures.predictions(pictures, [answer(0.7), answer(0.1, 0.6)], ["airplane", "truck"], columns=3)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["airplane 70 %", "✗ automobile 60 %\nshown: truck"]
    assert [to_hex(axes.title.get_color()) for axes in shown] == ["#000000", PALETTE[3]]
    assert np.array_equal(shown[0].images[0].get_array(), np.asarray(pictures[0]))
    assert shown[1].images[0].get_array().shape == (32, 32, 3) and len(figure.axes) == 3


def test_a_large_photo_is_drawn_upright_and_reduced(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.new("RGB", (900, 600)).save(tmp_path / "p.jpg", exif=exif)
    with Image.open(tmp_path / "p.jpg") as photo:
        drawn = figures.predictions([photo], [answer(0.5)]).axes[0].images[0].get_array()
        assert drawn is not None and drawn.shape[0] == 128 > drawn.shape[1]
        assert photo.size == (900, 600)


def test_predictions_without_truths_mark_nothing() -> None:
    pictures = [torch.zeros(3, 9, 9, dtype=torch.uint8)]
    for truths in (None, [None]):
        figure = figures.predictions(pictures, [answer(0.999)], truths)
        assert figure.axes[0].get_title() == "airplane >99 %"


@pytest.mark.parametrize(("count", "said", "truths"), [(0, 0, None), (2, 1, None), (1, 1, []), (1, 1, ["cat"] * 2)])
def test_predictions_that_do_not_fit_the_pictures_are_refused(count: int, said: int, truths: list[str] | None) -> None:
    pictures = [torch.zeros(3, 9, 9, dtype=torch.uint8)] * count
    with pytest.raises(ValueError, match=f"got {count} with {said} predictions"):
        figures.predictions(pictures, [answer(0.5)] * said, truths)


@pytest.mark.parametrize(("size", "corner"), [((60, 40), (10, 0)), ((40, 60), (0, 10)), ((32, 32), (0, 0))])
def test_seen_marks_the_square_that_the_network_gets(size: tuple[int, int], corner: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    picture, said = Image.fromarray(pixels), answer(0.7, 0.2, seen=preprocess(pixels))
    whole, small, bars = figures.seen(picture, said).axes
    x, y = (round(v + 0.5) for v in whole.patches[0].get_xy())
    side = int(whole.patches[0].get_width())
    assert (x, y) == corner and side == min(size) == int(whole.patches[0].get_height())
    assert torch.equal(preprocess(picture.crop((x, y, x + side, y + side))), said.seen)
    assert np.array_equal(small.images[0].get_array(), said.seen.permute(1, 2, 0))
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([p for _, p in said.top])
    assert [t.get_text() for t in bars.get_yticklabels()] == ["airplane", "automobile", "bird"]
    assert [t.get_text() for t in bars.texts] == ["70 %", "20 %", "1 %"]


def test_moved_crop_draws_each_crop_and_the_classes_that_get_highest() -> None:
    said = [answer(0.8, 0.1), answer(0.3, 0.1, 0.6), answer(0.05, 0.1, 0.2)]
    figure = figures.moved_crop([0, 4, 8], said, "offset (pixels)", classes=2)
    *crops, lines = figure.axes
    assert [axes.get_title() for axes in crops] == ["airplane 80 %", "bird 60 %", "bird 20 %"]
    drawn = {line.get_label(): list(line.get_ydata()) for line in lines.lines}
    assert drawn["airplane"] == pytest.approx([0.8, 0.3, 0.05]) and set(drawn) == {"airplane", "bird"}
    assert list(lines.lines[0].get_xdata()) == [0, 4, 8]
    assert lines.get_xlabel() == "offset (pixels)" and lines.get_xlim() == (-2, 10)
    figure.canvas.draw()
    for position, crop in zip([0, 4, 8], crops, strict=True):  # each point lies below its picture
        centre = crop.get_window_extent().x0 + crop.get_window_extent().width / 2
        assert lines.transData.transform((position, 0))[0] == pytest.approx(centre, abs=6)


def test_moved_crop_refuses_what_makes_no_line() -> None:
    with pytest.raises(ValueError, match="got 1 and 1"):
        figures.moved_crop([0], [answer(0.5)], "x")
    with pytest.raises(ValueError, match="got 3 and 2"):
        figures.moved_crop([0, 1, 2], [answer(0.5)] * 2, "x")


def test_confusion_shows_per_cent_of_each_true_class() -> None:
    matrix = torch.zeros(10, 10, dtype=torch.int64)
    matrix[3, 3], matrix[3, 5], matrix[0, 0] = 30, 10, 4
    axes = figures.confusion(matrix).axes[0]
    texts = np.array([t.get_text() for t in axes.texts]).reshape(10, 10)
    assert texts[3, 3] == "75" and texts[3, 5] == "25" and texts[0, 0] == "100" and texts[5, 3] == "0"
    assert axes.get_xlabel() == "predicted class" and axes.get_ylabel() == "true class"
    assert [t.get_text() for t in axes.get_yticklabels()] == list(CLASSES)


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
    assert torch.equal(names["images"], normalise(answer.seen)[None])  # type: ignore[arg-type]
    assert torch.allclose(names["probabilities"], answer.probabilities)  # type: ignore[arg-type]


def test_both_solutions_of_the_lesson_run() -> None:
    text = "".join("".join(c["source"]) for c in json.loads(LESSON.read_text(encoding="utf-8"))["cells"])
    first, second = re.findall(r"<summary>Solution</summary>\s+```python\n(.+?)```", text, flags=re.S)
    images = torch.arange(2 * 3072).view(2, 3, 32, 32).to(torch.uint8)
    seen: list[Tensor] = []
    spy = SimpleNamespace(softmax=lambda _: torch.full((2, 10), 0.1))
    exec(first, {"images": images, "normalise": normalise, "model": lambda x: seen.append(x) or spy})
    assert torch.equal(seen[0], normalise(images).flip(3))
    lines: list[str] = []
    confidence = torch.tensor([0.4, 0.7, 0.995])
    answers = torch.tensor([1, 2, 3])
    exec(
        second,
        {"confidence": confidence, "answered": answers, "labels": torch.tensor([0, 2, 3]), "print": lines.append},
    )
    assert lines[0] == "threshold 0.0: 100% answered, 66.7% of these right" and lines[-1].startswith(
        "threshold 0.99: 33%"
    )
