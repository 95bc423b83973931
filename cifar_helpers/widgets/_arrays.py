"""Traits for arrays: validated when they are set, and sent to the browser as plain lists or bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from cifar_helpers.data import ImageSet

__all__ = ["Numbers", "Pixels", "packed_pictures"]


class Numbers(traitlets.TraitType[Any, Any]):
    """A float64 array of finite numbers; the browser gets nested lists.

    Args:
        shapes: the allowed shapes; empty allows all.
        limit: the largest absolute value.
    """

    def __init__(self, default: Any, *, shapes: tuple[tuple[int, ...], ...] = (), limit: float | None = None) -> None:
        self.shapes, self.limit = shapes, limit
        super().__init__(default_value=_fixed(np.asarray(default, dtype=np.float64)))
        self.tag(sync=True, to_json=lambda value, _: value.tolist(), from_json=lambda value, _: value)

    def validate(self, obj: Any, value: Any) -> np.ndarray[Any, Any]:
        """A read-only copy of the value, or a TraitError that says what is wrong with it."""
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise traitlets.TraitError(f"{self.name} must be numbers, got {type(value).__name__}") from error
        if self.shapes and array.shape not in self.shapes:
            allowed = " or ".join(str(shape) for shape in self.shapes)
            raise traitlets.TraitError(f"{self.name} has shape {array.shape}, but must have shape {allowed}")
        if not np.isfinite(array).all():
            raise traitlets.TraitError(f"{self.name} contains NaN or infinity. Use finite numbers")
        if self.limit is not None and np.abs(array).max(initial=0) > self.limit:
            raise traitlets.TraitError(
                f"{self.name} contains {np.abs(array).max():g}, but the largest value allowed is {self.limit:g}"
            )
        return _fixed(array)


class Pixels(traitlets.TraitType[Any, Any]):
    """A picture as a uint8 array (H, W) or (H, W, 3), rows first; the browser gets its bytes."""

    def __init__(self, shape: tuple[int, ...] = (32, 32, 3)) -> None:
        self.shape = shape
        super().__init__(default_value=_fixed(np.zeros(shape, dtype=np.uint8)))
        self.tag(
            sync=True,
            to_json=lambda value, _: value.tobytes(),
            from_json=lambda value, _: np.frombuffer(value, dtype=np.uint8).reshape(shape),
        )

    def validate(self, obj: Any, value: Any) -> np.ndarray[Any, Any]:
        """A read-only copy of the value, or a TraitError that says what is wrong with it."""
        array = np.asarray(value)
        if array.dtype != np.uint8 or array.shape != self.shape:
            raise traitlets.TraitError(
                f"{self.name} must be a uint8 array of shape {self.shape}, got {array.dtype} of shape {array.shape}"
            )
        return _fixed(array.copy())


def packed_pictures(images: ImageSet, chosen: np.ndarray[Any, Any]) -> bytes:
    """Some pictures of a data set in one file, for `unpackPictures` in image_wall.js.

    A count, the numbers of the pictures in the set (uint32 both, little-endian), their labels (a byte each), then their
    pixels `(count, 32, 32, 3)`.

    Args:
        images: the data set.
        chosen: the numbers of the pictures.
    """
    pixels = images.images[chosen].permute(0, 2, 3, 1).contiguous().numpy()
    labels = images.labels[chosen].numpy().astype(np.uint8)
    return b"".join(
        [np.uint32(len(chosen)).tobytes(), chosen.astype("<u4").tobytes(), labels.tobytes(), pixels.tobytes()]
    )


def _fixed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # A number changed in place would not reach the browser: assign a new array instead.
    array.flags.writeable = False
    return array
