"""fit, evaluate and time_epoch with other people's networks, loaders, labels and schedules: right, or told plainly."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from helpers import coloured, sgd, tiny, weights
from torch import Tensor, nn
from torch.optim import SGD, lr_scheduler
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from cifar_helpers import (
    Augment,
    BatchLoader,
    Callback,
    Cifar10,
    CifarCNN,
    EarlyStopping,
    Epoch,
    History,
    Metrics,
    WeightAveraging,
    collect_logits,
    evaluate,
    fit,
    normalise,
    time_epoch,
)
from cifar_helpers.training.rng import fork_rng

QUIET: dict[str, Any] = {"epochs": 1, "progress": False, "precision": "float32"}


class LeNet(nn.Module):
    """Flattens with `view`, which takes no channels-last tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 5), nn.MaxPool2d(2)
        )
        self.classifier = nn.Linear(8 * 5 * 5, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.features(images)
        logits: Tensor = self.classifier(maps.view(maps.size(0), -1))
        return logits


class KeepsItsMaps(nn.Module):
    """Keeps what it computed, in an attribute and in a list, for a look afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 10)
        self.seen: dict[str, Any] = {}

    def forward(self, images: Tensor) -> Tensor:
        self.maps = self.convolution(images)
        self.seen["maps"] = [self.maps]
        logits: Tensor = self.head(self.maps.mean((2, 3)))
        return logits


def tensors(count: int = 40, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    images = coloured(count, seed)
    return normalise(images.images), images.labels


def batches(images: Tensor, labels: Any, size: int = 20) -> list[tuple[Tensor, Any]]:
    return [(images[k : k + size], labels[k : k + size]) for k in range(0, len(images), size)]


# --- networks --------------------------------------------------------------------------------------------


def test_a_network_that_flattens_with_view_trains_is_measured_and_timed() -> None:
    torch.manual_seed(0)
    model = LeNet()
    history = fit(model, coloured(60), coloured(20, 1), **QUIET)
    assert history.rows[0].validation_loss == pytest.approx(evaluate(model, coloured(20, 1)).loss, rel=1e-5)
    assert time_epoch(LeNet(), batch_size=4, seconds=0.01).seconds > 0


def test_a_network_that_flattens_with_view_in_its_own_gradient_trains() -> None:
    class Flat(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, maps: Tensor) -> Tensor:
            ctx.shape = maps.shape
            return maps.flatten(1)

        @staticmethod
        def backward(ctx: Any, slope: Tensor) -> Tensor:
            return slope.view(ctx.shape).contiguous().view(-1).view(ctx.shape)

    class Network(LeNet):
        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.classifier(Flat.apply(self.features(images)))
            return logits

    assert len(fit(Network(), coloured(20), **QUIET)) == 1


@pytest.mark.parametrize("precision", ["auto", "float32", "bfloat16"])
def test_a_network_that_keeps_its_maps_trains_and_the_trial_leaves_no_trace(precision: str) -> None:
    model = KeepsItsMaps()
    images = coloured(30)
    model(normalise(images.images[:7]))
    assert len(fit(model, BatchLoader(images, 10), epochs=1, precision=precision, progress=False)) == 1
    assert model.maps.shape[0] == 10


def test_a_network_that_keeps_its_maps_is_timed_and_averaged() -> None:
    model = KeepsItsMaps()
    model(tensors(4)[0])
    optimizer = sgd(model)
    assert time_epoch(model, batch_size=4, seconds=0.01).seconds > 0
    fit(model, coloured(20), optimizer=optimizer, callbacks=[WeightAveraging(model, optimizer)], **QUIET)


def test_a_network_that_cannot_be_copied_trains(tmp_path: Any) -> None:
    model = LeNet()
    with (tmp_path / "log").open("w") as log:
        model.log = log  # type: ignore[assignment]
        assert fit(model, coloured(20), coloured(10, 1), epochs=1, progress=False).precision == "float32"


@pytest.mark.parametrize("layer", ["1x1 maps", "BatchNorm1d"])
def test_a_last_batch_of_one_image_is_told_before_training_where_a_batch_norm_is_in_the_way(layer: str) -> None:
    norm: nn.Module = nn.BatchNorm1d(48) if layer == "BatchNorm1d" else nn.BatchNorm2d(3)
    shape: nn.Module = nn.Flatten() if layer == "BatchNorm1d" else nn.AdaptiveAvgPool2d(1)
    model = nn.Sequential(nn.AvgPool2d(8), shape, norm, nn.Flatten(), nn.LazyLinear(10))
    model.eval()(torch.zeros(1, 3, 32, 32))
    before = weights(model).clone()
    images, labels = tensors(41)
    loaders = [BatchLoader(coloured(41), 20), DataLoader(TensorDataset(images, labels), 20), batches(images, labels)]
    for loader in loaders:
        with pytest.raises(ValueError, match=r"last batch of train has one image.*at least two|last batch.*such as"):
            fit(model, loader, **QUIET)
    with pytest.raises(ValueError, match="each batch of train has one image"):
        fit(model, BatchLoader(coloured(41), 1), **QUIET)
    assert torch.equal(before, weights(model))
    with pytest.raises(ValueError, match="such as 19 or 21") as caught:
        fit(model, loaders[0], **QUIET)
    assert 41 % 19 != 1 and 41 % 21 != 1 and "drop_last" not in str(caught.value)
    assert len(fit(model, BatchLoader(coloured(41), 19), **QUIET)) == 1
    assert len(fit(model, DataLoader(TensorDataset(images, labels), 20, drop_last=True), **QUIET)) == 1
    assert len(fit(tiny(), BatchLoader(coloured(41), 20), **QUIET)) == 1  # without batch norm, one image is enough


def test_a_frozen_batch_norm_stays_frozen_in_training_and_in_measuring() -> None:
    torch.manual_seed(0)
    model = CifarCNN(width=0.25)
    frozen = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d)).eval()
    statistics = frozen.running_mean.clone()  # type: ignore[union-attr]
    fit(model, coloured(40), coloured(20, 1), **QUIET)
    assert not frozen.training and torch.equal(frozen.running_mean, statistics)  # type: ignore[arg-type]
    assert sum(not m.training for m in model.modules()) == 1
    evaluate(model.eval(), coloured(20))
    assert not any(m.training for m in model.modules())
    fit(model, coloured(40), **QUIET)  # a network that is in eval mode as a whole is trained as a whole
    assert all(m.training for m in model.modules())


def test_one_dropout_that_was_left_on_is_on_afterwards() -> None:
    model = tiny(dropout=0.5).eval()
    model[4].train()  # type: ignore[index]
    evaluate(model, coloured(20))
    assert [m.training for m in model.modules()].count(True) == 1 and model[4].training  # type: ignore[index]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CifarCNN, "the class CifarCNN: create it first"),
        (lambda: "network", "must be a network"),
        (lambda: nn.Sequential(nn.Flatten()), "no parameters"),
        (lambda: tiny().requires_grad_(False), "all parameters of the network are frozen"),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), "no values yet"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10, device="meta")), "no values yet"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10).half()), "weights are float16"),
        (lambda: nn.Conv2d(3, 10, 3), r"shape \(20, 10, 30, 30\).*nn.Flatten"),
        (lambda: nn.Conv2d(1, 10, 3), "fails on the first batch.*expected input"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 5)), "returns 5 logits .* 10 classes"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 11)), "returns 11 logits .* 10 classes"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 100)), "returns 100 logits .* 10 classes"),
        (lambda: _Returns(lambda logits: (logits, logits)), "tuple of 2.* only the logits"),
        (lambda: _Returns(lambda logits: {"logits": logits}), "dict of 1.* only the logits"),
        (lambda: _Returns(lambda logits: logits.argmax(1)), "int64"),
    ],
)
def test_a_network_that_cannot_be_trained_is_told_before_the_first_step(make: Callable[[], Any], says: str) -> None:
    model = make()
    optimizer = sgd(tiny()) if not isinstance(model, nn.Module) or not list(model.parameters()) else None
    with pytest.raises((TypeError, ValueError), match=says):
        fit(model, BatchLoader(coloured(40), 20), optimizer=optimizer, **QUIET)


class _Returns(nn.Module):
    def __init__(self, returns: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.returns = nn.Linear(3072, 10), returns

    def forward(self, images: Tensor) -> Any:
        return self.returns(self.layer(images.flatten(1)))


@pytest.mark.parametrize("classes", [5, 11, 100])
def test_evaluate_compares_the_classes_of_network_and_data(classes: int) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, classes))
    with pytest.raises(ValueError, match=f"returns {classes} logits .* 10 classes"):
        evaluate(model, coloured(20))
    with pytest.raises(ValueError, match=f"returns {classes} logits .* 10 classes"):
        fit(tiny(), coloured(20), BatchLoader(coloured(20)), **QUIET) if classes == 5 else None
        evaluate(model, BatchLoader(coloured(20)))


def test_a_network_of_other_classes_is_measured_right_on_data_of_its_own() -> None:
    images = torch.randn(60, 3, 32, 32)
    labels = torch.arange(60) % 12
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 12))
    metrics = evaluate(model, batches(images, labels))
    predictions = model(images).argmax(1)
    assert metrics.confusion.shape == (12, 12) and int(metrics.confusion.sum()) == 60
    assert all(int(metrics.confusion[t, p]) >= 1 for t, p in zip(labels, predictions, strict=True))
    assert metrics.accuracy == pytest.approx(float((predictions == labels).float().mean()))
    assert len(fit(model, batches(images, labels), batches(images, labels), **QUIET)) == 1


def test_grey_images_of_another_size_train_in_a_network_that_takes_them() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))
    loader = batches(torch.randn(40, 1, 28, 28), torch.arange(40) % 10)
    assert len(fit(model, loader, loader, **QUIET)) == 1
    flat = batches(torch.randn(40, 3072), torch.arange(40) % 10)
    assert len(fit(nn.Sequential(nn.Linear(3072, 10)), flat, flat, **QUIET)) == 1


def test_double_precision_all_through_trains() -> None:
    images, labels = tensors()
    assert len(fit(tiny().double(), batches(images.double(), labels), **QUIET)) == 1


@contextmanager
def _no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_training_where_gradients_are_switched_off_is_told(mode: Callable[[], Any]) -> None:
    model = tiny()
    with pytest.raises(ValueError, match=r"outside torch\.no_grad"), mode():
        fit(model, coloured(20), **QUIET)
    with torch.inference_mode():
        born_inside = tiny()
    with pytest.raises(ValueError, match="create it outside"):
        fit(born_inside, coloured(20), **QUIET)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "CUDA", "meta", "tpu", 17.5])
def test_a_device_that_is_not_there_is_named_with_those_that_are(device: Any) -> None:
    for call in (
        lambda: fit(tiny(), coloured(20), device=device, **QUIET),
        lambda: time_epoch(tiny(), device, seconds=0.01),
        lambda: BatchLoader(coloured(20), device=device),
    ):
        with pytest.raises(ValueError, match=r"no device .* there is cpu"):
            call()


# --- batches and labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x: (x * 64 + 128).to(torch.uint8), "uint8 .*normalise"),
        (lambda x: x.double(), r"float64 .*images\.float\(\)"),
        (lambda x: x.half(), r"float16 .*images\.float\(\)"),
        (lambda x: x.permute(0, 2, 3, 1), r"permute\(0, 3, 1, 2\)"),
        (lambda x: x[:, :1], "expand"),
        (lambda x: x[:, 0], r"images\[:, None\]"),
        (lambda x: x[:, :, :28, :28], "interpolate"),
        (lambda x: x.flatten(1), r"view\(-1, 3, 32, 32\)"),
    ],
)
def test_images_that_the_network_cannot_take_are_named_with_the_way_to_get_there(
    change: Callable[[Tensor], Tensor], says: str
) -> None:
    images, labels = tensors()
    loader = batches(change(images), labels)
    for call in (
        lambda: fit(CifarCNN(width=0.25), loader, **QUIET),
        lambda: fit(CifarCNN(width=0.25), coloured(20), loader, **QUIET),
        lambda: evaluate(CifarCNN(width=0.25), loader),
        lambda: collect_logits(CifarCNN(width=0.25), loader),
    ):
        with pytest.raises(ValueError, match=f"cannot take the first batch.*{says}"):
            call()


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.int16, torch.int32])
def test_whole_numbers_of_any_size_are_labels(kind: torch.dtype) -> None:
    images, labels = tensors()
    for model in (tiny(), tiny()):
        loader = batches(images, labels.to(kind))
        history = fit(model, loader, loader, **QUIET)
        plain = fit(tiny(), batches(images, labels), batches(images, labels), **QUIET)
        assert history["validation_loss"] == plain["validation_loss"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda y: y.bool(), r"bool .*labels\.long\(\)"),
        (lambda y: y.float(), r"float32 .*labels\.long\(\)"),
        (lambda y: y[:, None], r"labels\.squeeze\(1\)"),
        (lambda y: nn.functional.one_hot(y, 10), r"labels\.argmax\(1\)"),
        (lambda y: torch.where(y == 3, 10, y), "the label 10, .*0..9"),
        (lambda y: torch.where(y == 3, -1, y), "the label -1.*no label value is ignored"),
        (lambda y: torch.where(y == 3, -100, y), "the label -100.*no label value is ignored"),
        (lambda y: y + 1, "the label 10.*subtract 1"),
        (lambda y: y.numpy(), "ndarray. Convert the array with torch.from_numpy"),
        (lambda y: list(map(str, y.tolist())), "labels as a tensor, got list"),
    ],
)
def test_labels_that_are_no_class_numbers_are_told_before_the_first_step(
    change: Callable[[Tensor], Any], says: str
) -> None:
    images, labels = tensors()
    loader = batches(images, change(labels))
    model = tiny()
    before = weights(model).clone()
    for call in (
        lambda: fit(model, loader, **QUIET),
        lambda: fit(model, batches(images, labels), loader, **QUIET),
        lambda: evaluate(model, loader),
    ):
        with pytest.raises((TypeError, ValueError), match=says):
            call()
    assert torch.equal(before, weights(model))


def test_a_wrong_label_in_a_later_batch_is_told_too() -> None:
    images, labels = tensors()
    labels[-1] = 12
    for call in (
        lambda: fit(tiny(), batches(images, labels), **QUIET),
        lambda: evaluate(tiny(), batches(images, labels)),
    ):
        with pytest.raises(ValueError, match="the label 12"):
            call()


def test_shares_of_classes_train_and_are_no_labels_to_measure_on() -> None:
    images, labels = tensors()
    shares = nn.functional.one_hot(labels, 10).float()
    assert len(fit(tiny(), batches(images, shares), **QUIET)) == 1
    with pytest.raises(ValueError, match="argmax"):
        evaluate(tiny(), batches(images, shares))
    with pytest.raises(ValueError, match="add up to 1"):
        fit(tiny(), batches(images, 3 * shares), **QUIET)


class _Endless(IterableDataset):  # type: ignore[type-arg]
    def __iter__(self) -> Iterator[Any]:
        yield from [(torch.zeros(3, 32, 32), 0)] * 4


def _whole() -> Cifar10:
    images = coloured(20)
    return Cifar10(images.images, images.labels, images.images, images.labels, "folders", "", False, 0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: _whole(), "whole data set"),
        (lambda: TensorDataset(*tensors()), r"DataLoader\(dataset"),
        (lambda: tensors()[0], r"ImageSet\(images, labels\)"),
        (lambda: tensors(), "pairs"),
        (lambda: None, "NoneType"),
        (lambda: "train", "str"),
        (lambda: 5, "int"),
        (lambda: [], "no batches"),
        (lambda: [tensors()[0]], "pairs .images, labels., got Tensor"),
        (lambda: [{"image": tensors()[0]}], "got dict of 1"),
        (lambda: [(*tensors(), 1)], "got tuple of 3"),
        (lambda: [tensors()[0].numpy()], "pairs"),
        (lambda: [(tensors()[0].numpy(), tensors()[1])], "torch.from_numpy"),
        (lambda: DataLoader(_Endless(), batch_size=2), "how many batches"),
        (lambda: iter(batches(*tensors())), "how many batches"),
        (lambda: DataLoader(TensorDataset(*tensors(10)), 20, drop_last=True), "no batches"),
        (
            lambda: DataLoader([(torch.zeros(3, 32, 32), 0), (torch.zeros(3, 28, 28), 0)], 2),
            "first batch cannot be made",
        ),
    ],
)
def test_what_gives_no_batches_is_named_with_what_does(make: Callable[[], Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        fit(tiny(), make(), **QUIET)


def test_measuring_needs_no_length() -> None:
    loader = DataLoader(_Endless(), batch_size=2)
    assert int(evaluate(tiny(), loader).confusion.sum()) == 4
    with pytest.raises(ValueError, match="no images"):
        evaluate(tiny(), iter([]))


@pytest.mark.parametrize(
    "options", [{"augment": Augment()}, {"alternate_flip": True}, {"mix": lambda x, y: (x, y)}], ids=min
)
def test_measuring_on_altered_images_is_refused(options: dict[str, Any]) -> None:
    loader = BatchLoader(coloured(20), **options)
    for call in (
        lambda: evaluate(tiny(), loader),
        lambda: collect_logits(tiny(), loader),
        lambda: fit(tiny(), coloured(20), loader, **QUIET),
    ):
        with pytest.raises(ValueError, match=f"not be augmented.*without {next(iter(options))}="):
            call()


def test_a_loader_that_holds_a_share_is_measured_whole() -> None:
    images = coloured(50)
    share = evaluate(tiny(), BatchLoader(images, 20, shard=(1, 2)))
    assert int(share.confusion.sum()) == 50
    assert share.loss == pytest.approx(evaluate(tiny(), images).loss, rel=1e-6)


def test_the_look_at_the_first_batch_changes_nothing_that_follows() -> None:
    images, labels = tensors(60)
    orders: list[list[float]] = []
    for looked in (False, True):
        generator = torch.Generator().manual_seed(3)
        loader = DataLoader(TensorDataset(images, labels), 20, shuffle=True, generator=generator)
        seen: list[float] = []
        if looked:
            model = _Returns(lambda logits: logits)
            model.register_forward_pre_hook(lambda m, a: seen.append(float(a[0][0, 0, 0, 0])) if m is model else None)  # noqa: B023
            fit(model, loader, **QUIET)
        else:
            seen = [float(x[0, 0, 0, 0]) for x, _ in loader]
        orders.append(seen[-3:])
    assert orders[0] == orders[1]


@pytest.mark.parametrize(
    ("logits", "labels", "says"),
    [
        (torch.zeros(3), torch.zeros(3, dtype=torch.int64), "at least one image"),
        (torch.zeros(0, 10), torch.zeros(0, dtype=torch.int64), "at least one image"),
        (torch.zeros(3, 10), torch.tensor([0, 1]), "one whole number per image"),
        (torch.zeros(3, 10), torch.tensor([0, 1, 10]), "label 10"),
        (torch.zeros(3, 10), torch.tensor([0, 1, -1]), "label -1"),
    ],
)
def test_logits_and_labels_that_do_not_fit_are_told(logits: Tensor, labels: Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Metrics.of(logits, labels)


# --- optimizer and schedule ------------------------------------------------------------------------------------


def test_a_head_replaced_after_the_optimizer_was_made_is_named() -> None:
    model = CifarCNN(width=0.25)
    optimizer = sgd(model)
    model.classifier[-1] = nn.Linear(256, 10)
    last = len(model.classifier) - 1
    with pytest.raises(ValueError, match=rf"classifier\.{last}\.weight, classifier\.{last}\.bias.*replaced"):
        fit(model, coloured(20), optimizer=optimizer, **QUIET)


def test_parameters_in_no_group_are_named_and_frozen_ones_are_not() -> None:
    model = tiny()
    with pytest.warns(UserWarning, match=r"does not hold 2\.weight, 2\.bias, so they will not learn"):
        fit(model, coloured(20), optimizer=sgd(model[5]), **QUIET)  # type: ignore[index]
    model[2].requires_grad_(False)  # type: ignore[index]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, coloured(20), optimizer=sgd(model[5]), **QUIET)  # type: ignore[index]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda model: torch.optim.LBFGS(model.parameters()), "LBFGS.*closure"),
        (lambda model: torch.optim.SGD, "the class SGD"),
        (lambda model: "adam", "got str"),
        (lambda model: model.parameters(), "got generator"),
    ],
)
def test_what_is_no_optimizer_for_fit_is_told(make: Callable[[nn.Module], Any], says: str) -> None:
    model = tiny()
    with pytest.raises((TypeError, ValueError), match=says):
        fit(model, coloured(20), optimizer=make(model), **QUIET)


def test_a_schedule_of_another_optimizer_of_none_or_that_is_none_is_refused() -> None:
    model = tiny()
    mine, other = sgd(model), sgd(model)
    cases: list[tuple[Any, Any, str]] = [
        (mine, lr_scheduler.StepLR(other, 100), "another optimizer"),
        (None, lr_scheduler.StepLR(other, 100), "pass optimizer="),
        (None, lr_scheduler.ReduceLROnPlateau(other), "pass optimizer="),
        (mine, lr_scheduler.ReduceLROnPlateau(mine, "max"), "mode='min'"),
        (mine, "cosine", "got 'cosine'"),
        (mine, lr_scheduler.StepLR, "the class StepLR"),
        (mine, lambda epoch: 0.1, "torch.optim.lr_scheduler"),
    ]
    for optimizer, scheduler, says in cases:
        with pytest.raises((TypeError, ValueError), match=says):
            fit(model, coloured(20), optimizer=optimizer, scheduler=scheduler, **QUIET)


def test_reduce_on_plateau_is_stepped_once_per_epoch_with_the_validation_loss() -> None:
    model = tiny()
    optimizer = sgd(model, 0.0)  # the loss stays, so that each epoch after the first is on the plateau
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0.0)
    optimizer.param_groups[0]["lr"] = 1e-12
    seen: list[float] = []

    class Rates(Callback):
        def after_epoch(self, model: nn.Module, history: History) -> bool:
            seen.append(scheduler.num_bad_epochs + 10 * (optimizer.param_groups[0]["lr"] < 1e-12))
            return False

    fit(
        model, BatchLoader(coloured(60), 10), coloured(20, 1), epochs=3, precision="float32", progress=False,
        optimizer=optimizer, scheduler=scheduler, callbacks=[Rates()],
    )  # fmt: skip
    assert scheduler.last_epoch == 3 and len(seen) == 3
    with pytest.raises(ValueError, match="pass validation="):
        fit(model, coloured(20), optimizer=optimizer, scheduler=scheduler, **QUIET)


SCHEDULES: dict[str, tuple[Callable[[SGD], Any], str]] = {
    "cosine": (lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=6), r"T_max=6.* 6 epochs of 6 batches are 36 steps"),
    "cosine too short": (lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20), "T_max=20.*36 steps"),
    "warm restarts": (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=2), "T_0=2.*36 steps"),
    "step": (lambda o: lr_scheduler.StepLR(o, step_size=1), "step_size=1.*36 steps"),
    "steps": (lambda o: lr_scheduler.MultiStepLR(o, [3, 5]), r"milestones=\[3, 5\].*36 steps"),
    "polynomial": (lambda o: lr_scheduler.PolynomialLR(o, total_iters=6), "total_iters=6.*36 steps"),
    "linear": (lambda o: lr_scheduler.LinearLR(o, 1.0, 0.01, total_iters=3), "total_iters=3.*36 steps"),
    "exponential": (lambda o: lr_scheduler.ExponentialLR(o, 0.3), "lowers the learning rate from .*36 steps"),
    "lambda": (lambda o: lr_scheduler.LambdaLR(o, lambda k: 0.3**k), "lowers the learning rate from .*36 steps"),
    "sequence": (
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.ConstantLR(o, total_iters=40), lr_scheduler.CosineAnnealingLR(o, 4)], [10]
        ),
        "CosineAnnealingLR has T_max=4",
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_that_looks_meant_for_epochs_is_told_with_the_numbers(name: str) -> None:
    make, says = SCHEDULES[name]
    model = tiny()
    optimizer = sgd(model)
    with pytest.warns(UserWarning, match=says):
        fit(
            model, BatchLoader(coloured(60), 10), epochs=6, optimizer=optimizer, scheduler=make(optimizer),
            precision="float32", progress=False,
        )  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=36),
        lambda o: lr_scheduler.StepLR(o, step_size=12),
        lambda o: lr_scheduler.MultiStepLR(o, [18, 30]),
        lambda o: lr_scheduler.ExponentialLR(o, 0.95),
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=36),
        lambda o: lr_scheduler.LinearLR(o, total_iters=5),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, total_iters=10), lr_scheduler.CosineAnnealingLR(o, 26)], [10]
        ),
        lambda o: lr_scheduler.CyclicLR(o, 1e-5, 0.1, step_size_up=3),
        lambda o: lr_scheduler.PolynomialLR(o, total_iters=36),
        lambda o: lr_scheduler.LambdaLR(o, lambda k: 1 - k / 37),
        lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, step_size_up=3),
    ],
)
def test_a_schedule_that_is_meant_for_steps_is_not_told_of(make: Callable[[SGD], Any]) -> None:
    model = tiny()
    optimizer = sgd(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(
            model, BatchLoader(coloured(60), 10), epochs=6, optimizer=optimizer, scheduler=make(optimizer),
            precision="float32", progress=False,
        )  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda o: lr_scheduler.CosineAnnealingLR(o, 6),
        lambda o: lr_scheduler.LinearLR(o, 1.0, 1e-4, total_iters=6),
        lambda o: lr_scheduler.PolynomialLR(o, 6),
    ],
)
def test_a_schedule_that_ends_with_its_one_epoch_is_not_told_of(make: Callable[[SGD], Any]) -> None:
    model = tiny()
    optimizer = sgd(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, BatchLoader(coloured(60), 10), optimizer=optimizer, scheduler=make(optimizer), **QUIET)


def test_a_rate_that_is_a_tensor_is_not_moved_by_the_look_ahead() -> None:
    rates = []
    for rate in (0.1, torch.tensor(0.1)):
        model = tiny()
        optimizer = SGD(model.parameters(), lr=rate)  # type: ignore[arg-type]
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.98)
        loader = BatchLoader(coloured(60), 10)
        history = fit(model, loader, epochs=3, optimizer=optimizer, scheduler=scheduler, progress=False)
        rates.append(history["learning_rate"])
    assert rates[1] == pytest.approx(rates[0])


def test_a_cosine_that_an_earlier_training_used_up_is_told_of() -> None:
    model = tiny()
    optimizer = sgd(model)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 6)
    options: dict[str, Any] = {**QUIET, "optimizer": optimizer, "scheduler": scheduler}
    fit(model, BatchLoader(coloured(60), 10), **options)
    with pytest.warns(UserWarning, match="T_max=6.*rise again"):
        fit(model, BatchLoader(coloured(60), 10), **options)


def test_one_cycle_within_a_chain_that_ends_too_early_is_told_before_training() -> None:
    model = tiny()
    optimizer = sgd(model)
    short = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)
    with pytest.raises(ValueError, match="total_steps=3"):
        fit(
            model, BatchLoader(coloured(60), 10), optimizer=optimizer,
            scheduler=lr_scheduler.ChainedScheduler([short]), **QUIET,
        )  # fmt: skip


def test_one_cycle_that_ends_too_early_is_told_before_training() -> None:
    model = tiny()
    optimizer = sgd(model)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)
    before = weights(model).clone()
    with pytest.raises(ValueError, match=r"total_steps=3.*3 epochs of 6 batches take 18 steps.*total_steps=18"):
        fit(model, BatchLoader(coloured(60), 10), epochs=3, optimizer=optimizer, scheduler=scheduler, progress=False)
    assert torch.equal(before, weights(model))


# --- callbacks and numbers ---------------------------------------------------------------------------------------


def test_one_early_stopping_serves_two_trainings() -> None:
    stopping = EarlyStopping(3)
    first, second = tiny(0), tiny(1)
    results = []
    three: dict[str, Any] = {**QUIET, "epochs": 3}
    for model in (first, second):
        results.append(fit(model, coloured(), coloured(60, 1), callbacks=[stopping], **three))
        assert stopping.best_epoch == results[-1].best_epoch
    assert len(results[1]) == 3 and not torch.equal(weights(first), weights(second))
    fresh = tiny(1)
    fit(fresh, coloured(), coloured(60, 1), callbacks=[EarlyStopping(3)], **three)
    assert torch.equal(weights(second), weights(fresh))


def test_a_validation_loss_that_is_no_number_is_no_missing_validation() -> None:
    stopping = EarlyStopping(2)
    rows = [Epoch(k, 1.0, 0.5, loss, 0.1, 0.1, 1.0) for k, loss in enumerate([1.0, math.nan, math.nan], start=1)]
    assert [stopping.after_epoch(tiny(), History(rows[:k])) for k in (1, 2, 3)] == [False, False, True]
    assert stopping.best_epoch == 1


@pytest.mark.parametrize("options", [{"patience": "2"}, {"patience": math.nan}, {"min_delta": "0"}, {"patience": None}])
def test_patience_that_is_no_number_is_told(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="patience must be at least 1"):
        EarlyStopping(**options)


def test_averaging_with_an_optimizer_that_does_not_train_is_told() -> None:
    model = tiny()
    with pytest.raises(ValueError, match="another optimizer"):
        fit(model, coloured(20), callbacks=[WeightAveraging(model, sgd(model))], **QUIET)


def test_a_train_method_of_its_own_is_called_and_a_backbone_in_eval_mode_is_told_of() -> None:
    class Freezes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(3072, 10)

        def train(self, mode: bool = True) -> Freezes:
            super().train(mode)
            self.norm.eval()
            return self

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.head(self.norm(images).flatten(1))
            return logits

    model = Freezes()
    fit(model, coloured(20), **QUIET)
    assert int(model.norm.num_batches_tracked) == 0  # type: ignore[arg-type]
    backbone = nn.Sequential(CifarCNN(width=0.25).eval(), nn.Linear(10, 10))
    with pytest.warns(UserWarning, match=r"layers are in eval mode \(BatchNorm2d, Dropout\) and stay in it"):
        fit(backbone, coloured(20), **QUIET)


class _OnceOnly:
    def __init__(self, loader: list[Any]) -> None:
        self.rest, self.count = iter(loader), len(loader)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return self.rest


def test_a_loader_that_can_be_gone_through_once_loses_no_batch() -> None:
    images, labels = tensors(60)
    plain = fit(tiny(), batches(images, labels), **QUIET)
    once = fit(tiny(), _OnceOnly(batches(images, labels)), **QUIET)
    assert once["train_loss"] == plain["train_loss"]
    with pytest.raises(ValueError, match="can be iterated once per epoch"):
        fit(tiny(), _OnceOnly(batches(images, labels)), **{**QUIET, "epochs": 2})


def test_the_trial_leaves_a_network_alone_whose_copy_refers_to_it() -> None:
    model = CifarCNN(width=0.25)
    inner = model.forward
    model.forward = lambda images: inner(images)  # type: ignore[method-assign]
    fit(model, BatchLoader(coloured(40), 20), BatchLoader(coloured(40), 20), **QUIET)
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert int(norm.num_batches_tracked) == 2  # type: ignore[arg-type]


def test_layers_in_a_list_are_told_of() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.hidden = nn.Linear(3072, 10), [nn.Linear(10, 10)]

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.hidden[0](self.head(images.flatten(1)))
            return logits

    with pytest.warns(UserWarning, match=r"layers in hidden are not part.*ModuleList"):
        fit(Network(), coloured(20), **QUIET)


def test_a_network_that_reads_memory_by_place_answers_as_it_does_alone() -> None:
    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(192, 10)

        def forward(self, images: Tensor) -> Tensor:
            patches = images.as_strided((len(images), 16, 192), (3072, 192, 1))
            logits: Tensor = self.layer(patches).mean(1)
            return logits

    model, (images, labels) = Patches(), tensors(20)
    with torch.no_grad():
        assert torch.allclose(collect_logits(model, batches(images, labels))[0], model(images), atol=1e-6)


@pytest.mark.parametrize("size", [20, 30])
def test_a_network_for_one_size_of_batch_is_told_before_training(size: int) -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3072, 10)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.layer(images.reshape(size, 3072))
            return logits

    with pytest.raises(ValueError, match=f"last batch of train has 10 images, and this network takes {size}"):
        fit(Fixed(), BatchLoader(coloured(size + 10), size), **QUIET)


def test_a_later_batch_that_does_not_fit_is_named() -> None:
    images, labels = tensors(40)
    odd: list[tuple[list[tuple[Tensor, Any]], str]] = [
        ([(images[:20], labels[:20]), (images[20:, :, :16], labels[20:])], "fails on batch 2"),
        ([(images[:20], labels[:20]), (images[20:], labels[20:].float())], "float32"),
        ([(images[:20], labels[:20]), (images[20:], labels[21:])], "one whole number per image"),
    ]
    for loader, says in odd:
        with pytest.raises(ValueError, match=says):
            fit(tiny_of_one_size(), loader, **QUIET)
        with pytest.raises(ValueError, match=says):
            evaluate(tiny_of_one_size(), loader)


def tiny_of_one_size() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))


def test_logits_without_a_gradient_and_pixels_that_are_no_numbers_are_told() -> None:
    class Detached(LeNet):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).detach()

    with pytest.raises(ValueError, match="depend on no parameter that requires a gradient"):
        fit(Detached(), coloured(20), **QUIET)
    images, labels = tensors()
    images[0, 0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        fit(tiny(), batches(images, labels), **QUIET)
    spoilt = tiny()
    with torch.no_grad():
        next(spoilt.parameters())[0] = math.inf
    with pytest.raises(ValueError, match=r"parameter 2\.weight holds NaN or infinite"):
        fit(spoilt, coloured(20), **QUIET)


def test_timing_leaves_random_numbers_alone() -> None:
    model = tiny(dropout=0.5)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    time_epoch(model, batch_size=4, seconds=0.01)
    assert torch.equal(torch.rand(3), expected)


def test_a_script_and_old_weight_norm_train() -> None:
    for model in (torch.jit.script(tiny()), nn.utils.weight_norm(nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))[1])):
        network = nn.Sequential(nn.Flatten(), model) if isinstance(model, nn.Linear) else model
        network(torch.zeros(2, 3, 32, 32))
        assert len(fit(network, coloured(20), coloured(20, 1), epochs=1, progress=False)) == 1


def test_workers_of_a_loader_are_no_obstacle() -> None:
    loader = DataLoader(TensorDataset(*tensors()), 20, num_workers=1, shuffle=True)
    assert len(fit(tiny(), loader, loader, **QUIET)) == 1
    whole = [tensors(), tensors()]  # a data set of batches
    assert len(fit(tiny(), DataLoader(whole, None, num_workers=1), **QUIET)) == 1  # type: ignore[arg-type]


def test_averaging_begins_afresh_and_serves_its_own_model_alone() -> None:
    model = tiny()
    optimizer = sgd(model)
    averaging = WeightAveraging(model, optimizer, 0.5)
    fit(model, coloured(20), optimizer=optimizer, callbacks=[averaging], **QUIET)
    begun = weights(model).clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    still = SGD(model.parameters(), lr=0.0)
    averaging_again = WeightAveraging(model, still, 0.5)
    for _ in range(2):
        fit(model, coloured(20), optimizer=still, callbacks=[averaging_again], **QUIET)
    assert torch.allclose(weights(model), begun + 1.0, atol=1e-6)
    other = tiny(1)
    with pytest.raises(ValueError, match="another model"):
        fit(other, coloured(20), callbacks=[averaging], **QUIET)


@pytest.mark.parametrize(
    ("callbacks", "says"),
    [
        (EarlyStopping(), r"must be a list: callbacks=\[EarlyStopping"),
        (EarlyStopping, "must be a list"),
        (5, "must be a list"),
        ([EarlyStopping], r"create it, EarlyStopping\(\.\.\.\)"),
        ([print], "derived from Callback"),
        ([None], "derived from Callback"),
        ("stop", "derived from Callback"),
    ],
)
def test_what_are_no_callbacks_is_told(callbacks: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        fit(tiny(), coloured(20), coloured(20, 1), callbacks=callbacks, **QUIET)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epochs": 2.5}, "epochs must be a whole number, got 2.5"),
        ({"epochs": "3"}, "epochs must be a whole number"),
        ({"epochs": None}, "epochs must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": 10**15}, "seed must lie between"),
        ({"label_smoothing": "0.1"}, "label_smoothing"),
        ({"label_smoothing": math.nan}, "label_smoothing"),
        ({"precision": torch.bfloat16}, "precision must be one of"),
        ({"precision": None}, "precision must be one of"),
    ],
)
def test_numbers_outside_their_range_are_told(options: dict[str, Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        fit(tiny(), coloured(20), **{**QUIET, **options})


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    assert len(fit(tiny(), coloured(20), epochs=np.int64(1), seed=np.int32(3), progress=False)) == 1  # type: ignore[arg-type]


# --- precision and random numbers ----------------------------------------------------------------------------------


class _BrokenInShort(nn.Module):
    """A network that bfloat16 breaks, in a Sequential like any other."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) * (1e4 if torch.is_autocast_enabled("cpu") else 1.0)


def test_each_network_is_judged_by_itself_whatever_its_class() -> None:
    images = BatchLoader(coloured(), 100)
    fit(tiny(), images, epochs=1, progress=False)
    broken = nn.Sequential(_BrokenInShort(), nn.Linear(3072, 10))
    assert fit(broken, images, epochs=1, progress=False).precision == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_history_says_the_precision(precision: str) -> None:
    assert fit(tiny(), coloured(20), epochs=1, precision=precision, progress=False).precision == precision
    assert fit(tiny(), coloured(20), epochs=1, progress=False).precision in ("float32", "bfloat16")


def test_a_training_in_a_thread_leaves_the_random_numbers_of_others_alone_and_gives_the_same_result() -> None:
    def train(results: list[Tensor]) -> None:
        model = next(models)
        fit(model, BatchLoader(coloured(), 20, shuffle=True), epochs=6, precision="float32", progress=False)
        results.append(weights(model))

    torch.manual_seed(0)
    models = iter([tiny(dropout=0.5), tiny(dropout=0.5)])
    alone: list[Tensor] = []
    train(alone)
    torch.manual_seed(11)
    beside: list[Tensor] = []
    thread = threading.Thread(target=train, args=(beside,))
    thread.start()
    drawn = [torch.rand(3)]
    while thread.is_alive():
        drawn.append(torch.rand(3))
    torch.manual_seed(11)
    assert len(drawn) > 100 and all(torch.equal(numbers, torch.rand(3)) for numbers in drawn)
    assert torch.equal(alone[0], beside[0])


def test_a_seeded_training_beside_another_is_the_same() -> None:
    def trained() -> Tensor:
        model = tiny(dropout=0.5)
        fit(model, BatchLoader(coloured(), 20, shuffle=True), epochs=4, precision="float32", progress=False)
        return weights(model)

    alone, other = trained(), tiny(1, dropout=0.5)
    thread = threading.Thread(target=fit, args=(other, coloured()), kwargs={**QUIET, "epochs": 20})
    thread.start()
    beside = trained()
    assert thread.is_alive()
    thread.join()
    assert torch.equal(alone, beside)


def test_every_way_to_draw_gives_the_same_numbers_in_a_thread() -> None:
    def draws(seed_generators: Callable[[int], object]) -> list[Tensor]:
        seed_generators(5)
        ones = torch.ones(4, 4)
        return [
            nn.functional.dropout(ones, 0.3), torch.rand(3), torch.randn(3), torch.randperm(5),
            torch.randint(10, (4,)), torch.randint(2, 10, (4,)), torch.rand_like(ones), torch.randn_like(ones),
            torch.randint_like(ones, 5), torch.randint_like(ones, 2, 5), torch.bernoulli(ones / 2),
            torch.multinomial(ones[0], 2), torch.normal(0.0, 1.0, (2,)), torch.normal(ones, ones),
            nn.functional.dropout2d(ones[None, :, :, None], 0.5), torch.empty(3).exponential_(),
            torch.distributions.Beta(0.2, 0.2).sample(), nn.Linear(3, 2).weight.detach(),
        ]  # fmt: skip

    device = torch.device("cpu")
    results: list[list[Tensor]] = []

    def inside() -> None:
        with fork_rng(device) as seed_generators:
            results.append(draws(seed_generators))

    inside()
    before = torch.get_rng_state()
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"train_images": 0}, "train_images"),
        ({"seconds": 0}, "seconds"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"precision": "half"}, "precision"),
    ],
)
def test_timing_with_impossible_options_is_told(options: dict[str, Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        time_epoch(tiny(), **{"seconds": 0.01, **options})


def test_timing_what_is_no_network_of_images_is_told() -> None:
    with pytest.raises(TypeError, match="must be a network"):
        time_epoch(CifarCNN)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="only the logits"):
        time_epoch(_Returns(lambda logits: (logits,)), batch_size=2)
    five = nn.Sequential(nn.Flatten(), nn.Linear(3072, 5))
    assert time_epoch(five, batch_size=2, seconds=0.01).seconds > 0


@pytest.mark.parametrize("spoil", ["labels", "images", "kind"])
def test_a_later_batch_that_does_not_fit_is_said_to_be_of_the_validation(spoil: str) -> None:
    images, labels = normalise(coloured(8).images), coloured(8).labels
    later = {"labels": (images, labels.float()), "images": (images[:, :2], labels), "kind": ("eight", labels)}[spoil]
    with pytest.raises((TypeError, ValueError), match="validation"):
        fit(tiny(), [(images, labels)], [(images, labels), later], **QUIET)


def test_a_network_without_values_is_not_evaluated() -> None:
    with pytest.raises(ValueError, match="has no values yet: create the network on a real device"):
        evaluate(tiny().to("meta"), coloured(8))
