"""Write a network as one file that the browser can read and run."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from cifar_helpers.data import CLASSES, MEAN, STD
from cifar_helpers.web.graph import Graph, trace

__all__ = ["Precision", "encode"]

Precision: TypeAlias = Literal["int8", "float16", "float32"]

_MAGIC: Final = b"CNNW"
_VERSION: Final = 1
_ALIGNMENT: Final = 4  # bytes; typed arrays in the browser must start at a multiple of this


def encode(
    model: nn.Module,
    precision: Precision = "int8",
    *,
    classes: Sequence[str] = CLASSES,
    epoch: int | None = None,
    run: str | None = None,
) -> bytes:
    """Encode a network for the browser: its layers, and its weights in a given precision.

    The file has four parts: `CNNW`, the length of the header (uint32), the header (JSON, padded with spaces to a
    multiple of 4 bytes), and the tensors one after another, little-endian, each starting at a multiple of 4 bytes.

    Args:
        model: see `cifar_helpers.web.graph.trace`.
        precision: of the weights of convolutions and linear layers. With `int8`, each output channel has its own
            scale, and the first and last layers, which are small and most sensitive to rounding, use `float16`.
            Biases and batch norms are always `float32`.
        classes: names of the classes, in the order of the logits.
        epoch: the epoch of these weights.
        run: name of the training run.

    Raises:
        TypeError: if the browser cannot compute the network.
        ValueError: if there are not as many classes as logits, a weight is not finite, or there is no such precision.
    """
    if precision not in ("int8", "float16", "float32"):
        raise ValueError(f"precision must be int8, float16 or float32, got {precision!r}")
    graph = trace(model)
    if len(classes) != graph.nodes[-1].shape[0]:
        raise ValueError(f"the network returns {graph.nodes[-1].shape[0]} logits, but there are {len(classes)} classes")
    payload = bytearray()
    tensors = []
    types = _types(graph, precision)
    for name, tensor in graph.tensors.items():
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} has numbers that are not finite: the training run has diverged")
        tensors.append({"name": name, "shape": list(tensor.shape), **_store(tensor, types[name], payload)})
    header = {
        "version": _VERSION,
        "network": graph.network,
        "run": run,
        "epoch": epoch,
        "mean": MEAN,
        "std": STD,
        "classes": list(classes),
        "bytes": len(payload),
        "layers": [vars(node) for node in graph.nodes],
        "tensors": tensors,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return _MAGIC + struct.pack("<I", len(text)) + text + payload


def _types(graph: Graph, precision: Precision) -> dict[str, str]:
    """The type in which each tensor is stored."""
    short = {"int8": "i8", "float16": "f16", "float32": "f32"}[precision]
    layers = [node.tensors["weight"] for node in graph.nodes if node.op in ("convolution", "linear")]
    types = dict.fromkeys(graph.tensors, "f32") | dict.fromkeys(layers, short)
    if precision == "int8":
        types |= dict.fromkeys((layers[0], layers[-1]) if layers else (), "f16")
    return types


def _store(tensor: Tensor, kind: str, payload: bytearray) -> dict[str, Any]:
    """Append a tensor to the payload; return its entry in the header."""
    values = tensor.numpy()
    if kind == "i8":
        rows = values.reshape(len(values), -1)
        largest = np.abs(rows).max(axis=1)
        scale = np.where(largest > 0, largest / 127, 1).astype("<f4")
        whole = np.rint(rows / scale[:, None]).clip(-127, 127).astype("i1")
        return {"type": kind, "at": _append(whole, payload), "scale": _append(scale, payload)}
    if kind == "f16" and np.abs(values).max(initial=0) <= np.finfo("<f2").max:
        return {"type": kind, "at": _append(values.astype("<f2"), payload)}
    return {"type": "f32", "at": _append(values.astype("<f4"), payload)}


def _append(values: npt.NDArray[Any], payload: bytearray) -> int:
    place = len(payload)
    payload += values.tobytes()
    payload += b"\0" * (-len(payload) % _ALIGNMENT)
    return place
