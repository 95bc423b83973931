"""Paths that a user names, and atomic writing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifar_helpers._paths import atomic_write, reading_problem, user_path, writing_problem


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert user_path("~/c.pt") == tmp_path / "c.pt"
    assert user_path("a/b") == Path("a/b")


def test_a_name_that_begins_with_a_tilde_is_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert user_path("~backup.pt") == Path("~backup.pt")
    Path("~").mkdir()
    Path("~/c.pt").write_bytes(b"x")
    assert user_path("~/c.pt") == Path("~/c.pt")


def test_a_null_character_and_what_is_no_path_are_refused() -> None:
    with pytest.raises(ValueError, match="null character"):
        user_path("a\0b")
    with pytest.raises(ValueError, match="lone surrogate"):
        user_path("a\ud800")
    with pytest.raises(ValueError, match="no such home folder"):
        user_path("~nobody-of-this-name/c.pt")
    for value in (None, 5, ["c.pt"], b"c.pt"):
        with pytest.raises(TypeError, match="must be a string"):
            user_path(value)  # type: ignore[arg-type]


def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "file").write_bytes(b"x")
    assert reading_problem(tmp_path / "file") == ""
    assert "there is no file" in reading_problem(tmp_path / "other")
    assert "gone, which does not exist" in reading_problem(tmp_path / "dangling")
    assert "is a folder" in reading_problem(tmp_path)
    assert "Not a directory" in reading_problem(tmp_path / "file" / "in it")
    assert "too long" in reading_problem(tmp_path / ("n" * 300))


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes")
def test_a_named_pipe_and_a_device_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "named pipe" in reading_problem(tmp_path / "pipe")
    assert "device" in reading_problem(Path(os.devnull))


def test_a_file_without_permission_is_named(unprivileged: Path) -> None:
    secret = unprivileged / "secret"
    secret.write_bytes(b"x")
    secret.chmod(0)
    assert "Permission denied" in reading_problem(secret)


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "file"
    with atomic_write(target) as part:
        part.write_text("one")
    with pytest.raises(RuntimeError, match="in the middle"), atomic_write(target) as part:
        part.write_text("two")
        raise RuntimeError("in the middle")
    assert target.read_text() == "one"
    assert [p.name for p in target.parent.iterdir()] == ["file"]


def test_the_next_success_sweeps_what_killed_processes_left_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f"file.{ended.pid}.part"
    kept = [tmp_path / f"file.{os.getppid()}.part", tmp_path / f"another.{ended.pid}.part", tmp_path / "file.mine.part"]
    for path in (left, *kept):
        path.write_text("half")
    with atomic_write(tmp_path / "file") as part:
        part.write_text("whole")
    assert not left.exists()
    assert all(path.exists() for path in kept)


def test_a_folder_that_may_not_be_written_is_named(unprivileged: Path) -> None:
    unprivileged.chmod(0o500)
    target = unprivileged / "c.pt"
    with pytest.raises(OSError) as caught, atomic_write(target) as part:
        part.write_text("x")
    assert "Permission denied" in writing_problem(target, caught.value)
    assert "Choose a folder" in writing_problem(target, caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named() -> None:
    with pytest.raises(OSError) as caught, Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")
    assert "the disk is full" in writing_problem(Path("/dev/full"), caught.value)
