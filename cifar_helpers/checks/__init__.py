"""Exercises that check an answer and explain what is wrong: `checks.conv2d(answer)`, `checks.hint("conv2d")`.

Each check takes the learner's function, compares it with a reference on random inputs, and replies in words.
`checks.guess("after_thirty")` asks for a prediction before a result is shown, `checks.quiz(4)` asks the quiz at the end
of a lesson, `checks.bug(1, "a")` names a bug in the gallery of lesson 04, and `checks.progress()` shows what is done.
"""

from cifar_helpers._extras import extra

with extra("course"):
    from cifar_helpers.checks.answers import Replies, Reply
    from cifar_helpers.checks.bugs import bug
    from cifar_helpers.checks.engine import Check, Exercise, Verdict
    from cifar_helpers.checks.progress import progress, session
    from cifar_helpers.checks.question_widget import QuestionWidget
    from cifar_helpers.checks.registry import EXERCISES, PREDICTIONS, QUIZZES, guess, hint, quiz

# Each exercise is an attribute, such as checks.conv2d; they are defined in the folders of the lessons.
globals().update({exercise.name: exercise for exercise in EXERCISES})

__all__ = [
    "EXERCISES",
    "PREDICTIONS",
    "QUIZZES",
    "QuestionWidget",
    "Check",
    "Exercise",
    "Replies",
    "Reply",
    "Verdict",
    "bug",
    "guess",
    "hint",
    "progress",
    "quiz",
    "session",
    *(exercise.name for exercise in EXERCISES),
]
