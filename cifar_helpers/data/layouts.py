"""Find CIFAR-10 in a folder: the layouts, the names to ignore, and what only looks like the data set."""

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
# Words in a folder's name that say its pictures are not for training.
_HELD_OUT: Final = (
    "test", "val", "valid", "validation", "dev", "eval", "evaluation", "hold ?out", "held ?out", "prediction",
)  # fmt: skip
_AROUND: Final = r"(?:my|cifar|class|images?|img|pictures?|photos?|data|set|ing|s)*"
# Lower-case names of what macOS, Windows, NAS boxes, Linux, archivers and Python leave next to a user's files.
_LEFT_BEHIND: Final = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "$recycle.bin", "recycler", "recycled",
    "found.000", "system volume information", "lost+found", "cvs", "__pycache__", "_vti_cnf",
    "@eadir", "@tmp", "@synoresource", "@__thumb", "@recycle", "#recycle", "#snapshot",
    "network trash folder", "temporary items", "thevolumesettingsfolder", "thefindbycontentfolder",
    "desktop db", "desktop df",
    f"{BATCHES}.part", f"{BATCHES}.lock",  # left by unpacking here
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
_DEEPEST: Final = 8  # levels of folders below the data folder that are searched for misplaced data
_MOST_FOLDERS: Final = 2000


class DataError(Exception):
    """The data on disk is missing, incomplete or damaged; the message names the file and what to do."""


# --- names and folders -----------------------------------------------------------------------------


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of this name was left by an operating system or a program, and is not data.

    `.1.png.icloud` is not a leftover: it says that the file `1.png` is in iCloud, and not on this disk.
    """
    lower = name.lower()
    hidden = name.startswith(".") and not lower.endswith(".icloud")
    return hidden or lower in _LEFT_BEHIND or lower.endswith("zone.identifier")


def role_of(name: str) -> str:
    """What a folder's name says about its pictures: `train`, `test`, `held out` (as `val`), `mixed`, or nothing."""
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
    """The sorted names in a folder, without those that systems leave behind; none if there is no such folder.

    Raises:
        DataError: if there is no permission to read the folder.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 - only names are needed, and a folder may have 50,000
        (folder / "..").stat()  # a folder may allow its names to be read, but not its files
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read ({error.strerror}). Change its permissions") from error
    return sorted(name for name in names if not is_left_behind(name))


def data_folder(root: Path | str) -> Path:
    """The data folder as a user names it; it need not exist yet.

    Raises:
        DataError: if the path is impossible, or if nothing is there and the name is clearly a slip.
        TypeError: if it is neither a string nor a path.
    """
    refuse_no_path(root)
    try:
        place = user_path(root)
    except ValueError as error:
        raise DataError(f"{error}. Give the path of the data folder") from error
    if is_missing(place):
        for pattern, says in _ODD_NAMES:
            if re.search(pattern, str(root), re.IGNORECASE):
                raise DataError(f"there is no folder {str(root)!r}, and its name {says}")
    return place


_ODD_NAMES: Final = (
    (r"^\s|\s$|[\x00-\x1f\u200b-\u200f\u2028-\u202e\ufeff]",
     "has a space at one end or an invisible character. Remove it"),
    (r"""^["'“”‘’«»]|["'“”‘’«»]$""", "has quotation marks. Remove them"),
    (r"\$\{?[a-z_]|%[a-z_]\w*%", "contains a variable that was not replaced by its value. Write the whole path"),
    (r"^[a-z][a-z0-9+.-]+:/", "is an address. Give the path of a folder on this computer"),
    *([(r"\\", "has a backslash, as Windows paths do. Write it with /")] if os.name == "posix" else []),
)  # fmt: skip


def refuse_no_path(named: object) -> None:
    """Raise `TypeError` for anything that is neither a string nor a path."""
    if not isinstance(named, str | Path):
        raise TypeError(f"{named!r} is {type(named).__name__}, but must be a path, as a string or a pathlib.Path")


def check_folder(folder: Path) -> None:
    """Check that a path can be the data folder.

    Raises:
        DataError: if it is a file, or there is no permission to read it.
    """
    problem = folder_problem(folder)
    if problem:
        raise DataError(problem)
    names_in(folder)


def folder_problem(folder: Path) -> str:
    """Why a path cannot be used as a folder, and what to do; empty if it can, or if nothing is there yet."""
    try:
        if stat.S_ISDIR(folder.stat().st_mode):
            return ""
        return f"{folder} is a file, not a folder: give the folder that contains it"
    except FileNotFoundError:
        if folder.is_symlink():
            return f"{folder} is a link to {folder.readlink()}, which does not exist. Fix the link or remove it"
        return ""
    except NotADirectoryError:
        blocking = next((p for p in folder.parents if p.is_file()), folder.parent)
        return f"{folder} cannot be a folder, because {blocking} is a file. Choose another folder"
    except OSError as error:
        return f"{folder} cannot be opened ({error.strerror}). Choose another folder, or change its permissions"


def is_folder(path: Path) -> bool:
    """`path.is_dir()`, but false if that cannot be found out."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _inside(folder: Path) -> Iterator[Path]:
    """The folders one level down, except unreadable ones whose names do not suggest the data."""
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
    """The folder `train` or `test` in `base`, in any case; else all folders whose names say `role`.

    If such a folder contains only a folder of the same name, the inner one is meant.
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
    """The files in a folder that may be the archive, whatever name a browser gave them.

    A file that looks like an unfinished download counts only if it has all `size` bytes.
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
        DataError: if there are several sets of class folders and it is not clear which is meant.
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
    """All layouts in the folder itself, the preferred one first."""
    if any(_batches_in(place) for place in (folder / BATCHES, folder)):
        yield "cifar10"
    tables = [place for place in (folder, folder / "cifar-10") if LABELS in names_in(place)]
    sorted_into = _class_folders_at(folder)
    if tables and not (sorted_into and not _has_pictures(tables[0])):
        yield "kaggle"
    if sorted_into:
        yield "folders"


def find(folder: Path, source: str) -> object:
    """Where the data of one layout is, in a folder or one level down; `None` if it is in neither."""
    return {"cifar10": find_batches, "kaggle": find_kaggle, "folders": find_class_folders}[source](folder)


def find_batches(folder: Path) -> Path | None:
    """The folder of the official batches: the first complete one, else one in the right place that has some of them."""
    places = itertools.chain((folder,), _inside(folder))
    for place in itertools.chain.from_iterable((p / BATCHES, p) for p in places):
        if len(_batches_in(place)) == len(ALL_BATCHES):
            return place
    own = (folder / BATCHES, folder, folder / BATCHES / BATCHES)
    return next((place for place in own if _batches_in(place)), None)


def _batches_in(place: Path) -> set[str]:
    return set(ALL_BATCHES) & set(names_in(place))


def find_kaggle(folder: Path) -> Path | None:
    """The folder with `trainLabels.csv`: `folder` or one in it, `cifar-10` first; those with pictures come first."""
    places = itertools.chain((folder, folder / "cifar-10"), _inside(folder))
    tables = [p for p in places if LABELS in names_in(p)]
    return next((p for p in tables if _has_pictures(p)), next(iter(tables), None))


def _has_pictures(base: Path) -> bool:
    place = part(base, "train")
    return place is not None and any(name.lower().endswith(PICTURES) for name in names_in(place))


@dataclass(frozen=True)
class ClassFolders:
    """Where the pictures are if there is a folder for each class.

    Attributes:
        train: contains the class folders of the training pictures.
        test: contains those of the test pictures, if there are any.
        has_others: whether `train` may contain other folders too, because it is not named `train`.
    """

    train: Path
    test: Path | None
    has_others: bool


def find_class_folders(folder: Path) -> ClassFolders | None:
    """The class folders in `train/` of a folder or of one in it; without `train/`, only if all ten are there.

    A folder whose name says `test`, `val` or the like is never training data.

    Raises:
        DataError: if there are several, and none is in the right place.
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
            f"{' and '.join(str(place) for place in places.values())} all contain class folders. "
            f"Move those that are not meant out of {folder}, or pass load_cifar10 the one that is"
        )
    return found[0] if found else None


def _class_folders_at(base: Path) -> ClassFolders | None:
    """Class folders in the right place: in `train/` or, if there are all ten, in `base` itself."""
    for found in _class_folders_in_train(base):
        if found.train.name.lower() in _PARTS["train"]:
            return found
    return ClassFolders(base, _test_classes(base), has_others=True) if _is_all_classes(base) else None


def _class_folders_in_train(base: Path) -> list[ClassFolders]:
    trains = [train for train in parts(base, "train") if classes_in(train)]
    return [ClassFolders(train, _test_classes(base), has_others=False) for train in trains]


def _test_classes(base: Path) -> Path | None:
    """The folder of test pictures; `None` also if it has no class folders, since its pictures then have no labels."""
    return next((test for test in parts(base, "test") if classes_in(test)), None)


def _is_all_classes(base: Path) -> bool:
    return len(classes_in(base)) == len(CLASSES)


def classes_in(top: Path) -> dict[str, list[Path]]:
    """The folders in `top` that are named after a class, by class; broken links count too."""
    found: dict[str, list[Path]] = {}
    for name in names_in(top):
        label, place = class_of(name), top / name
        if label is not None and (is_folder(place) or (place.is_symlink() and not place.is_file())):
            found.setdefault(label, []).append(place)
    return found


def class_of(name: str) -> str | None:
    """The class that a folder's name means: `horse` for `Horse`, `HORSES` and `07_horse`; `None` for other words."""
    return _CLASS_OF.get(re.sub(r"[\W\d_]+", "", name.lower()))


# --- what looks like the data but cannot be read as it is ------------------------------------------------


@dataclass(frozen=True)
class Clue:
    """Something that may be why there is no data.

    Attributes:
        says: what it is, where, and what to do.
        is_cifar10: whether it is clearly meant to be CIFAR-10.
        kind: the same number for clues that say the same about different names.
    """

    says: str
    is_cifar10: bool
    kind: int = -1


_ALL: Final = rf"[^/]*{_TITLE.pattern}[^/]*"  # a name that contains the title
_BATCH: Final = r"(?:data_batch_[1-5]|test_batch)"
_TABLE: Final = r"train[-_ ]?labels?\b.*csv"
_PACKED: Final = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2", ".zst", ".001")
_PYTHON: Final = f"Download the Python version, {ARCHIVE}"
_NO_MODEL: Final = r"(?!.*(?:model|weight|checkpoint|ckpt|feature|net))"
# Patterns for lower-case names, with "cifar10/" in front if the folder has that title; the first match counts.
_NAMED: Final = (
    (r"[^/]*cifar[-_ ]?100", "is CIFAR-100, another data set. Download CIFAR-10"),
    (r"[^/]*cifar[-_ ]?10(?:\.\d+(?![a-z\d])|[-_ ]?[ch]\b)",
     "is derived from CIFAR-10, but is another data set. Download CIFAR-10"),
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
     rf"|{_ALL}\.(?:npy|pkl|pickle)$)", f"is CIFAR-10 in a format that is not supported. {_PYTHON}"),
    (rf"{_BATCH}(?:\.(?!py$|ipynb$|json$|log$)[a-z]\w*| ?\(\d+\)| - copy| copy| \d)*$",
     "is a batch of CIFAR-10 under another name. Rename it to data_batch_1 … data_batch_5 or test_batch, "
     "in lower case and without an extension"),
    (_TABLE, f"is Kaggle's table under another name. Rename it to {LABELS}, and put it next to the folder train"),
)  # fmt: skip


def clues(folder: Path) -> list[Clue]:
    """What in a folder is clearly meant to be CIFAR-10, or else what may be; at most three clues."""
    found = [clue for name in [folder.name] if (clue := known(folder, name)) is not None]
    vague: list[Clue] = []
    for place, names, folders in _walk(folder):
        misplaced: list[Clue] = []
        with contextlib.suppress(DataError):  # an unreadable folder is no reason to stop here
            misplaced += _misplaced(folder, place, names)
        if misplaced:
            folders.clear()  # its content has been dealt with
        titled = _is_titled(folder, place)
        named = {c.kind: c for name in reversed(names) if (c := known(place / name, name, titled)) is not None}
        found += [*misplaced, *reversed(named.values())]
        vague += [c for name in names if (c := _unknown(folder, place / name)) and known(place / name, name) is None]
    sure = [clue for clue in found if clue.is_cifar10] or [clue for clue in vague if clue.is_cifar10]
    return (sure or found + vague)[:3]


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """All folders, each with its names and its subfolders; remove a subfolder from the list to skip it."""
    top = len(folder.parts)
    for count, (where, folders, files) in enumerate(os.walk(folder)):
        place = Path(where)
        names = sorted(name for name in (*folders, *files) if not is_left_behind(name))
        folders[:] = sorted(n for n in folders if n in names and known(place / n, n) is None)
        if len(place.parts) - top >= _DEEPEST or count > _MOST_FOLDERS:
            folders.clear()
        yield place, names, folders


def _is_titled(folder: Path, place: Path) -> bool:
    """Whether a folder, or one of its parents, is called CIFAR-10."""
    return any(_TITLE.search(name.lower()) for name in (folder.name, *place.relative_to(folder).parts))


def known(path: Path, name: str, titled: bool = False) -> Clue | None:
    """What a name says beyond doubt; `titled` means that its folder is called CIFAR-10."""
    if name in (*ALL_BATCHES, LABELS):
        return None
    for kind, (pattern, says) in enumerate(_NAMED):
        for text in (name, f"cifar10/{name}")[: 1 + titled]:
            if re.match(pattern, text.lower()):
                return Clue(f"{path} {says}", "another data set" not in says, kind)
    return None


def _unknown(folder: Path, path: Path) -> Clue | None:
    """What can be said about a name that may belong to the data."""
    ours = path.name in (BATCHES, ARCHIVE, LABELS)
    if not ours and not _TITLE.search(path.name.lower()):
        return None
    if path.name == BATCHES and path.is_file():
        return Clue(f"{path} is a file, not the folder of that name: unpack {ARCHIVE} and put its folder there", True)
    if path.name == BATCHES and is_folder(path):
        none = f"{path} has none of {', '.join(ALL_BATCHES)}: unpack {ARCHIVE} there"
        return None if _batches_in(path) else Clue(none, True)
    if is_folder(path):
        return Clue(f"{path} looks like CIFAR-10, but has none of the layouts in data/README.md", False)
    problem = reading_problem(path)
    if problem:
        return Clue(f"{problem}: put the real file or folder in its place", ours)
    if path.name.lower().endswith((".gz", ".tgz", ".tar")):
        return None if path.parent == folder else Clue(f"{path} may be the archive: move it to {folder}", True)
    return Clue(f"{path} looks like CIFAR-10, but its format is not supported: see data/README.md", False)


def _misplaced(folder: Path, place: Path, names: list[str]) -> Iterator[Clue]:
    """Layouts that are too deep or incomplete."""
    batches = [name for name in ALL_BATCHES if name in names]
    if len(batches) == len(ALL_BATCHES):
        yield Clue(f"{place} contains the batches of CIFAR-10: move these files to {folder / BATCHES}", True)
    elif batches:
        missing = ", ".join(name for name in ALL_BATCHES if name not in names)
        yield Clue(f"{place} has {', '.join(batches)}, but not {missing}: add what is missing from {ARCHIVE}", True)
    elif {"train", "test", "meta"} <= set(names) and not is_folder(place / "train"):
        yield Clue(f"{place} contains the files of CIFAR-100, another data set. Download CIFAR-10", False)
    elif LABELS in names:
        if part(place, "train"):
            yield Clue(f"{place} contains Kaggle's labels: move {LABELS} and the folder train to {folder}", True)
        else:
            yield Clue(f"{place / LABELS} belongs next to the folder train with Kaggle's pictures: move it there", True)
    else:
        yield from _misplaced_pictures(folder, place, names)


def _misplaced_pictures(folder: Path, place: Path, names: list[str]) -> Iterator[Clue]:
    role, classes = role_of(place.name), classes_in(place)
    is_meant = role == "train" or place == folder or _is_titled(folder, place)
    missing = [name for name in CLASSES if name not in classes]
    if not missing and role in ("test", "held out"):
        yield Clue(
            f"{place} has test pictures, but {place.with_name('train')} is missing: add the training pictures", True
        )
    elif not missing:
        yield Clue(f"{place} contains class folders: move it to {folder / 'train'}", True)
    elif len(classes) >= len(CLASSES) // 2:
        yield Clue(f"{place} has class folders, but none for {', '.join(missing)}: add them", place == folder)
    elif len({n[-1] for n in names if _NUMBER.fullmatch(n.lower()) and is_folder(place / n)}) == len(CLASSES):
        listed = ", ".join(f"{k} → {name}" for k, name in enumerate(CLASSES))
        yield Clue(f"{place} has numbered folders. If they are CIFAR-10's classes, rename them: {listed}", is_meant)
    elif (like := _class_words(place, names, len(CLASSES) // 2 if role == "train" else len(CLASSES))) is not None:
        yield Clue(f"{place} {like}", is_meant)
    elif role == "train" and "1.png" in names and not any(re.match(_TABLE, n.lower()) for n in names_in(place.parent)):
        yield Clue(f"{place} contains Kaggle's pictures, but {place.with_name(LABELS)} is missing: put it there", True)


def _class_words(place: Path, names: list[str], least: int) -> str | None:
    """What to do with folders, archives or pictures whose names contain, among others, the words for many classes."""
    examples: dict[str, dict[str, str]] = {}
    for name in names:
        word, ending = _CLASS_WORD.search(_words(name)), Path(name.lower()).suffix
        if word is None:
            continue
        remedy = "rename each to just its class" if is_folder(place / name) else ""
        remedy = "put the pictures of each class into a folder of its name" if ending in PICTURES else remedy
        remedy = "unpack each of them there" if ending in _PACKED else remedy
        examples.setdefault(remedy, {})[_CLASS_OF[word[1]]] = name
    for remedy, found in examples.items():
        if remedy and len(found) >= least:
            return f"has names such as {next(iter(found.values()))}: {remedy} ({', '.join(CLASSES)})"
    return None
