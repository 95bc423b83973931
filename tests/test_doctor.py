"""The doctor: it finds what is wrong, names the line that mends it, and outlives anything broken."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import write_batches

from cifar_helpers import doctor


@pytest.fixture(autouse=True)
def _no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))


def found(what: str) -> doctor.Finding:
    return next(f for f in doctor.examine(benchmark=False) if f.what == what)


def test_a_good_set_up_has_nothing_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.report(benchmark=False)
    text = capsys.readouterr().out
    assert f"torch {importlib.metadata.version('torch')}" in text and "jupyterlab" in text
    assert "MEND" not in text


def test_an_old_or_missing_package_is_named_with_the_line_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["torch>=999", "no-such-package>=1.2", 'pytest>=9999; extra == "test"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: asked)
    old, missing = found("torch"), found("no-such-package")
    assert old.status == missing.status == "MEND"
    assert old.mend.endswith('-m pip install --upgrade "torch>=999"')
    assert missing.mend.endswith('-m pip install "no-such-package>=1.2"')
    assert not [f for f in doctor.examine(benchmark=False) if f.what == "pytest"]


def test_damaged_data_is_told_and_no_folder_of_the_machine(tmp_path: Path) -> None:
    (write_batches(tmp_path) / "data_batch_2").unlink()
    finding = found("data")
    assert finding.status == "look" and "data_batch_2" in finding.says and finding.mend
    assert str(tmp_path) not in finding.says


def test_data_is_named_with_its_fingerprint(tmp_path: Path) -> None:
    write_batches(tmp_path)
    finding = found("data")
    assert finding.status == "ok" and "fingerprint" in finding.says


def test_a_check_that_breaks_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: broken())
    findings = doctor.examine(benchmark=False)
    assert any("no such thing" in f.says for f in findings) and any(f.what == "Python" for f in findings)


def test_another_kernel_environment_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    assert found("kernel").status == "ok"
    monkeypatch.setattr(doctor, "_server_python", lambda: "/elsewhere/bin/python")
    assert found("kernel").status == "look" and "jupyterlab_widgets" in found("kernel").mend


def test_the_command_tells_the_minutes_of_the_lessons() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "cifar_helpers.doctor"], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "lesson 04" in result.stdout and "minutes of computing" in result.stdout
