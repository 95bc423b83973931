"""What lesson 03 says in words is true of its stored outputs, of the records, and where no data are at hand."""

from __future__ import annotations

import re
import statistics
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import ALL, after_cell, right
from stored_lesson import StoredLesson
from torch import nn

from cifar_helpers import MLP, Cifar10, CifarCNN, count_parameters, load_run, normalise
from cifar_helpers.bug_gallery.inject import HEALTHY, symptoms
from cifar_helpers.checks.lesson_03.questions import without_each_part
from cifar_helpers.checks.questions import Choice
from cifar_helpers.kernels import receptive_field
from cifar_helpers.widgets.receptive_field import most_exciting


def stored(words: str, lesson: str = "03") -> str:
    """The text that the cell with these words shows, as the lesson is stored."""
    return StoredLesson(lesson).stored(words)


def prose() -> str:
    return StoredLesson("03").prose


# --- random weights -----------------------------------------------------------------------------------------------


def check_spreads(ratios: list[float]) -> None:
    """The spread of layer 1 as a multiple of that of layer 10: default, Kaiming, and both with batch norm."""
    default, kaiming, *normed = ratios
    assert default > 1000  # "nearly the same to the last layers"
    assert 1.5 < kaiming < default / 50  # "far less"
    assert all(0.8 < ratio < 1.25 for ratio in normed)  # "both lines are level"


@pytest.mark.records
def test_the_stored_spreads_are_as_the_lesson_describes_them() -> None:
    check_spreads([float(n.replace(",", "")) for n in re.findall(r"([\d,.]+) times", stored("by_layer ="))])


def test_the_spreads_are_so_on_sketches_too(sketches: Cifar10) -> None:
    many = normalise(sketches.split()[1].images[:100])
    spreads = after_cell("03", "def spreads", {"torch": torch, "nn": nn, "many": many})["spreads"]
    found = [spreads(kaiming, batch_norm) for batch_norm in (False, True) for kaiming in (False, True)]
    check_spreads([numbers[0] / numbers[-1] for numbers in found])


@pytest.mark.records
def test_a_pooling_layer_left_out_multiplies_the_inputs_by_four_and_the_parameters_by_nearly_four() -> None:
    found = re.findall(r"([\d,]+) inputs, +([\d,]+) parameters", stored("for pooled in"))
    inputs, parameters = ([int(n.replace(",", "")) for n in column] for column in zip(*found, strict=True))
    assert len(inputs) == 4
    assert all(more == 4 * fewer for fewer, more in pairwise(inputs))
    assert all(3.9 < more / fewer < 4 for fewer, more in pairwise(parameters))


@pytest.mark.records
def test_outputs_differ_in_training_mode_and_not_in_eval_mode() -> None:
    lines = stored("dropping =").splitlines()
    training = [line for line in lines if line.startswith("dropout on")]
    evaluating = [line for line in lines if line.startswith("dropout off")]
    assert len(set(training)) == len(training) == 3 and len(evaluating) == 2 and len(set(evaluating)) == 1


@pytest.mark.records
def test_the_first_loss_is_near_ln_ten() -> None:
    shown = stored("untrained =")
    loss, log = (float(n) for n in re.findall(r"(?:loss |ln 10 = )(\d+\.\d+)", shown))
    assert log == pytest.approx(2.303) and loss == pytest.approx(log, abs=0.05)
    low, high = (float(n) for n in re.findall(r"[+-]\d\.\d+", shown)[:2])
    assert max(-low, high) < 0.2  # "all ten logits are near zero"


def test_large_random_logits_cost_more_than_ln_ten() -> None:
    """Random weights alone are not the reason for a first loss of ln 10: they must be small."""
    logits, labels = 2 * torch.randn(5000, 10, generator=torch.Generator().manual_seed(0)), torch.arange(5000) % 10
    assert float(nn.functional.cross_entropy(logits, labels)) > 2.303 + 0.5


def test_the_default_weights_are_about_two_and_a_half_times_smaller_than_those_of_kaiming() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 64, 3)
    default = float(layer.weight.detach().std())
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert float(layer.weight.detach().std()) / default == pytest.approx(6**0.5, rel=0.03)  # "about 2.4 times"


@pytest.mark.parametrize("between", ["nothing", "max pooling"])
def test_without_pooling_the_last_kernels_see_7_pixels_and_with_it_18(between: str) -> None:
    """The one of the prediction keeps a single pooling, after the last kernels."""
    pooling = [(2, 2)] if between == "max pooling" else []
    layers = [(3, 1), *pooling, (3, 1), *pooling, (3, 1)]
    side = receptive_field(layers)[-1]
    question = ALL["without_each_part"]
    assert isinstance(question, Choice)
    (option,) = (option for option in question.options if "without pooling" in option.text)
    assert side == (18 if pooling else 7)
    assert f"{side} × {side}" in (option.says if pooling else option.text)


def test_two_small_layers_have_fewer_weights_than_a_larger_one_where_the_channels_stay_as_many() -> None:
    assert "18 weights instead of 25" in prose() and "number of channels stays the same" in prose()

    def weights(*channels: int, side: int) -> int:
        return sum(nn.Conv2d(a, b, side, bias=False).weight.numel() for a, b in pairwise(channels))

    assert weights(16, 16, 16, side=3) == 18 * 16 * 16 and weights(16, 16, side=5) == 25 * 16 * 16
    assert weights(3, 8, 4, side=3) > weights(3, 4, side=5)  # as in the cells above: the condition is needed


def test_the_mlp_has_about_as_many_parameters_as_the_network() -> None:
    assert "about as many parameters as our network" in prose()
    assert count_parameters(MLP(hidden=(384, 256))) == pytest.approx(count_parameters(CifarCNN()), rel=0.01)


def test_in_training_mode_batch_norm_hides_pixels_that_are_not_normalised(sketches: Cifar10) -> None:
    images, labels = sketches.train_images[:300], sketches.train_labels[:300]
    assert "in training mode our network starts near ln 10 even with pixels from 0 to 255" in prose()
    for seed in range(3):
        torch.manual_seed(seed)
        with torch.no_grad():
            losses = [
                float(nn.functional.cross_entropy(model(images.float()), labels)) for model in (CifarCNN(), MLP())
            ]
        assert losses[0] == pytest.approx(2.303, abs=0.1) and losses[1] > 10


def test_after_a_second_softmax_outputs_add_up_to_one_the_loss_stays_high_and_training_is_slow() -> None:
    certain = torch.tensor([[50.0] + [-50.0] * 9]).softmax(1)
    assert float(certain.sum()) == pytest.approx(1) and "outputs that already add up to 1" in prose()
    floor = float(nn.functional.cross_entropy(certain, torch.tensor([0])))
    healthy, twice = (symptoms()[name] for name in (HEALTHY, "softmax before cross-entropy"))
    assert min(twice.train_loss) > floor == pytest.approx(1.46, abs=0.005)
    assert "the gradients are about ten times smaller" in prose()
    torch.manual_seed(0)
    logits = CifarCNN().eval()(torch.randn(100, 3, 32, 32)).detach().requires_grad_()
    labels = torch.arange(100) % 10
    once, again = (
        torch.autograd.grad(nn.functional.cross_entropy(given, labels), logits)[0].norm()
        for given in (logits, logits.softmax(1))
    )
    assert float(once / again) == pytest.approx(10, rel=0.1)
    assert twice.gradient[0] < healthy.gradient[0] / 2
    assert twice.validation_accuracy[-1] < healthy.validation_accuracy[-1] - 0.05  # "so it learns slowly"


@pytest.mark.records
def test_the_convolutions_do_nearly_all_the_arithmetic() -> None:
    assert "share of the multiplications: 10 %" in stored("joining =")
    assert 864 * 1024 == 884_736 and "864 × 1,024 = 884,736" in prose()


@pytest.mark.records
def test_the_losses_by_probability_are_as_the_lesson_says() -> None:
    losses = [float(n) for n in re.findall(r"loss ([\d.]+)", stored("math.log(1 / given)"))]
    assert losses[0] == 0 and losses[2:] == pytest.approx([2.30, 4.61, 6.91])  # "the same 2.30" for each tenth


@pytest.mark.records
def test_the_trained_network_is_sure_of_the_horse() -> None:
    found = re.search(r"^horse .+ ([\d.]+) %$", stored("exponentials ="), re.M)
    assert found and float(found[1]) > 90


@pytest.mark.records
def test_the_frames_are_those_of_the_table_in_lesson_02() -> None:
    sizes = [int(n) for n in re.findall(r"(\d+) × \d+", stored("receptive_field([(3, 1), (2, 2)] * 3)", "02"))]
    assert sizes == [3, 4, 8, 10, 18, 22] and "3, 4, 8, 10, 18 and 22 pixels wide" in prose()


# --- networks without a kind of layer ---------------------------------------------------------------------------------

SEEDS = ("", "-seed-1", "-seed-2")
PARTS = {
    "all layers": "parts-all",
    "without ReLU": "parts-no-relu",
    "without batch norm": "parts-no-batch-norm",
    "without pooling": "parts-no-pooling",
    "without dropout": "parts-no-dropout",
}


def accuracies(part: str, name: str = "validation") -> list[float]:
    """In percent, of the three runs."""
    return [100 * load_run(name_of_run).metrics[name]["accuracy"] for name_of_run in runs_of(part)]


def runs_of(part: str) -> list[str]:
    return [PARTS[part] + seed for seed in SEEDS]


def means(name: str = "validation") -> dict[str, float]:
    return {part: statistics.mean(accuracies(part, name)) for part in PARTS}


@pytest.mark.records
def test_the_runs_differ_in_the_part_and_the_seed_alone() -> None:
    whole = load_run("parts-all").recipe
    assert whole.train_images == 10_000 and whole.epochs == 10
    assert "10 epochs, 10,000 of the 40,000 training images" in prose()
    assert whole.flip and not (whole.shift or whole.cutout or whole.mixup)  # "the mirroring of the images" alone
    for part in PARTS:
        for seed, name in enumerate(runs_of(part)):
            recipe = load_run(name).recipe
            assert recipe.seed == seed
            removed = {"without ReLU": "relu", "without batch norm": "batch norm", "without pooling": "pooling"}
            assert recipe.without == removed.get(part, "")
            assert recipe.dropout == (0 if part == "without dropout" else whole.dropout)
            assert replace(recipe, about="", without="", dropout=0, seed=0) == replace(whole, about="", dropout=0)


@pytest.mark.records
def test_the_stored_differences_are_those_of_the_records() -> None:
    lines = stored("bootstrap_interval(by_image)")
    reached = means()
    for part in list(PARTS)[1:]:
        (found,) = re.findall(rf"^{part} +(\S+) points, 95 % interval (\S+) to (\S+)$", lines, re.M)
        mean, low, high = map(float, found)
        assert mean == pytest.approx(reached[part] - reached["all layers"], abs=0.051)
        assert low < mean < high


@pytest.mark.records
def test_batch_norm_matters_most_in_the_short_runs_pooling_and_relu_a_few_points_and_dropout_none() -> None:
    reached = means()
    lost = {part: reached["all layers"] - reached[part] for part in PARTS}
    assert 13 < lost["without batch norm"] < 17 and right("without_each_part").startswith("The one without batch norm")
    assert all(1.5 < lost[part] < 5 for part in ("without pooling", "without ReLU"))
    assert -3 < lost["without dropout"] < 0
    order = ("without ReLU", "without pooling", "without dropout", "without batch norm")  # of the options
    assert without_each_part() == pytest.approx([-lost[part] for part in order])
    for part in ("without batch norm", "without pooling", "without ReLU"):  # whatever the seed
        assert max(accuracies(part)) < min(accuracies("all layers"))
    # "ends slightly higher": in each pair of runs with one seed
    pairs = zip(accuracies("without dropout"), accuracies("all layers"), strict=True)
    assert all(without > whole for without, whole in pairs)


@pytest.mark.records
def test_what_the_networks_have_learned_of_their_training_images() -> None:
    learned = means("training")
    printed = re.findall(r"^(.+?) +classifies (\d+) %", stored("learned ="), re.M)
    assert {part: round(percent) for part, percent in learned.items()} == {part: int(n) for part, n in printed}
    assert learned["without batch norm"] < learned["all layers"] - 15  # "far behind, on its training images too"
    assert learned["without dropout"] > learned["all layers"]  # said of the option in the prediction
    assert all(learned["without batch norm"] < learned[part] - 5 for part in PARTS if part != "without batch norm")


# --- a CNN and an MLP -----------------------------------------------------------------------------------------------


@pytest.mark.records
def test_shuffling_costs_the_cnn_many_points_and_the_mlp_next_to_none() -> None:
    found = re.findall(r"((?:CNN|MLP), \w+) ([\d.]+)%", stored("figures.bars(results"))
    accuracy = {name: float(percent) for name, percent in found}
    assert len(accuracy) == 4
    assert accuracy["CNN, normal"] - accuracy["CNN, shuffled"] > 10
    assert abs(accuracy["MLP, normal"] - accuracy["MLP, shuffled"]) < 3


@pytest.mark.real
def test_nearest_class_mean_is_right_a_little_over_a_quarter_of_the_time(real_data: Cifar10) -> None:
    train, validation = real_data.split()
    flat = train.images.flatten(1).float()
    means = torch.stack([flat[train.labels == k].mean(0) for k in range(10)])
    correct = torch.cdist(validation.images.flatten(1).float(), means).argmin(1) == validation.labels
    assert 0.25 < float(correct.float().mean()) < 0.28  # "a little over a quarter"
    assert len(train) == 10 * 4000  # "ten times as many images"


# --- what the layers see --------------------------------------------------------------------------------------------


def zeros(model: CifarCNN, images: torch.Tensor) -> list[int]:
    """Share of zeros after ReLU in each block, in percent."""
    values, shares = normalise(images), []
    for four_layers in model.features:
        with torch.no_grad():
            shares.append(round(100 * float((four_layers[:3](values) == 0).float().mean())))
            values = four_layers(values)
    return shares


def check_zeros(trained: list[int], fresh: list[int]) -> None:
    added = [after - before for after, before in zip(trained, fresh, strict=True)]
    assert 0 < added[0] < 12 and added[0] < added[1] < added[2]  # "few", and "the deeper the block, the more it adds"
    assert trained[2] > 70 and 40 < fresh[2] < 60  # "from about half zeros to four fifths"


def test_training_adds_the_more_zeros_the_deeper_the_block_on_sketches(sketches: Cifar10) -> None:
    images = sketches.split()[1].images[:51]
    torch.manual_seed(0)
    fresh = CifarCNN().eval()
    trained: Any = load_run("good-25").model()
    assert not trained.training  # "comes in eval mode"
    check_zeros(zeros(trained, images), zeros(fresh, images))


@pytest.mark.records
def test_the_stored_shares_of_zeros_say_the_same() -> None:
    trained, fresh = (
        [int(n) for n in re.findall(r"(\d+) %", line)] for line in stored("zeros after ReLU").splitlines()
    )
    check_zeros(trained, fresh)


@pytest.mark.records
def test_relu_leaves_nothing_below_zero_in_the_stored_maps() -> None:
    for words in ("figures.feature_maps(picture, first_block)", "figures.feature_maps(picture, later_blocks)"):
        shares = re.findall(r"ReLU: [^;]+?, (\d+) % of the numbers below zero and (\d+) % zero", stored(words))
        assert shares and all(below == "0" and int(zero) > 0 for below, zero in shares)
    last = re.search(r"block 3, pooling: 128 maps, 4 × 4, .+ and (\d+) % zero", stored("later_blocks)"))
    assert last and int(last[1]) > 25  # "many of them zero"


@pytest.mark.records
def test_random_weights_give_each_class_about_a_tenth_and_the_trained_network_decides() -> None:
    fresh, trained = (int(n) for n in re.findall(r"most likely \w+, (\d+) %", stored("probability_bars(")))
    assert 10 <= fresh <= 13 and trained > 80


@pytest.mark.records
def test_the_rows_of_block_3_are_mostly_of_one_class() -> None:
    counts = re.findall(r"block 3, ReLU, channel \d+, sees 18 × 18 pixels, (\d) of 8", stored("exciting_pictures("))
    assert len(counts) == 3 and all(int(count) > 4 for count in counts)


@pytest.mark.records
def test_the_networks_compared_are_as_the_lesson_says() -> None:
    assert load_run("good-25").config["data"]["train images"] == 40_000 and "after training on 40,000" in prose()
    ours, resnet = (float(n) for n in re.findall(r"([\d.]+) million", stored("published ="))[:2])
    assert resnet / ours == pytest.approx(4 / 3, abs=0.05)  # "about a third more"


@pytest.mark.real
def test_the_first_row_shares_red(real_data: Cifar10) -> None:
    images = real_data.split()[1].subset(slice(0, 1000)).images
    found = most_exciting(load_run("good-25").model(), images)["block 1, ReLU"]
    for number, unit in zip(found.pictures[19].tolist(), found.places[19].tolist(), strict=True):
        row, column = divmod(unit, 32)
        seen = images[number].float()[:, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].mean((1, 2))
        assert seen[0] > 1.5 * seen[1:].max()  # red above green and blue


@pytest.mark.real
def test_many_channels_of_block_3_mix_classes(real_data: Cifar10) -> None:
    part = real_data.split()[1].subset(slice(0, 1000))
    found = most_exciting(load_run("good-25").model(), part.images)["block 3, ReLU"]
    most = torch.tensor([int(part.labels[pictures].bincount(minlength=10).max()) for pictures in found.pictures])
    assert (most <= 4).float().mean() > 0.5


def test_pixels_near_the_middle_of_the_field_matter_more_than_those_at_its_rim(sketches: Cifar10) -> None:
    assert "pixels near its middle usually matter more" in prose()
    model = load_run("good-25").model()
    pictures = normalise(sketches.split()[1].images[:20]).requires_grad_()
    maps = model.features[2][:3](model.features[:2](pictures))  # block 3, ReLU
    middle, field = slice(5 + 5, 5 + 13), slice(5, 5 + 18)  # of the unit in row 3 and column 3
    shares = []
    for units in maps[:, ::8, 3, 3].T:
        slopes = torch.autograd.grad(units.sum(), pictures, retain_graph=True)[0].abs().sum(1)
        assert torch.allclose(slopes[:, field, field].sum(), slopes.sum())
        shares.append((slopes[:, middle, middle].sum((1, 2)) / slopes.sum((1, 2)))[units > 0])
    assert len(torch.cat(shares)) > 50
    assert (torch.cat(shares) > 8**2 / 18**2).float().mean() > 0.9
