"""Read CIFAR-10 from disk: official batches, Kaggle's layout, class folders.

Each reader returns `(train, train_labels, test, test_labels)` as NumPy arrays, images uint8
`(N, 3, 32, 32)`, and raises `DataError` that names the first file that is missing or wrong.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cifar_helpers import _pictures
from cifar_helpers.sketches import CLASSES

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Arrays = tuple[Images, Labels, Images, Labels]

TRAIN_BATCHES: Final = tuple(f"data_batch_{k}" for k in range(1, 6))
_TEST_BATCH_MD5: Final = "40351d587109b95175f43aff81a1287e"
_ENDINGS: Final = (".png", ".jpg", ".jpeg")


class DataError(Exception):
    """The data on disk is missing, incomplete or damaged; the message names the file and the mend."""


def find_batches(folder: Path) -> Path | None:
    """The folder of the official batches: `folder` itself or `cifar-10-batches-py` in it."""
    for place in (folder / "cifar-10-batches-py", folder):
        if place.is_dir() and any((place / n).exists() for n in (*TRAIN_BATCHES, "test_batch")):
            return place
    # An empty folder of that name is a broken unpack, which must be told and not passed over.
    named = folder / "cifar-10-batches-py"
    return named if named.is_dir() else None


def find_kaggle(folder: Path) -> Path | None:
    """The folder that holds `trainLabels.csv`: `folder` or `cifar-10`, as Kaggle's archive is called."""
    places = (folder, folder / "cifar-10")
    return next((p for p in places if (p / "trainLabels.csv").exists()), None)


def find_class_folders(folder: Path) -> Path | None:
    """`folder`, if `train/` in it holds at least one folder named like a class."""
    return folder if any((folder / "train" / name).is_dir() for name in CLASSES) else None


def read(folder: Path, source: str) -> Arrays:
    """Read everything from one source: `cifar10`, `kaggle` or `folders`."""
    return {"cifar10": _read_batches, "kaggle": _read_kaggle, "folders": _read_folders}[source](folder)


def stamp(folder: Path, source: str) -> str:
    """A digest of names, sizes and times of all files of a source: it changes when they do."""
    digest = hashlib.sha256()
    for top in _places(folder, source):
        entries = [top] if top.is_file() else _walk(top)
        for path in entries:
            info = path.stat()
            digest.update(f"{path.relative_to(folder)} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _places(folder: Path, source: str) -> Sequence[Path]:
    if source == "cifar10":
        return [p for p in (find_batches(folder),) if p is not None]
    base = find_kaggle(folder) if source == "kaggle" else folder
    names = ("trainLabels.csv", "train") if source == "kaggle" else ("train", "test")
    return [base / n for n in names if base is not None and (base / n).exists()]


def _walk(top: Path) -> list[Path]:
    found: list[Path] = []
    for where, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(where) / name for name in sorted(files)]
    return found


# --- official batches ------------------------------------------------------------------------------


class _BatchUnpickler(pickle.Unpickler):
    """Admits only what a CIFAR-10 batch needs, so that a pickle can never run code."""

    _ALLOWED: Final = {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR-10 file needs")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _load_batch(path: Path) -> tuple[Images, Labels]:
    try:
        with path.open("rb") as file:
            content = _BatchUnpickler(file, encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise almost anything
        raise DataError(
            f"{path} cannot be read: {error}. It is cut off or not a CIFAR-10 batch; "
            "delete the folder and unpack the archive again"
        ) from error
    data = content.get(b"data") if isinstance(content, dict) else None
    labels = content.get(b"labels") if isinstance(content, dict) else None
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        raise DataError(f"{path} holds no uint8 array 'data': it is not a CIFAR-10 batch")
    if not isinstance(labels, list) or data.shape != (len(labels), 3 * 32 * 32):
        raise DataError(
            f"{path}: 'data' has shape {data.shape}, which does not fit its 'labels'; "
            "delete the folder and unpack the archive again"
        )
    return data.reshape(-1, 3, 32, 32), _checked_labels(labels, path)


def _checked_labels(labels: list[Any], path: Path) -> Labels:
    wrong = [x for x in labels if not isinstance(x, int) or not 0 <= x < len(CLASSES)]
    if wrong:
        raise DataError(f"{path}: label {wrong[0]!r} is not a whole number from 0 to 9")
    return np.array(labels, dtype=np.int64)


def _read_batches(folder: Path) -> Arrays:
    place = find_batches(folder)
    if place is None:
        raise DataError(f"{folder} has no folder cifar-10-batches-py")
    missing = [n for n in (*TRAIN_BATCHES, "test_batch") if not (place / n).is_file()]
    if missing:
        raise DataError(
            f"{place} is incomplete: {', '.join(missing)} missing. Delete the folder and unpack the archive again"
        )
    first = _load_batch(place / TRAIN_BATCHES[0])
    count = len(first[1])
    images, labels = np.empty((5 * count, 3, 32, 32), np.uint8), np.empty(5 * count, np.int64)
    for k, name in enumerate(TRAIN_BATCHES):  # one batch at a time, so that memory holds little more than the result
        batch, batch_labels = _load_batch(place / name) if k else first
        if len(batch) != count:
            raise DataError(f"{place / name} has {len(batch):,} images, {TRAIN_BATCHES[0]} has {count:,}")
        images[k * count : (k + 1) * count], labels[k * count : (k + 1) * count] = batch, batch_labels
    del first, batch
    return images, labels, *_load_batch(place / "test_batch")


def batches_are_official(folder: Path) -> bool:
    """Whether `test_batch` is the published file, byte for byte."""
    place = find_batches(folder)
    if place is None:
        return False
    content = (place / "test_batch").read_bytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == _TEST_BATCH_MD5


# --- Kaggle ----------------------------------------------------------------------------------------


def _read_kaggle(folder: Path) -> Arrays:
    base = find_kaggle(folder)
    if base is None:
        raise DataError(f"{folder} has no trainLabels.csv: download it from the competition's data page")
    table = base / "trainLabels.csv"
    if not (base / "train").is_dir():
        raise DataError(f"{base} has no folder train: unpack train.7z there (it makes train/1.png …)")
    rows = _read_label_table(table)
    here = {p.name for p in (base / "train").iterdir() if p.suffix.lower() == ".png"}
    for name in rows:
        if f"{name}.png" not in here:
            raise DataError(f"{table} lists image {name}, but train/{name}.png is missing: unpack train.7z")
    extra = sorted(here - {f"{name}.png" for name in rows})
    if extra:
        raise DataError(f"train/{extra[0]} has no row in {table}: remove it or add its label")
    images = _read_pictures([base / "train" / f"{name}.png" for name in rows])
    # Kaggle publishes no labels for its test images: they can't be used to measure anything.
    return images, np.array(list(rows.values()), np.int64), *_nothing()


def _read_label_table(table: Path) -> dict[str, int]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text))
    if not {"id", "label"} <= set(reader.fieldnames or ()):
        raise DataError(f"{table}: the first line must name the columns id,label; it has {reader.fieldnames}")
    rows: dict[str, int] = {}
    for row in reader:
        where = f"{table}, line {reader.line_num}"
        name, label = (row["id"] or "").strip(), (row["label"] or "").strip()
        if label not in CLASSES:
            raise DataError(f"{where}: unknown label {label!r}; the ten are {', '.join(CLASSES)}")
        if not name.isdigit():
            raise DataError(f"{where}: the id must be a whole number, not {name!r}")
        if name in rows:
            raise DataError(f"{where}: image {name} is listed twice")
        rows[name] = CLASSES.index(label)
    if not rows:
        raise DataError(f"{table} lists no image")
    return rows


# --- class folders -----------------------------------------------------------------------------------


def _read_folders(folder: Path) -> Arrays:
    if not (folder / "train").is_dir():
        raise DataError(f"{folder} has no folder train with a folder for each class in it")
    train = _read_class_folders(folder / "train")
    test = _read_class_folders(folder / "test") if (folder / "test").is_dir() else _nothing()
    return *train, *test


def _read_class_folders(top: Path) -> tuple[Images, Labels]:
    unknown = sorted(p.name for p in top.iterdir() if p.is_dir() and p.name not in CLASSES)
    unknown = [name for name in unknown if not name.startswith(".")]
    if unknown:
        raise DataError(f"{top / unknown[0]}: no such class; the ten are {', '.join(CLASSES)}")
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(CLASSES):
        place = top / name
        members = sorted(p for p in place.glob("*") if p.suffix.lower() in _ENDINGS)
        if not members:
            raise DataError(f"{place} is missing or has no .png or .jpg picture in it")
        paths += members
        labels += [label] * len(members)
    return _read_pictures(paths), np.array(labels, np.int64)


def _read_pictures(paths: list[Path]) -> Images:
    images = np.empty((len(paths), 3, 32, 32), np.uint8)
    for k, path in enumerate(tqdm(paths, desc="Reading pictures", disable=len(paths) < 5000)):
        try:
            picture = _pictures.open_rgb(path)
        except _pictures.PictureError as error:
            raise DataError(f"{error}. Replace the file or remove it with its label") from error
        if picture.size != (32, 32):
            width, height = picture.size
            raise DataError(f"{path} is {width}×{height} pixels; CIFAR-10 images are 32×32")
        images[k] = np.asarray(picture).transpose(2, 0, 1)
    return images


def _nothing() -> tuple[Images, Labels]:
    return np.empty((0, 3, 32, 32), np.uint8), np.empty(0, np.int64)
