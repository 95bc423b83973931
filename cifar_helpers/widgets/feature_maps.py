"""The feature maps of a picture: all maps of a layer, one of them enlarged, and the arithmetic of one pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, cast

import torch
import traitlets
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional

from cifar_helpers.data import CLASSES, ImageSet, normalise
from cifar_helpers.inference import shipped_model
from cifar_helpers.networks import check_network, copy_network
from cifar_helpers.web.graph import Graph, Node, trace
from cifar_helpers.web.weights import encode
from cifar_helpers.widgets._base import CourseWidget

__all__ = ["FeatureMaps", "LayerWidget", "activations", "feature_maps", "layer_outputs", "with_maps_only"]

_SEED = 0


def with_maps_only(model: nn.Module) -> tuple[nn.Module, Graph]:
    """A network without the layers after its last maps: they hold most of the weights, and no map needs them.

    Args:
        model: see `trace`; it stays as it is.

    Returns:
        A copy that gives the mean of each of its last maps, and its layers.

    Raises:
        TypeError: if it has a layer that the browser cannot compute; it says which.
        ValueError: if it has no maps.
    """
    whole = trace(model)
    cut = fx.symbolic_trace(copy_network(check_network(model)).cpu().float().eval())
    ShapeProp(cut).propagate(torch.zeros(2, *whole.nodes[0].shape))
    with_maps = [step for step in cut.graph.nodes if step.op != "placeholder" and _has_maps(_shape(step))]
    if not with_maps:
        raise ValueError(f"{type(model).__name__} has no maps to show: take a network with convolutions")
    with cut.graph.inserting_after(with_maps[-1]):
        mean = cut.graph.call_function(torch.mean, (with_maps[-1], (2, 3)))
    next(step for step in cut.graph.nodes if step.op == "output").args = (mean,)
    cut.graph.eliminate_dead_code()
    cut.delete_all_unused_submodules()
    cut.recompile()
    return cut, trace(cut)


def _shape(step: fx.Node) -> tuple[int, ...]:
    """Of one picture's output."""
    return tuple(getattr(step.meta.get("tensor_meta"), "shape", ())[1:])


def _has_maps(shape: tuple[int, ...]) -> bool:
    """A single number per channel is not a map."""
    return len(shape) == 3 and shape[1] * shape[2] > 1


def shapes_of(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Name of each layer with maps to their shape `(channels, h, w)`, in order."""
    return {node.label: node.shape for node in graph.nodes[1:] if _has_maps(node.shape)}


def layer_outputs(graph: Graph, values: Tensor) -> Iterator[tuple[Node, Tensor]]:
    """Each layer of a network with its output.

    Args:
        graph: of the network.
        values: normalised pictures, float32 `(N, C, 32, 32)` on the CPU.
    """
    found: list[Tensor] = []
    for node in graph.nodes:
        inputs = [found[index] for index in node.inputs] or [values]
        named = {name: graph.tensors[place] for name, place in node.tensors.items()}
        found.append(_output(node, inputs, named).reshape(len(values), *node.shape))
        yield node, found[-1]


def _output(node: Node, inputs: list[Tensor], named: Mapping[str, Tensor]) -> Tensor:
    x, options = inputs[0], dict(node.settings)
    match node.op:
        case "convolution":
            x = _padded(x, node, 0.0)
            weight, bias = named["weight"], named.get("bias")
            return functional.conv2d(x, weight, bias, options["stride"], 0, options["dilation"], options["groups"])
        case "batch_norm":
            mean, variance = named["running_mean"], named["running_var"]
            return functional.batch_norm(x, mean, variance, named.get("weight"), named.get("bias"), eps=options["eps"])
        case "relu":
            return functional.relu(x)
        case "gelu":
            return functional.gelu(x, approximate="tanh" if options["tanh"] else "none")
        case "max_pool":
            x = _padded(x, node, -math.inf)
            return functional.max_pool2d(x, options["kernel"], options["stride"], 0, options["dilation"])
        case "average_pool":
            kernel, stride, padding = (options[name] for name in ("kernel", "stride", "padding"))
            ceil = (x.shape[2] + 2 * padding[0] - kernel[0]) // stride[0] + 1 < node.shape[1]
            return functional.avg_pool2d(x, kernel, stride, padding, ceil, options["rim"])
        case "adaptive_average_pool":
            height, width = node.shape[1:] or (1, 1)
            return functional.adaptive_avg_pool2d(x, (height, width))
        case "linear":
            return functional.linear(x, named["weight"], named.get("bias"))
        case "add":
            return x + inputs[1]
        case "multiply":
            return x * float(options["factor"])
    return x


def _padded(x: Tensor, node: Node, value: float) -> Tensor:
    """The input with as much padding as the size of the output needs: it may be larger on one side."""
    sides: list[int] = []
    for axis in (1, 0):
        kernel, stride, first, dilation = (
            node.settings[name][axis] for name in ("kernel", "stride", "padding", "dilation")
        )
        covered = (node.shape[axis + 1] - 1) * stride + (kernel - 1) * dilation + 1
        sides += [first, covered - x.shape[axis + 2] - first]
    return functional.pad(x, sides, value=value)


def activations(model: nn.Module, picture: Tensor) -> dict[str, Tensor]:
    """What each layer with maps computes from one picture, in eval mode.

    Args:
        model: see `trace`; it stays as it is.
        picture: uint8 `(3, 32, 32)`.

    Returns:
        Name of the layer to float32 `(channels, h, w)` on the CPU, in order: `block 1, convolution` …
    """
    _, graph = with_maps_only(model)
    outputs = {node.label: values[0] for node, values in layer_outputs(graph, normalise(picture[None].cpu()))}
    return {name: outputs[name] for name in shapes_of(graph)}


class LayerWidget(CourseWidget):
    """What the widgets about one unit of one layer have in common.

    Attributes:
        layers: names of the layers, in order.
        layer: the layer that is shown.
        channel: the map in it, counted from 0.
        pixel: row and column in the map.
        picture: number of the picture.
        classes: names of the labels; empty if the pictures have no labels.
    """

    layers = cast("list[str]", traitlets.List(traitlets.Unicode()).tag(sync=True))
    layer = cast(str, traitlets.Unicode("").tag(sync=True))
    channel = cast(int, traitlets.Int(0).tag(sync=True))
    pixel = cast("list[int]", traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True))
    picture = cast(int, traitlets.Int(0).tag(sync=True))
    classes = cast("list[str]", traitlets.List(traitlets.Unicode()).tag(sync=True))

    def __init__(self, pictures: Tensor, labels: Tensor | None, layers: Mapping[str, tuple[int, ...]], **state: Any):
        self._pictures, self._labels, self._shapes = pictures, labels, dict(layers)
        classes = [] if labels is None else list(CLASSES)
        super().__init__(layers=list(layers), classes=classes, **state)

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """The pictures `(N, 32, 32, 3)`, and their labels, a byte each."""
        labels = torch.zeros(len(self._pictures)) if self._labels is None else self._labels
        return {
            "pictures": lambda: self._pictures.permute(0, 2, 3, 1).contiguous().numpy().tobytes(),
            "labels": lambda: labels.to(torch.uint8).numpy().tobytes(),
        }

    def _whom(self) -> str:
        """Which picture is shown, for the middle of a sentence."""
        if self._labels is None:
            return "the picture"
        return f"picture {self.picture}, of class {CLASSES[int(self._labels[self.picture])]},"

    @traitlets.validate("layer")
    def _layer_is_known(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._shapes:
            raise traitlets.TraitError(f"there is no layer {name!r}: choose one of {', '.join(self._shapes)}")
        return name

    @traitlets.validate("channel")
    def _channel_is_in_layer(self, proposal: Any) -> int:
        return _within("channel", proposal["value"], self._shapes[self.layer][0])

    @traitlets.validate("pixel")
    def _pixel_is_in_map(self, proposal: Any) -> list[int]:
        _, height, width = self._shapes[self.layer]
        value = list(proposal["value"])
        if len(value) != 2 or not (0 <= value[0] < height and 0 <= value[1] < width):
            raise traitlets.TraitError(
                f"pixel is {value}; it needs a row from 0 to {height - 1} and a column from 0 to {width - 1}"
            )
        return value

    @traitlets.validate("picture")
    def _picture_is_there(self, proposal: Any) -> int:
        return _within("picture", proposal["value"], len(self._pictures))

    @traitlets.observe("layer")
    def _stay_inside(self, _: Any) -> None:
        """Where this layer has fewer maps or pixels, take its last one."""
        count, height, width = self._shapes[self.layer]
        self.channel = min(self.channel, count - 1)
        self.pixel = [min(self.pixel[0], height - 1), min(self.pixel[1], width - 1)]


def _within(name: str, value: int, count: int) -> int:
    if not 0 <= value < count:
        raise traitlets.TraitError(f"{name} is {value}; it needs a whole number from 0 to {count - 1}")
    return value


def encoded(network: nn.Module, graph: Graph) -> bytes:
    """The weights of a network cut off after its last maps, whose outputs have no names."""
    return encode(network, "float16", classes=[str(k) for k in range(graph.nodes[-1].shape[0])])


class FeatureMaps(LayerWidget, module="feature_maps"):
    """All maps of a layer, in a trained and in an untrained network.

    Attributes:
        network: whose map is enlarged, `trained` or `untrained`.
        pixel: row and column of the pixel in that map whose arithmetic is shown.
    """

    network = cast(str, traitlets.Enum(["trained", "untrained"], "trained").tag(sync=True))

    def __init__(self, pictures: Tensor, labels: Tensor | None, trained: nn.Module, untrained: nn.Module) -> None:
        self._networks = {name: with_maps_only(m) for name, m in (("trained", trained), ("untrained", untrained))}
        shapes, others = (shapes_of(graph) for _, graph in self._networks.values())
        if shapes != others:
            raise ValueError("the untrained network has other layers than the trained one: give one of the same class")
        layer, (_, _, width) = next(iter(shapes.items()))
        super().__init__(pictures, labels, shapes, layer=layer)
        # It begins at the largest value: elsewhere the map may well be zero.
        self.pixel = list(divmod(int(self.activations[0].argmax()), width))

    @property
    def activations(self) -> Tensor:
        """Float32 `(channels, h, w)`: the maps of the chosen layer, network and picture."""
        _, graph = self._networks[self.network]
        outputs = layer_outputs(graph, normalise(self._pictures[self.picture][None]))
        return next(values[0] for node, values in outputs if node.label == self.layer)

    def words(self) -> str:
        """What the widget shows."""
        count, height, width = self._shapes[self.layer]
        row, column = self.pixel
        value = f"{float(self.activations[self.channel, row, column]):.2f}".replace("-", "−")
        return (
            f"The {count} maps of {height} × {width} that the layer “{self.layer}” computes from {self._whom()} in the "
            f"trained network and in one with random weights. Map {self.channel} of the {self.network} network is "
            f"enlarged; its value in row {row}, column {column} is {value}."
        )

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """The weights of both networks, and the pictures."""
        weights = {name: partial(encoded, *both) for name, both in self._networks.items()}
        return {**weights, **super().loadable()}


def feature_maps(
    picture: Tensor | ImageSet, trained: nn.Module | None = None, untrained: nn.Module | None = None
) -> FeatureMaps:
    """All maps of each layer, trained and untrained side by side; point at one for its kernels and its arithmetic.

    Purple is below zero, orange above; each map has its own scale.

    Args:
        picture: uint8 `(3, 32, 32)`, or an `ImageSet` to choose pictures from.
        trained: any network that the browser can compute, see `cifar_helpers.web.graph.SUPPORTED`; `None` takes the
            shipped weights.
        untrained: one with the same layers; `None` takes the same network with fresh random weights, the same each
            time.

    Returns:
        A widget. `layer`, `network`, `channel`, `pixel` and `picture` can be read and set, and `activations` are the
        maps that it shows.

    Raises:
        TypeError: if the browser cannot compute a network; it says which layer is the reason.
        ValueError: if the picture has another shape or type, there is none, or the networks have no maps or others.
    """
    if isinstance(picture, ImageSet):
        if not len(picture):
            raise ValueError("feature_maps: there are no images to choose from")
        pictures, labels = picture.images, picture.labels
    else:
        if picture.dtype != torch.uint8 or picture.shape != (3, 32, 32):
            raise ValueError(
                f"feature_maps takes uint8 pixels of shape (3, 32, 32), got {picture.dtype} {tuple(picture.shape)}"
            )
        pictures, labels = picture[None], None
    network = shipped_model() if trained is None else trained
    return FeatureMaps(pictures.cpu(), labels, network, fresh(network) if untrained is None else untrained)


def fresh(model: nn.Module) -> nn.Module:
    """The same network with random weights, the same each time."""
    network = copy_network(check_network(model)).cpu()
    with torch.random.fork_rng([]):
        torch.manual_seed(_SEED)
        for module in network.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    return network
