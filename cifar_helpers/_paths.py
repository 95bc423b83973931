"""Files and folders: those of the course, those that a user names, and atomic writing."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path


def resources() -> Path:
    """The folder that contains `runs/` and `inputs/`: in the checkout, or inside the installed package.

    `notebooks/` and `data/README.md` are next to it in both.
    """
    package = Path(__file__).resolve().parent
    inside = package / "_course" / "resources"
    return inside if inside.is_dir() else package.parent / "resources"


def checkout() -> Path | None:
    """The project folder, or `None` if the package was installed from a wheel."""
    folder = Path(__file__).resolve().parent.parent
    return folder if (folder / "notebooks").is_dir() and (folder / "pyproject.toml").is_file() else None


def user_path(path: Path | str) -> Path:
    """A path as a user writes it: `~` is the home folder, unless a file has exactly that name.

    Raises:
        TypeError: if it is neither a string nor a path.
        ValueError: if it contains a null character or a lone surrogate, or names a home folder that does not exist.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"a path must be a string or a pathlib.Path, got {type(path).__name__}")
    if not os.fspath(path):
        raise ValueError("the path is empty: give a file or a folder")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise ValueError(f"{str(path)!r} is not a file name: it contains a lone surrogate") from error
    if b"\0" in encoded:
        raise ValueError(f"{str(path)!r} is not a file name: it contains a null character")
    try:
        return Path(path).expanduser() if is_missing(Path(path)) else Path(path)
    except RuntimeError as error:
        if len(Path(path).parts) == 1:  # a file may be called "~photo.png"
            return Path(path)
        raise ValueError(f"{path}: there is no such home folder") from error


def reading_problem(path: Path) -> str:
    """Why a path cannot be opened as a file, in words that name it; empty if it can.

    Only a regular file counts: reading a named pipe would wait forever for someone to write to it.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return f"{path} is a folder, not a file"
        if not stat.S_ISREG(mode):
            return f"{path} is not a regular file but a {_kind(mode)}"
        with path.open("rb"):
            return ""
    except FileNotFoundError:
        if path.is_symlink():
            return f"{path} is a link to {path.readlink()}, which does not exist"
        return f"there is no file {path}"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error})"


def is_missing(path: Path) -> bool:
    """Whether nothing is at a path, not even a link; false also if that cannot be found out."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _kind(mode: int) -> str:
    return "named pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"


def writing_problem(path: Path, error: Exception) -> str:
    """Why a file could not be written, and what to do."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or (number is None and _disk_is_full(path.parent)):
        free = shutil.disk_usage(path.parent).free
        return (
            f"{path} cannot be written: the disk is full ({free / 1e6:,.0f} MB left). Free some space, then try again"
        )
    if number in (errno.EEXIST, errno.ENOTDIR):
        return f"{path} cannot be written: {path.parent} is not a folder (directory). Choose another folder"
    if number == errno.ENAMETOOLONG:
        return f"{path} cannot be written: the name is too long. Choose a shorter one"
    reason = getattr(error, "strerror", None) or str(error)
    return f"{path} cannot be written ({reason}). Choose a folder that you can write to"


def _disk_is_full(folder: Path) -> bool:
    # torch's own writer reports a full disk without an error number.
    return folder.is_dir() and shutil.disk_usage(folder).total > 0 and shutil.disk_usage(folder).free < 1 << 20


@contextlib.contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a path next to `target` to write to; it becomes `target` at the end, or is removed on an error.

    Missing folders are created. Parts of the same file left by killed processes are removed at the next success.

    Raises:
        OSError: if it cannot be written; see `writing_problem`.
    """
    if target.is_symlink():
        target = target.resolve()  # write to the file that the link points to, and keep the link
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):  # an error raised above must not be hidden by this one
            part.unlink(missing_ok=True)
    _sweep(target)


def _sweep(target: Path) -> None:
    """Remove the parts of `target` whose processes have ended."""
    prefix = f"{target.name}."
    with contextlib.suppress(OSError):
        for part in target.parent.iterdir():
            process = part.name[len(prefix) :].removesuffix(".part")
            ours = part.name.startswith(prefix) and part.name.endswith(".part") and process.isdigit()
            if ours and not _is_alive(int(process)):
                part.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return True
    if os.name != "posix":
        return False  # Windows refuses to remove a file that a running process has open
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # it is running and belongs to another user
    return True
