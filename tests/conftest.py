"""What several test files need: small data sets in every layout, and the real one where it is."""

from __future__ import annotations

import codecs
import gc
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

# The process that hands out tests to others reads this file too; without torch it starts two seconds earlier.
if TYPE_CHECKING:
    from cifar_helpers import Cifar10


def pytest_collection_finish() -> None:
    """Leave out of every search for garbage what stays to the end; with 4,000 tests a search takes a second."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """The same on the way out, where Python searches several times."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_OFFLINE", "1")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of an ordinary user, whom file permissions stop; root, which runs tests in CI, they would not."""
    if os.name != "posix":
        pytest.skip("needs POSIX file permissions")
    # This user may not read Python's own files; a codec that is not found once is never looked for again.
    codecs.lookup("latin1")
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder, ignore_errors=True)


def _shared(factory: pytest.TempPathFactory) -> Path:
    """The folder of all workers."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def installed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, built once for all workers; other packages come from the tests' environment."""
    folder = _shared(tmp_path_factory) / "wheel"
    folder.mkdir(exist_ok=True)
    environment = folder / "environment"
    with FileLock(folder / ".lock"):
        if not (folder / "whole").exists():
            pip = [sys.executable, "-m", "pip"]
            root = Path(__file__).resolve().parent.parent
            subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(root)], check=True)
            (wheel,) = folder.glob("*.whl")
            venv.create(environment, with_pip=False)
            places = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
            python = Path(places["scripts"]) / ("python.exe" if os.name == "nt" else "python")
            install = ["--python", str(python), "install", "--quiet", "--no-deps", "--no-compile", str(wheel)]
            subprocess.run([*pip, *install], check=True)
            # Not a site folder, so the .pth file of the checkout in it is not read.
            (Path(places["purelib"]) / "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
            (folder / "whole").touch()
    return environment


@pytest.fixture(scope="session")
def sketch_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder without data, whose sketches are drawn once for all workers, kernels and browsers.

    `make test` names it in `CIFAR_COURSE_SKETCHES`, for its several calls of pytest.
    """
    from cifar_helpers.data.sketches import load_sketches

    root = Path(os.environ.get("CIFAR_COURSE_SKETCHES", _shared(tmp_path_factory) / "sketches")).resolve()
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".lock"):
        load_sketches(root / ".cache")
    return root


@pytest.fixture(scope="session")
def sketches(sketch_root: Path) -> Cifar10:
    """The course's own drawings, as a learner without data gets them."""
    from cifar_helpers import load_cifar10

    return load_cifar10(sketch_root, source="sketches")


@pytest.fixture(scope="session")
def real_data() -> Cifar10:
    """The real CIFAR-10; a test that asks for it is skipped where it is not."""
    from cifar_helpers import load_cifar10
    from cifar_helpers.data import default_root
    from cifar_helpers.data.readers import find_batches

    if find_batches(default_root()) is None:
        pytest.skip("needs the real CIFAR-10 in data/")
    return load_cifar10(source="cifar10", download=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that the browser was not tested; among other skipped tests it is overlooked."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    without = sum("Chromium is missing" in reason for reason in reasons)
    if without:
        terminalreporter.write_line(
            f"NOT TESTED: the browser ({without} tests), for Chromium is missing: apt-get install chromium, or "
            "playwright install chromium.",
            yellow=True,
        )
