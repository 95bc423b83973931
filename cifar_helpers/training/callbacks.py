"""What `fit` calls between epochs: early stopping, weight averaging, and whatever a user adds."""

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
    """Something that `fit` calls; a subclass overrides what it needs."""

    needs_validation = False
    """Whether it cannot work without validation images; `fit` then asks for them before an epoch is spent."""

    def before_training(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Called before the first epoch, and before `load_state_dict` when a run resumes: forget earlier runs."""

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        """Called when an epoch is complete; `True` ends the training run."""
        return False

    def after_training(self, model: nn.Module, history: History) -> None:
        """Called once at the end, also after an interrupt."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep of it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""


class EarlyStopping(Callback):
    """Stop when the validation loss has not fallen for some epochs, and restore the best weights.

    Args:
        patience: epochs without a new best loss that are waited for, at least 1.
        min_delta: a new best must be lower by more than this.

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
        """Compare the newest validation loss with the best so far."""
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
                "the validation loss was never a number, so there is no best epoch: the network has its last weights",
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Best epoch, its loss and its weights."""
        return {"epoch": self.best_epoch, "loss": self._best_loss, "weights": self._best_weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.best_epoch, self._best_loss = state["epoch"], state["loss"]
        self._best_weights = state["weights"]


class WeightAveraging(Callback):
    """Give the model, after training, a running mean of its weights over the last steps instead of the last weights.

    Each step moves the mean by `1 - decay` of its distance to the weights (an exponential moving average; Polyak and
    Juditsky, 1992). The mean of batch norm's running statistics is taken as well.

    Args:
        model: that is trained.
        optimizer: that trains it: its steps are counted.
        decay: 0 to below 1; the mean reaches back about `1 / (1 - decay)` steps.

    Raises:
        ValueError: if `decay` is outside its range.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, decay: float = 0.99) -> None:
        if not is_number(decay) or not 0 <= decay < 1:
            raise ValueError(f"decay must lie between 0 and below 1, got {decay!r}")
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
            ValueError: if it was made for another model or optimizer.
        """
        if networks.unwrap(model) is not self._model:
            raise ValueError(
                "WeightAveraging was made for another model: create it in the same cell as model and optimizer"
            )
        if optimizer is not self._optimizer:
            raise ValueError(
                "WeightAveraging counts the steps of another optimizer than the one that trains: pass the same one to "
                "both, as in fit(..., optimizer=optimizer, callbacks=[WeightAveraging(model, optimizer)])"
            )
        self._mean = self._fresh_mean()

    def after_training(self, model: nn.Module, history: History) -> None:
        """Put the mean into the model, if a step was made."""
        if int(self._mean.n_averaged) > 0:
            self._model.load_state_dict(self._mean.module.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """The mean, and how many steps are in it."""
        return self._mean.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._mean.load_state_dict(state)


def is_number(value: Any) -> bool:
    """Whether a value can be compared with numbers."""
    return isinstance(value, int | float | np.number)
