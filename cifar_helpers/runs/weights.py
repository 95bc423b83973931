"""Save and load the weights of networks."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cifar_helpers import networks
from cifar_helpers._paths import atomic_write, is_missing, reading_problem, user_path, writing_problem
from cifar_helpers.training import checkpoint as checkpoints
from cifar_helpers.training.checkpoint import CheckpointError

_FLOAT16_ERROR = 1e-3  # relative; float16 has 11 significant bits, so it rounds by at most 4.9e-4

_OTHER_FORMATS = (".safetensors", ".npz", ".npy", ".h5", ".hdf5", ".keras", ".onnx", ".tflite", ".pb", ".gguf")
_FEW = 4096  # numbers in a bias or a batch norm, where every single one matters
_SCALE = ":scale"  # ends the name of the scales of a tensor that is stored as int8; no parameter's name has a colon

ModelT = TypeVar("ModelT", bound=nn.Module)


def save_weights(model: nn.Module, path: Path | str, *, int8: bool = False) -> None:
    """Write a network's weights as float16, half the size; probabilities change by less than 0.1 points.

    Tensors with numbers that float16 cannot represent, such as a running variance of 100,000, stay as they are. The
    file is read back and compared before it replaces an older one. Missing folders are created.

    Args:
        model: the network; if it is wrapped, the weights of the network inside are written.
        path: of the file.
        int8: write large kernels and matrices as whole numbers -127..127 with one scale per output channel, a quarter
            of the size of float32 (symmetric quantisation; Jacob and others, 2018). They change a little: measure the
            accuracy afterwards.

    Raises:
        CheckpointError: if the file cannot be written; the message says why.
    """
    networks.check_module(model)
    networks.warn_of_unregistered_layers(model, stacklevel=2)
    target = _weights_path(path)
    named = networks.without_wrappers(networks.unwrap(model).state_dict())
    weights: dict[str, Any] = {}
    for name, value in named.items():
        if int8 and isinstance(value, Tensor) and _is_large(value):
            weights[name], weights[name + _SCALE] = quantise(value)
        else:
            weights[name] = _compact(value)
    try:
        taken = not is_missing(target) and not target.is_symlink()
        if taken and (problem := reading_problem(target)):
            raise CheckpointError(f"{problem}. Name another file")
        with atomic_write(target) as part:
            torch.save(weights, part)
            written = torch.load(part, weights_only=True)
            if not all(_same(written[name], value) for name, value in weights.items()):
                raise CheckpointError(f"{target} differs from what was written when it is read back. Check the disk")
    except (OSError, RuntimeError) as error:
        raise CheckpointError(writing_problem(target, error)) from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            "the network has an extra state that cannot be read back without running code. Let get_extra_state return "
            "only numbers, strings, lists, dicts and tensors"
        ) from error


def _weights_path(path: Path | str) -> Path:
    try:
        return user_path(path)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"path must be the path of a file: {error}") from error


def _same(one: Any, other: Any) -> bool:
    if not isinstance(other, Tensor) or other.layout != torch.strided or other.is_quantized:
        return type(one) is type(other)
    if other.is_floating_point():
        one, other = one.double().nan_to_num(), other.double().nan_to_num()
    return torch.equal(one, other)


def _compact(values: Any) -> Any:
    """The same numbers in float16 if it keeps three digits of them, on the CPU."""
    if not isinstance(values, Tensor):
        return values
    values = values.contiguous().cpu() if values.layout == torch.strided else values.cpu()
    if values.dtype not in (torch.float32, torch.float64) or values.layout != torch.strided or not values.numel():
        return values
    half, size = values.half(), values.abs()
    # In a large matrix, a number much smaller than the others may become zero; a single variance may not.
    floor = float(size.max()) / 100 if values.numel() > _FEW else 0.0
    lost = (half.to(values.dtype) - values).abs() > _FLOAT16_ERROR * size.clamp(min=floor)
    return values if bool((lost | (half.isinf() & ~values.isinf())).any()) else half


def _is_large(values: Tensor) -> bool:
    dense = values.is_floating_point() and values.layout == torch.strided
    return dense and values.ndim > 1 and values.numel() > _FEW and bool(values.isfinite().all())


def quantise(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights to whole numbers from -127 to 127, with one scale per output channel (symmetric quantisation).

    Args:
        weights: floating-point `(outputs, ...)` with at least two axes.

    Returns:
        int8 of the same shape, and float32 scales `(outputs, 1, ...)` on the CPU: their product is close to the
        weights, within half a scale.
    """
    weights = weights.detach().float().cpu()
    scales = weights.abs().amax(tuple(range(1, weights.ndim)), keepdim=True) / 127
    scales = torch.where(scales > 0, scales, 1)  # a channel of zeros
    return (weights / scales).round().to(torch.int8), scales


def _dequantised(weights: dict[Any, Any]) -> dict[Any, Any]:
    """The same named weights, with those stored as int8 multiplied by their scales."""
    plain = dict(weights)
    for name in [name for name in weights if isinstance(name, str) and name.endswith(_SCALE)]:
        product = _product(weights.get(name.removesuffix(_SCALE)), weights[name])
        if product is not None:
            plain[name.removesuffix(_SCALE)] = product
            del plain[name]
    return plain


def _product(values: Any, scales: Any) -> Tensor | None:
    if not isinstance(values, Tensor) or not isinstance(scales, Tensor) or values.dtype != torch.int8:
        return None
    fits = values.ndim > 1 and scales.shape == (len(values), *[1] * (values.ndim - 1))
    return values.float() * scales if fits else None


def load_weights(model: ModelT, path: Path | str) -> ModelT:
    """Load the weights in a file into `model`, without running any code that the file may contain.

    Args:
        model: the network for the weights. It, or the network they come from, may be wrapped
            (`DistributedDataParallel`, `torch.compile`).
        path: of a file from `save_weights` (float16 or int8), from `torch.save(model.state_dict(), ...)`, or of a
            checkpoint with the weights under `model`, `state_dict` or `model_state_dict`.

    Returns:
        `model`, in eval mode.

    Raises:
        CheckpointError: if the file is missing or damaged, contains more than tensors, or has the weights of another
            network; the message names the first difference.
    """
    networks.check_network(model)
    file = _weights_path(path)
    if problem := reading_problem(file):
        raise CheckpointError(problem)
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file can raise almost anything
        if file.suffix.lower() in _OTHER_FORMATS:
            raise CheckpointError(
                f"{file} is in another format ({file.suffix}). Read it with the library for that format, and load its "
                "tensors into the network with model.load_state_dict(...)"
            ) from error
        raise CheckpointError(
            f"{file} cannot be loaded as weights: it is damaged, or contains more than tensors, "
            "which could run code on your machine. Get the file again from a source that you trust"
        ) from error
    if isinstance(weights, dict):
        inside = (weights.get(name) for name in ("model", "state_dict", "model_state_dict"))
        weights = next((one for one in inside if isinstance(one, dict)), weights)
        weights = _dequantised(weights)
    network = networks.unwrap(model)
    checkpoints.check_weights(weights, network, file)
    checkpoints.load_into(network, weights)
    model.eval()
    return model
