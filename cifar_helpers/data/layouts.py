"""Where CIFAR-10 lies in a folder: the layouts, the names to pass over, and what only looks like the data set."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cifar_helpers._paths import is_missing, reading_problem, user_path
from cifar_helpers.data.classes import CLASSES

BATCHES: Final = "cifar-10-batches-py"
ARCHIVE: Final = "cifar-10-python.tar.gz"
TRAIN_BATCHES: Final = tuple(f"data_batch_{k}" for k in range(1, 6))
ALL_BATCHES: Final = (*TRAIN_BATCHES, "test_batch")
LABELS: Final = "trainLabels.csv"
PICTURES: Final = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip

IN_ICLOUD: Final = "is in iCloud, and not on this disk. Right-click it in the Finder and choose Download Now"

_PARTS: Final = {"train": ("train", "training"), "test": ("test", "testing")}
# Words that say in the name of a folder that its pictures are not for training.
_HELD_OUT: Final = (
    "test", "val", "valid", "validation", "dev", "eval", "evaluation", "hold ?out", "held ?out", "prediction",
)  # fmt: skip
_AROUND: Final = r"(?:my|cifar|class|images?|img|pictures?|photos?|data|set|ing|s)*"
# Names in lower case of what macOS, Windows, NAS boxes, Linux, archivers and Python leave beside a person's files.
_LEFT_BEHIND: Final = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "$recycle.bin", "recycler", "recycled",
    "found.000", "system volume information", "lost+found", "cvs", "__pycache__", "_vti_cnf",
    "@eadir", "@tmp", "@synoresource", "@__thumb", "@recycle", "#recycle", "#snapshot",
    "network trash folder", "temporary items", "thevolumesettingsfolder", "thefindbycontentfolder",
    "desktop db", "desktop df",
    f"{BATCHES}.part", f"{BATCHES}.lock",  # of an unpacking here
}  # fmt: skip
_OTHER_WORDS: Final = {"plane": "airplane", "aeroplane": "airplane", "car": "automobile"}
_CLASS_OF: Final = {
    word + ending: name
    for word, name in (*((name, name) for name in CLASSES), *_OTHER_WORDS.items())
    for ending in ("", "s")
}
_NUMBER: Final = re.compile(r"(?:class|label)?[-_ ]?0*\d")
_CLASS_WORD: Final = re.compile(rf"(?<![a-z]){_AROUND}({'|'.join(_CLASS_OF)}){_AROUND}(?![a-z])")
# Not CIFAR-100, nor CIFAR-10.1, CIFAR-10-C and CIFAR-10-H
_TITLE: Final = re.compile(r"cifar[-_ ]?10(?!\d|\.\d+(?![a-z\d])|[-_ ]?[ch]\b)")
_DEEPEST: Final = 8  # folders below the data folder in which misplaced data is looked for
_MOST_FOLDERS: Final = 2000


class DataError(Exception):
    """The data on disk is missing, incomplete or damaged; the message names the file and what to do."""


# --- names and folders -----------------------------------------------------------------------------


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of this name was left by a system or a program, and is nobody's data.

    `.1.png.icloud` is no leftover: it says that the file `1.png` is in iCloud, and not on this disk.
    """
    lower = name.lower()
    hidden = name.startswith(".") and not lower.endswith(".icloud")
    return hidden or lower in _LEFT_BEHIND or lower.endswith("zone.identifier")


def role_of(name: str) -> str:
    """What a folder's name says of its pictures: `train`, `test`, `held out` (as `val`), `mixed`, or nothing."""
    words = _words(name)
    is_train, is_held_out = _says(words, ("train",)), _says(words, _HELD_OUT)
    if is_train:
        return "mixed" if is_held_out else "train"
    return ("test" if _says(words, ("test",)) else "held out") if is_held_out else ""


def _words(name: str) -> str:
    """A name in lower case, with a space wherever a word begins: `my train set` for `my_trainSet2`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\W\d_]+", " ", name).lower()


def _says(words: str, any_of: Sequence[str]) -> bool:
    return re.search(rf"(?<![a-z]){_AROUND}(?:{'|'.join(any_of)}){_AROUND}(?![a-z])", words) is not None


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
        DataError: if there can be no such path, or if nothing is there and its name was clearly not meant as it is.
        TypeError: if it is neither text nor a path.
    """
    refuse_no_path(root)
    try:
        place = user_path(root)
    except ValueError as error:
        raise DataError(f"{error}. Name the folder of the data") from error
    if is_missing(place):
        for pattern, says in _ODD_NAMES:
            if re.search(pattern, str(root), re.IGNORECASE):
                raise DataError(f"there is no folder {str(root)!r}, and its name {says}")
    return place


_ODD_NAMES: Final = (
    (r"^\s|\s$|[\x00-\x1f\u200b-\u200f\u2028-\u202e\ufeff]",
     "has a blank at one end or an invisible character. Remove it"),
    (r"""^["'“”‘’«»]|["'“”‘’«»]$""", "has quotation marks. Remove them"),
    (r"\$\{?[a-z_]|%[a-z_]\w*%", "holds a variable that was not replaced by its value. Write the whole path"),
    (r"^[a-z][a-z0-9+.-]+:/", "is an address. Give the path of a folder on this computer"),
    *([(r"\\", "has a backslash, as Windows paths do. Write it with /")] if os.name == "posix" else []),
)  # fmt: skip


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


def parts(base: Path, role: str) -> list[Path]:
    """The folder `train` or `test` in `base`, also in capitals; else all folders whose names say `role`.

    Where a folder of the same name is all that one holds, that one is meant.
    """
    names = names_in(base)
    exact = (base / n for n in (role, *names) if n in names and n.lower() in _PARTS[role])
    places = [place for place in exact if is_folder(place)][:1]
    if not places:
        places = [base / n for n in names if role in n.lower() and role_of(n) == role and is_folder(base / n)]
    return [p / p.name if names_in(p) == [p.name] and is_folder(p / p.name) else p for p in places]


def part(base: Path, role: str) -> Path | None:
    """The first of `parts`."""
    return next(iter(parts(base, role)), None)


def archives(folder: Path, size: int) -> list[Path]:
    """The files in a folder that may be the archive, under the name that a browser gave them.

    One that looks like a download that has not finished counts only where it has all `size` bytes.
    """
    found = []
    for name in names_in(folder):
        path = folder / name
        if not _TITLE.search(name.lower()) or not path.is_file():
            continue
        named = name.lower().endswith((".gz", ".tgz", ".tar")) and known(path, name) is None
        if named or path.stat().st_size == size:
            found.append(path)
    return sorted(found, key=lambda path: path.name != ARCHIVE)


# --- layouts ---------------------------------------------------------------------------------------


def find_source(folder: Path) -> str:
    """The layout of the data in a folder, or one level down: `cifar10`, `kaggle`, `folders`, or empty.

    Raises:
        DataError: if there are several class folders of which each may be meant.
    """
    here = next(layouts_at(folder), "")
    if here:
        return here
    if find_batches(folder) is not None:
        return "cifar10"
    kaggle = find_kaggle(folder)
    if kaggle is not None and _has_pictures(kaggle):
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


def find(folder: Path, source: str) -> object:
    """Where the data of one layout is, in a folder or one level down; `None` where it is not."""
    return {"cifar10": find_batches, "kaggle": find_kaggle, "folders": find_class_folders}[source](folder)


def find_batches(folder: Path) -> Path | None:
    """The folder of the official batches: the first that is complete, else one in its right place that holds some."""
    places = itertools.chain((folder,), _inside(folder))
    for place in itertools.chain.from_iterable((p / BATCHES, p) for p in places):
        if len(_batches_in(place)) == len(ALL_BATCHES):
            return place
    own = (folder / BATCHES, folder, folder / BATCHES / BATCHES)
    return next((place for place in own if _batches_in(place)), None)


def _batches_in(place: Path) -> set[str]:
    return set(ALL_BATCHES) & set(names_in(place))


def find_kaggle(folder: Path) -> Path | None:
    """The folder that holds `trainLabels.csv`: `folder` or one in it, `cifar-10` first; those with pictures first."""
    places = itertools.chain((folder, folder / "cifar-10"), _inside(folder))
    tables = [p for p in places if LABELS in names_in(p)]
    return next((p for p in tables if _has_pictures(p)), next(iter(tables), None))


def _has_pictures(base: Path) -> bool:
    place = part(base, "train")
    return place is not None and any(name.lower().endswith(PICTURES) for name in names_in(place))


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
    """The class folders in `train/` of a folder or of one in it; without `train/`, only where all ten are there.

    A name that says `test`, `val` and the like is never training data.

    Raises:
        DataError: if several are there, and none is in its right place.
    """
    here = _class_folders_at(folder)
    if here:
        return here
    inside = [p for p in _inside(folder) if role_of(p.name) not in ("test", "held out")]
    named = [found for p in (folder, *inside) for found in _class_folders_in_train(p)]
    others = [p for p in inside if role_of(p.name) == "" and _is_all_classes(p)]
    unnamed = [ClassFolders(p, _test_classes(p), has_others=True) for p in others]
    return _only(named, folder) or _only(unnamed, folder)


def _only(found: list[ClassFolders], folder: Path) -> ClassFolders | None:
    places = {f.train.resolve(): f.train for f in found}
    if len(places) > 1:
        raise DataError(
            f"{' and '.join(str(place) for place in places.values())} all hold class folders. "
            f"Move those that are not meant out of {folder}, or give load_cifar10 the folder in it that is"
        )
    return found[0] if found else None


def _class_folders_at(base: Path) -> ClassFolders | None:
    """Those in their right place: in `train/` or, all ten of them, in `base` itself."""
    for found in _class_folders_in_train(base):
        if found.train.name.lower() in _PARTS["train"]:
            return found
    return ClassFolders(base, _test_classes(base), has_others=True) if _is_all_classes(base) else None


def _class_folders_in_train(base: Path) -> list[ClassFolders]:
    trains = [train for train in parts(base, "train") if classes_in(train)]
    return [ClassFolders(train, _test_classes(base), has_others=False) for train in trains]


def _test_classes(base: Path) -> Path | None:
    """The folder of test pictures; `None` also where it has no class folders: nobody has labels for such pictures."""
    return next((test for test in parts(base, "test") if classes_in(test)), None)


def _is_all_classes(base: Path) -> bool:
    return len(classes_in(base)) == len(CLASSES)


def classes_in(top: Path) -> dict[str, list[Path]]:
    """The folders in `top`, and links that lead nowhere, that are named like a class, for each class that has any."""
    found: dict[str, list[Path]] = {}
    for name in names_in(top):
        label, place = class_of(name), top / name
        if label is not None and (is_folder(place) or (place.is_symlink() and not place.is_file())):
            found.setdefault(label, []).append(place)
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
        kind: the same for clues that say the same of several names.
    """

    says: str
    is_cifar10: bool
    kind: int = -1


_ALL: Final = rf"[^/]*{_TITLE.pattern}[^/]*"  # a name that holds the title
_BATCH: Final = r"(?:data_batch_[1-5]|test_batch)"
_TABLE: Final = r"train[-_ ]?labels?\b.*csv"
_PACKED: Final = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2", ".zst", ".001")
_PYTHON: Final = f"Download the Python version, {ARCHIVE}"
_NO_MODEL: Final = r"(?!.*(?:model|weight|checkpoint|ckpt|feature|net))"
# Patterns of names in lower case, with "cifar10/" before what lies in a folder with that title; the first counts.
_NAMED: Final = (
    (r"[^/]*cifar[-_ ]?100", "is CIFAR-100, another data set. Download CIFAR-10"),
    (r"[^/]*cifar[-_ ]?10(?:\.\d+(?![a-z\d])|[-_ ]?[ch]\b)",
     "is made after CIFAR-10: another data set. Download CIFAR-10"),
    (rf"{_ALL}(?:batches-bin|binary)|data_batch_1\.bin",
     f"is the binary version of CIFAR-10, for programs in C. {_PYTHON}"),
    (rf"{_ALL}(?:batches-mat|matlab)|data_batch_1\.mat", f"is the Matlab version of CIFAR-10. {_PYTHON}"),
    (rf"\.(?:{_ALL}|{_BATCH}.*|train.*)\.icloud$", IN_ICLOUD),
    (rf"(?:{_ALL}|{_BATCH})(?:\.(?:crdownload|download|part|partial|opdownload|tmp|!ut|aria2)|\.gz(?:\.\d+|\?.*))$",
     "is a download that has not finished. Let the browser finish it, or download the file again"),
    (rf"(?:{_ALL}|{_BATCH})\.(?:lnk|url|webloc|desktop|torrent)$",
     "is only a link to the data. Put the file or folder itself there"),
    (rf"(?:{_ALL}|cifar10/[^/]*|train(?:[-_ ]?labels.*)?(?:\.7z)?)\.(?:zip|7z|rar|xz|txz|bz2|tbz2?|zst|001)$"
     rf"|(?!.*python){_ALL}\.t?gz$|{_BATCH}\.gz$", "is still packed. Unpack it in this folder"),
    (rf"{_NO_MODEL}(?:(?:{_ALL}|cifar10/.*)\.(?:parquet|arrow|tfrecords?\b.*|npz|h5|hdf5|lmdb|beton)$"
     rf"|{_ALL}\.(?:npy|pkl|pickle)$)", f"is CIFAR-10 in a form that is not read here. {_PYTHON}"),
    (rf"{_BATCH}(?:\.(?!py$|ipynb$|json$|log$)[a-z]\w*| ?\(\d+\)| - copy| copy| \d)*$",
     "is a batch of CIFAR-10 under another name. Rename it to data_batch_1 … data_batch_5 or test_batch, "
     "in small letters and without an ending"),
    (_TABLE, f"is Kaggle's table under another name. Rename it to {LABELS}, and put it beside the folder train"),
)  # fmt: skip


def clues(folder: Path) -> list[Clue]:
    """What in a folder is clearly meant to be CIFAR-10, else what may be taken for it; at most three."""
    found = [clue for name in [folder.name] if (clue := known(folder, name)) is not None]
    vague: list[Clue] = []
    for place, names, folders in _walk(folder):
        misplaced: list[Clue] = []
        with contextlib.suppress(DataError):  # a folder that may not be read is no reason to stop here
            misplaced += _misplaced(folder, place, names)
        if misplaced:
            folders.clear()  # what is in there was said
        titled = _is_titled(folder, place)
        named = {c.kind: c for name in reversed(names) if (c := known(place / name, name, titled)) is not None}
        found += [*misplaced, *reversed(named.values())]
        vague += [c for name in names if (c := _unknown(folder, place / name)) and known(place / name, name) is None]
    sure = [clue for clue in found if clue.is_cifar10] or [clue for clue in vague if clue.is_cifar10]
    return (sure or found + vague)[:3]


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """All folders, with the names in each and those of its folders, which may be removed to pass them over."""
    top = len(folder.parts)
    for count, (where, folders, files) in enumerate(os.walk(folder)):
        place = Path(where)
        names = sorted(name for name in (*folders, *files) if not is_left_behind(name))
        folders[:] = sorted(n for n in folders if n in names and known(place / n, n) is None)
        if len(place.parts) - top >= _DEEPEST or count > _MOST_FOLDERS:
            folders.clear()
        yield place, names, folders


def _is_titled(folder: Path, place: Path) -> bool:
    """Whether a folder, or one on the way to it, is called CIFAR-10."""
    return any(_TITLE.search(name.lower()) for name in (folder.name, *place.relative_to(folder).parts))


def known(path: Path, name: str, titled: bool = False) -> Clue | None:
    """What a name says without any doubt; `titled` says that its folder is called CIFAR-10."""
    if name in (*ALL_BATCHES, LABELS):
        return None
    for kind, (pattern, says) in enumerate(_NAMED):
        for text in (name, f"cifar10/{name}")[: 1 + titled]:
            if re.match(pattern, text.lower()):
                return Clue(f"{path} {says}", "another data set" not in says, kind)
    return None


def _unknown(folder: Path, path: Path) -> Clue | None:
    """What can be said of a name that may be the data's."""
    ours = path.name in (BATCHES, ARCHIVE, LABELS)
    if not ours and not _TITLE.search(path.name.lower()):
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
    batches = [name for name in ALL_BATCHES if name in names]
    if len(batches) == len(ALL_BATCHES):
        yield Clue(f"{place} holds the batches of CIFAR-10: move these files to {folder / BATCHES}", True)
    elif batches:
        missing = ", ".join(name for name in ALL_BATCHES if name not in names)
        yield Clue(f"{place} holds {', '.join(batches)}, but not {missing}: add what is missing from {ARCHIVE}", True)
    elif {"train", "test", "meta"} <= set(names) and not is_folder(place / "train"):
        yield Clue(f"{place} holds the files of CIFAR-100, another data set. Download CIFAR-10", False)
    elif LABELS in names:
        if part(place, "train"):
            yield Clue(f"{place} holds Kaggle's labels: move {LABELS} and the folder train to {folder}", True)
        else:
            yield Clue(f"{place / LABELS} belongs beside the folder train with Kaggle's pictures: move it there", True)
    else:
        yield from _misplaced_pictures(folder, place, names)


def _misplaced_pictures(folder: Path, place: Path, names: list[str]) -> Iterator[Clue]:
    role, classes = role_of(place.name), classes_in(place)
    is_meant = role == "train" or place == folder or _is_titled(folder, place)
    missing = [name for name in CLASSES if name not in classes]
    if not missing and role in ("test", "held out"):
        yield Clue(f"{place} has test pictures, but {place.with_name('train')} with as many classes is missing", True)
    elif not missing:
        yield Clue(f"{place} holds class folders: move it to {folder / 'train'}", True)
    elif len(classes) >= len(CLASSES) // 2:
        yield Clue(f"{place} has class folders, but none for {', '.join(missing)}: add them", place == folder)
    elif len({n[-1] for n in names if _NUMBER.fullmatch(n.lower()) and is_folder(place / n)}) == len(CLASSES):
        listed = ", ".join(f"{k} → {name}" for k, name in enumerate(CLASSES))
        yield Clue(f"{place} has numbered folders. If they are CIFAR-10's classes, rename them: {listed}", is_meant)
    elif (like := _class_words(place, names, len(CLASSES) // 2 if role == "train" else len(CLASSES))) is not None:
        yield Clue(f"{place} {like}", is_meant)
    elif role == "train" and "1.png" in names and not any(re.match(_TABLE, n.lower()) for n in names_in(place.parent)):
        yield Clue(f"{place} holds Kaggle's pictures, but {place.with_name(LABELS)} is missing: put it there", True)


def _class_words(place: Path, names: list[str], least: int) -> str | None:
    """What to do with folders, archives or pictures whose names hold, beside others, the words for so many classes."""
    examples: dict[str, dict[str, str]] = {}
    for name in names:
        word, ending = _CLASS_WORD.search(_words(name)), Path(name.lower()).suffix
        if word is None:
            continue
        remedy = "rename each to its class alone" if is_folder(place / name) else ""
        remedy = "put the pictures of each class into a folder of its name" if ending in PICTURES else remedy
        remedy = "unpack each of them there" if ending in _PACKED else remedy
        examples.setdefault(remedy, {})[_CLASS_OF[word[1]]] = name
    for remedy, found in examples.items():
        if remedy and len(found) >= least:
            return f"has names such as {next(iter(found.values()))}: {remedy} ({', '.join(CLASSES)})"
    return None
