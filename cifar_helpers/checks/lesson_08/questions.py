"""Numbers of the questions of lesson 08: each public function is a field of `questions.md`."""

from cifar_helpers.checks.questions import MeanOfRuns
from cifar_helpers.runs.records import gain_by_seed


def gains_of_rungs() -> tuple[float, ...]:
    """Points of validation accuracy that four rungs gain over those before them, in the order of the options."""
    rungs = (
        ("ladder-deeper", "ladder-no-hidden"),
        ("ladder-one-cycle", "ladder-high-rate"),
        ("ladder-no-dropout", "ladder-one-cycle"),
        ("ladder-residual", "ladder-deeper"),
    )
    return tuple(MeanOfRuns(gain_by_seed(name, base)) for name, base in rungs)
