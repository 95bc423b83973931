"""Open a file of known size at the first of several addresses that responds."""

from __future__ import annotations

import http.client
import queue
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, cast
from urllib.parse import urlsplit

from cifar_helpers._paths import reading_problem, user_path

PATIENCE: Final = 10.0  # seconds without a response, or without a byte
STAGGER: Final = 1.5  # seconds after which the next address is tried alongside a silent one
NO_ANSWER_YET: Final = "no response yet"
UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
# What network operations raise; anything else is a bug in this program.
NETWORK_ERRORS: Final = (OSError, http.client.HTTPException)


class Refused(Exception):
    """An address does not offer the file; the message says why."""


@dataclass(frozen=True)
class Answer:
    """An open connection to an address: `stream` yields the file's bytes from `offset` on."""

    url: str
    stream: BinaryIO
    offset: int


def name_of(url: str) -> str:
    """The host of an address; a local path is returned as it is."""
    place = url.partition("://")[2].partition("/")[0]
    return place.rpartition("@")[2] or url


def is_local(url: str) -> bool:
    """Whether an address is a file on this machine."""
    return "://" not in url or url.lower().startswith("file:")


def first_answer(urls: Sequence[str], offset: int, size: int) -> tuple[Answer | None, dict[str, str]]:
    """Open the addresses in order, each as soon as those before it have failed or been silent for a while.

    Returns:
        The first response, or `None` if there is none within `PATIENCE` seconds; and the reason for each address
        that failed or was silent.
    """
    race = _Race(offset, size)
    waiting, reasons = list(urls), dict[str, str]()
    end = time.monotonic() + PATIENCE
    while waiting or race.running:
        if waiting:
            race.enter(waiting.pop(0))
        pause = min(STAGGER, end - time.monotonic()) if waiting else end - time.monotonic()
        try:
            url, outcome = race.finished.get(timeout=max(pause, 0.01))
        except queue.Empty:
            if time.monotonic() >= end:
                break
            continue
        race.running.discard(url)
        if isinstance(outcome, Answer):
            race.close()
            return outcome, {**reasons, **dict.fromkeys(race.running, NO_ANSWER_YET)}
        reasons[url] = outcome
    race.close()
    return None, {**reasons, **dict.fromkeys([*race.running, *waiting], f"no response within {PATIENCE:.0f} s")}


class _Race:
    """Addresses being opened, each in a thread of its own; those that respond too late are closed."""

    def __init__(self, offset: int, size: int) -> None:
        self.offset, self.size = offset, size
        self.finished: queue.SimpleQueue[tuple[str, Answer | str]] = queue.SimpleQueue()
        self.running: set[str] = set()
        self._lock, self._over = threading.Lock(), False

    def enter(self, url: str) -> None:
        self.running.add(url)
        # A daemon thread: a name lookup can hang for long, and must not keep Python from exiting.
        threading.Thread(target=self._open, args=(url,), daemon=True).start()

    def _open(self, url: str) -> None:
        try:
            outcome: Answer | str = open_at(url, self.offset, self.size)
        except (Refused, *NETWORK_ERRORS, ValueError) as error:
            outcome = reason_of(error)
        with self._lock:
            if self._over and isinstance(outcome, Answer):
                outcome.stream.close()
            self.finished.put((url, outcome))

    def close(self) -> None:
        with self._lock:
            self._over = True
            while not self.finished.empty():
                outcome = self.finished.get()[1]
                if isinstance(outcome, Answer):
                    outcome.stream.close()


def reason_of(error: BaseException) -> str:
    """What went wrong, in readable form: `HTTP 404 Not Found`, `timed out`, `Name or service not known`."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}".splitlines()[0]
    inner = getattr(error, "reason", None) or error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"{UNTRUSTED} ({inner.verify_message})"
    return str(getattr(inner, "strerror", None) or inner) or type(error).__name__


def open_at(url: str, offset: int, size: int) -> Answer:
    """Open one address at a byte of its file; the response may start before that byte.

    Raises:
        Refused: if it does not offer a file of this size.
        OSError: or another of `NETWORK_ERRORS`, if it cannot be reached.
    """
    if is_local(url):
        return _open_local(url, offset, size)
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused("only https, http and file addresses and paths can be opened")
    if "@" in urlsplit(url).netloc:
        raise Refused("addresses with a user name are not supported. Download the file yourself, and give its path")
    headers = {"User-Agent": "cifar-course", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and offset:
            return open_at(url, 0, size)
        raise
    try:
        start = _check(response, offset, size)
    except Refused:
        response.close()
        raise
    return Answer(url, response, start)


def _open_local(url: str, offset: int, size: int) -> Answer:
    is_address = url.lower().startswith("file:")
    path = user_path(urllib.request.url2pathname(urlsplit(url).path) if is_address else url)
    problem = reading_problem(path)
    if problem:
        raise Refused(problem)
    found = path.stat().st_size
    if found != size:
        raise Refused(f"has {found:,} bytes instead of {size:,}")
    stream = path.open("rb")
    stream.seek(offset)
    return Answer(url, cast(BinaryIO, stream), offset)


def _check(response: http.client.HTTPResponse, offset: int, size: int) -> int:
    """The byte at which a response starts."""
    head = response.headers
    if head.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise Refused("sent a web page instead of the file")
    if head.get("Content-Encoding", "identity") != "identity":
        raise Refused(f"sent the file in another encoding ({head['Content-Encoding']})")
    start = 0
    if response.status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", head.get("Content-Range", ""))
        if span is None or int(span[1]) != offset or span[2] not in ("*", str(size)):
            raise Refused(
                f"sent a different part from the one requested ({head.get('Content-Range', 'no Content-Range')})"
            )
        start = offset
    elif response.status != 200:
        raise Refused(f"HTTP {response.status} {response.reason}")
    length = head.get("Content-Length", "")
    if length.isdigit() and int(length) != size - start:
        raise Refused(f"offers {int(length):,} bytes instead of {size - start:,}")
    return start
