"""Read CIFAR-10 from disk: official batches, Kaggle's layout, or class folders.

Each reader returns `(train, train_labels, test, test_labels)` as NumPy arrays, images uint8
`(N, 3, 32, 32)`, and raises a `DataError` that names the first file that is missing or wrong.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import os
import pickle
import stat as stat_module
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cifar_helpers._paths import reading_problem
from cifar_helpers.data import pictures
from cifar_helpers.data.classes import CLASSES
from cifar_helpers.data.layouts import (
    ALL_BATCHES,
    ARCHIVE,
    IN_ICLOUD,
    LABELS,
    PICTURES,
    TRAIN_BATCHES,
    ClassFolders,
    DataError,
    class_of,
    classes_in,
    find_batches,
    find_class_folders,
    find_kaggle,
    is_folder,
    is_left_behind,
    known,
    names_in,
    part,
    role_of,
)

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Arrays = tuple[Images, Labels, Images, Labels]

_TEST_BATCH_MD5: Final = "40351d587109b95175f43aff81a1287e"
_REPLACE: Final = f"Put the file of that name from {ARCHIVE} in its place"
_REPLACE_PICTURE: Final = "Replace it, or remove it together with its label"


def read(folder: Path, source: str, seen: Callable[[Images], object] = lambda _: None) -> Arrays:
    """Read everything from one source: `cifar10`, `kaggle` or `folders`.

    `seen` is given the training images in their order, in one piece or more, each as soon as it is read.
    """
    if source == "cifar10":
        return _read_batches(folder, seen)
    arrays = {"kaggle": _read_kaggle, "folders": _read_folders}[source](folder)
    seen(arrays[0])
    return arrays


def stamp(folder: Path, source: str) -> str:
    """A digest of names, sizes and times of all files of a source (links are followed): it changes when they do.

    Raises:
        DataError: if one of them is missing or is not a regular file.
    """
    remedy = _REPLACE if source == "cifar10" else _REPLACE_PICTURE
    files = {"cifar10": _batch_files, "kaggle": _kaggle_files, "folders": _class_files}[source](folder)
    digest = hashlib.sha256()
    for path in files:
        try:
            info = path.stat()
        except OSError as error:
            raise _unusable(path, remedy) from error
        if not stat_module.S_ISREG(info.st_mode):
            raise _unusable(path, remedy)
        digest.update(f"{path.relative_to(folder)} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _unusable(path: Path, remedy: str) -> DataError:
    """The error for a file that is not a regular file or cannot be read: what is wrong, and what to do."""
    problem = reading_problem(path)
    may_not = any(os.strerror(number) in problem for number in (errno.EACCES, errno.EPERM))
    return DataError(f"{problem}. {'Change its permissions' if may_not else remedy}")


# --- official batches ------------------------------------------------------------------------------


class _BatchUnpickler(pickle.Unpickler):
    """Allows only what a CIFAR-10 batch needs, so that a pickle can never run code."""

    _ALLOWED: Final = {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "scalar"),
        ("_codecs", "encode"),
        ("builtins", "bytes"),  # as Python 3 writes empty ones for Python 2
        ("__builtin__", "bytes"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR-10 file needs")
        if (module, name) == ("numpy", "dtype"):
            return _dtype
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _dtype(name: Any, align: Any = False, copy: Any = False) -> np.dtype[Any]:
    """`numpy.dtype` for pickles from Python 2, which use 0 and 1 as truth values; NumPy 2.4 warns about that."""
    made: np.dtype[Any] = np.dtype(name, bool(align), bool(copy))
    return made


def _load_batch(path: Path) -> tuple[Images, Labels]:
    if reading_problem(path):
        raise _unusable(path, _REPLACE)
    try:
        with path.open("rb") as file:
            content = _BatchUnpickler(file, encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise almost anything
        raise DataError(
            f"{path} cannot be read: {error}. It is truncated or not a CIFAR-10 batch. {_REPLACE}"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path} has no uint8 array 'data', so it is not a CIFAR-10 batch. {_REPLACE}")
    if _item(content, "fine_labels") is not None:
        raise DataError(f"{path} is a file of CIFAR-100, another data set. {_REPLACE}")
    return _checked_batch(_item(content, "data"), _item(content, "labels"), path)


def _item(content: dict[Any, Any], name: str) -> Any:
    """The value under a name, which is bytes in the official files and str in those written by Python 3."""
    return content.get(name.encode(), content.get(name))


def _checked_batch(data: Any, labels: Any, path: Path) -> tuple[Images, Labels]:
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8:
        raise DataError(f"{path} has no uint8 array 'data', so it is not a CIFAR-10 batch. {_REPLACE}")
    if data.shape[1:] == (32, 32, 3):
        data = data.transpose(0, 3, 1, 2)
    if not isinstance(labels, list | tuple | np.ndarray):
        raise DataError(f"{path} has no list 'labels', so it is not a CIFAR-10 batch. {_REPLACE}")
    listed = np.asarray(labels).reshape(-1).tolist() if isinstance(labels, np.ndarray) else list(labels)
    if data.shape not in ((len(listed), 3 * 32 * 32), (len(listed), 3, 32, 32)):
        raise DataError(
            f"{path}: 'data' has shape {data.shape}, which does not fit its {len(listed):,} 'labels': "
            f"it must be (N, 3072) or (N, 3, 32, 32). {_REPLACE}"
        )
    # PyTorch warns about read-only memory, which some pickles give.
    return np.require(data, requirements=["C", "W"]).reshape(-1, 3, 32, 32), _checked_labels(listed, path)


def _checked_labels(labels: list[Any], path: Path) -> Labels:
    if set(map(type, labels)) == {int} and 0 <= min(labels) <= max(labels) < len(CLASSES):
        return np.array(labels, dtype=np.int64)  # as in the official files: a quick check of 60,000 labels
    wrong = [x for x in labels if not _is_label(x)]
    if wrong:
        raise DataError(f"{path}: label {wrong[0]!r} is not a whole number from 0 to 9. {_REPLACE}")
    return np.array(labels, dtype=np.int64)


def _is_label(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) < len(CLASSES)


def _batch_files(folder: Path) -> list[Path]:
    """The six files, once it is certain that all are there."""
    place = find_batches(folder)
    if place is None:
        raise DataError(f"{folder} has no folder cifar-10-batches-py with {', '.join(ALL_BATCHES)}")
    missing = [n for n in ALL_BATCHES if n not in names_in(place)]
    if missing:
        clues = [clue.says for name in names_in(place) if (clue := known(place / name, name)) is not None]
        raise DataError(
            f"{place} is incomplete: {', '.join(missing)} missing. {clues[0] + '. ' if clues else ''}"
            f"Add what is missing from {ARCHIVE}, or move what is there out of {folder}, "
            "and load_cifar10() downloads the data again"
        )
    return [place / name for name in ALL_BATCHES]


def _read_batches(folder: Path, seen: Callable[[Images], object]) -> Arrays:
    *paths, test = _batch_files(folder)
    batch, batch_labels = _load_batch(paths[0])
    count = len(batch_labels)
    images, labels = np.empty((5 * count, 3, 32, 32), np.uint8), np.empty(5 * count, np.int64)
    for k, path in enumerate(paths):
        if k:
            batch, batch_labels = _load_batch(path)
        if len(batch) != count:
            raise DataError(f"{path} has {len(batch):,} images, {TRAIN_BATCHES[0]} has {count:,}. {_REPLACE}")
        part_of_all = slice(k * count, (k + 1) * count)
        images[part_of_all], labels[part_of_all] = batch, batch_labels
        del batch  # its memory, which the next one takes again: new memory costs more time than reading into it
        seen(images[part_of_all])
    return images, labels, *_load_batch(test)


def batches_are_official(folder: Path) -> bool:
    """Whether `test_batch` is the published file, byte for byte."""
    place = find_batches(folder)
    if place is None:
        return False
    content = (place / "test_batch").read_bytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == _TEST_BATCH_MD5


# --- Kaggle ----------------------------------------------------------------------------------------


def _kaggle_files(folder: Path) -> list[Path]:
    table, labels = _kaggle_labels(folder)
    return [table, *labels]


def _read_kaggle(folder: Path) -> Arrays:
    _, labels = _kaggle_labels(folder)
    # Kaggle publishes no labels for its test images, so nothing can be measured on them.
    return _read_pictures(list(labels)), np.array(list(labels.values()), np.int64), *_nothing()


def _kaggle_labels(folder: Path) -> tuple[Path, dict[Path, int]]:
    """The table, and the path and label of each picture listed in it."""
    base = find_kaggle(folder)
    if base is None:
        raise DataError(f"{folder} has no {LABELS}: download it from the competition's data page")
    table = base / LABELS
    rows = _read_label_table(table)
    place = part(base, "train")
    if place is None:
        beside = part(base.parent, "train") if base != folder else None
        if beside is not None:
            raise DataError(f"{table} is in the wrong folder: move it to {base.parent}, next to {beside.name}")
        raise DataError(f"{base} has no folder train: unpack train.7z there (it makes train/1.png …)")
    here = {name.lower(): name for name in names_in(place) if name.lower().endswith(".png")}
    for name in rows:
        if f"{name}.png" not in here:
            _refuse_icloud(place / f"{name}.png")
            raise DataError(f"{table} lists image {name}, but train/{name}.png is missing: unpack train.7z")
    extra = sorted(set(here) - {f"{name}.png" for name in rows})
    if extra:
        raise DataError(f"train/{here[extra[0]]} has no row in {table}: remove it or add its label")
    return table, {place / here[f"{name}.png"]: label for name, label in rows.items()}


def _read_label_table(table: Path) -> dict[str, int]:
    if (table / LABELS).is_file():
        raise DataError(
            f"{table} is a folder: move the file of that name inside it to {table.parent}, in place of the folder"
        )
    if reading_problem(table):
        raise _unusable(table, f"Download {LABELS} from the competition's data page")
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} cannot be read: {error}. Download it from the competition's data page") from error
    try:
        return _label_rows(text, table)
    except (csv.Error, DataError) as error:
        # A field that begins with a quotation mark continues to the next one, over any number of lines.
        stray = next((n for n, line in enumerate(text.splitlines(), 1) if line.count('"') % 2), None)
        if stray is not None:
            raise DataError(f'{table}, line {stray}: a quotation mark (") is never closed. Remove it') from error
        if isinstance(error, DataError):
            raise
        raise DataError(f"{table} is not a table of comma-separated values: {error}. Download it again") from error


def _label_rows(text: str, table: Path) -> dict[str, int]:
    reader = csv.DictReader(io.StringIO(text))
    if not {"id", "label"} <= set(reader.fieldnames or ()):
        raise DataError(f"{table}: the first line must name the columns id,label; it has {reader.fieldnames}")
    rows: dict[str, int] = {}
    for row in reader:
        where = f"{table}, line {reader.line_num}"
        name, label = (row["id"] or "").strip(), (row["label"] or "").strip()
        if label not in CLASSES:
            raise DataError(f"{where}: unknown label {label!r}. Use one of {', '.join(CLASSES)}")
        if not name.isdigit():
            raise DataError(f"{where}: the id must be a whole number, not {name!r}")
        if name in rows:
            raise DataError(f"{where}: image {name} is listed twice")
        rows[name] = CLASSES.index(label)
    if not rows:
        raise DataError(f"{table} lists no images. Download it again")
    return rows


# --- class folders -----------------------------------------------------------------------------------


def _class_files(folder: Path) -> list[Path]:
    train, test = _class_pictures(folder)
    return [*train, *test]


def _read_folders(folder: Path) -> Arrays:
    train, test = _class_pictures(folder)
    return *_labelled_pictures(train), *_labelled_pictures(test)


def _labelled_pictures(labels: dict[Path, int]) -> tuple[Images, Labels]:
    return _read_pictures(list(labels)), np.array(list(labels.values()), np.int64)


def _class_pictures(folder: Path) -> tuple[dict[Path, int], dict[Path, int]]:
    """The paths of all training pictures and of all test pictures, each with its label."""
    places = find_class_folders(folder)
    if places is None:
        raise DataError(f"{folder} has no folder train with a folder for each class in it: {', '.join(CLASSES)}")
    _refuse_other_folders(places)
    return _pictures_by_class(places.train), {} if places.test is None else _pictures_by_class(places.test)


def _refuse_other_folders(places: ClassFolders) -> None:
    tops = [places.test] if places.has_others else [places.train, places.test]
    for top in (top for top in tops if top is not None):
        for name in names_in(top):
            if class_of(name) is None and not name.lower().endswith(PICTURES) and is_folder(top / name):
                raise DataError(f"{top / name} is not named after a class ({', '.join(CLASSES)}). Rename or move it")


def _pictures_by_class(top: Path) -> dict[Path, int]:
    found: dict[Path, int] = {}
    folders = classes_in(top)
    for label, name in enumerate(CLASSES):
        places = folders.get(name, [])
        if places and not is_folder(places[0]):
            raise DataError(f"{reading_problem(places[0])}. Fix the link, or put the folder itself there")
        if len(places) > 1:
            raise DataError(f"{places[0]} and {places[1]} are both folders of the class {name}: merge them")
        members = [place / n for place in places for n in names_in(place) if n.lower().endswith(PICTURES)]
        if not members:
            where = places[0] if places else top / name
            raise DataError(
                f"{where} is missing or has no pictures in it ({', '.join(PICTURES)}): add the pictures of this class, "
                f"or move all of {top} away{_out_of_reach_says(where)}"
            )
        found |= dict.fromkeys(members, label)
    return found


def left_out(folder: Path) -> str:
    """A remark on pictures near the class folders that are not read; empty if there are none."""
    places, said = find_class_folders(folder), ""
    if places is None:
        return said
    tops = [top for top in (places.train, places.test) if top is not None]
    found = [
        p for top in tops for members in classes_in(top).values() for place in members for p in _out_of_reach(place)
    ]
    if found:
        said = f". {len(found):,} pictures are left out, because they are not directly in a class folder: {found[0]} …"
    base = places.train if places.has_others else places.train.parent
    for beside in (base / name for name in names_in(base) if role_of(name) in ("test", "held out")):
        has_pictures = classes_in(beside) or any(n.lower().endswith(PICTURES) for n in names_in(beside))
        if has_pictures and beside != places.test:
            said += f". {beside} is left out: test pictures are read only from class folders in test"
    return said


def _out_of_reach(place: Path) -> list[Path]:
    """The pictures of a class that are in subfolders of its folder, or in iCloud and not on this disk."""
    found = []
    for name in names_in(place):
        if name.lower().endswith(".icloud"):
            found.append(place / name)
        elif not name.lower().endswith(PICTURES) and is_folder(place / name):
            inside = [Path(where) / n for where, _, files in os.walk(place / name) for n in files]
            found += sorted(p for p in inside if p.suffix.lower() in PICTURES and not is_left_behind(p.name))
    return found


def _out_of_reach_says(place: Path) -> str:
    found = _out_of_reach(place)
    if not found:
        return ""
    return f". {found[0]} {IN_ICLOUD if found[0].suffix == '.icloud' else 'is too deep: move such pictures up'}"


def _refuse_icloud(path: Path) -> None:
    placeholder = path.with_name(f".{path.name}.icloud")
    if os.path.lexists(placeholder):
        raise DataError(f"{placeholder} {IN_ICLOUD}")


def _read_pictures(paths: list[Path]) -> Images:
    images = np.empty((len(paths), 3, 32, 32), np.uint8)
    for k, path in enumerate(tqdm(paths, desc="Reading pictures", disable=len(paths) < 5000)):
        try:
            picture = pictures.open_rgb(path)
        except pictures.PictureError as error:
            if reading_problem(path):
                raise _unusable(path, _REPLACE_PICTURE) from error
            raise DataError(f"{error}. Replace the file, or remove it together with its label") from error
        if picture.size != (32, 32):
            width, height = picture.size
            raise DataError(f"{path} is {width}×{height} pixels; CIFAR-10 images are 32×32. Resize or remove it")
        images[k] = np.asarray(picture).transpose(2, 0, 1)
    return images


def _nothing() -> tuple[Images, Labels]:
    return np.empty((0, 3, 32, 32), np.uint8), np.empty(0, np.int64)
