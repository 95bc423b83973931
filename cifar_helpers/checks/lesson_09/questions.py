"""Numbers of the questions of lesson 09: each public function is a field of `questions.md`."""

from cifar_helpers.runs.transfer import arms


def borrowed_features() -> float:
    """Accuracy of a probe on ImageNet features with ten images of each class, in percent."""
    return _percent("linear probe", 10)


def few_from_scratch() -> float:
    """Accuracy of `CifarCNN` trained on ten images of each class, in percent, without decimals."""
    return round(_percent("from scratch", 10))


def many_borrowed() -> float:
    """Accuracy of the probe with a thousand images of each class, in percent, without decimals."""
    return round(_percent("linear probe", 1000))


def _percent(method: str, images: int) -> float:
    (arm,) = [arm for arm in arms("ten classes") if (arm.method, arm.images) == (method, images)]
    return 100 * arm.accuracy
