"""Recipes: everything that determines how a network of the course is trained, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from cifar_helpers._extras import extra
from cifar_helpers.data import Augment, BatchLoader, Cifar10, ImageSet, normalise
from cifar_helpers.models import CifarCNN, CompactCNN, FastCNN

__all__ = ["SHORT", "Plan", "Recipe", "prepare"]

Network = CifarCNN | CompactCNN | FastCNN

_WHITENED_WITH = 5000  # images; with more, a whitened first layer no longer changes


@dataclass(frozen=True)
class Recipe:
    """Everything that determines how a network is trained.

    Attributes:
        about: a one-sentence description.
        epochs: passes over the training images.
        network: `CifarCNN`, `CompactCNN` or `FastCNN`.
        batch_size: images per step.
        learning_rate: a constant rate, or the peak of the one-cycle schedule.
        one_cycle: raise the rate to its peak and lower it again during the run (Smith and Topin, 2018).
        momentum: of stochastic gradient descent.
        nesterov: use Nesterov momentum.
        weight_decay: L2 penalty on all parameters.
        dropout: of the two hidden layers of a `CifarCNN`.
        flip: mirror images at random.
        alternate_flip: mirror each image in every second epoch instead, see `BatchLoader`.
        shift: the largest number of pixels by which an image is moved.
        cutout: side of the square that is blanked out.
        mixup: how strongly two images of a batch are mixed: both parameters of the beta distribution that the share is
            drawn from; 0 for none (Zhang and others, 2018).
        label_smoothing: share of each label that is spread over all classes (Szegedy and others, 2016).
        averaging: decay of a running mean of the weights, which the network is given at the end; 0 for none.
        whitened: start a `CifarCNN` from a first layer that is computed from the images and not trained, see
            `CifarCNN.whiten`.
        width: of a `CifarCNN`.
        without: a kind of layer that is taken out of a `CifarCNN`: `relu`, `batch norm` or `pooling`; empty for none.
        widths: of the stages of the other networks; empty for their defaults.
        depth: of a `CompactCNN`.
        residual: whether a `CompactCNN` adds the input of its further convolutions to their output.
        bias_rate: factor by which the learning rate of the batch norms' shifts is multiplied (Page, 2018).
        train_images: number of training images used; 0 for all those in the split.
        wrong_labels: share of the training labels that are replaced by another class, 0..1.
        seed: of weights, order, augmentation and dropout.
        views: number of views of each image in a second measurement at the end, with test-time augmentation: 2 (the
            image and its mirror image) or 6, see `TestTimeAugmentation`; 0 for no such measurement.
        keep_weights: store the final weights (float16).
        int8: store them as int8 instead, and measure the network with the stored, rounded weights.
        keep_after: further epochs after which the weights are stored; 0 is before training. If there are any, the
            kernels of the first layer are stored after every epoch.
    """

    about: str
    epochs: int
    network: str = "CifarCNN"
    batch_size: int = 200
    learning_rate: float = 0.001
    one_cycle: bool = False
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    dropout: float = 0.25
    flip: bool = True
    alternate_flip: bool = False
    shift: int = 0
    cutout: int = 0
    mixup: float = 0.0
    label_smoothing: float = 0.0
    averaging: float = 0.0
    whitened: bool = False
    width: float = 1.0
    without: str = ""
    widths: tuple[int, ...] = ()
    depth: int = 0
    residual: bool = False
    bias_rate: float = 1.0
    train_images: int = 0
    wrong_labels: float = 0.0
    seed: int = 0
    views: int = 0
    keep_weights: bool = False
    int8: bool = False
    keep_after: tuple[int, ...] = ()

    def model(self) -> Network:
        """A new network for this recipe.

        Raises:
            ValueError: if there is no such network, or it cannot be built with these settings.
        """
        widths = {"widths": self.widths} if self.widths else {}
        if self.network == "CifarCNN":
            return _without(self.without, CifarCNN(self.dropout, self.width))
        if self.network == "CompactCNN":
            return CompactCNN(**widths, depth=self.depth, residual=self.residual)
        if self.network == "FastCNN":
            return FastCNN(**widths)
        raise ValueError(f"network must be CifarCNN, CompactCNN or FastCNN, got {self.network!r}")


SHORT = Recipe(
    about="The default recipe for an impatient learner: 3 epochs, about half a minute on two cores.",
    epochs=3,
    batch_size=128,
    learning_rate=0.1,
    one_cycle=True,
    nesterov=True,
    weight_decay=5e-4,
    dropout=0.0,
    label_smoothing=0.05,
    whitened=True,
    bias_rate=8.0,
)
"""Chosen on the validation images: it reaches over 80 % of them."""


@dataclass(frozen=True)
class Plan:
    """Everything that `fit` needs to follow a recipe."""

    model: Network
    loader: BatchLoader
    validation: ImageSet
    optimizer: SGD
    scheduler: LRScheduler | None


def prepare(recipe: Recipe, data: Cifar10, device: torch.device | str | None = None) -> Plan:
    """A new network for a recipe, with its batches from the 80/20 split with seed 0, and its optimizer.

    Args:
        recipe: how to train.
        data: the whole data set.
        device: of network and batches; `None` means the CPU.

    Raises:
        ValueError: if there is no such network, or it has no first layer to be whitened.
    """
    train, validation = trained_on(recipe, data), data.split()[1]
    loader = loader_by(recipe, train, device)
    torch.manual_seed(recipe.seed)
    model = recipe.model()
    if isinstance(model, FastCNN) or recipe.whitened:
        if isinstance(model, CompactCNN):
            raise ValueError("whitened is for a CifarCNN or FastCNN, and the network is a CompactCNN")
        model.whiten(normalise(train.images[:_WHITENED_WITH]))
    model.to(device)
    groups = _groups(recipe, model)
    optimizer = SGD(groups, recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True)
    scheduler: LRScheduler | None = None
    if recipe.one_cycle:
        peaks = [group["lr"] for group in optimizer.param_groups]
        scheduler = OneCycleLR(optimizer, peaks, total_steps=recipe.epochs * len(loader))
    return Plan(model, loader, validation, optimizer, scheduler)


def trained_on(recipe: Recipe, data: Cifar10) -> ImageSet:
    """The images of the 80/20 split with seed 0 that a recipe trains on, with their labels in the recipe."""
    train = data.split()[0]
    if recipe.train_images:
        train = train.subset(slice(0, recipe.train_images))
    return _spoil_labels(train, recipe.wrong_labels, recipe.seed)


_LEFT_OUT: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "batch norm": nn.BatchNorm2d, "pooling": nn.MaxPool2d}


def _without(kind: str, model: CifarCNN) -> CifarCNN:
    """Remove all layers of one kind from a network; without pooling, one 8×8 pooling keeps the classifier's size.

    Raises:
        ValueError: if there is no such kind of layer.
    """
    if not kind:
        return model
    if kind not in _LEFT_OUT:
        raise ValueError(f"without must be one of {', '.join(map(repr, _LEFT_OUT))} or empty, got {kind!r}")
    for parent in [m for m in model.modules() if isinstance(m, nn.Sequential)]:
        for k, layer in enumerate(parent):
            if isinstance(layer, _LEFT_OUT[kind]):
                parent[k] = nn.Identity()
    if kind == "pooling":
        model.features.append(nn.MaxPool2d(8))
    return model


def _groups(recipe: Recipe, model: nn.Module) -> list[dict[str, object]]:
    """Parameter groups for the optimizer; the batch norms' shifts are separate if they have their own rate."""
    trained = [p for p in model.parameters() if p.requires_grad]
    common = {"params": trained, "weight_decay": recipe.weight_decay}
    if recipe.bias_rate == 1:
        return [common]
    shifts = [layer.bias for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    common["params"] = [p for p in trained if all(p is not shift for shift in shifts)]
    # The decay is divided by the factor of the rate, so that a step shrinks all parameters alike.
    decay, rate = recipe.weight_decay / recipe.bias_rate, recipe.learning_rate * recipe.bias_rate
    return [common, {"params": shifts, "weight_decay": decay, "lr": rate}]


def loader_by(recipe: Recipe, train: ImageSet, device: torch.device | str | None = None) -> BatchLoader:
    """The batches of a recipe, on a device; `None` means the CPU."""
    mix = None
    if recipe.mixup:
        with extra("course"):
            from torchvision.transforms.v2 import MixUp  # slow to import, and rarely needed

        mix = MixUp(alpha=recipe.mixup, num_classes=10)
    return BatchLoader(
        train,
        recipe.batch_size,
        shuffle=True,
        augment=Augment(recipe.flip, recipe.shift, recipe.cutout),
        alternate_flip=recipe.alternate_flip,
        mix=mix,
        seed=recipe.seed,
        device=device,
    )


def _spoil_labels(images: ImageSet, share: float, seed: int) -> ImageSet:
    """Give a share of the images a wrong label, each other class being equally likely."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(images), generator=generator)[: round(share * len(images))]
    labels = images.labels.clone()
    labels[chosen] = (labels[chosen] + torch.randint(1, 10, (len(chosen),), generator=generator)) % 10
    return ImageSet(images.images, labels)
