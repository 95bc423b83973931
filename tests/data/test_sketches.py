"""The sketches: the same on every call, balanced, cached, learnable, and harder for an MLP."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from cifar_helpers import MLP, Cifar10, CifarCNN, DataError, evaluate, fit, load_cifar10
from cifar_helpers.data.sketches import CLASSES, draw, draw_none, load_sketches, make_sketches


def pixels(label: int, seed: int, size: int = 32) -> np.ndarray:
    return np.asarray(draw(label, seed, size)).astype(int)


def test_the_same_seed_draws_the_same_picture_and_another_another() -> None:
    assert (pixels(3, 5) == pixels(3, 5)).all()
    assert (pixels(3, 5) != pixels(3, 6)).mean() > 0.5
    assert (pixels(3, 5) != pixels(4, 5)).mean() > 0.5


def test_the_drawing_does_not_touch_the_global_random_state() -> None:
    np.random.seed(0)
    expected = np.random.RandomState(0).rand()
    draw(0, 1)
    assert np.random.rand() == expected


@pytest.mark.parametrize("label", range(10))
def test_every_size_shows_the_same_scene(label: int) -> None:
    """A large picture reduced to 32×32 is closer to its own small one than to any other scene's."""
    small = [pixels(label, seed) for seed in range(4)]
    for seed in range(4):
        large = draw(label, seed, 256).resize((32, 32))
        distances = [np.abs(np.asarray(large).astype(int) - other).mean() for other in small]
        assert int(np.argmin(distances)) == seed


def test_a_set_is_balanced_shuffled_and_of_the_right_kind() -> None:
    train, labels, test, test_labels = make_sketches(200, 50)
    assert train.shape == (200, 3, 32, 32) and train.dtype == np.uint8 and labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [20] * 10 and np.bincount(test_labels).tolist() == [5] * 10
    assert labels[:10].tolist() != sorted(labels[:10].tolist())
    assert len(np.unique(np.concatenate([train, test]).reshape(250, -1), axis=0)) == 250


def test_a_set_is_drawn_fast_enough() -> None:
    start = time.process_time()
    make_sketches(400, 100)
    assert (time.process_time() - start) * 10 < 25  # seconds for 4,000 and 1,000, on a slow processor


def test_a_set_is_cached_and_a_damaged_file_is_drawn_again(tmp_path: Path) -> None:
    first = load_sketches(tmp_path, 20, 10)
    kept = next(tmp_path.iterdir())
    stamp = kept.stat().st_mtime_ns
    again = load_sketches(tmp_path, 20, 10)
    assert kept.stat().st_mtime_ns == stamp
    kept.write_bytes(kept.read_bytes()[:2000])
    redrawn = load_sketches(tmp_path, 20, 10)
    for one, two, three in zip(first, again, redrawn, strict=True):
        assert (one == two).all() and (one == three).all()
    assert load_sketches(tmp_path, 20, 10, seed=1)[0].tobytes() != first[0].tobytes()


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file stands where the folder should be")
    assert len(load_sketches(tmp_path / "file", 20, 10)[0]) == 20


@pytest.mark.parametrize(("label", "seed", "size"), [(10, 0, 32), (-1, 0, 32), (0, -1, 32), (0, 0, 8)])
def test_arguments_out_of_range_are_refused(label: int, seed: int, size: int) -> None:
    with pytest.raises(ValueError, match="must"):
        draw(label, seed, size)


def test_too_small_a_set_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        make_sketches(5, 10)


def test_the_picture_of_none_of_the_classes_is_its_own() -> None:
    assert draw_none(0).size == (256, 256) and len(CLASSES) == 10
    assert (np.asarray(draw_none(0)) != np.asarray(draw_none(1))).mean() > 0.3


@pytest.mark.slow
def test_the_network_learns_them_and_an_mlp_does_clearly_worse(sketches: Cifar10) -> None:
    accuracy = {}
    for kind in (CifarCNN, MLP):
        torch.manual_seed(0)
        model = kind()
        fit(model, sketches.train, epochs=5, progress=False)
        accuracy[kind] = evaluate(model, sketches.test).accuracy
    assert accuracy[CifarCNN] >= 0.85
    assert accuracy[MLP] <= accuracy[CifarCNN] - 0.15


def test_an_environment_variable_says_how_many_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_SKETCHES", "200")
    few = load_cifar10(tmp_path)
    assert (few.source, len(few.train_labels), len(few.test_labels)) == ("sketches", 200, 50)
    for number in ("", "99", "50001", "many", "1e3", "-200"):
        monkeypatch.setenv("CIFAR10_SKETCHES", number)
        with pytest.raises(DataError, match=r"CIFAR10_SKETCHES must be .* from 100 to 50000.*unset it"):
            load_cifar10(tmp_path)
