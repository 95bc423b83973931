"""CompactCNN, FastCNN and test-time augmentation, and that lesson 08 builds the same network."""

from __future__ import annotations

import pytest
import torch
from helpers import after_cell, random_images
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cifar_helpers import Cifar10, CifarCNN, count_parameters, load_run
from cifar_helpers.data import normalise
from cifar_helpers.models import CompactCNN, FastCNN, TestTimeAugmentation, _ConvBlock


def test_a_compact_network_has_the_parameters_that_its_text_says() -> None:
    def convolution(inputs: int, outputs: int) -> int:
        return outputs * (9 * inputs + 1) + 2 * outputs  # with its batch norm

    stages = sum(convolution(a, b) + 2 * convolution(b, b) for a, b in ((3, 32), (32, 64), (64, 128)))
    assert count_parameters(CompactCNN()) == stages + 128 * 10 + 10
    assert f"{count_parameters(CompactCNN()):,} parameters" in (CompactCNN.__doc__ or "")
    assert f"{count_parameters(FastCNN()):,} trained parameters" in (FastCNN.__doc__ or "")


def test_residual_and_plain_differ_by_the_addition_alone_and_the_relu_follows_it() -> None:
    torch.manual_seed(0)
    plain, residual = CompactCNN(residual=False).eval(), CompactCNN().eval()
    residual.load_state_dict(plain.state_dict())
    values = torch.randn(2, 32, 16, 16)
    without, with_it = (network.features[1] for network in (plain, residual))
    change = with_it.layers(values)
    assert torch.equal(without.layers(values), change) and change.min() < 0 < change.max()
    assert torch.equal(without(values), change.relu())
    assert torch.equal(with_it(values), (values + change).relu())
    assert plain(torch.randn(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(("depth", "blocks"), [(0, []), (1, [1]), (2, [2]), (5, [2, 2, 1]), (8, [2, 2, 2, 2])])
def test_further_convolutions_come_in_blocks_of_two(depth: int, blocks: list[int]) -> None:
    stages = CompactCNN((8, 8), depth).features
    found = [sum(isinstance(part, nn.Conv2d) for part in block.modules()) for block in stages]
    assert found == 2 * [1, *blocks]  # two stages, each with the convolution before its pooling


@pytest.mark.parametrize("wrong", [{"widths": ()}, {"widths": (8,) * 6}, {"widths": (8, 0)}, {"depth": -1}])
def test_a_compact_network_that_cannot_be_built_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"widths must|depth must"):
        CompactCNN(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("widths", [(8, 8), (8, 8, 0), ()])
def test_a_fast_network_that_cannot_be_built_is_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="3 stages"):
        FastCNN(widths)


def test_whitened_outputs_are_uncorrelated_and_of_variance_one(sketches: Cifar10) -> None:
    images = normalise(sketches.train_images[:500])
    network = FastCNN((8, 8, 8))
    network.whiten(images)
    with torch.no_grad():
        values = network.whitening(images)[:, :12].permute(1, 0, 2, 3).flatten(1).double()
    together = torch.cov(values)
    strong = together.diagonal() > 0.5  # the faintest directions are kept from being amplified
    assert int(strong.sum()) >= 4 and torch.allclose(
        together[strong][:, strong], torch.eye(int(strong.sum())).double(), atol=0.5
    )
    off = together - torch.diag(together.diagonal())
    assert off.abs().max() < 0.02
    first, second = network.whitening.weight.split(12)
    assert torch.equal(first, -second)


def test_whitening_is_not_trained_and_all_the_other_convolutions_start_as_the_identity() -> None:
    network = FastCNN((32, 48, 48))
    assert "whitening.weight" not in {n for n, p in network.named_parameters() if p.requires_grad}
    others = [part for part in network.features.modules() if isinstance(part, nn.Conv2d)]
    assert len(others) == 6
    for convolution in others:
        shared = min(convolution.in_channels, convolution.out_channels)
        values = torch.randn(1, convolution.in_channels, 8, 8)
        assert torch.allclose(convolution(values)[:, :shared], values[:, :shared], atol=1e-6)


def test_several_views_give_the_mean_of_what_each_gets() -> None:
    torch.manual_seed(0)
    network = CompactCNN((8,), depth=0).eval()
    images = normalise(random_images(6).images)
    with torch.no_grad():
        two = (network(images) + network(images.flip(3))) / 2
        assert torch.allclose(TestTimeAugmentation(network)(images), two, atol=1e-6)
        padded = nn.functional.pad(images, (1, 1, 1, 1), mode="reflect")
        corners = [images, padded[:, :, :32, :32], padded[:, :, 2:, 2:]]
        six = sum(network(x) + network(x.flip(3)) for x in corners) / 6
        assert torch.allclose(TestTimeAugmentation(network, shift=1)(images), six, atol=1e-6)
    with pytest.raises(ValueError, match="shift"):
        TestTimeAugmentation(network, shift=-1)


def layers(network: nn.Module) -> list[type[nn.Module]]:
    """Kinds of the layers that have weights or pool, in order; how ReLU is written does not matter."""
    leaves = [layer for layer in network.modules() if not list(layer.children())]
    return [type(layer) for layer in leaves if not isinstance(layer, nn.ReLU)]


def test_the_network_that_lesson_08_builds_is_the_compact_one() -> None:
    names = after_cell("08", "class Pair", {"torch": torch, "nn": nn})
    options = {"count_parameters": count_parameters, "CompactCNN": CompactCNN}
    written = after_cell("08", "stages = []", {**names, **options})["assembled"](skip=True).eval()
    packaged = CompactCNN().eval()
    weights = written.state_dict().values()
    packaged.load_state_dict(dict(zip(packaged.state_dict(), weights, strict=True)))
    images = normalise(random_images(4).images)
    assert torch.allclose(written(images), packaged(images), atol=1e-5)
    assert layers(written) == layers(packaged)


def test_the_pair_of_lesson_08_is_the_block_of_the_compact_network() -> None:
    names = after_cell("08", "class Pair", {"torch": torch, "nn": nn})
    for skip in (False, True):
        pair, block = names["Pair"](8, skip).eval(), _ConvBlock(8, 2, residual=skip).eval()
        block.load_state_dict(dict(zip(block.state_dict(), pair.state_dict().values(), strict=True)))
        values = torch.randn(2, 8, 6, 6)
        assert torch.allclose(pair(values), block(values), atol=1e-6)


@pytest.mark.records
def test_five_epochs_of_the_fast_network_beat_25_of_the_other_with_twice_the_arithmetic() -> None:
    fast, good = load_run("fast-5"), load_run("good-25")
    accuracies = [run.metrics["validation"]["accuracy"] for run in (fast, good)]
    assert accuracies[0] >= 0.9 > accuracies[1] and (fast.recipe.epochs, good.recipe.epochs) == (5, 25)
    forward = []
    for run in (fast, good):
        with FlopCounterMode(display=False) as counter:
            run.recipe.model().eval()(torch.randn(1, 3, 32, 32))
        forward.append(counter.get_total_flops())
    assert forward[0] / forward[1] == pytest.approx(10, abs=0.5)  # "each of them takes ten times the arithmetic"
    images = [run.config["data"]["train images"] for run in (fast, good)]
    assert images[0] == images[1] and 5 * forward[0] / (25 * forward[1]) == pytest.approx(2, abs=0.1)


def test_the_first_layer_of_the_courses_network_is_computed_from_patches_and_frozen(sketches: Cifar10) -> None:
    images = normalise(sketches.train_images[:500])
    network = CifarCNN()
    network.whiten(images)
    first = network.features[0][0]  # type: ignore[index]
    kernels, negatives = first.weight.detach().split(16)
    assert torch.equal(kernels, -negatives) and not first.weight.requires_grad and not first.bias.any()
    with torch.no_grad():
        values = nn.functional.conv2d(images, kernels).permute(1, 0, 2, 3).flatten(1).double()
    together = torch.cov(values)
    strong = together.diagonal() > 0.9
    assert int(strong.sum()) >= 6 and (together - torch.diag(together.diagonal())).abs().max() < 0.02
    # Ordered by variance: what the faint components keep after the division is less.
    assert together.diagonal()[-1] > together.diagonal()[0]
    assert first.bias.requires_grad


@pytest.mark.parametrize(("width", "set_by_data"), [(0.1, 2), (1.0, 32), (2.0, 54)])
def test_kernels_that_no_component_is_left_for_keep_their_values(
    width: float, set_by_data: int, sketches: Cifar10
) -> None:
    torch.manual_seed(0)
    network = CifarCNN(width=width)
    before = network.features[0][0].weight.detach().clone()  # type: ignore[index]
    network.whiten(normalise(sketches.train_images[:50]))
    changed = (network.features[0][0].weight.detach() != before).flatten(1).any(1)  # type: ignore[index]
    assert changed.tolist() == [True] * set_by_data + [False] * (len(before) - set_by_data)
