"""fit, evaluate, EarlyStopping, History and checkpoints, on networks small enough to train in a moment."""

from __future__ import annotations

import math
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from helpers import coloured, random_images, sgd, start_process, tiny, weights
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from cifar_helpers import (
    Augment,
    BatchLoader,
    Callback,
    CifarCNN,
    EarlyStopping,
    Epoch,
    History,
    TrainingDiverged,
    WeightAveraging,
    collect_logits,
    evaluate,
    fit,
)

# --- fit ---------------------------------------------------------------------------------------------


def test_fit_learns_and_tells_of_every_epoch() -> None:
    model = tiny()
    history = fit(
        model,
        BatchLoader(coloured(), 50, shuffle=True),
        coloured(100, 1),
        epochs=12,
        optimizer=sgd(model),
        progress=False,
    )
    assert [row.epoch for row in history] == list(range(1, 13))
    assert history["train_loss"][-1] < 0.6 * history["train_loss"][0]
    assert history.rows[-1].validation_accuracy > 0.7
    assert all(row.learning_rate == 0.1 and row.seconds > 0 for row in history)


def test_the_last_validation_row_is_what_evaluate_says() -> None:
    model = tiny(dropout=0.5)
    validation = coloured(130, 1)
    history = fit(model, coloured(), validation, epochs=2, optimizer=sgd(model), precision="float32", progress=False)
    metrics = evaluate(model, validation)
    assert history.rows[-1].validation_loss == pytest.approx(metrics.loss, rel=1e-5)
    assert history.rows[-1].validation_accuracy == pytest.approx(metrics.accuracy)


def test_train_loss_is_the_mean_over_images_not_over_batches() -> None:
    model, images = tiny(), coloured(101)
    frozen = torch.optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, BatchLoader(images, 100), epochs=1, optimizer=frozen, precision="float32", progress=False)
    assert history["train_loss"][0] == pytest.approx(evaluate(model, images).loss, rel=1e-5)


def test_the_same_seed_gives_the_same_training_and_leaves_the_outer_randomness_alone() -> None:
    results = []
    for _ in range(2):
        model = tiny(dropout=0.3)
        torch.manual_seed(123)
        history = fit(model, coloured(), epochs=2, optimizer=sgd(model), seed=7, precision="float32", progress=False)
        results.append((history["train_loss"], weights(model), torch.rand(1)))
    assert results[0][0] == results[1][0] and torch.equal(results[0][1], results[1][1])
    assert torch.equal(results[0][2], torch.rand(1, generator=torch.Generator().manual_seed(123)))


def test_another_seed_gives_another_training() -> None:
    losses = []
    for seed in (1, 2):
        model = tiny()
        history = fit(model, coloured(), epochs=1, optimizer=sgd(model), seed=seed, precision="float32", progress=False)
        losses.append(history["train_loss"])
    assert losses[0] != losses[1]


def test_a_schedule_is_stepped_after_each_batch() -> None:
    model = tiny()
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=12)
    history = fit(
        model, BatchLoader(coloured(), 75), epochs=3, optimizer=optimizer, scheduler=scheduler, progress=False
    )
    assert history["learning_rate"][0] > 0.1 > 1e-3 > history["learning_rate"][-1]


def test_without_an_optimizer_the_default_recipe_ends_at_a_low_rate() -> None:
    history = fit(tiny(), coloured(), epochs=2, progress=False)
    assert history["learning_rate"][-1] < 1e-3


def test_torchs_own_loader_will_do() -> None:
    images = coloured()
    pixels = images.images.float() / 128 - 1
    loader = DataLoader(TensorDataset(pixels, images.labels), batch_size=64, shuffle=True)
    model = tiny()
    history = fit(model, loader, loader, epochs=3, optimizer=sgd(model), progress=False)
    assert history["validation_loss"][-1] < history["validation_loss"][0]


def test_a_stale_optimizer_is_refused() -> None:
    optimizer = sgd(tiny())
    with pytest.raises(ValueError, match="same cell"):
        fit(tiny(), coloured(), epochs=1, optimizer=optimizer)


def test_augmented_validation_is_refused() -> None:
    augmented = BatchLoader(coloured(), augment=Augment())
    with pytest.raises(ValueError, match="augment"):
        fit(tiny(), coloured(), augmented, epochs=1)


@pytest.mark.parametrize("epochs", [0, -1])
def test_no_epochs_is_refused(epochs: int) -> None:
    with pytest.raises(ValueError, match="epochs"):
        fit(tiny(), coloured(), epochs=epochs)


def test_an_unknown_precision_is_named() -> None:
    with pytest.raises(ValueError, match="float16"):
        fit(tiny(), coloured(), epochs=1, precision="float16")


def test_divergence_names_epoch_step_and_rate_and_keeps_the_history() -> None:
    model = tiny()

    class Spoil(Callback):
        def after_epoch(self, model: nn.Module, history: History) -> bool:
            for group in optimizer.param_groups:
                group["lr"] = 1e20
            return False

    optimizer = sgd(model)
    loader = BatchLoader(coloured(), 10, shuffle=True)
    with pytest.raises(TrainingDiverged, match=r"epoch 2, step \d+, .*1e\+20") as caught:
        fit(model, loader, epochs=5, optimizer=optimizer, callbacks=[Spoil()], progress=False)
    assert len(caught.value.history) == 1


def test_the_step_of_a_divergence_is_counted_right() -> None:
    class BadAt(nn.Module):
        def __init__(self, bad: int) -> None:
            super().__init__()
            self.inner, self.bad, self.calls = tiny(), bad, 0

        def forward(self, images: Tensor) -> Tensor:
            self.calls += 1
            logits: Tensor = self.inner(images)
            return logits * (math.nan if self.calls == self.bad else 1.0)

    for bad in (1, 20, 21, 30):
        model = BadAt(bad)
        with pytest.raises(TrainingDiverged, match=f"epoch 1, step {bad},"):
            fit(
                model,
                BatchLoader(coloured(), 10),
                epochs=1,
                optimizer=sgd(model),
                precision="float32",
                progress=False,
            )


def test_an_interrupt_returns_the_complete_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupt(Callback):
        def after_epoch(self, model: nn.Module, history: History) -> bool:
            if len(history) == 2:
                raise KeyboardInterrupt
            return False

    model = tiny()
    history = fit(model, coloured(), epochs=50, optimizer=sgd(model), callbacks=[Interrupt()])
    assert len(history) == 2
    assert "stopped, 2 of 50 epochs" in capsys.readouterr().out


def train_for_long() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server of processes is deaf to it
    history = fit(CifarCNN(width=0.25), random_images(2000), epochs=10_000)
    print("epochs", len(history), flush=True)


@pytest.mark.skipif(os.name == "nt", reason="a signal like Ctrl-C cannot be sent on Windows")
def test_ctrl_c_ends_a_real_training_cleanly(tmp_path: Path) -> None:
    process = start_process(tmp_path / "said", train_for_long)
    while "loss" not in (tmp_path / "said").read_text(encoding="utf-8"):  # the bar tells that steps are being made
        assert process.is_alive()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert process.exitcode == 0 and "epochs" in said and "Traceback" not in said, said


def test_the_progress_bar_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny()
    fit(model, coloured(), coloured(50, 1), epochs=2, optimizer=sgd(model))
    shown = capsys.readouterr()
    assert shown.err == ""
    last = shown.out.rstrip("\n").rsplit("\r", 1)[-1]
    assert "\n" not in shown.out.rstrip("\n") and "epoch 2" in last and "validation" in last and "100%" in last


def test_bfloat16_is_not_chosen_where_it_disagrees() -> None:
    class WrongInHalf(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3072, 10)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.layer(images.flatten(1))
            return logits.float() * 100 if torch.is_autocast_enabled("cpu") else logits

    history = fit(WrongInHalf(), BatchLoader(coloured(), 100), epochs=1, progress=False)
    assert history.precision == "float32"


def test_an_untrained_network_knows_nothing_and_says_so() -> None:
    torch.manual_seed(0)
    metrics = evaluate(CifarCNN(), random_images(200))
    assert metrics.loss == pytest.approx(math.log(10), abs=0.15)


# --- evaluate --------------------------------------------------------------------------------------------


class _Brightness(nn.Module):
    """Answers the class that the first pixel names, so that every figure can be known beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.one_hot(images[:, 0, 0, 0].round().long() % 10, 10) * self.scale


def test_evaluate_counts_by_true_class_in_rows_and_answer_in_columns() -> None:
    answers = torch.tensor([0, 1, 1, 2, 2, 2, 3, 3, 3, 3])
    labels = torch.tensor([0, 1, 2, 2, 2, 1, 3, 3, 3, 0])
    images = answers.float().view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    loader = [(images[:7], labels[:7]), (images[7:], labels[7:])]
    metrics = evaluate(_Brightness(), loader)
    expected = torch.zeros(10, 10, dtype=torch.int64)
    for truth, answer in zip(labels, answers, strict=True):
        expected[truth, answer] += 1
    assert torch.equal(metrics.confusion, expected) and metrics.confusion[2, 1] == 1
    assert metrics.accuracy == pytest.approx(0.7)
    assert metrics.precision[:4].tolist() == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4])
    assert metrics.recall[:4].tolist() == pytest.approx([1 / 2, 1 / 2, 2 / 3, 1])
    assert math.isnan(float(metrics.precision[9])) and math.isnan(float(metrics.recall[9]))
    logits = nn.functional.one_hot(answers, 10).float()
    assert metrics.loss == pytest.approx(float(nn.functional.cross_entropy(logits, labels)), rel=1e-6)


def test_evaluate_uses_eval_mode_and_gives_the_mode_back() -> None:
    model = tiny(dropout=0.9).train()
    images = coloured(50)
    first = collect_logits(model, images)[0]
    assert torch.equal(first, collect_logits(model, images)[0])
    assert model.training
    model.eval()
    evaluate(model, images)
    assert not model.training


def test_evaluate_refuses_nothing() -> None:
    with pytest.raises(ValueError, match="no images"):
        evaluate(tiny(), [])


# --- early stopping ------------------------------------------------------------------------------------------


def losses_to_history(losses: list[float]) -> History:
    return History([Epoch(k, 1.0, 0.5, loss, 0.5, 0.1, 1.0) for k, loss in enumerate(losses, start=1)])


def stopped_after(stopping: EarlyStopping, losses: list[float]) -> int:
    model, history = tiny(), losses_to_history(losses)
    for k in range(1, len(losses) + 1):
        if stopping.after_epoch(model, History(history.rows[:k])):
            return k
    return 0


@pytest.mark.parametrize(
    ("patience", "min_delta", "losses", "stop", "best"),
    [
        (2, 0.0, [1.0, 0.9, 0.95, 0.96, 0.5], 4, 2),
        (1, 0.0, [1.0, 1.0], 2, 1),
        (3, 0.0, [1.0, 1.1, 1.1, 0.9, 1.0], 0, 4),
        (2, 0.1, [1.0, 0.95, 0.92, 0.5], 3, 1),
    ],
)
def test_early_stopping_waits_and_stops(
    patience: int, min_delta: float, losses: list[float], stop: int, best: int
) -> None:
    stopping = EarlyStopping(patience, min_delta)
    assert stopped_after(stopping, losses) == stop and stopping.best_epoch == best


def test_early_stopping_restores_the_best_weights_even_if_it_never_stopped() -> None:
    class Remember(Callback):
        def __init__(self) -> None:
            self.weights: list[Tensor] = []

        def after_epoch(self, model: nn.Module, history: History) -> bool:
            self.weights.append(weights(model).clone())
            return False

    model, memory, stopping = tiny(), Remember(), EarlyStopping(100)
    history = fit(
        model,
        coloured(60),
        random_images(60, 3),
        epochs=8,
        optimizer=sgd(model, 0.3),
        callbacks=[stopping, memory],
        progress=False,
    )
    assert stopping.best_epoch == history.best_epoch < 8
    assert torch.equal(weights(model), memory.weights[history.best_epoch - 1])


def test_early_stopping_without_validation_is_an_error() -> None:
    with pytest.raises(ValueError, match="validation"):
        fit(tiny(), coloured(), epochs=1, callbacks=[EarlyStopping()], progress=False)


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"min_delta": -0.1}])
def test_impossible_patience_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="patience"):
        EarlyStopping(**wrong)  # type: ignore[arg-type]


# --- history ------------------------------------------------------------------------------------------------


def test_a_history_survives_a_csv_file_exactly(tmp_path: Path) -> None:
    history = History([Epoch(1, 1 / 3, 0.1, math.pi, 2 / 3, 1e-5, 12.25), Epoch(2, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)])
    history.to_csv(tmp_path / "h.csv")
    assert History.from_csv(tmp_path / "h.csv") == history


def test_best_epoch_is_the_one_of_lowest_validation_loss() -> None:
    assert losses_to_history([1.0, 0.7, 0.8, 0.7]).best_epoch == 2
    with pytest.raises(ValueError, match="validation"):
        _ = losses_to_history([math.nan]).best_epoch


def test_a_file_that_is_no_history_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="first line"):
        History.from_csv(path)
    losses_to_history([1.0, 0.9]).to_csv(path)
    path.write_text(path.read_text(encoding="utf-8").replace("0.9", "x"), encoding="utf-8")
    with pytest.raises(ValueError, match="line 3"):
        History.from_csv(path)


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(KeyError, match="accuracy_of_validation"):
        _ = History()["accuracy_of_validation"]


# --- label smoothing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5])
def test_label_smoothing_out_of_its_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="label_smoothing must be at least 0 and below 1"):
        fit(tiny(), coloured(), epochs=1, label_smoothing=share, progress=False)


def test_label_smoothing_raises_the_training_loss_and_leaves_validation_as_it_is_measured() -> None:
    losses = {}
    for share in (0.0, 0.5):
        model = tiny()
        history = fit(
            model, coloured(), coloured(100, 1), epochs=3, optimizer=sgd(model), label_smoothing=share,
            precision="float32", progress=False,
        )  # fmt: skip
        losses[share] = history["train_loss"][-1]
        assert history["validation_loss"][-1] == pytest.approx(evaluate(model, coloured(100, 1)).loss, abs=1e-5)
    assert losses[0.5] > losses[0.0] + 0.1


# --- averaging and mixing ------------------------------------------------------------------------------------------


def test_averaging_gives_the_running_mean_of_the_weights() -> None:
    images = random_images(40)
    model = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.BatchNorm1d(48), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    averaging = WeightAveraging(model, optimizer, decay=0.8)
    seen: list[dict[str, Tensor]] = []
    optimizer.register_step_post_hook(lambda *_: seen.append({k: v.clone() for k, v in model.state_dict().items()}))
    fit(model, BatchLoader(images, 10), epochs=2, optimizer=optimizer, callbacks=[averaging], progress=False)
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            mean = seen[0][name]
            for weights in seen[1:]:
                mean = 0.8 * mean + 0.2 * weights[name]
            assert torch.allclose(value, mean, atol=1e-6), name


def test_averaging_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    def trained(*epochs: int) -> dict[str, Tensor]:
        for last in epochs:
            model = tiny()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            loader = BatchLoader(random_images(40), 10, shuffle=True)
            kept = tmp_path / f"{len(epochs)}.part"
            means = [WeightAveraging(model, optimizer, 0.9)]
            fit(
                model, loader, epochs=last, optimizer=optimizer, callbacks=means, checkpoint=kept,
                precision="float32", progress=False,
            )  # fmt: skip
        return model.state_dict()

    at_once, in_two = trained(4), trained(2, 4)
    assert all(torch.equal(at_once[name], in_two[name]) for name in at_once)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_outside_its_range_is_refused(decay: float) -> None:
    model = tiny()
    with pytest.raises(ValueError, match="decay"):
        WeightAveraging(model, torch.optim.SGD(model.parameters(), lr=0.1), decay)


def test_the_loss_of_mixed_images_is_that_of_their_shares_and_the_larger_share_counts() -> None:
    def mixed(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return images, 0.7 * nn.functional.one_hot(labels, 10) + 0.3 * nn.functional.one_hot((labels + 1) % 10, 10)

    model, images = tiny(), random_images(100)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    loader = BatchLoader(images, 20, mix=mixed)
    row = fit(model, loader, epochs=1, optimizer=still, precision="float32", progress=False).rows[0]
    logits, labels = collect_logits(model, images)
    assert row.train_loss == pytest.approx(float(nn.functional.cross_entropy(logits, mixed(logits, labels)[1])))
    assert row.train_accuracy == pytest.approx(float((logits.argmax(1) == labels).float().mean()))


# --- torch.compile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_a_compiled_network_learns_the_same_and_is_the_one_that_was_passed(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def compiler(model: nn.Module, *, mode: str, dynamic: bool) -> object:
        calls.append((mode, dynamic))
        return translate(model, backend=backend, dynamic=dynamic)

    translate = torch.compile
    monkeypatch.setattr(torch, "compile", compiler)
    losses = []
    for compiled in (False, True):
        model = tiny()
        train = BatchLoader(coloured(130), 50, shuffle=True)  # whose last batch is smaller
        history = fit(
            model, train, epochs=2, optimizer=sgd(model), compile=compiled, precision="float32", progress=False
        )
        losses.append(history["train_loss"])
        assert not any(name.startswith("_orig_mod") for name in model.state_dict())
    assert losses[1] == pytest.approx(losses[0], rel=1e-4) and losses[1][1] < losses[1][0]
    assert calls == [("default", False)]


def test_where_torch_cannot_compile_the_error_says_so_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as settings

    monkeypatch.setattr(settings.cpp, "cxx", ("no-such-compiler",))
    monkeypatch.setattr(settings, "force_disable_caches", True)
    torch._dynamo.reset()
    model = tiny()
    with pytest.raises(RuntimeError, match=r"cannot translate the network.*no-such-compiler.*without compile=True"):
        fit(model, coloured(), epochs=1, optimizer=sgd(model), compile=True, precision="float32", progress=False)
