"""Describe a network as a list of layers that the browser can compute."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from cifar_helpers.networks import check_network, copy_network

__all__ = ["SUPPORTED", "Graph", "Node", "trace"]

SUPPORTED: Final = (
    "Conv2d, BatchNorm2d, BatchNorm1d, ReLU, GELU, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, Linear, Flatten, Dropout, "
    "Identity, a sum of two layers, a mean over height and width, and multiplication by a constant"
)
"""The operations that a network may contain."""

_SIDE: Final = 32
_BATCH: Final = 2  # not 1, so that an operation that mixes the pictures of a batch shows in its output shape


@dataclass(frozen=True)
class Node:
    """One step of the computation.

    Attributes:
        name: path of the module, such as `features.0.1`; unique.
        label: the same in readable form: `block 1, batch norm`.
        op: `input`, `convolution`, `batch_norm`, `relu`, `gelu`, `max_pool`, `average_pool`, `adaptive_average_pool`,
            `linear`, `reshape`, `add` or `multiply`.
        inputs: indices of the nodes whose outputs it takes.
        shape: of its output for one 32×32 picture: `(C, H, W)` or `(N,)`.
        settings: other settings of the operation, such as the stride.
        tensors: names of its parameters in the layer, mapped to their names in the network.
    """

    name: str
    label: str
    op: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole network.

    Attributes:
        network: name of its class.
        nodes: in the order of computation; the first is the picture, the last gives the logits.
        tensors: float32 on the CPU by name.
    """

    network: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]


def trace(model: nn.Module) -> Graph:
    """List the layers of a network in the order in which they compute at inference.

    Args:
        model: takes pictures of 32×32 pixels with three channels or one, and returns logits. It may be in any mode, on
            any device and wrapped, and is left unchanged.

    Raises:
        TypeError: if a layer is not supported, or its `forward` cannot be traced; the message says which.
        ValueError: if it does not take such pictures, or does not return one row of logits for each.
    """
    network = copy_network(check_network(model)).cpu().float().eval()
    try:
        graph = fx.Tracer().trace(network)
    except Exception as error:  # a learner's forward may fail in any way
        raise TypeError(
            f"the forward of {type(network).__name__} cannot be traced ({_first_line(error)}). Let it call layers "
            "one after another, without an if or a loop that depends on the picture"
        ) from error
    module = fx.GraphModule(network, graph)
    module.graph.eliminate_dead_code()
    recorder = _Recorder(module)
    try:
        with torch.no_grad():
            recorder.run(torch.zeros(_BATCH, _channels(network), _SIDE, _SIDE))
    except _UnsupportedError as error:
        raise TypeError(_first_line(error)) from None  # fx appends its own lines
    except Exception as error:  # as above
        problem = _first_line(error)
        raise ValueError(
            f"{type(network).__name__} does not take pictures of {_SIDE}×{_SIDE} pixels: {problem}"
        ) from error
    nodes = _labelled(recorder.nodes)
    if recorder.last != len(nodes) - 1 or len(nodes[-1].shape) != 1:
        raise ValueError(f"{type(network).__name__} must return logits (B, classes)")
    return Graph(type(network).__name__, nodes, recorder.tensors)


def _channels(network: nn.Module) -> int:
    """Number of channels of the pictures that a network takes: 1 or 3."""
    first = next((layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)), None)
    grey = first.in_channels == 1 if isinstance(first, nn.Conv2d) else first and first.in_features == _SIDE**2
    return 1 if grey else 3


class _UnsupportedError(Exception):
    """A layer that the browser cannot compute."""

    def __init__(self, layer: str, place: str, reason: str = "") -> None:
        where = f" ({place})" if place else ""
        super().__init__(f"{layer}{where} is not supported in the browser{reason}. A network may contain {SUPPORTED}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


_AS_LAYERS: Final[Mapping[Any, Callable[..., nn.Module]]] = {
    functional.relu: nn.ReLU,
    torch.relu: nn.ReLU,
    "relu": nn.ReLU,
    "relu_": lambda: nn.ReLU(inplace=True),
    functional.gelu: nn.GELU,
    functional.max_pool2d: nn.MaxPool2d,
    torch.max_pool2d: nn.MaxPool2d,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
}
"""Functions and tensor methods that do the same as a layer, with the same arguments."""
_ADDITIONS: Final = (operator.add, operator.iadd, torch.add, "add", "add_")
_FACTORS: Final[Mapping[Any, Callable[[float], float]]] = {
    **dict.fromkeys((operator.mul, operator.imul, torch.mul, "mul", "mul_"), float),
    **dict.fromkeys((operator.truediv, operator.itruediv, torch.div, "div", "div_"), lambda divisor: 1 / divisor),
}
_RESHAPES: Final = (torch.flatten, torch.reshape, "flatten", "reshape", "view", "unflatten", "squeeze", torch.squeeze)
_MEANS: Final = (torch.mean, "mean")
_WITHOUT_EFFECT: Final = ("contiguous", "clone", "float")


class _Recorder(fx.Interpreter):  # type: ignore[misc, unused-ignore]
    """Runs a network on a picture and records how each tensor is computed from earlier ones."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.last = -1
        self._places: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run one step, and record it if it computes a tensor from the picture."""
        result = super().run_node(n)
        if n.op == "placeholder":
            self._places[n] = self._add("input", "input", (), result)
        elif n.op == "output":
            self.last = self._places.get(n.args[0], -1) if isinstance(n.args[0], fx.Node) else -1
        elif any(one in self._places for one in n.all_input_nodes) and not _is_size(result):
            layer, place = self._layer(n), self._path(n)
            if not isinstance(result, Tensor) or not result.shape or result.shape[0] != _BATCH:
                raise _UnsupportedError(_name(n, layer), place)
            index = self._record(n, layer, place, result)
            self._places[n] = index
            first = n.args[0] if n.args else None
            if isinstance(first, fx.Node) and getattr(layer, "inplace", False):
                self._places[first] = index  # later steps that read the input read the changed values
        return result

    def _layer(self, n: fx.Node) -> nn.Module | None:
        """The layer of a step, or one that does the same as its function."""
        if n.op == "call_module":
            return self.module.get_submodule(str(n.target))
        if n.target in _AS_LAYERS:
            arguments, named = self.fetch_args_kwargs_from_env(n)
            return _AS_LAYERS[n.target](*arguments[1:], **named)
        return None

    def _path(self, n: fx.Node) -> str:
        """Path of the layer, or of the module whose `forward` calls the function."""
        if n.op == "call_module":
            return str(n.target)
        stack = list(n.meta.get("nn_module_stack", {}).values())
        return str(stack[-1][0]) if stack else ""

    def _record(self, n: fx.Node, layer: nn.Module | None, place: str, result: Tensor) -> int:
        inputs = tuple(self._places[one] for one in n.args if isinstance(one, fx.Node) and one in self._places)
        if not inputs:  # the layer was called with its input as a keyword argument
            raise _UnsupportedError(_name(n, layer), place, " with a named input")
        before = self.nodes[inputs[0]].shape
        arguments, named = self.fetch_args_kwargs_from_env(n)
        if layer is not None:
            op, settings = _operation(layer, place, before)
            if op == "identity":
                return inputs[0]
            tensors = self._keep(layer, place)
            name = place if n.op == "call_module" else _join(place, op)
            return self._add(name, op, inputs, result, settings, tensors)
        target: Any = n.target
        if target in _WITHOUT_EFFECT:
            return inputs[0]
        if target is functional.dropout and not _dropout_is_on(*arguments[1:], **named):
            return inputs[0]
        if target in _ADDITIONS and len(inputs) == len(arguments) == 2 and not named:
            if self.nodes[inputs[1]].shape == before:
                return self._add(_join(place, "add"), "add", inputs, result)
        elif target in _FACTORS and len(inputs) == 1 and len(arguments) == 2:
            numbers = [one for one in arguments if isinstance(one, int | float)]
            reverse = not isinstance(n.args[0], fx.Node) and _FACTORS[target] is not float
            if len(numbers) == 1 and not named and not reverse:
                factor = _FACTORS[target](numbers[0])
                return self._add(_join(place, "multiply"), "multiply", inputs, result, {"factor": factor})
        elif target in _RESHAPES:
            return self._add(_join(place, "reshape"), "reshape", inputs, result)
        elif target in _MEANS and len(before) == 3 and _is_mean_of_channels(*arguments[1:], **named):
            return self._add(_join(place, "mean"), "adaptive_average_pool", inputs, result)
        raise _UnsupportedError(_name(n, None), place)

    def _keep(self, layer: nn.Module, place: str) -> dict[str, str]:
        kept = {}
        for name in ("weight", "bias", "running_mean", "running_var"):
            value = getattr(layer, name, None)
            if isinstance(value, Tensor):
                kept[name] = f"{place}.{name}"
                self.tensors[kept[name]] = value.detach().contiguous()
        return kept

    def _add(
        self,
        name: str,
        op: str,
        inputs: tuple[int, ...],
        result: Tensor,
        settings: Mapping[str, Any] | None = None,
        tensors: Mapping[str, str] | None = None,
    ) -> int:
        taken = {node.name for node in self.nodes}
        numbered = (name if number == 1 else f"{name}:{number}" for number in range(1, len(taken) + 2))
        unique = next(one for one in numbered if one not in taken)
        self.nodes.append(Node(unique, "", op, inputs, tuple(result.shape[1:]), settings or {}, tensors or {}))
        return len(self.nodes) - 1


def _is_size(value: Any) -> bool:
    """Whether a value describes a tensor (its size, type or device) instead of holding its numbers."""
    return isinstance(value, int | torch.Size | torch.device | torch.dtype)


def _name(n: fx.Node, layer: nn.Module | None) -> str:
    return type(layer).__name__ if layer is not None else str(getattr(n.target, "__name__", n.target))


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _dropout_is_on(p: float = 0.5, training: bool = True, inplace: bool = False) -> bool:
    return training and p > 0


def _is_mean_of_channels(dim: Any = None, keepdim: bool = False, **others: Any) -> bool:
    axes = dim if isinstance(dim, tuple | list) else ()
    return {axis % 4 for axis in axes} == {2, 3} and not others


def _operation(layer: nn.Module, place: str, before: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    """The operation that a layer computes, with its settings.

    Raises:
        _UnsupportedError: if the browser cannot compute it.
    """
    maps, name = len(before) == 3, type(layer).__name__
    match layer:
        case nn.Dropout() | nn.Dropout2d() | nn.Identity():
            return "identity", {}
        case nn.ReLU():
            return "relu", {}
        case nn.GELU():
            return "gelu", {"tanh": layer.approximate == "tanh"}
        case nn.Flatten() | nn.Unflatten():
            return "reshape", {}
        case nn.Linear() if not maps:
            return "linear", {}
        case nn.BatchNorm2d() | nn.BatchNorm1d() if layer.running_mean is not None:
            return "batch_norm", {"eps": layer.eps}
        case nn.Conv2d() if maps and layer.padding_mode == "zeros":
            return "convolution", _convolution(layer)
        case nn.MaxPool2d() if maps and not layer.return_indices:
            return "max_pool", _pooling(layer) | {"dilation": _pair(layer.dilation)}
        case nn.AvgPool2d() if maps and layer.divisor_override is None:
            return "average_pool", _pooling(layer) | {"rim": layer.count_include_pad}
        case nn.AdaptiveAvgPool2d() if maps:
            return "adaptive_average_pool", {}
        case nn.BatchNorm2d() | nn.BatchNorm1d():
            raise _UnsupportedError(name, place, " without running statistics")
        case nn.Conv2d() if maps:
            raise _UnsupportedError(name, place, f" with padding_mode={layer.padding_mode!r}")
        case nn.MaxPool2d() | nn.AvgPool2d() if maps:
            raise _UnsupportedError(name, place, " with these options")
        case nn.Linear() | nn.Conv2d() | nn.MaxPool2d() | nn.AvgPool2d() | nn.AdaptiveAvgPool2d():
            raise _UnsupportedError(name, place, f" on {before}")
    raise _UnsupportedError(name, place)


def _convolution(layer: nn.Conv2d) -> dict[str, Any]:
    kernel, dilation = _pair(layer.kernel_size), _pair(layer.dilation)
    if layer.padding == "same":
        padding = [d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)]
    else:
        padding = [0, 0] if layer.padding == "valid" else _pair(layer.padding)
    return {
        "kernel": kernel,
        "stride": _pair(layer.stride),
        "padding": padding,
        "dilation": dilation,
        "groups": layer.groups,
    }


def _pooling(layer: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, Any]:
    return {
        "kernel": _pair(layer.kernel_size),
        "stride": _pair(layer.stride),
        "padding": _pair(layer.padding),
    }


def _pair(value: Any) -> list[int]:
    return [int(one) for one in (value if isinstance(value, tuple | list) else (value, value))]


_STAGES: Final = {
    "convolution": "convolution",
    "batch_norm": "batch norm",
    "relu": "ReLU",
    "gelu": "GELU",
    "max_pool": "pooling",
    "average_pool": "average pooling",
    "adaptive_average_pool": "average pooling",
    "add": "sum",
    "multiply": "scaling",
}


def _labelled(nodes: list[Node]) -> tuple[Node, ...]:
    """The nodes with labels: each convolution starts a block; each linear layer except the last is a hidden layer."""
    blocks = hidden = 0
    linear = sum(node.op == "linear" for node in nodes)
    part = ""
    found: dict[str, int] = {}
    labelled = []
    for node in nodes:
        if node.op == "convolution":
            blocks += 1
            part = f"block {blocks}"
        if node.op == "linear":
            hidden += 1
            part = "output layer" if hidden == linear else f"hidden layer {hidden}"
        if node.op == "input":
            label = "picture"
        elif node.op == "reshape":
            label = "flatten"
        elif node.op == "linear":
            label = part
        elif node.op == "adaptive_average_pool" and node.shape[1:] in ((), (1, 1)):
            label = "global average pooling"
        else:
            label = f"{part}, {_STAGES[node.op]}".removeprefix(", ")
        found[label] = found.get(label, 0) + 1
        if found[label] > 1:
            label = f"{label} {found[label]}"
        labelled.append(Node(node.name, label, node.op, node.inputs, node.shape, node.settings, node.tensors))
    return tuple(labelled)
