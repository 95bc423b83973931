"""Exercises of lesson 03: a classifier, parameters, a module, softmax, shapes, batch norm, cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy as torch_cross_entropy

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_03 import pictures
from cifar_helpers.checks.results import Unreadable, in_words

# --- networks that the learner builds: compared by what they compute, whatever their layers are called --------------


def _hidden_sizes(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    usual = ((2048, 512, 256), (1024, 512, 256))
    return usual[number] if number < 2 else tuple((4 * torch.randint(2, 40, (3,), generator=generator)).tolist())


def _checked(network: Any) -> nn.Module:
    """What the learner's function returned, if it is a network.

    Raises:
        Unreadable: if it is not; the message says what to return.
    """
    if isinstance(network, type):
        raise Unreadable("it returns a class. Call it with its arguments, so that it makes a network.")
    if not isinstance(network, nn.Module):
        raise Unreadable(f"it returns {in_words(network)}. Return a network, such as nn.Sequential(...).")
    return network


_BEHAVIOUR = (
    "the sizes of its parameters, in the order in which its layers run",
    "what the network computes in eval mode",
    "what the network computes in training mode",
)


def _behaviour(network: nn.Module, images: Tensor) -> Any:
    """The sizes of a network's parameters, and its outputs in eval and in train mode with weights that its sizes fix.

    Networks whose layers run in the same order behave alike, in whatever order `__init__` makes them. A convolution
    may leave out its bias, because batch norm follows it. A network without parameters has nothing to train, and gives
    one number.
    """
    parameters, output = _in_order_of_use(network, images)
    if output is ...:
        return ...
    if not parameters:
        return -1.0
    if not isinstance(output, Tensor):
        said = "nothing" if output is None else in_words(output)
        raise Unreadable(f"its forward returns {said}. End it with `return` and the tensor that the last layer gives.")
    sizes = [p.numel() for p in parameters]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / math.sqrt(parameter[0].numel() + 1))
        in_eval = network.eval()(images)
        torch.manual_seed(0)  # dropout switches off the same units in every network
        in_train = network.train()(images)
    return [torch.tensor(sizes), in_eval, in_train]


def _in_order_of_use(network: nn.Module, images: Tensor) -> tuple[list[nn.Parameter], Any]:
    """A network's parameters as its layers run, then those of no layer that ran; and its output.

    The biases of convolutions are set to zero, and are not among them.
    """
    used: list[nn.Parameter] = []
    biases: list[Tensor] = []

    def note(layer: nn.Module, _: Any) -> None:
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            biases.append(layer.bias)
        used.extend(layer.parameters(recurse=False))

    hooks = [layer.register_forward_pre_hook(note) for layer in network.modules()]
    with torch.no_grad():
        output = network.eval()(images)
        for bias in biases:
            bias.zero_()
    for hook in hooks:
        hook.remove()
    left_out = set(map(id, biases))
    found = {id(p): p for p in [*used, *network.parameters()] if id(p) not in left_out}
    return list(found.values()), output


def _on_features(answer: Callable[..., Any]) -> Callable[..., Any]:
    def run(inputs: int, first: int, second: int) -> Any:
        network = answer(inputs, first, second)
        if network is None or network is ...:
            return network
        images = torch.randn(6, inputs // 4, 2, 2, generator=torch.Generator().manual_seed(0))
        return _behaviour(_checked(network), images)

    return run


def _classifier(inputs: int, first: int, second: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, first),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(second, 10),
    )


def _without(kind: type[nn.Module]) -> Callable[..., nn.Sequential]:
    """The classifier without the layers of a kind."""
    return lambda *sizes: nn.Sequential(*(layer for layer in _classifier(*sizes) if not isinstance(layer, kind)))


def _with_dropout(probability: float) -> Callable[..., nn.Sequential]:
    def build(*sizes: int) -> nn.Sequential:
        network = _classifier(*sizes)
        for layer in network:
            if isinstance(layer, nn.Dropout):
                layer.p = probability
        return network

    return build


classifier = Exercise(
    name="classifier",
    reference=_on_features(_classifier),
    draw=_hidden_sizes,
    harness=_on_features,
    parts=_BEHAVIOUR,
    mistakes={
        "relu_missing": _on_features(_without(nn.ReLU)),
        "dropout_missing": _on_features(_without(nn.Dropout)),
        "other_dropout": _on_features(_with_dropout(0.5)),
        "kept_share": _on_features(_with_dropout(0.75)),
        "softmax_at_the_end": _on_features(lambda *sizes: _classifier(*sizes).append(nn.Softmax(1))),
        "relu_at_the_end": _on_features(lambda *sizes: _classifier(*sizes).append(nn.ReLU())),
        "hidden_layers_exchanged": _on_features(lambda inputs, first, second: _classifier(inputs, second, first)),
        "one_hidden_layer": _on_features(
            lambda *sizes: nn.Sequential(*_classifier(*sizes)[:4], nn.Linear(sizes[1], 10))
        ),
    },
)


def _channel_counts(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    return ((3, 16), (8, 8))[number] if number < 2 else tuple(torch.randint(2, 24, (2,), generator=generator).tolist())


def _on_maps(answer: Callable[..., Any]) -> Callable[..., Any]:
    def run(inputs: int, outputs: int) -> Any:
        network = answer(inputs, outputs)
        if network is None or network is ...:
            return network
        images = torch.randn(4, inputs, 8, 8, generator=torch.Generator().manual_seed(0))
        return _behaviour(_checked(network), images)

    return run


class _DoubleBlock(nn.Module):
    """Two convolutions before the pooling."""

    def __init__(self, inputs: int, outputs: int, padding: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=padding)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=padding)
        self.second_norm = nn.BatchNorm2d(outputs)

    def forward(self, images: Tensor) -> Tensor:
        values = self.first_norm(self.first(images)).relu()
        return self.pooled(self.second_norm(self.second(values)).relu())

    def pooled(self, values: Tensor) -> Tensor:
        return nn.functional.max_pool2d(values, 2)


class _NotRegistered(_DoubleBlock):
    """Its layers are in a plain list, where PyTorch does not find their parameters."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.layers = [self.first, self.first_norm, self.second, self.second_norm]
        self._modules.clear()

    def forward(self, images: Tensor) -> Tensor:
        return images


class _SharedNorm(_DoubleBlock):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.second_norm = self.first_norm


class _NoReluBetween(_DoubleBlock):
    def forward(self, images: Tensor) -> Tensor:
        values = self.first_norm(self.first(images))
        return self.pooled(self.second_norm(self.second(values)).relu())


class _NoReluAtTheEnd(_DoubleBlock):
    def forward(self, images: Tensor) -> Tensor:
        values = self.first_norm(self.first(images)).relu()
        return self.pooled(self.second_norm(self.second(values)))


class _NoPooling(_DoubleBlock):
    def pooled(self, values: Tensor) -> Tensor:
        return values


class _PooledTwice(_DoubleBlock):
    def forward(self, images: Tensor) -> Tensor:
        values = self.pooled(self.first_norm(self.first(images)).relu())
        return self.pooled(self.second_norm(self.second(values)).relu())


class _OneConvolution(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2))


double_block = Exercise(
    name="double_block",
    reference=_on_maps(_DoubleBlock),
    draw=_channel_counts,
    harness=_on_maps,
    parts=_BEHAVIOUR,
    mistakes={
        "not_registered": _on_maps(_NotRegistered),
        "shared_norm": _on_maps(_SharedNorm),
        "no_relu_between": _on_maps(_NoReluBetween),
        "no_relu_at_the_end": _on_maps(_NoReluAtTheEnd),
        "no_pooling": _on_maps(_NoPooling),
        "pooled_twice": _on_maps(_PooledTwice),
        "padding_missing": _on_maps(lambda inputs, outputs: _DoubleBlock(inputs, outputs, padding=0)),
        "one_convolution": _on_maps(_OneConvolution),
    },
)


# --- numbers by hand ----------------------------------------------------------------------------------------------


def _sizes(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    first, second = torch.randint(1, 129, (2,), generator=generator).tolist()
    return first, second, (3, 1, 5, 3, 7, 2, 3, 4)[number]


parameters_of_convolution = Exercise(
    name="parameters_of_convolution",
    reference=lambda inputs, outputs, kernel: outputs * (inputs * kernel * kernel + 1),
    draw=_sizes,
    mistakes={
        "biases_missing": lambda i, o, k: o * i * k * k,
        "exchanged": lambda i, o, k: i * (o * k * k + 1),
        "kernel_not_squared": lambda i, o, k: o * (i * k + 1),
        "input_channels_missing": lambda i, o, k: o * (k * k + 1),
        "one_bias": lambda i, o, k: o * i * k * k + 1,
    },
    close=0,
)


def _blocks(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = ((32, 32), (64, 64), (32, 48), (30, 30), (28, 32), (37, 100), (50, 27), (96, 33))[number]
    count = (3, 4, 2, 4, 1, 3, 4, 3)[number]
    return torch.randint(1, 257, (count,), generator=generator).tolist(), height, width


def _halved(halve: Callable[[int], Any]) -> Callable[..., list[tuple[Any, ...]]]:
    """Shapes where each block does this to either side."""

    def shapes(channels: list[int], height: Any, width: Any) -> list[tuple[Any, ...]]:
        found = []
        for outputs in channels:
            height, width = halve(height), halve(width)
            found.append((outputs, height, width))
        return found

    return shapes


_shapes = _halved(lambda side: side // 2)


def _before_pooling(channels: list[int], height: int, width: int) -> list[tuple[int, ...]]:
    return [(outputs, height >> k, width >> k) for k, outputs in enumerate(channels)]


shapes = Exercise(
    name="shapes",
    reference=_shapes,
    draw=_blocks,
    mistakes={
        "rounded_up": _halved(lambda side: -(-side // 2)),
        "half_pixels": _halved(lambda side: side / 2),
        "convolutions_shrink": _halved(lambda side: (side - 2) // 2),
        "quartered": _halved(lambda side: side // 4),
        "halved_once": lambda c, h, w: [(outputs, h // 2, w // 2) for outputs in c],
        "before_pooling": _before_pooling,
        "channels_last": lambda c, h, w: [(*sides, outputs) for outputs, *sides in _shapes(c, h, w)],
        "square_only": lambda c, h, w: _shapes(c, h, h),
    },
    close=0,
    shows=pictures.narrowing,
)


def _logits(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    size = (1, 3, 8, 100, 1000, 5, 1000, 2)[number]
    logits = size * torch.randn(number + 2, 4 + number, generator=generator)
    # As a card writes them, so that what is computed by hand from these agrees with its results.
    return (logits.round(decimals=2 if size < 3 else 1 if size < 100 else 0),)


softmax = Exercise(
    name="softmax",
    reference=lambda logits: logits.softmax(1),
    draw=_logits,
    mistakes={
        "overflow": lambda z: z.exp() / z.exp().sum(1, keepdim=True),
        "by_columns": lambda z: z.softmax(0),
        "not_divided": lambda z: (z - z.amax(1, keepdim=True)).exp(),
        "logits_divided": lambda z: z / z.sum(1, keepdim=True),
        "twice": lambda z: z.softmax(1).softmax(1),
        "logarithms": lambda z: z.log_softmax(1),
        "largest_of_all": lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(1, keepdim=True),
        "sigmoid": lambda z: z.sigmoid(),
    },
    close=1e-5,
    shows=pictures.shared_out,
)


def _activations(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (4, 4) if number < 2 else (2 + number, 3)
    x = 3 * torch.randn(number + 2, 5, height, width, generator=generator) + 2
    if number % 2:  # a channel that hardly varies, where it matters what is added to the variance
        x[:, 0] *= 0.001
    return x, torch.rand(5, generator=generator) + 0.5, torch.randn(5, generator=generator)


def _batch_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.nn.functional.batch_norm(x, None, None, scale, shift, training=True)


def _by(
    x: Tensor, scale: Tensor, shift: Tensor, axes: tuple[int, ...], correction: int, epsilon: float = 1e-5
) -> Tensor:
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, correction=correction)
    return (x - mean) / (variance + epsilon).sqrt() * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


def _added_to_the_root(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    deviation = x.std((0, 2, 3), keepdim=True, correction=0) + 1e-5
    return (x - x.mean((0, 2, 3), keepdim=True)) / deviation * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


batch_norm = Exercise(
    name="batch_norm",
    reference=_batch_norm,
    draw=_activations,
    mistakes={
        "divided_by_n_minus_1": lambda x, a, b: _by(x, a, b, (0, 2, 3), 1),
        "over_images_alone": lambda x, a, b: _by(x, a, b, (0,), 0),
        "instance_norm": lambda x, a, b: _by(x, a, b, (2, 3), 0),
        "layer_norm": lambda x, a, b: _by(x, a, b, (1, 2, 3), 0),
        "nothing_added": lambda x, a, b: _by(x, a, b, (0, 2, 3), 0, 0.0),
        "added_to_the_root": _added_to_the_root,
        "scale_and_shift_missing": lambda x, a, b: _by(x, torch.ones_like(a), torch.zeros_like(b), (0, 2, 3), 0),
        "divided_by_variance": lambda x, a, b: (
            (x - x.mean((0, 2, 3), keepdim=True))
            / (x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5)
            * a.view(1, -1, 1, 1)
            + b.view(1, -1, 1, 1)
        ),
    },
    close=1e-4,
    shows=pictures.levelled,
)


def _labelled(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    (logits,) = _logits(generator, number)
    # The last are large, but near each other: their exponentials overflow, and no probability becomes 0.
    return logits + 100 * (number == 7), torch.randint(logits.shape[1], (len(logits),), generator=generator)


def _naive(logits: Tensor, labels: Tensor) -> Tensor:
    powers = logits.exp()
    return -(powers / powers.sum(1, keepdim=True))[range(len(labels)), labels].log().mean()


cross_entropy = Exercise(
    name="cross_entropy",
    reference=lambda logits, labels: torch_cross_entropy(logits, labels),
    draw=_labelled,
    mistakes={
        "overflow": _naive,
        "log_of_softmax": lambda z, y: -z.softmax(1)[range(len(y)), y].log().mean(),
        "softmax_twice": lambda z, y: torch_cross_entropy(z.softmax(1), y),
        "sum": lambda z, y: torch_cross_entropy(z, y, reduction="sum"),
        "wrong_sign": lambda z, y: -torch_cross_entropy(z, y),
        "bits": lambda z, y: torch_cross_entropy(z, y) / math.log(2),
        "not_averaged": lambda z, y: torch_cross_entropy(z, y, reduction="none"),
        "softmax_missing": lambda z, y: -z[range(len(y)), y].mean(),
    },
    close=1e-4,
    shows=pictures.costs,
)
