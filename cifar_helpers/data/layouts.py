"""Where CIFAR-10 lies in a folder: the layouts, the names to pass over, and what only looks like the data set."""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cifar_helpers._paths import reading_problem, user_path
from cifar_helpers.data.classes import CLASSES

BATCHES: Final = "cifar-10-batches-py"
ARCHIVE: Final = "cifar-10-python.tar.gz"
TRAIN_BATCHES: Final = tuple(f"data_batch_{k}" for k in range(1, 6))
ALL_BATCHES: Final = (*TRAIN_BATCHES, "test_batch")
LABELS: Final = "trainLabels.csv"
PICTURES: Final = (".png", ".jpg", ".jpeg")

_PARTS: Final = {"train": ("train", "training"), "test": ("test", "testing")}
_NO_TRAINING_PICTURES: Final = (*_PARTS["test"], "val", "valid", "validation")
# Names in lower case of what macOS, Windows, Synology, Linux and archivers leave beside a person's files.
_LEFT_BEHIND: Final = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin",
    "system volume information", "lost+found",
    f"{BATCHES}.part", f"{BATCHES}.lock",  # of an unpacking here
}  # fmt: skip
_OTHER_WORDS: Final = {"plane": "airplane", "aeroplane": "airplane", "car": "automobile"}
_CLASS_OF: Final = {
    word + ending: name
    for word, name in (*((name, name) for name in CLASSES), *_OTHER_WORDS.items())
    for ending in ("", "s")
}
_TITLE: Final = re.compile(r"cifar[-_ ]?10(?!\d)")
_DEEPEST: Final = 4  # folders below the data folder in which misplaced data is looked for
_MOST_FOLDERS: Final = 2000
_UNFINISHED: Final = (".crdownload", ".download", ".part", ".partial", ".opdownload", ".tmp", ".!ut", ".aria2")


class DataError(Exception):
    """The data on disk is missing, incomplete or damaged; the message names the file and what to do."""


# --- names and folders -----------------------------------------------------------------------------


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of this name was left by a system or a program, and is nobody's data."""
    lower = name.lower()
    return name.startswith(".") or lower in _LEFT_BEHIND or lower.endswith("zone.identifier")


def names_in(folder: Path) -> list[str]:
    """The names in a folder, sorted, without those that systems leave; none where there is no such folder.

    Raises:
        DataError: if the folder may not be read.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are wanted, and a folder may hold 50,000
        (folder / "..").stat()  # a folder may allow its names to be read, and still not its files
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(
            f"the folder {folder} cannot be read ({error.strerror}). Give yourself permission to read it"
        ) from error
    return sorted(name for name in names if not is_left_behind(name))


def data_folder(root: Path | str) -> Path:
    """The folder of the data as a person names it, which need not exist yet.

    Raises:
        DataError: if there can be no such path.
        TypeError: if it is neither text nor a path.
    """
    refuse_no_path(root)
    try:
        return user_path(root)
    except ValueError as error:
        raise DataError(f"{error}. Name the folder of the data") from error


def refuse_no_path(named: object) -> None:
    """Raise `TypeError` for what is neither text nor a path."""
    if not isinstance(named, str | Path):
        raise TypeError(f"{named!r} is {type(named).__name__}; it must be a path, as text or as pathlib.Path")


def check_folder(folder: Path) -> None:
    """Refuse what cannot be the folder of the data.

    Raises:
        DataError: if it is a file, or may not be read.
    """
    problem = folder_problem(folder)
    if problem:
        raise DataError(problem)
    names_in(folder)


def folder_problem(folder: Path) -> str:
    """Why a path cannot be used as a folder, and what to do; empty where it can, or where nothing is there yet."""
    try:
        if stat.S_ISDIR(folder.stat().st_mode):
            return ""
        return f"{folder} is a file, not a folder: name the folder that it lies in"
    except FileNotFoundError:
        if folder.is_symlink():
            return f"{folder} is a link to {folder.readlink()}, which does not exist. Correct the link or remove it"
        return ""
    except NotADirectoryError:
        blocking = next((p for p in folder.parents if p.is_file()), folder.parent)
        return f"{folder} cannot be a folder, because {blocking} is a file. Name another folder"
    except OSError as error:
        return f"{folder} cannot be opened ({error.strerror}). Name another folder, or correct its permissions"


def is_folder(path: Path) -> bool:
    """`path.is_dir()`, and false where that may not be known."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _inside(folder: Path) -> Iterator[Path]:
    """The folders one level down, except unreadable ones whose names have nothing to do with the data."""
    for name in names_in(folder):
        place = folder / name
        if name.lower().endswith(PICTURES) or not is_folder(place):
            continue
        try:
            names_in(place)
        except DataError:
            if not re.search("cifar|train|test|batches", name.lower()):
                continue
        yield place


def part(base: Path, name: str) -> Path | None:
    """The folder `train` or `test` in `base`, also in capitals, and where a folder of its name is all that it holds."""
    names = names_in(base)
    spelt = [n for n in (name, *names) if n in names and n.lower() in _PARTS[name]]
    place = next((base / n for n in spelt if is_folder(base / n)), None)
    if place is not None and names_in(place) == [place.name] and is_folder(place / place.name):
        return place / place.name
    return place


def archives(folder: Path, size: int) -> list[Path]:
    """The files in a folder that may be the archive, under the name that a browser gave them.

    One that looks like a download that has not finished counts only where it has all `size` bytes.
    """
    found = []
    for name in names_in(folder):
        path = folder / name
        if not _TITLE.match(name.lower()) or not path.is_file():
            continue
        named = name.lower().endswith((".gz", ".tgz", ".tar")) and _known(path, name) is None
        if named or path.stat().st_size == size:
            found.append(path)
    return sorted(found, key=lambda path: path.name != ARCHIVE)


# --- layouts ---------------------------------------------------------------------------------------


def find_source(folder: Path) -> str:
    """The layout of the data in a folder, or one level down: `cifar10`, `kaggle`, `folders`, or empty."""
    here = next(layouts_at(folder), "")
    if here:
        return here
    if find_batches(folder) is not None:
        return "cifar10"
    if find_kaggle(folder) is not None:
        return "kaggle"
    return "folders" if find_class_folders(folder) is not None else ""


def layouts_at(folder: Path) -> Iterator[str]:
    """All layouts in a folder itself, in the order in which they are preferred."""
    if any(_batches_in(place) for place in (folder / BATCHES, folder)):
        yield "cifar10"
    tables = [place for place in (folder, folder / "cifar-10") if LABELS in names_in(place)]
    sorted_into = _class_folders_at(folder)
    if tables and not (sorted_into and not _has_pictures(tables[0])):
        yield "kaggle"
    if sorted_into:
        yield "folders"


def find_batches(folder: Path) -> Path | None:
    """The folder of the official batches: the first that is complete, else the first that holds one of them."""
    places = itertools.chain((folder,), _inside(folder))
    incomplete = None
    for place in itertools.chain.from_iterable((p / BATCHES, p) for p in places):
        count = len(_batches_in(place))
        if count == len(ALL_BATCHES):
            return place
        if count and incomplete is None:
            incomplete = place
    return incomplete


def _batches_in(place: Path) -> set[str]:
    return set(ALL_BATCHES) & set(names_in(place))


def find_kaggle(folder: Path) -> Path | None:
    """The folder that holds `trainLabels.csv`: `folder` or one in it, `cifar-10` before all others."""
    places = itertools.chain((folder, folder / "cifar-10"), _inside(folder))
    return next((p for p in places if LABELS in names_in(p)), None)


def _has_pictures(base: Path) -> bool:
    place = part(base, "train")
    return place is not None and any(name.lower().endswith(".png") for name in names_in(place))


@dataclass(frozen=True)
class ClassFolders:
    """Where pictures lie in a folder for each class.

    Attributes:
        train: holds the folders of the training pictures.
        test: holds those of the test pictures, if there are any.
        has_others: whether `train` may hold folders that are no classes, because it is not named `train`.
    """

    train: Path
    test: Path | None
    has_others: bool


def find_class_folders(folder: Path) -> ClassFolders | None:
    """The class folders in `train/` of a folder or of one in it; without `train/`, only where all ten are there."""
    inside = (p for p in _inside(folder) if p.name.lower() not in _NO_TRAINING_PICTURES)
    return next((f for p in itertools.chain((folder,), inside) if (f := _class_folders_at(p)) is not None), None)


def _class_folders_at(base: Path) -> ClassFolders | None:
    train = part(base, "train")
    if train is not None and classes_in(train):
        return ClassFolders(train, part(base, "test"), has_others=False)
    if len(classes_in(base)) == len(CLASSES):
        return ClassFolders(base, part(base, "test"), has_others=True)
    return None


def classes_in(top: Path) -> dict[str, list[Path]]:
    """The folders in `top` that are named like a class, for each class that has any."""
    found: dict[str, list[Path]] = {}
    for name in names_in(top):
        label = class_of(name)
        if label is not None and is_folder(top / name):
            found.setdefault(label, []).append(top / name)
    return found


def class_of(name: str) -> str | None:
    """The class that a folder's name means: `horse` for `Horse`, `HORSES` and `07_horse`; `None` for other words."""
    return _CLASS_OF.get(re.sub(r"[\W\d_]+", "", name.lower()))


# --- what looks like the data, and cannot be read as it is -----------------------------------------------


@dataclass(frozen=True)
class Clue:
    """Something that may be why there is no data.

    Attributes:
        says: what it is, where, and what to do.
        is_cifar10: whether it is clearly meant to be CIFAR-10.
    """

    says: str
    is_cifar10: bool


_NAMED: Final = (
    (r"cifar[-_ ]?100", "is CIFAR-100, another data set. Download CIFAR-10", False),
    (
        r"cifar[-_ ]?10-(batches-bin|binary)|data_batch_1\.bin",
        f"is the binary version of CIFAR-10, for programs in C. Download the Python version, {ARCHIVE}",
        True,
    ),
    (
        r"cifar[-_ ]?10-(batches-mat|matlab)|data_batch_1\.mat",
        f"is the Matlab version of CIFAR-10. Download the Python version, {ARCHIVE}",
        True,
    ),
    (
        rf"cifar[-_ ]?10.*({'|'.join(map(re.escape, _UNFINISHED))})$",
        "is a download that has not finished. Let the browser finish it, or download the file again",
        True,
    ),
    (r"(cifar[-_ ]?10\b.*|train)\.(zip|7z|rar)$", "is still packed. Unpack it in this folder", True),
)


def clues(folder: Path) -> list[Clue]:
    """What in a folder is clearly meant to be CIFAR-10, else what may be taken for it; at most three."""
    found = [clue for name in [folder.name] if (clue := _known(folder, name)) is not None]
    for place, names in _walk(folder):
        found += _misplaced(folder, place, names)
        found += [clue for name in names if (clue := _known(place / name, name) or _unknown(folder, place / name))]
    return ([clue for clue in found if clue.is_cifar10] or found)[:3]


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    top = len(folder.parts)
    for count, (where, folders, files) in enumerate(os.walk(folder)):
        place = Path(where)
        yield place, sorted(name for name in (*folders, *files) if not is_left_behind(name))
        if len(place.parts) - top >= _DEEPEST or count > _MOST_FOLDERS:
            folders.clear()
        folders[:] = sorted(n for n in folders if not is_left_behind(n) and _known(place / n, n) is None)


def _known(path: Path, name: str) -> Clue | None:
    """What a name says without any doubt."""
    for pattern, says, is_cifar10 in _NAMED:
        if re.match(pattern, name.lower()):
            return Clue(f"{path} {says}", is_cifar10)
    return None


def _unknown(folder: Path, path: Path) -> Clue | None:
    """What can be said of a name that may be the data's."""
    ours = path.name in (BATCHES, ARCHIVE, LABELS)
    if not ours and not _TITLE.match(path.name.lower()):
        return None
    if path.name == BATCHES and path.is_file():
        return Clue(f"{path} is a file, not the folder of that name: unpack {ARCHIVE} and put its folder there", True)
    if path.name == BATCHES and is_folder(path):
        none = f"{path} has none of {', '.join(ALL_BATCHES)}: unpack {ARCHIVE} there"
        return None if _batches_in(path) else Clue(none, True)
    if is_folder(path):
        return Clue(f"{path} looks like CIFAR-10, but holds none of the layouts that data/README.md shows", False)
    problem = reading_problem(path)
    if problem:
        return Clue(f"{problem}: put the real file or folder in its place", ours)
    if path.name.lower().endswith((".gz", ".tgz", ".tar")):
        return None if path.parent == folder else Clue(f"{path} may be the archive: move it to {folder}", True)
    return Clue(f"{path} looks like CIFAR-10, but in a form that is not read here: see data/README.md", False)


def _misplaced(folder: Path, place: Path, names: list[str]) -> Iterator[Clue]:
    """Layouts that lie too deep or of which something is missing."""
    if set(ALL_BATCHES) & set(names):
        yield Clue(f"{place} holds batches of CIFAR-10: move it to {folder / BATCHES}", True)
    elif {"train", "test", "meta"} <= set(names) and not is_folder(place / "train"):
        yield Clue(f"{place} holds the files of CIFAR-100, another data set. Download CIFAR-10", False)
    elif LABELS in names:
        yield Clue(f"{place} holds Kaggle's labels: move {LABELS} and the folder train to {folder}", True)
    else:
        yield from _misplaced_pictures(folder, place, names)


def _misplaced_pictures(folder: Path, place: Path, names: list[str]) -> Iterator[Clue]:
    is_train = place.name.lower() in _PARTS["train"]
    classes = {label for name in names if (label := class_of(name)) and is_folder(place / name)}
    missing = [name for name in CLASSES if name not in classes]
    if not missing and place.name.lower() in _NO_TRAINING_PICTURES:
        yield Clue(f"{place} has test pictures, but {place.with_name('train')} with as many classes is missing", True)
    elif not missing:
        yield Clue(f"{place} holds class folders: move it to {folder / 'train'}", True)
    elif len(classes) >= len(CLASSES) // 2:
        yield Clue(f"{place} has class folders, but none for {', '.join(missing)}: add them", place == folder)
    elif {str(k) for k in range(10)} <= set(names) and is_folder(place / "0"):
        listed = ", ".join(f"{k} → {name}" for k, name in enumerate(CLASSES))
        yield Clue(f"{place} has numbered folders. If they are CIFAR-10's classes, rename them: {listed}", is_train)
    elif is_train and "1.png" in names:
        yield Clue(f"{place} holds Kaggle's pictures, but {place.with_name(LABELS)} is missing: put it there", True)
