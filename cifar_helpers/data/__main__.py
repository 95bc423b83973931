"""Bring CIFAR-10 here: `python -m cifar_helpers.data`."""

from __future__ import annotations

import argparse
import sys

from cifar_helpers.data import DataError, load_cifar10


def main() -> int:
    """0 where the data is there at the end, 1 where not."""
    parser = argparse.ArgumentParser(prog="python -m cifar_helpers.data", description="Bring CIFAR-10 here.")
    parser.add_argument("folder", nargs="?", help="default: $CIFAR10_ROOT, or the project's data folder")
    try:
        load_cifar10(parser.parse_args().folder, source="cifar10")
    except DataError as error:
        print(f"CIFAR-10 is not there: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What has arrived is kept; the same command goes on from there.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
