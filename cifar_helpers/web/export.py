"""Export a network as a web page, and prepare the data that the page and the widget of the same name need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from cifar_helpers._paths import atomic_write, user_path, writing_problem
from cifar_helpers.data import CLASSES
from cifar_helpers.data.sketches import draw
from cifar_helpers.inference import Picture, checked_network, preprocess
from cifar_helpers.runs import load_run
from cifar_helpers.web.page import Placed, page
from cifar_helpers.web.weights import Precision, encode

__all__ = ["NetworkView", "Pictures", "export_page", "network_view", "sketches"]

Pictures: TypeAlias = Mapping[str, Picture] | Sequence[Picture] | Tensor
"""Pictures by name, in a list, or as a tensor uint8 `(N, 3, 32, 32)`."""

_MOST_PICTURES: Final = 24
_SKETCHES: Final = "Trained on photographs, not sketches."
_HORSE: Final = CLASSES.index("horse")


@dataclass(frozen=True, eq=False)
class NetworkView:
    """The data for `through_the_network.js`.

    Attributes:
        state: the traits of the widget.
        files: weights by name, encoded when they are requested.
    """

    state: dict[str, Any]
    files: dict[str, Callable[[], bytes]]


def sketches(seed: int = 0) -> dict[str, npt.NDArray[np.uint8]]:
    """One sketch of each class, uint8 `(32, 32, 3)`; the seed chooses among a million."""
    chosen = np.random.default_rng(seed).integers(1_000_000, size=len(CLASSES))
    return {name: np.asarray(draw(label, int(chosen[label]))) for label, name in enumerate(CLASSES)}


def network_view(
    pictures: Pictures | None = None,
    model: nn.Module | None = None,
    run: str | None = None,
    precision: Precision = "int8",
) -> NetworkView:
    """The state of the widget `through_the_network`.

    Args:
        pictures: to choose from, at most 24; `None` uses sketches.
        model: the reader's own network, encoded immediately, so later training does not change what is shown.
        run: a recorded run with weights, whose network is shown too.
        precision: of the weights, see `encode`.

    Raises:
        PictureError: if a picture cannot be used.
        TypeError: if the browser cannot compute the network.
        ValueError: if there are no pictures or too many, or the run has no weights.
    """
    named = _named(pictures)
    first = _HORSE if pictures is None else 0
    files: dict[str, Callable[[], bytes]] = {}
    networks, epochs, accuracy = [], [], []
    untrained = None
    if model is not None:
        own = encode(checked_network(model), precision)
        files["weights/yours"] = lambda: own
        networks.append("yours")
    if run is not None:
        record = load_run(run)
        record.model()  # raises an error if the run has no weights
        epochs = list(record.epochs_with_weights)
        untrained, accuracy = record.untrained_accuracy, record.history["validation_accuracy"]
        for epoch in epochs:
            files[f"weights/{epoch}"] = _of_run(run, epoch, precision)
        networks.append("course")
    state = {
        "image": list(named.values())[first].tobytes(),
        "names": list(named),
        "pictures": b"".join(pixels.tobytes() for pixels in named.values()),
        "note": _SKETCHES if pictures is None else "",
        "networks": networks,
        "network": networks[0],
        "epochs": epochs,
        "epoch": epochs[-1] if epochs else 0,
        "accuracy": accuracy,
        "untrained": untrained,
        # In the course's network, a map whose sum is complete, three colours and a bias; ReLU leaves the horse of it.
        "chosen": [0, 3],
    }
    return NetworkView(state, files)


def export_page(
    model: nn.Module,
    path: Path | str,
    pictures: Pictures | None = None,
    *,
    title: str = "Through my network",
    precision: Precision = "int8",
) -> Path:
    """Write a page that shows pictures passing through a network: open it in a browser, mail it, or publish it.

    It is a single HTML file that includes weights and pictures. It needs no Python and makes no requests to a server.

    Args:
        model: the network, any that `cifar_helpers.web.graph.trace` can follow.
        path: of the file; `.html` is added if it has no extension. Missing folders are created.
        pictures: to choose from, at most 24; `None` uses sketches. Publish only pictures that you may share.
        title: of the page.
        precision: of the weights; `int8` gives the smallest file.

    Returns:
        The path of the file.

    Raises:
        PictureError: if a picture cannot be used.
        TypeError: if `path` is not a path, or the browser cannot compute the network; it names the layer.
        ValueError: if there are no pictures or too many, or the file cannot be written; the message says why.
    """
    target = user_path(path)
    if target.is_dir():
        raise ValueError(f"{target} is a folder, not a file: give the path of a file in it")
    target = target if target.suffix else target.with_suffix(".html")
    view = network_view(pictures, checked_network(model), precision=precision)
    words = "A picture on its way through a convolutional network, layer by layer. This page needs JavaScript."
    placed = Placed("through_the_network", view.state, words)
    text = page([placed], {name: read() for name, read in view.files.items()}, title=title)
    try:
        with atomic_write(target) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(writing_problem(target, error)) from error
    return target


def _of_run(run: str, epoch: int, precision: Precision) -> Callable[[], bytes]:
    return lambda: encode(load_run(run).model(epoch), precision, epoch=epoch, run=run)


def _named(pictures: Pictures | None) -> dict[str, npt.NDArray[np.uint8]]:
    """Pixels `(32, 32, 3)` by name."""
    if pictures is None:
        return sketches()
    if isinstance(pictures, Mapping):
        named = dict(pictures)
    else:
        one = isinstance(pictures, Tensor | np.ndarray) and pictures.ndim < 4
        if one or isinstance(pictures, str | bytes) or not isinstance(pictures, Iterable):
            raise ValueError(
                "pictures must be a list, a tensor (N, 3, 32, 32), or a dict by name. Put a single picture into a list"
            )
        named = {f"picture {k}": picture for k, picture in enumerate(pictures, 1)}
    if not 1 <= len(named) <= _MOST_PICTURES:
        raise ValueError(f"there must be 1 to {_MOST_PICTURES} pictures, got {len(named)}")
    return {str(name): preprocess(picture).permute(1, 2, 0).contiguous().numpy() for name, picture in named.items()}
