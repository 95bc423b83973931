"""Folders with almost the right names: they are read as they were meant, or named in an error, never guessed at."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import run_module
from helpers import random_images, save_png, write_batches, write_class_folders, write_kaggle
from PIL import Image
from test_layouts import BATCHES, LEFT, both_parts, message_of, put, rename_classes, small_archive, without_train

from cifar_helpers import CLASSES, DataError, load_cifar10
from cifar_helpers.data import default_root, describe, fetch
from cifar_helpers.data.__main__ import main
from cifar_helpers.data.archive import unpack
from cifar_helpers.data.fetch import DownloadError, fetch_cifar10
from cifar_helpers.data.layouts import role_of

posix = pytest.mark.skipif(os.name != "posix", reason="needs names or permissions that Windows does not have")
Place = Callable[[Path], object]


def first_of(batch: str, number: int = 1) -> Place:
    """Some of the six batches, in a folder of this name."""

    def make(folder: Path) -> None:
        write_batches(folder / "aside")
        (folder / "aside" / BATCHES).rename(folder / batch)
        for name in ("test_batch", "data_batch_5", "data_batch_4", "data_batch_3", "data_batch_2")[: 6 - number]:
            (folder / batch / name).unlink()
        (folder / "aside").rmdir()

    return make


# --- which pictures are for training ------------------------------------------------------------------------------

NAMES_OF_PARTS = [
    ("train_set", "test_set"), ("Train images", "Test images"), ("cifar10_train", "cifar10_test"),
    ("trainset", "testset"), ("train_images", "test_images"), ("seg_train", "seg_test"),
    ("Training Data", "Testing Data"), ("trainingImages", "testingImages"), ("TRAIN-SET", "TEST-SET"),
]  # fmt: skip
NOT_FOR_TRAINING = ["eval", "cifar-dev", "holdout", "hold_out", "evalset", "my_val", "validation2", "Predictions"]


@pytest.mark.parametrize(("train", "test"), NAMES_OF_PARTS)
@pytest.mark.parametrize("below", ["", "cifar10"])
def test_training_and_test_pictures_are_known_by_the_words_in_the_name(
    tmp_path: Path, train: str, test: str, below: str
) -> None:
    both_parts(write_and_name(tmp_path / below), lambda p: p.rename(p.with_name(train if p.name == "train" else test)))
    data = load_cifar10(tmp_path)
    assert torch.equal(data.train.of_class("cat").images, random_images(30).of_class("cat").images)
    assert torch.equal(data.test.of_class("cat").images, random_images(30, 1).of_class("cat").images)


def write_and_name(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("other", NOT_FOR_TRAINING)
@pytest.mark.parametrize("train", ["train32", "my_train", "cifar/train"])
def test_pictures_that_are_held_out_are_never_training_pictures(
    tmp_path: Path, train: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_class_folders(tmp_path)
    (tmp_path / train).parent.mkdir(exist_ok=True)
    (tmp_path / "train").rename(tmp_path / train)
    (tmp_path / "test").rename(tmp_path / other)
    data = load_cifar10(tmp_path)
    assert torch.equal(data.train.of_class("cat").images, random_images(30).of_class("cat").images)
    assert train.startswith("cifar") or f"{tmp_path / other} is left out" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*NOT_FOR_TRAINING, "test_set", "Test images", "cifar10_test"])
def test_held_out_pictures_alone_are_named(tmp_path: Path, name: str) -> None:
    write_class_folders(tmp_path)
    shutil.rmtree(tmp_path / "train")
    (tmp_path / "test").rename(tmp_path / name)
    assert f"{tmp_path / name} has test pictures" in message_of(tmp_path)


def test_words_that_only_contain_the_others_mean_nothing() -> None:
    for name in ("latest", "contest", "device", "interval", "medieval", "pretrained", "datasets", "cats", "data"):
        assert role_of(name) == "", name
    assert role_of("train_test_split") == "mixed"


@pytest.mark.parametrize(("one", "other"), [("backup/train", "cifar10/train"), ("train_a", "train_b"), ("a", "b")])
def test_of_several_sets_of_class_folders_none_is_chosen(tmp_path: Path, one: str, other: str) -> None:
    for name in (one, other):
        shutil.copytree(write_class_folders(tmp_path / "made" / name) / "train", tmp_path / name)
    shutil.rmtree(tmp_path / "made")
    said = message_of(tmp_path)
    assert str(tmp_path / one) in said and str(tmp_path / other) in said and "delete" not in said


def test_one_that_is_named_train_comes_before_others(tmp_path: Path) -> None:
    without_train(write_class_folders(tmp_path / "animals", per_class=1))
    write_class_folders(tmp_path / "cifar10")
    assert len(load_cifar10(tmp_path).train) == 30


# --- a stray batch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stray", ["stuff", "old", "cifar-10-batches-py-old"])
@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("make", [lambda f: write_class_folders(f / "cifar10"), lambda f: write_kaggle(f / "k")])
def test_stray_batches_do_not_block_another_layout(tmp_path: Path, stray: str, number: int, make: Place) -> None:
    first_of(stray, number)(tmp_path)
    make(tmp_path)
    assert len(load_cifar10(tmp_path).train) == 30


@pytest.mark.parametrize("stray", ["stuff", "cifar-10-batches-py-old"])
def test_stray_batches_do_not_block_a_download(tmp_path: Path, stray: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, archive = small_archive(tmp_path / "work")
    monkeypatch.setattr(fetch, "CIFAR10", archive)
    monkeypatch.setitem(fetch.fetch_cifar10.__kwdefaults__, "archive", archive)
    monkeypatch.setenv("CIFAR10_OFFLINE", "no")
    monkeypatch.setenv("CIFAR10_MIRRORS", str(path))
    first_of(stray, 5)((tmp_path / "data" / stray).parent)
    assert len(load_cifar10(tmp_path / "data").train) == 100


def test_incomplete_batches_say_what_is_missing_and_what_works(tmp_path: Path) -> None:
    first_of("elsewhere", 5)(tmp_path)
    said = message_of(tmp_path)
    assert f"{tmp_path / 'elsewhere'} has data_batch_1" in said and "but not test_batch: add" in said
    (tmp_path / "elsewhere").rename(tmp_path / BATCHES)
    said = message_of(tmp_path)
    assert f"move what is there out of {tmp_path}" in said and "rename" not in said
    put(tmp_path / BATCHES / "test_batch.pkl")
    assert "test_batch.pkl is a batch of CIFAR-10 under another name" in message_of(tmp_path)


@pytest.mark.parametrize(
    "left", [["batches.meta"], ["readme.html"], [".DS_Store"], ["desktop.ini", "batches.meta"], LEFT]
)
def test_what_is_no_batch_does_not_keep_the_archive_from_being_unpacked(tmp_path: Path, left: list[str]) -> None:
    path, archive = small_archive(tmp_path / "work")
    shutil.copy(path, put(tmp_path / "data" / "cifar-10-python.tar.gz"))
    for name in left:
        put(tmp_path / "data" / BATCHES / name)
    fetch_cifar10(tmp_path / "data", online=False, archive=archive)
    assert len(load_cifar10(tmp_path / "data").train) == 100
    put(tmp_path / "other" / BATCHES / "data_batch_1")
    with pytest.raises(DownloadError, match="has data_batch_1, but not all"):
        fetch_cifar10(tmp_path / "other", online=False, archive=archive)


@posix
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_batch_that_is_no_file_has_no_label(tmp_path: Path, make: Place) -> None:
    place = write_batches(tmp_path)
    (place / "data_batch_3").unlink()
    make(place / "data_batch_3")
    said = message_of(tmp_path)
    assert f"{place / 'data_batch_3'} is" in said and "label" not in said and "Put the file of that name" in said


@pytest.mark.parametrize("labels", [[True, False] * 10, np.array([True, False] * 10)])
def test_truth_values_are_no_labels(tmp_path: Path, labels: Any) -> None:
    place = write_batches(tmp_path)
    content = pickle.loads((place / "data_batch_1").read_bytes())
    (place / "data_batch_1").write_bytes(pickle.dumps({**content, b"labels": labels}))
    assert "label True is not a whole number" in message_of(tmp_path)


# --- pictures that would be left out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "options"),
    [("bmp", {}), ("jfif", {"format": "JPEG"}), ("jpe", {"format": "JPEG"}), ("tif", {}), ("tiff", {}), ("ppm", {}),
     ("webp", {"lossless": True}), ("gif", {}), ("BMP", {})],
)  # fmt: skip
@pytest.mark.parametrize("share", [1, 3])
def test_pictures_of_other_endings_are_read(tmp_path: Path, ending: str, options: dict[str, Any], share: int) -> None:
    write_class_folders(tmp_path)
    for path in sorted(tmp_path.rglob("*.png"))[::share]:
        Image.open(path).save(path.with_suffix(f".{ending}"), **options)
        path.unlink()
    data = load_cifar10(tmp_path)
    assert len(data.train) == len(data.test) == 30
    if ending in ("bmp", "tif", "tiff", "ppm", "webp"):
        assert torch.equal(data.train.of_class("cat").images, random_images(30).of_class("cat").images)


def test_pictures_that_lie_deeper_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_class_folders(tmp_path)
    for path in sorted(tmp_path.glob("train/*/*.png"))[::3]:
        path.rename(put(path.parent / "more" / path.name))
    assert len(load_cifar10(tmp_path).train) == 20
    said = capsys.readouterr().out
    assert "10 pictures are left out" in said and str(tmp_path / "train" / "airplane" / "more") in said
    load_cifar10(tmp_path)
    assert capsys.readouterr().out == said  # from the cache, too
    for path in sorted(tmp_path.glob("train/cat/*.png")):
        path.rename(tmp_path / "train" / "cat" / "more" / path.name)
    assert "is too deep: move such pictures up" in message_of(tmp_path)


def test_pictures_in_icloud_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = write_class_folders(tmp_path) / "train" / "cat"
    (place / "003.png").rename(place / ".003.png.icloud")
    assert len(load_cifar10(tmp_path).train) == 29
    assert "1 pictures are left out" in capsys.readouterr().out
    write_kaggle(tmp_path / "kaggle")
    (tmp_path / "kaggle" / "train" / "7.png").rename(tmp_path / "kaggle" / "train" / ".7.png.icloud")
    assert ".7.png.icloud is in iCloud" in message_of(tmp_path / "kaggle")


@pytest.mark.parametrize("content", [None, "1.png", "unsorted/1.png"])
def test_test_pictures_without_labels_are_left_out(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(write_class_folders(tmp_path) / "test")
    (tmp_path / "test").mkdir()
    if content:
        save_png(random_images(1).images[0], put(tmp_path / "test" / content))
    data = load_cifar10(tmp_path)
    assert len(data.train) == 30 and len(data.test) == 0
    assert (content == "1.png") == (f"{tmp_path / 'test'} is left out" in capsys.readouterr().out)


@pytest.mark.parametrize(
    "name",
    ["#recycle", "#snapshot", "@__thumb", "@Recycle", "found.000", "RECYCLER", "Network Trash Folder",
     "Temporary Items", "__pycache__", "_vti_cnf", "@SynoResource", "CVS"],
)  # fmt: skip
def test_what_other_systems_leave_is_passed_over(tmp_path: Path, name: str) -> None:
    write_class_folders(tmp_path)
    (tmp_path / "train" / name).mkdir()
    assert len(load_cifar10(tmp_path).train) == 30


# --- what clearly is CIFAR-10, and cannot be read as it is -----------------------------------------------------------


def renamed_batches(rename: Callable[[str], str], below: str = "") -> Place:
    def make(folder: Path) -> None:
        place = write_batches(folder / "aside")
        for path in sorted(place.iterdir()):
            path.rename(put(folder / below / rename(path.name)))
        shutil.rmtree(folder / "aside")

    return make


def class_files(name: str) -> Place:
    return lambda folder: [put(folder / "train" / name.format(k=k, name=n)) for k, n in enumerate(CLASSES)]


def class_names(name: str, train: bool = True) -> Place:
    def make(folder: Path) -> None:
        rename_classes(folder, lambda k, old: name.format(k=k, name=old))
        if not train:
            shutil.rmtree(folder / "test")
            without_train(folder)

    return make


def dangling_classes(folder: Path) -> None:
    (folder / "train").mkdir()
    for name in CLASSES:
        (folder / "train" / name).symlink_to(folder / "gone" / name)


PARQUET = "train-00000-of-00001.parquet"
PLAINLY: dict[str, tuple[Place, str]] = {
    "Hugging Face's cache": (lambda f: put(f / "datasets--uoft-cs--cifar10/snapshots/1/plain_text" / PARQUET), PARQUET),
    "Hugging Face's files": (lambda f: put(f / "cifar10" / "plain_text" / PARQUET), "in a format that is not"),
    "Arrow": (lambda f: put(f / "uoft-cs___cifar10/plain_text/0.0.0/a/cifar10-train.arrow"), "in a form"),
    "TensorFlow": (lambda f: put(f / "cifar10/3.0.2/cifar10-train.tfrecord-00000-of-00001"), "in a form"),
    "NumPy": (lambda f: put(f / "cifar10.npz"), "in a format that is not"),
    "HDF5": (lambda f: put(f / "cifar10.h5"), "in a format that is not"),
    "batches .pkl": (renamed_batches(lambda n: f"{n}.pkl"), "Rename it to data_batch_1"),
    "batches .pickle": (renamed_batches(lambda n: f"{n}.pickle", "x"), "Rename it to data_batch_1"),
    "batches .txt": (renamed_batches(lambda n: f"{n}.txt", BATCHES), "data_batch_1.txt is a batch"),
    "batches in capitals": (renamed_batches(str.upper), "DATA_BATCH_1 is a batch"),
    "batches twice": (renamed_batches(lambda n: f"{n} (1)"), "data_batch_1 (1) is a batch"),
    "batches in iCloud": (renamed_batches(lambda n: f".{n}.icloud"), ".data_batch_1.icloud is in iCloud"),
    "archive in iCloud": (lambda f: put(f / ".cifar-10-python.tar.gz.icloud"), "choose Download Now"),
    "batches, deep": (renamed_batches(lambda n: n, "a/b/c/d/e"), "a/b/c/d/e contains the batches"),
    "dataset_cifar10.zip": (lambda f: put(f / "dataset_cifar10.zip"), "still packed"),
    "my-cifar10.zip": (lambda f: put(f / "my-cifar10.zip"), "still packed"),
    "cifar10_images.zip": (lambda f: put(f / "cifar10_images.zip"), "still packed"),
    "cifar_10_python.zip": (lambda f: put(f / "cifar_10_python.zip"), "still packed"),
    "cifar-10-python.tar.xz": (lambda f: put(f / "cifar-10-python.tar.xz"), "still packed"),
    "cifar-10-python.tar.bz2": (lambda f: put(f / "cifar-10-python.tar.bz2"), "still packed"),
    "train.7z.001": (lambda f: put(f / "train.7z.001"), "still packed"),
    "fastai's archive": (lambda f: put(f / "cifar10.tgz"), "still packed"),
    "wget's second download": (lambda f: put(f / "cifar-10-python.tar.gz.1"), "has not finished"),
    "Mac's link": (lambda f: put(f / "cifar-10-python.tar.gz.webloc"), "only a link"),
    "Windows's link": (lambda f: put(f / "cifar-10-batches-py.lnk"), "only a link"),
    "copies": (class_names("{name} - Copy"), "rename each to just its class"),
    "class_airplane": (class_names("class_{name}"), "such as class_airplane"),
    "train_airplane": (class_names("train_{name}", train=False), "such as train_airplane"),
    "airplane_images": (class_names("{name}_images"), "such as airplane_images"),
    "00 to 09": (class_names("0{k}"), "0 → airplane"),
    "class_0": (class_names("class_{k}", train=False), "0 → airplane"),
    "numbers without train": (class_names("{k}", train=False), "0 → airplane"),
    "packed classes": (class_files("{name}.zip"), "airplane.zip: unpack each"),
    "pictures in one folder": (class_files("{k}_{name}.png"), "into a folder of its name"),
    "links of classes": (dangling_classes, "airplane is a link to"),
}


@posix
@pytest.mark.parametrize("case", PLAINLY)
def test_what_plainly_is_cifar10_is_named_and_never_replaced_by_sketches(tmp_path: Path, case: str) -> None:
    make, says = PLAINLY[case]
    make(tmp_path)
    said = message_of(tmp_path)
    assert says in said and str(tmp_path) in said and "delete" not in said.lower()


HARMLESS: dict[str, Place] = {
    "CIFAR-10.1": lambda f: put(f / "CIFAR-10.1" / "cifar10.1_v6_data.npy"),
    "CIFAR-10-C": lambda f: put(f / "CIFAR-10-C" / "brightness.npy"),
    "a script": lambda f: put(f / "cifar10.py"),
    "a network": lambda f: put(f / "cifar10_model.h5"),
    "weights": lambda f: put(f / "cifar10-weights.npz"),
    "a few photos": lambda f: [put(f / f"{name}.jpg") for name in CLASSES[:6]],
    "digits elsewhere": lambda f: [put(f / "mnist" / str(k) / "1.png") for k in range(10)],
    "animals elsewhere": lambda f: [put(f / "zoo" / f"my_{name}" / "1.png") for name in CLASSES],
    "a program": lambda f: put(f / "test_batch.py"),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_other_files_are_no_reason_to_stop(root: Path, case: str) -> None:
    HARMLESS[case](root)
    assert load_cifar10(root).source == "sketches"


@posix
def test_a_closed_folder_inside_another_is_no_reason_to_stop(unprivileged: Path) -> None:
    (unprivileged / "diary" / "old").mkdir(parents=True)
    (unprivileged / "diary" / "old").chmod(0o444)
    assert describe(unprivileged)[0] == "ok"


def test_clues_do_not_contradict_each_other(tmp_path: Path) -> None:
    for below in ("copy", f"{BATCHES}/{BATCHES}"):
        root = tmp_path / below.replace("/", "")
        write_batches(root / BATCHES / Path(below).parent).rename(root / BATCHES / below)
        said = message_of(root)
        assert "has none of" not in said and said.count("move") == 1, said
    write_kaggle(tmp_path / "deep" / "a" / "cifar-10")
    assert "is missing" not in message_of(tmp_path / "deep")


def test_a_file_in_the_place_of_the_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, archive = small_archive(tmp_path / "work")
    monkeypatch.setenv("CIFAR10_MIRRORS", str(path))
    put(tmp_path / "data" / ".cache")
    with pytest.raises(DownloadError, match="the download needs a folder of that name: move or rename the file"):
        fetch_cifar10(tmp_path / "data", archive=archive)


# --- Kaggle's table -----------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    "name",
    ["trainlabels.csv", "trainLabels.CSV", "trainLabels (1).csv", "trainLabels.csv.txt", "train_labels.csv",
     "trainLabels.csv.csv"],
)  # fmt: skip
def test_kaggles_table_under_another_name_is_named(tmp_path: Path, name: str) -> None:
    (write_kaggle(tmp_path) / "trainLabels.csv").rename(tmp_path / name)
    said = message_of(tmp_path)
    assert f"{tmp_path / name} is Kaggle's table under another name. Rename it" in said and "missing" not in said


@pytest.mark.parametrize("place", ["train", "csv", "trainLabels.csv"])
@pytest.mark.parametrize("source", ["auto", "kaggle"])
def test_kaggles_table_in_another_place_is_named(tmp_path: Path, place: str, source: str) -> None:
    table = (write_kaggle(tmp_path) / "trainLabels.csv").rename(tmp_path / "aside")
    (tmp_path / place).mkdir(exist_ok=True)
    table.rename(tmp_path / place / "trainLabels.csv")
    said = message_of(tmp_path, source=source)
    assert str(tmp_path / place) in said and "move" in said and "unpack" not in said and "ownload it" not in said


@posix
def test_what_may_not_be_read_is_not_to_be_replaced(unprivileged: Path) -> None:
    picture = write_class_folders(unprivileged / "folders") / "train" / "cat" / "003.png"
    for path in (
        picture,
        write_kaggle(unprivileged / "kaggle") / "trainLabels.csv",
        unprivileged / "kaggle" / "train" / "7.png",
        write_batches(unprivileged / "batches") / "data_batch_2",
    ):
        path.chmod(0)
        said = message_of(next(p for p in path.parents if p.parent == unprivileged))
        assert f"{path} cannot be read (Permission denied). Change its permissions" in said
        assert "eplace" not in said and "ownload" not in said and "remove" not in said
        path.chmod(0o644)


@pytest.mark.parametrize("source", ["kaggle", "folders"])
def test_asked_for_another_layout_it_says_that_the_batches_are_there(tmp_path: Path, source: str) -> None:
    write_batches(tmp_path)
    assert "It contains the official batches: use source='cifar10' to read them" in message_of(tmp_path, source=source)


# --- archives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_tar_that_a_mac_packed_again_is_read(tmp_path: Path, prefix: str) -> None:
    _, archive = small_archive(tmp_path / "work")
    path = tmp_path / "cifar-10-python.tar"
    with tarfile.open(path, "w") as tar:
        for name in (BATCHES, f"._{BATCHES}", f"{BATCHES}/.DS_Store"):
            info = tarfile.TarInfo(f"{prefix}{name}")
            info.type = tarfile.DIRTYPE if name == BATCHES else tarfile.REGTYPE
            tar.addfile(info)
        for name in archive.files:
            left = tarfile.TarInfo(f"{prefix}{BATCHES}/._{name}")
            left.size = 4
            tar.addfile(left, io.BytesIO(b"\0\5\x16\7"))
            tar.add(tmp_path / "work" / BATCHES / name, f"{prefix}{BATCHES}/{name}")
    unpack(path, tmp_path / "out" / BATCHES, archive.files)
    assert {p.name for p in (tmp_path / "out" / BATCHES).iterdir()} == set(archive.files)


# --- variables of the environment, and the command -----------------------------------------------------------------

ODD_ROOTS: dict[str, tuple[str, str]] = {
    "quotation marks": ('"{}"', "quotation marks"),
    "single quotation marks": ("'{}'", "quotation marks"),
    "typographic ones": ("“{}”", "quotation marks"),
    "end of a line of Windows": ("{}\r", "space at one end or an invisible"),
    "blank at the end": ("{} ", "space at one end"),
    "byte order mark": ("\ufeff{}", "invisible character"),
    "variable": ("$HOME/data", "a variable that was not replaced"),
    "variable in braces": ("${{HOME}}/data", "a variable that was not replaced"),
    "variable of Windows": (r"%USERPROFILE%\data", "a variable that was not replaced"),
    "address of a file": ("file://{}", "is an address"),
    "address in the web": ("https://example.org/cifar10", "is an address"),
    "path of Windows": (r"C:\Users\me\data", "Windows paths"),
}


@posix
@pytest.mark.parametrize("case", ODD_ROOTS)
def test_a_root_that_was_not_meant_so_is_refused(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named, says = ODD_ROOTS[case]
    named = named.format(write_batches(tmp_path / "there").parent)
    monkeypatch.setenv("CIFAR10_ROOT", named)
    with pytest.raises(DataError, match=f"CIFAR10_ROOT cannot be used: there is no folder .*{says}"):
        load_cifar10()
    assert says in message_of(named)
    with pytest.raises(DownloadError, match=says):
        fetch_cifar10(named, online=False)
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


@posix
@pytest.mark.parametrize("name", ['"quoted"', "$HOME", "end ", "photos:", "back\\slash"])
def test_a_folder_of_an_odd_name_that_is_there_is_used(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_batches(tmp_path / name)
    monkeypatch.setenv("CIFAR10_ROOT", name)
    assert default_root() == Path(name) and load_cifar10().source == "cifar10"


@pytest.mark.parametrize("value", ["false", "no", "off", "False", "0 ", "NO", "0", ""])
def test_words_for_no_leave_downloading_on(root: Path, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_OFFLINE", value)
    monkeypatch.setenv("CIFAR10_MIRRORS", str(root / "gone"))
    with pytest.raises(DataError, match=r"there is no file .*the addresses come from CIFAR10_MIRRORS"):
        load_cifar10(root, source="cifar10")
    with pytest.raises(DataError, match=r"switched off \(download=False\)"):
        load_cifar10(root, source="cifar10", download=False)


def test_what_switches_downloading_off_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_cifar10(root)
    assert "downloading is switched off (CIFAR10_OFFLINE=1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "form",
    ["{0},{1}", "{0};{1}", "{0}, {1}", '"{0}" "{1}"', "'{0}','{1}'", '"{0}"', "file:{1}", "file://{1}", "{0},file:{1}"],
)  # fmt: skip
def test_mirrors_are_separated_in_every_usual_way(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, archive = small_archive(tmp_path / "work")
    gone, there = (path, tmp_path / "gone") if form == '"{0}"' else (tmp_path / "gone", path)
    monkeypatch.setenv("CIFAR10_MIRRORS", form.format(gone, there))
    assert len(load_cifar10(fetch_cifar10(tmp_path / "data", archive=archive).parent).train) == 100


def test_an_address_with_a_password_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_MIRRORS", "http://user:secret@127.0.0.1:9/cifar.tar.gz")
    with pytest.raises(DownloadError, match="addresses with a user name are not supported") as caught:
        fetch_cifar10(tmp_path)
    assert "secret" not in str(caught.value)


def test_the_command_says_what_is_there_and_gives_no_warning(tmp_path: Path) -> None:
    write_batches(tmp_path / "data")
    there = f"import os, warnings; os.chdir({str(tmp_path)!r}); warnings.simplefilter('error')"
    shown = run_module(tmp_path / "said", "cifar_helpers.data", "data", before=there)
    assert shown.code == 0 and shown.err == "", shown.err
    assert shown.out.startswith("Data: 100 training")


def test_the_command_takes_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["", ""])
    assert main() == 1
    assert "empty" in capsys.readouterr().err and not list(tmp_path.iterdir())
