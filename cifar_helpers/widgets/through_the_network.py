"""A picture on its way through a network: the maps of each block, hidden units and probabilities, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch
import traitlets
from torch import nn

from cifar_helpers.inference import Prediction, percent, predict
from cifar_helpers.networks import copy_network
from cifar_helpers.runs import DEFAULT_RUN, load_run
from cifar_helpers.web.export import Pictures, network_view
from cifar_helpers.widgets._arrays import Pixels
from cifar_helpers.widgets._base import CourseWidget

__all__ = ["ThroughTheNetwork", "through_the_network"]


class ThroughTheNetwork(CourseWidget, module="through_the_network"):
    """What each layer of a network computes from a picture.

    Attributes:
        image: the picture, uint8 `(32, 32, 3)`; set it to show another.
        network: `yours` or `course`.
        epoch: the epoch of training whose weights the course's network has, one of `epochs`.
        chosen: the stage, and the map or unit in it that is shown enlarged.
    """

    image = Pixels()
    network = cast(str, traitlets.Unicode("course").tag(sync=True))
    networks = cast("list[str]", traitlets.List(traitlets.Unicode()).tag(sync=True))
    epoch = cast(int, traitlets.Int(0).tag(sync=True))
    epochs = cast("list[int]", traitlets.List(traitlets.Int()).tag(sync=True))
    accuracy = cast("list[float]", traitlets.List(traitlets.Float()).tag(sync=True))
    untrained = cast("float | None", traitlets.Float(None, allow_none=True).tag(sync=True))
    chosen = cast("list[int]", traitlets.List(traitlets.Int(min=0), minlen=2, maxlen=2).tag(sync=True))
    names = cast("list[str]", traitlets.List(traitlets.Unicode()).tag(sync=True))
    pictures = cast(bytes, traitlets.Bytes().tag(sync=True))
    note = cast(str, traitlets.Unicode("").tag(sync=True))

    def __init__(self, pictures: Pictures | None, model: nn.Module | None, run: str | None) -> None:
        view = network_view(pictures, model, run)
        self._files, self._run = view.files, run
        self._own = None if model is None else copy_network(model)
        pixels = np.frombuffer(view.state["image"], dtype=np.uint8).reshape(32, 32, 3)
        super().__init__(**{**view.state, "image": pixels})

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """The weights of each epoch, and those of the reader's own network."""
        return self._files

    @property
    def prediction(self) -> Prediction:
        """What the network on show predicts for the picture on show."""
        own = self._own if self.network == "yours" or self._run is None else None
        model = own if own is not None else load_run(str(self._run)).model(self.epoch)
        return predict(torch.from_numpy(self.image.copy()), model)

    def words(self) -> str:
        """What is shown, with the most likely class."""
        when = f"after epoch {self.epoch}" if self.epoch else "before training"
        whose = "your network" if self.network == "yours" else f"the course's network {when}"
        said = self.prediction
        return (
            f"A picture on its way through {whose}: the maps of each block, the hidden units, and ten probabilities. "
            f"The most likely class is {said.label}, with {percent(said.probability)}."
        )

    @traitlets.validate("epoch")
    def _one_of_the_epochs(self, proposal: Any) -> int:
        if self.epochs and proposal["value"] not in self.epochs:
            kept = ", ".join(map(str, self.epochs))
            raise traitlets.TraitError(f"there are no weights of epoch {proposal['value']}: choose one of {kept}")
        return int(proposal["value"])

    @traitlets.validate("network")
    def _one_of_the_networks(self, proposal: Any) -> str:
        if self.networks and proposal["value"] not in self.networks:
            known = " or ".join(self.networks)
            raise traitlets.TraitError(f"there is no network {proposal['value']!r} here: choose {known}")
        return str(proposal["value"])


def through_the_network(
    pictures: Pictures | None = None, model: nn.Module | None = None, run: str | None = DEFAULT_RUN
) -> ThroughTheNetwork:
    """Follow a picture through a network, from its pixels to ten probabilities.

    Args:
        pictures: the pictures to choose from: a dict by name, a list of what `predict` takes, or a tensor uint8
            `(N, 3, 32, 32)`; `None` takes sketches, which the course draws itself.
        model: your own network, shown in turn with the recorded one. It may have any layers that the browser can
            compute, see `cifar_helpers.web.graph.SUPPORTED`.
        run: a recorded run with weights, whose epochs can be compared; `None` shows only your network.

    Raises:
        PictureError: if a picture cannot be used; it says why.
        TypeError: if the browser cannot compute the network; it names the layer.
        ValueError: if there is no network to show, or the run has no weights.
    """
    if model is None and run is None:
        raise ValueError("there is no network to show: give a model, a run, or both")
    return ThroughTheNetwork(pictures, model, run)
