"""The command `cifar-course`, which is `python -m cifar_helpers` too: lessons, doctor, download and grade."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if all went well, 1 if not (argparse ends with 2 if the line cannot be read)."""
    parser = argparse.ArgumentParser(prog="cifar-course", description="A hands-on course on convolutional networks.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lessons = commands.add_parser("lessons", help="write the lessons into a folder")
    lessons.add_argument("folder", help="is created if it is missing; files that are there are never changed")
    commands.add_parser("doctor", help="check the set-up")
    download = commands.add_parser("download", help="download CIFAR-10")
    download.add_argument("folder", nargs="?", help="default: $CIFAR10_ROOT, or the course's own data folder")
    grading = commands.add_parser(
        "grade", help="grade notebooks of learners (runs their code: see resources/grading.md)"
    )
    grading.add_argument("notebook", nargs="+", help="of one learner each, or in one folder per learner")
    grading.add_argument("--csv", required=True, metavar="FILE", help="the table to write, one row per learner")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # a name that a terminal cannot show must not stop a command half-way
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    if given.command == "lessons":
        return _lessons(given.folder)
    if given.command == "download":
        from cifar_helpers.data.__main__ import download as fetch

        return fetch(given.folder)
    if given.command == "grade":
        return _grade(given.notebook, given.csv)
    from cifar_helpers import doctor

    return doctor.main()


def _lessons(folder: str) -> int:
    from cifar_helpers.lessons import LessonsError, report, write_lessons

    try:
        print(report(folder, write_lessons(folder)))
    except (LessonsError, ValueError) as error:
        print(f"The lessons could not be written: {error}.", file=sys.stderr)
        return 1
    return 0


def _grade(notebooks: list[str], table: str) -> int:
    from cifar_helpers.checks.grade import GradingError, grade, write_csv

    grades, unwritten = [], ""
    try:
        for each in grade([Path(notebook) for notebook in notebooks]):
            row = each.row()
            print(f"{row['learner']}: {row['exercises solved']} of {row['exercises']} exercises solved", flush=True)
            grades.append(each)
            try:  # after each learner, so that an end half-way loses no one
                write_csv(table, grades)
                unwritten = ""
            except (GradingError, ValueError) as error:
                unwritten = str(error)
                if len(grades) == 1:  # do not grade a whole class for a table that cannot be written
                    break
    except KeyboardInterrupt:
        print(
            "Stopped; the table has the learners above." if grades else "Stopped; no table was written.",
            file=sys.stderr,
        )
    except GradingError as error:
        print(f"The notebooks could not be graded: {error}.", file=sys.stderr)
        return 1
    if unwritten:
        print(f"The grades could not be written: {unwritten}.", file=sys.stderr)
    return 1 if unwritten else 0


if __name__ == "__main__":
    sys.exit(main())
