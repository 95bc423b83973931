"""What lesson 00 says in its text is what its stored outputs show on CIFAR-10, or what the recorded network gives."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from helpers import right
from stored_lesson import StoredLesson

from cifar_helpers import CLASSES, Cifar10, checks, normalise
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
    before, after = last_maps(0), last_maps(25)
    horse = CLASSES.index("horse")
    zeros = [round(100 * (maps[horse] == 0).float().mean().item()) for maps in (before, after)]
    claims(f"for the horse, {zeros[0]} % of its values are zero before training and {zeros[1]} % after epoch 25.")
    responding = (after[horse].amax((1, 2)) > 0).sum()
    claims(f"Yet {responding} of its {len(after[horse])} maps still respond somewhere.")
    for zero_before, zero_after in zip((before == 0).flatten(1), (after == 0).flatten(1), strict=True):  # each drawing
        assert 0.45 < zero_before.float().mean() < 0.55 and 0.77 < zero_after.float().mean() < 0.87


@pytest.mark.records
def test_before_training_all_classes_are_about_equally_probable_and_afterwards_two_drawings_are_mistaken() -> None:
    claims("all ten probabilities are close to 10 %")
    claims("After epoch 25 it takes the automobile for a ship, and the dog for a bird.")
    with torch.no_grad():
        before, after = (load_run(DEFAULT_RUN).model(epoch).eval()(DRAWN).softmax(1) for epoch in (0, 25))
    assert 0.08 < before.min() < before.max() < 0.12
    sure = after[CLASSES.index("horse"), CLASSES.index("horse")]
    claims(f"for the *drawn* horse this network said {sure:.0%}.".replace("%", " %"))
    taken = {name: CLASSES[k] for name, k in zip(sketches(), after.argmax(1).tolist(), strict=True)}
    assert {name: other for name, other in taken.items() if other != name} == {"automobile": "ship", "dog": "bird"}


@pytest.mark.records
def test_one_epoch_lifts_the_accuracy_as_far_as_the_question_says() -> None:
    (cell,) = [cell for cell in LESSON.cells if cell.cell_type == "code" and "fit(model" in cell.source]
    reached = re.search(r"after one epoch (\d+)%", "".join(output.get("text", "") for output in cell.outputs))
    low, high = map(int, re.findall(r"\d+", right("one_epoch")))
    assert reached and low < int(reached[1]) < high


@pytest.mark.records
def test_the_network_sees_as_many_pictures_as_the_text_and_the_question_say() -> None:
    claims("for one epoch on 5,000 pictures, and let it classify 2,000 others")
    (cell,) = [cell for cell in LESSON.cells if cell.cell_type == "code" and "fit(model" in cell.source]
    assert "train.subset(slice(0, 5000))" in cell.source and "validation.subset(slice(0, 2000))" in cell.source
    assert "sees 5,000 pictures once" in checks.PREDICTIONS["one_epoch"].ask
    assert f" {5000 // 128 + 1}/{5000 // 128 + 1} " in "".join(output.get("text", "") for output in cell.outputs)
    assert "some 40 batches" in checks.PREDICTIONS["one_epoch"].options[0].says


def test_of_the_sketches_there_are_fewer(sketches: Cifar10) -> None:
    claims("(With sketches there are fewer of both.)")
    train, validation = sketches.split()
    assert len(train) < 5000 and len(validation) < 2000


@pytest.mark.records
def test_the_shipped_network_was_trained_as_the_text_says() -> None:
    claims("a network that was trained for 25 epochs on 40,000 photographs")
    run = load_run(DEFAULT_RUN)
    assert len(run.history) == 25 and run.config["data"]["train images"] == 40_000


@pytest.mark.records
def test_the_ten_photographs_are_shuffled_and_each_is_shown_once() -> None:
    (cell,) = [cell for cell in LESSON.cells if cell.cell_type == "code" and "order = [" in cell.source]
    order = [int(k) for k in re.findall(r"\d+", cell.source.split("order = ")[1].splitlines()[0])]
    assert sorted(order) == list(range(10))
    assert not any(place == k for place, k in enumerate(order))  # counting through the classes does not find it
