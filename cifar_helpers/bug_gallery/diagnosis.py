"""Naming a bug from its symptoms: what gives each away, and what speaks against a wrong suspicion."""

from __future__ import annotations

import difflib
import html
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cifar_helpers.bug_gallery import signs
from cifar_helpers.bug_gallery.inject import BUGS, CASES, SOUND, Symptoms, symptoms
from cifar_helpers.bug_gallery.signs import FLOOR, Sign, length, moved

__all__ = [
    "NAMED",
    "PROFILES",
    "Judgement",
    "Profile",
    "changes_of",
    "code_of",
    "explained",
    "gives_away",
    "judge",
    "tell",
    "telling",
]

NAMED: Final[set[int]] = set()
"""Cases whose bug was named since the kernel started."""


@dataclass(frozen=True)
class Profile:
    """What is known of a bug.

    Attributes:
        signs: all of them are there where the bug is, and not all where another is.
        gives_away: what tells it, from its symptoms and those of the healthy run.
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
        against: key of the symptom that speaks against it; empty where it is right.
    """

    right: bool
    says: str
    against: str = ""


PROFILES: Final[dict[str, Profile]] = {
    "no zero_grad": Profile(
        (signs.FIRST_STAY, signs.GRADIENTS_GROW),
        lambda s, sound: (
            "The first batches look healthy. But the mean length of the gradient is already "
            f"{length(s.gradient[0])} in the first epoch (healthy run: {length(sound.gradient[0])}) and "
            f"{length(s.gradient[-1])} in the last, and the loss goes up with it."
        ),
        "Print the length of the gradient every few steps: it should stay about the same. Where it grows, look for "
        "zero_grad between two calls of backward.",
    ),
    "no eval()": Profile(
        (signs.ANSWERS_VARY, signs.ONE_AT_A_TIME),
        lambda s, sound: (
            "The same photo gets a different prediction each time, because dropout is still on. One at a time, "
            f"{s.single_accuracy:.0%} of the validation images are classified correctly, in batches "
            f"{s.validation_accuracy[-1]:.0%}: batch norm takes its mean and standard deviation from the batch."
        ),
        "Predict the same picture twice: the results must be equal. Call model.eval() before every prediction, and "
        "model.train() before every epoch.",
    ),
    "softmax before cross-entropy": Profile(
        (signs.SOFTMAX_RANGE, signs.LEARNS),
        lambda s, sound: (
            f"{s.validation_accuracy[-1]:.0%} are classified correctly, yet the validation loss is "
            f"{s.validation_loss[-1]:.2f}; the healthy run is at {_loss_at(sound, s.validation_accuracy[-1]):.2f} "
            f"where it is as accurate. Probabilities used as logits keep the loss above ln(e + 9) − 1 = {FLOOR:.2f}, "
            "however certain the network is."
        ),
        "Give your loss logits that are certain and correct, such as 20 and nine zeros: it must be near 0. "
        "Cross-entropy in PyTorch takes logits and applies the softmax itself.",
    ),
    "learning rate × 100": Profile(
        (signs.THROWN,),
        lambda s, sound: (
            f"The first batches have losses of {', '.join(map(length, s.first_losses))}: the steps overshoot. "
            "Before the first epoch ends, loss and weights are NaN, and every prediction is the first class."
        ),
        "Print the loss of the first ten batches: it must not climb. Then try smaller rates, each a third of the one "
        "before, until it falls steadily.",
    ),
    "learning rate ÷ 100": Profile(
        (signs.CREEPS, signs.HARDLY_MOVES),
        lambda s, sound: (
            "All curves go the right way, training and validation side by side, but so slowly that after "
            f"{len(s.train_loss)} epochs the accuracy is {s.validation_accuracy[-1]:.0%}. The weights have moved by "
            f"{s.moved:.1%} of their length; in the healthy run by {sound.moved:.0%}."
        ),
        "A curve that still falls in a straight line calls for a larger learning rate: make it ten times as large, "
        "and compare the first epoch.",
    ),
    "stale optimizer": Profile(
        (signs.STANDS, signs.NO_GRADIENT),
        lambda s, sound: (
            "The weights are where they began, to the last digit, and the optimizer never saw a gradient: it holds "
            "the parameters of an earlier network. Only dropout and the order of the images move the curve."
        ),
        "Compare a weight before and after one step: it must differ. Create model and optimizer in one cell, the "
        "model first; fit refuses an optimizer of another model.",
    ),
    "labels shuffled against images": Profile(
        (signs.AT_CHANCE, signs.GUESSES, signs.MOVES),
        lambda s, sound: (
            f"Gradients arrive and the weights move (by {moved(s.moved)}), yet the training loss stays at ln 10 and "
            "accuracy at 10%, on training images too. There is nothing to learn: the images are in a new order, their "
            "labels in the old one."
        ),
        "Look at a batch as the network gets it: ten pictures, each with its label as title. Reorder images and "
        "labels in one step, with the same indices.",
    ),
    "test images in training": Profile(
        (signs.BETTER_THAN_NEW,),
        lambda s, sound: (
            f"Validation accuracy climbs to {s.validation_accuracy[-1]:.0%}, above training accuracy "
            f"({s.train_accuracy[-1]:.0%}), but on images that nothing has touched it is only {s.new_accuracy:.0%}. "
            "The images meant for validation were among those that the network learned."
        ),
        "Count the images that two sets have in common: there must be none. Split first, and keep some images that "
        "nothing touches until the very end, whether you call them validation or test images.",
    ),
    "photo not normalised": Profile(
        (signs.PHOTOS_SUFFER, signs.ANSWERS_STAY),
        lambda s, sound: (
            f"The curves are those of the healthy run. But accuracy on the same new images is {s.new_accuracy:.0%} "
            f"where they are preprocessed as in training, and {s.photo_accuracy:.0%} through the code for photos: it "
            "passes numbers between 0 and 1, and the network was trained on numbers between about −2 and 2."
        ),
        "Pass one validation image through both, and compare the numbers that reach the network: they must be equal. "
        "Preprocess both with one function.",
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
    return Judgement(False, f"Not this: {suspicion}. {sign.against(seen)}", sign.symptom)


def tell(case: int) -> str:
    """The bug of a case, what gives it away, and how one finds it."""
    name = CASES[case - 1]
    return f"{name}. {gives_away(case)}\nHow to find it: {PROFILES[name].find}"


def gives_away(case: int) -> str:
    """What tells the bug of a case, from its symptoms and those of the healthy run."""
    name, runs = CASES[case - 1], symptoms()
    return PROFILES[name].gives_away(runs[name], runs[SOUND])


def telling(case: int) -> frozenset[str]:
    """Keys of the symptoms in which the bug of a case is seen."""
    return frozenset(sign.symptom for sign in PROFILES[CASES[case - 1]].signs)


def code_of(case: int) -> tuple[str, str]:
    """The wrong lines of a case and the right ones, as a reader writes them."""
    bug = BUGS[CASES[case - 1]]
    return _as_written(bug.wrong), _as_written(bug.right)


def changes_of(case: int) -> list[tuple[str, str]]:
    """The lines of a case, each with "-" where it was wrong, "+" where it is right, or " "."""
    wrong, right = (code.splitlines() for code in code_of(case))
    return [(line[0], line[2:]) for line in difflib.ndiff(wrong, right) if line[0] != "?"]


def explained(case: int, words: str) -> str:
    """HTML of the change that fixes a case, with words above."""
    lines = "\n".join(html.escape(f"{sign} {line}") for sign, line in changes_of(case))
    return (
        f'<p style="max-width:720px;line-height:1.4;white-space:pre-line">{html.escape(words)}</p>'
        f'<pre style="margin:0;padding:4px 8px;border:1px solid currentColor">{lines}</pre>'
    )


def _as_written(lines: str) -> str:
    return re.sub(r"  # type: ignore.*", "", textwrap.dedent(lines)).rstrip()
