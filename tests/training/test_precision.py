"""How many steps `fit` spends on the choice of a precision: few where it is clear and steps are long."""

from __future__ import annotations

import time

import pytest
import torch
from helpers import coloured
from torch import Tensor, nn

from cifar_helpers import fit


class Slow(nn.Module):
    """Waits so long in float32 and in bfloat16, which is all that it takes."""

    def __init__(self, seconds: float, short_seconds: float) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 32 * 32, 10)
        self.seconds, self.short_seconds, self.steps = seconds, short_seconds, list[str]()

    def forward(self, images: Tensor) -> Tensor:
        short = torch.is_autocast_enabled("cpu")
        if self.training:
            self.steps.append("bfloat16" if short else "float32")
            time.sleep(self.short_seconds if short else self.seconds)
        return self.linear(images.flatten(1))

    def __deepcopy__(self, memo: object) -> Slow:
        copy = Slow(self.seconds, self.short_seconds)
        copy.load_state_dict(self.state_dict())
        copy.steps = self.steps  # steps of all copies together
        return copy


@pytest.mark.parametrize(
    ("seconds", "short_seconds", "rounds"), [(0.12, 0.04, 1), (0.04, 0.12, 1), (0.048, 0.04, 3), (0.006, 0.002, 3)]
)
def test_a_clear_choice_takes_one_round_and_a_close_one_or_one_of_short_steps_three(
    seconds: float, short_seconds: float, rounds: int
) -> None:
    network = Slow(seconds, short_seconds)
    chosen = fit(network, coloured(20), epochs=1, progress=False).precision
    if rounds == 1:
        assert chosen == ("bfloat16" if short_seconds < seconds else "float32")
    # A round has three steps of each; the step that is tried before all others is one of float32.
    tried = {"float32": network.steps.count("float32") - 1, "bfloat16": network.steps.count("bfloat16")}
    assert min(tried.values()) == 3 * rounds
