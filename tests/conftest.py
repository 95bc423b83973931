"""What several test files need: small data sets in every layout, and the real one where it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifar_helpers import Cifar10, load_cifar10
from cifar_helpers.data import default_root
from cifar_helpers.data.readers import find_batches


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_OFFLINE", "1")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of an ordinary user, whom file permissions stop; root, which runs tests in CI, they would not."""
    if os.name != "posix":
        pytest.skip("needs POSIX file permissions")
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


@pytest.fixture(scope="session")
def sketches(tmp_path_factory: pytest.TempPathFactory) -> Cifar10:
    """The course's own drawings, as a learner without data gets them."""
    return load_cifar10(tmp_path_factory.mktemp("sketches"), source="sketches")


@pytest.fixture(scope="session")
def real_data() -> Cifar10:
    """The real CIFAR-10; a test that asks for it is skipped where it is not."""
    if find_batches(default_root()) is None:
        pytest.skip("needs the real CIFAR-10 in data/")
    return load_cifar10(source="cifar10", download=False)
