"""Exercises of lesson 09: a few images of each class, frozen stages, rounded weights, and a batch norm less."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.compare import named
from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.results import Unreadable, plain


def _labels(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    classes, count = (3, 4, 5, 10)[number % 4], (2, 1, 3, 2, 4, 3, 1, 2)[number]
    # Enough of each class, and some more of random ones, in random order.
    labels = torch.cat([torch.arange(classes).repeat(count + 1), torch.randint(classes, (9,), generator=generator)])
    return labels[torch.randperm(len(labels), generator=generator)], count, classes


def _chosen(labels: Tensor, count: int, classes: int) -> Tensor:
    return torch.cat([(labels == k).nonzero().flatten()[:count] for k in range(classes)])


def _last_of_each(labels: Tensor, count: int, classes: int) -> Tensor:
    return torch.cat([(labels == k).nonzero().flatten()[-count:] for k in range(classes)])


def _as_columns(labels: Tensor, count: int, classes: int) -> Tensor:
    return torch.cat([(labels == k).nonzero()[:count] for k in range(classes)])


few_per_class = Exercise(
    name="few_per_class",
    reference=_chosen,
    draw=_labels,
    mistakes={
        "in_total": lambda labels, count, classes: torch.arange(count),
        "first_images": lambda labels, count, classes: torch.arange(count * classes),
        "labels_instead": lambda labels, count, classes: labels[_chosen(labels, count, classes)],
        "last_of_each": _last_of_each,
        "sorted": lambda labels, count, classes: _chosen(labels, count, classes).sort().values,
        "as_columns": _as_columns,
        "one_class_missing": lambda labels, count, classes: _chosen(labels, count, classes - 1),
        "all_of_each": lambda labels, count, classes: _chosen(labels, len(labels), classes),
    },
    close=0,
)


def _stages(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = (3, 4, 5)[number % 3]
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        stages = [
            nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3))
            for _ in range(count)
        ]
        network = nn.Sequential(*stages, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10)))
    return network.train(), (1, 2, 1, 3, 2, 4, 2, 3)[number]


def _state_after(freeze: Callable[..., Any]) -> Callable[..., Any]:
    """Which parameters are trained, and which batch norms follow the batches, after an answer has changed a copy."""

    def run(network: nn.Sequential, count: int) -> Any:
        changed = copy.deepcopy(network)
        if freeze(changed, count) is ...:
            return ...
        trained = [p.requires_grad for p in changed.parameters()]
        following = [layer.training for layer in changed.modules() if isinstance(layer, nn.BatchNorm2d)]
        return torch.tensor([*trained, *following]).float()

    return run


def _freeze(network: nn.Sequential, count: int) -> None:
    for stage in network[:count]:
        stage.requires_grad_(False)
        stage.eval()


def _parameters_only(network: nn.Sequential, count: int) -> None:
    network[:count].requires_grad_(False)


def _statistics_only(network: nn.Sequential, count: int) -> None:
    network[:count].eval()


def _weights_only(network: nn.Sequential, count: int) -> None:
    for name, parameter in network[:count].eval().named_parameters():
        parameter.requires_grad_("bias" in name)


def _all_in_eval(network: nn.Sequential, count: int) -> None:
    network.eval()[:count].requires_grad_(False)


def _the_others(network: nn.Sequential, count: int) -> None:
    network[count:].requires_grad_(False).eval()


def _everything(network: nn.Sequential, count: int) -> None:
    network.requires_grad_(False).eval()


freeze = Exercise(
    name="freeze",
    reference=_state_after(_freeze),
    draw=_stages,
    mistakes={
        "batch_norm_follows": _state_after(_parameters_only),
        "still_trained": _state_after(_statistics_only),
        "biases_trained": _state_after(_weights_only),
        "all_in_eval": _state_after(_all_in_eval),
        "wrong_end": _state_after(_the_others),
        "everything": _state_after(_everything),
        "one_too_many": _state_after(lambda network, count: _freeze(network, count + 1)),
        "one_too_few": _state_after(lambda network, count: _freeze(network, count - 1)),
    },
    harness=_state_after,
    parts=("the parameters (1: trained), followed by the batch norms (1: in training mode)",),
)


# --- shipping -----------------------------------------------------------------------------------------------------

_Both = tuple[Tensor, Tensor]


def _weights(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    shape = ((4, 4), (3, 2, 3, 3), (5, 7), (6, 1, 2, 2))[number % 4]
    sizes = 10.0 ** torch.randint(-2, 2, (shape[0],), generator=generator)
    weights = torch.randn(shape, generator=generator) * _along_outputs(sizes, len(shape))
    # The largest weight of the first channel is negative; a channel that nothing needs may have become zero.
    weights[0] = -weights[0].abs()
    if number % 2:
        weights[-1] = 0.0
    return (weights,)


def _along_outputs(values: Tensor, axes: int) -> Tensor:
    """One number per output channel, `(outputs,)`, in a shape that multiplies weights with so many axes."""
    return values.view(-1, *[1] * (axes - 1))


def _with_bytes(quantise: Callable[..., Any]) -> Callable[..., Any]:
    """The result with the bytes of a weight; any positive scale will do for a channel of zeros."""

    def run(weights: Tensor) -> Any:
        got = plain(quantise(weights))
        parts = list(got) if isinstance(got, tuple | list) else []
        if got is None or got is ... or any(part is ... for part in parts):
            return got
        try:
            whole, scales = map(torch.as_tensor, parts)
        except Exception:  # not two, or no numbers
            raise Unreadable(
                f"it returns {named(got)}. Return two tensors: the whole numbers and the scales."
            ) from None
        if scales.shape == whole.shape[:1]:
            scales = torch.where((whole.flatten(1) == 0).all(1) & (scales > 0), 1.0, scales)
        return whole, scales, whole.element_size()

    return run


def _rounded(weights: Tensor, largest: Tensor, levels: int = 127) -> _Both:
    scales = torch.where(largest == 0, 1.0, largest / levels)
    return (weights / _along_outputs(scales, weights.ndim)).round().to(torch.int8), scales


def _largest(weights: Tensor) -> Tensor:
    return weights.abs().flatten(1).amax(1)


def _quantise(weights: Tensor) -> _Both:
    return _rounded(weights, _largest(weights))


def _one_scale(weights: Tensor) -> _Both:
    return _rounded(weights, weights.abs().max().expand(len(weights)))


def _truncated(weights: Tensor) -> _Both:
    scales = _quantise(weights)[1]
    return (weights / _along_outputs(scales, weights.ndim)).to(torch.int8), scales


def _not_rounded(weights: Tensor) -> _Both:
    scales = _quantise(weights)[1]
    return weights / _along_outputs(scales, weights.ndim), scales


def _zero_scale(weights: Tensor) -> _Both:
    return _quantise(weights)[0], _largest(weights) / 127


def _kept_dimensions(weights: Tensor) -> _Both:
    whole, scales = _quantise(weights)
    return whole, _along_outputs(scales, weights.ndim)


quantise = Exercise(
    name="quantise",
    reference=_with_bytes(_quantise),
    draw=_weights,
    mistakes={
        "one_scale": _with_bytes(_one_scale),
        "signed_maximum": _with_bytes(lambda w: _rounded(w, w.flatten(1).amax(1))),
        "truncated": _with_bytes(_truncated),
        "not_rounded": _with_bytes(_not_rounded),
        "still_float": _with_bytes(lambda w: (_quantise(w)[0].float(), _quantise(w)[1])),
        "zero_scale": _with_bytes(_zero_scale),
        "kept_dimensions": _with_bytes(_kept_dimensions),
        "of_128": _with_bytes(lambda w: _rounded(w, _largest(w), 128)),
    },
    harness=_with_bytes,
    parts=("the whole numbers", "the scales", "the bytes that each whole number takes"),
)


def _stored(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    # The last axis is as long as the first, so that scales along the wrong axis raise no error.
    shape = ((4, 4), (3, 2, 3, 3), (5, 5), (2, 3, 2, 2))[number % 4]
    whole = torch.randint(-127, 128, shape, generator=generator).to(torch.int8)
    return whole, 0.001 + 0.05 * torch.rand(shape[0], generator=generator)


def _dequantise(whole: Tensor, scales: Tensor) -> Tensor:
    return whole * _along_outputs(scales, whole.ndim)


dequantise = Exercise(
    name="dequantise",
    reference=_dequantise,
    draw=_stored,
    mistakes={
        "last_axis": lambda whole, scales: whole * scales,
        "four_axes": lambda whole, scales: whole * scales.view(-1, 1, 1, 1),
        "divided": lambda whole, scales: _dequantise(whole, 1 / scales),
        "first_scale": lambda whole, scales: whole * scales[0],
        "of_127": lambda whole, scales: _dequantise(whole, scales) / 127,
        "whole_again": lambda whole, scales: _dequantise(whole, scales).to(torch.int8),
    },
)


def _convolution(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    outputs, inputs, side = ((3, 3, 3), (4, 2, 3), (2, 5, 1), (6, 3, 5))[number % 4]
    norm = nn.BatchNorm2d(outputs).eval()
    for tensor in (norm.running_mean, norm.weight.data, norm.bias.data):
        assert tensor is not None
        tensor.copy_(torch.randn(outputs, generator=generator))
    assert norm.running_var is not None
    norm.running_var.copy_(0.2 + 3 * torch.rand(outputs, generator=generator))
    if number % 2:  # a channel that is always the same, where norm.eps keeps the division possible
        norm.running_var[0] = 0.0
    norm.requires_grad_(False)
    return (
        torch.randn(outputs, inputs, side, side, generator=generator),
        torch.randn(outputs, generator=generator),
        norm,
    )


def _factor(norm: nn.BatchNorm2d) -> Tensor:
    assert norm.running_var is not None
    return norm.weight / (norm.running_var + norm.eps).sqrt()


def _fold(weights: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> _Both:
    assert norm.running_mean is not None
    factor = _factor(norm)
    return weights * factor.view(-1, 1, 1, 1), (bias - norm.running_mean) * factor + norm.bias


def _bias_not_scaled(weights: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> _Both:
    folded, zero = _fold(weights, torch.zeros_like(bias), norm)
    return folded, zero + bias


def _mean_forgotten(weights: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> _Both:
    return _fold(weights, bias, norm)[0], bias * _factor(norm) + norm.bias


def _shift_forgotten(weights: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> _Both:
    folded, changed = _fold(weights, bias, norm)
    return folded, changed - norm.bias


def _by_variance(weights: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> _Both:
    assert norm.running_var is not None and norm.running_mean is not None
    factor = norm.weight / (norm.running_var + norm.eps)
    return weights * factor.view(-1, 1, 1, 1), (bias - norm.running_mean) * factor + norm.bias


def _gain_forgotten(weights: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> _Both:
    assert norm.running_mean is not None
    factor = _factor(norm) / norm.weight
    return weights * factor.view(-1, 1, 1, 1), (bias - norm.running_mean) * factor + norm.bias


fold_batch_norm = Exercise(
    name="fold_batch_norm",
    reference=_fold,
    draw=_convolution,
    mistakes={
        "bias_not_scaled": _bias_not_scaled,
        "mean_forgotten": _mean_forgotten,
        "shift_forgotten": _shift_forgotten,
        "by_variance": _by_variance,
        "gain_forgotten": _gain_forgotten,
        "bias_unchanged": lambda weights, bias, norm: (_fold(weights, bias, norm)[0], bias),
        "weights_unchanged": lambda weights, bias, norm: (weights, _fold(weights, bias, norm)[1]),
        "exchanged": lambda weights, bias, norm: _fold(weights, bias, norm)[::-1],
    },
)
