"""Point at a unit of a network: the part of a picture that it sees, what matters there, what excites its channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from cifar_helpers.data import CLASSES, ImageSet, normalise
from cifar_helpers.inference import shipped_model
from cifar_helpers.web.graph import Graph
from cifar_helpers.widgets.feature_maps import LayerWidget, encoded, layer_outputs, shapes_of, with_maps_only

__all__ = ["Exciting", "ReceptiveField", "most_exciting", "receptive_field"]

_BEST = 8
_SLICE = 100
_WINDOWS = ("convolution", "max_pool", "average_pool", "adaptive_average_pool")
_SEES_THE_SAME = ("batch_norm", "relu", "gelu")


@dataclass(frozen=True, eq=False)
class Exciting:
    """Where each channel of a layer responds most.

    Attributes:
        pictures: int64 `(channels, n)`: numbers of the pictures, the most exciting first.
        places: int64 `(channels, n)`: which unit of the map, row by row.
        values: float32 `(channels, n)`: its activation.
    """

    pictures: Tensor
    places: Tensor
    values: Tensor


def most_exciting(model: nn.Module, pictures: Tensor, count: int = _BEST) -> dict[str, Exciting]:
    """For each layer and channel the pictures with the largest activation, each picture once.

    Args:
        model: any network that `cifar_helpers.web.graph.trace` can follow; it stays as it is.
        pictures: uint8 `(N, 3, 32, 32)`.
        count: how many are kept for a channel.
    """
    _, graph = with_maps_only(model)
    return _most_exciting(graph, pictures, count)


def _most_exciting(graph: Graph, pictures: Tensor, count: int) -> dict[str, Exciting]:
    peaks: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in shapes_of(graph)}
    for start in range(0, len(pictures), _SLICE):
        with torch.no_grad():
            for node, values in layer_outputs(graph, normalise(pictures[start : start + _SLICE].cpu())):
                if node.label in peaks:
                    best = values.flatten(2).max(2)
                    peaks[node.label].append((best.values, best.indices))
    found = {}
    for name, parts in peaks.items():
        values, places = (torch.cat(kind).T for kind in zip(*parts, strict=True))
        top = values.topk(min(count, len(pictures)), dim=1)
        found[name] = Exciting(top.indices, places.gather(1, top.indices), top.values)
    return found


class ReceptiveField(LayerWidget, module="receptive_field"):
    """What a unit can see of a picture, and what excites its channel.

    Attributes:
        layer: the unit's layer, one of those after which units see more than before: convolutions, with the batch norm
            and activation that follow, and pooling.
        pixel: row and column of the unit in its map.
        effective: whether the picture shows how much each pixel of the field matters to the unit: the absolute values
            of the unit's gradient by the normalised picture, added over the colours.
        stations: for each of `layers`, the numbers of the layer with the window and of the one whose maps are shown.
    """

    effective = cast(bool, traitlets.Bool(False).tag(sync=True))
    stations = cast("list[list[int]]", traitlets.List().tag(sync=True))

    def __init__(self, images: ImageSet, model: nn.Module) -> None:
        self._network, self._graph = with_maps_only(model)
        shapes, stations = shapes_of(self._graph), _stations(self._graph)
        names = [self._graph.nodes[shown].label for _, shown in stations]
        picture = _course_picture(images)
        # It begins with the unit of the deepest convolution that the picture excites most.
        layer = next(
            name for name, (window, _) in zip(names[::-1], stations[::-1], strict=True) if self._is_conv(window)
        )
        channel, place = divmod(
            int(self._values(images.images[picture], layer).argmax()), int(np.prod(shapes[layer][1:]))
        )
        super().__init__(
            images.images.cpu(),
            images.labels,
            {name: shapes[name] for name in names},
            layer=layer,
            channel=channel,
            pixel=list(divmod(place, shapes[layer][2])),
            picture=picture,
            stations=stations,
        )

    @property
    def activation(self) -> float:
        """Of the chosen unit."""
        row, column = self.pixel
        return float(self._values(self._pictures[self.picture], self.layer)[self.channel, row, column])

    @cached_property
    def exciting(self) -> dict[str, Exciting]:
        """For each layer the pictures that excite its channels most; computed when first asked for."""
        found = _most_exciting(self._graph, self._pictures, _BEST)
        return {name: found[name] for name in self.layers}

    def words(self) -> str:
        """What the widget shows."""
        row, column = self.pixel
        value = f"{self.activation:.2f}".replace("-", "−")
        shown = "How much each pixel matters in the part" if self.effective else "The part"
        return (
            f"{shown} of {self._whom()} that the unit in row {row}, column {column} of the layer “{self.layer}”, map "
            f"{self.channel}, can see, and the parts of pictures that excite this map most. The unit's activation is "
            f"{value}."
        )

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """Weights, pictures, and the most exciting ones: picture, place and value, for each layer and channel."""
        weights = partial(encoded, self._network, self._graph)
        return {"network": weights, "exciting": self._packed_exciting, **super().loadable()}

    def _packed_exciting(self) -> bytes:
        parts = [torch.stack([e.pictures.float(), e.places.float(), e.values], 2) for e in self.exciting.values()]
        return torch.cat(parts).numpy().astype("<f4").tobytes()

    def _values(self, picture: Tensor, layer: str) -> Tensor:
        outputs = layer_outputs(self._graph, normalise(picture[None].cpu()))
        return next(values[0] for node, values in outputs if node.label == layer)

    def _is_conv(self, index: int) -> bool:
        return self._graph.nodes[index].op == "convolution"


def _stations(graph: Graph) -> list[list[int]]:
    """The layers after which units see more than before, each with what follows that changes no unit's sight."""
    shapes, found = shapes_of(graph), []
    for index, node in enumerate(graph.nodes):
        if node.op not in _WINDOWS or node.label not in shapes:
            continue
        last = index
        while graph.nodes[last + 1].op in _SEES_THE_SAME and graph.nodes[last + 1].inputs == (last,):
            last += 1
        found.append([index, last])
    return found


def _course_picture(images: ImageSet) -> int:
    """The fourth horse, which all lessons show, where there is one."""
    horses = (images.labels == CLASSES.index("horse")).nonzero().flatten().tolist()
    return int(horses[3]) if len(horses) > 3 else 0


def receptive_field(images: ImageSet, model: nn.Module | None = None) -> ReceptiveField:
    """Point at a unit of any layer: its receptive field, and the pictures that excite its channel most.

    Args:
        images: to choose a picture from, and to search for exciting ones; the more, the longer the search.
        model: any network that the browser can compute, see `cifar_helpers.web.graph.SUPPORTED`; `None` takes the
            shipped weights.

    Returns:
        A widget. `layer`, `channel`, `pixel` (row and column of the unit), `picture` and `effective` (whether it shows
        the effective receptive field) can be read and set; `activation` is the unit's, and `exciting` are the most
        exciting pictures.

    Raises:
        TypeError: if the browser cannot compute the network; it says which layer is the reason.
        ValueError: if there are no images, or the network has no maps.
    """
    if not len(images):
        raise ValueError("receptive_field: there are no images")
    return ReceptiveField(images, shipped_model() if model is None else model)
