"""Download CIFAR-10: `python -m cifar_helpers.data`."""

from __future__ import annotations

import argparse
import sys

from cifar_helpers.data import DataError, load_cifar10


def download(folder: str | None) -> int:
    """Download CIFAR-10 into a folder, or into the default one; return 0 if it is there afterwards, 1 if not."""
    try:
        load_cifar10(folder, source="cifar10")
    except DataError as error:
        print(f"CIFAR-10 could not be loaded: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The downloaded part is kept; run the same command to continue.", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Return 0 if the data is available afterwards, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m cifar_helpers.data", description="Download CIFAR-10.")
    parser.add_argument("folder", nargs="?", help="default: $CIFAR10_ROOT, or the project's data folder")
    return download(parser.parse_args().folder)


if __name__ == "__main__":
    sys.exit(main())
