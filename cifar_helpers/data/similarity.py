"""Which image is most like which: the nearest class mean, and the search for near-duplicates."""

from __future__ import annotations

import torch
from torch import Tensor


def nearest_mean(images: Tensor, means: Tensor) -> Tensor:
    """The class mean that each image differs from least, in the sum of squared differences over all numbers.

    Args:
        images: float `(N, 3, H, W)`, or of any shape that begins with N.
        means: float `(K, 3, H, W)`, one per class, of the same shape per image.

    Returns:
        Indices of the means, int64 `(N,)`.
    """
    return torch.cdist(images.flatten(1), means.flatten(1)).argmin(1)


def most_similar(images: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """For each image the most similar of the others.

    Images are averaged over squares of 4 × 4 pixels. The similarity of two images is the correlation of the numbers
    that are left: 1 if these are equal up to brightness and contrast. It misses mirror images.

    Args:
        images: uint8 or float `(N, 3, H, W)`.
        others: the same with M images.

    Returns:
        Similarities, float `(N,)`, -1 to 1, and indices into `others`, int64 `(N,)`.
    """
    known = _thumbnails(others)
    found = [(some @ known.T).max(1) for some in torch.split(_thumbnails(images), 1000)]
    return torch.cat([best.values for best in found]), torch.cat([best.indices for best in found])


def _thumbnails(images: Tensor) -> Tensor:
    """Averages of squares of 4 × 4 pixels, with mean 0 and length 1 per image, `(N, 3 * H / 4 * W / 4)`."""
    small = torch.nn.functional.avg_pool2d(images.float(), 4).flatten(1)
    return torch.nn.functional.normalize(small - small.mean(1, keepdim=True))
