"""From symptoms to the bug: what gives each bug away, and what rules out a wrong suspicion."""

from __future__ import annotations

import difflib
import html
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cifar_helpers.bug_gallery import signs
from cifar_helpers.bug_gallery.inject import BUGS, CASES, HEALTHY, Symptoms, symptoms
from cifar_helpers.bug_gallery.signs import FLOOR, Sign, length, moved, percent

__all__ = [
    "NAMED",
    "PROFILES",
    "Judgement",
    "Profile",
    "against",
    "changes_of",
    "code_of",
    "explained",
    "gives_away",
    "judge",
    "tell",
    "telling",
]

NAMED: Final[set[int]] = set()
"""Cases whose bug was found since the kernel started."""


@dataclass(frozen=True)
class Profile:
    """How to recognise a bug.

    Attributes:
        signs: runs with this bug show all of them, runs with another bug do not.
        gives_away: an explanation from its symptoms and those of the healthy run.
        find: how to find and prevent it.
    """

    signs: tuple[Sign, ...]
    gives_away: Callable[[Symptoms, Symptoms], str]
    find: str


@dataclass(frozen=True)
class Judgement:
    """The reply to a suspicion.

    Attributes:
        right: whether it is this bug.
        says: the reply in words.
        against: key of the symptom that rules it out; empty if it is right.
    """

    right: bool
    says: str
    against: str = ""


PROFILES: Final[dict[str, Profile]] = {
    "no zero_grad": Profile(
        (signs.FIRST_STAY, signs.GRADIENTS_GROW),
        lambda s, healthy: (
            "The first batches look healthy. But the mean length of the gradient is already "
            f"{length(s.gradient[0])} in the first epoch (healthy run: {length(healthy.gradient[0])}) and "
            f"{length(s.gradient[-1])} in the last, and the loss goes up with it."
        ),
        "Print the length (norm) of the gradient every few steps: it may double during "
        "training, but not grow a hundredfold. If it does, look for zero_grad between two calls of backward.",
    ),
    "no eval()": Profile(
        (signs.ANSWERS_VARY, signs.ONE_AT_A_TIME),
        lambda s, healthy: (
            "The same photo gets a different prediction each time, because dropout is still on. One at a time, "
            f"{percent(s.single_accuracy, 1)} of the validation images are classified correctly, in batches "
            f"{percent(s.validation_accuracy[-1], 1)}: batch norm takes its mean and standard deviation from the batch."
        ),
        "Predict the same picture twice: the results must be equal. Call model.eval() before every prediction, and "
        "model.train() before every epoch.",
    ),
    "softmax before cross-entropy": Profile(
        (signs.SOFTMAX_RANGE, signs.LEARNS),
        lambda s, healthy: (
            f"{percent(s.validation_accuracy[-1])} are classified correctly, yet the validation loss is "
            f"{s.validation_loss[-1]:.2f}; the healthy run is at {_loss_at(healthy, s.validation_accuracy[-1]):.2f} "
            f"where it is as accurate. Probabilities used as logits keep the loss above ln(e + 9) − 1 = {FLOOR:.2f}, "
            "however certain the network is."
        ),
        "Give your loss function confident, correct logits, such as 20 and nine zeros: the loss must be near 0. "
        "Cross-entropy in PyTorch takes logits and applies the softmax itself.",
    ),
    "learning rate × 100": Profile(
        (signs.THROWN,),
        lambda s, healthy: (
            f"The first batches have losses of {', '.join(map(length, s.first_losses))}: the steps overshoot. "
            "Before the first epoch ends, loss and weights are NaN, and every prediction is the first class."
        ),
        "Print the loss of the first ten batches: it must not climb. Then try smaller rates, each a third of the one "
        "before, until it falls steadily.",
    ),
    "learning rate ÷ 100": Profile(
        (signs.CREEPS, signs.HARDLY_MOVES),
        lambda s, healthy: (
            "All curves go the right way, training and validation side by side, but so slowly that after "
            f"{len(s.train_loss)} epochs the accuracy is {percent(s.validation_accuracy[-1])}. The weights have moved "
            f"by {percent(s.moved, 1)} of their length; in the healthy run by {percent(healthy.moved)}."
        ),
        "A loss that still falls along a straight line calls for a larger learning rate: make it ten times as large, "
        "and compare the first epoch.",
    ),
    "stale optimizer": Profile(
        (signs.STANDS, signs.NO_GRADIENT),
        lambda s, healthy: (
            "The weights have their initial values, to the last digit, and the optimizer never saw a gradient: it "
            "holds the parameters of an earlier network. Only dropout and the order of the images move the curve."
        ),
        "Compare a weight before and after one step: it must differ. Create model and optimizer in one cell, the "
        "model first; fit refuses an optimizer of another model.",
    ),
    "labels shuffled against images": Profile(
        (signs.AT_CHANCE, signs.GUESSES, signs.MOVES),
        lambda s, healthy: (
            f"Gradients arrive and the weights move (by {moved(s.moved)}), yet the training loss stays at ln 10 and "
            "accuracy at 10\N{NO-BREAK SPACE}%, on training images too. There is nothing to learn: the images are in "
            "a new order, their labels in the old one."
        ),
        "Look at a batch as the network gets it: ten images, each with its label as title. Reorder images and "
        "labels in one step, with the same indices.",
    ),
    "validation images in training": Profile(
        (signs.BETTER_THAN_NEW,),
        lambda s, healthy: (
            f"Validation accuracy climbs to {percent(s.validation_accuracy[-1])}, above training accuracy "
            f"({percent(s.train_accuracy[-1])}), but on images that nothing has touched it is only "
            f"{percent(s.new_accuracy)}. The images meant for validation were among those that the network learned."
        ),
        "Count the images that two sets have in common: there must be none. Split first, and keep some images that "
        "nothing touches until the very end, whether you call them validation or test images.",
    ),
    "photo not normalised": Profile(
        (signs.PHOTOS_SUFFER, signs.ANSWERS_STAY),
        lambda s, healthy: (
            "The curves are those of the healthy run. But accuracy on the same new images is "
            f"{percent(s.new_accuracy)} if they are preprocessed as in training, and {percent(s.photo_accuracy)} "
            "through the code for photos: it passes numbers between 0 and 1, and the network was trained on numbers "
            "between about −2 and 2."
        ),
        "Pass one validation image through both, and compare the numbers that reach the network: they must be equal. "
        "Preprocess both with one function.",
    ),
}


def _loss_at(healthy: Symptoms, accuracy: float) -> float:
    """Validation loss of a run in the epoch whose accuracy is nearest."""
    epochs = zip(healthy.validation_accuracy, healthy.validation_loss, strict=True)
    return min(epochs, key=lambda epoch: abs(epoch[0] - accuracy))[1]


def judge(case: int, suspicion: str) -> Judgement:
    """Whether a bug is that of a case, and if not, which symptom rules it out.

    Args:
        case: its number, 1 to 9.
        suspicion: name of a bug.
    """
    if suspicion == CASES[case - 1]:
        NAMED.add(case)
        return Judgement(True, f"Yes: {tell(case)}")
    symptom, reason = next(iter(against(case, suspicion).items()))
    return Judgement(False, f"Not this: {suspicion}. {reason}", symptom)


def against(case: int, suspicion: str) -> dict[str, str]:
    """What rules out a wrong suspicion: the keys of symptoms, the clearest first, and the reason that each gives."""
    seen = symptoms()[CASES[case - 1]]
    return {sign.symptom: sign.against(seen) for sign in PROFILES[suspicion].signs if not sign.seen(seen)}


def tell(case: int) -> str:
    """The bug of a case, what gives it away, and how to find it."""
    name = CASES[case - 1]
    return f"{name}. {gives_away(case)}\nHow to find it: {PROFILES[name].find}"


def gives_away(case: int) -> str:
    """What gives the bug of a case away, from its symptoms and those of the healthy run."""
    name, runs = CASES[case - 1], symptoms()
    return PROFILES[name].gives_away(runs[name], runs[HEALTHY])


def telling(case: int) -> frozenset[str]:
    """Keys of the symptoms that reveal the bug of a case."""
    return frozenset(sign.symptom for sign in PROFILES[CASES[case - 1]].signs)


def code_of(case: int) -> tuple[str, str]:
    """The wrong lines of a case and the right ones, as a reader would write them."""
    bug = BUGS[CASES[case - 1]]
    return _as_written(bug.wrong), _as_written(bug.right)


def changes_of(case: int) -> list[tuple[str, str]]:
    """The lines of a case, each with "-" where it was wrong, "+" where it is right, or " "."""
    wrong, right = (code.splitlines() for code in code_of(case))
    return [(line[0], line[2:]) for line in difflib.ndiff(wrong, right) if line[0] != "?"]


def explained(case: int, words: str) -> str:
    """HTML of the change that fixes a case, below an explanation."""
    lines = "\n".join(html.escape(f"{sign} {line}") for sign, line in changes_of(case))
    return (
        f'<p style="max-width:720px;line-height:1.4;white-space:pre-line">{html.escape(words)}</p>'
        f'<pre style="margin:0;padding:4px 8px;border:1px solid currentColor">{lines}</pre>'
    )


def _as_written(lines: str) -> str:
    return re.sub(r"  # type: ignore.*", "", textwrap.dedent(lines)).rstrip()
