"""Recorded runs are complete and consistent, and can be recorded again."""

from __future__ import annotations

import json
import os
import pickle
import platform
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import random_images
from torch import nn

from cifar_helpers import (
    MLP,
    CheckpointError,
    Cifar10,
    CifarCNN,
    History,
    Metrics,
    TestTimeAugmentation,
    collect_logits,
    evaluate,
    load_run,
    load_weights,
    save_weights,
)
from cifar_helpers.runs import DEFAULT_RUN, record, run_names, train_by
from cifar_helpers.runs.__main__ import main
from cifar_helpers.runs.recipes import Recipe, _spoil_labels, prepare, trained_on
from cifar_helpers.training import precision as precisions


@pytest.mark.parametrize("name", run_names())
def test_each_record_is_whole(name: str) -> None:
    run = load_run(name)
    assert len(run.history) == run.recipe.epochs
    confusion = torch.tensor(run.metrics["validation"]["confusion"])
    assert int(confusion.sum()) == run.metrics["validation"]["images"] == 10_000
    accuracy = float(confusion.trace() / confusion.sum())
    assert run.metrics["validation"]["accuracy"] == pytest.approx(accuracy, abs=1e-5)
    # After an epoch it may be measured in bfloat16, at the end always in float32; a mean of weights comes at the end.
    assert run.recipe.averaging or run.history.rows[-1].validation_accuracy == pytest.approx(accuracy, abs=0.003)
    assert run.config["data"]["source"] == "cifar10"
    # Only the last epoch is sure to be since the last start: a run may have been resumed.
    assert run.config["seconds since the last start"] > run.history.rows[-1].seconds


def test_no_record_reveals_the_machine_that_made_it() -> None:
    for name in run_names():
        text = (load_run(name).folder / "config.json").read_text(encoding="utf-8")
        assert "/" not in json.dumps(json.loads(text)["machine"]) and platform.node() not in text


def test_the_good_run_reaches_what_the_course_says() -> None:
    run = load_run(DEFAULT_RUN)
    assert run.recipe.epochs <= 25 and run.metrics["validation"]["accuracy"] >= 0.88
    assert (run.folder / "weights.pt").stat().st_size <= 3_000_000


@pytest.mark.real
def test_the_shipped_weights_give_the_recorded_accuracy(real_data: Cifar10) -> None:
    run = load_run(DEFAULT_RUN)
    validation = real_data.split()[1]
    metrics = evaluate(run.model(), validation)
    # float16 weights may turn a handful of the 10,000 answers.
    assert metrics.accuracy == pytest.approx(run.metrics["validation"]["accuracy"], abs=0.001)
    assert real_data.fingerprint == run.config["data"]["fingerprint"]


@pytest.fixture
def few(sketches: Cifar10) -> Cifar10:
    """A few of the sketches: all are measured several times in each run."""
    images = {name: getattr(sketches, name)[:400] for name in ("train_images", "train_labels")}
    images |= {name: getattr(sketches, name)[:100] for name in ("test_images", "test_labels")}
    return replace(sketches, **images, exact_test_images=80)


def test_a_run_can_be_recorded_again_with_the_same_result(
    tmp_path: Path, few: Cifar10, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For so small a network the times are close, and the load would decide.
    monkeypatch.setattr(precisions, "_measure", lambda *_: "float32")
    recipe = Recipe(about="a test", epochs=1, batch_size=100, width=0.25, keep_weights=True, seed=3)
    first = record("one", recipe, few, tmp_path)
    second = record("two", recipe, few, tmp_path)
    assert first.metrics == second.metrics
    assert first.history["train_loss"] == second.history["train_loss"]
    assert sorted(p.name for p in first.folder.iterdir()) == [
        "config.json", "history.csv", "metrics.json", "predictions.npy", "weights.pt"
    ]  # fmt: skip
    for ours, theirs in zip(first.model().parameters(), second.model().parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_record_keeps_what_the_network_says_about_each_validation_image(tmp_path: Path, few: Cifar10) -> None:
    run = record("one", Recipe(about="a test", epochs=1, width=0.25, keep_weights=True), few, tmp_path)
    validation = few.split()[1]
    predictions = run.predictions()
    assert predictions.dtype == torch.int64 and predictions.shape == validation.labels.shape
    right = float((predictions == validation.labels).float().mean())
    assert right == pytest.approx(run.metrics["validation"]["accuracy"], abs=1e-5)
    with pytest.raises(ValueError, match="without its predictions"):
        load_run("published-25").predictions()


WITH_PREDICTIONS = [name for name in run_names() if (load_run(name).folder / "predictions.npy").exists()]


@pytest.mark.records
@pytest.mark.parametrize("name", WITH_PREDICTIONS)
def test_the_images_classified_correctly_are_as_many_as_the_recorded_accuracy_says(name: str) -> None:
    run = load_run(name)
    assert run.correct().dtype == torch.bool and run.correct().shape == (10_000,)
    assert float(run.correct().float().mean()) == pytest.approx(run.metrics["validation"]["accuracy"], abs=1e-6)


def test_training_images_are_measured_in_eval_mode_with_the_labels_trained_on(tmp_path: Path, few: Cifar10) -> None:
    kept = {"width": 0.25, "batch_size": 10, "train_images": 200, "keep_weights": True}
    recipe = Recipe(about="a test", epochs=1, dropout=0.9, wrong_labels=0.5, **kept)  # type: ignore[arg-type]
    run = record("one", recipe, few, tmp_path)
    measured = evaluate(run.model(), trained_on(recipe, few))
    assert run.metrics["training"]["images"] == 200
    assert run.metrics["training"]["loss"] == pytest.approx(measured.loss, abs=2e-4)


@pytest.mark.parametrize(
    ("without", "kind"), [("relu", nn.ReLU), ("batch norm", nn.BatchNorm2d), ("pooling", nn.MaxPool2d)]
)
def test_a_recipe_can_leave_a_kind_of_layer_out(without: str, kind: type[nn.Module]) -> None:
    model = Recipe(about="a test", epochs=1, without=without).model()
    left = [layer for layer in model.modules() if isinstance(layer, kind)]
    assert len(left) == (1 if without == "pooling" else 0)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    with pytest.raises(ValueError, match="got 'dropout'"):
        Recipe(about="a test", epochs=1, without="dropout").model()


def test_several_views_are_asked_on_validation_and_exact_test_images(tmp_path: Path, few: Cifar10) -> None:
    recipe = Recipe(about="a test", epochs=1, width=0.25, views=2, keep_weights=True)
    run = record("one", recipe, few, tmp_path)
    several = TestTimeAugmentation(run.model())
    for name, images in (("validation", few.split()[1]), ("exact test", few.exact_test)):
        assert run.metrics[f"{name}, 2 views"]["loss"] == pytest.approx(evaluate(several, images).loss, rel=0.01)
        assert run.metrics[f"{name}, 2 views"]["loss"] != run.metrics[name]["loss"]


def test_another_seed_makes_another_run(tmp_path: Path, few: Cifar10) -> None:
    recipe = Recipe(about="a test", epochs=1, width=0.25)
    losses = [record(str(seed), replace(recipe, seed=seed), few, tmp_path).history["train_loss"] for seed in (0, 1)]
    assert losses[0] != losses[1]


def test_an_unknown_run_lists_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=DEFAULT_RUN):
        load_run("best-ever")


def test_a_run_without_weights_says_which_have_some(tmp_path: Path, few: Cifar10) -> None:
    run = record("bare", Recipe(about="a test", epochs=1, width=0.25), few, tmp_path)
    with pytest.raises(ValueError, match="without weights"):
        run.model()


def test_a_recipe_with_an_unknown_entry_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cifar_helpers.runs.records.resources", lambda: tmp_path)
    folder = tmp_path / "runs" / "odd"
    folder.mkdir(parents=True)
    History().to_csv(folder / "history.csv")
    (folder / "metrics.json").write_text("{}", encoding="utf-8")
    content = {"recipe": {"about": "x", "epochs": 1, "warmup": 3}}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="warmup"):
        load_run("odd")


def test_the_command_names_a_run_without_a_recipe(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from helpers import write_batches

    write_batches(tmp_path)
    with pytest.raises(SystemExit):
        main(["record", "no-such-run", "--root", str(tmp_path)])
    assert "no config.json" in capsys.readouterr().err


def test_the_command_lists_runs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    assert f"{DEFAULT_RUN}: " in capsys.readouterr().out


# --- weights --------------------------------------------------------------------------------------------


def test_weights_survive_a_file_as_float16(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CifarCNN()
    save_weights(model, tmp_path / "w.pt")
    loaded = load_weights(CifarCNN(), tmp_path / "w.pt")
    assert not loaded.training
    for ours, theirs in zip(model.parameters(), loaded.parameters(), strict=True):
        assert theirs.dtype == torch.float32 and torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    assert list(tmp_path.iterdir()) == [tmp_path / "w.pt"]


class _Hostile:
    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trap),)


@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_a_file_with_code_in_it_is_refused_and_nothing_runs(tmp_path: Path, protocol: str) -> None:
    trap, path = tmp_path / "trap", tmp_path / "w.pt"
    if protocol == "torch":
        torch.save({"weights": _Hostile(trap)}, path)
    else:
        path.write_bytes(pickle.dumps(_Hostile(trap)))
    with pytest.raises(CheckpointError, match="more than tensors"):
        load_weights(CifarCNN(), path)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("other", "says"),
    [(MLP(), "features.0.0.weight"), (nn.Linear(2, 2), "weight is missing in the file")],
)
def test_weights_of_another_network_name_the_difference(tmp_path: Path, other: nn.Module, says: str) -> None:
    torch.save(other.state_dict(), tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match=says):
        load_weights(CifarCNN(), tmp_path / "w.pt")


def test_other_contents_and_missing_files_are_named(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="holds a list"):
        load_weights(CifarCNN(), tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="no file"):
        load_weights(CifarCNN(), tmp_path / "none.pt")


# --- what a recipe changes ---------------------------------------------------------------------------------------


def test_weights_of_chosen_epochs_and_all_first_kernels_are_kept(tmp_path: Path, few: Cifar10) -> None:
    recipe = Recipe(about="a test", epochs=2, width=0.25, keep_weights=True, keep_after=(0, 1))
    run = record("one", recipe, few, tmp_path)
    assert run.epochs_with_weights == (0, 1, 2)
    kernels = run.first_kernels()
    assert kernels.shape == (3, 8, 3, 3, 3)
    for epoch in (0, 1, 2):
        assert torch.equal(next(run.model(epoch).parameters()), kernels[epoch])
    torch.manual_seed(recipe.seed)
    assert torch.equal(next(recipe.model().parameters()).half().float(), kernels[0])
    assert not torch.equal(kernels[1], kernels[2])
    assert run.untrained_accuracy == pytest.approx(evaluate(run.model(0), few.split()[1]).accuracy, abs=1e-5)
    with pytest.raises(ValueError, match=r"no weights of epoch 7\. Choose one of 0, 1, 2"):
        run.model(7)


def test_a_run_without_kernels_says_so() -> None:
    with pytest.raises(ValueError, match="without the kernels"):
        load_run("published-25").first_kernels()


def test_the_good_run_shows_its_kernels_forming() -> None:
    run = load_run(DEFAULT_RUN)
    assert {0, 1, 3, 8} < set(run.epochs_with_weights)
    assert run.first_kernels().shape == (run.recipe.epochs + 1, 32, 3, 3, 3)
    assert run.untrained_accuracy == 0.1  # one class for every image
    assert torch.equal(run.first_kernels()[-1], next(run.model().parameters()))


def test_int8_weights_are_a_quarter_of_float32_and_within_half_a_scale(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CifarCNN()
    with torch.no_grad():
        model.classifier[1].weight[3] = 0  # a unit without a scale
    save_weights(model, tmp_path / "w.pt", int8=True)
    again = load_weights(CifarCNN(), tmp_path / "w.pt")
    assert (tmp_path / "w.pt").stat().st_size < 0.27 * 4 * sum(p.numel() for p in model.parameters())
    for (name, one), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        if one.ndim > 1 and one.numel() > 4096:
            half = one.abs().flatten(1).amax(1) / 127 / 2
            assert ((one - other).abs().flatten(1).amax(1) <= half * 1.001).all(), name
            assert len(other[0].unique()) <= 255 and not torch.equal(one, other), name
        else:
            assert torch.equal(one.half(), other.half()), name


def test_int8_weights_with_a_missing_or_wrong_scale_are_not_loaded_as_if_they_were_weights(tmp_path: Path) -> None:
    save_weights(CifarCNN(), tmp_path / "w.pt", int8=True)
    weights = torch.load(tmp_path / "w.pt", weights_only=True)
    name = next(name for name in weights if name.endswith(":scale"))
    for scale in ({}, {name: weights[name][:2]}):
        torch.save({k: v for k, v in weights.items() if k != name} | scale, tmp_path / "bad.pt")
        with pytest.raises(CheckpointError, match=name.removesuffix(":scale")):
            load_weights(CifarCNN(), tmp_path / "bad.pt")


def test_a_run_with_int8_weights_is_measured_with_what_is_stored(tmp_path: Path, few: Cifar10) -> None:
    # With weights that have moved far, so that rounding them shows in the loss.
    steps = {"batch_size": 10, "learning_rate": 0.02}
    recipe = Recipe(about="a test", epochs=1, width=0.25, keep_weights=True, int8=True, **steps)  # type: ignore[arg-type]
    run = record("small", recipe, few, tmp_path)
    logits, labels = collect_logits(run.model(), few.split()[1])
    assert torch.equal(run.predictions(), logits.argmax(1))
    assert run.metrics["validation"]["loss"] == pytest.approx(Metrics.of(logits, labels).loss, abs=1e-4)
    assert run.metrics["validation, float32 weights"]["images"] == len(labels)
    stored = torch.load(run.folder / "weights.pt", weights_only=True)
    assert stored["classifier.1.weight"].dtype == torch.int8


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_wrong_labels_are_as_many_as_asked_for(share: float) -> None:
    images = random_images(500)
    spoilt = _spoil_labels(images, share, seed=3)
    assert int((spoilt.labels != images.labels).sum()) == round(500 * share)
    assert torch.equal(spoilt.labels, _spoil_labels(images, share, seed=3).labels)
    assert int(spoilt.labels.min()) >= 0 and int(spoilt.labels.max()) <= 9


def test_the_laboratory_covers_each_factor_and_the_spread_of_seeds() -> None:
    runs = [load_run(name) for name in run_names() if name.startswith("lab-")]
    base = load_run("lab-base").recipe
    seen = {
        field: {getattr(run.recipe, field) for run in runs}
        for field in ("dropout", "flip", "shift", "weight_decay", "train_images", "width", "wrong_labels")
    }
    assert seen["dropout"] == {0.0, 0.25, 0.5} and seen["weight_decay"] == {0.0, 5e-4}
    assert seen["flip"] == {True, False} and len(seen["shift"]) == 2
    assert seen["train_images"] == {2000, 10_000, 0} and seen["width"] == {0.5, 1.0, 2.0}
    assert seen["wrong_labels"] == {0.0, 0.2}
    for one in (base, load_run("lab-2000").recipe):
        assert {r.recipe.seed for r in runs if replace(r.recipe, seed=0, about="") == replace(one, about="")} == {
            0,
            1,
            2,
        }


def test_a_whitened_first_layer_is_computed_and_stays_as_it_is(few: Cifar10) -> None:
    recipe = Recipe("a trial", 1, width=0.25, whitened=True)
    start = prepare(recipe, few).model.state_dict()["features.0.0.weight"].clone()
    trained = train_by(recipe, few, progress=False)[0].state_dict()
    assert torch.equal(trained["features.0.0.weight"], start)
    assert not torch.equal(
        start, prepare(replace(recipe, whitened=False), few).model.state_dict()["features.0.0.weight"]
    )
    with pytest.raises(ValueError, match="whitened is for"):
        prepare(replace(recipe, network="CompactCNN"), few)
