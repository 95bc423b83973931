"""What the doctor's checks share: a finding, versions, and how to write a folder or an install line."""

from __future__ import annotations

import importlib.metadata
import operator
import os
import re
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, TypeAlias

from cifar_helpers._paths import checkout

Status: TypeAlias = Literal["ok", "warning", "error"]
DISTRIBUTION = "cifar-course"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        status: `ok`; `warning`, the course runs with a limit; or `error`, lessons fail.
        what: the thing that was examined.
        says: what was found.
        fix: the line that fixes it; empty where nothing is wrong.
    """

    status: Status
    what: str
    says: str
    fix: str = ""


@dataclass(frozen=True)
class Requirement:
    """A package that a distribution asks for: `ranges` like `>=2.6`, `extra` like `lab`, or empty."""

    package: str
    ranges: str
    extra: str


def requirements(distribution: str) -> list[Requirement]:
    """What an installed distribution asks for, as its metadata says.

    Raises:
        importlib.metadata.PackageNotFoundError: if it is not installed.
    """
    found = []
    for line in importlib.metadata.requires(distribution) or []:
        asked, _, condition = line.partition(";")
        package, ranges = re.findall(r"^\s*([\w.-]+)(?:\[.*\])?\s*\(?([^)]*)\)?", asked)[0]
        extra = re.search(r"extra\s*==\s*['\"](.+?)['\"]", condition)
        found.append(Requirement(package, ranges.strip(), extra[1] if extra else ""))
    return found


def installed(package: str) -> str:
    """Version of an installed package, or an empty string."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def fits(version: str, ranges: str) -> bool:
    """Whether a version lies in ranges like `>=2.6,<4`; `packaging`, which does it fully, may be missing.

    Raises:
        ValueError: if a range cannot be read.
    """
    return all(_fits_one(_numbers(version), part.strip()) for part in ranges.split(",") if part.strip())


_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def _fits_one(have: list[int], part: str) -> bool:
    match = re.fullmatch(r"(~=|>=|<=|==|!=|>|<)\s*(\d[\d.]*)\S*", part)
    if match is None:
        raise ValueError(f"the version range {part!r} cannot be read")
    wanted = _numbers(match[2])
    pairs = list(zip_longest(have, wanted, fillvalue=0))
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    if match[1] == "~=":  # at least this, and the same in all numbers but the last
        return left >= right and left[: len(wanted) - 1] == wanted[:-1]
    return bool(_COMPARE[match[1]](left, right))


def _numbers(version: str) -> list[int]:
    """The release numbers: 2.6.0 of `2.6.0rc1+cpu`."""
    match = re.match(r"\d+(\.\d+)*", version)
    return [int(x) for x in match[0].split(".")] if match else []


def shown(path: Path) -> str:
    """A path without the machine's folders: in the checkout, or under `~`, else its name alone."""
    project = checkout()
    if project and path.is_relative_to(project):
        return path.relative_to(project).as_posix()
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else path.name


def without_folders(text: str) -> str:
    """A message, with the folders of this machine written as `shown` writes them."""
    project = checkout()
    if project:
        text = text.replace(f"{project}{os.sep}", "").replace(str(project), project.name)
    return text.replace(str(Path.home()), "~") if len(Path.home().parts) > 1 else text


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def install(what: str) -> str:
    """The line that installs packages for this very Python: a magic in a notebook, else a command."""
    return f"%pip install {what}" if in_notebook() else f"{shown(Path(sys.executable))} -m pip install {what}"
