"""What the short recipe needs: each of its settings taken back, over five seeds. `python -m benchmarks short`.

Writes `resources/short.json`: in eight minutes on a GPU, in an hour on two quiet cores. All accuracies are those on
the validation images, which the recipe was chosen on; the gains are paired (`gain_interval`).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from benchmarks.common import Row, real_data, table
from benchmarks.gpu import device_name
from cifar_helpers import Cifar10, collect_logits, devices
from cifar_helpers._paths import atomic_write, resources
from cifar_helpers.evaluation import gain_interval
from cifar_helpers.runs import SHORT, Recipe, train_by

RESULTS = resources() / "short.json"
FORMER: Final = replace(SHORT, epochs=5, shift=1, whitened=False, bias_rate=1.0)
"""The short recipe until 2026-11-26."""
SHORT_NAME: Final = "short recipe"
VARIANTS: Final[dict[str, Recipe]] = {
    SHORT_NAME: SHORT,
    "first layer trained from random kernels": replace(SHORT, whitened=False),
    "batch norms' shifts at the common rate": replace(SHORT, bias_rate=1.0),
    "neither of the two": replace(SHORT, whitened=False, bias_rate=1.0),
    "dropout 0.25": replace(SHORT, dropout=0.25),
    "shifts of up to 1 pixel": replace(SHORT, shift=1),
    "without flips": replace(SHORT, flip=False),
    "without label smoothing": replace(SHORT, label_smoothing=0.0),
    "without weight decay": replace(SHORT, weight_decay=0.0),
    "without Nesterov": replace(SHORT, nesterov=False),
    "constant rate 0.01": replace(SHORT, one_cycle=False, learning_rate=0.01),
    "peak rate 0.05": replace(SHORT, learning_rate=0.05),
    "peak rate 0.2": replace(SHORT, learning_rate=0.2),
    "batches of 200": replace(SHORT, batch_size=200),
    "former recipe, 3 epochs": replace(FORMER, epochs=3),
    "former recipe, 4 epochs": replace(FORMER, epochs=4),
    "former recipe, 5 epochs": FORMER,
}
SEEDS: Final = 5


def measure(
    data: Cifar10, device: torch.device, variants: Mapping[str, Recipe] = VARIANTS, seeds: int = SEEDS
) -> list[Row]:
    """Train each variant with each seed.

    Args:
        data: the whole data set.
        device: where to train.
        variants: by their names; the first is the one that the others are compared with.
        seeds: 2 to 5.

    Returns:
        For each variant its accuracy (mean, σ and smallest over seeds), mean seconds, and the gain over the first
        variant with its interval, in points.
    """
    rows: list[Row] = []
    base: Tensor | None = None
    for name, recipe in variants.items():
        runs = [_train(replace(recipe, seed=seed), data, device) for seed in range(seeds)]
        correct = torch.stack([one for one, _ in runs])
        base = correct if base is None else base
        accuracies = [100 * float(one.double().mean()) for one in correct]
        row: Row = {
            "variant": name,
            "epochs": recipe.epochs,
            "accuracy": round(statistics.mean(accuracies), 2),
            "σ": round(statistics.stdev(accuracies), 2),
            "smallest": round(min(accuracies), 2),
            "seconds": round(statistics.mean(seconds for _, seconds in runs), 2),
        }
        if correct is not base:
            gain = gain_interval(correct, base)
            row |= {key: round(100 * getattr(gain, key), 2) for key in ("mean", "low", "high")}
        rows.append(row)
        print(row, flush=True)
    return rows


def _train(recipe: Recipe, data: Cifar10, device: torch.device) -> tuple[Tensor, float]:
    """Which validation images the trained network classifies correctly, bool `(N,)`, and the seconds of training."""
    model, history, _ = train_by(recipe, data, device=device, precision="bfloat16", progress=False)
    logits, labels = collect_logits(model, data.split()[1])
    return logits.argmax(1).cpu() == labels.cpu(), sum(history["seconds"])


def record() -> None:
    """Measure on the fastest device that there is, and write the file."""
    device = devices()[-1]
    rows = measure(real_data(), device)
    content = {"device": device_name(device), "torch": torch.__version__, "seeds": SEEDS, "rows": rows}
    print(table(f"The short recipe and its variants, {SEEDS} seeds", rows))
    with atomic_write(RESULTS) as unfinished:
        unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
