"""Write the lessons into a folder of the learner's own: `cifar-course lessons DIR`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cifar_helpers._paths import atomic_write, is_missing, reading_problem, resources, user_path, writing_problem
from cifar_helpers.heads import HeadError, repository, with_head

__all__ = ["LessonsError", "Written", "write_lessons"]

_WANTED: Final = (
    "notebooks/[0-9]*.ipynb",
    "notebooks/train_together.py",
    "notebooks/conftest.py",
    "resources/*.md",
    "resources/inputs/*",
    "data/README.md",
)
"""What a learner gets, as patterns below the project folder: lessons, what they link to or read, what nbval reads."""


class LessonsError(Exception):
    """The lessons cannot be written; the message says where, why, and what to do."""


@dataclass(frozen=True)
class Written:
    """What `write_lessons` did, as paths relative to the folder.

    Attributes:
        new: files that were missing and are there now.
        same: files that were there, as the course has them.
        kept: files that were there and differ from the course's; they are as they were.
    """

    new: tuple[str, ...]
    same: tuple[str, ...]
    kept: tuple[str, ...]


def write_lessons(folder: Path | str) -> Written:
    """Write notebooks, glossary, notes for teachers, and what lessons and nbval read, each where it is missing.

    A file that is already there is never changed, because a learner may have worked in it.

    Args:
        folder: is created if it is missing; `~` is the home folder.

    Raises:
        LessonsError: if a file cannot be written, something else is in its place, or the project's address is wrong.
        TypeError: if `folder` is neither a string nor a path.
        ValueError: if `folder` cannot be a path.
    """
    target = user_path(folder)
    if target.exists() and not target.is_dir():
        raise LessonsError(f"{target} is not a folder (directory). Choose another folder")
    try:
        address = repository()
    except HeadError as error:
        raise LessonsError(str(error)) from error
    done: dict[str, list[str]] = {"new": [], "same": [], "kept": []}
    for source, name in _course_files():
        done[_place(_content(source, address), target / name)].append(name)
    return Written(**{what: tuple(names) for what, names in done.items()})


def _course_files() -> Iterator[tuple[Path, str]]:
    """Each file with its place below the folder. The wheel has the same folders as the checkout, below one other."""
    root = resources().parent
    for pattern in _WANTED:
        yield from ((path, path.relative_to(root).as_posix()) for path in sorted(root.glob(pattern)))


def _content(source: Path, address: str | None) -> bytes:
    """What a learner gets of a file: notebooks have the head for the project's address."""
    content = source.read_bytes()
    if source.suffix != ".ipynb":
        return content
    return with_head(content.decode("utf-8"), source.name, address).encode("utf-8")


def _place(content: bytes, target: Path) -> str:
    if not is_missing(target):
        if problem := reading_problem(target):
            raise LessonsError(f"{problem}. Move it away, then run the same command again")
        return "same" if target.read_bytes() == content else "kept"
    try:
        with atomic_write(target) as part:
            part.write_bytes(content)
    except OSError as error:
        raise LessonsError(writing_problem(target, error)) from error
    return "new"


def report(folder: Path | str, written: Written) -> str:
    """What was done, and how to begin, in lines for a terminal."""
    lines = [f"{folder}: {len(written.new)} files written, {len(written.same)} already there."]
    if written.kept:
        lines.append("Kept as they are, because they differ from the course's:")
        lines += [f"  {name}" for name in written.kept]
        lines.append("To get the course's version of one, rename yours, then run the same command again.")
    start = os.path.join(folder, "notebooks", "00_start_here.ipynb")  # noqa: PTH118 - as the user wrote the folder
    if re.search(r"[^\w./\\:~-]", start):  # a shell takes it for one name only in quotes, and ~ only without
        start = f'"{os.path.join(user_path(folder), "notebooks", "00_start_here.ipynb")}"'  # noqa: PTH118
    return "\n".join([*lines, f"To begin: jupyter lab {start}"])
