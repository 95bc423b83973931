"""The ten classes of CIFAR-10."""

from __future__ import annotations

from typing import Final

CLASSES: Final[tuple[str, ...]] = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

"""The ten names in the official order of CIFAR-10."""
