"""Pictures of right answers in lesson 06: a preprocessed photo, a confusion matrix, a saliency map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from cifar_helpers._paths import resources
from cifar_helpers.checks.drawing import as_rows, in_grey, numbers_svg, picture_html, sentence, titled
from cifar_helpers.checks.pictures import SIDE, channels_html, horse
from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.inference import preprocess
from cifar_helpers.runs import DEFAULT_RUN, load_run


def preprocessed(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse and the three channels that the answer makes of it."""
    photo = as_rows(horse())
    batch = answer(torch.from_numpy(photo.copy()))
    shape = "×".join(map(str, batch.shape))
    said = (
        f"Your batch, {shape}: orange is brighter than the mean of the training pixels, purple darker, "
        "and the horse stands upright in every channel."
    )
    before = picture_html(photo, SIDE, "A drawn horse, 32×32 pixels", "the photo")
    return "".join([before, channels_html(batch[0], ": the same horse, upright"), sentence(said)])


def confused(answer: Callable[..., Any]) -> str:
    """HTML of the matrix that the answer counts from the recorded predictions for 10,000 validation images."""
    recorded = torch.tensor(load_run(DEFAULT_RUN).metrics["validation"]["confusion"])
    cells = torch.arange(100).repeat_interleave(recorded.flatten())
    counts = np.asarray(answer(cells // 10, cells % 10))
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    grid = np.ones((11, 11))
    grid[1:, 1:] = 1 - np.sqrt(shares)  # the root lets small shares be seen
    names = [name[:4] for name in CLASSES]
    text = [["", *names]] + [[name, *map(str, row)] for name, row in zip(names, counts, strict=True)]
    wrong = counts - np.diag(np.diag(counts))
    true, predicted = divmod(int(wrong.argmax()), 10)
    most = f"{CLASSES[true]} predicted as {CLASSES[predicted]}, {wrong.max()} times"
    alt = f"Your confusion matrix; the most frequent mistake: {most}"
    return titled(
        f"Your matrix for {len(cells):,} recorded predictions; rows are true. The most frequent mistake: {most}. "
        "(They were computed in bfloat16, so a few counts differ by one or two from the lesson's.)",
        numbers_svg(grid, alt, cell=36, text=text),
    )


def salient(answer: Callable[..., Any]) -> str:
    """HTML of a drawn cat and the answer's map of it for the course's trained network."""
    picture = preprocess(resources() / "inputs" / "cat.png")
    values = answer(load_run(DEFAULT_RUN).model(), normalise(picture), CLASSES.index("cat")).numpy()
    row, column = divmod(int(values.argmax()), values.shape[1])
    return "".join(
        [
            picture_html(as_rows(picture), SIDE, "A drawn cat, 32×32 pixels", "what the network sees"),
            picture_html(
                in_grey(values / max(values.max(), 1e-9)),
                SIDE,
                f"Your saliency map of the cat, brightest at row {row}, column {column}",
                "your map",
            ),
            sentence(
                "Bright pixels change the score of cat most when they change a little. "
                f"The brightest is in row {row}, column {column}."
            ),
        ]
    )
