"""Checkpoints and files of weights from other places, other wrappers and other programs: used, or told plainly."""

from __future__ import annotations

import collections
import functools
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from helpers import coloured, in_process, sgd, tiny, weights
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD, lr_scheduler
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Subset, TensorDataset, WeightedRandomSampler

from cifar_helpers import (
    Augment,
    BatchLoader,
    Callback,
    CheckpointError,
    CifarCNN,
    EarlyStopping,
    History,
    evaluate,
    fit,
    load_run,
    load_weights,
    normalise,
    save_weights,
)

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs named pipes or limits of POSIX")


def train(
    path: Path | str | None, epochs: int = 2, model: nn.Module | None = None, **options: Any
) -> tuple[nn.Module, History]:
    model = tiny() if model is None else model
    made = options.pop("scheduler", lambda optimizer: None)
    optimizer = options.pop("optimizer", None) or sgd(model)
    options = {"precision": "float32", "train": BatchLoader(coloured(60), 20, shuffle=True), **options}
    history = fit(
        model, options.pop("train"), options.pop("validation", coloured(20, 1)), epochs=epochs, optimizer=optimizer,
        scheduler=made(optimizer), checkpoint=path, progress=False, **options,
    )  # fmt: skip
    return model, history


# --- callbacks and their states ---------------------------------------------------------------------------


class StopAt(Callback):
    def __init__(self, epoch: int, state: Any = None) -> None:
        self.epoch, self.state = epoch, state

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        return len(history) >= self.epoch

    def state_dict(self) -> dict[str, Any]:
        return {} if self.state is None else {"state": self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.state = state.get("state")


def test_a_stopped_training_is_complete(tmp_path: Path) -> None:
    class Worse(EarlyStopping):
        """Sees a loss that rises from the first epoch on."""

        def after_epoch(self, model: nn.Module, history: History) -> bool:
            rising = History([type(row)(row.epoch, 0, 0, row.epoch, 0, 0, 0) for row in history])
            return super().after_epoch(model, rising)

    lengths, results = [], []
    for _ in range(3):
        model, history = train(tmp_path / "c.pt", 12, callbacks=[Worse(2)])
        lengths.append(len(history))
        results.append(weights(model))
    assert lengths == [3, 3, 3]
    assert torch.equal(results[0], results[1]) and torch.equal(results[1], results[2])
    assert len(train(tmp_path / "c.pt", 12, callbacks=[Worse(4)])[1]) == 5, "more patience goes on"
    assert len(train(tmp_path / "c.pt", 7)[1]) == 7, "so does a training without it"


def test_a_training_that_any_callback_ended_is_complete_while_it_says_so(tmp_path: Path) -> None:
    for _ in range(2):
        assert len(train(tmp_path / "c.pt", 5, callbacks=[StopAt(2)])[1]) == 2
    assert len(train(tmp_path / "c.pt", 5, callbacks=[StopAt(4)])[1]) == 4


@pytest.mark.parametrize(
    "state",
    [
        np.float64(0.1), np.int64(3), np.bool_(True), {"a": [np.float32(1.5)]}, np.arange(6).reshape(2, 3),
        np.ones(3, np.float32), (1, np.float64(2.0)), collections.OrderedDict(a=np.int8(1)), {np.int64(1): 2},
        torch.ones(3), nn.Parameter(torch.ones(2)), collections.Counter("aab"), {1, 2}, None, "text",
    ],
    ids=lambda s: type(s).__name__,
)  # fmt: skip
def test_numbers_of_numpy_and_the_like_in_a_state_are_kept(tmp_path: Path, state: Any) -> None:
    train(tmp_path / "c.pt", 1, callbacks=[StopAt(9, {"value": state})])
    again = StopAt(9)
    _, history = train(tmp_path / "c.pt", 2, callbacks=[again])
    assert len(history) == 2
    kept = again.state["value"]
    if isinstance(state, np.ndarray):
        assert isinstance(kept, np.ndarray) and kept.dtype == state.dtype and np.array_equal(kept, state)
    elif isinstance(state, Tensor):
        assert torch.equal(kept, state)
    else:
        assert kept == state


@pytest.mark.parametrize(
    "state",
    [
        object(),
        print,
        np.array([object()]),
        StopAt(1),
        Path("a"),
        collections.deque([1]),
        IntEnum("Kind", "a").a,
        np.datetime64("2026"),
        np.longdouble(1),
        np.ma.masked_array([1]),
    ],
    ids=lambda s: type(s).__name__,
)
def test_a_state_that_could_not_be_read_back_is_told_before_an_epoch_is_spent(tmp_path: Path, state: Any) -> None:
    model = tiny()
    before = weights(model).clone()
    with pytest.raises(CheckpointError, match=r"the state of StopAt.*holds a"):
        train(tmp_path / "c.pt", 1, model, callbacks=[StopAt(9, state)])
    assert torch.equal(before, weights(model)) and not list(tmp_path.iterdir())


def test_a_rate_of_numpy_is_a_rate(tmp_path: Path) -> None:
    rate = np.logspace(-1, -3, 3)[0]
    model = tiny()
    whole, _ = train(None, 3, model, optimizer=SGD(model.parameters(), lr=rate))
    for epochs in (1, 3):
        model = tiny()
        resumed, history = train(tmp_path / "c.pt", epochs, model, optimizer=SGD(model.parameters(), lr=rate))
    assert len(history) == 3 and torch.equal(weights(whole), weights(resumed))
    model = tiny()
    with pytest.raises(CheckpointError, match=r"optimizer was .*0\.1.* now .*0\.2"):
        train(tmp_path / "c.pt", 4, model, optimizer=SGD(model.parameters(), lr=0.2))


def test_callbacks_in_another_order_get_their_own_states(tmp_path: Path) -> None:
    first = [EarlyStopping(9), StopAt(9, "kept")]
    train(tmp_path / "c.pt", 2, callbacks=first)
    stopping, other = EarlyStopping(9), StopAt(9)
    train(tmp_path / "c.pt", 2, callbacks=[other, stopping])
    assert other.state == "kept" and stopping.best_epoch == first[0].best_epoch  # type: ignore[attr-defined]


# --- what belongs to another training ----------------------------------------------------------------------------


SCHEDULES: dict[str, tuple[Callable[[SGD], Any], Callable[[SGD], Any]]] = {
    "gamma": (lambda o: lr_scheduler.StepLR(o, 30, 0.5), lambda o: lr_scheduler.StepLR(o, 30, 0.6)),
    "step_size": (lambda o: lr_scheduler.StepLR(o, 30), lambda o: lr_scheduler.StepLR(o, 31)),
    "T_max": (lambda o: lr_scheduler.CosineAnnealingLR(o, 90), lambda o: lr_scheduler.CosineAnnealingLR(o, 91)),
    "eta_min": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, 90), lambda o: lr_scheduler.CosineAnnealingLR(o, 90, 1e-4),
    ),
    "milestones": (lambda o: lr_scheduler.MultiStepLR(o, [20, 60]), lambda o: lr_scheduler.MultiStepLR(o, [20, 70])),
    "pct_start": (
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=90, pct_start=0.2),
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=90, pct_start=0.3),
    ),
    "max_lr": (
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=90),
        lambda o: lr_scheduler.OneCycleLR(o, 0.2, total_steps=90),
    ),
    "factor": (lambda o: lr_scheduler.ReduceLROnPlateau(o), lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5)),
    "lambda": (
        lambda o: lr_scheduler.LambdaLR(o, lambda k: 0.99**k), lambda o: lr_scheduler.LambdaLR(o, lambda k: 0.98**k),
    ),
    "sequence": (
        lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o), lr_scheduler.StepLR(o, 40)], [50]),
        lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o), lr_scheduler.StepLR(o, 41)], [50]),
    ),
    "kind": (lambda o: lr_scheduler.StepLR(o, 30), lambda o: None),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_another_schedule_is_another_training_and_the_same_is_the_same(tmp_path: Path, name: str) -> None:
    make, other = SCHEDULES[name]
    whole, _ = train(None, 3, scheduler=make)
    train(tmp_path / "c.pt", 1, scheduler=make)
    with pytest.raises(CheckpointError, match="scheduler was"):
        train(tmp_path / "c.pt", 3, scheduler=other)
    resumed, _ = train(tmp_path / "c.pt", 3, scheduler=make)
    assert torch.equal(weights(whole), weights(resumed))


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_same_objects_go_on_in_a_second_call(tmp_path: Path, name: str) -> None:
    make = SCHEDULES[name][0]
    whole, _ = train(None, 3, scheduler=make)
    model = tiny()
    optimizer = sgd(model)
    scheduler = make(optimizer)
    for epochs in (1, 2, 3):
        train(tmp_path / "c.pt", epochs, model, optimizer=optimizer, scheduler=lambda _: scheduler)
    assert torch.equal(weights(whole), weights(model))


class Brighter:
    """An augmentation as an object without a text of its own."""

    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return images + self.by


class Named(Brighter):
    def __repr__(self) -> str:
        return f"Named({self.by})"


def brighter(images: Tensor, generator: torch.Generator, by: float = 0.1) -> Tensor:
    return images + by


AUGMENTATIONS: dict[str, Any] = {
    "partial": functools.partial(brighter, by=0.2), "named": Named(0.2), "function": brighter,
    "method": Named(0.2).__call__,
}  # fmt: skip


def resume_all(folder: Path, epochs: int) -> list[int]:
    """How many epochs each training has that differs from the others in its augmentation alone."""
    loaders = {kind: BatchLoader(coloured(60), 20, augment=augment) for kind, augment in AUGMENTATIONS.items()}
    return [len(train(folder / f"{kind}.pt", epochs, train=loader)[1]) for kind, loader in loaders.items()]


def resume_without_a_warning(folder: Path) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return resume_all(folder, 2)


def test_an_augmentation_is_recognised_in_a_new_process(tmp_path: Path) -> None:
    resume_all(tmp_path, 1)
    assert in_process(resume_without_a_warning, tmp_path) == [2, 2, 2, 2]


def test_another_augmentation_is_another_training_and_one_without_a_text_is_told_of(tmp_path: Path) -> None:
    def with_augment(path: str, epochs: int, augment: Any) -> None:
        train(tmp_path / path, epochs, train=BatchLoader(coloured(60), 20, augment=augment))

    with_augment("partial", 1, functools.partial(brighter, by=0.2))
    with pytest.raises(CheckpointError, match=r"augmentation was partial.*by=0\.2.* now partial.*by=0\.3"):
        with_augment("partial", 2, functools.partial(brighter, by=0.3))
    with_augment("named", 1, Named(0.2))
    with pytest.raises(CheckpointError, match=r"Named\(0\.2\), now Named\(0\.3\)"):
        with_augment("named", 2, Named(0.3))
    with_augment("opaque", 1, Brighter(0.2))
    with pytest.warns(UserWarning, match=r"settings of Brighter .*__repr__"):
        with_augment("opaque", 2, Brighter(0.3))


def test_functions_of_one_name_are_told_apart_by_what_they_do(tmp_path: Path) -> None:
    def with_augment(path: str, epochs: int, augment: Any) -> None:
        train(tmp_path / path, epochs, train=BatchLoader(coloured(60), 20, augment=augment))

    def made(by: float) -> Any:
        def changed(images: Tensor, generator: torch.Generator) -> Tensor:
            return images + by

        return changed

    with_augment("closure", 1, made(0.1))
    with_augment("closure", 2, made(0.1))
    with pytest.raises(CheckpointError, match="augmentation was"):
        with_augment("closure", 3, made(0.2))
    with_augment("lambda", 1, lambda images, generator: images + 0.1)
    with pytest.raises(CheckpointError, match="augmentation was"):
        with_augment("lambda", 2, lambda images, generator: images + 0.2)


class Slots:
    __slots__ = ("by",)

    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return images + self.by


@pytest.mark.parametrize("make", [Slots, lambda by: functools.partial(Brighter.__call__, Brighter(by))])
def test_settings_that_cannot_be_seen_are_told_of(tmp_path: Path, make: Callable[[float], Any]) -> None:
    train(tmp_path / "c.pt", 1, train=BatchLoader(coloured(60), 20, augment=make(0.1)))
    with pytest.warns(UserWarning, match="the settings of .* cannot be compared"):
        train(tmp_path / "c.pt", 2, train=BatchLoader(coloured(60), 20, augment=make(0.2)))


def test_another_sampler_is_another_training(tmp_path: Path) -> None:
    images = coloured(60)
    data = TensorDataset(normalise(images.images), images.labels)

    def weighted(first: float) -> DataLoader[Any]:
        return DataLoader(data, 20, sampler=WeightedRandomSampler([first] + [1.0] * 59, 60))

    train(tmp_path / "c.pt", 1, train=weighted(1.0))
    train(tmp_path / "c.pt", 2, train=weighted(1.0))
    with pytest.raises(CheckpointError, match="sampler was WeightedRandomSampler"):
        train(tmp_path / "c.pt", 3, train=weighted(5.0))


def test_a_loader_with_a_generator_of_its_own_goes_on_where_it_stopped(tmp_path: Path) -> None:
    images = coloured(60)
    data = TensorDataset(normalise(images.images), images.labels)

    def loader() -> DataLoader[Any]:
        return DataLoader(data, 20, shuffle=True, generator=torch.Generator().manual_seed(7))

    whole, _ = train(None, 3, train=loader())
    train(tmp_path / "c.pt", 1, train=loader())
    resumed, _ = train(tmp_path / "c.pt", 3, train=loader())
    assert torch.equal(weights(whole), weights(resumed))


def test_another_momentum_beside_a_schedule_that_does_not_move_it_is_told(tmp_path: Path) -> None:
    def with_momentum(epochs: int, momentum: float) -> None:
        model = tiny()
        optimizer = SGD(model.parameters(), lr=0.1, momentum=momentum)
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 90)
        train(tmp_path / "c.pt", epochs, model, optimizer=optimizer, scheduler=lambda _: scheduler)

    with_momentum(1, 0.9)
    with pytest.raises(CheckpointError, match=r"momentum: 0\.9.*momentum: 0\.1"):
        with_momentum(2, 0.1)


def test_a_layer_that_was_frozen_meanwhile_is_told_of(tmp_path: Path) -> None:
    train(tmp_path / "c.pt", 1)
    model = tiny()
    model[2].requires_grad_(False)  # type: ignore[index]
    with pytest.warns(UserWarning, match=r"other frozen parameters: they were none, now 2\.weight, 2\.bias"):
        train(tmp_path / "c.pt", 2, model)


def test_a_counting_callback_is_not_asked_twice_about_an_epoch(tmp_path: Path) -> None:
    class Counts(StopAt):
        asked = 0

        def after_epoch(self, model: nn.Module, history: History) -> bool:
            self.asked += 1
            return super().after_epoch(model, history)

    train(tmp_path / "c.pt", 5, callbacks=[Counts(2)])
    again = Counts(2)
    assert len(train(tmp_path / "c.pt", 5, callbacks=[again])[1]) == 2 and again.asked == 0


def test_a_checkpoint_behind_a_link_is_written_there(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    save_weights(tiny(), tmp_path / "real" / "w.pt")
    (tmp_path / "w.pt").symlink_to(tmp_path / "real" / "w.pt")
    save_weights(tiny(1), tmp_path / "w.pt")
    assert (tmp_path / "w.pt").is_symlink()
    assert torch.allclose(weights(load_weights(tiny(2), tmp_path / "real" / "w.pt")), weights(tiny(1)), atol=1e-3)


def test_a_run_whose_checkpoint_is_behind_a_link_resumes_there_and_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    train(tmp_path / "real" / "c.pt", epochs=1)
    (tmp_path / "c.pt").symlink_to(tmp_path / "real" / "c.pt")
    train(tmp_path / "c.pt", epochs=2)
    assert (tmp_path / "c.pt").is_symlink()
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["c.pt", "c.pt.previous"]


def test_an_extra_state_is_kept(tmp_path: Path) -> None:
    class Extra(nn.Linear):
        note = "fresh"

        def get_extra_state(self) -> dict[str, str]:
            return {"note": self.note}

        def set_extra_state(self, state: dict[str, str]) -> None:
            self.note = state["note"]

    def network() -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), Extra(3072, 10))

    model = network()
    model[1].note = "kept"  # type: ignore[assignment]
    save_weights(model, tmp_path / "w.pt")
    assert load_weights(network(), tmp_path / "w.pt")[1].note == "kept"
    train(tmp_path / "c.pt", 1, model)
    assert len(train(tmp_path / "c.pt", 2, network())[1]) == 2


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_bytes(b"\x89HDF\r\n\x1a\n")  # PyTorch reads safetensors where that package is installed
    with pytest.raises(CheckpointError, match=r"another format \(\.h5\)"):
        load_weights(tiny(), tmp_path / "w.h5")


def test_a_part_that_is_compiled_does_not_stand_for_the_whole(tmp_path: Path) -> None:
    class Delegates(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.head = compiled(tiny()), nn.Linear(10, 10)

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattr__("backbone"), name)

    save_weights(Delegates(), tmp_path / "w.pt")
    assert "head.weight" in torch.load(tmp_path / "w.pt", weights_only=True)


def test_other_images_in_a_loader_of_torchs_own_are_another_training(tmp_path: Path) -> None:
    def loader(seed: int, *, subset: bool = False) -> DataLoader[Any]:
        images = coloured(60, seed)
        data: Any = TensorDataset(normalise(images.images), images.labels)
        return DataLoader(Subset(data, range(40 + seed)) if subset else data, batch_size=20, shuffle=True)

    train(tmp_path / "c.pt", 1, train=loader(0))
    train(tmp_path / "c.pt", 2, train=loader(0))
    with pytest.raises(CheckpointError, match="training images was 60 of a TensorDataset"):
        train(tmp_path / "c.pt", 3, train=loader(1))
    train(tmp_path / "s.pt", 1, train=loader(0, subset=True))
    with pytest.raises(CheckpointError, match="training images"):
        train(tmp_path / "s.pt", 2, train=loader(1, subset=True))


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    images = coloured(60)
    loader = [(normalise(images.images), images.labels)]
    train(tmp_path / "c.pt", 1, train=loader)
    with pytest.warns(UserWarning, match="the images of list cannot be compared"):
        train(tmp_path / "c.pt", 2, train=loader)


def test_other_validation_images_are_told_of(tmp_path: Path) -> None:
    train(tmp_path / "c.pt", 1)
    with pytest.warns(UserWarning, match="other validation images.*cannot be compared"):
        train(tmp_path / "c.pt", 2, validation=coloured(30, 5))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": lambda: tiny(dropout=0.4)}, r"network was .*p=0\.0.* now .*p=0\.4"),
        ({"precision": "bfloat16"}, "precision was float32, now bfloat16"),
        ({"epochs": 1}, "holds 2 epochs, more than epochs=1"),
    ],
)
def test_another_network_precision_or_fewer_epochs_are_told(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    train(tmp_path / "c.pt", 2)
    make = options.pop("model", tiny)
    with pytest.raises(CheckpointError, match=says):
        train(tmp_path / "c.pt", options.pop("epochs", 3), make(), **options)


# --- files ---------------------------------------------------------------------------------------------------


def test_a_checkpoint_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    train("~/kept/c.pt", 1)
    assert (tmp_path / "kept" / "c.pt").exists() and not Path("~").exists()
    save_weights(tiny(), "~/w.pt")
    load_weights(tiny(), "~/w.pt")
    History([]).to_csv("~/h.csv")
    assert len(History.from_csv("~/h.csv")) == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a folder", "is a folder"),
        ("file/c.pt", "ot a directory"),
        ("n" * 300, "too long"),
        ("a\0b", "null"),
    ],
)
def test_a_checkpoint_that_cannot_be_written_is_told_before_an_epoch_is_spent(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    model = tiny()
    before = weights(model).clone()
    with pytest.raises(CheckpointError, match=says):
        train(f"{tmp_path}/{name}", 1, model)
    with pytest.raises(CheckpointError, match=says):
        load_weights(tiny(), f"{tmp_path}/{name}")
    with pytest.raises(CheckpointError, match=says):
        save_weights(tiny(), f"{tmp_path}/{name}")
    assert torch.equal(before, weights(model))


@needs_posix
def test_a_named_pipe_or_a_dangling_link_is_no_checkpoint_and_nothing_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name, says in (("pipe", "named pipe"), ("link", "which does not exist")):
        with pytest.raises(CheckpointError, match=says):
            train(tmp_path / name, 1)
        with pytest.raises(CheckpointError, match=says):
            load_weights(tiny(), tmp_path / name)
        with pytest.raises(ValueError, match=says):
            History.from_csv(tmp_path / name)


def test_a_folder_without_permission_is_told(unprivileged: Path) -> None:
    train(unprivileged / "c.pt", 1)
    unprivileged.chmod(0o500)
    assert len(train(unprivileged / "c.pt", 1)[1]) == 1, "what is complete needs no writing"
    for call in (
        lambda: train(unprivileged / "c.pt", 2),
        lambda: train(unprivileged / "new" / "c.pt", 1),
        lambda: save_weights(tiny(), unprivileged / "w.pt"),
    ):
        with pytest.raises(CheckpointError, match=r"Permission denied.*Choose a folder"):
            call()
    with pytest.raises(ValueError, match="Permission denied"):
        History([]).to_csv(unprivileged / "h.csv")
    unprivileged.chmod(0o700)
    (unprivileged / "c.pt").chmod(0)
    with pytest.raises(CheckpointError, match="Permission denied"):
        train(unprivileged / "c.pt", 2)


class Full(Callback):
    """After two epochs this process may write no more than a thousand bytes to a file."""

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        if len(history) == 2:
            import resource  # only POSIX has it

            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        return False


def write_on_a_full_disk(path: Path) -> list[str]:
    """What a training and a saving of weights say there."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    told = []
    for write in (
        lambda: train(path, 3, callbacks=[Full()]),
        lambda: save_weights(tiny(), path.with_suffix(".weights")),
    ):
        try:
            write()
        except CheckpointError as error:
            told.append(str(error))
    return told


@needs_posix
def test_a_disk_that_is_full_while_a_checkpoint_is_written_keeps_and_names_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    told = in_process(write_on_a_full_disk, path)
    assert len(told) == 2 and all("cannot be written" in message for message in told), told
    assert f"The state after epoch 1 is kept in {path}" in told[0]
    assert len(torch.load(path, weights_only=True)["history"]) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_parts_that_killed_processes_left_are_swept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in ("c.pt", "w.pt"):
        (tmp_path / f"{name}.{ended.pid}.part").write_bytes(b"half")
    train(tmp_path / "c.pt", 1)
    save_weights(tiny(), tmp_path / "w.pt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.pt", "w.pt"]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("history"),
        lambda c: c.pop("notes"),
        lambda c: c.update(history=[[1, 2]]),
        lambda c: c.update(history=5),
        lambda c: c.update(callbacks=[1]),
        lambda c: c.update(callbacks=None),
        lambda c: c.update(optimizer={}),
        lambda c: c.update(optimizer=None),
        lambda c: c["optimizer"].update(param_groups=[]),
        lambda c: c.update(signature="tiny"),
        lambda c: c.update(precision=None),
    ],
)
def test_a_missing_or_foreign_field_makes_it_no_checkpoint_and_changes_nothing(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    path = tmp_path / "c.pt"
    train(path, 1)
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    model = tiny(5)
    before = weights(model).clone()
    with pytest.raises(CheckpointError, match=r"not a checkpoint of this course's fit|0 parameter groups"):
        train(path, 2, model)
    assert torch.equal(before, weights(model))


@pytest.mark.parametrize("content", [5, [1, 2], {"a": 1}, "text", torch.ones(3), {1: 2}], ids=str)
def test_another_programs_file_is_no_checkpoint_and_no_weights(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of this course's fit"):
        train(tmp_path / "c.pt", 1)
    with pytest.raises(CheckpointError, match="weights"):
        load_weights(tiny(), tmp_path / "c.pt")


def test_no_message_advises_to_delete_what_was_not_seen_to_be_broken(tmp_path: Path) -> None:
    torch.save({"a": StopAt(1)}, tmp_path / "objects.pt")  # sound, of another program, and not to be run
    (tmp_path / "half.pt").write_bytes(b"half")
    for name in ("objects.pt", "half.pt"):
        with pytest.raises(CheckpointError, match="Name another file") as caught:
            train(tmp_path / name, 1)
        assert "delete" not in str(caught.value).lower()


# --- wrappers --------------------------------------------------------------------------------------------------


@pytest.fixture
def one_process(tmp_path: Path) -> Any:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def compiled(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")  # type: ignore[return-value]


def partly_compiled(model: nn.Module) -> nn.Module:
    model[2] = compiled(model[2])  # type: ignore[index,operator]
    return model


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "DistributedDataParallel": DistributedDataParallel,
    "DataParallel": nn.DataParallel,
    "compile": compiled,
    "compile of a layer": partly_compiled,
    "both": lambda model: compiled(DistributedDataParallel(model)),
    "AveragedModel": AveragedModel,
}


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("name", WRAPPERS)
def test_weights_go_through_wrappers_both_ways(tmp_path: Path, name: str) -> None:
    wrap = WRAPPERS[name]
    plain = tiny(1)
    save_weights(wrap(tiny(1)), tmp_path / "inside.pt")
    wrapped = wrap(tiny(1))
    torch.save(wrapped.state_dict(), tmp_path / "outside.pt")
    torch.save(plain.state_dict(), tmp_path / "plain.pt")
    images = coloured(30)
    for file in ("inside.pt", "outside.pt", "plain.pt"):
        for into in (tiny(2), wrap(tiny(2))):
            loaded = load_weights(into, tmp_path / file)
            assert torch.allclose(weights(loaded), weights(plain), atol=1e-3)
            assert evaluate(loaded, images).loss == pytest.approx(evaluate(plain, images).loss, abs=1e-3)
    assert set(torch.load(tmp_path / "inside.pt", weights_only=True)) == set(plain.state_dict())


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("name", [n for n in WRAPPERS if n != "AveragedModel"])
def test_a_checkpoint_goes_through_wrappers_both_ways(tmp_path: Path, name: str) -> None:
    wrap = WRAPPERS[name]
    whole, _ = train(None, 3)
    train(tmp_path / "a.pt", 1, wrap(tiny()), callbacks=[EarlyStopping(9)])
    resumed, _ = train(tmp_path / "a.pt", 3)
    assert torch.allclose(weights(resumed), weights(whole), atol=1e-5)
    train(tmp_path / "b.pt", 1)
    resumed, _ = train(tmp_path / "b.pt", 3, wrap(tiny()))
    assert torch.allclose(weights(resumed), weights(whole), atol=1e-5)


def test_a_network_whose_own_layers_are_called_module_is_itself(tmp_path: Path) -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(3072, 10)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.module(images.flatten(1))
            return logits

    one, other = Network(), Network()
    torch.save(one.state_dict(), tmp_path / "w.pt")
    assert torch.equal(weights(load_weights(other, tmp_path / "w.pt")), weights(one))


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state_dict"])
def test_weights_inside_a_checkpoint_are_found(tmp_path: Path, key: str) -> None:
    model = tiny(1)
    torch.save({key: model.state_dict(), "epoch": 3}, tmp_path / "c.pt")
    assert torch.equal(weights(load_weights(tiny(2), tmp_path / "c.pt")), weights(model))


def test_the_checkpoint_of_fit_gives_weights(tmp_path: Path) -> None:
    model, _ = train(tmp_path / "c.pt", 1)
    assert torch.equal(weights(load_weights(tiny(2), tmp_path / "c.pt")), weights(model))


# --- numbers in files of weights ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1e5, 65_504.0, 70_000.0, 1e-8, 3e-6, 1e30, 1e-30])
def test_numbers_that_float16_cannot_hold_are_kept(tmp_path: Path, number: float) -> None:
    def network(seed: int) -> nn.Sequential:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(3600, 10))

    model = network(0)
    norm: Any = model[1]
    norm.running_var[1] = number
    with torch.no_grad():
        model[0].weight[0, 0, 0, 0] = number  # type: ignore[index,operator]
    save_weights(model, tmp_path / "w.pt")
    loaded: Any = load_weights(network(1), tmp_path / "w.pt")
    assert float(loaded[1].running_var[1]) == pytest.approx(number, rel=1e-3, abs=0)
    assert float(loaded[0].weight[0, 0, 0, 0].detach()) == pytest.approx(number, rel=1e-3, abs=0)
    kept = torch.load(tmp_path / "w.pt", weights_only=True)
    assert kept["3.weight"].dtype == torch.float16, "what float16 holds is written in half the size"


def test_a_large_matrix_of_tiny_numbers_is_kept_and_a_stray_one_costs_nothing(tmp_path: Path) -> None:
    for scale, kind in ((1e-7, torch.float32), (1.0, torch.float16)):
        model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
        with torch.no_grad():
            model[1].weight.mul_(scale)
            model[1].weight[0, 0] = 1e-9 * scale
        save_weights(model, tmp_path / "w.pt")
        assert torch.load(tmp_path / "w.pt", weights_only=True)["1.weight"].dtype == kind


def test_the_weights_that_the_course_ships_are_written_again_as_they_are(tmp_path: Path) -> None:
    run = load_run("good-25")
    save_weights(run.model(), tmp_path / "w.pt")
    written = torch.load(tmp_path / "w.pt", weights_only=True)
    shipped = torch.load(run.folder / "weights.pt", weights_only=True)
    assert all(
        written[name].dtype == value.dtype and torch.equal(written[name], value) for name, value in shipped.items()
    )


@pytest.mark.parametrize("kind", [torch.int32, torch.int64, torch.complex64, torch.bool])
def test_weights_of_another_kind_of_number_are_refused(tmp_path: Path, kind: torch.dtype) -> None:
    model = tiny()
    torch.save({name: value.to(kind) for name, value in model.state_dict().items()}, tmp_path / "w.pt")
    before = weights(model).clone()
    with pytest.raises(CheckpointError, match=r"numbers for 2\.weight, where Sequential has floating-point numbers"):
        load_weights(model, tmp_path / "w.pt")
    assert torch.equal(before, weights(model))


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_another_precision_are_taken(tmp_path: Path, kind: torch.dtype) -> None:
    model = tiny(1)
    torch.save({name: value.to(kind) for name, value in model.state_dict().items()}, tmp_path / "w.pt")
    assert torch.allclose(weights(load_weights(tiny(2), tmp_path / "w.pt")), weights(model), atol=1e-2)


def test_strings_are_paths_and_folders_are_made(tmp_path: Path) -> None:
    save_weights(tiny(1), str(tmp_path / "new" / "w.pt"))
    assert torch.allclose(weights(load_weights(tiny(2), str(tmp_path / "new" / "w.pt"))), weights(tiny(1)), atol=1e-3)


@pytest.mark.parametrize("path", [None, 5, ["w.pt"]])
def test_what_is_no_path_is_told(path: Any) -> None:
    with pytest.raises(CheckpointError, match="must be"):
        save_weights(tiny(), path)
    with pytest.raises(CheckpointError, match="must be"):
        load_weights(tiny(), path)
    if path is not None:
        with pytest.raises(CheckpointError, match="must be"):
            train(path, 1)


def test_weights_into_what_is_no_network_are_told(tmp_path: Path) -> None:
    save_weights(tiny(), tmp_path / "w.pt")
    with pytest.raises(TypeError, match="the class CifarCNN"):
        load_weights(CifarCNN, tmp_path / "w.pt")  # type: ignore[type-var]
    with pytest.raises(ValueError, match="no values yet"):
        load_weights(nn.Sequential(nn.Linear(3, 3, device="meta")), tmp_path / "w.pt")
    with pytest.raises(TypeError, match="must be a network"):
        save_weights(tiny().state_dict(), tmp_path / "x.pt")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "../runs/good-25", "nothing", None, 5, "good-25/"])
def test_a_run_that_is_not_there_is_told_with_those_that_are(name: Any) -> None:
    with pytest.raises(ValueError, match=r"no recorded run .*good-25"):
        load_run(name)


def test_a_history_that_went_through_a_spreadsheet_is_read(tmp_path: Path) -> None:
    _, history = train(None, 2)
    history.to_csv(tmp_path / "h.csv")
    text = (tmp_path / "h.csv").read_text(encoding="utf-8").replace("\n", "\r\n")
    (tmp_path / "h.csv").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n")
    assert History.from_csv(tmp_path / "h.csv") == history
    with pytest.raises(TypeError, match="must be a string"):
        History.from_csv(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a\0b", b"", b"epoch\n1"])
def test_a_file_that_is_no_history_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "h.csv").write_bytes(content)
    with pytest.raises(ValueError, match="is not a history"):
        History.from_csv(tmp_path / "h.csv")


def test_augmentation_of_the_course_is_its_own_text(tmp_path: Path) -> None:
    train(tmp_path / "c.pt", 1, train=BatchLoader(coloured(60), 20, augment=Augment(shift=1)))
    with pytest.raises(CheckpointError, match=r"shift=1.*shift=2"):
        train(tmp_path / "c.pt", 2, train=BatchLoader(coloured(60), 20, augment=Augment(shift=2)))
    _, history = train(tmp_path / "c.pt", 2, train=BatchLoader(coloured(60), 20, augment=Augment(shift=1)))
    assert len(history) == 2
