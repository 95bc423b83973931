"""What the questions and pictures of lesson 08 say is true of networks and of the records."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise, product
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
from cifar_helpers.checks.questions import Choice
from cifar_helpers.evaluation import gain_interval
from cifar_helpers.models import _ConvBlock
from cifar_helpers.runs.ablation import ABLATIONS, measured

LOSS = nn.functional.cross_entropy


real = pytest.param("real_data", marks=[pytest.mark.real, pytest.mark.slow])


@pytest.fixture(scope="module", params=["sketches", real])
def data(request: pytest.FixtureRequest) -> Cifar10:
    found: Cifar10 = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def images(data: Cifar10) -> ImageSet:
    """The batch that the lesson uses."""
    return data.split()[0].subset(slice(0, 100))


@pytest.fixture(scope="module")
def usual(images: ImageSet) -> Callable[..., list[Tensor]]:
    """The gradients of the lesson's networks for that batch; several tests read them, so each is computed once."""
    return cache(partial(gradients, images))


# --- predictions -------------------------------------------------------------------------------------------------


def gradients(
    images: ImageSet, skip: bool, seed: int = 0, norms: bool = True, he: bool = False, wanted: slice = slice(None)
) -> list[Tensor]:
    """Of the weights of thirty convolutions, in order: in the network of the lesson, or in one without batch norm.

    If only some are wanted, the backward pass goes no further than to the first of them.
    """
    torch.manual_seed(seed)
    network = CompactCNN((32,), depth=30, residual=skip)
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    if not norms:
        for block in list(network.features)[1:]:
            block.layers = nn.Sequential(*(part for part in block.layers if not isinstance(part, nn.BatchNorm2d)))
    if he:
        for convolution in convolutions:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    weights = [part.weight for part in convolutions[1:]][wanted]
    return list(torch.autograd.grad(LOSS(network(normalise(images.images)), images.labels), weights))


def lengths(found: list[Tensor]) -> list[float]:
    return [float(gradient.norm()) for gradient in found]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_skip_connections_the_gradient_grows_on_its_way_back_and_with_them_much_less(
    usual: Callable[..., list[Tensor]], seed: int
) -> None:
    without, with_them = (lengths(usual(skip, seed)) for skip in (False, True))
    assert len(without) == len(with_them) == 30
    assert 20 < without[0] / without[-1] < 100 and 1.5 < with_them[0] / with_them[-1] < 8
    growing = [earlier > later for earlier, later in pairwise(without)]
    assert all(growing[:23])  # "shrinks over the last few layers, then grows in every layer"
    assert without[-1] > min(without)
    assert right("shortcut") == "Without: tens of times as long. With: a few times."


def test_one_learning_rate_changes_the_first_layer_far_more_than_the_last(usual: Callable[..., list[Tensor]]) -> None:
    torch.manual_seed(0)
    network = CompactCNN((32,), depth=30, residual=False)
    weights = [float(part.weight.detach().norm()) for part in network.modules() if isinstance(part, nn.Conv2d)][1:]
    assert max(weights) / min(weights) < 1.05  # "weights of about the same length"
    plain, skip = ([0.1 * lengths(usual(kind, 0))[k] / weights[k] for k in (0, -1)] for kind in (False, True))
    assert 0.25 < plain[0] < 0.42 and plain[1] < 0.01  # "about a third", "less than a hundredth"
    assert 0.04 < skip[0] < 0.06 and 0.01 < skip[1] < 0.03  # "about 5 % and 2 %"


def test_without_batch_norm_it_depends_on_the_initial_weights(images: ImageSet) -> None:
    ends = slice(None, None, 29)  # the first and the last of thirty
    default = lengths(gradients(images, False, norms=False, wanted=ends))
    assert default[0] < 1e-9 * default[-1]
    for seed in (0, 1, 2):
        he = lengths(gradients(images, False, seed, norms=False, he=True, wanted=ends))
        assert 0.4 < he[0] / he[-1] < 1.2


def test_two_batches_agree_about_a_middle_layer_with_skip_connections_alone(
    data: Cifar10, usual: Callable[..., list[Tensor]]
) -> None:
    next_batch = data.split()[0].subset(slice(100, 200))
    for skip, seed in product((False, True), (0, 1, 2)):  # whatever the random start
        (other,) = gradients(next_batch, skip, seed, wanted=slice(14, 15))
        alike = float(nn.functional.cosine_similarity(usual(skip, seed)[14].flatten(), other.flatten(), dim=0))
        assert 0.3 < alike < 0.9 if skip else abs(alike) < 0.15


@pytest.mark.records
def test_the_deeper_network_is_worse_on_its_training_images_too() -> None:
    for seed in ("", "-seed-1", "-seed-2"):
        shallow, deep = (load_run(name + seed) for name in ("depth-shallow", "depth-plain"))
        assert deep.metrics["training"]["loss"] > shallow.metrics["training"]["loss"]
        assert deep.metrics["validation"]["accuracy"] < shallow.metrics["validation"]["accuracy"]
        convolutions = [sum(isinstance(m, nn.Conv2d) for m in run.recipe.model().modules()) for run in (shallow, deep)]
        assert convolutions == [9, 27]
        assert {(run.recipe.epochs, run.recipe.train_images) for run in (shallow, deep)} == {(10, 10_000)}
    assert right("deeper") == "Its training loss is higher, and its validation accuracy lower."


CHANGES = {
    "A one-cycle rate instead of the constant rate of 0.1": "ladder-one-cycle",
    "Leaving out dropout": "ladder-no-dropout",
    "Skip connections": "ladder-residual",
    "Two more convolutions per stage": "ladder-deeper",
}


@pytest.mark.records
def test_the_largest_gain_is_the_one_that_the_records_show() -> None:
    gains = {rung.run: measured(rung).gain for rung in ABLATIONS if rung.base and rung.views == 1}
    question = ALL["largest_gain"]
    assert isinstance(question, Choice) and set(CHANGES) == {option.text for option in question.options}
    for option, mean in zip(question.options, question.measured(), strict=True):  # type: ignore[misc]
        assert mean == pytest.approx(100 * gains[CHANGES[option.text]].mean)  # type: ignore[union-attr]
    best, *others = sorted((gains[run] for run in CHANGES.values()), key=lambda gain: -gain.mean)  # type: ignore[union-attr]
    assert best == gains[CHANGES[right("largest_gain")]] and best is not None
    assert best.low > max(other.high for other in others if other)  # the intervals do not even touch


# --- quiz --------------------------------------------------------------------------------------------------------


def test_a_block_with_a_skip_connection_passes_its_input_through_if_its_layers_give_zeros() -> None:
    values = torch.randn(2, 8, 4, 4, generator=torch.Generator().manual_seed(0)).relu()  # as after the block before
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
    question = ALL["quiz_08_3"]
    assert isinstance(question, Choice)
    spread = float(re.findall(r"standard deviation of ([\d.]+) points", question.ask)[0])
    one, other = (spread * torch.randn(20_000, 9, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    said = float(re.findall(r"standard deviation of ([\d.]+) points", question.options[0].says)[0])
    assert float((one[:, 0] - other[:, 0]).std()) == pytest.approx(said, abs=0.02)
    assert float((one - other).mean(1).std()) == pytest.approx(said / 3, abs=0.01)
    assert right("quiz_08_3").startswith("Train both with more seeds")


def test_six_views_call_one_network_six_times() -> None:
    called: list[int] = []

    class Counting(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            called.append(len(images))
            return images.flatten(1)[:, :10]

    TestTimeAugmentation(Counting(), shift=2)(torch.zeros(5, 3, 32, 32))
    assert sum(called) == 6 * 5 and right("quiz_08_4").startswith("Six times the work, for every prediction")


def test_the_figures_about_dawnbench_follow_from_those_in_the_question() -> None:
    hours, processors = (float(n) for n in re.findall(r"took ([\d.]+) hours on (\d+)", ALL["quiz_08_5"].ask)[0])
    told = " ".join(option.text for option in ALL["quiz_08_5"].options)  # type: ignore[union-attr]
    assert f"about {round(hours, -1):.0f} times as fast" in told
    assert f"More than {100 * math.floor(hours * processors / 2 / 100)} times" in told
    assert "everything that differs" in right("quiz_08_5")


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
    unchanged = sources(lambda values, change, kernel: values)
    assert unchanged[0] == unchanged[2] == goes_in


@pytest.mark.records
def test_the_interval_of_the_exercise_is_the_one_of_the_ladder_and_its_picture_shows_both_chances() -> None:
    new, base = (
        torch.stack([load_run(name + seed).correct() for seed in ("", "-seed-1", "-seed-2")])
        for name in ("ladder-residual", "ladder-deeper")
    )
    wanted = gain_interval(new, base)
    differences = (new.double() - base.double()).mean(0)
    found = solution("interval_of_gain")(differences, new.double().mean(1), base.double().mean(1), 2.776)
    assert [float(end) for end in found] == pytest.approx([wanted.low, wanted.high], abs=1e-6)
    page = pictures.gained(solution("interval_of_gain"))
    (low, high), (seeds_low, seeds_high), (images_low, images_high) = (
        (float(a), float(b)) for a, b in re.findall(r": ([+-]\d+\.\d) to ([+-]\d+\.\d)", page)
    )
    assert (low, high) == (round(100 * wanted.low, 1), round(100 * wanted.high, 1))
    assert low < seeds_low < seeds_high < high and low < images_low < images_high < high


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
