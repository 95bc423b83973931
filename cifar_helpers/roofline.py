"""Arithmetic and memory traffic of a network layer by layer, against what the machine can do (the roofline)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from cifar_helpers import networks
from cifar_helpers._numbers import whole_number
from cifar_helpers.devices import checked_device
from cifar_helpers.timing import recorded_gpu, time_call

__all__ = ["LayerWork", "Roofline", "layer_work", "measure_roofline", "recorded_roofline"]

_BYTES: Final = 4  # of a float32 number
_COPIED: Final = 50_000_000  # numbers: 200 MB, more than a processor's cache holds


@dataclass(frozen=True)
class LayerWork:
    """What one layer does in a forward pass over a batch, in float32.

    Attributes:
        name: kind and number, such as `conv 2`.
        flop: additions, products and comparisons; biases are left out.
        moved: bytes of parameters, inputs and outputs, each counted once.
        seconds: median time of a call; NaN where it was not measured.
    """

    name: str
    flop: int
    moved: int
    seconds: float = float("nan")

    @property
    def intensity(self) -> float:
        """FLOP per byte."""
        return self.flop / self.moved

    @property
    def rate(self) -> float:
        """GFLOP/s that were reached; NaN where the layer was not timed."""
        return self.flop / self.seconds / 1e9


@dataclass(frozen=True)
class Roofline:
    """Layers, and the two limits of the machine that ran them.

    Attributes:
        layers: in the order in which they run.
        peak: GFLOP/s, the highest rate of any of these layers and of the matrix products that they amount to.
        bandwidth: GB/s of a large copy; reading and writing both count.
    """

    layers: tuple[LayerWork, ...]
    peak: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """FLOP per byte at which arithmetic and memory traffic take the same time."""
        return self.peak / self.bandwidth

    def share(self, layer: LayerWork) -> float:
        """What the layer reaches of its limit; above 1 where its numbers came from the cache."""
        return layer.rate / min(self.peak, layer.intensity * self.bandwidth)


@dataclass(frozen=True)
class _Call:
    """A layer, what it was given and what it gave."""

    name: str
    layer: Any
    inputs: Tensor
    outputs: Tensor


# What each kind of layer is called, and its operations per number of output (batch norm in eval mode: scale and shift).
_KINDS: Final[dict[type[nn.Module], tuple[str, Callable[[Any], int]]]] = {
    nn.Conv2d: ("conv", lambda layer: 2 * layer.weight[0].numel()),
    nn.BatchNorm2d: ("batch norm", lambda layer: 2),
    nn.ReLU: ("ReLU", lambda layer: 1),
    nn.MaxPool2d: ("max pool", lambda layer: layer.kernel_size**2 - 1),
    nn.Linear: ("linear", lambda layer: 2 * layer.in_features),
}


def layer_work(model: nn.Module, batch_size: int = 200) -> list[LayerWork]:
    """Operations and bytes of each layer in a forward pass: counted, so they are the same on every machine.

    Only convolutions, batch norm, ReLU, max pooling and linear layers are counted. Left out are dropout, which does
    nothing in eval mode, and flatten, which is a view of the same numbers (and copies them in channels last).

    Args:
        model: takes `(B, 3, 32, 32)`; it is not changed.
        batch_size: images, at least 1.

    Raises:
        ValueError: if the batch size is not possible.
    """
    return [_work_of(call) for call in _calls(model, batch_size, torch.device("cpu"))]


def measure_roofline(
    model: nn.Module,
    batch_size: int = 200,
    device: torch.device | str | None = None,
    *,
    seconds: float = 0.05,
    copied: int = _COPIED,
) -> Roofline:
    """Time each layer of a forward pass alone, in channels last and float32, and the machine's two limits.

    Each layer runs again and again on the same input, so small inputs come from the cache.

    Args:
        model: takes `(B, 3, 32, 32)`; a copy of it runs.
        batch_size: images, at least 1.
        device: where to run; `None` means the CPU.
        seconds: how long each measurement takes at least.
        copied: numbers in the copy that measures the bandwidth; more than fit into the cache.

    Raises:
        ValueError: if the batch size or the device is not possible.
    """
    target = checked_device("cpu" if device is None else device)
    calls = _calls(model, batch_size, target)
    source = torch.rand(copied, device=target)
    copy = torch.empty_like(source)
    with torch.no_grad():
        layers = tuple(
            replace(_work_of(call), seconds=time_call(lambda call=call: call.layer(call.inputs), seconds))  # type: ignore[misc]
            for call in calls
        )
        products = [_product_rate(call, seconds) for call in calls if isinstance(call.layer, nn.Conv2d | nn.Linear)]
        bandwidth = 2 * _BYTES * copied / time_call(lambda: copy.copy_(source), seconds) / 1e9
    return Roofline(layers, max([*products, *(layer.rate for layer in layers)]), bandwidth)


def recorded_roofline() -> Roofline | None:
    """The roofline that `python -m benchmarks gpu` recorded on a GPU; `None` if it has never run on one."""
    rows = recorded_gpu("layers")
    if not rows:
        return None
    *layers, limits = rows
    works = tuple(LayerWork(row["layer"], row["FLOP"], row["bytes"], row["ms"] / 1000) for row in layers)
    return Roofline(works, limits["GFLOP/s"], limits["GB/s"])


@torch.no_grad()
def _calls(model: nn.Module, batch_size: int, device: torch.device) -> list[_Call]:
    """The layers of a forward pass in channels last, with their inputs and outputs."""
    if whole_number("batch_size", batch_size) < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    network = networks.copy_network(model).to(device).eval().to(memory_format=torch.channels_last)
    images = torch.rand(batch_size, 3, 32, 32).to(device).contiguous(memory_format=torch.channels_last)
    calls: list[_Call] = []
    numbers: dict[str, int] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        kind = _KINDS[type(layer)][0]
        numbers[kind] = numbers.get(kind, 0) + 1
        calls.append(_Call(f"{kind} {numbers[kind]}", layer, inputs[0], outputs))

    hooks = [layer.register_forward_hook(note) for layer in network.modules() if type(layer) in _KINDS]
    network(images)
    for hook in hooks:  # or the timed calls would be noted too
        hook.remove()
    return calls


def _work_of(call: _Call) -> LayerWork:
    per_output = _KINDS[type(call.layer)][1](call.layer)
    numbers = [parameter.numel() for parameter in call.layer.parameters()]
    moved = _BYTES * (sum(numbers) + call.inputs.numel() + call.outputs.numel())
    return LayerWork(call.name, per_output * call.outputs.numel(), moved)


def _product_rate(call: _Call, seconds: float) -> float:
    """GFLOP/s of the matrix product that a convolution or linear layer amounts to: places × inputs × outputs."""
    columns, inner = call.layer.weight.flatten(1).shape
    rows = call.outputs.numel() // columns
    left = torch.rand(rows, inner, device=call.inputs.device)
    right = torch.rand(inner, columns, device=call.inputs.device)
    return float(2 * rows * inner * columns / time_call(lambda: left @ right, seconds) / 1e9)
