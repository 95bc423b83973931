"""How good a network is, how certain that figure is, and what the network looks at."""

from cifar_helpers.evaluation.metrics import Metrics, collect_logits, evaluate
from cifar_helpers.evaluation.uncertainty import (
    Gain,
    Reliability,
    bootstrap_interval,
    fit_temperature,
    gain_interval,
    human_confusion,
    reliability,
)

__all__ = [
    "Gain",
    "Metrics",
    "Reliability",
    "bootstrap_interval",
    "collect_logits",
    "evaluate",
    "fit_temperature",
    "gain_interval",
    "human_confusion",
    "reliability",
]
