"""A kernel to edit, what it makes of a picture, and puzzles to solve with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np
import torch
import traitlets
from torch import Tensor, nn
from torch.nn.functional import conv2d

from cifar_helpers.inference import shipped_model
from cifar_helpers.kernels import KERNELS, Floats, example_windows, grey, output_size
from cifar_helpers.models import CifarCNN
from cifar_helpers.widgets._arrays import Numbers
from cifar_helpers.widgets._base import CourseWidget

__all__ = ["PUZZLES", "KernelBench", "distance", "kernel_bench", "nearest", "pixels_of"]

_CHANNELS: Final = ("grey", "red", "green", "blue", "all colours")
_GAUSS: Final = np.array([1, 4, 6, 4, 1]) / 16
_PRESETS: Final[dict[str, list[list[float]]]] = {
    **{name: [list(row) for row in rows] for name, rows in KERNELS.items()},
    "blur, 5 × 5": np.full((5, 5), 1 / 25).tolist(),
    "Gaussian, 5 × 5": np.outer(_GAUSS, _GAUSS).tolist(),
}
PUZZLES: Final[dict[str, Floats]] = {
    name: np.array(rows, np.float32)
    for name, rows in {
        "1: half as bright": ((0, 0, 0), (0, 0.5, 0), (0, 0, 0)),
        "2: moved to the right": ((0, 0, 0), (1, 0, 0), (0, 0, 0)),
        "3: mean of left and right": ((0, 0, 0), (0.5, 0, 0.5), (0, 0, 0)),
        "4: right minus left": ((0, 0, 0), (-1, 0, 1), (0, 0, 0)),
        "5: below minus above": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
        "6: outline": ((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
    }.items()
}
"""Name of the puzzle to the kernel that solves it."""


def distance(kernel: Floats, target: Floats) -> float:
    """How far a kernel is from another: 0 if they are equal, 1 for a kernel of zeros.

    It is the Euclidean distance of their numbers, relative to the length of the target's: how much
    their results differ on white noise, which no two kernels treat alike.
    """
    size = max(len(kernel), len(target))
    kernel, target = (np.pad(k, (size - len(k)) // 2) for k in (kernel, target))
    return float(np.linalg.norm(kernel - target) / np.linalg.norm(target))


def nearest(kernel: Floats, model: nn.Module) -> tuple[int, float, Floats]:
    """The kernel of a network's first layer that is most like this one on a grey picture.

    Returns:
        Its number, the cosine of the angle between both (1: the same up to contrast; −1: the opposite sign, which
        counts as alike), and its numbers, summed over the colours: float32 `(3, 3)`.
    """
    learned = _first_layer(model)
    inner = kernel[len(kernel) // 2 - 1 : len(kernel) // 2 + 2, len(kernel) // 2 - 1 : len(kernel) // 2 + 2]
    lengths = np.linalg.norm(learned, axis=(1, 2)) * np.linalg.norm(kernel)
    likeness = (learned * inner).sum((1, 2)) / np.maximum(lengths, 1e-9)
    best = int(np.abs(likeness).argmax())
    return best, float(likeness[best]), learned[best]


def _first_layer(model: nn.Module) -> Floats:
    return np.asarray(next(model.parameters()).detach().cpu().float().sum(1).numpy())


class KernelBench(CourseWidget, module="kernel_bench"):
    """The bench: assign to `kernel`, `pixel`, `padding`, `stride`, `dilation`, `channel` or `puzzle` to change it.

    Attributes:
        kernel: float64 `(3, 3)` or `(5, 5)`, numbers from −100 to 100.
        pixel: row and column of the result whose products are shown.
        channel: "grey", "red", "green", "blue", or "all colours", of which each is convolved by itself.
        puzzle: number of the puzzle, 0 for none.
        solved: numbers of the solved puzzles.
        size: height and width of the picture; `image` holds its bytes.
    """

    image = cast(bytes, traitlets.Bytes().tag(sync=True))
    size = cast(tuple[int, int], traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0)).tag(sync=True))
    presets = cast(dict[str, Any], traitlets.Dict(_PRESETS).tag(sync=True))
    puzzles = cast(dict[str, Any], traitlets.Dict({k: v.tolist() for k, v in PUZZLES.items()}).tag(sync=True))
    kernel = Numbers(KERNELS["Sobel, vertical edges"], shapes=((3, 3), (5, 5)), limit=100)
    padding = cast(int, traitlets.Int(1, min=0, max=3).tag(sync=True))
    stride = cast(int, traitlets.Int(1, min=1, max=4).tag(sync=True))
    dilation = cast(int, traitlets.Int(1, min=1, max=4).tag(sync=True))
    channel = cast(str, traitlets.Enum(_CHANNELS, "grey").tag(sync=True))
    pixel = cast(
        tuple[int, int], traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0)).tag(sync=True)
    )
    puzzle = cast(int, traitlets.Int(0, min=0, max=len(PUZZLES)).tag(sync=True))
    solved = cast(list[int], traitlets.List(traitlets.Int(min=1, max=len(PUZZLES))).tag(sync=True))

    def __init__(self, pixels: np.ndarray[Any, Any], model: CifarCNN | None = None, **state: Any) -> None:
        self._model = model
        size = pixels.shape[-2:]
        rows_first = pixels if pixels.ndim == 2 else np.moveaxis(pixels, 0, 2)
        super().__init__(image=np.ascontiguousarray(rows_first).tobytes(), size=size, **state)

    @property
    def result(self) -> Floats:
        """float32 `(h, w)`, or `(3, h, w)` for all colours: what `conv2d` makes of the picture.

        Raises:
            ValueError: if the kernel does not fit into the picture.
        """
        self._output_size()
        weight = torch.from_numpy(self.kernel.astype(np.float32))[None, None]
        channels = torch.from_numpy(self._channels())[:, None]
        result = conv2d(channels, weight, None, self.stride, self.padding, self.dilation)[:, 0].numpy()
        return np.asarray(result if len(result) == 3 else result[0])

    @property
    def nearest(self) -> tuple[int, float, Floats]:
        """The learned kernel that is most like this one: see `nearest`."""
        return nearest(self.kernel.astype(np.float32), self._network())

    def words(self) -> str:
        """Kernel, result, and the state of the puzzle."""
        kernel = "; ".join(" ".join(f"{value:.3g}" for value in row) for row in self.kernel)
        try:
            result = self.result
        except ValueError as error:
            return f"The kernel {kernel}: {error}."
        (row, column), puzzle = self.pixel, ""
        here = ", ".join(f"{value:.2f}" for value in np.atleast_1d(result[..., row, column]))
        if self.puzzle:
            name = list(PUZZLES)[self.puzzle - 1]
            puzzle = (
                f" Puzzle {name}: relative distance to the secret kernel {distance(self.kernel, PUZZLES[name]):.2f}."
            )
        height, width = result.shape[-2:]
        return (
            f"The kernel {kernel} turns the picture into {height} × {width} numbers from {result.min():.2f} to "
            f"{result.max():.2f}; in row {row}, column {column} the products add up to {here}.{puzzle}"
        )

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """The kernels of the network's first layer, summed over colours."""
        return {"learned": lambda: _first_layer(self._network()).tobytes()}

    def _network(self) -> nn.Module:
        return self._model or shipped_model()

    def _channels(self) -> Floats:
        """float32 `(C, H, W)`, 0..1: one channel, or three for all colours."""
        values = np.frombuffer(self.image, np.uint8)
        if values.size == self.size[0] * self.size[1]:
            return grey(values.reshape(self.size))[None]
        colours = np.moveaxis(values.reshape(*self.size, 3), 2, 0)
        if self.channel == "grey":
            return grey(colours)[None]
        planes = np.asarray(colours / 255, np.float32)
        return planes if self.channel == "all colours" else planes[[_CHANNELS.index(self.channel) - 1]]

    def _output_size(self) -> tuple[int, int]:
        sizes = [output_size(side, len(self.kernel), self.padding, self.stride, self.dilation) for side in self.size]
        return sizes[0], sizes[1]

    @traitlets.validate("pixel")
    def _inside(self, proposal: dict[str, Any]) -> tuple[int, int]:
        row, column = proposal["value"]
        try:
            height, width = self._output_size()
        except ValueError:  # nothing is shown until the kernel fits
            return row, column
        if not (0 <= row < height and 0 <= column < width):
            raise traitlets.TraitError(
                f"pixel {(row, column)} is not in the result of {height} × {width}; "
                f"give a row from 0 to {height - 1} and a column from 0 to {width - 1}"
            )
        return row, column

    @traitlets.validate("channel")
    def _has_colours(self, proposal: dict[str, Any]) -> str:
        channel = str(proposal["value"])
        if channel != "grey" and len(self.image) == self.size[0] * self.size[1]:
            raise traitlets.TraitError(f"this picture is grey and has no channel {channel!r}; leave channel at 'grey'")
        return channel

    @traitlets.observe("kernel", "padding", "stride", "dilation")
    def _keep_inside(self, _: Any) -> None:
        try:
            sizes = self._output_size()
        except ValueError:
            return
        row, column = (min(place, size - 1) for place, size in zip(self.pixel, sizes, strict=True))
        self.pixel = (row, column)


def pixels_of(picture: Tensor | np.ndarray[Any, Any], caller: str) -> np.ndarray[Any, Any]:
    """A picture as an array.

    Raises:
        ValueError: names the `caller` where it is no uint8 picture of shape `(3, H, W)` or `(H, W)`.
    """
    array = np.asarray(picture)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[0] == 3)):
        raise ValueError(f"{caller} takes uint8 pixels of shape (3, H, W) or (H, W), got {array.dtype} {array.shape}")
    return array


def kernel_bench(picture: Tensor | np.ndarray[Any, Any], model: CifarCNN | None = None) -> KernelBench:
    """A grid of numbers, presets, puzzles, and the picture as the kernel sees it.

    Args:
        picture: uint8 `(3, H, W)` or `(H, W)`, with at least 11 pixels each way.
        model: whose learned kernels yours is compared with; `None` takes the shipped weights.

    Returns:
        A widget; `kernel`, `pixel` and the other settings can be read and assigned, `result` is computed on demand.

    Raises:
        ValueError: if the picture has another shape or type, or is smaller.
    """
    array = pixels_of(picture, "kernel_bench")
    if min(array.shape[-2:]) < 11:  # as wide as a 5 × 5 kernel gets, and more than a point of output
        raise ValueError(f"kernel_bench takes pictures of at least 11 × 11 pixels, got {array.shape[-2:]}")
    row, column = example_windows(grey(array))["vertical edge"]  # what the first kernel responds to
    return KernelBench(array, model, pixel=(row + 1, column + 1))
