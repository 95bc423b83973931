"""Numbers of the questions of lesson 08: each public function is a field of `questions.md`."""

from cifar_helpers.runs.records import mean_accuracy


def gains_of_rungs() -> tuple[float, ...]:
    """Points of validation accuracy that four rungs gain over those before them, in the order of the options."""
    rungs = (
        ("ladder-deeper", "ladder-no-hidden"),
        ("ladder-one-cycle", "ladder-high-rate"),
        ("ladder-no-dropout", "ladder-one-cycle"),
        ("ladder-residual", "ladder-deeper"),
    )
    return tuple(100 * (mean_accuracy(name) - mean_accuracy(base)) for name, base in rungs)
