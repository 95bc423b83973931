"""Nine training bugs and their effect on the same short run: the records of lesson 04's gallery.

`python -m cifar_helpers.bug_gallery` trains with each of them again and writes `resources/bugs.json` (about ten
minutes), with healthy runs with nine other seeds, which show how much runs differ without a bug.
Each bug is put into the text of `healthy.py`, and that program is run: the line shown is the line that ran.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

from cifar_helpers._paths import resources
from cifar_helpers.data import CLASSES, Cifar10, ImageSet
from cifar_helpers.inference import preprocess

__all__ = [
    "BUGS",
    "CASES",
    "HEALTHY",
    "PHOTO",
    "Bug",
    "Symptoms",
    "healthy",
    "observe",
    "program",
    "record",
    "symptoms",
]

HEALTHY: Final = "healthy"
"""Name of the run without a bug."""

_EPOCHS: Final = 10
_SEEDS: Final = range(10)  # of the healthy runs; runs with a bug have the first
PHOTO: Final = "horse"  # a drawing that the healthy network classifies correctly
FILE: Final = "bugs.json"


@dataclass(frozen=True)
class Bug:
    """A bug as a change of `healthy.py`.

    Attributes:
        name: the name that learners choose.
        right: lines of the healthy program.
        wrong: the lines that replace them.
    """

    name: str
    right: str
    wrong: str


_STEP: Final = """\
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
"""
_ANSWER: Final = """\
    model.eval()
    with torch.no_grad():
        logits: Tensor = model(batch)
"""
_START: Final = """\
    model = CifarCNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
"""

BUGS: Final[dict[str, Bug]] = {
    bug.name: bug
    for bug in (
        Bug("no zero_grad", _STEP, _STEP.replace("        optimizer.zero_grad()\n", "")),
        Bug("no eval()", _ANSWER, _ANSWER.replace("    model.eval()\n", "")),
        Bug(
            "softmax before cross-entropy",
            "    loss = nn.functional.cross_entropy(logits, labels)\n",
            "    loss = nn.functional.cross_entropy(logits.softmax(1), labels)\n",
        ),
        Bug("learning rate × 100", _START, _START.replace("lr=0.01", "lr=1.0")),
        Bug("learning rate ÷ 100", _START, _START.replace("lr=0.01", "lr=0.0001")),
        Bug("stale optimizer", _START, f"{_START}    model = CifarCNN()\n"),
        Bug(
            "labels shuffled against images",
            "    pictures = images.images[order]\n    labels = images.labels[order]\n",
            "    pictures = images.images[order]\n    labels = images.labels\n",
        ),
        Bug(
            "validation images in training",
            "    training = images.subset(slice(0, 2000))\n",
            "    training = images\n",
        ),
        Bug(
            "photo not normalised",
            "    batch = normalise(photo[None])\n",
            "    batch = photo[None] / 255\n",
        ),
    )
}
"""Bugs by name, in the order in which they are offered."""

CASES: Final = (
    "labels shuffled against images",
    "photo not normalised",
    "learning rate × 100",
    "validation images in training",
    "stale optimizer",
    "softmax before cross-entropy",
    "no eval()",
    "no zero_grad",
    "learning rate ÷ 100",
)
"""Name of the bug of case 1, 2, …"""


@dataclass(frozen=True)
class Symptoms:
    """The symptoms of a run, measured by its own program unless stated otherwise; NaN if not a number.

    Attributes:
        train_loss: of each epoch, in nats.
        train_accuracy: of each epoch, 0..1.
        validation_loss: after each epoch.
        validation_accuracy: after each epoch.
        first_losses: of the first batches.
        gradient: mean length (L2 norm) of the gradient that the optimizer followed, for each epoch.
        moved: distance of the weights from their initial values, relative to the length of these.
        new_accuracy: on images used neither for training nor for validation.
        single_accuracy: on validation images, classified one at a time.
        photo_accuracy: on new images, classified by the code for photos.
        answers: five predictions for the same photo, with their probabilities.
    """

    train_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_accuracy: tuple[float, ...]
    first_losses: tuple[float, ...]
    gradient: tuple[float, ...]
    moved: float
    new_accuracy: float
    single_accuracy: float
    photo_accuracy: float
    answers: tuple[tuple[str, float], ...]


def program(bug: Bug | None) -> dict[str, Any]:
    """The names that `healthy.py` defines, with a bug in it, or without one for `None`.

    Raises:
        ValueError: if the lines that the bug changes do not occur exactly once.
    """
    text = Path(__file__).with_name("healthy.py").read_text(encoding="utf-8")
    if bug is not None:
        if text.count(bug.right) != 1:
            raise ValueError(
                f"{bug.name}: its lines occur {text.count(bug.right)} times in healthy.py, instead of once"
            )
        text = text.replace(bug.right, bug.wrong)
    names: dict[str, Any] = {"__name__": "cifar_helpers.bug_gallery.healthy"}
    exec(compile(text, f"healthy.py with {bug.name if bug else 'no bug'}", "exec"), names)
    return names


def observe(bug: Bug | None, images: ImageSet, new: ImageSet, *, epochs: int = _EPOCHS, seed: int = 0) -> Symptoms:
    """Run the program with a bug in it and measure its symptoms.

    Args:
        bug: `None` runs the healthy program.
        images: 3,000 images to train and validate on, split by the program.
        new: other images.
        epochs: passes over the training images.
        seed: of the weights, the order of the images and the dropout.
    """
    run = program(bug)
    losses, loss_of = [], run["loss_of"]

    def watched(logits: Tensor, labels: Tensor) -> Tensor:
        loss: Tensor = loss_of(logits, labels)
        losses.append(loss.item())
        return loss

    run["loss_of"] = watched
    torch.manual_seed(seed)
    training, validation = run["split"](images)
    model, optimizer = run["start"]()
    before = _weights(model)
    rows, gradient = [], []
    for _ in range(epochs):
        with _gradients() as lengths:
            rows.append((*run["train_epoch"](model, optimizer, training), *run["measure"](model, validation)))
        gradient.append(sum(lengths) / len(lengths))
    photo = preprocess(resources() / "inputs" / f"{PHOTO}.png")
    shares = [run["classify_photo"](model, photo) for _ in range(5)]
    named = [int(run["classify_photo"](model, picture).argmax()) for picture in new.images]
    train_loss, train_accuracy, validation_loss, validation_accuracy = zip(*rows, strict=True)
    return Symptoms(
        train_loss,
        train_accuracy,
        validation_loss,
        validation_accuracy,
        first_losses=tuple(losses[:6]),
        gradient=tuple(gradient),
        moved=float((_weights(model) - before).norm() / before.norm()),
        new_accuracy=run["measure"](model, new)[1],
        single_accuracy=run["measure"](model, validation, 1)[1],
        photo_accuracy=float((torch.tensor(named) == new.labels).float().mean()),
        answers=tuple((CLASSES[int(share.argmax())], float(share.max())) for share in shares),
    )


def _weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@contextmanager
def _gradients() -> Iterator[list[float]]:
    """Collects the length of the gradient before each step of any optimizer."""
    lengths: list[float] = []

    def note(optimizer: Optimizer, *_: Any) -> None:
        held = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        lengths.append(math.sqrt(sum(float(grad.square().sum()) for grad in held)))

    hook = register_optimizer_step_pre_hook(note)
    try:
        yield lengths
    finally:
        hook.remove()


def record(data: Cifar10, path: Path) -> None:
    """Run the healthy program and each bug on real images, and write their symptoms."""
    train, held_out = data.split()
    images, new = train.subset(slice(0, 3000)), held_out.subset(slice(0, 1000))
    runs = {}
    for name in (HEALTHY, *BUGS):
        seen = observe(BUGS.get(name), images, new)
        runs[name] = _entry(seen)
        print(f"{name}: validation accuracy {seen.validation_accuracy[-1]:.1%}", flush=True)
    others = [_entry(observe(None, images, new, seed=seed)) for seed in _SEEDS[1:]]
    content = {
        "data": {"source": data.source, "fingerprint": data.fingerprint},
        "epochs": _EPOCHS,
        "runs": runs,
        "other seeds": others,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # A list of numbers on one line.
    text = re.sub(r"\[\s+([^][{}]+?)\s+\]", lambda match: f"[{' '.join(match[1].split())}]", text)
    path.write_text(text + "\n", encoding="utf-8")


def _entry(seen: Symptoms) -> dict[str, Any]:
    return {key: _plain(value) for key, value in asdict(seen).items()}


def _plain(value: Any) -> Any:
    """Numbers with four digits; NaN becomes null, because JSON has no NaN."""
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


@functools.cache
def symptoms() -> Mapping[str, Symptoms]:
    """The recorded symptoms by name of the bug, and those of the healthy run under `HEALTHY`."""
    return {name: _symptoms(run) for name, run in _recorded()["runs"].items()}


@functools.cache
def healthy() -> tuple[Symptoms, ...]:
    """The symptoms of ten runs without a bug, which differ only in their seeds; the first is that of `HEALTHY`."""
    return (symptoms()[HEALTHY], *(_symptoms(run) for run in _recorded()["other seeds"]))


@functools.cache
def _recorded() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((resources() / FILE).read_text(encoding="utf-8"))
    return content


def _symptoms(run: Mapping[str, Any]) -> Symptoms:
    return Symptoms(**{f.name: _read(run[f.name]) for f in fields(Symptoms)})


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(part) for part in value)
    return math.nan if value is None else value
