"""The networks of the course."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["MLP", "CifarCNN", "count_parameters"]


def _block(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU, pooling: `(B, inputs, H, W)` to `(B, outputs, H/2, W/2)`."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


class CifarCNN(nn.Module):
    """The course's network: three convolution blocks, then two hidden layers.

    Takes normalised images `(B, 3, 32, 32)` and gives logits `(B, 10)`. 1,276,682 parameters.

    Args:
        dropout: probability with which a hidden unit is switched off during training, 0 to below 1.
        width: factor for the number of channels and hidden units; 1 gives the course's network.

    Raises:
        ValueError: if `dropout` is outside that range, or `width` leaves a layer without units.
    """

    def __init__(self, dropout: float = 0.25, width: float = 1.0) -> None:
        super().__init__()
        _check_dropout(dropout)
        first, second, third, hidden, last = (round(width * units) for units in (32, 64, 128, 512, 256))
        if first < 1:
            raise ValueError(f"width must leave at least one channel in each layer, got {width}")
        self.features = nn.Sequential(_block(3, first), _block(first, second), _block(second, third))
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(third * 4 * 4, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, last),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(last, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(B, 10)` of images `(B, 3, 32, 32)`."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


class MLP(nn.Module):
    """A fully connected network: every pixel is joined to every unit of the first layer.

    Takes normalised images `(B, 3, 32, 32)` and gives logits `(B, 10)`.

    Args:
        hidden: units of each hidden layer, at least one layer.

    Raises:
        ValueError: if `hidden` is empty or holds a number below 1.
    """

    def __init__(self, hidden: Sequence[int] = (512, 256)) -> None:
        super().__init__()
        if not hidden or min(hidden) < 1:
            raise ValueError(f"hidden must name at least one layer of at least one unit, got {hidden}")
        sizes = [3 * 32 * 32, *hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 10))

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(B, 10)` of images `(B, 3, 32, 32)`."""
        logits: Tensor = self.layers(images)
        return logits


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _check_dropout(dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is a probability from 0 to below 1, got {dropout}")
