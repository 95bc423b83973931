"""An epoch slider over a recorded training: kernels, maps and answers of one picture as they form."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.inference import percent
from cifar_helpers.runs import DEFAULT_RUN, Run, load_run
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._chart import Axis, Line, line_chart
from cifar_helpers.widgets._controls import choice, on_change, row
from cifar_helpers.widgets._drawing import Array, Pixels, as_rows, bars_html, picture_html, sentence
from cifar_helpers.widgets._layers import STAGES, layers_of, through
from cifar_helpers.widgets._screen import Screen
from cifar_helpers.widgets.feature_maps import mosaic

__all__ = ["Moment", "moments", "render", "training_through_time"]

_SIDE = 190


@dataclass(frozen=True)
class Moment:
    """What the network made of the picture with the weights of one epoch.

    Attributes:
        epoch: 0 is before training.
        maps: name of the layer to float `(channels, h, w)`.
        probabilities: float `(10,)`.
    """

    epoch: int
    maps: dict[str, Tensor]
    probabilities: Tensor


def moments(run: Run, picture: Tensor) -> list[Moment]:
    """One for each epoch whose weights the run kept."""
    found = []
    for epoch in run.epochs_with_weights:
        model = run.model(epoch)
        maps = {name: values[0] for name, values in through(layers_of(model), picture[None])}
        with torch.no_grad():
            found.append(Moment(epoch, maps, model(normalise(picture)[None])[0].softmax(0)))
    return found


def kernels_as_pixels(kernels: Array, columns: int = 8) -> Pixels:
    """RGB kernels `(N, 3, 3, 3)` side by side, grey is zero, each on its own scale."""
    scale = np.maximum(np.abs(kernels).max(axis=(1, 2, 3), keepdims=True), 1e-9)
    tiles = ((kernels / scale + 1) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)
    tiles = np.pad(tiles, ((0, -len(tiles) % columns), (0, 1), (0, 1), (0, 0)), constant_values=255)
    rows = [np.concatenate(list(tiles[k : k + columns]), axis=1) for k in range(0, len(tiles), columns)]
    return np.concatenate(rows)


def render(run: Run, kernels: Array, moment: Moment, layer: str, epoch: int, picture: Array) -> str:
    """HTML of the state after an epoch.

    Args:
        run: the recorded run.
        kernels: float `(N, 3, 3, 3)` after this very epoch.
        moment: the last recorded weights up to it.
        layer: whose maps are shown.
        epoch: 0 is before training.
        picture: uint8 `(3, 32, 32)`.
    """
    order = np.asarray(moment.probabilities.argsort(descending=True, stable=True))
    shares = [(CLASSES[k], float(moment.probabilities[k])) for k in range(len(CLASSES))]
    best = CLASSES[order[0]]
    said = f"{best} {percent(float(moment.probabilities[order[0]]))}"
    when = "before training" if moment.epoch == 0 else f"after epoch {moment.epoch}"
    maps = moment.maps[layer].numpy()
    history = run.history
    curves = [
        Line("training", list(zip(history["epoch"], history["train_accuracy"], strict=True)), 0),
        Line("validation", list(zip(history["epoch"], history["validation_accuracy"], strict=True)), 1),
    ]
    accuracy = f"{history.rows[epoch - 1].validation_accuracy:.1%}" if epoch else "about 10 %, by chance"
    chart = line_chart(
        curves,
        Axis("epoch", least=0, greatest=len(history)),
        Axis("accuracy", "{:.0%}".format),
        f"Accuracies over {len(history)} epochs, epoch {epoch} marked: validation {accuracy}",
        marks=[(epoch, f"epoch {epoch}")],
        width=360,
        height=210,
    )
    words = (
        f"Epoch {epoch}: validation accuracy {accuracy}. With the weights {when} the network says {said}; "
        "kernels are those of this epoch."
    )
    return "".join(
        [
            picture_html(
                kernels_as_pixels(kernels),
                _SIDE,
                f"The {len(kernels)} kernels of the first layer after epoch {epoch}",
                f"first-layer kernels, epoch {epoch}; grey is 0",
            ),
            picture_html(mosaic(maps), _SIDE, f"{layer}, {when}: {len(maps)} maps", f"{layer}, {when}"),
            picture_html(as_rows(picture), 96, "The picture", "picture"),
            bars_html(shares, f"answers {when}", [percent(share) for _, share in shares]),
            f"<div>{chart}</div>",
            sentence(words),
        ]
    )


def training_through_time(picture: Tensor, run: str = DEFAULT_RUN) -> widgets.VBox:
    """Move through the epochs of a recorded training, with a slider or by playing them.

    Args:
        picture: uint8 `(3, 32, 32)`.
        run: a recorded run that kept weights on the way.

    Returns:
        A widget; all networks run once, when it is made.

    Raises:
        ValueError: if the picture has another shape or type, or the run kept no weights on the way.
    """
    if picture.dtype != torch.uint8 or picture.shape != (3, 32, 32):
        raise ValueError(
            f"training_through_time takes uint8 pixels of shape (3, 32, 32), got {picture.dtype} {tuple(picture.shape)}"
        )
    record = load_run(run)
    kernels, states = record.first_kernels().numpy(), moments(record, picture)
    last = len(record.history)
    play = widgets.Play(min=0, max=last, interval=600)
    epoch = widgets.IntSlider(0, 0, last, description="epoch", layout=widgets.Layout(width="26em"))
    widgets.jslink((play, "value"), (epoch, "value"))
    layer = choice("layer", [f"block {n}, {STAGES[2]}" for n in (1, 2, 3)])
    shown = Screen()

    def draw() -> None:
        moment = [state for state in states if state.epoch <= epoch.value][-1]
        shown.value = render(record, kernels[epoch.value], moment, layer.value, epoch.value, np.asarray(picture))

    on_change(draw, epoch, layer)
    draw()
    return in_this_cell(widgets.VBox([row(play, epoch, layer), shown]))
