"""What the questions and pictures of lesson 03 say is true of the network and of what the lesson computes."""

from __future__ import annotations

import html
import itertools
import math
import re
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import ALL, after_cell, random_images, right, solution, truth
from torch import nn

from cifar_helpers import MLP, Cifar10, CifarCNN, ImageSet, checks, count_parameters, normalise
from cifar_helpers.checks.lesson_03 import pictures
from cifar_helpers.data import CLASSES
from cifar_helpers.inference import percent

LOSS = nn.functional.cross_entropy


def refusing(model: nn.Module, images: torch.Tensor) -> str:
    """What PyTorch says against these images."""
    with pytest.raises(RuntimeError) as error:
        model(images)
    return str(error.value)


# --- predictions -------------------------------------------------------------------------------------------------


def test_nearly_all_parameters_sit_in_the_linear_layers() -> None:
    names = after_cell("03", "linear / by_hand", {"network": CifarCNN()})
    assert truth("linear_share") == pytest.approx(100 * names["linear"] / names["by_hand"])
    assert names["convolutions"] < 512 * 2049 / 10  # "fewer than a tenth of what the first linear layer has"
    assert 90 < truth("linear_share") < 95 and count_parameters(CifarCNN().features[2][0]) == 73_856


def test_two_convolutions_are_one_of_five_by_five_and_relu_makes_them_more() -> None:
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    names = after_cell("03", "responses =", {"torch": torch, "nn": nn, "images": images})
    names = after_cell("03", "one_layer =", names)
    assert names["kernels"].shape[2:] == (5, 5) and "5 × 5" in right("two_convolutions")
    bare = names["second"](names["first"](images))
    bent = names["second"](names["first"](images).relu())
    assert torch.allclose(bare, names["one_layer"], atol=1e-5)
    assert (bent - names["one_layer"]).abs().max() > 0.1


@pytest.mark.parametrize("data", ["sketches", pytest.param("real_data", marks=pytest.mark.real)])
def test_with_default_weights_each_layer_keeps_a_quarter_to_a_half_of_the_differences(
    data: str, request: pytest.FixtureRequest
) -> None:
    many = normalise(request.getfixturevalue(data).split()[1].images[:100])
    spreads = after_cell("03", "def spreads", {"torch": torch, "nn": nn, "many": many})["spreads"]
    bare = spreads(kaiming=False, batch_norm=False)
    kept = [after / before for before, after in pairwise(bare)]
    assert 0.2 < min(kept) < 0.3 and 0.45 < max(kept) < 0.55
    assert len(kept) == 9 and math.prod(kept) ** (1 / 9) == pytest.approx(0.4, abs=0.05)  # "about 0.4 on average"
    assert 0.4**9 < 1 / 3000 and "0.4⁹ is less than 1/3,000" in ALL["ten_layers"].options[1].says  # type: ignore[union-attr]
    assert bare[0] > 1000 * bare[-1] and "Thousands of times less" in right("ten_layers")


@pytest.mark.slow
def test_shuffled_pixels_cost_the_cnn_and_not_the_mlp(sketches: Cifar10) -> None:
    train, validation = sketches.split()
    names: dict[str, Any] = {"torch": torch, "ImageSet": ImageSet}
    # Half as many as in the lesson: shuffling costs the CNN 33 points, and another thousand images show the same.
    names |= {"small": train.subset(slice(0, 1000)), "held_out": validation.subset(slice(0, 500))}
    names = after_cell("03", "def accuracy", after_cell("03", "def shuffle", names))
    lost = {}
    for kind, options in ((CifarCNN, {"dropout": 0.0}), (MLP, {"hidden": (384, 256)})):
        normal, shuffled = (names["accuracy"](kind, f, **options) for f in (lambda part: part, names["shuffle"]))
        lost[kind.__name__] = normal - shuffled
    assert lost["CifarCNN"] > 0.1 > 2 * abs(lost["MLP"])
    assert right("shuffled_pixels").startswith("The CNN")


def test_shuffling_loses_no_pixel() -> None:
    images = random_images(2)
    shuffled = after_cell("03", "def shuffle", {"torch": torch, "ImageSet": ImageSet})["shuffle"](images)
    assert not torch.equal(shuffled.images, images.images)
    assert torch.equal(shuffled.images.flatten(2).sort(2).values, images.images.flatten(2).sort(2).values)


def test_softmax_twice_costs_what_the_lesson_computes_by_hand() -> None:
    assert truth("softmax_twice") == pytest.approx(-math.log(math.e / (math.e + 9)), abs=1e-6)
    said = ALL["softmax_twice"].says  # type: ignore[union-attr]
    assert "about 23 %" in said and round(100 * math.e / (math.e + 9)) == 23


# --- quiz --------------------------------------------------------------------------------------------------------


def test_a_fourth_block_makes_the_network_smaller() -> None:
    block = after_cell("03", "def block(", {"nn": nn, "images": torch.zeros(1, 3, 32, 32)})["block"]
    third, fourth = count_parameters(block(64, 128)), count_parameters(block(128, 256))
    behind = nn.Sequential(CifarCNN().features, block(128, 256)).eval()(torch.zeros(1, 3, 32, 32)).numel()
    saved = 512 * (2048 - behind)
    *_, falls, deeper = ALL["quiz_03_1"].options  # type: ignore[union-attr]
    assert all(f"{number:,}" in falls.says for number in (behind, saved, fourth))
    assert all(f"{number:,}" in deeper.says for number in (third, fourth))
    assert saved > fourth and "It falls: the linear layer loses more" in right("quiz_03_1")


def test_the_error_without_padding_is_mended_by_the_inputs_of_the_linear_layer() -> None:
    def bare(inputs: int) -> nn.Module:
        blocks = [
            part
            for a, b in pairwise([3, 32, 64, 128])
            for part in (nn.Conv2d(a, b, 3), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2))
        ]
        return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(inputs, 10)).eval()

    images = torch.zeros(1, 3, 32, 32)
    error = re.search(r"mat1 and mat2.*\)", refusing(bare(2048), images))
    assert error and error[0] in ALL["quiz_03_2"].ask
    assert bare(512)(images).shape == (1, 10) and "from 2048 to 512" in right("quiz_03_2")


def test_two_answers_to_one_picture_come_from_the_mode() -> None:
    torch.manual_seed(0)
    model, images = CifarCNN(), torch.randn(4, 3, 32, 32)

    def twice() -> bool:
        return torch.equal(model(images), model(images))

    model.classifier.train()
    model.features.eval()
    assert not twice()
    with torch.no_grad():
        assert not twice()
    model.eval()
    assert twice() and "eval()" in right("quiz_03_3")


def test_a_first_loss_of_twenty_comes_from_raw_pixels_and_not_from_softmax_twice(sketches: Cifar10) -> None:
    images, labels = sketches.train_images[:300], sketches.train_labels[:300]
    raw, usual, twice = [], [], []
    for seed in range(5):
        torch.manual_seed(seed)
        model = MLP()
        with torch.no_grad():
            logits = model(images.float())
            raw.append(float(LOSS(logits, labels)))
            twice.append(LOSS(logits.softmax(1), labels, reduction="none"))
            usual.append(float(LOSS(model(normalise(images)), labels)))
    assert min(raw) > 10 and max(abs(loss - math.log(10)) for loss in usual) < 0.1
    assert "0 to 255" in right("quiz_03_4")
    least, greatest = (float(edge) for edge in (torch.cat(twice).min(), torch.cat(twice).max()))
    assert "between 1.46 and 2.46" in ALL["quiz_03_4"].options[1].says  # type: ignore[union-attr]
    assert (round(least, 2), round(greatest, 2)) == (1.46, 2.46)


def test_larger_pictures_need_more_parameters_in_the_first_linear_layer_alone() -> None:
    network = CifarCNN().eval()
    images = torch.zeros(1, 3, 64, 64)
    assert network.features(images).shape == (1, 128, 8, 8)  # the convolutions take them as they are
    assert "1x8192 and 2048x512" in refusing(network, images)
    network.classifier[1] = nn.Linear(8192, 512)
    assert network(images).shape == (1, 10) and "Only the first linear layer" in right("quiz_03_5")


# --- networks that the learner builds -----------------------------------------------------------------------------


class InAList(nn.Module):
    """It computes what it should, and PyTorch finds none of its parameters."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers: Any = [solution("double_block")(inputs, outputs)]

    def forward(self, images: torch.Tensor) -> Any:
        return self.layers[0](images)


def test_layers_in_a_plain_list_are_noticed_whatever_they_compute() -> None:
    assert checks.double_block(InAList).says == checks.double_block.replies["not_registered"]


def test_dropout_before_relu_is_right_too() -> None:
    def reordered(inputs: int, first: int, second: int) -> nn.Module:
        layers = [nn.Flatten(), nn.Linear(inputs, first), nn.Dropout(0.25), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(first, second), nn.Dropout(0.25), nn.ReLU(), nn.Linear(second, 10))

    assert checks.classifier(reordered).state == "right"


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (nn.Sequential, "it returns a class. Call it"),
        (3, "it returns an int. Return a network"),
        ([nn.ReLU()], "a list"),
    ],
)
def test_what_is_no_network_hears_what_to_return(returned: Any, says: str) -> None:
    verdicts = [checks.classifier(lambda *_: returned), checks.double_block(lambda *_: returned)]
    assert all(verdict.state == "wrong" and says in verdict.says for verdict in verdicts)


def test_layers_that_do_not_fit_are_reported_in_the_words_of_pytorch() -> None:
    unflattened = checks.classifier(lambda inputs, *_: nn.Sequential(nn.Linear(inputs, 10)))
    assert "mat1 and mat2 shapes cannot be multiplied" in unflattened.says


# --- pictures of right answers -----------------------------------------------------------------------------------


def test_the_picture_of_shapes_counts_the_numbers_of_the_answer() -> None:
    page = pictures.narrowing(solution("shapes"))
    assert "256 × 2 × 2 = 1,024" in page and "1,024 numbers would reach the linear layers instead of 2,048" in page
    assert "7 × 1 × 1 = 7" in pictures.narrowing(lambda channels, *_: [(7, 1, 1)] * 4)


def test_the_picture_of_batch_norm_shows_what_the_answer_makes_of_the_channels() -> None:
    page = pictures.levelled(solution("batch_norm"))
    assert "fter your batch norm: means 0, standard deviations 1." in page
    before = re.search(r"Before: means (\S+ to \S+), standard deviations (\S+ to \S+);", page)
    assert before and page.count("<polygon") == 2
    unchanged = pictures.levelled(lambda x, scale, shift: x)
    assert f"fter your batch norm: means {before[1]}, standard deviations {before[2]}." in unchanged


def test_the_picture_of_softmax_gives_ten_shares_beside_what_comes_without_subtracting() -> None:
    page = pictures.shared_out(solution("softmax"))
    logits = re.findall(r"scope='row'[^>]*>(\w+)</th><td[^>]*>([^<]+)</td>", page)
    assert len(logits) == 10 and {("cat", "103.31"), ("truck", "98.22")} <= set(logits)  # beside what becomes of them
    assert ">logit&nbsp;+&nbsp;c</th>" in page
    cells = [html.unescape(words) for words in re.findall(r"<td[^>]*min-width[^>]*>([^<]+)</td>", page)]
    assert len(cells) == 22 and all(" %" in own for own in cells[::2])  # class by class, and their sums
    assert cells[1::2] == ["nan"] * 11 and cells[-2] == "100 %"  # a stored page keeps the last stop, where all broke
    assert "with <span" in page and ">100</span> added" in page and "c = <b" in page
    bars = re.findall(r"height:1em;width:([^']+)'", page)
    assert bars[1::2] == ["0"] * 10 and all(bar.startswith("max(1px") for bar in bars[::2])
    even = pictures.shared_out(lambda logits: torch.full_like(logits, 0.1))
    assert even.count(">10 %<") == 10


def stops_of(page: str) -> list[list[str]]:
    """What a card shows at each stop of its scale, for each element that changes."""
    changing = [words.split("|") for words in re.findall(r"data-stops='([^']+)'", page.replace("\xa0", " "))]
    return [list(itertools.accumulate(words, lambda before, word: word or before)) for words in changing]


def test_exponentials_overflow_one_after_the_other_on_the_scale_of_the_picture_of_softmax() -> None:
    page = pictures.shared_out(solution("softmax"))
    scale = stops_of(page)
    assert {len(words) for words in scale} == {101}
    added = next(words for words in scale if words[-1] == "100")
    assert added == [str(k) for k in range(101)]  # so that the handle is where its number is
    _, without = (words for words in scale if words[0].startswith("For cat"))
    shares = [words for words in scale if re.fullmatch(r"nan|[\d<]+ %|&lt;1 %", words[-1])]
    own, naive = shares[:20:2], shares[1:20:2]
    assert all(len(set(words)) == 1 for words in own) and [words[0] for words in own] == [words[0] for words in naive]
    lost = [sum(words[k] == "nan" for words in naive) for k in range(101)]
    assert lost == sorted(lost) and len(set(lost)) > 4 and (lost[0], lost[-1]) == (0, 10)
    first = lost.index(1)  # only the cat's, and what is divided by infinity is 0
    assert [words[first] for words in naive] == ["nan" if name == "cat" else "0 %" for name in CLASSES]
    assert ["inf" in remark for remark in without] == [count > 0 for count in lost]
    assert ["finite" in remark for remark in without] == [0 < count < 10 for count in lost]  # where zeros are shown
    for k, bars in itertools.product(range(101), (words for words in scale if "round" in words[0])):
        assert bars[k] == bars[0] or lost[k], "bars stay until they collapse"
    assert sum(words[-1] == "0" and "round" in words[0] for words in scale) == 10
    shown = re.sub(r" data-stops='[^']+'", "", page).replace("\xa0", " ")
    largest = r"the largest float32 is 3\.4·10³⁸ ≈ exp\(([\d.]+)\)"
    found = re.search(rf"At (\d+): {largest}, so exp\(3\.31 \+ \1\) = exp\(([\d.]+)\) = inf\.", shown)
    assert found and int(found[1]) == first and f"{torch.finfo(torch.float32).max:.1e}" == "3.4e+38"
    limit, logit = torch.tensor(float(found[2])), torch.tensor(float(found[3]))
    assert (limit - 0.01).exp().isfinite() and (limit + 0.01).exp().isinf() and logit > limit > logit - 1
    assert float(found[3]) == pytest.approx(3.31 + first)


def read(words: str) -> float:
    """A number that may be written with a power of ten."""
    return float(words.replace("·10", "e").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")))


def test_the_logits_in_the_picture_of_softmax_are_those_that_its_shares_come_from() -> None:
    page = pictures.shared_out(solution("softmax"))
    scale = [words for words in stops_of(page) if len(set(words)) == 101 and "." in words[0] and "For" not in words[0]]
    assert len(scale) == len(CLASSES)
    shares = [words for words in stops_of(page) if re.fullmatch(r"[\d<]+ %|&lt;1 %", words[-1])]
    for k in range(101):
        shown = [words[k].replace("−", "-") for words in scale]
        assert shown == [f"{float(words[0].replace('−', '-')) + k:.2f}" for words in scale]
        powers = [math.exp(float(logit)) for logit in shown]  # what a calculator gives
        own = [html.unescape(words[k]) for words in shares]
        assert own == [*(percent(power / sum(powers)) for power in powers), "100 %"]


def test_the_spoken_value_of_the_scale_of_softmax_has_both_shares_of_the_cat() -> None:
    page = pictures.shared_out(solution("softmax"))
    _, without = (words for words in stops_of(page) if words[0].startswith("For cat"))
    spoken = stops_of(page.replace("data-stops", "").replace("data-spoken", "data-stops"))[0]
    for line, said in zip(without, spoken, strict=True):
        other = re.findall(r"= (77 %|nan)", line)[0]
        assert said == f"cat: your softmax 77 %, without subtracting {other}"


def test_the_lines_above_the_picture_of_softmax_compute_the_cats_probability_both_ways() -> None:
    subtracting, without = (
        words for words in stops_of(pictures.shared_out(solution("softmax"))) if words[0].startswith("For cat")
    )
    assert subtracting[0] == "For cat, subtracting the largest: exp(3.31 − 3.31) = 1; 1 / 1.30 = 77 %."
    for k, line in enumerate(subtracting):
        assert f"exp({k + 3.31:.2f} − {k + 3.31:.2f}) = 1; 1 / 1.30 = 77 %" in line
    assert "exp(3.31) = 27.39; 27.39 / 35.71 = 77 %." in without[0] and "exp(53.31) = 1.42·10²³;" in without[50]
    for k, line in enumerate(without):
        found = re.search(r"exp\(([\d.]+)\) = (\S+); (\S+) / (\S+) = (\d+ %|nan)", line)
        assert found and found[1] == f"{k + 3.31:.2f}" and found[2] == found[3]
        power, whole = map(read, (found[3], found[4]))
        if math.isfinite(power):  # as a calculator has it
            assert power == pytest.approx(math.exp(float(found[1])), rel=6e-4)
        share = power / whole
        assert found[5] == ("nan" if math.isnan(share) else f"{100 * share:.0f} %")
    assert without[-1].endswith("exp(103.31) = inf; inf / inf = nan.")


def test_the_picture_of_cross_entropy_reads_the_answers_losses() -> None:
    page = pictures.costs(solution("cross_entropy"))
    assert f"{math.log(10):.2f} nats at 10 %, which is guessing, {math.log(2):.2f} at 50 %, and 0.01 at" in page
    bits = pictures.costs(lambda logits, labels: LOSS(logits, labels) / math.log(2))
    assert "1.00 at 50 %" in bits
