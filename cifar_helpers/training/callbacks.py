"""Callbacks, which `fit` calls between epochs: early stopping, weight averaging, and those that a user adds."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cifar_helpers import networks
from cifar_helpers.training import schedules
from cifar_helpers.training.history import History


class Callback:
    """Base class of what `fit` calls during training; a subclass overrides the methods it needs."""

    needs_validation = False
    """Whether it needs validation images; if there are none, `fit` refuses to start."""

    def before_training(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Called before the first epoch, and before `load_state_dict` when a run resumes: reset the state."""

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Called when an epoch is complete; `True` ends the training run."""
        return False

    def after_training(self, model: nn.Module, history: History) -> None:
        """Called once at the end, also after an interrupt."""

    def state_dict(self) -> dict[str, Any]:
        """The state that a checkpoint must keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""


class EarlyStopping(Callback):
    """Stop when the validation loss has had no new minimum for some epochs, and restore the best weights.

    Args:
        patience: number of epochs to wait for a new lowest validation loss, at least 1.
        min_delta: a new lowest loss must be lower by more than this.

    Attributes:
        best_epoch: the epoch whose weights the model has after training; 0 before the first.

    Raises:
        ValueError: if `patience` is below 1 or `min_delta` below 0.
    """

    needs_validation = True

    def __init__(self, patience: int = 5, min_delta: float = 0.0) -> None:
        if not is_number(patience) or not is_number(min_delta) or not (patience >= 1 and min_delta >= 0):
            raise ValueError(f"patience must be at least 1 and min_delta at least 0, got {patience!r}, {min_delta!r}")
        self.patience = patience
        self.min_delta = min_delta
        self._forget()

    def _forget(self) -> None:
        self.best_epoch = 0
        self._best_loss = math.inf
        self._best_weights: dict[str, Tensor] = {}

    def before_training(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Forget the best epoch of an earlier training run."""
        self._forget()

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Compare the newest validation loss with the lowest so far."""
        last = history.rows[-1]
        if math.isnan(last.validation_accuracy):
            raise ValueError("EarlyStopping needs validation images: pass validation= to fit")
        if last.validation_loss < self._best_loss - self.min_delta:
            self.best_epoch, self._best_loss = last.epoch, last.validation_loss
            self._best_weights = copy.deepcopy(networks.unwrap(model).state_dict())
        return last.epoch - self.best_epoch >= self.patience

    def after_training(self, model: nn.Module, history: History) -> None:
        """Put the best weights into the model."""
        if self._best_weights:
            networks.unwrap(model).load_state_dict(self._best_weights)
        elif history.rows:
            warnings.warn(
                "the validation loss was never finite, so there is no best epoch: the network keeps its last weights",
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Best epoch, its loss and its weights."""
        return {"epoch": self.best_epoch, "loss": self._best_loss, "weights": self._best_weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self.best_epoch, self._best_loss = state["epoch"], state["loss"]
        self._best_weights = state["weights"]


class WeightAveraging(Callback):
    """After training, replace the last weights of the model by a running mean over the last steps.

    Each step moves the mean by `1 - decay` of its distance to the weights (an exponential moving average; Polyak and
    Juditsky, 1992). The mean of batch norm's running statistics is taken as well.

    Args:
        model: the network to be trained.
        optimizer: its optimizer, after each step of which the mean is updated.
        decay: at least 0 and below 1; the mean reaches back about `1 / (1 - decay)` steps.

    Raises:
        ValueError: if `decay` is outside its range.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, decay: float = 0.99) -> None:
        if not is_number(decay) or not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, got {decay!r}")
        schedules.check_optimizer(optimizer)
        self.decay = decay
        self._optimizer = optimizer
        self._model = networks.unwrap(networks.check_network(model))
        self._mean = self._fresh_mean()
        optimizer.register_step_post_hook(self._after_step)

    def _fresh_mean(self) -> AveragedModel:
        mean_of = get_ema_multi_avg_fn(self.decay)  # type: ignore[no-untyped-call]
        return AveragedModel(networks.copy_network(self._model), multi_avg_fn=mean_of, use_buffers=True)

    def _after_step(self, *_: Any) -> None:
        self._mean.update_parameters(self._model)

    def before_training(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Forget the mean of an earlier training run.

        Raises:
            ValueError: if it was created for another model or optimizer.
        """
        if networks.unwrap(model) is not self._model:
            raise ValueError(
                "WeightAveraging was created for another model: create it in the same cell as model and optimizer"
            )
        if optimizer is not self._optimizer:
            raise ValueError(
                "WeightAveraging follows another optimizer than the one that trains: pass the same one to "
                "both, as in fit(..., optimizer=optimizer, callbacks=[WeightAveraging(model, optimizer)])"
            )
        self._mean = self._fresh_mean()

    def after_training(self, model: nn.Module, history: History) -> None:
        """Put the mean into the model, if there was a step."""
        if int(self._mean.n_averaged) > 0:
            self._model.load_state_dict(self._mean.module.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """The mean, and the number of steps in it."""
        return self._mean.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self._mean.load_state_dict(state)


def is_number(value: Any) -> bool:
    """Whether a value can be compared with numbers."""
    return isinstance(value, int | float | np.number)
