"""Signs of bugs in recorded runs: what a bug always shows, and what to reply if that is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cifar_helpers.bug_gallery.inject import Symptoms

FLOOR: Final = math.log(math.e + 9) - 1  # loss after a second softmax of (1, 0, …, 0) if the 1 is right
HARDLY: Final = 0.02  # of their length: weights that moved less have hardly moved
_CEILING: Final = math.log(math.e + 9)  # and if it is wrong
_CHANCE: Final = math.log(10)
_CLEAR: Final = 0.1  # a difference of two accuracies that is not chance with 1,000 images


@dataclass(frozen=True)
class Sign:
    """Something that a bug always shows here.

    Attributes:
        symptom: key of the symptom that shows it, as listed in `evidence`.
        seen: whether the symptoms of a run show it.
        against: the reply for a run that does not show it.
    """

    symptom: str
    seen: Callable[[Symptoms], bool]
    against: Callable[[Symptoms], str]


def length(number: float) -> str:
    """A number of any size in a few characters."""
    if math.isnan(number):
        return "not a number"
    if number < 1000:
        return "0" if number == 0 else f"{number:.2f}" if number < 10 else f"{number:.0f}"
    return f"10{str(math.floor(math.log10(number))).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def percent(share: float, digits: int = 0) -> str:
    """A share, 0..1, in percent, on one line."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def moved(share: float) -> str:
    """How far the weights moved, in words."""
    if math.isnan(share):
        return "not a number"
    if share == 0:
        return "not at all"
    return f"{percent(share, 1)} of their length" if share < 1 else f"{length(share)} times their length"


def _they_moved(seen: Symptoms) -> str:
    if math.isnan(seen.moved):
        return "Here they became NaN."
    return f"Here they moved by {moved(seen.moved)}." if seen.moved else "Here they did not move at all."


def _worst(losses: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, losses)) else max(losses)


def _losses(seen: Symptoms) -> tuple[float, ...]:
    return (*seen.train_loss, *seen.validation_loss)


def _outside(seen: Symptoms) -> str:
    losses = _losses(seen)
    if math.isnan(_worst(losses)):
        return "Here it is not a number"
    if max(losses) > _CEILING:
        return f"Here it rises to {length(max(losses))}"
    return f"Here it falls to {min(losses):.2f}"


def _varies(seen: Symptoms) -> bool:
    shares = [share for _, share in seen.answers]
    return max(shares) - min(shares) > 0.01


FIRST_STAY: Final = Sign(
    "first_losses",
    lambda s: _worst(s.first_losses) < 3,
    lambda s: (
        "Gradients that add up take some steps to grow, so the first batches look healthy. "
        f"Here one of the first six has a loss of {length(_worst(s.first_losses))}."
    ),
)
GRADIENTS_GROW: Final = Sign(
    "gradient",
    lambda s: s.gradient[-1] > 10 * s.gradient[0],
    lambda s: (
        "Gradients that add up grow more than tenfold over the epochs. Here their mean length is "
        f"{length(s.gradient[0])} in the first epoch and {length(s.gradient[-1])} in the last."
    ),
)
ANSWERS_VARY: Final = Sign(
    "answers",
    _varies,
    lambda s: (
        "Without eval() dropout stays on, so one photo gets a different prediction each time. "
        "Here it gets the same one."
    ),
)
ONE_AT_A_TIME: Final = Sign(
    "single",
    lambda s: s.single_accuracy < s.validation_accuracy[-1] - _CLEAR,
    lambda s: (
        "Without eval() batch norm takes its statistics from the batch, so accuracy drops for single images. "
        f"Here it is {percent(s.single_accuracy)} one at a time, and {percent(s.validation_accuracy[-1])} in batches."
    ),
)
NO_GRADIENT: Final = Sign(
    "gradient",
    lambda s: max(s.gradient) == 0,
    lambda s: (
        "An optimizer of another network never sees a gradient. Here the mean length in the last epoch is "
        f"{length(s.gradient[-1])}."
    ),
)
SOFTMAX_RANGE: Final = Sign(
    "loss",
    lambda s: min(_losses(s)) >= FLOOR and _worst(_losses(s)) <= _CEILING,
    lambda s: f"After a softmax the loss stays between {FLOOR:.2f} and {_CEILING:.2f}. {_outside(s)}.",
)
LEARNS: Final = Sign(
    "accuracy",
    lambda s: s.validation_accuracy[-1] > 0.35,
    lambda s: (
        "A second softmax slows learning down, but does not stop it. "
        f"Here validation accuracy ends at only {percent(s.validation_accuracy[-1])}."
    ),
)
THROWN: Final = Sign(
    "first_losses",
    lambda s: max(s.first_losses) > 5,
    lambda s: (
        "Steps a hundred times as long raise the loss sharply within a few batches. "
        f"Here none of the first six is above {max(s.first_losses):.2f}."
    ),
)
CREEPS: Final = Sign(
    "moved",
    lambda s: s.moved != 0,
    lambda s: f"Short steps move the weights too, if only a little. {_they_moved(s)}",
)
HARDLY_MOVES: Final = Sign(
    "moved",
    lambda s: s.moved < HARDLY,
    lambda s: f"Steps a hundredth as long leave the weights close to their initial values. {_they_moved(s)}",
)
STANDS: Final = Sign(
    "moved",
    lambda s: s.moved == 0,
    lambda s: f"An optimizer of another network cannot move these weights at all. {_they_moved(s)}",
)
AT_CHANCE: Final = Sign(
    "loss",
    lambda s: all(abs(loss - _CHANCE) < 0.1 for loss in s.train_loss),
    lambda s: (
        f"Where labels fit by chance alone, the training loss stays at ln 10 = {_CHANCE:.2f}. "
        f"Here it ends at {length(s.train_loss[-1])}."
        if not math.isnan(s.train_loss[-1])
        else f"Where labels fit by chance alone, the loss stays at ln 10 = {_CHANCE:.2f}. Here it is not a number."
    ),
)
GUESSES: Final = Sign(
    "accuracy",
    lambda s: max(s.train_accuracy) < 0.15,
    lambda s: (
        "Where labels fit by chance alone, accuracy stays at 10\N{NO-BREAK SPACE}% to the end. "
        f"Here training accuracy reaches {percent(max(s.train_accuracy))}."
    ),
)
MOVES: Final = Sign(
    "moved",
    lambda s: s.moved != 0,
    lambda s: f"Labels that fit by chance still move the weights, though nothing is learned. {_they_moved(s)}",
)
BETTER_THAN_NEW: Final = Sign(
    "new",
    lambda s: s.validation_accuracy[-1] > s.new_accuracy + _CLEAR,
    lambda s: (
        "A network classifies the images that it was trained on better than new ones. Here accuracy is "
        f"{percent(s.validation_accuracy[-1])} on the validation images, and {percent(s.new_accuracy)} on new ones."
    ),
)
PHOTOS_SUFFER: Final = Sign(
    "photo",
    lambda s: s.photo_accuracy < s.new_accuracy - _CLEAR,
    lambda s: (
        "Photos that are preprocessed differently are classified worse. Here accuracy on new images is "
        f"{percent(s.new_accuracy)}, and {percent(s.photo_accuracy)} through the code for photos."
    ),
)
ANSWERS_STAY: Final = Sign(
    "answers",
    lambda s: not _varies(s),
    lambda s: (
        "A photo that is preprocessed wrongly gets the same wrong prediction each time. Here the predictions vary."
    ),
)
