"""Pictures of correct answers in lesson 08: means, an added change, a gain, steady weights, a mixture."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, pad

from cifar_helpers._paths import resources
from cifar_helpers.checks.chart import Axis, Line, line_chart
from cifar_helpers.checks.drawing import (
    as_rows,
    bars_html,
    in_signs,
    numbers_svg,
    picture_html,
    sentence,
    short,
    titled,
)
from cifar_helpers.checks.pictures import SIDE, horse
from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.data.sketches import draw
from cifar_helpers.inference import percent, preprocess
from cifar_helpers.runs import DEFAULT_RUN, load_run

_MAPS = 4
_STEPS, _DECAY = 150, 0.95
_SHARE = 0.6
_THREE_SEEDS = 2.776  # Student's t, 4 degrees of freedom: two recipes of three seeds


def pooled(answer: Callable[..., Any]) -> str:
    """HTML of those last maps of a drawn cat that have the largest means by the answer."""
    cat = preprocess(resources() / "inputs" / "cat.png")
    with torch.no_grad():
        maps = load_run(DEFAULT_RUN).model().features(normalise(cat)[None])
    means = answer(maps.clone())[0]
    parts = [picture_html(as_rows(cat), SIDE, "A drawn cat, 32×32 pixels", "what the network sees")]
    for number in means.argsort(descending=True)[:_MAPS].tolist():
        values = maps[0, number].numpy()
        said = f"map {number}: your mean {short(float(means[number]))}"
        text = [[short(float(value)) for value in row] for row in values]
        parts.append(titled(said, numbers_svg(values / maps.max().item(), f"Last {said}", cell=32, text=text)))
    said = (
        f"The {_MAPS} of {len(means)} last maps with the largest means. {maps.numel():,} numbers become {len(means)}: "
        "how strongly each map responds is kept, and where it does so is lost."
    )
    return "".join([*parts, sentence(said)])


def added(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse, outlines as the change, and what the answer makes of the two."""
    picture = horse()[None] / 255
    change = _outlines(picture)
    total = answer(picture.clone(), _outlines, None)
    parts = [
        picture_html(_pixels(picture), SIDE, "A drawn horse, 32×32 pixels", "input"),
        picture_html(in_signs(change[0].mean(0).numpy()), SIDE, "The outlines of the horse", "the change"),
        picture_html(_pixels(total), SIDE, "The horse with sharper outlines", "your sum"),
    ]
    size = percent(float(change.abs().mean() / picture.mean()))
    said = (
        f"On average the numbers of the change are {size} as large as those of the input: the layers add outlines, "
        "and the horse itself takes the skip connection."
    )
    return "".join([*parts, sentence(said)])


def _outlines(picture: Tensor) -> Tensor:
    """By how much each pixel `(B, 3, H, W)` differs from its neighbourhood."""
    return picture - avg_pool2d(pad(picture, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def _pixels(picture: Tensor) -> Any:
    return as_rows((picture[0].clamp(0, 1) * 255).round().to(torch.uint8))


def gained(answer: Callable[..., Any]) -> str:
    """HTML of the gain of skip connections on the ladder: the answer's interval, and what each kind of chance adds."""
    new, base = (_of_three_seeds(name) for name in ("ladder-residual", "ladder-deeper"))
    differences = (new - base).mean(0)
    every, same = torch.full_like(differences, float(differences.mean())), torch.full((len(new),), 0.5)
    given = {
        "your interval": (differences, new.mean(1), base.mean(1)),
        "the same images and other seeds": (every, new.mean(1), base.mean(1)),
        "the same seeds and other images": (differences, same, same),
    }
    words = []
    for name, parts in given.items():
        low, high = (100 * float(end) for end in answer(*parts, _THREE_SEEDS))
        words.append(f"{name}: {low:+.1f} to {high:+.1f}")
    said = f"Skip connections on the ladder gain {100 * differences.mean():.1f} points; {', '.join(words)}."
    return sentence(said)


def _of_three_seeds(name: str) -> Tensor:
    """Whether the networks of a recorded recipe classify each validation image correctly, 0 or 1 `(3, N)`."""
    return torch.stack([load_run(name + seed).correct() for seed in ("", "-seed-1", "-seed-2")]).float()


def steadied(answer: Callable[..., Any]) -> str:
    """HTML of the loss of a small network that is trained with a high rate, and of the answer's mean of its weights."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
        points = torch.randn(400, 2)
    labels = (points.norm(dim=1) > 1.2).long()  # inside or outside a circle
    steady = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    found: dict[str, list[float]] = {"weights": [], "your mean of the weights": []}
    for step in range(_STEPS):
        few = slice(8 * step % 400, 8 * step % 400 + 8)
        optimizer.zero_grad()
        cross_entropy(model(points[few]), labels[few]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        mean = answer(_weights(steady), _weights(model), _DECAY)
        with torch.no_grad():
            for parameter, value in zip(steady.parameters(), mean, strict=True):
                parameter.copy_(value)
            for losses, network in zip(found.values(), (model, steady), strict=True):
                losses.append(float(cross_entropy(network(points), labels)))
    jumps = [np.abs(np.diff(losses[_STEPS // 2 :])).mean() for losses in found.values()]
    said = (
        f"{_STEPS} steps of 8 points with a high rate, loss of all {len(points)} points: from step to step it jumps by "
        f"{jumps[0]:.3f} with the weights, and by {jumps[1]:.3f} with your mean of them (decay {_DECAY})."
    )
    lines = [
        Line(name, [(float(step), loss) for step, loss in enumerate(losses, start=1)], number)
        for number, (name, losses) in enumerate(found.items())
    ]
    return titled(said, line_chart(lines, Axis("step", least=0), Axis("loss (nats)", least=0), said, height=200))


def _weights(model: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def mixed(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse, a drawn truck, and the answer's mixture of the two with its shares."""
    names = ["horse", "truck"]
    labels = torch.tensor([CLASSES.index(name) for name in names])
    images = torch.stack([horse(), torch.from_numpy(_drawn(CLASSES.index("truck"), 3))])
    mixtures, shares = answer(images / 255, labels, _SHARE, torch.tensor([1, 0]))
    parts = [
        picture_html(as_rows(image), SIDE, f"A drawn {name}, 32×32 pixels", name)
        for name, image in zip(names, images, strict=True)
    ]
    both = [(CLASSES[k], float(share)) for k, share in enumerate(shares[0]) if share > 0]
    words = " and ".join(f"{percent(share)} {name}" for name, share in both)
    parts.append(picture_html(_pixels(mixtures[:1]), SIDE, f"Your mixture of the two: {words}", "your mixture"))
    parts.append(bars_html(both, "its label", [percent(share) for _, share in both]))
    said = f"With a share of {_SHARE} the first mixture is {words}. The network is trained to predict these shares."
    return "".join([*parts, sentence(said)])


def _drawn(label: int, seed: int) -> Any:
    """A sketch, uint8 `(3, 32, 32)`."""
    return np.asarray(draw(label, seed)).transpose(2, 0, 1).copy()
