"""What a learner has done since the kernel started, and `progress`, which tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.inject import CASES
from cifar_helpers.checks.parsing import quoted, whole_number

if TYPE_CHECKING:
    from cifar_helpers.checks.engine import Check

__all__ = ["PlainText", "progress", "session"]


@dataclass
class _Session:
    """What there is to do, by name, and what the learner has done of it."""

    known: dict[str, Check] = field(default_factory=dict)
    solved: set[str] = field(default_factory=set)
    hints_given: dict[str, int] = field(default_factory=dict)
    predictions: dict[str, int] = field(default_factory=dict)  # to the lesson
    committed: set[str] = field(default_factory=set)
    quiz: dict[str, int] = field(default_factory=dict)  # to the lesson
    answered: set[str] = field(default_factory=set)


session = _Session()


class PlainText(str):
    """Text that a notebook shows as it reads: a plain `str` would stand in quotes, with its lines in one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def progress(lesson: Any = None) -> PlainText:
    """What is done since the kernel started: exercises, predictions, quiz, bugs.

    Args:
        lesson: its number; `None` tells of all.

    Returns:
        A line for each exercise and their number, or the lessons that there are.
    """
    number = whole_number(lesson)
    lessons = sorted({exercise.lesson for exercise in session.known.values()})
    if lesson is not None and number not in lessons:
        return PlainText(
            f"there are no exercises in lesson {quoted(lesson)}; give one of {', '.join(map(str, lessons))}"
        )
    lines = [
        f"{'✅' if name in session.solved else '… '} {name} (lesson {exercise.lesson:02d})"
        for name, exercise in session.known.items()
        if number in (None, exercise.lesson)
    ]
    done = sum(line.startswith("✅") for line in lines)
    told = [f"{done} of {len(lines)} exercises solved"]
    for asked, given, what in (
        (session.predictions, session.committed, "predictions committed"),
        (session.quiz, session.answered, "quiz answers right"),
    ):
        names = {name for name, place in asked.items() if number in (None, place)}
        told += [f"{len(names & given)} of {len(names)} {what}"] if names else []
    if number in (None, 4):
        told.append(f"{len(diagnosis.NAMED)} of {len(CASES)} bugs named")
    return PlainText("\n".join([*lines, ", ".join(told)]))
