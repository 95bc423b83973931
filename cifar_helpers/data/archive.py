"""Unpack the official archive: only the expected files, each verified, and either all of them or none."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final, cast

from cifar_helpers.data.layouts import is_left_behind

_LARGEST: Final = 40_000_000  # bytes per file; a batch has 31 million
_LARGEST_TOTAL: Final = 400_000_000  # bytes in total, unpacked; the official archive has 186 million
_CHUNK: Final = 1 << 20
# The archive also contains this page, which is not needed.
_IGNORED: Final = "readme.html"


class ArchiveError(Exception):
    """The archive is damaged, or contains something that the official one does not; the message names the entry."""


def unpack(archive: Path, folder: Path, files: Mapping[str, str]) -> None:
    """Extract the expected files from an archive whose entries are in a folder with the same name as `folder`.

    Args:
        archive: its path: a `.tar.gz`, or the `.tar` that some browsers unpack it to.
        folder: where the files go. It appears complete or not at all. It must not exist yet, or contain nothing but
            the archive's own files, which are replaced, and files that operating systems leave behind.
        files: name of each expected file to its MD5 in hexadecimal digits.

    Raises:
        ArchiveError: if an entry is unexpected, a link, a device or too large, or if a file is missing or its
            MD5 differs. Nothing from the archive is kept then.
        OSError: if the disk is full or not writable.
    """
    part = leftover_of(folder)
    discard(part)
    part.mkdir(parents=True)
    try:
        _unpack(archive, part, folder.name, files)
        if folder.is_dir():
            _take_over(folder, part)
        part.rename(folder)
    except BaseException:
        discard(part)
        raise


def may_hold(name: str, files: Mapping[str, str]) -> bool:
    """Whether the batches may be added to a folder that has a file of this name: it is theirs, or a leftover."""
    return name in (_IGNORED, *files) or is_left_behind(name)


def _take_over(folder: Path, part: Path) -> None:
    """Replace a folder that was unpacked by hand; files that the operating system keeps in it move to the new one."""
    for old in folder.iterdir():
        if (part / old.name).exists():
            old.unlink()
        else:
            old.rename(part / old.name)
    folder.rmdir()


def leftover_of(folder: Path) -> Path:
    """Where files are kept until `folder` is complete; it is left behind if unpacking is killed."""
    return folder.with_name(f"{folder.name}.part")


def discard(part: Path) -> None:
    """Remove what an interrupted unpacking left behind, if anything."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def is_tar(archive: Path) -> bool:
    """Whether a file is an uncompressed tar archive, whatever its name."""
    with archive.open("rb") as file:
        return file.read(262)[257:] == b"ustar"


def _opened(archive: Path) -> IO[bytes]:
    return archive.open("rb") if is_tar(archive) else cast(IO[bytes], _Bounded(archive))


def _unpack(archive: Path, part: Path, top: str, files: Mapping[str, str]) -> None:
    found: set[str] = set()
    try:
        with _opened(archive) as inflated, tarfile.open(fileobj=inflated, mode="r|", bufsize=_CHUNK) as tar:
            for entry in tar:
                name = _expected(entry, top, files)
                source = tar.extractfile(entry) if name else None
                if name is None or source is None:
                    continue
                if name in found:
                    raise ArchiveError(f"it contains {entry.name} twice")
                found.add(name)
                if _copy(source, part / name) != files[name]:
                    raise ArchiveError(f"the MD5 of {entry.name} differs from that of the official file")
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ArchiveError(f"it is damaged ({error})") from error
    missing = [name for name in files if name not in found]
    if missing:
        raise ArchiveError(f"it has no {top}/{missing[0]}")


def _expected(entry: tarfile.TarInfo, top: str, files: Mapping[str, str]) -> str | None:
    """Name of the file to write; `None` for a harmless entry that is not needed."""
    path = posixpath.normpath(entry.name)  # without the "./" that some programs put first
    folder, _, name = path.rpartition("/")
    if entry.isdir() and path in (top, "."):
        return None
    if (entry.isreg() or entry.isdir()) and any(is_left_behind(part) for part in path.split("/") if part != ".."):
        return None
    if not entry.isreg():
        raise ArchiveError(f"{entry.name} is not a regular file")
    if folder != top or name not in (*files, _IGNORED):
        raise ArchiveError(f"{entry.name} is not one of the official files")
    if entry.size > _LARGEST:
        raise ArchiveError(f"{entry.name} is too large: {entry.size:,} bytes")
    return None if name == _IGNORED else name


def _copy(source: IO[bytes], target: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with target.open("wb") as file, ThreadPoolExecutor(1) as helper:

        def keep(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        kept = helper.submit(keep, b"")
        while chunk := source.read(_CHUNK):  # decompression continues while the previous chunk is written
            kept.result()
            kept = helper.submit(keep, chunk)
        kept.result()
    return digest.hexdigest()


class _Bounded(gzip.GzipFile):
    """A stream that raises an error instead of decompressing without end (a decompression bomb)."""

    left = _LARGEST_TOTAL

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        self.left -= len(chunk)
        if self.left < 0:
            raise ArchiveError(f"it unpacks to more than {_LARGEST_TOTAL:,} bytes")
        return chunk
