"""Numbers of the questions of lesson 09: each public function is a field of `questions.md`."""

import math

from cifar_helpers.checks.questions import MeanOfRuns
from cifar_helpers.runs.transfer import Arm, arms
from cifar_helpers.shipping import recorded_forms


def borrowed_features() -> float:
    """Accuracy of a probe on ImageNet features with ten images of each class, in percent."""
    return _percent("linear probe", 10)


def few_from_scratch() -> float:
    """Accuracy of `CifarCNN` trained on ten images of each class, in percent, without decimals."""
    return round(_percent("from scratch", 10))


def many_borrowed() -> float:
    """Accuracy of the probe with a thousand images of each class, in percent, without decimals."""
    return round(_percent("linear probe", 1000))


def times_of_forms() -> tuple[float, ...]:
    """Milliseconds for one image with four forms of the network, in the order of the options."""
    times = {row["what"]: float(row["ms"]) for row in recorded_forms()}
    return tuple(times[name] for name in ("weights as int8", "the same in bfloat16", "torch.compile", "ONNX Runtime"))


def turns_recognised() -> tuple[float, ...]:
    """Accuracy at quarter turns with 400 photographs of each, in percent; the last option is about all three."""
    methods = ("from scratch", "linear probe, ImageNet", "linear probe")
    found = [_arm(method, 400, "quarter turns") for method in methods]
    return (*(MeanOfRuns((100 * arm.accuracies).tolist()) for arm in found), math.nan)


def _percent(method: str, images: int) -> float:
    return 100 * _arm(method, images, "ten classes").accuracy


def _arm(method: str, images: int, task: str) -> Arm:
    (arm,) = [arm for arm in arms(task) if (arm.method, arm.images) == (method, images)]
    return arm
