"""The doctor's checks of processor, accelerator, memory, disk and data."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cifar_helpers.doctor.finding import Finding, shown

_SPACE_FOR_DATA = 1.0  # GB, for archive, unpacked files and cache
_MEMORY = 4.0  # GB, for data, network and Jupyter together
_QUOTA = Path("/sys/fs/cgroup")  # where Linux keeps the limits of a container


def processor() -> Iterator[Finding]:
    """Compare the threads that PyTorch uses with the cores that it may use."""
    import torch

    cores, threads = usable_cores(), torch.get_num_threads()
    says = f"{threads} {'thread' if threads == 1 else 'threads'} for {cores} {'core' if cores == 1 else 'cores'}"
    # Two logical cores share the arithmetic of one, so half as many threads as logical cores is fine.
    if threads > cores or threads * 2 < cores:
        line = f"import torch; torch.set_num_threads({cores if threads > cores else max(1, cores // 2)})"
        yield Finding(
            "warning", "processor", f"{says}, so training will be slow. In the first cell of a lesson, run:", line
        )
    else:
        yield Finding("ok", "processor", f"{says}, {torch.backends.cpu.get_cpu_capability()}")


def usable_cores() -> int:
    """Number of logical cores that this process may use, within the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = _read(_QUOTA / "cpu.max").split()
    if len(words) == 2 and words[0].isdecimal():
        cores = min(cores, max(1, math.ceil(int(words[0]) / int(words[1]))))
    return cores


def accelerator() -> Iterator[Finding]:
    """Look for a GPU or similar; a build of PyTorch names the kind that it supports even if there is none."""
    import torch

    kind = torch.accelerator.current_accelerator()
    if kind is None:
        yield Finding("ok", "accelerator", "none: the course runs on the processor")
    elif torch.accelerator.is_available():
        name = torch.cuda.get_device_name() if kind.type == "cuda" else kind.type
        yield Finding("ok", "accelerator", f"{name}; lesson 05 uses it")
    else:
        says = f"none, although PyTorch is built for {kind.type}: the course runs on the processor"
        yield Finding("ok", "accelerator", says)


def memory() -> Iterator[Finding]:
    """Check the memory of the machine, or of the container."""
    size = usable_memory()
    if not size:
        yield Finding("ok", "memory", "unknown: this system does not report it")
    elif size < _MEMORY:
        says = f"{size:.1f} GB, but the course needs {_MEMORY:.0f}: a kernel may crash"
        yield Finding(
            "warning",
            "memory",
            says,
            "close other programs, and shut down each lesson (Kernel > Shut Down) before the next",
        )
    else:
        yield Finding("ok", "memory", f"{size:.0f} GB")


def usable_memory() -> float:
    """Memory in GB; 0 if the system does not report it."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0.0
    limit = _read(_QUOTA / "memory.max").strip()
    return (min(size, int(limit)) if limit.isdecimal() else size) / 1e9


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""


def disk() -> Iterator[Finding]:
    """Check the free space for the data."""
    from cifar_helpers.data import default_root

    root = default_root().absolute()
    place = next(p for p in (root, *root.parents) if p.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free < _SPACE_FOR_DATA:
        says = f"{free:.1f} GB free for the data, which needs {_SPACE_FOR_DATA:.0f}"
        yield Finding("warning", "disk", says, "free some space, or set CIFAR10_ROOT to a folder on another disk")
    else:
        yield Finding("ok", "disk", f"{free:.1f} GB free for the data" if free < 10 else "more than 10 GB free")


def data() -> Iterator[Finding]:
    """Report what `load_cifar10` will find, with its fingerprint; nothing is downloaded."""
    from cifar_helpers.data import default_root, describe

    root = default_root()
    status, says = describe(root)
    if status == "ok":
        yield Finding("ok", "data", says)
    else:  # load_cifar10 stops at damaged data, and so does every lesson
        place = "the folder CIFAR10_ROOT" if "CIFAR10_ROOT" in os.environ else shown(root)
        fix = f"do that, or move the data out of {place}, so that load_cifar10() downloads it"
        yield Finding("error", "data", says, fix)
