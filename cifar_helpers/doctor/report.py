"""Check the set-up: `python -m cifar_helpers.doctor`, or the first cell of lesson 00.

Each line says `ok`, `warning` (the course runs with a limitation) or `error` (lessons fail), and how to fix it.
Nothing heavy is imported before its check, so that the doctor works even if a package is missing.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator

from cifar_helpers.doctor import lesson_times as time
from cifar_helpers.doctor import machine as machine
from cifar_helpers.doctor import packages as packages
from cifar_helpers.doctor.finding import Finding, without_folders
from cifar_helpers.doctor.lesson_times import speed

__all__ = ["Finding", "examine", "lines", "main", "report", "speed"]

_SYMBOLS = {"ok": "✓", "warning": "!", "error": "✗"}
_PLAIN_SYMBOLS = {"ok": "+", "warning": "!", "error": "x"}  # for terminals that lack the others
_INDENT = 23
_WIDTH = 79

_CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    packages.python,
    packages.packages,
    packages.torch,
    packages.widgets,
    packages.kernel,
    machine.processor,
    machine.accelerator,
    machine.memory,
    machine.disk,
    machine.data,
)


def examine(*, benchmark: bool = True) -> Iterator[Finding]:
    """Check everything, quickly and without using the network, one finding at a time.

    Args:
        benchmark: if nothing needs fixing, train for about five seconds to estimate the minutes of each lesson.
    """
    healthy = True
    for check in _CHECKS:
        for finding in _careful(check):
            healthy = healthy and finding.status != "error"
            yield finding
    if benchmark and healthy:
        yield from _careful(time.minutes)


def _careful(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # the doctor must survive whatever is broken
        yield Finding("warning", check.__name__, f"could not be checked ({type(error).__name__}: {error})")


def lines(finding: Finding) -> list[str]:
    """A finding as lines of text, with the fix on a line of its own, ready to copy."""
    head = f"{_symbols()[finding.status]} {finding.status:7} {finding.what:12} "
    body = textwrap.wrap(
        without_folders(finding.says), _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False
    )
    text = [f"{head:{_INDENT}}{body[0]}", *(" " * _INDENT + line for line in body[1:])]
    return [*text, f"        -> {finding.fix}"] if finding.fix else text


def _symbols() -> dict[str, str]:
    try:
        "".join(_SYMBOLS.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN_SYMBOLS
    return _SYMBOLS


def report(*, benchmark: bool = True) -> bool:
    """Print what `examine` finds; return true if there is no error."""
    found = []
    for finding in examine(benchmark=benchmark):
        found.append(finding.status)
        print(*lines(finding), sep="\n", flush=True)
    print(f"\n{found.count('error')} errors, {found.count('warning')} warnings.")
    return "error" not in found


def main() -> int:
    """Print the report; return 1 if something needs fixing, else 0."""
    return 0 if report() else 1
