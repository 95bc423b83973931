"""The sentence of help on an error that a learner's function raised: right for the message, and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cifar_helpers import checks
from cifar_helpers.checks.error_help import help_on

ROWS, WHOLE = torch.rand(2, 4), torch.ones(2, 4, dtype=torch.int64)
SHAPE, DTYPE = "A shape does not fit", "A `dtype` does not fit"
CASES: list[tuple[str, Callable[[], Any], str]] = [
    ("dimension", lambda: ROWS.softmax(5), "asks for dimension 5, but only 0 and 1 are possible there (or −1 and −2,"),
    (
        "negative dimension",
        lambda: torch.rand(2, 3, 4).sum(-4),
        "dimension −4, but only 0 to 2 are possible there (or −1",
    ),
    ("new dimension", lambda: ROWS.unsqueeze(3), "dimension 3, but only 0 to 2 are possible there (or −1 to −3,"),
    ("a number's dimension", lambda: ROWS.sum().sum(1), "dimension 1, but only 0 is possible there"),
    ("place", lambda: ROWS[0, 5], "Dimension 1 has 4 places there, counted from 0, and the code asks for place 5."),
    ("place in NumPy", lambda: np.ones(1)[-2], "Dimension 0 has 1 place there, counted from 0, and the code asks for"),
    (
        "broadcast",
        lambda: ROWS + torch.rand(3),
        "two tensors have the sizes 4 and 3. They must be equal, or one of them",
    ),
    ("product", lambda: ROWS @ ROWS, "as many columns on the left, here 4, as rows on the right, here 2."),
    ("layer", lambda: nn.Linear(4, 3)(torch.rand(2, 5)), "columns on the left, here 5, as rows on the right, here 4."),
    ("new shape", lambda: ROWS.view(3, -1), "must hold exactly the numbers that are there, here 8."),
    ("new shape in NumPy", lambda: np.ones(6).reshape(4, 2), "the numbers that are there, here 6."),
    ("stack", lambda: torch.stack([ROWS, ROWS.T]), SHAPE),
    ("cat", lambda: torch.cat([ROWS, ROWS.T]), SHAPE),
    ("channels", lambda: nn.Conv2d(3, 8, 3)(torch.rand(1, 1, 6, 6)), SHAPE),
    ("batch", lambda: nn.functional.conv2d(ROWS, ROWS), SHAPE),
    ("mask", lambda: ROWS[torch.ones(3, dtype=torch.bool)], SHAPE),
    ("assignment", lambda: ROWS.clone().__setitem__(0, torch.rand(3)), SHAPE),
    ("broadcast in NumPy", lambda: np.ones((2, 3)) + np.ones(4), SHAPE),
    ("mean of whole numbers", lambda: WHOLE.mean(), DTYPE),
    ("softmax of whole numbers", lambda: WHOLE.softmax(1), DTYPE),
    ("spread of whole numbers", lambda: WHOLE.std(), DTYPE),
    ("in place", lambda: WHOLE.clone().div_(2.0), DTYPE),
    ("index", lambda: ROWS[torch.tensor([0.5])], DTYPE),
    ("layer of whole numbers", lambda: nn.Linear(4, 3)(WHOLE), DTYPE),
    ("one_hot", lambda: nn.functional.one_hot(ROWS), DTYPE),
    ("gather", lambda: ROWS.gather(1, ROWS), DTYPE),
    ("weights", lambda: nn.Conv2d(3, 8, 3)(torch.rand(1, 3, 6, 6).double()), "the same `dtype` and the same `device`"),
    ("device", lambda: ROWS + torch.rand(2, 4, device="meta"), "must be on the same device"),
    ("name", lambda: nowhere, "Python knows no `nowhere` there"),  # noqa: F821
    ("later", lambda: exec("def f():\n  a = b\n  b = 1\nf()", {}), "`b` has no value at that point"),
    ("method", lambda: ROWS.softmx(1), "There is no `softmx` in a value of type `Tensor`"),
    ("module", lambda: nn.Linaer, "There is no `Linaer` in `torch.nn`: check the spelling."),
    ("None", lambda: None.sum(), "The value before `.sum` is None"),
    ("condition", lambda: 1 if ROWS > 0 else 0, "a single True or False there"),
]


@pytest.mark.parametrize(("raises", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_usual_error_is_explained(raises: Callable[[], Any], says: str) -> None:
    with pytest.raises(Exception) as caught:
        raises()
    said = help_on(caught.value)
    assert says in said and said.endswith(".") and len(said) < 160


class Unreadable(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    "error",
    [KeyError("learner"), ValueError(""), ValueError("the sizes must match"), ZeroDivisionError("x"), Unreadable()],
)
def test_of_other_errors_nothing_is_said(error: Exception) -> None:
    assert help_on(error) == ""


def test_the_help_follows_the_message_in_words_and_on_a_card() -> None:
    def wrong(logits: Tensor) -> Tensor:
        return logits.softmax(5)

    verdict = checks.softmax(wrong)
    assert verdict.code[-1].endswith("but got 5)") and verdict.note.startswith("The code asks for dimension 5")
    assert f"in the line `return logits.softmax(5)`. {verdict.note}" in str(verdict)
    inside = checks.softmax(torch.linalg.inv)  # raised where there is no line of the learner's
    assert inside.code[-1] in inside.says
