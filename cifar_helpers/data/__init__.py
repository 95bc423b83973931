"""CIFAR-10 as tensors: the official batches, Kaggle's layout, class folders, or sketches.

Images are `(N, 3, 32, 32)` in RGB order, labels are `0..9` in the order of `CLASSES`.
"""

from cifar_helpers.data.classes import CLASSES
from cifar_helpers.data.image_set import ImageSet
from cifar_helpers.data.layouts import DataError
from cifar_helpers.data.load import Cifar10, default_root, describe, load_cifar10
from cifar_helpers.data.loader import Batches, BatchLoader
from cifar_helpers.data.pictures import PictureError
from cifar_helpers.data.similarity import most_similar, nearest_mean
from cifar_helpers.data.transforms import MEAN, STD, Augment, denormalise, normalise

__all__ = [
    "CLASSES",
    "MEAN",
    "STD",
    "Augment",
    "BatchLoader",
    "Batches",
    "Cifar10",
    "DataError",
    "ImageSet",
    "PictureError",
    "default_root",
    "denormalise",
    "describe",
    "load_cifar10",
    "most_similar",
    "nearest_mean",
    "normalise",
]
