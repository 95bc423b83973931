"""Numbers of the questions of lesson 03: each public function is a field of `questions.md`."""

import torch
from torch import nn

from cifar_helpers.checks.questions import MeanOfRuns
from cifar_helpers.models import CifarCNN, count_parameters
from cifar_helpers.runs.records import gain_by_seed


def linear_share() -> float:
    """Share of the CNN's parameters that is in its linear layers, in percent."""
    network = CifarCNN()
    linear = sum(count_parameters(layer) for layer in network.modules() if isinstance(layer, nn.Linear))
    return 100 * linear / count_parameters(network)


def softmax_twice() -> float:
    """Lowest loss, in nats, with softmax before cross-entropy: certain of the correct one of ten classes."""
    certain = torch.zeros(1, 10)
    certain[0, 0] = 1
    return float(nn.functional.cross_entropy(certain, torch.tensor([0])))


def without_each_part() -> tuple[float, ...]:
    """Points of validation accuracy gained without ReLU, pooling, dropout and batch norm, as the options have them."""
    names = ("parts-no-relu", "parts-no-pooling", "parts-no-dropout", "parts-no-batch-norm")
    return tuple(MeanOfRuns(gain_by_seed(name, "parts-all")) for name in names)
