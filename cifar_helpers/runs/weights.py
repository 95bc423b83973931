"""Weights of networks in files."""

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

_FLOAT16_ERROR = 1e-3  # relative; float16 keeps 11 bits, so that half of the last is 2.4e-4

_OTHER_FORMATS = (".safetensors", ".npz", ".npy", ".h5", ".hdf5", ".keras", ".onnx", ".tflite", ".pb", ".gguf")
_FEW = 4096  # numbers of a bias or a batch norm, of which each one counts

ModelT = TypeVar("ModelT", bound=nn.Module)


def save_weights(model: nn.Module, path: Path | str) -> None:
    """Write a network's weights as float16, half the size; probabilities change by less than 0.1 points.

    Tensors whose numbers float16 cannot hold, such as a running variance of 100,000, stay as they are. The file is
    read back and compared before it takes the place of an older one. Folders on the way are created.

    Args:
        model: the weights written are those of the network itself, whatever it is wrapped in.
        path: of the file.

    Raises:
        CheckpointError: if it cannot be written; it says why.
    """
    networks.check_module(model)
    networks.warn_of_unregistered_layers(model, stacklevel=2)
    target = _weights_path(path)
    named = networks.without_wrappers(networks.unwrap(model).state_dict())
    weights = {name: _compact(value) for name, value in named.items()}
    try:
        taken = not is_missing(target) and not target.is_symlink()
        if taken and (problem := reading_problem(target)):
            raise CheckpointError(f"{problem}. Name another file")
        with atomic_write(target) as part:
            torch.save(weights, part)
            written = torch.load(part, weights_only=True)
            if not all(_same(written[name], value) for name, value in weights.items()):
                raise CheckpointError(f"{target} reads back otherwise than it was written: check the disk")
    except (OSError, RuntimeError) as error:
        raise CheckpointError(writing_problem(target, error)) from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            "the network keeps an extra state that cannot be read back without running code: let get_extra_state give "
            "numbers, strings, lists, dicts and tensors"
        ) from error


def _weights_path(path: Path | str) -> Path:
    try:
        return user_path(path)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"path must be that of a file: {error}") from error


def _same(one: Any, other: Any) -> bool:
    if not isinstance(other, Tensor) or other.layout != torch.strided or other.is_quantized:
        return type(one) is type(other)
    if other.is_floating_point():
        one, other = one.double().nan_to_num(), other.double().nan_to_num()
    return torch.equal(one, other)


def _compact(values: Any) -> Any:
    """The same numbers in float16, where it holds them to three digits; on the CPU."""
    if not isinstance(values, Tensor):
        return values
    values = values.contiguous().cpu() if values.layout == torch.strided else values.cpu()
    if values.dtype not in (torch.float32, torch.float64) or values.layout != torch.strided or not values.numel():
        return values
    half, size = values.half(), values.abs()
    # In a large matrix, a number far below the others may become zero; a single variance may not.
    floor = float(size.max()) / 100 if values.numel() > _FEW else 0.0
    lost = (half.to(values.dtype) - values).abs() > _FLOAT16_ERROR * size.clamp(min=floor)
    return values if bool((lost | (half.isinf() & ~values.isinf())).any()) else half


def load_weights(model: ModelT, path: Path | str) -> ModelT:
    """Put the weights in a file into `model`, without running any code that the file may hold.

    Args:
        model: gets the weights, whatever it or the network they come from was wrapped in (`DistributedDataParallel`,
            `torch.compile`).
        path: of a file of `save_weights`, of `torch.save(model.state_dict(), ...)`, or of a checkpoint that holds
            these under `model`, `state_dict` or `model_state_dict`.

    Returns:
        `model`, in eval mode.

    Raises:
        CheckpointError: if the file is missing, damaged, holds more than tensors, or the weights of
            another network; it names the first difference.
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
                f"{file} is a file of another format ({file.suffix}): read it with its own library, and put its "
                "tensors into the network with model.load_state_dict(...)"
            ) from error
        raise CheckpointError(
            f"{file} cannot be loaded as weights: it is damaged, or holds more than tensors, "
            "which could run code on your machine. Get the file again from a source that you trust"
        ) from error
    if isinstance(weights, dict):
        inside = (weights.get(name) for name in ("model", "state_dict", "model_state_dict"))
        weights = next((one for one in inside if isinstance(one, dict)), weights)
    network = networks.unwrap(model)
    checkpoints.check_weights(weights, network, file)
    checkpoints.load_into(network, weights)
    model.eval()
    return model
