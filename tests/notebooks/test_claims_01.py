"""What lesson 01 says in its text is what its stored outputs show on CIFAR-10, or what the data gives."""

from __future__ import annotations

import re

import nbformat
import pytest
import torch
from helpers import NOTEBOOKS, after_cell

from cifar_helpers import CLASSES, Cifar10, denormalise, normalise
from cifar_helpers.data import MEAN

CELLS = nbformat.read(NOTEBOOKS / "01_dataset_tour.ipynb", as_version=4).cells
PROSE = " ".join(" ".join(cell.source.split()) for cell in CELLS if cell.cell_type == "markdown")
NUMBER = r"\d+\.\d+"


def stored(words: str) -> str:
    """What the code cell that contains the words printed or described, as it is stored."""
    (cell,) = [cell for cell in CELLS if cell.cell_type == "code" and words in cell.source]
    return "\n".join(output.get("text", "") or output.data["text/plain"] for output in cell.outputs)


def claims(sentence: str) -> None:
    """The text still says what is checked here."""
    assert sentence in PROSE, f"the lesson no longer says: {sentence}"


@pytest.mark.records
def test_the_nearest_class_mean_beats_guessing_by_more_than_its_interval() -> None:
    claims("Guessing is right 10 % of the time.")
    share, count, spread = re.findall(r"\d[\d.,]*", stored("torch.cdist"))
    assert count == "10,000" and float(share) - float(spread) > 10
    right = float(share) / 100
    assert float(spread) == pytest.approx(196 * (right * (1 - right) / 10_000) ** 0.5, abs=0.06)


@pytest.mark.records
def test_about_half_of_the_frogs_and_hardly_any_cats_are_found() -> None:
    claims("On CIFAR-10 it finds about half of the frogs and hardly any cats.")
    shares = {name: int(share) for name, share in re.findall(r"(\w+) +(\d+)%", stored("share = right"))}
    assert list(shares) == list(CLASSES)
    assert max(shares, key=lambda name: shares[name]) == "frog" and 45 <= shares["frog"] <= 55
    assert min(shares, key=lambda name: shares[name]) == "cat" and shares["cat"] < 10


@pytest.mark.records
def test_the_means_of_airplane_and_ship_alone_are_more_blue_than_red() -> None:
    claims("On CIFAR-10 the means of airplane and ship are more blue than red, all others more red than blue.")
    assert stored("class_means(").endswith("More blue than red: airplane, ship.")


@pytest.mark.records
def test_holding_out_validation_images_hardly_moves_mean_and_std() -> None:
    claims("On CIFAR-10 that changes them by less than a tenth of one brightness step")
    away, step = map(float, re.findall(NUMBER, stored("away = "))[-2:])
    assert away < step / 10


@pytest.mark.records
def test_the_copied_std_is_the_mean_over_single_images() -> None:
    claims("On CIFAR-10 these are the copied numbers, to within 0.0001")
    copied = re.search(r"smaller std, \(([\d., ]+)\)", PROSE)
    assert copied
    shown = map(float, re.findall(NUMBER, stored("pixels.std((2, 3))")))
    for value, other in zip(shown, map(float, copied[1].split(", ")), strict=True):
        assert value == pytest.approx(other, abs=1.01e-4)


@pytest.mark.records
def test_red_rises_to_the_right_across_the_edge() -> None:
    claims("On CIFAR-10 the red values are large on the right, in the sky.")
    low, high = map(int, re.findall(r"from (\d+) to (\d+)", stored("pixel_values("))[-1])
    assert high - low > 100


@pytest.mark.records
def test_a_lower_bar_of_similarity_lets_many_more_pairs_pass() -> None:
    claims("Our bar of 0.99 is strict")
    strict, loose = (int(count) for count in re.findall(r": (\d+) of 10,000", stored("known = ")))
    assert 8 <= strict < loose / 5


@pytest.mark.records
def test_the_split_holds_out_a_fifth_of_each_class() -> None:
    claims("`split` holds out 20 % of *each class*")
    assert stored("validation images of each class").splitlines()[0].startswith("40,000 training, 10,000 validation")
    assert set(re.findall(r"\d+", stored("validation images of each class").splitlines()[1])) == {"1000"}


def test_no_two_of_the_eight_draws_are_alike(sketches: Cifar10) -> None:
    claims("No two are alike.")
    from cifar_helpers import figures

    picture = sketches.split()[1].of_class("horse").images[3]
    draws = after_cell("01", "copies = ", {"torch": torch, "picture": picture, "figures": figures})["draws"]
    assert len({draw.numpy().tobytes() for draw in draws}) == 8


def test_a_covered_square_is_zero_once_normalised(sketches: Cifar10) -> None:
    claims("so it is 0 in every channel once normalised")
    cutout = after_cell("01", "def cutout(", {"torch": torch, "MEAN": MEAN})["cutout"]
    covered = cutout(sketches.train_images[0], 16, 4)
    assert normalise(covered)[:, 16:26, 4:14].abs().max() < 0.01  # pixels are whole numbers
    assert torch.equal(denormalise(torch.zeros(3, 1, 1)), covered[:, 16:17, 4:5])


@pytest.mark.real
def test_white_is_the_most_frequent_value_of_each_channel(real_data: Cifar10) -> None:
    claims("255 is the most frequent value of each channel")
    for channel in real_data.split()[0].images[:2000].transpose(0, 1):
        assert int(torch.bincount(channel.flatten().int(), minlength=256).argmax()) == 255


@pytest.mark.real
def test_most_frogs_are_brightest_in_red(real_data: Cifar10) -> None:
    claims("On CIFAR-10 most frogs are brightest in red.")
    means = real_data.split()[1].of_class("frog").images.float().mean((2, 3))
    assert (means.argmax(1) == 0).float().mean() > 0.6


@pytest.mark.real
def test_near_the_looser_bar_more_pairs_have_different_labels(real_data: Cifar10) -> None:
    """Pairs of one photograph nearly always share a label; near the looser bar many do not."""
    claims("near 0.95 photographs of similar things mix in")
    train, validation = real_data.split()
    lesson = after_cell("01", "def thumbnails(", {"torch": torch})
    lesson = after_cell("01", "known = ", {**lesson, "train": train, "validation": validation})
    similarity, same = lesson["similarity"], validation.labels == train.labels[lesson["twin"]]
    near = (similarity > 0.94) & (similarity <= 0.96)
    assert same[similarity > 0.98].float().mean() > 0.95 > same[near].float().mean()
