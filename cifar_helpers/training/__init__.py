"""Train a network: `fit`, its history, callbacks and checkpoints."""

from cifar_helpers.training.callbacks import Averaging, Callback, EarlyStopping
from cifar_helpers.training.checkpoint import CheckpointError
from cifar_helpers.training.history import Epoch, History
from cifar_helpers.training.loop import TrainingDiverged, fit

__all__ = [
    "Averaging",
    "Callback",
    "CheckpointError",
    "EarlyStopping",
    "Epoch",
    "History",
    "TrainingDiverged",
    "fit",
]
