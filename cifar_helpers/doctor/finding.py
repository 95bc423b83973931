"""Shared by the doctor's checks: findings, versions, and how to write a path or an install command."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from cifar_helpers._paths import checkout

if TYPE_CHECKING:
    from packaging.requirements import Requirement  # the doctor must run without it if it is missing

Status: TypeAlias = Literal["ok", "warning", "error"]
DISTRIBUTION = "cifar-course"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        status: `ok`; `warning` if the course runs with a limitation; or `error` if lessons fail.
        what: the thing that was checked.
        says: what was found.
        fix: the command or action that fixes it; empty if nothing is wrong.
    """

    status: Status
    what: str
    says: str
    fix: str = ""


def requirements(distribution: str) -> list[Requirement]:
    """The requirements of an installed distribution, from its metadata.

    Raises:
        importlib.metadata.PackageNotFoundError: if it is not installed.
        ModuleNotFoundError: if `packaging` is missing.
    """
    from packaging.requirements import Requirement

    return [Requirement(line) for line in importlib.metadata.requires(distribution) or []]


def installed(package: str) -> str:
    """Version of an installed package, or an empty string."""
    try:
        return importlib.metadata.version(package) or ""  # None if an installation was interrupted
    except importlib.metadata.PackageNotFoundError:
        return ""


def fits(version: str, ranges: str) -> bool:
    """Whether a version is in a range such as `>=2.6,<4`.

    A pre-release counts as its release, because GPU vendors label their builds of PyTorch 2.6.0a0 and the like.

    Raises:
        ValueError: if a range cannot be read.
        ModuleNotFoundError: if `packaging` is missing.
    """
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    allowed = SpecifierSet(ranges)
    try:
        return allowed.contains(Version(version).base_version)
    except InvalidVersion:
        return False


def shown(path: Path) -> str:
    """A path without this machine's folders: relative to the checkout or to `~`, else only its name."""
    project = checkout()
    if project and path.is_relative_to(project):
        return path.relative_to(project).as_posix()
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else path.name


def without_folders(text: str) -> str:
    """A message with this machine's folders shortened as in `shown`."""
    project = checkout()
    if project:
        text = text.replace(f"{project}{os.sep}", "").replace(str(project), project.name)
    return text.replace(str(Path.home()), "~") if len(Path.home().parts) > 1 else text


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def install(what: str) -> str:
    """The line that installs packages for this Python: a magic command in a notebook, else a shell command."""
    return f"%pip install {what}" if in_notebook() else f"{shown(Path(sys.executable))} -m pip install {what}"
