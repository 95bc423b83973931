"""ImageSet, BatchLoader and split with other people's data: it is converted, or an error explains how to."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from helpers import random_images
from torch import Tensor

from cifar_helpers import Augment, BatchLoader, Cifar10, ImageSet, denormalise, normalise
from cifar_helpers.data import transforms
from cifar_helpers.evaluation import Metrics, bootstrap_interval
from cifar_helpers.pretrained import few_per_class

IMAGES = random_images(20)
PIXELS, LABELS = IMAGES.images.numpy(), IMAGES.labels.numpy()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (PIXELS, LABELS),
        (IMAGES.images, LABELS),
        (PIXELS, LABELS.astype(np.uint8)),
        (PIXELS, LABELS.astype(np.int32)),
        (IMAGES.images, IMAGES.labels.int()),
        (IMAGES.images, IMAGES.labels.to(torch.uint8)),
        (PIXELS, LABELS.tolist()),
        (PIXELS, tuple(LABELS)),
        (PIXELS[::-1][::-1], LABELS[::-1][::-1]),
        (np.asfortranarray(PIXELS), LABELS),
    ],
)
def test_arrays_and_whole_numbers_of_any_size_are_converted(images: Any, labels: Any) -> None:
    made = ImageSet(images, labels)
    assert torch.equal(made.images, IMAGES.images) and torch.equal(made.labels, IMAGES.labels)
    assert made.labels.dtype == torch.int64


def test_read_only_arrays_are_copied_without_a_warning() -> None:
    pixels, labels = PIXELS.copy(), LABELS.copy()
    pixels.flags.writeable = labels.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = ImageSet(pixels, labels)  # type: ignore[arg-type]
    made.images[0] = 0
    assert np.array_equal(pixels, PIXELS)


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (PIXELS.transpose(0, 2, 3, 1), LABELS, r"\(20, 32, 32, 3\): .*permute\(0, 3, 1, 2\)"),
        (PIXELS.reshape(20, -1), LABELS, r"reshape\(-1, 3, 32, 32\)"),
        (PIXELS[0], LABELS[:1], r"images\[None\]"),
        (PIXELS / 255, LABELS, "float64 .*uint8"),
        (PIXELS[:, :, :28, :28], LABELS, r"\(20, 3, 28, 28\)"),
        (PIXELS[:, :1], LABELS, r"\(20, 1, 32, 32\)"),
        (PIXELS.astype(np.int64), LABELS, "int64"),
        (PIXELS, LABELS[:, None], r"labels\.squeeze\(1\)"),
        (PIXELS, LABELS.astype(np.float32), "float32"),
        (PIXELS, LABELS > 4, "bool"),
        (PIXELS, LABELS[:5], r"\(20,\)"),
        (PIXELS, np.eye(10, dtype=np.int64)[LABELS], r"\(20, 10\)"),
        (PIXELS, LABELS + 1, "subtract 1"),
        (PIXELS, LABELS - 1, "0..9"),
        (PIXELS, ["cat"] * 20, "got list"),
        (list(IMAGES.images), LABELS, "got list: torch.stack"),
        ("images", LABELS, "got str"),
        (None, LABELS, "got NoneType"),
        (PIXELS, None, "got NoneType"),
        (PIXELS, np.array(["cat"] * 20, dtype=object), "got ndarray"),
    ],
)
def test_wrong_images_or_labels_are_reported_with_the_conversion(images: Any, labels: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        ImageSet(images, labels)


def _whole(count: int = 40) -> Cifar10:
    images = random_images(count)
    return Cifar10(images.images, images.labels, images.images, images.labels, "folders", "", False, 0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: BatchLoader(_whole()), r"train, validation = data\.split\(\)"),  # type: ignore[arg-type]
        (lambda: BatchLoader((PIXELS, LABELS)), r"ImageSet\(images, labels\), got tuple"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, 2.5), "batch_size must be a whole number"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, "20"), "batch_size must be a whole number"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, -1), "at least 1"),
        (lambda: BatchLoader(IMAGES, seed=1.5), "seed must be a whole number"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, seed=10**14), "seed must lie between"),
        (lambda: BatchLoader(IMAGES, augment=Augment), "augment must be a function"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, augment=True), "augment must be a function"),  # type: ignore[arg-type]
        (lambda: Augment(shift=2.0), "shift must be a whole number, got 2.0"),  # type: ignore[arg-type]
        (lambda: Augment(cutout="8"), "cutout must be a whole number, got '8'"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, mix="mixup"), "mix must be a function"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, shard=(0, 1, 2)), "shard must be"),  # type: ignore[arg-type]
        (lambda: BatchLoader(IMAGES, device="gpu"), "no device 'gpu'"),
        (lambda: _whole().split(1.5), "share between 0 and 1, such as 0.2"),
        (lambda: _whole().split(0), "between 0 and 1"),
        (lambda: _whole().split(math.nan), "between 0 and 1"),
        (lambda: _whole().split("0.2"), "share between 0 and 1"),  # type: ignore[arg-type]
        (lambda: _whole().split(True), "share between 0 and 1"),
        (lambda: _whole().split(0.2, seed=0.5), "seed must be a whole number"),  # type: ignore[arg-type]
        (lambda: _whole().split(0.2, seed="0"), "seed must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_impossible_options_are_reported(make: Callable[[], Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        make()


def test_numbers_of_numpy_are_numbers() -> None:
    assert len(BatchLoader(IMAGES, np.int64(7), seed=np.int32(1))) == 3  # type: ignore[arg-type]
    one, other = _whole().split(np.float32(0.25), seed=np.int64(3)), _whole().split(0.25, seed=3)  # type: ignore[arg-type]
    assert all(torch.equal(a.images, b.images) for a, b in zip(one, other, strict=True))
    assert repr(Augment(shift=np.int64(2))) == repr(Augment(shift=2))  # type: ignore[arg-type]


def test_a_set_is_still_a_set_after_its_conversion() -> None:
    made = ImageSet(PIXELS, LABELS)  # type: ignore[arg-type]
    part = made.subset(torch.tensor([3, 1]))
    assert isinstance(part.images, Tensor) and part.labels.tolist() == LABELS[[3, 1]].tolist()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: normalise(PIXELS), r"got ndarray: convert the array with torch\.from_numpy"),  # type: ignore[arg-type]
        (lambda: denormalise(PIXELS / 255), r"got ndarray: convert the array with torch\.from_numpy"),
        (lambda: denormalise(IMAGES.images), "normalised images, which are float, got torch.uint8"),
        (lambda: normalise(IMAGES.images.permute(0, 2, 3, 1)), r"\(20, 32, 32, 3\): images\.movedim\(-1, -3\)"),
        (lambda: normalise(IMAGES.images[0, 0]), r"got \(32, 32\)$"),
        (lambda: denormalise(torch.zeros(2, 1, 32, 32)), r"got \(2, 1, 32, 32\)$"),
    ],
)
def test_what_cannot_be_normalised_or_was_never_is_refused(call: Callable[[], Tensor], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        call()


def test_statistics_from_inference_mode_or_another_default_precision_serve_afterwards() -> None:
    expected = normalise(IMAGES.images)
    for unusual in (torch.inference_mode(), _default_precision(torch.bfloat16)):
        transforms._kept_statistics.cache_clear()
        with unusual:
            normalise(IMAGES.images)
        seen = normalise(IMAGES.images).requires_grad_()
        assert torch.equal(seen, expected) and torch.equal(denormalise(seen), IMAGES.images)


def test_the_same_images_are_equal_and_others_are_not() -> None:
    again = ImageSet(IMAGES.images.clone(), IMAGES.labels.clone())
    assert again == IMAGES and hash(again) == hash(IMAGES)
    assert again.subset(slice(5)) != IMAGES and ImageSet(IMAGES.images, 9 - IMAGES.labels) != IMAGES
    assert IMAGES != "images"


def test_the_same_data_and_the_same_metrics_are_equal() -> None:
    logits = torch.eye(10)[IMAGES.labels]
    assert Metrics.of(logits, IMAGES.labels) == Metrics.of(logits.clone(), IMAGES.labels)
    assert Metrics.of(logits, IMAGES.labels) != Metrics.of(-logits, IMAGES.labels)
    one, two = (Metrics(2.3, 0.1, torch.eye(10).roll(k, 1).long()) for k in range(2))  # of networks that always guess
    assert one != two
    one, two = (
        Cifar10(*[part.clone() for part in (IMAGES.images, IMAGES.labels) * 2], "folders", "f", False, 0) for _ in "ab"
    )
    assert one == two and len({one, two}) == 1


@contextlib.contextmanager
def _default_precision(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def test_another_default_device_changes_no_draw() -> None:
    values, whole = torch.arange(9.0), _whole()

    def drawn() -> tuple[list[Tensor], tuple[float, float], Tensor]:
        train, validation = whole.split()
        augment = Augment(shift=2, cutout=8)
        loader = BatchLoader(train, 7, shuffle=True, augment=augment, alternate_flip=True)
        images = [*(batch for batch, _ in loader), validation.images]
        return images, bootstrap_interval(values, draws=20, seed=np.int64(1)), few_per_class(IMAGES.labels, 1)  # type: ignore[arg-type]

    images, interval, few = drawn()
    torch.set_default_device("meta")
    try:
        others, other_interval, other_few = drawn()
    finally:
        torch.set_default_device(None)
    assert all(torch.equal(a, b) for a, b in zip(images, others, strict=True))
    assert interval == other_interval and torch.equal(few, other_few)
