"""Fetching a file from real servers that go wrong: the right bytes arrive, or an error says why."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import CONTENT, FaultServer, serving
from helpers import processes, start_process

from cifar_helpers.data import mirrors
from cifar_helpers.data.fetch import DownloadError, fetch

SHA256 = hashlib.sha256(CONTENT).hexdigest()

# Every one of these must be left for the next mirror; alone it must give an error and leave nothing unverified.
FAULTS = [
    "cut-after-0", "cut-after-1", "wrong-byte", "wrong-first-half", "html", "html-unnamed", "missing", "broken",
    "forbidden", "loop", "to-file", "long-claim", "short-claim", "too-long", "zipped", "stall", "silent", "hang-up",
    "nonsense", "rate-3000",
]  # fmt: skip
# These look odd and still bring the file.
HARMLESS = ["good", "no-range", "no-416", "unsaid-length", "chunked", "to-good", "cut-after-300000", "stall-midway"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules with all times divided by ten."""
    monkeypatch.setattr(mirrors, "PATIENCE", 1.0)
    monkeypatch.setattr(mirrors, "STAGGER", 0.3)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serving() as running:
        yield running


def get(urls: Any, target: Path) -> Path:
    return fetch(urls, target, size=len(CONTENT), sha256=SHA256, progress=False)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def keep_part(folder: Path, content: bytes) -> Path:
    part = folder / "file.part"
    part.write_bytes(content)
    return part


# --- one mirror, two mirrors ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("kind", HARMLESS)
def test_the_right_bytes_arrive_and_nothing_else_stays(server: FaultServer, tmp_path: Path, kind: str) -> None:
    assert get([server.url(kind)], tmp_path / "new" / "file").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["file"]


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_mirror_is_left_for_the_next(
    server: FaultServer, tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get([server.url(fault), server.url("good")], tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert "Skipping 127.0.0.1" in capsys.readouterr().out


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_mirror_alone_gives_an_error_and_leaves_nothing_unverified(
    server: FaultServer, tmp_path: Path, fault: str
) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+: \w"):
        get([server.url(fault)], tmp_path / "file")
    # What a cut connection brought may stay, to go on from there, but never under the file's own name.
    assert names(tmp_path) in ([], ["file.part"])
    assert get([server.url("good")], tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("missing", "HTTP 404"), ("broken", "HTTP 500"), ("html", "a web page"), ("wrong-byte", "SHA-256 differs"),
        ("long-claim", r"offers 1,024,100 bytes instead of 1,024,000"), ("cut-after-0", "closed the connection"),
        ("loop", "infinite loop"), ("zipped", "another encoding"),
    ],
)  # fmt: skip
def test_the_reason_is_reported(server: FaultServer, tmp_path: Path, fault: str, says: str) -> None:
    with pytest.raises(DownloadError, match=says):
        get([server.url(fault)], tmp_path / "file")


def test_mirrors_are_asked_in_order_and_no_more_than_needed(server: FaultServer, tmp_path: Path) -> None:
    get([server.url(kind) for kind in ("missing", "good", "broken")], tmp_path / "file")
    assert [fault for fault, _ in server.asked] == ["missing", "good"]


@pytest.mark.usefixtures("_hurried")
def test_a_slow_mirror_is_left_and_the_next_goes_on_from_there(server: FaultServer, tmp_path: Path) -> None:
    get([server.url("rate-50000"), server.url("good")], tmp_path / "file")
    (_, nothing), (fault, asked) = server.asked
    assert nothing is None and fault == "good" and int((asked or "0").strip("bytes=-")) >= 40_000


@pytest.mark.usefixtures("_hurried")
def test_where_all_are_slow_the_fastest_goes_on(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = keep_part(tmp_path, CONTENT[:500_000])
    get([server.url(f"rate-{k}000") for k in (50, 200, 60)], tmp_path / "file")
    assert [fault for fault, _ in server.asked] == ["rate-50000", "rate-200000", "rate-60000", "rate-200000"]
    assert "All mirrors are slow" in capsys.readouterr().out and not part.exists()


def test_a_single_slow_mirror_is_not_left(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrors, "PATIENCE", 0.5)
    keep_part(tmp_path, CONTENT[:900_000])
    get([server.url("rate-80000")], tmp_path / "file")
    assert len(server.asked) == 1


def test_no_answer_at_all_is_known_within_ten_seconds(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all times divided by five: the wait for all mirrors together is as long as for one."""
    assert mirrors.PATIENCE == 10
    monkeypatch.setattr(mirrors, "PATIENCE", 2.0)
    monkeypatch.setattr(mirrors, "STAGGER", mirrors.STAGGER / 5)
    start = time.monotonic()
    with pytest.raises(DownloadError, match="no response within 2 s"):
        get([server.url(f"silent?{k}") for k in range(5)], tmp_path / "file")
    assert time.monotonic() - start < 6 and len(server.asked) == 5


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9: Connection refused|127\.0\.0\.1:9: "):
        get(["http://127.0.0.1:9/file", "http://no-such-host.invalid/file"], tmp_path / "file")
    assert names(tmp_path) == []


def test_a_proxy_is_named_without_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://somebody:secret@127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"through the proxy 127\.0\.0\.1:9") as caught:
        get(["http://example.invalid/file"], tmp_path / "file")
    assert "secret" not in str(caught.value)


# --- addresses on this machine ---------------------------------------------------------------------------------


def test_a_path_and_a_file_address_will_do(tmp_path: Path) -> None:
    there = tmp_path / "with space"
    there.write_bytes(CONTENT)
    for k, address in enumerate((there, str(there), there.as_uri(), [there.as_uri()])):
        assert get(address, tmp_path / f"file{k}").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1], b"", None])
def test_a_local_file_that_is_not_right_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "there").write_bytes(content)
    with pytest.raises(DownloadError, match="there: "):
        get(tmp_path / "there", tmp_path / "file")


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/file", "data:,x", "", "http://", "http://[bad"])
def test_an_address_of_no_use_gives_an_error(tmp_path: Path, address: str) -> None:
    with pytest.raises(DownloadError, match="no address sent the file"):
        get([address], tmp_path / "file")


def test_no_address_at_all_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no address was given"):
        get([], tmp_path / "file")


@pytest.mark.parametrize(("size", "sha256"), [(-1, SHA256), (5, "abc"), (5, "x" * 64)])
def test_a_size_or_digest_that_is_none_is_refused(tmp_path: Path, size: int, sha256: str) -> None:
    with pytest.raises(ValueError, match="sha256"):
        fetch([], tmp_path / "file", size=size, sha256=sha256)


# --- resuming ----------------------------------------------------------------------------------------------------


def test_a_cut_download_goes_on_from_its_part(server: FaultServer, tmp_path: Path) -> None:
    keep_part(tmp_path, CONTENT[:600_000])
    get([server.url("good")], tmp_path / "file")
    assert server.asked == [("good", "bytes=600000-")] and names(tmp_path) == ["file"]


def test_it_goes_on_at_another_mirror(server: FaultServer, tmp_path: Path) -> None:
    get([server.url("cut-after-300000"), server.url("good")], tmp_path / "file")
    assert server.asked == [("cut-after-300000", None), ("good", "bytes=300000-")]


@pytest.mark.parametrize("kind", ["no-range", "no-416", "no-range-cut"])
def test_a_server_without_range_starts_over(server: FaultServer, tmp_path: Path, kind: str) -> None:
    keep_part(tmp_path, CONTENT[:600_000])
    get([server.url(kind), server.url("good")], tmp_path / "file")
    assert names(tmp_path) == ["file"]


def test_a_server_that_refuses_ranges_is_asked_for_the_whole(server: FaultServer, tmp_path: Path) -> None:
    keep_part(tmp_path, CONTENT[:600_000])
    get([server.url("no-416")], tmp_path / "file")
    assert server.asked == [("no-416", "bytes=600000-"), ("no-416", None)]


def test_a_server_that_sends_another_range_is_left(server: FaultServer, tmp_path: Path) -> None:
    keep_part(tmp_path, CONTENT[:600_000])
    with pytest.raises(DownloadError, match="a different part"):
        get([server.url("other-range")], tmp_path / "file")
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:600_000]


@pytest.mark.parametrize("part", [b"x" * 600_000, b"x" * len(CONTENT), CONTENT + b"x", CONTENT[:-1] + b"x"])
def test_a_wrong_part_is_dropped_once(server: FaultServer, tmp_path: Path, part: bytes) -> None:
    keep_part(tmp_path, part)
    get([server.url("good")], tmp_path / "file")
    assert server.asked[-1] == ("good", None) and len(server.asked) <= 2


def test_a_whole_part_needs_no_server(tmp_path: Path) -> None:
    keep_part(tmp_path, CONTENT)
    assert get(["http://127.0.0.1:9/"], tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.usefixtures("_hurried")
def test_a_mirror_that_cuts_and_sends_wrong_bytes_does_not_block_forever(server: FaultServer, tmp_path: Path) -> None:
    server.body = b"?" * len(CONTENT)
    with pytest.raises(DownloadError, match="SHA-256"):
        get([server.url("cut-after-300000")], tmp_path / "file")
    assert len(server.asked) < 20 and names(tmp_path) == []


def test_a_file_that_is_right_is_not_fetched_again_and_a_wrong_one_is_replaced(
    server: FaultServer, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    for wrong in (b"x", b"x" * len(CONTENT)):
        target.write_bytes(wrong)
        get([server.url("good")], target)
        assert target.read_bytes() == CONTENT
    get([server.url("good")], target)
    assert len(server.asked) == 2


def test_what_was_there_stays_where_nothing_better_comes(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(DownloadError):
        get([server.url("missing")], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"mine"


# --- the local side --------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made_is_named(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="cannot be written"):
        get([server.url("good")], tmp_path / "file" / "data")


def _fetch_and_tell(target: Path, url: str, limit: int | None = None) -> None:
    """Report what goes wrong in a process that may not write more than this number of bytes to a file."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server of processes is deaf to it
    if limit:
        import resource  # only POSIX has it

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        fetch([url], target, size=len(CONTENT), sha256=SHA256)
    except Exception as error:
        print(type(error).__name__, error, flush=True)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process")
def test_a_disk_that_fills_up_is_reported_and_the_download_resumes(server: FaultServer, tmp_path: Path) -> None:
    said = tmp_path / "said"
    start_process(said, _fetch_and_tell, tmp_path / "file", server.url("good"), 300_000).join(60)
    assert "DownloadError" in said.read_text() and "cannot be written (File too large)" in said.read_text()
    get([server.url("good")], tmp_path / "file")
    assert server.asked[-1] == ("good", "bytes=300000-")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_a_full_disk_is_reported_with_the_space_left(server: FaultServer, tmp_path: Path) -> None:
    small = tmp_path / "disk"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a disk here")
    try:
        with pytest.raises(DownloadError, match=r"disk is full .* MB left\)\. Free some"):
            get([server.url("good")], small / "file")
    finally:
        subprocess.run(["umount", str(small)], check=True)


# --- several processes, and sudden ends ------------------------------------------------------------------------


def _fetch(url: str, target: str) -> None:
    fetch([url], Path(target), size=len(CONTENT), sha256=SHA256, progress=False)


def test_two_processes_do_not_spoil_each_others_file(server: FaultServer, tmp_path: Path) -> None:
    target = tmp_path / "file"
    both = [processes().Process(target=_fetch, args=(server.url("rate-2000000"), str(target))) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert target.read_bytes() == CONTENT and len(server.asked) == 1 and names(tmp_path) == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_folder_without_locks_will_do(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", none)
    assert get(server.url("good"), tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


def test_ctrl_c_leaves_a_part_to_go_on_from(server: FaultServer, tmp_path: Path) -> None:
    process = start_process(tmp_path / "said", _fetch_and_tell, tmp_path / "file", server.url("rate-400000"))
    part = tmp_path / "file.part"
    while not (part.exists() and part.stat().st_size):
        assert process.is_alive()
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    process.join(30)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert "bytes are kept, and the next call continues from there" in said
    kept = (tmp_path / "file.part").stat().st_size
    assert kept > 0
    get([server.url("good")], tmp_path / "file")
    assert server.asked[-1] == ("good", f"bytes={kept}-")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_at_any_moment_of_a_download(server: FaultServer, tmp_path: Path, kills: int) -> None:
    moments = random.Random(0)
    for k in range(kills):
        target = tmp_path / str(k) / "file"
        process = processes().Process(target=_fetch, args=(server.url("rate-2000000"), str(target)))
        asked = len(server.asked)
        process.start()
        while len(server.asked) == asked:  # a kill before the download has begun would show nothing
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.6))
        process.kill()  # which may have ended by itself
        process.join()
        assert get([server.url("good")], target).read_bytes() == CONTENT
        assert set(names(target.parent)) <= {"file", "file.lock"}


def test_a_message_of_each_switch_names_the_mirror_once(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    get([server.url("missing"), server.url("html"), server.url("good")], tmp_path / "file")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and "404" in said[0] and "web page" in said[1]


def test_progress_shows_rate_and_remaining_time(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch([server.url("rate-1000000")], tmp_path / "file", size=len(CONTENT), sha256=SHA256)
    shown = capsys.readouterr().out
    assert re.search(r"127\.0\.0\.1:\d+: +\d+%.*\[\d\d:\d\d<\d\d:\d\d, .*B/s\]", shown), shown
