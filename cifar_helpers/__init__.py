"""Helpers of the course on convolutional networks: CIFAR-10, networks, training, inference.

Figures, widgets and the doctor are modules of their own (`from cifar_helpers import figures`), so that
`import cifar_helpers` takes about as long as `import torch`.
"""

import warnings

try:
    from cifar_helpers.data import (
        CLASSES,
        Augment,
        BatchLoader,
        Cifar10,
        DataError,
        ImageSet,
        denormalise,
        load_cifar10,
        normalise,
    )
    from cifar_helpers.evaluation import Metrics, collect_logits, evaluate
    from cifar_helpers.inference import PictureError, Prediction, predict, predict_folder, preprocess
    from cifar_helpers.models import MLP, CifarCNN, CompactCNN, FastCNN, TestTimeAugmentation, count_parameters
    from cifar_helpers.runs import Run, load_run, load_weights, save_weights
    from cifar_helpers.timing import Timing, devices, time_epoch
    from cifar_helpers.training import (
        Callback,
        CheckpointError,
        EarlyStopping,
        Epoch,
        History,
        TrainingDiverged,
        WeightAveraging,
        fit,
    )
except (ImportError, OSError) as error:
    # The doctor is part of this package and says how to fix such errors, so importing the package must not fail.
    warnings.warn(f"{error}. To find out how to fix this, run: python -m cifar_helpers.doctor", stacklevel=2)

__all__ = [
    "CLASSES",
    "MLP",
    "Augment",
    "BatchLoader",
    "Callback",
    "CheckpointError",
    "Cifar10",
    "CifarCNN",
    "CompactCNN",
    "DataError",
    "EarlyStopping",
    "Epoch",
    "FastCNN",
    "History",
    "ImageSet",
    "Metrics",
    "PictureError",
    "Prediction",
    "Run",
    "TestTimeAugmentation",
    "Timing",
    "TrainingDiverged",
    "WeightAveraging",
    "collect_logits",
    "count_parameters",
    "denormalise",
    "devices",
    "evaluate",
    "fit",
    "load_cifar10",
    "load_run",
    "load_weights",
    "normalise",
    "predict",
    "predict_folder",
    "preprocess",
    "save_weights",
    "time_epoch",
]
