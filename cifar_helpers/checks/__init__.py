"""Exercises that know whether an answer is right, and why not: `checks.conv2d(answer)`, `checks.hint("conv2d")`.

Each check is called with the learner's function, compares it with a reference on random inputs, and answers in
words. `checks.guess("after_thirty")` asks before a result is shown, `checks.quiz(4)` at the end of a lesson,
`checks.bug(1, "a")` names a bug in the gallery of lesson 04. `checks.progress()` tells what is done.
"""

from cifar_helpers.checks.answers import Replies, Reply
from cifar_helpers.checks.bugs import bug
from cifar_helpers.checks.engine import Exercise, Verdict, hint, progress, session
from cifar_helpers.checks.lesson_01.exercises import brighten, class_counts, denormalise, normalise, stratified_split
from cifar_helpers.checks.lesson_02.exercises import conv2d, max_pool, output_size, receptive_field, vertical_edges
from cifar_helpers.checks.lesson_03.exercises import (
    batch_norm,
    cross_entropy,
    parameters_of_convolution,
    shapes,
    softmax,
)
from cifar_helpers.checks.lesson_04.exercises import accuracy, best_epoch, early_stopping, epoch_loss, training_step
from cifar_helpers.checks.lesson_05.exercises import (
    intensity,
    operations_of_convolution,
    overall_speedup,
    seconds_per_call,
    typical_time,
)
from cifar_helpers.checks.lesson_06.exercises import confusion, prepare, saliency, top_k
from cifar_helpers.checks.lesson_07.calibration import calibration_error, temperature
from cifar_helpers.checks.lesson_07.exercises import bootstrap_interval, f1, precision_recall
from cifar_helpers.checks.lesson_08.exercises import global_average_pool, mean_of_views, mixup, residual, running_mean
from cifar_helpers.checks.question_widget import Asked
from cifar_helpers.checks.registry import PREDICTIONS, QUIZZES, guess, quiz

EXERCISES: tuple[Exercise, ...] = (
    brighten, class_counts, normalise, denormalise, stratified_split,
    output_size, vertical_edges, max_pool, receptive_field, conv2d,
    parameters_of_convolution, shapes, softmax, batch_norm, cross_entropy,
    best_epoch, accuracy, epoch_loss, training_step, early_stopping,
    typical_time, operations_of_convolution, overall_speedup, intensity, seconds_per_call,
    top_k, prepare, confusion, saliency,
    precision_recall, f1, bootstrap_interval, temperature, calibration_error,
    global_average_pool, residual, running_mean, mixup, mean_of_views,
)  # fmt: skip
"""All of them, in the order of the lessons."""

session.known.update((exercise.name, exercise) for exercise in EXERCISES)

__all__ = [
    "EXERCISES",
    "PREDICTIONS",
    "QUIZZES",
    "Asked",
    "Exercise",
    "Replies",
    "Reply",
    "Verdict",
    "accuracy",
    "batch_norm",
    "best_epoch",
    "bootstrap_interval",
    "brighten",
    "bug",
    "calibration_error",
    "class_counts",
    "confusion",
    "conv2d",
    "cross_entropy",
    "denormalise",
    "early_stopping",
    "epoch_loss",
    "f1",
    "global_average_pool",
    "guess",
    "hint",
    "intensity",
    "max_pool",
    "mean_of_views",
    "mixup",
    "normalise",
    "operations_of_convolution",
    "output_size",
    "overall_speedup",
    "parameters_of_convolution",
    "precision_recall",
    "prepare",
    "progress",
    "quiz",
    "receptive_field",
    "residual",
    "running_mean",
    "saliency",
    "seconds_per_call",
    "session",
    "shapes",
    "softmax",
    "stratified_split",
    "temperature",
    "top_k",
    "training_step",
    "typical_time",
    "vertical_edges",
]
