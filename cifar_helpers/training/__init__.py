"""Train a network: `fit`, its history, callbacks and checkpoints."""

from cifar_helpers.training.callbacks import Callback, EarlyStopping, WeightAveraging
from cifar_helpers.training.checkpoint import CheckpointError
from cifar_helpers.training.history import Epoch, History
from cifar_helpers.training.loop import TrainingDiverged, fit

__all__ = [
    "Callback",
    "CheckpointError",
    "EarlyStopping",
    "Epoch",
    "History",
    "TrainingDiverged",
    "WeightAveraging",
    "fit",
]
