"""Install the course into the environment whose Python runs this file: `.venv/bin/python tools/install.py`.

On Linux PyTorch comes with support for NVIDIA GPUs, gigabytes of it. Where `nvidia-smi` lists no GPU, its build for
CPUs is taken instead, from PyTorch's own index; `CPU=1` and `CPU=0` decide it without asking. uv installs where it is
there, else pip. An argument names extras other than lab and test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PATIENCE = 4.0  # seconds for the index to answer; where it does not, the usual one has to do
ROOT = Path(__file__).resolve().parent.parent


def has_gpu() -> bool:
    """Whether `nvidia-smi` is there and lists a GPU."""
    asked = shutil.which("nvidia-smi")
    if asked is None:
        return False
    try:
        shown = subprocess.run([asked, "-L"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return shown.returncode == 0 and "GPU" in shown.stdout


def problem_of(index: str) -> str:
    """Why PyTorch cannot be had from an index; empty if it can.

    It must have torchvision too: torchvision's build for GPUs does not work with PyTorch's for CPUs.
    """
    try:
        for name in ("torch", "torchvision"):
            urllib.request.urlopen(f"{index}/{name}/", timeout=PATIENCE).close()
        return ""
    except OSError as error:  # with HTTPError and URLError, which are kinds of it
        return str(getattr(error, "reason", error))


def choice(index: str = CPU_INDEX) -> tuple[bool, str]:
    """Whether to take the build for CPUs from the index, and a line that says why.

    Raises:
        SystemExit: if the variable CPU is neither 0 nor 1.
    """
    wanted = os.environ.get("CPU", "")
    if wanted not in ("", "0", "1"):
        sys.exit(f"CPU must be 1 (PyTorch for CPUs) or 0 (PyTorch as the package index has it), got {wanted!r}")
    if not sys.platform.startswith("linux"):
        return False, "PyTorch: as the package index has it for this system."
    if wanted == "0" or (not wanted and has_gpu()):
        return False, f"PyTorch: with support for NVIDIA GPUs ({'CPU=0' if wanted else 'nvidia-smi lists one'})."
    why = "CPU=1" if wanted else "nvidia-smi lists no GPU; CPU=0 takes the other"
    problem = problem_of(index)
    if problem:
        return False, f"PyTorch: as pip finds it, because its build for CPUs ({why}) cannot be had: {index}: {problem}."
    return True, f"PyTorch: the build for CPUs, gigabytes smaller ({why})."


def pip_is_configured() -> bool:
    """Whether pip has settings, such as an index of its own, that uv would not follow."""
    shown = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    settings = "index-url|no-index|find-links|constraint|proxy|cert|trusted-host"
    return re.search(rf"(?:{settings})=", shown.stdout) is not None


def commands(extras: str, cpu: bool, uv: str | None, index: str = CPU_INDEX) -> list[list[str]]:
    """What is run, in its order: uv if its path is given, else pip. Both keep what is configured for them."""
    course = ["--quiet", "--editable", f"{ROOT}[{extras}]"]
    if uv:
        backend = ["--torch-backend", "cpu"] if cpu else []
        return [[uv, "pip", "install", "--python", sys.executable, *backend, *course]]
    pip = [sys.executable, "-m", "pip", "install"]
    # An index beside the usual one: of equal versions pip takes the one marked +cpu.
    return [[*pip, "--quiet", "--upgrade", "pip"], [*pip, *(["--extra-index-url", index] if cpu else []), *course]]


def main() -> None:
    """Say what is chosen, and install it."""
    cpu, says = choice()
    uv = None if pip_is_configured() else shutil.which("uv")
    print(f"{says} Installing with {'uv' if uv else 'pip'}.", flush=True)
    for command in commands(sys.argv[1] if len(sys.argv) > 1 else "lab,test", cpu, uv):
        done = subprocess.run(command, check=False)
        if done.returncode:
            sys.exit(done.returncode)


if __name__ == "__main__":
    main()
