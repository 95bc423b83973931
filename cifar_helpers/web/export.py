"""A network on a page of its own, and what the page, or the widget of the same name, needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
_SKETCHES: Final = (
    "The pictures are sketches drawn by the course; the network learned from photographs, so it may be wrong."
)
_HORSE: Final = CLASSES.index("horse")


@dataclass(frozen=True)
class NetworkView:
    """What `through_the_network.js` needs.

    Attributes:
        state: its traits.
        files: weights by name; each is encoded when it is asked for.
    """

    state: dict[str, Any]
    files: dict[str, Callable[[], bytes]]


def sketches(seed: int = 0) -> dict[str, npt.NDArray[np.uint8]]:
    """One sketch of each class, uint8 `(32, 32, 3)`, which the seed takes from a million."""
    chosen = np.random.default_rng(seed).integers(1_000_000, size=len(CLASSES))
    return {name: np.asarray(draw(label, int(chosen[label]))) for label, name in enumerate(CLASSES)}


def network_view(
    pictures: Pictures | None = None,
    model: nn.Module | None = None,
    run: str | None = None,
    precision: Precision = "int8",
) -> NetworkView:
    """The state of *through the network*.

    Args:
        pictures: to choose from, at most 24; `None` takes sketches.
        model: the reader's own network, encoded at once: what is shown stays, even if the network learns on.
        run: a recorded run with weights, whose network is shown, too.
        precision: of all weights.

    Raises:
        PictureError: if a picture cannot be used.
        TypeError: if the browser cannot compute the network.
        ValueError: if there are no pictures or too many, or the run has no weights.
    """
    named = _named(pictures)
    first = _HORSE if pictures is None else 0
    files: dict[str, Callable[[], bytes]] = {}
    networks, epochs, accuracy = [], [], []
    if model is not None:
        own = encode(checked_network(model), precision)
        files["weights/yours"] = lambda: own
        networks.append("yours")
    if run is not None:
        record = load_run(run)
        record.model()  # says what is wrong with a run without weights
        epochs = list(record.epochs_with_weights)
        accuracy = record.history["validation_accuracy"]
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
        "chosen": [1, 19],
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
    """Write a page that shows what a network makes of pictures: open it in a browser, mail it, or put it on a website.

    It is one HTML file with weights and pictures in it. It needs no Python, and asks nothing of any server.

    Args:
        model: the network; any that `cifar_helpers.web.graph.trace` can follow.
        path: of the file; `.html` is added if it has no ending. Folders on the way are created.
        pictures: to choose from, at most 24; `None` takes sketches. Publish only pictures that you may pass on.
        title: of the page.
        precision: of the weights: `int8` for the smallest file.

    Returns:
        The path of the file.

    Raises:
        PictureError: if a picture cannot be used.
        TypeError: if `path` is no path, or the browser cannot compute the network; it names the layer.
        ValueError: if the pictures are none or too many, or the file cannot be written; it says why.
    """
    target = user_path(path)
    if target.is_dir():
        raise ValueError(f"{target} is a folder, not a file: name a file in it")
    target = target if target.suffix else target.with_suffix(".html")
    view = network_view(pictures, checked_network(model), precision=precision)
    words = "What a convolutional network makes of a picture, layer by layer. The page needs JavaScript."
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
        if one or isinstance(pictures, str | bytes):
            raise ValueError("pictures must be several: give a list, a tensor (N, 3, 32, 32), or a dict by name")
        named = {f"picture {k}": picture for k, picture in enumerate(pictures, 1)}
    if not 1 <= len(named) <= _MOST_PICTURES:
        raise ValueError(f"there must be 1 to {_MOST_PICTURES} pictures, got {len(named)}")
    return {str(name): preprocess(picture).permute(1, 2, 0).contiguous().numpy() for name, picture in named.items()}
