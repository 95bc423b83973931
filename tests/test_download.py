"""Fetching a file from real servers on this machine: the right bytes, or an error that says why."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifar_helpers import download
from cifar_helpers.download import DownloadError, fetch

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind = self.path.strip("/")
        if kind == "missing":
            self.send_error(404)
            return
        body = {"wrong": CONTENT[:-1] + b"?", "page": b"<html>busy</html>", "long": CONTENT * 2}.get(kind, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) if kind == "cut" else len(body)))
        self.end_headers()
        self.wfile.write(body[:5000] if kind == "cut" else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


def get(urls: list[str], target: Path) -> Path:
    return fetch(urls, target, size=len(CONTENT), sha256=SHA256, progress=False)


def test_the_right_bytes_arrive(server: str, tmp_path: Path) -> None:
    assert get([f"{server}/good"], tmp_path / "new" / "file").read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file"]


@pytest.mark.parametrize("fault", ["missing", "wrong", "page", "long", "cut"])
def test_a_bad_mirror_is_left_for_the_next(
    server: str, tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get([f"{server}/{fault}", f"{server}/good"], tmp_path / "file").read_bytes() == CONTENT
    assert capsys.readouterr().err.count("Mirror left") == 1


@pytest.mark.parametrize("fault", ["missing", "wrong", "page", "long", "cut"])
def test_nothing_unverified_is_kept(server: str, tmp_path: Path, fault: str) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1"):
        get([f"{server}/{fault}"], tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9"):
        get(["http://127.0.0.1:9/file"], tmp_path / "file")


def test_a_file_address_will_do(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(CONTENT)
    assert get([(tmp_path / "there").as_uri()], tmp_path / "file").read_bytes() == CONTENT


def make_archive(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def serve_archive(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    content = archive.read_bytes()
    monkeypatch.setattr(download, "MIRRORS", (archive.as_uri(),))
    monkeypatch.setattr(download, "SIZE", len(content))
    monkeypatch.setattr(download, "SHA256", hashlib.sha256(content).hexdigest())


NAMES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta"]


def test_only_the_expected_files_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"cifar-10-batches-py/{name}": name.encode() for name in NAMES}
    members |= {"../outside": b"bad", "cifar-10-batches-py/extra": b"bad"}
    make_archive(tmp_path / "a.tar.gz", members)
    serve_archive(monkeypatch, tmp_path / "a.tar.gz")
    place = download.fetch_cifar10(tmp_path / "data")
    assert sorted(p.name for p in place.iterdir()) == sorted(NAMES)
    assert (place / "test_batch").read_bytes() == b"test_batch"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz", "data"]
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["cifar-10-batches-py"]


def test_an_archive_without_a_file_leaves_no_half_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_archive(tmp_path / "a.tar.gz", {f"cifar-10-batches-py/{n}": b"x" for n in NAMES[:-2]})
    serve_archive(monkeypatch, tmp_path / "a.tar.gz")
    with pytest.raises(DownloadError, match="test_batch"):
        download.fetch_cifar10(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="cannot be written"):
        download.fetch_cifar10(tmp_path / "file" / "data")
