"""`python -m MODULE ARGUMENTS` in a process of its own that need not import torch first, which takes two seconds."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers import processes


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def run_module(
    said: Path, module: str, *arguments: str, environment: Mapping[str, str] | None = None, before: str = ""
) -> Ended:
    """Run a module as `python -m` does.

    Args:
        said: a folder for what the command prints.
        module: as after `-m`.
        environment: variables to set.
        before: Python to run first; alone if there is no module.
    """
    said.mkdir(exist_ok=True)
    files = said / "out", said / "err"
    settings = {**os.environ, **(environment or {})}
    process = processes().Process(target=_run, args=(files, module, arguments, settings, before))
    process.start()
    process.join(120)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{module} {' '.join(arguments)} runs for two minutes")
    out, err = (file.read_text(encoding="utf-8") for file in files)
    return Ended(process.exitcode, out, err)


def _run(
    files: tuple[Path, Path], module: str, arguments: tuple[str, ...], settings: Mapping[str, str], before: str
) -> None:
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(settings)
    exec(before, {"__name__": "__main__"})
    if module:
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
