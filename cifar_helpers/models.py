"""The networks of the course."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["MLP", "CifarCNN", "CompactCNN", "FastCNN", "TestTimeAugmentation", "count_parameters"]


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

    @torch.no_grad()
    def whiten(self, images: Tensor) -> None:
        """Set the first layer's kernels to principal components of the images' patches, and freeze them.

        The kernels are the components of largest variance, each divided by its standard deviation, and their
        negatives: training does not have to find edges and colours first (Page, 2018). Biases start at zero, and learn.
        With more than 54 channels, or an odd one out, the other kernels keep their values.

        Args:
            images: normalised `(B, 3, H, W)`; a few thousand are enough.
        """
        first = next(layer for layer in self.features.modules() if isinstance(layer, nn.Conv2d))
        count = min(first.weight[0].numel(), first.out_channels // 2)
        kernels = _whitening_kernels(images, size=3, count=count)
        first.weight[: 2 * count] = torch.cat([kernels, -kernels])
        first.weight.requires_grad_(False)
        nn.init.zeros_(first.bias)  # type: ignore[arg-type]


def _whitening_kernels(images: Tensor, size: int, count: int) -> Tensor:
    """The principal components of patches with the largest variance, each divided by its standard deviation.

    Args:
        images: normalised `(B, 3, H, W)`.
        size: side of a patch.
        count: of kernels, at most `3 · size²`.

    Returns:
        `(count, 3, size, size)`, by rising variance.
    """
    numbers = images.shape[1] * size * size
    mean = images.new_zeros(numbers, dtype=torch.float64)
    products, seen = images.new_zeros(numbers, numbers, dtype=torch.float64), 0
    for some in torch.split(images, 500):  # all patches at once would take a gigabyte
        patches = nn.functional.unfold(some, size).transpose(1, 2).flatten(0, 1).double()
        mean, products, seen = mean + patches.sum(0), products + patches.T @ patches, seen + len(patches)
    mean = mean / seen
    values, vectors = torch.linalg.eigh(products / seen - torch.outer(mean, mean))
    # The small number keeps noise in the faintest components from being amplified.
    kernels = (vectors / (values + 5e-4).sqrt()).T[-count:]
    reshaped: Tensor = kernels.reshape(count, 3, size, size).float()
    return reshaped


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


class CompactCNN(nn.Module):
    """Convolution stages, then the mean of each channel and one linear layer: no hidden linear layers.

    Each stage halves the image. After its pooling come `depth` further convolutions that keep the shape, in blocks of
    two; with `residual` each block adds its input to its output, before the last ReLU (He and others, 2016). Takes
    normalised images `(B, 3, 32, 32)` and gives logits `(B, 10)`. 483,402 parameters with the default arguments.

    Args:
        widths: channels of each stage, one to five stages.
        depth: further convolutions in each stage, 0 or more; an odd one out is a block by itself.
        residual: add the input of each block to its output (a skip connection).

    Raises:
        ValueError: if there are too few or too many stages, a stage without channels, or a negative depth.
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 128), depth: int = 2, residual: bool = True) -> None:
        super().__init__()
        if not 1 <= len(widths) <= 5 or min(widths) < 1:
            raise ValueError(f"widths must name 1 to 5 stages of at least 1 channel, got {tuple(widths)}")
        if depth < 0:
            raise ValueError(f"depth must be at least 0, got {depth}")
        stages: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise((3, *widths)):
            stages.append(_block(inputs, outputs))
            for done in range(0, depth, 2):
                stages.append(_ConvBlock(outputs, min(2, depth - done), residual))
        self.features = nn.Sequential(*stages)
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(B, 10)` of images `(B, 3, 32, 32)`."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


class _ConvBlock(nn.Module):
    """Convolutions that keep the shape `(B, channels, H, W)`, with or without a skip connection around them."""

    def __init__(self, channels: int, depth: int, residual: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(depth):
            convolution = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
            layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
        self.layers, self.relu = nn.Sequential(*layers[:-1]), nn.ReLU()
        self.residual = residual

    def forward(self, values: Tensor) -> Tensor:
        changed: Tensor = self.layers(values)
        output: Tensor = self.relu(values + changed if self.residual else changed)
        return output


class FastCNN(nn.Module):
    """A network made to learn in as few epochs as possible, after the speed runs of Page (2018) and Jordan (2024).

    Its first layer looks at patches of 2×2 pixels and is not trained: `whiten` sets it from the images. Its batch norms
    shift but do not scale, and the convolutions start with identity (Dirac) initialisation. Takes normalised images
    `(B, 3, 32, 32)` and gives logits `(B, 10)`. 1,971,352 trained parameters with the default arguments.

    Args:
        widths: channels of the three stages.

    Raises:
        ValueError: if there are not three stages, or a stage has no channels.
    """

    def __init__(self, widths: Sequence[int] = (64, 256, 256)) -> None:
        super().__init__()
        if len(widths) != 3 or min(widths) < 1:
            raise ValueError(f"widths must name 3 stages of at least 1 channel, got {tuple(widths)}")
        self.whitening = nn.Conv2d(3, 2 * 3 * 2 * 2, kernel_size=2)
        self.whitening.weight.requires_grad_(False)
        stages = [_fast_stage(inputs, outputs) for inputs, outputs in itertools.pairwise((24, *widths))]
        self.features = nn.Sequential(nn.GELU(), *stages, nn.MaxPool2d(3), nn.Flatten())
        self.head = nn.Linear(widths[-1], 10, bias=False)

    @torch.no_grad()
    def whiten(self, images: Tensor) -> None:
        """Set the first layer so that its outputs are uncorrelated and of variance 1 on these images.

        The kernels are the principal components of the patches, each divided by its standard deviation, and their
        negatives.

        Args:
            images: normalised `(B, 3, H, W)`; a few thousand are enough.
        """
        kernels = _whitening_kernels(images, size=2, count=12)
        self.whitening.weight.copy_(torch.cat([kernels, -kernels]))
        nn.init.zeros_(self.whitening.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(B, 10)` of images `(B, 3, 32, 32)`."""
        # Maxima over many channels are large; dividing the logits keeps the first steps small.
        logits: Tensor = self.head(self.features(self.whitening(images))) / 9
        return logits


def _fast_stage(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions, with pooling after the first: `(B, inputs, H, W)` to `(B, outputs, H // 2, W // 2)`."""
    first, second = _dirac_conv(inputs, outputs), _dirac_conv(outputs, outputs)
    pool = nn.MaxPool2d(2)
    return nn.Sequential(
        first, pool, _unscaled_batch_norm(outputs), nn.GELU(), second, _unscaled_batch_norm(outputs), nn.GELU()
    )


def _dirac_conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A convolution whose first outputs start as copies of its inputs, so that nothing is lost at the start."""
    convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight[: min(inputs, outputs)].data)
    return convolution


def _unscaled_batch_norm(channels: int) -> nn.BatchNorm2d:
    """A batch norm without a trained scale, whose running statistics follow a short training run quickly."""
    norm = nn.BatchNorm2d(channels, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm


class TestTimeAugmentation(nn.Module):
    """Test-time augmentation: the mean of a network's logits for several views of each image.

    Args:
        model: takes `(B, 3, 32, 32)` and gives logits `(B, 10)`.
        shift: 0 takes two views, the image and its mirror image; a larger number takes six: both also shifted by so
            many pixels, down and right, and up and left.

    Raises:
        ValueError: if `shift` is negative.
    """

    __test__ = False  # pytest would take a class of this name for a test

    def __init__(self, model: nn.Module, shift: int = 0) -> None:
        super().__init__()
        if shift < 0:
            raise ValueError(f"shift must be at least 0, got {shift}")
        self.model = model
        self.shift = shift

    def forward(self, images: Tensor) -> Tensor:
        """Mean logits `(B, 10)` of images `(B, 3, 32, 32)`."""
        moved = [images]
        if self.shift:
            height, width = images.shape[2:]
            padded = nn.functional.pad(images, (self.shift,) * 4, mode="reflect")
            far = 2 * self.shift
            moved += [padded[:, :, :height, :width], padded[:, :, far : far + height, far : far + width]]
        views = [view for image in moved for view in (image, image.flip(3))]
        return torch.stack([self.model(view) for view in views]).mean(0)


def count_parameters(model: nn.Module) -> int:
    """How many numbers of a network training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _check_dropout(dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be a probability from 0 to below 1, got {dropout}")
