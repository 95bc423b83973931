"""Classic 3×3 kernels, convolution as the course writes it, and what a unit sees."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "KERNELS",
    "Kernel",
    "convolve_loops",
    "convolve_windows",
    "example_windows",
    "extent",
    "grey",
    "half_of",
    "output_size",
    "receptive_field",
]

Kernel = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
Floats = npt.NDArray[np.float32]

KERNELS: Final[dict[str, Kernel]] = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "blur": ((1 / 9, 1 / 9, 1 / 9), (1 / 9, 1 / 9, 1 / 9), (1 / 9, 1 / 9, 1 / 9)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "Sobel, vertical edges": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "Sobel, horizontal edges": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
}
"""Name to rows of numbers. Sobel and Feldman (1968) for the edges."""


def grey(image: npt.NDArray[np.uint8]) -> Floats:
    """Brightness 0..1 of a uint8 image `(3, H, W)` or `(H, W)`, as float32 `(H, W)` (ITU-R BT.601)."""
    if image.ndim == 2:
        return np.asarray(image / 255, np.float32)
    red, green, blue = image.astype(np.float32) / 255
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue, np.float32)


def convolve_loops(image: Floats, kernel: Floats) -> Floats:
    """Slide a kernel over an image, without padding, as two loops.

    What deep learning calls convolution: the kernel is not flipped (mathematics calls it
    cross-correlation).

    Args:
        image: float32 `(H, W)`.
        kernel: float32 `(kh, kw)`, not larger than the image.

    Returns:
        float32 `(H - kh + 1, W - kw + 1)`.
    """
    kh, kw = kernel.shape
    out = np.empty((image.shape[0] - kh + 1, image.shape[1] - kw + 1), np.float32)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            out[row, column] = (image[row : row + kh, column : column + kw] * kernel).sum()
    return out


def convolve_windows(image: Floats, kernel: Floats) -> Floats:
    """`convolve_loops` without loops: all windows at once, as rows of a matrix times the kernel.

    Args:
        image: float32 `(H, W)`.
        kernel: float32 `(kh, kw)`, not larger than the image.

    Returns:
        float32 `(H - kh + 1, W - kw + 1)`.
    """
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    rows = windows.reshape(-1, kernel.size)
    return np.asarray(rows @ kernel.ravel(), np.float32).reshape(windows.shape[:2])


def output_size(size: int, kernel: int, padding: int = 0, stride: int = 1, dilation: int = 1) -> int:
    """Pixels along one side of a convolution's output (Dumoulin and Visin, 2016).

    Raises:
        ValueError: if the kernel does not fit into the padded image, or a number is impossible.
    """
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("size, kernel, stride and dilation must be at least 1, padding at least 0")
    reach = dilation * (kernel - 1) + 1
    if reach > size + 2 * padding:
        raise ValueError(f"a kernel that spans {reach} pixels does not fit into {size} + 2 × {padding}")
    return (size + 2 * padding - reach) // stride + 1


def receptive_field(layers: list[tuple[int, int]]) -> list[int]:
    """Side of the input square that one unit of each layer can see.

    Args:
        layers: (kernel size, stride) of each layer, from the input on.

    Returns:
        One side in pixels for each layer (Araujo, Norris and Sim, 2019).
    """
    field, step, fields = 1, 1, []
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step *= stride
        fields.append(field)
    return fields


def example_windows(image: Floats) -> dict[str, tuple[int, int]]:
    """First row and column of three 3×3 windows: the clearest vertical edge, horizontal edge and uniform area.

    Args:
        image: float32 `(H, W)`, 0..1, at least 3×3.
    """
    names = ("Sobel, vertical edges", "Sobel, horizontal edges")
    across, down = (convolve_windows(image, np.array(KERNELS[name], np.float32)) for name in names)
    change = np.abs(across) + np.abs(down)
    # The difference favours windows with an edge in one direction only.
    clearest = {
        "vertical edge": across - np.abs(down),
        "horizontal edge": np.abs(down) - 4 * np.abs(across),
        "uniform area": -change,
    }
    return {name: _largest(values) for name, values in clearest.items()}


def _largest(values: Floats) -> tuple[int, int]:
    row, column = divmod(int(values.argmax()), values.shape[1])
    return row, column


def extent(influence: npt.NDArray[Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(first row, first column) and (rows, columns) of the rectangle that holds all numbers above zero.

    Args:
        influence: float `(H, W)`, at least 0.

    Raises:
        ValueError: if all are zero.
    """
    rows, columns = (np.flatnonzero((influence > 0).any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ValueError("no pixel has an influence above zero")
    first = int(rows[0]), int(columns[0])
    return first, (int(rows[-1]) - first[0] + 1, int(columns[-1]) - first[1] + 1)


def half_of(influence: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where the fewest pixels are that hold half of the influence: bool `(H, W)`.

    The size of the *effective* receptive field (after Luo et al., 2016) in one number: how many they are.

    Args:
        influence: float `(H, W)`, at least 0.
    """
    order = np.argsort(-influence, axis=None)
    held = np.cumsum(influence.ravel()[order])
    fewest = np.zeros(influence.size, bool)
    fewest[order[: int((held < held[-1] / 2).sum()) + 1]] = True
    return fewest.reshape(influence.shape)
