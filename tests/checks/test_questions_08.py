"""What the questions and pictures of lesson 08 say is true of networks, of the records, and of learned features."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import ALL, right, solution
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cifar_helpers import (
    Cifar10,
    CifarCNN,
    CompactCNN,
    ImageSet,
    TestTimeAugmentation,
    count_parameters,
    load_run,
    normalise,
)
from cifar_helpers.checks.lesson_08 import pictures
from cifar_helpers.models import _ConvBlock
from cifar_helpers.runs.ablation import ABLATIONS, measured

LOSS = nn.functional.cross_entropy


# --- predictions -------------------------------------------------------------------------------------------------


def gradients(images: ImageSet, shortcuts: bool, norms: bool = True, seed: int = 0) -> list[Tensor]:
    """Of the weights of thirty convolutions, the first first, in a fresh network like the blocks of `CompactCNN`."""
    torch.manual_seed(seed)
    pairs = nn.Sequential(*(_ConvBlock(32, 2, shortcuts) for _ in range(15)))
    if not norms:
        for pair in pairs:
            pair.layers = nn.Sequential(*(part for part in pair.layers if not isinstance(part, nn.BatchNorm2d)))
    first, last = nn.Conv2d(3, 32, 3, stride=4, padding=1), nn.Linear(32, 10)
    network = nn.Sequential(first, pairs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    LOSS(network(normalise(images.images)), images.labels).backward()
    return [part.weight.grad for part in pairs.modules() if isinstance(part, nn.Conv2d)]  # type: ignore[misc]


def lengths(*given: Any, **options: Any) -> list[float]:
    return [float(gradient.norm()) for gradient in gradients(*given, **options)]


@pytest.mark.parametrize("seed", [0, 1])
def test_without_shortcuts_the_gradient_grows_on_its_way_back_and_with_them_much_less(
    sketches: Cifar10, seed: int
) -> None:
    images = sketches.train.subset(slice(0, 100))
    without, with_them = (lengths(images, shortcuts, seed=seed) for shortcuts in (False, True))
    assert len(without) == len(with_them) == 30
    assert 20 < without[0] / without[-1] < 100 and 1 < with_them[0] / with_them[-1] < 10
    assert without[0] > 2 * without[10] > 4 * without[20]  # a little in each layer
    assert right("shortcut") == "Without: tens of times as large. With: a few times."


def test_without_batch_norm_the_gradient_is_lost(sketches: Cifar10) -> None:
    bare = lengths(sketches.train.subset(slice(0, 100)), False, norms=False)
    assert bare[0] < 1e-6 * bare[-1]


def test_two_batches_agree_about_a_middle_layer_with_shortcuts_alone(sketches: Cifar10) -> None:
    two = [sketches.train.subset(slice(start, start + 100)) for start in (0, 100)]
    for shortcuts in (False, True):
        one, other = (gradients(images, shortcuts)[14].flatten() for images in two)
        alike = float(nn.functional.cosine_similarity(one, other, dim=0))
        assert alike > 0.3 if shortcuts else abs(alike) < 0.15


CHANGES = {
    "The one-cycle rate": "ladder-one-cycle",
    "Shifts by up to 2 pixels": "ladder-shift",
    "Label smoothing": "ladder-smoothing",
    "Two more convolutions a stage": "ladder-deeper",
}


def test_the_largest_gain_is_the_one_that_the_records_show() -> None:
    accuracies = [measured(rung).accuracy for rung in ABLATIONS]
    gained = {rung.run: now - before for rung, (before, now) in zip(ABLATIONS[1:], pairwise(accuracies), strict=True)}
    gains = {text: gained[run] for text, run in CHANGES.items()}
    assert set(gains) == {option.text for option in ALL["largest_gain"].options}  # type: ignore[union-attr]
    first, second, *rest = sorted(gains, key=gains.__getitem__, reverse=True)
    assert first == right("largest_gain") and second == "The one-cycle rate"
    assert gains[second] > 0.03 and max(gains[text] for text in rest) < 0.01
    assert {load_run(run).recipe.epochs for run in CHANGES.values()} == {6}


# --- quiz --------------------------------------------------------------------------------------------------------


def test_layers_with_a_way_round_leave_things_as_they_are_if_they_give_zeros() -> None:
    values = torch.randn(2, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    further = _ConvBlock(8, 2, residual=True).eval()
    assert not torch.equal(further(values), values)
    for parameter in further.layers[-2].parameters():  # the last batch norm
        nn.init.zeros_(parameter)
    assert torch.equal(further(values), values)
    assert count_parameters(CompactCNN(residual=True)) == count_parameters(CompactCNN(residual=False))
    assert right("quiz_08_1").startswith("Only the change")


def test_without_hidden_layers_parameters_go_and_arithmetic_stays_and_any_size_fits() -> None:
    old, new = CifarCNN().eval(), CompactCNN(depth=0).eval()
    assert count_parameters(old.classifier) / count_parameters(old) > 0.9
    assert count_parameters(new) < count_parameters(old) / 10
    with FlopCounterMode(display=False) as counter:
        old(torch.zeros(1, 3, 32, 32))
    hidden = sum(2 * part.weight.numel() for part in old.classifier if isinstance(part, nn.Linear))
    assert hidden / counter.get_total_flops() == pytest.approx(0.1, abs=0.02)  # "about a tenth of the arithmetic"
    larger = torch.zeros(1, 3, 40, 64)
    assert new(larger).shape == (1, 10)
    with pytest.raises(RuntimeError):
        old(larger)
    assert right("quiz_08_2").startswith("Most of the parameters")


def test_two_runs_differ_by_chance_as_much_as_the_quiz_says_and_means_of_nine_by_a_third() -> None:
    one, other = (0.3 * torch.randn(20_000, 9, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    assert "0.42 points" in ALL["quiz_08_3"].options[0].says  # type: ignore[union-attr]
    assert float((one[:, 0] - other[:, 0]).std()) == pytest.approx(0.42, abs=0.01)
    assert float(one.mean(1).std()) == pytest.approx(0.3 / 3, abs=0.005)
    assert right("quiz_08_3").startswith("Run both with more seeds")


def test_six_views_ask_one_network_six_times() -> None:
    asked: list[int] = []

    class Counting(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            asked.append(len(images))
            return images.flatten(1)[:, :10]

    TestTimeAugmentation(Counting(), shift=2)(torch.zeros(5, 3, 32, 32))
    assert sum(asked) == 6 * 5 and right("quiz_08_4").startswith("Six times the work for every answer")


def test_the_figures_about_dawnbench_follow_from_those_in_the_question() -> None:
    hours, processors = (float(n) for n in re.findall(r"after ([\d.]+) hours on (\d+)", ALL["quiz_08_5"].ask)[0])
    told = " ".join(option.text for option in ALL["quiz_08_5"].options)  # type: ignore[union-attr]
    assert f"about {round(hours, -1):.0f} times as fast" in told
    assert f"More than {100 * math.floor(hours * processors / 2 / 100)} times" in told
    assert "named" in right("quiz_08_5")


# --- pictures of right answers -----------------------------------------------------------------------------------


def test_the_picture_of_the_pool_shows_the_answers_means() -> None:
    assert "2,048 numbers become 128" in pictures.pooled(solution("global_average_pool"))
    page = pictures.pooled(lambda maps: torch.arange(128.0)[None] / 100)
    assert re.findall(r"map (\d+): your mean ([\d.]+)<", page) == [
        ("127", "1.27"), ("126", "1.26"), ("125", "1.25"), ("124", "1.24")
    ]  # fmt: skip


def test_the_picture_of_the_sum_is_the_horse_that_goes_in_where_nothing_is_added() -> None:
    def sources(answer: Any) -> list[str]:
        return re.findall(r'src="([^"]+)"', pictures.added(answer))

    goes_in, _, total = sources(solution("residual"))
    assert goes_in != total
    unchanged = sources(lambda values, change: values)
    assert unchanged[0] == unchanged[2] == goes_in


def test_the_picture_of_the_running_mean_is_steadier_than_the_weights() -> None:
    before = torch.get_rng_state()
    jumps = re.findall(
        r"jumps by ([\d.]+) with the weights, and by ([\d.]+)", pictures.steadied(solution("running_mean"))
    )
    assert float(jumps[0][1]) < float(jumps[0][0]) / 10
    page = pictures.steadied(lambda mean, weights, decay: weights)
    same = re.findall(r"jumps by ([\d.]+) with the weights, and by ([\d.]+)", page)
    assert same[0][0] == same[0][1] == jumps[0][0]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_picture_of_the_mixture_names_the_answers_shares() -> None:
    page = pictures.mixed(solution("mixup"))
    assert "60 % horse and 40 % truck" in page and page.count("<img alt=") == 3
    images = torch.zeros(2, 3, 32, 32)
    other = pictures.mixed(lambda *_: (images, torch.tensor([[0.0, 0.25, 0, 0, 0, 0, 0, 0, 0, 0.75]] * 2)))
    assert "25 % automobile and 75 % truck" in other


def test_the_picture_of_two_views_counts_where_the_answers_mean_is_right() -> None:
    def counts(answer: Any) -> tuple[int, int]:
        page = pictures.two_views(answer)
        assert page.count("<img alt=") == 2 and page.count("<table") == 3
        found = re.findall(r"there are (\d+) such; your mean is right about (\d+) of them", page)
        return int(found[0][0]), int(found[0][1])

    differ, both = counts(solution("mean_of_views"))
    _, one = counts(lambda model, images: model(images))
    _, other = counts(lambda model, images: model(images.flip(3)))
    assert one + other == differ >= both > 0
