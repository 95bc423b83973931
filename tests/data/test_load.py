"""Reading the data: every layout and its errors, the split, the loader and augmentation."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import random_images, save_png, write_batches, write_class_folders, write_kaggle
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from cifar_helpers import (
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
from cifar_helpers.data import MEAN, STD, pictures, readers, transforms


def small_set(count: int = 100) -> Cifar10:
    images = random_images(count)
    empty = random_images(0)
    return Cifar10(images.images, images.labels, empty.images, empty.labels, "folders", "", False, 0)


# --- layouts ---------------------------------------------------------------------------------------


def test_official_batches_are_read_in_order(tmp_path: Path) -> None:
    write_batches(tmp_path)
    data = load_cifar10(tmp_path)
    assert data.source == "cifar10" and not data.is_official
    assert data.train_images.shape == (100, 3, 32, 32) and data.test_images.shape == (20, 3, 32, 32)
    assert torch.equal(data.train_images[20:40], random_images(20, seed=1).images)
    assert torch.equal(data.test_images, random_images(20, seed=5).images)
    assert data.train_labels[:12].tolist() == [*range(10), 0, 1]


def test_the_fingerprint_is_that_of_all_pixels_and_labels_in_order(tmp_path: Path) -> None:
    write_batches(tmp_path)
    data = load_cifar10(tmp_path)
    digest = hashlib.sha256()
    for tensor in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        digest.update(tensor.numpy().tobytes())
    assert data.fingerprint == digest.hexdigest()
    assert load_cifar10(tmp_path).fingerprint == data.fingerprint  # from the cache


def test_one_batch_at_a_time_is_in_memory_beside_the_result(tmp_path: Path) -> None:
    for path in write_batches(tmp_path, 400).iterdir():  # as Python 3 writes them, which needs no decoding of text
        path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes()), protocol=4))
    tracemalloc.start()
    readers.read(tmp_path, "cifar10")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 7 * 400 * 3072  # five batches of training images, the test images, and not two more


def test_kaggle_layout_keeps_image_and_label_together(tmp_path: Path) -> None:
    write_kaggle(tmp_path)
    (tmp_path / "test").mkdir()  # Kaggle's unlabelled pictures may lie there
    data = load_cifar10(tmp_path)
    assert data.source == "kaggle" and len(data.test_labels) == 0
    assert torch.equal(data.train_images, random_images(30).images)
    assert torch.equal(data.train_labels, random_images(30).labels)


def test_class_folders_are_read(tmp_path: Path) -> None:
    write_class_folders(tmp_path)
    data = load_cifar10(tmp_path)
    assert data.source == "folders"
    assert torch.bincount(data.train_labels).tolist() == [3] * 10
    original = random_images(30).of_class("cat").images
    assert torch.equal(data.train.of_class("cat").images, original)


def test_second_load_comes_from_the_cache_and_a_change_is_noticed(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    first = load_cifar10(tmp_path)
    assert (tmp_path / ".cache" / "cifar10.npz").exists()
    again = load_cifar10(tmp_path)
    assert again.fingerprint == first.fingerprint and torch.equal(again.train_images, first.train_images)
    shutil.copy(place / "data_batch_1", place / "data_batch_2")
    assert load_cifar10(tmp_path).fingerprint != first.fingerprint


def test_a_second_load_of_pictures_opens_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_class_folders(tmp_path)
    first = load_cifar10(tmp_path)
    monkeypatch.setattr(pictures, "open_rgb", None)
    again = load_cifar10(tmp_path)
    assert again.fingerprint == first.fingerprint and torch.equal(again.test_images, first.test_images)


@pytest.mark.parametrize("damage", [b"", b"no archive at all", None])
def test_a_damaged_cache_is_replaced(tmp_path: Path, damage: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    write_batches(tmp_path)
    first = load_cifar10(tmp_path)
    cache = tmp_path / ".cache" / "cifar10.npz"
    cache.write_bytes(cache.read_bytes()[:300] if damage is None else damage)
    assert load_cifar10(tmp_path).fingerprint == first.fingerprint
    assert "damaged" in capsys.readouterr().err
    load_cifar10(tmp_path)
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_still_loads(tmp_path: Path) -> None:
    write_batches(tmp_path)
    tmp_path.chmod(0o500)
    with pytest.warns(UserWarning, match="CIFAR10_ROOT"):
        load_cifar10(tmp_path)


def test_a_cache_that_cannot_be_written_still_loads(tmp_path: Path) -> None:
    write_batches(tmp_path)
    (tmp_path / ".cache").write_text("a file stands where the folder should be")
    with pytest.warns(UserWarning, match="CIFAR10_ROOT"):
        assert len(load_cifar10(tmp_path).train) == 100


def test_without_data_and_network_it_says_sketches(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = load_cifar10(root)
    assert data.source == "sketches"
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 1 and "sketches" in lines[0] and "switched off" in lines[0]


def test_the_root_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_batches(tmp_path)
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    assert load_cifar10().source == "cifar10"


# --- what goes wrong -----------------------------------------------------------------------------------


def test_an_unknown_source_is_named() -> None:
    with pytest.raises(ValueError, match="mnist"):
        load_cifar10(source="mnist")


def test_asking_for_cifar10_without_it_never_gives_sketches(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cifar-10-batches-py"):
        load_cifar10(tmp_path, source="cifar10")


def test_an_empty_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError, match="data_batch_1"):
        load_cifar10(tmp_path)


def test_a_half_unpacked_folder_names_what_is_missing(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    (place / "data_batch_3").unlink()
    (place / "test_batch").unlink()
    with pytest.raises(DataError, match="data_batch_3, test_batch missing"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "data_batch_2"),
        (b"<html>not found</html>", "data_batch_2"),
        (pickle.dumps([1, 2, 3]), "no uint8 array"),
        (pickle.dumps({b"data": np.zeros((3, 3072), np.uint8), b"labels": [1, 2]}), "does not fit"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 10]}), "label 10"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [-1, 2]}), "label -1"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [True, 2]}), "label True"),
        (pickle.dumps({b"data": np.zeros((2, 3072)), b"labels": [1, 2]}), "no uint8 array"),
    ],
)
def test_a_damaged_batch_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    place = write_batches(tmp_path)
    (place / "data_batch_2").write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        load_cifar10(tmp_path)
    assert "data_batch_2" in str(caught.value)


def test_a_batch_that_was_cut_off_is_named(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    batch = place / "data_batch_4"
    batch.write_bytes(batch.read_bytes()[:-1000])
    with pytest.raises(DataError, match="data_batch_4"):
        load_cifar10(tmp_path)


class _Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_batch_never_runs_code(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    trap = tmp_path / "trap"
    (place / "data_batch_1").write_bytes(pickle.dumps({b"data": _Hostile(trap)}))
    with pytest.raises(DataError, match="which no CIFAR-10 file needs"):
        load_cifar10(tmp_path)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "train" / "7.png").unlink(), r"train/7\.png is missing"),
        (lambda f: shutil.copy(f / "train" / "1.png", f / "train" / "99.png"), r"train/99\.png has no row"),
        (lambda f: _edit(f, "3,bird", "3,dragon"), "line 4: unknown label 'dragon'"),
        (lambda f: _edit(f, "3,bird", "2,bird"), "listed twice"),
        (lambda f: _edit(f, "3,bird", "three,bird"), "whole number"),
        (lambda f: _edit(f, "id,label", "name,class"), "id,label"),
        (lambda f: (f / "trainLabels.csv").write_text("id,label\n"), "lists no image"),
        (lambda f: (f / "trainLabels.csv").write_bytes(b"\xff\xfe\x00bad"), "cannot be read"),
        (lambda f: shutil.rmtree(f / "train"), r"unpack train\.7z"),
        (lambda f: (f / "train" / "5.png").write_text("plain text"), r"5\.png is not a picture"),
        (lambda f: _cut(f / "train" / "5.png"), r"5\.png is truncated"),
        (lambda f: Image.new("RGB", (1, 1)).save(f / "train" / "5.png"), r"5\.png is 1×1"),
        (lambda f: Image.new("RGB", (20000, 2)).save(f / "train" / "5.png"), r"5\.png is 20000×2"),
    ],
)
def test_kaggle_errors_name_the_offender(tmp_path: Path, spoil: object, says: str) -> None:
    write_kaggle(tmp_path)
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(DataError, match=says):
        load_cifar10(tmp_path)


def _edit(folder: Path, old: str, new: str) -> None:
    table = folder / "trainLabels.csv"
    text = table.read_text(encoding="utf-8")
    assert old in text
    table.write_text(text.replace(old, new, 1), encoding="utf-8")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-900])


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK", "I;16", "L"])
def test_pictures_in_other_modes_are_converted(tmp_path: Path, mode: str) -> None:
    write_class_folders(tmp_path)
    grey = Image.fromarray(np.full((32, 32), 204, np.uint8))  # 204 is in every web palette
    picture = grey.convert("RGB").convert(mode) if mode != "I;16" else _sixteen_bit(204)
    picture.save(tmp_path / "train" / "frog" / ("zzz.jpg" if mode == "CMYK" else "zzz.png"))
    image = load_cifar10(tmp_path).train.of_class("frog").images[-1]
    assert (image.int() - 204).abs().max() <= 2


def _sixteen_bit(value: int) -> Image.Image:
    return Image.fromarray(np.full((32, 32), value * 257, np.uint16))


def test_a_missing_or_unknown_class_folder_is_named(tmp_path: Path) -> None:
    write_class_folders(tmp_path)
    (tmp_path / "train" / "zebra").mkdir()
    with pytest.raises(DataError, match="zebra"):
        load_cifar10(tmp_path)
    (tmp_path / "train" / "zebra").rmdir()
    shutil.rmtree(tmp_path / "train" / "ship")
    with pytest.raises(DataError, match="ship"):
        load_cifar10(tmp_path)


# --- split, loader, normalisation ------------------------------------------------------------------------


def test_the_split_is_stratified_seeded_and_without_overlap() -> None:
    data = small_set(200)
    train, validation = data.split(0.2, seed=3)
    assert torch.bincount(train.labels).tolist() == [16] * 10
    assert torch.bincount(validation.labels).tolist() == [4] * 10
    both = torch.cat([train.images, validation.images]).flatten(1)
    assert len(both.unique(dim=0)) == 200
    again = data.split(0.2, seed=3)
    assert torch.equal(again[0].images, train.images)
    assert not torch.equal(data.split(0.2, seed=4)[1].images, validation.images)


def test_the_split_keeps_images_and_labels_together() -> None:
    data = small_set(100)
    label_of = {bytes(i.numpy().tobytes()): int(x) for i, x in zip(data.train_images, data.train_labels, strict=True)}
    for part in data.split():
        for image, label in zip(part.images, part.labels, strict=True):
            assert label_of[image.numpy().tobytes()] == int(label)


@pytest.mark.parametrize("share", [0, 1, -0.5, 2])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="validation"):
        small_set().split(share)


def test_a_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        small_set(10).split(0.2)


class _Normalising(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return normalise(images)


def test_normalise_gives_the_same_numbers_after_an_export_as_before() -> None:
    images = random_images(2).images
    before = normalise(images)
    transforms._kept_statistics.cache_clear()
    exported = torch.export.export(_Normalising(), (images,))
    assert torch.equal(normalise(images), before) and torch.equal(exported.module()(images), before)


def test_normalise_agrees_with_torchvision_and_its_inverse_is_exact() -> None:
    images = random_images(20).images
    reference = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
    assert torch.allclose(normalise(images), reference(images), atol=1e-6)
    assert torch.equal(denormalise(normalise(images)), images)


def test_normalising_twice_is_refused() -> None:
    with pytest.raises(TypeError, match="uint8"):
        normalise(normalise(random_images(2).images))


def test_the_loader_gives_every_image_once() -> None:
    images = random_images(50)
    batches = list(BatchLoader(images, 20, shuffle=True))
    assert [len(b[1]) for b in batches] == [20, 20, 10] and len(BatchLoader(images, 20)) == 3
    seen = denormalise(torch.cat([b[0] for b in batches])).flatten(1)
    assert torch.equal(seen.unique(dim=0), images.images.flatten(1).unique(dim=0))


def test_the_loader_shuffles_differently_in_each_pass_but_the_same_for_the_same_seed() -> None:
    images = random_images(50)

    def labels(loader: BatchLoader) -> list[int]:
        return torch.cat([y for _, y in loader]).tolist()

    one, other = (BatchLoader(images, 20, shuffle=True, seed=5) for _ in range(2))
    first, second = labels(one), labels(one)
    assert first != second and [labels(other), labels(other)] == [first, second]
    other.epoch = 0
    assert labels(other) == first


def test_without_augmentation_a_loader_changes_nothing() -> None:
    images = random_images(30)
    batch, labels = next(iter(BatchLoader(images, 30)))
    assert torch.equal(batch, normalise(images.images)) and torch.equal(labels, images.labels)


def test_a_flip_mirrors_about_half_of_the_images() -> None:
    images = normalise(random_images(400).images)
    flipped = Augment(flip=True)(images, torch.Generator().manual_seed(0))
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    kept = (flipped == images).flatten(1).all(1)
    assert bool((mirrored ^ kept).all()) and 150 < int(mirrored.sum()) < 250


def test_a_shift_moves_each_image_by_its_own_draw() -> None:
    images = normalise(random_images(300).images)
    shifted = Augment(flip=False, shift=2)(images, torch.Generator().manual_seed(0))
    inner = shifted[:, :, 2:30, 2:30]
    draws = set()
    for image, moved in zip(images, inner, strict=True):
        found = [(y, x) for y in range(5) for x in range(5) if torch.equal(image[:, y : y + 28, x : x + 28], moved)]
        assert len(found) == 1
        draws.add(found[0])
    assert len(draws) == 25


def test_cutout_blanks_one_square_in_each_image() -> None:
    images = torch.ones(50, 3, 32, 32)
    cut = Augment(flip=False, cutout=8)(images, torch.Generator().manual_seed(0))
    assert (cut == 0).sum((1, 2, 3)).tolist() == [3 * 64] * 50
    assert len({tuple(c.nonzero()[0].tolist()) for c in (cut == 0).float()}) > 20


@pytest.mark.parametrize("wrong", [{"shift": -1}, {"shift": 32}, {"cutout": 33}])
def test_impossible_augmentation_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augment(**wrong)


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (torch.zeros(2, 3, 32, 32), torch.zeros(2, dtype=torch.int64), "uint8"),
        (torch.zeros(2, 32, 32, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), "shape"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), r"shape \(2,\)"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.tensor([1, 10]), r"0\.\.9"),
    ],
)
def test_an_image_set_checks_what_it_is_given(images: torch.Tensor, labels: torch.Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ImageSet(images, labels)


def test_a_loader_refuses_nothing_to_load() -> None:
    with pytest.raises(ValueError, match="no images"):
        BatchLoader(random_images(0))
    with pytest.raises(ValueError, match="batch_size"):
        BatchLoader(random_images(5), 0)


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(ValueError, match="zebra"):
        random_images(10).of_class("zebra")


def test_pictures_keep_the_order_of_channels(tmp_path: Path) -> None:
    write_class_folders(tmp_path)
    red = torch.zeros(3, 32, 32, dtype=torch.uint8)
    red[0] = 255
    save_png(red, tmp_path / "train" / "cat" / "zzz.png")
    assert torch.equal(load_cifar10(tmp_path).train.of_class("cat").images[-1], red)


# --- the real data -----------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_real_data_is_what_it_should_be(real_data: Cifar10) -> None:
    assert torch.bincount(real_data.train_labels).tolist() == [5000] * 10
    assert torch.bincount(real_data.test_labels).tolist() == [1000] * 10
    assert real_data.exact_test_images >= 1000
    values = torch.arange(256).double().div(255)
    for channel, mean, std in zip(real_data.train_images.unbind(1), MEAN, STD, strict=True):
        share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        assert float(share @ values) == pytest.approx(mean, abs=1e-4)
        assert float(share @ (values - share @ values).square()) ** 0.5 == pytest.approx(std, abs=1e-4)
    assert CLASSES[int(real_data.train_labels[0])] == "frog"


@pytest.mark.real
def test_a_second_load_of_the_real_data_takes_half_a_second(real_data: Cifar10) -> None:
    seconds = []
    for _ in range(3):
        start = time.process_time()
        load_cifar10(source="cifar10", download=False)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5
