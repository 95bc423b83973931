"""Check the set-up: `python -m cifar_helpers.doctor`, and the first cell of lesson 00.

Each line says `ok`, `look` (the course runs, with a limit) or `MEND`, and what to type to mend it. Nothing
heavy is imported before its check, so that the doctor can still speak where a package is missing.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Finding", "examine", "main", "report"]

DISTRIBUTION = "cifar-course"
_SPACE_FOR_DATA = 1.0  # GB: archive, unpacked files and cache
_MEMORY = 4.0  # GB: data, network and Jupyter together


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        status: `ok`, `look` or `MEND`.
        what: the thing that was examined.
        says: what was found.
        mend: the exact line that mends it; empty where nothing is wrong.
    """

    status: str
    what: str
    says: str
    mend: str = ""


def examine(*, benchmark: bool = True) -> list[Finding]:
    """Examine everything, quickly and without the network.

    Args:
        benchmark: train for about five seconds to estimate the minutes of each lesson.
    """
    checks: list[Callable[[], Iterator[Finding]]] = [_python, _packages, _widgets, _environment, _machine, _data]
    findings = [finding for check in checks for finding in _careful(check)]
    if benchmark and not any(f.status == "MEND" for f in findings):
        findings += _careful(_minutes)
    return findings


def _careful(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # the doctor must outlive whatever is broken
        return [Finding("look", check.__name__.strip("_"), f"could not be examined: {error}")]


def report(*, benchmark: bool = True) -> bool:
    """Print what `examine` finds; true if nothing must be mended."""
    findings = examine(benchmark=benchmark)
    for finding in findings:
        print(f"{finding.status:4}  {finding.what:12}  {finding.says}")
        if finding.mend:
            print(f"{'':20}-> {finding.mend}")
    return all(finding.status != "MEND" for finding in findings)


def _python() -> Iterator[Finding]:
    # pip installs the course only where Python is new enough, so there is nothing to compare.
    yield Finding("ok", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _requirements() -> list[tuple[str, str, bool]]:
    """(package, lowest version, whether it is only for the lab) as the distribution asks for them."""
    found = []
    for line in importlib.metadata.requires(DISTRIBUTION) or []:
        match = re.match(r"([\w.-]+)\s*>=\s*([\d.]+)(.*)", line)
        if match and "test" not in match[3]:
            found.append((match[1], match[2], "extra" in match[3]))
    return found


def _packages() -> Iterator[Finding]:
    try:
        wanted = _requirements()
    except importlib.metadata.PackageNotFoundError:
        yield Finding("MEND", "packages", "the course is not installed here", f'{_pip()} install -e ".[lab]"')
        return
    good = []
    for package, lowest, _ in wanted:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield Finding("MEND", package, "is not installed", f'{_pip()} install "{package}>={lowest}"')
            continue
        if _numbers(version) < _numbers(lowest):
            line = f'{_pip()} install --upgrade "{package}>={lowest}"'
            yield Finding("MEND", package, f"{version}; the course needs {lowest} or newer", line)
        else:
            good.append(f"{package} {version}")
    for start in range(0, len(good), 4):
        yield Finding("ok", "packages" if start == 0 else "", ", ".join(good[start : start + 4]))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(x) for x in re.findall(r"\d+", version.split("+")[0])[:3])


def _pip() -> str:
    return f"{Path(sys.executable).name} -m pip"


def _widgets() -> Iterator[Finding]:
    have = {name: _version(name) for name in ("ipywidgets", "jupyterlab_widgets")}
    if not all(have.values()):
        yield Finding("MEND", "widgets", "ipywidgets is incomplete", f"{_pip()} install --upgrade ipywidgets")
    else:
        yield Finding("ok", "widgets", ", ".join(f"{name} {version}" for name, version in have.items()))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _environment() -> Iterator[Finding]:
    """In a notebook: does the kernel run in the environment of the server that shows it?"""
    server = _server_python()
    if "JPY_PARENT_PID" not in os.environ and "JPY_SESSION_NAME" not in os.environ:
        yield Finding("ok", "kernel", "not in a notebook: nothing to compare")
    elif server is None or Path(server).parent == Path(sys.executable).parent:
        yield Finding("ok", "kernel", "runs in the environment of the Jupyter server")
    else:
        yield Finding(
            "look",
            "kernel",
            "runs in another environment than the Jupyter server, so widgets may not be shown",
            f"{Path(server).name} -m pip install jupyterlab_widgets   (in the server's environment)",
        )


def _server_python() -> str | None:
    """The Python that runs the server, where the system tells."""
    command = Path(f"/proc/{os.environ.get('JPY_PARENT_PID', '')}/cmdline")
    try:
        return command.read_bytes().split(b"\0")[0].decode() or None
    except (OSError, UnicodeDecodeError):
        return None


def _machine() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    says = f"{threads} threads for {cores} cores"
    if threads * 2 < cores or threads > cores:
        mend = f"set OMP_NUM_THREADS={max(1, cores // 2)} before you start"
        yield Finding("look", "processor", f"{says}: training will be slow", mend)
    else:
        yield Finding("ok", "processor", f"{says}, {torch.backends.cpu.get_cpu_capability()}")
    if torch.accelerator.is_available():
        yield Finding("ok", "accelerator", str(torch.accelerator.current_accelerator()))
    else:
        yield Finding("ok", "accelerator", "none: the course runs on the processor")
    memory = _memory()
    if memory:
        enough = memory >= _MEMORY
        mend = "" if enough else "close other programs before lessons 03 and 04"
        yield Finding("ok" if enough else "look", "memory", f"{memory:.0f} GB", mend)


def _memory() -> float:
    """Memory of the machine in GB; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return 0.0


def _data() -> Iterator[Finding]:
    from cifar_helpers.data import default_root, describe

    root = default_root()
    place = root if root.exists() else next(p for p in root.resolve().parents if p.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free < _SPACE_FOR_DATA:
        mend = "free some space, or set CIFAR10_ROOT to a folder on another disk"
        yield Finding("look", "disk", f"{free:.1f} GB free, the data needs {_SPACE_FOR_DATA:.0f}", mend)
    else:
        yield Finding("ok", "disk", f"{free:.0f} GB free for the data")
    status, says = describe(root)
    mend = "delete the folder of the data and run load_cifar10() again" if status == "look" else ""
    yield Finding(status, "data", says, mend)


def speed(seconds: float = 5.0) -> float:
    """Training steps of `CifarCNN` a second, batch 100, measured for about so many seconds."""
    import torch

    from cifar_helpers.data import ImageSet
    from cifar_helpers.models import CifarCNN
    from cifar_helpers.training import fit

    images = torch.zeros(1000, 3, 32, 32, dtype=torch.uint8)
    train = ImageSet(images, torch.arange(1000) % 10)
    model, steps, rates = CifarCNN(), 8, []
    fit(model, train, epochs=1, progress=False)  # warm-up
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        rates.append(steps / fit(model, train, epochs=1, progress=False)["seconds"][0])
    return sorted(rates)[len(rates) // 2]


def _minutes() -> Iterator[Finding]:
    from cifar_helpers._resources import resources

    kept: dict[str, Any] = json.loads((resources() / "lesson_seconds.json").read_text(encoding="utf-8"))
    factor = kept["steps_per_second"] / speed()
    for name, seconds in kept["seconds"].items():
        yield Finding("ok", f"lesson {name[:2]}", f"about {max(0.1, seconds * factor / 60):.1f} minutes of computing")


def main() -> int:
    """Print the report; 1 if something must be mended."""
    return 0 if report() else 1


if __name__ == "__main__":
    sys.exit(main())
