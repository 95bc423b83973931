"""Packages that only a part of the course needs: an import that fails names the extra that installs them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports of packages that an extra of the course installs.

    Args:
        name: of the extra, such as `course`.

    Raises:
        ModuleNotFoundError: if a package is missing; the message says what to install.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        line = f'pip install "cifar-course[{name}]"'
        raise ModuleNotFoundError(
            f"{error.name} is not installed. Run {line}, then start Python again", name=error.name
        ) from error
