"""Other people's folders and networks: the data is read as it was meant, or an error says what to do.

Here are archives as macOS, Windows and browsers leave them, folders one level off, pickles of other programs, paths
that cannot be used, and a server whose certificate nobody knows.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from fault_server import CONTENT, FaultServer
from helpers import random_images, save_png, start_process, write_batches, write_class_folders, write_kaggle

from cifar_helpers import CLASSES, DataError, load_cifar10
from cifar_helpers.data import default_root, describe, sketches
from cifar_helpers.data.fetch import Archive, DownloadError, fetch, fetch_cifar10
from cifar_helpers.data.sketches import load_sketches, make_sketches

SHA256 = hashlib.sha256(CONTENT).hexdigest()
BATCHES = "cifar-10-batches-py"
posix = pytest.mark.skipif(os.name != "posix", reason="needs named pipes, permissions or signals")
Place = Callable[[Path], object]


@pytest.fixture(autouse=True)
def _no_waiting_for_ever() -> Iterator[None]:
    """A read that hangs ends the test with an error instead of holding up all others."""
    if os.name != "posix":
        yield
        return

    class Hang(BaseException):  # nothing on the way catches it
        pass

    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def message_of(folder: Path | str, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load_cifar10(folder, **options)
    return str(caught.value)


def get(urls: Any, target: Path | str) -> Path:
    return fetch(urls, target, size=len(CONTENT), sha256=SHA256, progress=False)


# --- what systems leave behind ---------------------------------------------------------------------

LEFT = [
    "._1.png", ".DS_Store", "Thumbs.db", "desktop.ini", "1.png:Zone.Identifier", "._.DS_Store", ".hidden.jpg",
]  # fmt: skip
LEFT_FOLDERS = ["__MACOSX", ".ipynb_checkpoints", "@eaDir", ".AppleDouble", "$RECYCLE.BIN"]


def leave_behind(folder: Path) -> None:
    for name in LEFT:
        (folder / name).write_bytes(b"\0\5\x16\7 no picture")
    for name in LEFT_FOLDERS:
        (folder / name / "airplane").mkdir(parents=True)
        (folder / name / "._1.png").write_bytes(b"no picture")
        (folder / name / "2.png").write_bytes(b"no picture")


def test_what_systems_leave_in_class_folders_is_passed_over(tmp_path: Path) -> None:
    write_class_folders(tmp_path)
    for folder in [tmp_path, *(p for p in tmp_path.rglob("*") if p.is_dir())]:
        leave_behind(folder)
    data = load_cifar10(tmp_path)
    assert data.source == "folders" and len(data.train) == len(data.test) == 30
    assert torch.equal(data.train.of_class("cat").images, random_images(30).of_class("cat").images)


def test_leftovers_of_systems_among_kaggles_pictures_are_ignored(tmp_path: Path) -> None:
    write_kaggle(tmp_path)
    leave_behind(tmp_path)
    leave_behind(tmp_path / "train")
    data = load_cifar10(tmp_path)
    assert data.source == "kaggle" and torch.equal(data.train_images, random_images(30).images)


def test_leftovers_of_systems_among_batches_are_ignored(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    leave_behind(tmp_path)
    leave_behind(place)
    shutil.copytree(place, tmp_path / "__MACOSX" / BATCHES)
    assert load_cifar10(tmp_path).source == "cifar10"


# --- one level off, or deeper --------------------------------------------------------------------------

ONE_LEVEL_OFF: dict[str, tuple[Place, str]] = {
    "batches unpacked into a folder of their name": (lambda f: write_batches(f / BATCHES), "cifar10"),
    "batches in a folder of the archive's name": (lambda f: write_batches(f / "cifar-10-python"), "cifar10"),
    "batches of the second unpacking": (lambda f: write_batches(f).rename(f / f"{BATCHES} 2"), "cifar10"),
    "batches in a folder of any name": (lambda f: write_batches(f).rename(f / "my data"), "cifar10"),
    "batches beside an empty folder": (lambda f: (write_batches(f / "x"), (f / BATCHES).mkdir()), "cifar10"),
    "Kaggle's archive in any folder": (lambda f: write_kaggle(f / "kaggle"), "kaggle"),
    "train.7z unpacked into train": (lambda f: nest(write_kaggle(f) / "train"), "kaggle"),
    "class folders of fastai": (lambda f: write_class_folders(f / "cifar10"), "folders"),
    "train in train and test in test": (lambda f: both_parts(f, nest), "folders"),
    "Train and Test": (lambda f: both_parts(f, lambda p: p.rename(p.with_name(p.name.title()))), "folders"),
    "TRAIN and TEST": (lambda f: both_parts(f, lambda p: p.rename(p.with_name(p.name.upper()))), "folders"),
    "without train": (lambda f: without_train(write_class_folders(f)), "folders"),
    "without train, one level down": (lambda f: without_train(write_class_folders(f / "cifar10")), "folders"),
}  # fmt: skip


def both_parts(folder: Path, change: Place) -> None:
    write_class_folders(folder)
    change(folder / "train")
    change(folder / "test")


def nest(folder: Path) -> None:
    """`train/` becomes `train/train/`."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir()
    aside.rename(folder / folder.name)


def without_train(folder: Path) -> Path:
    for place in (folder / "train").iterdir():
        place.rename(folder / place.name)
    (folder / "train").rmdir()
    return folder


@pytest.mark.parametrize("case", ONE_LEVEL_OFF)
def test_data_one_level_off_is_found(tmp_path: Path, case: str) -> None:
    make, source = ONE_LEVEL_OFF[case]
    make(tmp_path)
    data = load_cifar10(tmp_path)
    assert data.source == source
    assert {"cifar10": 100, "kaggle": 30, "folders": 30}[source] == len(data.train)
    assert len(data.test) == {"cifar10": 20, "kaggle": 0, "folders": 30}[source]
    again = load_cifar10(tmp_path, source=source)
    assert again.fingerprint == data.fingerprint


def test_the_complete_batches_are_taken_where_others_are_half_unpacked(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    shutil.copytree(place, place / BATCHES)
    (place / "data_batch_3").unlink()
    assert len(load_cifar10(tmp_path).train) == 100


DEEPER: dict[str, tuple[Place, str]] = {
    "batches two levels down": (lambda f: write_batches(f / "a" / "b"), f"a/b/{BATCHES}"),
    "batches three levels down": (lambda f: write_batches(f / "a" / "b" / "c"), f"a/b/c/{BATCHES}"),
    "Kaggle two levels down": (lambda f: write_kaggle(f / "a" / "b"), "a/b"),
    "class folders two levels down": (lambda f: write_class_folders(f / "a" / "b"), "a/b/train"),
}


@pytest.mark.parametrize("case", DEEPER)
def test_data_deeper_down_is_named_with_the_folder_to_move(tmp_path: Path, case: str) -> None:
    make, place = DEEPER[case]
    make(tmp_path)
    said = message_of(tmp_path)
    assert str(tmp_path / place) in said and "move" in said and "delete" not in said
    assert describe(tmp_path)[0] == "warning"


LOOKS_LIKE: dict[str, tuple[Place, str]] = {
    "binary version": (lambda f: put(f / "cifar-10-batches-bin" / "data_batch_1.bin"), "binary version of CIFAR-10"),
    "binary archive": (lambda f: put(f / "cifar-10-binary.tar.gz"), "binary version of CIFAR-10"),
    "binary files in the official folder": (lambda f: put(f / BATCHES / "data_batch_1.bin"), "binary version"),
    "Matlab version": (lambda f: put(f / "cifar-10-batches-mat" / "data_batch_1.mat"), "Matlab version"),
    "Chrome's half download": (lambda f: put(f / "cifar-10-python.tar.gz.crdownload"), "has not finished"),
    "Safari's half download": (lambda f: put(f / "cifar-10-python.tar.gz.download" / "x"), "has not finished"),
    "Firefox's half download": (lambda f: put(f / "cifar-10-python.tar.gz.part"), "has not finished"),
    "a second download, cut": (lambda f: put(f / "cifar-10-python (1).tar.gz", b"\x1f\x8b"), "has 2 bytes instead of"),
    "a web page in place of the archive": (lambda f: put(f / "cifar-10-python.tar.gz", b"<html>"), "has 6 bytes"),
    "Safari's archive, cut": (lambda f: put(f / "cifar-10-python.tar", cut_tar()), "python.tar: it is damaged"),
    "the archive, one folder too deep": (lambda f: put(f / "x" / "cifar-10-python.tar.gz"), "move it"),
    "an archive still packed": (lambda f: put(f / "cifar-10.zip"), "still packed"),
    "Kaggle's archive still packed": (lambda f: put(f / "train.7z"), "still packed"),
    "a file in place of the official folder": (lambda f: put(f / BATCHES), "is a file, not the folder"),
    "an empty official folder": (lambda f: (f / BATCHES).mkdir(), "data_batch_1"),
    "Kaggle's pictures without labels": (lambda f: (write_kaggle(f) / "trainLabels.csv").unlink(), "csv is missing"),
    "only test class folders": (lambda f: shutil.rmtree(write_class_folders(f) / "train"), "test pictures"),
    "numbered class folders": (lambda f: rename_classes(f, lambda k, _: str(k)), "0 → airplane"),
    "nine of ten classes": (lambda f: shutil.rmtree(without_train(write_class_folders(f)) / "cat"), "none for cat"),
}  # fmt: skip


def cut_tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        info = tarfile.TarInfo(f"{BATCHES}/data_batch_1")
        info.size = 5000
        tar.addfile(info, io.BytesIO(bytes(5000)))
    return made.getvalue()[:3000]


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def rename_classes(folder: Path, name: Callable[[int, str], str]) -> None:
    write_class_folders(folder)
    for part in ("train", "test"):
        for k, old in enumerate(CLASSES):
            (folder / part / old).rename(folder / part / name(k, old))


@pytest.mark.parametrize("case", LOOKS_LIKE)
def test_what_looks_like_cifar10_is_named_and_never_replaced_by_sketches(tmp_path: Path, case: str) -> None:
    make, says = LOOKS_LIKE[case]
    make(tmp_path)
    for said in (message_of(tmp_path), message_of(tmp_path, source="cifar10")):
        assert says in said and "delete" not in said.lower() and "source='sketches'" in said


@pytest.mark.parametrize("name", ["cifar-100-python/train", "cifar-100-python.tar.gz", "cifar100/meta", "meta"])
def test_cifar100_is_named_and_is_no_reason_to_stop(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for part in (name, "train", "test"):
        put(root / part)
    assert load_cifar10(root).source == "sketches"
    assert "CIFAR-100, another data set" in capsys.readouterr().out


def test_a_file_of_cifar100_among_the_batches_is_named(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    content = {b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [1, 99], b"coarse_labels": [1, 2]}
    (place / "data_batch_2").write_bytes(pickle.dumps(content, protocol=2))
    assert "data_batch_2 is a file of CIFAR-100" in message_of(tmp_path)


def test_an_unrelated_folder_that_may_not_be_read_is_no_reason_to_stop(unprivileged: Path) -> None:
    (unprivileged / "diary").mkdir(mode=0)
    write_batches(unprivileged / "cifar")
    assert load_cifar10(unprivileged).source == "cifar10"


# --- class folders ---------------------------------------------------------------------------------------

SPELLINGS: dict[str, Callable[[int, str], str]] = {
    "capitals": lambda _, name: name.upper(),
    "titles": lambda _, name: name.title(),
    "plurals": lambda _, name: f"{name}s",
    "plurals in capitals": lambda _, name: f"{name}s".title(),
    "numbered": lambda k, name: f"{k}_{name}",
    "numbered with two digits": lambda k, name: f"{k:02d}-{name}",
    "numbered from 1": lambda k, name: f"{k + 1}. {name.title()}",
    "number at the end": lambda k, name: f"{name}_{k}",
    "PyTorch's tutorial": lambda _, name: {"airplane": "plane", "automobile": "car"}.get(name, name),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("train", [True, False])
def test_class_folders_are_known_by_their_words(tmp_path: Path, spelling: str, train: bool) -> None:
    rename_classes(tmp_path, SPELLINGS[spelling])
    if not train:
        without_train(tmp_path)
    data = load_cifar10(tmp_path)
    assert data.source == "folders"
    for part, seed in ((data.train, 0), (data.test, 1)):
        assert torch.equal(part.of_class("ship").images, random_images(30, seed).of_class("ship").images)


def test_two_folders_of_one_class_are_named(tmp_path: Path) -> None:
    write_class_folders(tmp_path)
    shutil.copytree(tmp_path / "test" / "cat", tmp_path / "test" / "Cats")
    said = message_of(tmp_path)
    assert str(tmp_path / "test" / "Cats") in said and str(tmp_path / "test" / "cat") in said


@posix
def test_changed_pictures_in_a_linked_class_folder_are_noticed(tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "data")
    shutil.move(folder / "train" / "cat", tmp_path / "cats")
    (folder / "train" / "cat").symlink_to(tmp_path / "cats")
    first = load_cifar10(folder)
    save_png(random_images(1, seed=9).images[0], tmp_path / "cats" / "003.png")
    second = load_cifar10(folder)
    assert second.fingerprint != first.fingerprint
    assert torch.equal(second.train.of_class("cat").images[0], random_images(1, seed=9).images[0])
    save_png(random_images(1, seed=8).images[0], tmp_path / "cats" / "another.png")
    assert len(load_cifar10(folder).train) == 31


@posix
def test_changed_pictures_are_noticed_through_other_links(tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "data")
    shutil.move(folder / "train", tmp_path / "pictures")
    (folder / "train").symlink_to(tmp_path / "pictures")
    shutil.move(folder / "test" / "dog" / "005.png", tmp_path / "dog.png")
    (folder / "test" / "dog" / "005.png").symlink_to(tmp_path / "dog.png")
    seen = {load_cifar10(folder).fingerprint}
    save_png(random_images(1, seed=9).images[0], tmp_path / "pictures" / "cat" / "003.png")
    seen.add(load_cifar10(folder).fingerprint)
    save_png(random_images(1, seed=9).images[0], tmp_path / "dog.png")
    seen.add(load_cifar10(folder).fingerprint)
    assert len(seen) == 3


# --- several layouts, and the table of labels -----------------------------------------------------------------


def both_in_one_train(folder: Path) -> None:
    write_class_folders(folder / "folders")
    write_kaggle(folder)
    for place in (folder / "folders" / "train").iterdir():
        place.rename(folder / "train" / place.name)
    shutil.rmtree(folder / "folders")


def test_with_two_layouts_the_message_names_the_chosen_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both_in_one_train(tmp_path)
    assert load_cifar10(tmp_path).source == "kaggle"
    (line,) = capsys.readouterr().out.splitlines()
    assert "trainLabels.csv come first" in line and "source='folders'" in line
    assert load_cifar10(tmp_path, source="folders").source == "folders"
    assert "come first" not in capsys.readouterr().out
    write_batches(tmp_path)
    assert load_cifar10(tmp_path).source == "cifar10"
    said = capsys.readouterr().out
    assert "source='kaggle'" in said and "source='folders'" in said


def test_asked_for_what_is_not_there_it_says_what_is(tmp_path: Path) -> None:
    write_class_folders(tmp_path)
    said = message_of(tmp_path, source="cifar10")
    assert "use source='folders' to read them" in said and "missing" not in said


def test_kaggles_pictures_that_were_sorted_into_class_folders_are_read_from_there(tmp_path: Path) -> None:
    both_in_one_train(tmp_path)
    for picture in (tmp_path / "train").glob("*.png"):
        picture.unlink()
    assert load_cifar10(tmp_path).source == "folders"


@pytest.mark.parametrize("new", ['3,"bird', '"3,bird', '"3",bird"', '3,bird"'])
@pytest.mark.parametrize("rows", [30, 30_000])
def test_a_stray_quotation_mark_is_found_in_its_line(tmp_path: Path, new: str, rows: int) -> None:
    write_kaggle(tmp_path)
    table = tmp_path / "trainLabels.csv"
    more = "".join(f"{k},frog\n" for k in range(31, rows + 1))
    table.write_text(table.read_text().replace("3,bird", new) + more)
    assert f"{table}, line 4" in message_of(tmp_path)


def test_quoted_fields_are_read_as_before(tmp_path: Path) -> None:
    write_kaggle(tmp_path)
    table = tmp_path / "trainLabels.csv"
    lines = [",".join(f'"{field}"' for field in line.split(",")) for line in table.read_text().splitlines()]
    table.write_text("\n".join(lines))
    assert torch.equal(load_cifar10(tmp_path).train_labels, random_images(30).labels)


# --- batches of other programs --------------------------------------------------------------------------------


def rewrite(place: Path, change: Callable[[dict[str, Any]], object], protocol: int = 4) -> None:
    for path in place.iterdir():
        content = pickle.loads(path.read_bytes(), encoding="bytes")
        content = {key.decode(): value for key, value in content.items()}
        path.write_bytes(pickle.dumps(change(content), protocol=protocol))


def bytes_keys(content: dict[str, Any]) -> dict[bytes, Any]:
    return {key.encode(): value for key, value in content.items()}


REWRITTEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "str keys": lambda c: c,
    "labels as an array": lambda c: bytes_keys({**c, "labels": np.array(c["labels"])}),
    "labels as a small array": lambda c: {**c, "labels": np.array(c["labels"], np.uint8)},
    "labels as NumPy numbers": lambda c: {**c, "labels": list(np.array(c["labels"]))},
    "labels as a column": lambda c: {**c, "labels": np.array(c["labels"])[:, None]},
    "labels as a tuple": lambda c: {**c, "labels": tuple(c["labels"])},
    "images as maps": lambda c: {**c, "data": c["data"].reshape(-1, 3, 32, 32)},
    "images with channels last": lambda c: {**c, "data": c["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)},
    "images in Fortran's order": lambda c: {**c, "data": np.asfortranarray(c["data"])},
    "images that may not be written": lambda c: (c["data"].setflags(write=False), c)[1],
    "empty names": lambda c: bytes_keys({**c, "batch_label": b"", "filenames": [b""]}),
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("case", REWRITTEN)
@pytest.mark.filterwarnings("error")
def test_batches_that_were_pickled_again_are_read(tmp_path: Path, case: str, protocol: int) -> None:
    rewrite(write_batches(tmp_path), REWRITTEN[case], protocol)
    data = load_cifar10(tmp_path)
    assert torch.equal(data.train_images[20:40], random_images(20, seed=1).images)
    assert torch.equal(data.test_images, random_images(20, seed=5).images)
    assert torch.equal(data.test_labels, random_images(20, seed=5).labels)


@pytest.mark.parametrize(
    ("labels", "says"),
    [([1.0] * 20, "label 1.0"), (np.full(20, 10), "label 10"), (np.full(20, -1), "label -1"), (None, "no list")],
)  # fmt: skip
def test_labels_that_are_none_are_named(tmp_path: Path, labels: Any, says: str) -> None:
    rewrite(write_batches(tmp_path), lambda c: {**c, "labels": labels})
    said = message_of(tmp_path)
    assert says in said and "data_batch_1" in said


def python2_pickle(pixels: bytes, labels: list[int], rows: int, copy: int) -> bytes:
    """A batch as Python 2 and NumPy 1.6 pickled it: byte strings, and 0 and 1 for the truth values of the dtype.

    NumPy 2.4.0 to 2.4.4 warn of these; later ones only where the second is not 1, as it is in the official files.
    """

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    dtype = (
        b"cnumpy\ndtype\n("
        + text(b"u1")
        + b"K\x00K"
        + bytes([copy])
        + b"tR(K\x03"
        + text(b"|")
        + b"NNN"
        + number(-1) * 2
        + b"K\x00tb"
    )
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
    state = b"(K\x01(" + number(rows) + number(3072) + b"t" + dtype + b"\x89T" + struct.pack("<i", len(pixels)) + pixels
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    entries = text(b"batch_label") + text(b"training batch 1 of 5") + text(b"labels") + listed
    return b"\x80\x02}(" + entries + text(b"data") + empty + state + b"tb" + text(b"filenames") + b"]u."


def write_python2_batches(folder: Path, copy: int) -> None:
    place = write_batches(folder)
    for seed, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        part = random_images(20, seed)
        (place / name).write_bytes(python2_pickle(part.images.numpy().tobytes(), part.labels.tolist(), 20, copy))


@pytest.mark.parametrize("copy", [1, 0])
@pytest.mark.filterwarnings("error")
def test_pickles_of_python_2_are_read_without_a_warning(tmp_path: Path, copy: int) -> None:
    write_python2_batches(tmp_path, copy)
    data = load_cifar10(tmp_path)
    assert torch.equal(data.train_images[20:40], random_images(20, seed=1).images)
    assert torch.equal(data.test_labels, random_images(20, seed=5).labels)


def test_a_learner_sees_no_warning_of_pickles_of_python_2(tmp_path: Path) -> None:
    folders = [str(tmp_path / str(copy)) for copy in (1, 0)]
    for folder in folders:
        write_python2_batches(Path(folder), int(folder[-1]))
    code = f"from cifar_helpers.data import load_cifar10; print([load_cifar10(f).source for f in {folders}])"
    shown = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert shown.returncode == 0 and shown.stderr == "", shown.stderr
    assert shown.stdout.endswith("['cifar10', 'cifar10']\n")


def test_no_message_on_batches_advises_deleting(tmp_path: Path) -> None:
    place = write_batches(tmp_path)
    whole = (place / "data_batch_3").read_bytes()
    for spoilt in (b"", whole[:-1000], pickle.dumps([1]), pickle.dumps({"data": 1}), None):
        (place / "data_batch_3").unlink()
        if spoilt is not None:
            (place / "data_batch_3").write_bytes(spoilt)
        said = message_of(tmp_path)
        assert "data_batch_3" in said and "delete" not in said.lower() and "cifar-10-python.tar.gz" in said


# --- what is no file, and what may not be read --------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    "name", [f"{BATCHES}/data_batch_1", f"{BATCHES}/data_batch_3", f"{BATCHES}/test_batch"]
)  # fmt: skip
def test_a_named_pipe_among_the_batches_is_refused(tmp_path: Path, name: str) -> None:
    write_batches(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    said = message_of(tmp_path)
    assert f"{tmp_path / name} is not a regular file but a named pipe" in said


@posix
@pytest.mark.parametrize("name", ["trainLabels.csv", "train/7.png"])
def test_a_named_pipe_among_kaggles_files_is_refused(tmp_path: Path, name: str) -> None:
    write_kaggle(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert f"{tmp_path / name} is not a regular file but a named pipe" in message_of(tmp_path)


@posix
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_named_pipe_a_folder_and_a_dangling_link_as_pictures_are_refused(tmp_path: Path, part: str) -> None:
    write_class_folders(tmp_path)
    place = tmp_path / part / "frog" / "zzz.png"
    os.mkfifo(place)
    assert f"{place} is not a regular file but a named pipe" in message_of(tmp_path)
    place.unlink()
    place.mkdir()
    assert f"{place} is a folder, not a file" in message_of(tmp_path)
    place.rmdir()
    place.symlink_to(tmp_path / "gone.png")
    assert f"{place} is a link to {tmp_path / 'gone.png'}, which does not exist" in message_of(tmp_path)


@posix
@pytest.mark.parametrize("what", ["pipe", "folder", "link"])
def test_a_cache_that_is_no_file_does_not_hold_up_the_data(
    tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_class_folders(tmp_path)
    first = load_cifar10(tmp_path)
    cache = tmp_path / ".cache" / "folders.npz"
    cache.unlink()
    {"pipe": os.mkfifo, "folder": Path.mkdir, "link": lambda p: p.symlink_to("gone")}[what](cache)
    if what == "folder":
        with pytest.warns(UserWarning, match=r"folders\.npz cannot be written"):
            again = load_cifar10(tmp_path)
    else:
        again = load_cifar10(tmp_path)
        assert cache.is_file()
    assert again.fingerprint == first.fingerprint
    assert "damaged" not in capsys.readouterr().err


@posix
def test_a_cache_of_sketches_that_is_no_file_does_not_hold_up_the_drawing(tmp_path: Path) -> None:
    first = load_sketches(tmp_path, 20, 10)
    (cache,) = tmp_path.iterdir()
    cache.unlink()
    os.mkfifo(cache)
    assert load_sketches(tmp_path, 20, 10)[0].tobytes() == first[0].tobytes()
    assert cache.is_file()


@posix
def test_what_may_not_be_read_is_named(unprivileged: Path) -> None:
    places = {
        "batch": write_batches(unprivileged / "batch") / "data_batch_2",
        "batches": write_batches(unprivileged / "batches"),
        "table": write_kaggle(unprivileged / "table") / "trainLabels.csv",
        "kaggle": write_kaggle(unprivileged / "kaggle") / "train",
        "train": write_class_folders(unprivileged / "train") / "train",
        "class": write_class_folders(unprivileged / "class") / "test" / "cat",
        "picture": write_class_folders(unprivileged / "picture") / "train" / "cat" / "003.png",
        "root": unprivileged / "root",
    }
    write_batches(unprivileged / "root")
    for name, place in places.items():
        for mode in (0, 0o444) if place.is_dir() else (0,):
            place.chmod(mode)
            said = message_of(unprivileged / name)
            assert str(place) in said and "cannot be read" in said and "ermission" in said, said
            assert "delete" not in said.lower()
        place.chmod(0o755)


@posix
def test_a_cache_that_may_not_be_read_is_not_called_damaged(
    unprivileged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_class_folders(unprivileged)
    first = load_cifar10(unprivileged)
    (unprivileged / ".cache" / "folders.npz").chmod(0)
    assert load_cifar10(unprivileged).fingerprint == first.fingerprint
    said = capsys.readouterr().err
    assert "cannot be read (Permission denied)" in said and "damaged" not in said


@posix
def test_dangling_links_are_named(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to(tmp_path / "gone")
    assert f"{tmp_path / 'root'} is a link to {tmp_path / 'gone'}" in message_of(tmp_path / "root")
    for name in (BATCHES, "trainLabels.csv", "cifar-10-python.tar.gz"):
        folder = tmp_path / f"with {name}"
        folder.mkdir()
        (folder / name).symlink_to(tmp_path / "gone")
        assert f"{folder / name} is a link to {tmp_path / 'gone'}" in message_of(folder)


def test_paths_that_cannot_be_folders_are_named(tmp_path: Path) -> None:
    file = put(tmp_path / "file")
    assert f"{file} is a file, not a folder" in message_of(file)
    assert f"{file} is a file" in message_of(file / "data" / "deeper")
    assert "null character" in message_of("a\0b")
    assert "no such home folder" in message_of("~nobody-of-this-name/data")
    assert "too long" in message_of(tmp_path / ("n" * 300))


@pytest.mark.parametrize("wrong", [5, b"data", ["data"]])
def test_what_is_no_path_at_all_is_refused(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be a path"):
        load_cifar10(wrong)
    with pytest.raises(TypeError, match="must be a path"):
        get(put(tmp_path / "there", CONTENT), wrong)


def test_sketches_are_drawn_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "make_sketches", lambda *_: make_sketches(20, 10))  # all take seconds
    file = put(tmp_path / "file")
    assert load_cifar10(file, source="sketches").source == "sketches"


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_batches(tmp_path / "data")
    there = put(tmp_path / "there", CONTENT)
    assert load_cifar10("~/data").source == "cifar10"
    monkeypatch.setenv("CIFAR10_ROOT", "~/data")
    assert default_root() == tmp_path / "data" and load_cifar10().source == "cifar10"
    assert get("~/there", "~/new/file") == tmp_path / "new" / "file"
    assert get(there, Path("~/other/file")).read_bytes() == CONTENT
    path, archive = small_archive(tmp_path / "work")
    monkeypatch.setenv("CIFAR10_MIRRORS", f"~/{path.relative_to(tmp_path)}")
    assert fetch_cifar10("~/root", archive=archive) == tmp_path / "root" / BATCHES  # type: ignore[arg-type]
    assert len(load_sketches("~/sketches", 20, 10)[0]) == 20  # type: ignore[arg-type]
    assert (tmp_path / "sketches").is_dir()


def test_a_home_folder_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_ROOT", "~nobody-of-this-name/data")
    with pytest.raises(DataError, match=r"CIFAR10_ROOT.*no such home folder"):
        load_cifar10()
    with pytest.raises(DownloadError, match="no such home folder"):
        get("~nobody-of-this-name/file", tmp_path / "file")
    with pytest.raises(DownloadError, match="no such home folder"):
        get([], "~nobody-of-this-name/file")


# --- downloads to places that cannot be used -----------------------------------------------------------------------


def test_a_destination_that_is_no_file_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    there = put(tmp_path / "there", CONTENT)
    (tmp_path / "folder").mkdir()
    for name, says in (
        (tmp_path / "folder", "is a folder"),
        (there / "file", "is a file"),
        (there / "a" / "file", "is a file"),
        (tmp_path / ("n" * 252), "too long"),
        (tmp_path / ("n" * 300), "too long"),
        (f"{tmp_path}/a\0b", "null character"),
        ("", "folder"),
    ):
        with pytest.raises(DownloadError, match=says):
            get(there, name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "there"]


@posix
@pytest.mark.parametrize("name", ["file", "file.part", "there"])
def test_a_named_pipe_is_never_read_or_replaced_by_a_download(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    there = tmp_path / "there" if name == "there" else put(tmp_path / "right", CONTENT)
    with pytest.raises(DownloadError, match="not a regular file but a named pipe"):
        get(there, tmp_path / "file")
    assert (tmp_path / name).is_fifo()


@posix
def test_downloads_without_permission_are_named(unprivileged: Path) -> None:
    there = put(unprivileged / "there", CONTENT)
    (unprivileged / "closed").mkdir(mode=0)
    (unprivileged / "fixed").mkdir(mode=0o555)
    put(unprivileged / "secret", CONTENT).chmod(0)
    put(unprivileged / "half.part", CONTENT[:1000]).chmod(0)
    for name in ("closed/file", "fixed/file", "fixed/new/file", "secret", "half"):
        with pytest.raises(DownloadError, match="Permission denied") as caught:
            get(there, unprivileged / name)
        assert str(unprivileged / name.split("/")[0]) in str(caught.value)
    with pytest.raises(DownloadError, match=r"secret cannot be read \(Permission denied\)"):
        get(unprivileged / "secret", unprivileged / "new")
    (unprivileged / "closed").chmod(0o755)


def test_no_browser_is_advised_where_the_folder_is_at_fault(tmp_path: Path) -> None:
    file = put(tmp_path / "file")
    with pytest.raises(DownloadError, match="is a file, not a folder") as caught:
        fetch_cifar10(file)
    assert "in a browser" not in str(caught.value)


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    path, archive = small_archive(tmp_path / "work")
    shutil.copy(path, tmp_path / "cifar-10-python.tar.gz")
    note = put(tmp_path / BATCHES / "note.txt")
    with pytest.raises(DownloadError, match=r"has note\.txt in it.*rename"):
        fetch_cifar10(tmp_path, online=False, archive=archive)
    assert note.is_file()


# --- archives as browsers leave them ------------------------------------------------------------------------------


def small_archive(folder: Path) -> tuple[Path, Archive]:
    """A `.tar.gz` of a small data set in the official layout."""
    place = write_batches(folder)
    (place / "batches.meta").write_bytes(pickle.dumps({}))
    path = folder / "small.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(place, BATCHES)
    files = {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in place.iterdir()}
    content = path.read_bytes()
    return path, Archive(len(content), hashlib.sha256(content).hexdigest(), files)


@pytest.mark.parametrize(
    "name",
    ["cifar-10-python.tar.gz", "cifar-10-python (1).tar.gz", "cifar-10-python-1.tar.gz", "cifar-10-python.tgz",
     "cifar-10-python.tar.gz.crdownload", "cifar-10-python.gz", "CIFAR-10-python.tar.gz"],
)  # fmt: skip
def test_the_archive_is_used_under_a_browsers_name(tmp_path: Path, name: str) -> None:
    path, archive = small_archive(tmp_path / "work")
    root = tmp_path / "data"
    put(root / name, path.read_bytes())
    fetch_cifar10(root, online=False, archive=archive)
    assert len(load_cifar10(root).train) == 100 and (root / name).is_file()


@pytest.mark.parametrize("name", ["cifar-10-python.tar", "cifar-10-python (1).tar", "cifar-10-python.tar.gz"])
def test_an_archive_that_safari_unpacked_halfway_is_read(tmp_path: Path, name: str) -> None:
    path, archive = small_archive(tmp_path / "work")
    inflated = gzip.decompress(path.read_bytes())
    root = tmp_path / "data"
    put(root / name, inflated)
    fetch_cifar10(root, online=False, archive=archive)
    assert len(load_cifar10(root).train) == 100 and (root / name).is_file()


def test_a_tar_with_other_content_is_named_and_the_mirrors_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, archive = small_archive(tmp_path / "work")
    root = tmp_path / "data"
    root.mkdir()
    with tarfile.open(root / "cifar-10-python.tar", "w") as tar:
        info = tarfile.TarInfo(f"{BATCHES}/data_batch_1")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"wrong"))
    with pytest.raises(DownloadError, match=r"cifar-10-python\.tar: .*data_batch_1 differs"):
        fetch_cifar10(root, online=False, archive=archive)
    monkeypatch.setenv("CIFAR10_MIRRORS", str(path))
    fetch_cifar10(root, archive=archive)
    assert len(load_cifar10(root).train) == 100


# --- what killed processes leave --------------------------------------------------------------------------------


def die_while_writing(folder: Path, kind: str) -> None:
    def die(file: BinaryIO, **arrays: Any) -> None:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    np.savez = die
    load_cifar10(folder) if kind == "cache" else load_sketches(folder, 20, 10)


@posix
@pytest.mark.parametrize("kind", ["cache", "sketches"])
def test_parts_of_killed_processes_are_swept_by_the_next_success(tmp_path: Path, kind: str) -> None:
    if kind == "cache":
        write_class_folders(tmp_path)
    for _ in range(2):
        killed = start_process(tmp_path / "said", die_while_writing, tmp_path, kind)
        killed.join()
        assert killed.exitcode == -signal.SIGKILL, (tmp_path / "said").read_text(encoding="utf-8")
        (tmp_path / "said").unlink()
    kept = tmp_path / ".cache" if kind == "cache" else tmp_path
    assert len(list(kept.glob("*.part"))) == 2
    load_cifar10(tmp_path) if kind == "cache" else load_sketches(tmp_path, 20, 10)
    assert not list(kept.glob("*.part")) and len(list(kept.glob("*.npz"))) == 1


def test_a_part_of_a_living_process_stays(tmp_path: Path) -> None:
    part = put(tmp_path / f"sketches-v1-20-10-0.npz.{os.getppid()}.part")
    load_sketches(tmp_path, 20, 10)
    assert part.exists()


def test_what_an_unpacking_left_is_swept_once_the_data_is_there(tmp_path: Path) -> None:
    write_batches(tmp_path)
    left = [put(tmp_path / f"{BATCHES}.part" / "data_batch_1"), put(tmp_path / ".cache" / "cifar-10-python.tar.gz")]
    left.append(put(tmp_path / ".cache" / "cifar-10-python.tar.gz.part"))
    load_cifar10(tmp_path)
    assert not any(path.exists() for path in left) and not (tmp_path / f"{BATCHES}.part").exists()


def test_a_download_that_can_go_on_is_kept(root: Path) -> None:
    part = put(root / ".cache" / "cifar-10-python.tar.gz.part", b"half of it")
    assert load_cifar10(root).source == "sketches"
    write_class_folders(root)
    load_cifar10(root)
    assert part.read_bytes() == b"half of it"


def test_a_leftover_of_an_unpacking_does_not_look_like_data(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(root / f"{BATCHES}.part" / "data_batch_1")
    put(root / f"{BATCHES}.lock")
    assert load_cifar10(root).source == "sketches"
    assert "browser" not in capsys.readouterr().out


# --- certificates ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return key, certificate


@pytest.fixture
def https(certificate: tuple[Path, Path]) -> Iterator[FaultServer]:
    key, chain = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server = FaultServer(CONTENT)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def secure(server: FaultServer) -> str:
    return server.url("good").replace("http:", "https:")


@pytest.fixture
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


@pytest.mark.usefixtures("_no_proxy")
def test_an_unknown_certificate_is_reported_with_the_remedies(https: FaultServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        get([secure(https)], tmp_path / "file")
    said = str(caught.value)
    assert "CERTIFICATE_VERIFY_FAILED" in said and "self-signed certificate" in said
    assert "Install Certificates.command" in said and "SSL_CERT_FILE" in said and "_ssl.c" not in said


@pytest.mark.usefixtures("_no_proxy")
def test_after_an_unknown_certificate_the_next_mirror_is_tried(https: FaultServer, tmp_path: Path) -> None:
    there = put(tmp_path / "there", CONTENT)
    assert get([secure(https), there], tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.usefixtures("_no_proxy")
def test_the_advice_works(
    https: FaultServer, certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    assert get([secure(https)], tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.usefixtures("_no_proxy")
def test_a_certificate_file_that_is_not_there_is_named(
    https: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    with pytest.raises(DownloadError, match=r"SSL_CERT_FILE cannot be used: there is no file .*gone\.pem"):
        get([secure(https)], tmp_path / "file")


@pytest.mark.usefixtures("_no_proxy")
def test_other_failures_say_nothing_of_certificates(tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        get(["http://127.0.0.1:9/file"], tmp_path / "file")
    assert "ertificate" not in str(caught.value)


@pytest.mark.usefixtures("_no_proxy")
def test_the_learner_sees_the_remedy_when_sketches_are_drawn(
    https: FaultServer, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CIFAR10_OFFLINE", "0")
    monkeypatch.setenv("CIFAR10_MIRRORS", secure(https))
    assert load_cifar10(root).source == "sketches"
    assert "SSL_CERT_FILE" in capsys.readouterr().out


# --- the cost ---------------------------------------------------------------------------------------------------


def test_looking_for_data_in_a_large_folder_is_quick(root: Path) -> None:
    for k in range(500):
        (root / f"folder{k}" / "a" / "b").mkdir(parents=True)
    start = time.process_time()
    assert load_cifar10(root).source == "sketches"
    assert time.process_time() - start < 2
