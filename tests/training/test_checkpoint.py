"""A training that is cut short, however suddenly, goes on to the very same weights, or says why it cannot."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import coloured, processes, sgd, tiny, weights
from torch import nn

from cifar_helpers import (
    Augment,
    BatchLoader,
    CheckpointError,
    CifarCNN,
    EarlyStopping,
    History,
    ImageSet,
    fit,
)


def train_to(
    epochs: int,
    checkpoint: Path | None,
    *,
    images: ImageSet | None = None,
    batch_size: int = 50,
    seed: int = 0,
    **more: Any,
) -> tuple[nn.Module, History, EarlyStopping]:
    torch.manual_seed(0)
    model = tiny(dropout=0.3)
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10, gamma=0.7)
    stopping = EarlyStopping(50)
    loader = BatchLoader(images or coloured(), batch_size, shuffle=True, augment=Augment(flip=True, shift=1))
    more = {"precision": "float32", **more}
    history = fit(
        model, loader, coloured(60, 1), epochs=epochs, optimizer=optimizer, scheduler=scheduler,
        callbacks=[stopping], checkpoint=checkpoint, progress=False, seed=seed, **more,
    )  # fmt: skip
    return model, history, stopping


def test_a_resumed_training_gives_the_same_weights_bit_for_bit(tmp_path: Path) -> None:
    whole, history, stopping = train_to(6, None)
    train_to(3, tmp_path / "c.pt")
    resumed, later, again = train_to(6, tmp_path / "c.pt")
    assert torch.equal(weights(whole), weights(resumed))
    assert [r.train_loss for r in later] == [r.train_loss for r in history]
    assert again.best_epoch == stopping.best_epoch
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.pt", "c.pt.previous"]


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, _, _ = train_to(2, tmp_path / "c.pt")
    again, history, _ = train_to(2, tmp_path / "c.pt")
    assert len(history) == 2 and torch.equal(weights(first), weights(again))


_EPOCHS = 12


def _train(path: str, started: Any) -> None:
    torch.set_num_threads(1)
    train_to(1, None)  # the first step of a process takes as long as a hundred others
    started.set()
    train_to(_EPOCHS, Path(path))


def _started(path: Path) -> Any:
    """A process that has begun to train."""
    context = processes()
    begun = context.Event()
    process = context.Process(target=_train, args=(str(path), begun))
    process.start()
    begun.wait(60)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_at_any_moment_changes_no_bit_of_the_result(tmp_path: Path, kills: int) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the processes: another number of threads adds up in another order
    try:
        whole, history, _ = train_to(_EPOCHS, None)
        process = _started(tmp_path / "whole.pt")
        start = time.perf_counter()
        process.join()
        seconds = time.perf_counter() - start
        moments, reached = random.Random(1), list[int]()
        for k in range(kills):
            path = tmp_path / f"{k}.pt"
            process = _started(path)
            time.sleep(moments.uniform(0, seconds))
            process.kill()
            process.join()
            reached.append(len(torch.load(path, weights_only=True)["history"]) if path.exists() else 0)
            resumed, later, _ = train_to(_EPOCHS, path)
            assert torch.equal(weights(whole), weights(resumed))
            assert later["train_loss"] == history["train_loss"]
    finally:
        torch.set_num_threads(threads)
    print("epochs reached before the kill:", reached)
    assert len(set(reached)) >= 2 + kills // 8, reached


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_used(tmp_path: Path, content: bytes | None) -> None:
    whole, _, _ = train_to(5, None)
    path = tmp_path / "c.pt"
    train_to(3, path)
    path.write_bytes(path.read_bytes()[:1000] if content is None else content)
    with pytest.warns(UserWarning, match=r"damaged.*resuming from the epoch before"):
        resumed, _, _ = train_to(5, path)
    assert torch.equal(weights(whole), weights(resumed))


def test_a_kill_between_the_two_files_loses_one_epoch_at_most(tmp_path: Path) -> None:
    whole, _, _ = train_to(4, None)
    path = tmp_path / "c.pt"
    train_to(3, path)
    path.unlink()
    resumed, _, _ = train_to(4, path)
    assert torch.equal(weights(whole), weights(resumed))


def test_where_both_are_damaged_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    train_to(2, path)
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"damaged.*Name another file"):
        train_to(3, path)


def test_a_file_of_weights_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save(tiny().state_dict(), tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of this course's fit"):
        train_to(1, tmp_path / "c.pt")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": coloured(290, 7)}, "training images was 300 with fingerprint .* now 290"),
        ({"batch_size": 40}, "batches per epoch was 6, now 8; .*batch size was 50, now 40"),
        ({"seed": 1}, "seed was 0, now 1"),
        ({"label_smoothing": 0.1}, r"label smoothing was 0\.0, now 0\.1"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_with_the_differences(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    train_to(1, tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match=says):
        train_to(2, tmp_path / "c.pt", **change)


def test_a_checkpoint_of_another_model_names_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    train_to(1, path)
    with pytest.raises(
        CheckpointError, match=r"does not fit CifarCNN: .* in the file.* the network that the weights were saved from"
    ):
        fit(CifarCNN(), coloured(), epochs=1, checkpoint=path, progress=False)


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    train_to(1, path)
    model = tiny(dropout=0.3)
    with pytest.raises(CheckpointError, match=r"optimizer was .*SGD.* now .*Adam.*scheduler was StepLR"):
        fit(
            model,
            coloured(),
            epochs=2,
            checkpoint=path,
            optimizer=torch.optim.Adam(model.parameters()),
            progress=False,
        )


def test_a_resumed_training_keeps_the_number_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cifar_helpers.training import precision as precisions

    path = tmp_path / "c.pt"
    monkeypatch.setattr(precisions, "_measure", lambda *_: "bfloat16")
    whole, _, _ = train_to(3, None, precision="auto")
    train_to(1, path, precision="auto")
    monkeypatch.setattr(precisions, "_measure", lambda *_: "float32")
    resumed, _, _ = train_to(3, path, precision="auto")
    assert torch.equal(weights(whole), weights(resumed))
