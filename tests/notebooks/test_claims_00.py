"""What lesson 00 says in its text is what its stored outputs show on CIFAR-10, or what the recorded network gives."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from helpers import right
from stored_lesson import StoredLesson

from cifar_helpers import CLASSES, normalise
from cifar_helpers.runs import DEFAULT_RUN, load_run
from cifar_helpers.web.export import sketches

LESSON = StoredLesson("00")
PROSE = LESSON.prose
DRAWN = normalise(torch.from_numpy(np.stack([image.transpose(2, 0, 1) for image in sketches().values()])))


def claims(sentence: str) -> None:
    """The text still says what is checked here."""
    assert sentence in PROSE, f"the lesson no longer says: {sentence}"


def last_maps(epoch: int) -> torch.Tensor:
    """What block 3 gives for the drawn pictures before it pools, as the widget shows it, `(10, 128, 8, 8)`."""
    first, second, third = load_run(DEFAULT_RUN).model(epoch).eval().features
    with torch.no_grad():
        return third[:3](second(first(DRAWN)))  # type: ignore[no-any-return]


@pytest.mark.records
def test_training_empties_the_last_maps_without_silencing_many_of_them() -> None:
    claims("about half of its values are zero before training, and about four fifths after epoch 25")
    claims("Nearly every map still responds, but only at a few places.")
    horse = CLASSES.index("horse")
    before, after = last_maps(0)[horse], last_maps(25)[horse]
    assert 0.45 < (before == 0).float().mean() < 0.55 and 0.77 < (after == 0).float().mean() < 0.85
    assert (after.amax((1, 2)) == 0).sum() < 5


@pytest.mark.records
def test_before_training_all_classes_are_about_equally_probable_and_afterwards_two_drawings_are_mistaken() -> None:
    claims("all ten probabilities are close to 10 %")
    claims("After epoch 25 it takes the automobile for a ship, and the dog for a bird.")
    with torch.no_grad():
        before, after = (load_run(DEFAULT_RUN).model(epoch).eval()(DRAWN).softmax(1) for epoch in (0, 25))
    assert 0.08 < before.min() < before.max() < 0.12
    taken = {name: CLASSES[k] for name, k in zip(sketches(), after.argmax(1).tolist(), strict=True)}
    assert {name: other for name, other in taken.items() if other != name} == {"automobile": "ship", "dog": "bird"}


@pytest.mark.records
def test_one_epoch_lifts_the_accuracy_as_far_as_the_question_says() -> None:
    (cell,) = [cell for cell in LESSON.cells if cell.cell_type == "code" and "fit(model" in cell.source]
    reached = re.search(r"after one epoch (\d+)%", "".join(output.get("text", "") for output in cell.outputs))
    low, high = map(int, re.findall(r"\d+", right("one_epoch")))
    assert reached and low < int(reached[1]) < high


@pytest.mark.records
def test_the_ten_photographs_are_shuffled_and_each_is_shown_once() -> None:
    (cell,) = [cell for cell in LESSON.cells if cell.cell_type == "code" and "order = [" in cell.source]
    order = [int(k) for k in re.findall(r"\d+", cell.source.split("order = ")[1].splitlines()[0])]
    assert sorted(order) == list(range(10))
    assert not any(place == k for place, k in enumerate(order))  # counting through the classes does not find it
