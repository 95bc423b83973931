"""A learner's progress since the kernel started."""

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
    """What there is to do, by name, and how much of it the learner has done."""

    known: dict[str, Check] = field(default_factory=dict)
    solved: set[str] = field(default_factory=set)
    hints_given: dict[str, int] = field(default_factory=dict)
    predictions: dict[str, int] = field(default_factory=dict)  # name to lesson
    committed: set[str] = field(default_factory=set)
    quiz: dict[str, int] = field(default_factory=dict)  # name to lesson
    answered: set[str] = field(default_factory=set)
    missed: dict[str, set[str]] = field(default_factory=dict)  # wrong options given to each question of a quiz


session = _Session()


class PlainText(str):
    """Text that a notebook shows as it is; a plain `str` would appear in quotes, on a single line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def progress(lesson: Any = None) -> PlainText:
    """What has been done since the kernel started: exercises, predictions, quiz questions and bugs.

    Args:
        lesson: its number; `None` covers all lessons.

    Returns:
        A line for each exercise, then the totals; for an unknown lesson, the lessons that there are.
    """
    number = whole_number(lesson)
    lessons = sorted({exercise.lesson for exercise in session.known.values()})
    if lesson is not None and number not in lessons:
        return PlainText(
            f"there are no exercises in lesson {quoted(lesson)}. Give one of {', '.join(map(str, lessons))}"
        )
    lines = [
        f"{'✅' if name in session.solved else '… '} {name} (lesson {exercise.lesson:02d})"
        for name, exercise in session.known.items()
        if number in (None, exercise.lesson)
    ]
    done = sum(line.startswith("✅") for line in lines)
    totals = [f"{done} of {len(lines)} exercises solved"]
    for asked, given, what in (
        (session.predictions, session.committed, "predictions made"),
        (session.quiz, session.answered, "quiz answers right"),
    ):
        names = {name for name, place in asked.items() if number in (None, place)}
        totals += [f"{len(names & given)} of {len(names)} {what}"] if names else []
    if number in (None, 4):
        totals.append(f"{len(diagnosis.NAMED)} of {len(CASES)} bugs named")
    return PlainText("\n".join([*lines, ", ".join(totals)]))
