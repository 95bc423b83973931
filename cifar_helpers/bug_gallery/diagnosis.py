"""Naming a bug from its symptoms: what gives each away, and what speaks against a wrong suspicion."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cifar_helpers.bug_gallery import signs
from cifar_helpers.bug_gallery.inject import BUGS, CASES, SOUND, Symptoms, symptoms
from cifar_helpers.bug_gallery.signs import FLOOR, Sign, length, moved

__all__ = ["NAMED", "PROFILES", "Judgement", "Profile", "code_of", "judge", "tell"]

NAMED: Final[set[int]] = set()
"""Cases whose bug was named since the kernel started."""


@dataclass(frozen=True)
class Profile:
    """What is known of a bug.

    Attributes:
        signs: all of them are there where the bug is, and not all where another is.
        gives_away: what tells it, from its symptoms and those of the sound run.
        find: how one finds it, and keeps it away.
    """

    signs: tuple[Sign, ...]
    gives_away: Callable[[Symptoms, Symptoms], str]
    find: str


@dataclass(frozen=True)
class Judgement:
    """What a suspicion gets to hear.

    Attributes:
        right: whether it is this bug.
        says: in words.
    """

    right: bool
    says: str


PROFILES: Final[dict[str, Profile]] = {
    "no zero_grad": Profile(
        (signs.FIRST_STAY, signs.GRADIENTS_GROW),
        lambda s, sound: (
            f"The first batches look sound. But the mean gradient is {length(s.gradient[0])} long in the first epoch "
            f"already (sound: {length(sound.gradient[0])}), and {length(s.gradient[-1])} in the last, and the loss "
            "goes up with it."
        ),
        "Print the length of the gradient every few steps: it should stay about the same. Where it grows, look for "
        "zero_grad between two calls of backward.",
    ),
    "no eval()": Profile(
        (signs.ANSWERS_VARY,),
        lambda s, sound: (
            "The same photo gets another answer each time: dropout goes on. Asked one at a time, "
            f"{s.single_accuracy:.0%} of the validation images are right, in batches "
            f"{s.validation_accuracy[-1]:.0%}: batch norm takes mean and deviation from the images that come together."
        ),
        "Ask twice about one picture: the two answers must be equal. model.eval() belongs before every answer, "
        "model.train() before every epoch.",
    ),
    "softmax before cross-entropy": Profile(
        (signs.SOFTMAX_RANGE, signs.LEARNS),
        lambda s, sound: (
            f"{s.validation_accuracy[-1]:.0%} are right, and still the validation loss is "
            f"{s.validation_loss[-1]:.2f}; the sound run is at {_loss_at(sound, s.validation_accuracy[-1]):.2f} where "
            f"it is right as often. Probabilities taken for logits keep the loss above ln(e + 9) − 1 = {FLOOR:.2f}, "
            "however sure the network is."
        ),
        "Give your loss logits that are right and sure, such as 20 and nine zeros: it must be near 0. Cross-entropy "
        "in PyTorch takes logits and does the softmax itself.",
    ),
    "learning rate × 100": Profile(
        (signs.THROWN,),
        lambda s, sound: (
            f"The first batches have losses of {', '.join(map(length, s.first_losses))}: the steps overshoot. "
            "Before the first epoch ends, loss and weights are no numbers, and every answer is the first class."
        ),
        "Print the loss of the first ten batches: it must not climb. Then try smaller rates, each a third of the one "
        "before, until it falls steadily.",
    ),
    "learning rate ÷ 100": Profile(
        (signs.CREEPS, signs.HARDLY_MOVES),
        lambda s, sound: (
            "All curves go the right way, training and validation side by side, but so slowly that after "
            f"{len(s.train_loss)} epochs {s.validation_accuracy[-1]:.0%} are right. The weights have moved by "
            f"{s.moved:.1%} of their length; in the sound run by {sound.moved:.0%}."
        ),
        "A curve that still falls in a straight line asks for a larger rate: make it ten times as large and compare "
        "the first epoch.",
    ),
    "stale optimizer": Profile(
        (signs.STANDS,),
        lambda s, sound: (
            "The weights are where they began, to the last digit, and the optimizer never saw a gradient: it holds "
            "the parameters of the network that was there before. Only dropout and the order of images move the curve."
        ),
        "Compare a weight before and after one step: it must differ. Make model and optimizer in one cell, the model "
        "first; fit refuses an optimizer of another model.",
    ),
    "labels shuffled against images": Profile(
        (signs.AT_CHANCE, signs.GUESSES, signs.MOVES),
        lambda s, sound: (
            f"Gradients arrive and the weights move (by {moved(s.moved)}), yet the training loss stays at ln 10 and "
            "one answer in ten is right, on training images too. There is nothing to learn: the images come in a new "
            "order, their labels in the old one."
        ),
        "Look at a batch as the network gets it: ten pictures, each with its label as a title. Reorder images and "
        "labels in one step, with the same indices.",
    ),
    "test images in training": Profile(
        (signs.BETTER_THAN_NEW,),
        lambda s, sound: (
            f"Validation accuracy climbs to {s.validation_accuracy[-1]:.0%}, above training accuracy "
            f"({s.train_accuracy[-1]:.0%}), and of really new images only {s.new_accuracy:.0%} are right. "
            "The images that should judge were among those that were learned."
        ),
        "Count the images that two sets have in common: it must be none. Split first, and keep images that nothing "
        "touches before the very end. Whether they are called validation or test images makes no difference.",
    ),
    "photo not normalised": Profile(
        (signs.PHOTOS_SUFFER, signs.ANSWERS_STAY),
        lambda s, sound: (
            f"The curves are those of the sound run. But of the same new images {s.new_accuracy:.0%} are right where "
            f"they come as in training, and {s.photo_accuracy:.0%} where they come as photos: as numbers between 0 "
            "and 1, and the network knows numbers between about −2 and 2."
        ),
        "Send one validation image both ways and compare the numbers that reach the network: they must be equal. "
        "One function prepares both.",
    ),
}


def _loss_at(sound: Symptoms, accuracy: float) -> float:
    """Validation loss of a run in the epoch whose accuracy is nearest."""
    epochs = zip(sound.validation_accuracy, sound.validation_loss, strict=True)
    return min(epochs, key=lambda epoch: abs(epoch[0] - accuracy))[1]


def judge(case: int, suspicion: str) -> Judgement:
    """Whether a bug is that of a case, and if not, which symptom speaks against it.

    Args:
        case: its number, 1 to 9.
        suspicion: name of a bug.
    """
    if suspicion == CASES[case - 1]:
        NAMED.add(case)
        return Judgement(True, f"Yes: {tell(case)}")
    seen = symptoms()[CASES[case - 1]]
    sign = next(sign for sign in PROFILES[suspicion].signs if not sign.seen(seen))
    return Judgement(False, f"Not this: {suspicion}. {sign.against(seen)}")


def tell(case: int) -> str:
    """The bug of a case, what gives it away, and how one finds it."""
    name = CASES[case - 1]
    runs, profile = symptoms(), PROFILES[name]
    return f"{name}. {profile.gives_away(runs[name], runs[SOUND])}\nHow to find it: {profile.find}"


def code_of(case: int) -> tuple[str, str]:
    """The wrong lines of a case and the right ones, as a reader writes them."""
    bug = BUGS[CASES[case - 1]]
    return _as_written(bug.wrong), _as_written(bug.right)


def _as_written(lines: str) -> str:
    return re.sub(r"  # type: ignore.*", "", textwrap.dedent(lines)).rstrip()
