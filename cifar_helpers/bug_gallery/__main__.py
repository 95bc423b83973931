"""Record all runs of the gallery of bugs again: `python -m cifar_helpers.bug_gallery`."""

from __future__ import annotations

import argparse

from cifar_helpers._paths import resources
from cifar_helpers.bug_gallery.inject import FILE, record
from cifar_helpers.data import load_cifar10


def main(arguments: list[str] | None = None) -> None:
    """Train with each bug on the real data, and write the symptoms to a file."""
    parser = argparse.ArgumentParser(prog="python -m cifar_helpers.bug_gallery", description=__doc__)
    parser.add_argument("--root", default=None, help="folder with the data")
    chosen = parser.parse_args(arguments)
    record(load_cifar10(chosen.root, source="cifar10", download=False), resources() / FILE)


if __name__ == "__main__":
    main()
