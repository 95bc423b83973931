"""Pictures of right answers in lesson 03: shapes by block, channels after batch norm, probabilities, losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers._paths import resources
from cifar_helpers.checks.chart import Axis, Line, line_chart
from cifar_helpers.checks.drawing import (
    as_rows,
    bars_html,
    lead,
    picture_html,
    sentence,
    shares_html,
    short,
    titled,
)
from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.inference import percent, preprocess
from cifar_helpers.runs import DEFAULT_RUN, load_run

_PICTURE = (3, 32, 32)
_ALL_BUT_CHANNELS = (0, 2, 3)
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def narrowing(answer: Callable[..., Any]) -> str:
    """HTML of how many numbers are left after each block, by the answer's shapes, with a fourth block."""
    shapes = [_PICTURE, *answer([32, 64, 128, 256], *_PICTURE[1:])]
    sizes = [math.prod(shape) for shape in shapes]
    names = ["picture", *(f"block {k}" for k in range(1, len(shapes)))]
    words = [f"{' × '.join(map(str, shape))} = {size:,}" for shape, size in zip(shapes, sizes, strict=True)]
    said = (
        f"Your shapes, with a fourth block of 256 channels: {sizes[4]:,} numbers would reach the linear layers "
        f"instead of {sizes[3]:,}."
    )
    shares = [(name, size / max(sizes)) for name, size in zip(names, sizes, strict=True)]
    return bars_html(shares, "numbers after each block", words) + sentence(said)


def levelled(answer: Callable[..., Any]) -> str:
    """HTML of each channel's mean and standard deviation in a convolution, before and after the answer's batch norm."""
    pictures = torch.stack([preprocess(resources() / "inputs" / f"{name}.png") for name in CLASSES])
    with torch.no_grad():
        first = next(layer for layer in load_run(DEFAULT_RUN).model().modules() if isinstance(layer, nn.Conv2d))
        before = first(normalise(pictures))
    before = before[:, before.mean(_ALL_BUT_CHANNELS).argsort()]
    count = before.shape[1]
    after = answer(before.clone(), torch.ones(count), torch.zeros(count))
    lines, findings = [], []
    for number, (name, values) in enumerate({"before": before, "after your batch norm": after}.items()):
        means, spreads = values.mean(_ALL_BUT_CHANNELS), values.std(_ALL_BUT_CHANNELS)
        points = [(float(k), float(mean)) for k, mean in enumerate(means, start=1)]
        band = list(zip((means - spreads).tolist(), (means + spreads).tolist(), strict=True))
        lines.append(Line(f"{name}: mean ± standard deviation", points, number, band))
        findings.append(f"{name}: means {_reach(means)}, standard deviations {_reach(spreads)}")
    said = f"{count} channels of the trained network's first convolution, {len(pictures)} drawn pictures. "
    alt = said + "; ".join(findings).capitalize() + "."
    return titled(alt, line_chart(lines, Axis("channel, in order of the mean before"), Axis("value"), alt))


def _reach(values: Tensor) -> str:
    low, high = (short(float(end)) for end in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def shared_out(answer: Callable[..., Any]) -> str:
    """HTML of the probabilities that the answer gives the ten classes, with constants added to the logits.

    Beside them is what comes of the exponentials if nothing is subtracted first, until all of them overflow.
    """
    cat = preprocess(resources() / "inputs" / "cat.png")
    with torch.no_grad():
        # As they are shown, so that a calculator gives what is computed from them.
        logits = load_run(DEFAULT_RUN).model()(normalise(cat)[None]).round(decimals=2)
    top, added = int(logits.argmax()), range(101)
    more = logits + torch.tensor(added)[:, None]
    naive = more.exp() / more.exp().sum(1, keepdim=True)
    columns = {"your softmax": answer(more).tolist(), "without subtracting": naive.tolist()}
    said = (
        "The table begins with the trained network's logits for this drawn cat. Adding the same c to each multiplies "
        "every exponential, and their sum, by e\N{MODIFIER LETTER SMALL C}, which cancels: the probabilities should "
        "not change."
    )
    words = [[f"{logit:.2f}".replace("-", "\N{MINUS SIGN}") for logit in own] for own in more.T.tolist()]
    first = added[int(naive.isnan().any(1).int().argmax())]
    largest = torch.finfo(logits.dtype).max
    limit = _whole(f"{_scientific(largest, 2)} ≈ exp({math.log(largest):.2f})")
    above = _whole(f"exp({words[top][0]} + {first}) = exp({words[top][first]}) = inf")
    question = (
        "At which number does softmax break without subtracting?",
        f"At {first}: the largest float32 is {limit}, so {above}.",
    )
    table = shares_html(CLASSES, ("logit", words), added, columns, _worked(more, top), question, marked="cat")
    return lead(said) + picture_html(as_rows(cat), 128, "A drawn cat, 32×32 pixels") + table


def _worked(logits: Tensor, top: int) -> tuple[list[str], list[str]]:
    """How the probability of the class with the largest logit is computed from each row, with it subtracted or not."""
    subtracting, without = [], []
    for row in logits:
        powers, total = row.exp(), float((row - row[top]).exp().sum())
        logit, power, whole = f"{float(row[top]):.2f}", float(powers[top]), float(powers.sum())
        one = _whole(f"exp({logit} − {logit}) = 1")
        subtracting.append(f"{one}; {_whole(f'1 / {total:.2f} = {percent(1 / total)}')}.")
        share = "nan" if math.isinf(power) else percent(power / whole)
        zero = f"; a finite {_whole('number / inf = 0')}" if float(powers.min()) < math.inf == whole else ""
        failing = _whole(f"exp({logit}) = {_scientific(power)}")
        without.append(f"{failing}; {_whole(f'{_scientific(power)} / {_scientific(whole)} = {share}')}{zero}.")
    name = CLASSES[top]
    return (
        [f"For {name}, subtracting the largest: {words}" for words in subtracting],
        [f"For {name}, without subtracting: {words}" for words in without],
    )


def _scientific(value: float, digits: int = 4) -> str:
    """A number with so many significant digits: `27.39`, `1.42·10²³`."""
    mantissa, _, power = f"{value:.{digits}g}".partition("e+")
    return f"{mantissa}·10{power.lstrip('0').translate(_RAISED)}" if power else mantissa


def _whole(formula: str) -> str:
    """A formula that stays on one line."""
    return formula.replace(" ", "\N{NO-BREAK SPACE}")


def costs(answer: Callable[..., Any]) -> str:
    """HTML of the answer's loss against the probability given to the correct one of ten classes."""

    def loss(share: float) -> float:
        shares = torch.tensor([share, *[(1 - share) / 9] * 9])
        return float(answer(shares.log()[None], torch.tensor([0])))

    points = [(float(share), loss(share / 100)) for share in range(1, 100)]
    said = (
        f"Your loss against the probability of the correct class: {loss(0.1):.2f} nats at 10 %, which is guessing, "
        f"{loss(0.5):.2f} at 50 %, and {loss(0.99):.2f} at 99 %."
    )
    across = Axis("probability of the correct class (%)", least=0, greatest=100)
    chart = line_chart(
        [Line("your loss", points)], across, Axis("loss (nats)", least=0), said, marks=[(10, "guessing")], height=220
    )
    return titled(said, chart)
