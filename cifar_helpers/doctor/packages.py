"""The doctor's checks of what is installed and where the kernel runs."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_helpers.doctor import finding
from cifar_helpers.doctor.finding import DISTRIBUTION, Finding, fits, install, installed, requirements

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_EXTRAS = ("course", "lab")  # what the lessons need; the others are for those who change the course
_LAB_PART = "jupyterlab_widgets"  # some versions of ipywidgets write it with a hyphen
_WIDGET_EXTENSION = "labextensions/@jupyter-widgets/jupyterlab-manager/package.json"


def python() -> Iterator[Finding]:
    """Compare the version of Python with `requires-python`."""
    version, wanted = platform.python_version(), ""
    if installed(DISTRIBUTION):
        wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"]
    if wanted and not fits(".".join(map(str, sys.version_info[:3])), wanted):
        says = f"{version}; the course needs {wanted}"
        yield Finding("error", "Python", says, "conda env create -f environment.yml")
    else:
        yield Finding("ok", "Python", f"{version} on {platform.system()} {platform.machine()}")


def packages() -> Iterator[Finding]:
    """Compare each package with the range in the course's metadata; packages for tests are left out."""
    if not installed(DISTRIBUTION):
        yield Finding("error", "packages", "the course itself is not installed here", install('-e ".[lab]"'))
        return
    if importlib.util.find_spec("packaging") is None:
        says = "not installed, and others may be missing too: without it, versions cannot be compared"
        yield Finding("error", "packaging", says, install(" ".join(f'"{line}"' for line in _unread_requirements())))
        return
    good = []
    for (name, ranges), needed_by in _needed().items():
        version = installed(name)
        if version and fits(version, ranges):
            good.append(f"{name} {version}")
            continue
        # JupyterLab may run elsewhere, or another program may be used: the lessons run without it here.
        only_for_lab = needed_by == ["lab"]
        says = f"{version}; the course needs {ranges}" if version else "not installed"
        line = install(f'--upgrade "{name}{ranges}"')
        yield Finding("warning" if only_for_lab else "error", name, says, line)
    if good:
        yield Finding("ok", "packages", ", ".join(good))


def _needed() -> dict[tuple[str, str], list[str]]:
    """The packages that lessons need, each by its name and range, with the extras that ask for it."""
    needed: dict[tuple[str, str], list[str]] = {}
    for wanted in requirements(DISTRIBUTION):
        extras = [extra for extra in ("", *_EXTRAS) if not wanted.marker or wanted.marker.evaluate({"extra": extra})]
        if extras and wanted.name != DISTRIBUTION:  # `lab` contains `course`: by name, or each of its packages again
            needed.setdefault((wanted.name, str(wanted.specifier)), []).extend(extras)
    return needed


def _unread_requirements() -> list[str]:
    """The requirements of every lesson, as written in the metadata; pip installs the missing and outdated ones."""
    parts = [line.partition(";") for line in importlib.metadata.requires(DISTRIBUTION) or []]
    return [
        wanted.strip() for wanted, _, marker in parts if not marker or re.search(r"""extra == ['"]course""", marker)
    ]


def torch() -> Iterator[Finding]:
    """Check that PyTorch can be imported; if it is missing, `packages` says so."""
    if importlib.util.find_spec("torch") is None:
        return
    try:
        importlib.import_module("torch")
    except (ImportError, OSError) as error:  # on Windows a missing library is an OSError
        says = f"installed, but cannot be imported: {error}"
        yield Finding("error", "torch", says, install("--force-reinstall torch torchvision"))


def widgets() -> Iterator[Finding]:
    """Compare `jupyterlab_widgets` with what `ipywidgets` requires; if that is missing, `packages` says so."""
    if not installed("ipywidgets"):
        return
    wanted = _lab_part()
    version = installed(_LAB_PART)
    if not version or not fits(version, str(wanted.specifier)):
        says = f"{_LAB_PART} is {version or 'missing'}; ipywidgets needs {wanted.specifier}"
        yield Finding("error", "widgets", says, install("--upgrade ipywidgets jupyterlab_widgets"))
    else:
        says = f"ipywidgets {installed('ipywidgets')} and {_LAB_PART} {version} match"
        yield Finding("ok", "widgets", says)


def _lab_part() -> Requirement:
    return next(r for r in requirements("ipywidgets") if r.name.replace("-", "_") == _LAB_PART)


def kernel() -> Iterator[Finding]:
    """In a notebook, check that the kernel runs in the server's environment, or that the server's has widgets too.

    Widgets have two halves, one in the kernel and one in the server. If the second is missing, the page says
    "Error displaying widget: model not found".
    """
    if "JPY_PARENT_PID" not in os.environ:
        yield Finding("ok", "kernel", "not in a notebook, so there is nothing to compare")
        return
    server, here = server_prefix(), Path(sys.prefix)
    if server is None:
        yield Finding("ok", "kernel", "the server's environment is unknown here: see whether widgets appear")
    elif server.resolve() == here.resolve():
        yield Finding("ok", "kernel", "runs in the environment of the Jupyter server")
    else:
        yield _other_environment(server, here)


def _other_environment(server: Path, here: Path) -> Finding:
    says = "runs in a different environment from the Jupyter server"
    mine = _extension_version([here / "share" / "jupyter"])
    its = _extension_version(_jupyter_folders(server, here))
    if its and (not mine or mine.split(".")[0] == its.split(".")[0]):
        return Finding("ok", "kernel", f"{says}, which has widgets too")
    says += f", whose widgets are {'of another version' if its else 'missing'}, so none will appear"
    wanted = _lab_part() if installed("ipywidgets") else None
    package = f'"{_LAB_PART}{wanted.specifier}"' if wanted else _LAB_PART
    line = f"{finding.shown(_python_of(server))} -m pip install {package}"
    return Finding("warning", "kernel", f"{says}. Run this in the server's environment, then restart Jupyter:", line)


def _jupyter_folders(server: Path, here: Path) -> list[Path]:
    """Where the server looks: its own environment, and the folders shared by all environments of the user."""
    from jupyter_core.paths import jupyter_path  # installed with every kernel

    shared = [Path(p) for p in jupyter_path() if not Path(p).is_relative_to(here)]
    return [server / "share" / "jupyter", *shared]


def _extension_version(folders: list[Path]) -> str:
    for folder in folders:
        file = folder / _WIDGET_EXTENSION
        if file.is_file():
            return str(json.loads(file.read_text(encoding="utf-8"))["version"])
    return ""


def _python_of(prefix: Path) -> Path:
    windows = prefix / "Scripts" / "python.exe"
    return windows if windows.exists() else prefix / "bin" / "python"


def server_prefix() -> Path | None:
    """`sys.prefix` of the Jupyter server that started this kernel, or `None` if it is unknown."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    if os.name == "nt" or not parent.isdecimal():  # on Windows the variable holds no process number
        return None
    words = _command(parent)[:2]
    if not words or "python" not in Path(words[0]).name.lower():
        return None  # an editor, which brings its own widgets
    # The script comes first: on macOS several environments may share one interpreter.
    found = [Path(w) for w in (*words[1:], shutil.which(words[0]) or words[0]) if os.sep in w]
    folders = [_working_folder(parent) / path.parent.parent for path in found]
    marked = [f for f in folders if (f / "pyvenv.cfg").exists() or (f / "conda-meta").exists()]
    return next(iter([*marked, *(f for f in folders if _python_of(f).exists())]), None)


def _command(process: str) -> list[str]:
    """The words of a process's command line; empty if the system does not report them."""
    try:
        return [w.decode() for w in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")]
    except OSError:
        pass
    try:
        line = ["ps", "-o", "command=", "-p", process]
        return subprocess.run(line, capture_output=True, text=True, timeout=3, check=False).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return []


def _working_folder(process: str) -> Path:
    try:
        return Path(f"/proc/{process}/cwd").readlink()
    except OSError:
        return Path()
