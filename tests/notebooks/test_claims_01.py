"""What lesson 01 says in its text is what its stored outputs show on CIFAR-10, or what the data gives."""

from __future__ import annotations

import re

import pytest
import torch
from helpers import after_cell
from stored_lesson import StoredLesson

from cifar_helpers import CLASSES, Cifar10, denormalise, normalise
from cifar_helpers.data import most_similar, nearest_mean

LESSON = StoredLesson("01")
PROSE, stored = LESSON.prose, LESSON.stored
NUMBER = r"\d+\.\d+"


def claims(sentence: str) -> None:
    """The text still says what is checked here."""
    assert sentence in PROSE, f"the lesson no longer says: {sentence}"


@pytest.mark.records
def test_the_nearest_class_mean_beats_guessing_by_more_than_its_interval() -> None:
    claims("Guessing is right 10 % of the time.")
    share, count, low, high = re.findall(r"\d[\d.,]*", stored("bootstrap_interval("))
    assert count == "10,000" and 10 < float(low) < float(share) < float(high)
    right = float(share) / 100
    assert float(high) - float(low) == pytest.approx(2 * 196 * (right * (1 - right) / 10_000) ** 0.5, abs=0.2)


@pytest.mark.records
def test_about_half_of_the_frogs_and_few_cats_are_classified_correctly() -> None:
    claims("about half of the frogs are classified correctly, and hardly any cats, fewer than by guessing")
    claims("also predicts *frog* and *airplane* far more often than there are such images")
    rows = re.findall(r"(\w+) +(\d+)% of its images, predicted +([\d,]+) times", stored("share = right"))
    shares = {name: int(share) for name, share, _ in rows}
    predicted = {name: int(count.replace(",", "")) for name, _, count in rows}
    assert list(shares) == list(CLASSES) and sum(predicted.values()) == 10_000
    assert max(shares, key=lambda name: shares[name]) == "frog" and 45 <= shares["frog"] <= 55
    assert min(shares, key=lambda name: shares[name]) == "cat" and shares["cat"] < 8  # guessing: 10
    assert sorted(predicted, key=lambda name: -predicted[name])[:2] == ["frog", "airplane"]
    assert predicted["airplane"] > 1.8 * 1000  # there are 1,000 of each


@pytest.mark.records
def test_shuffled_pixels_change_nothing_and_rolled_images_cost_points() -> None:
    claims("Shuffling changes nothing")
    claims("On CIFAR-10 rolling costs it five points")
    before, shuffled, rolled = map(float, re.findall(NUMBER, stored("images.roll(")))
    assert shuffled == before and 4.5 < before - rolled < 5.5


@pytest.mark.records
def test_the_means_of_airplane_and_ship_alone_are_more_blue_than_red() -> None:
    claims("the means of airplane and ship are bluish, all others are not.")
    assert stored("class_means(").endswith("More blue than red: airplane, ship.")


@pytest.mark.records
def test_holding_out_validation_images_hardly_moves_mean_and_std() -> None:
    claims("On CIFAR-10 the difference is less than a tenth of one level of brightness")
    away, step = map(float, re.findall(NUMBER, stored("away = "))[-2:])
    assert away < step / 10


@pytest.mark.records
def test_the_copied_std_is_the_mean_over_single_images() -> None:
    claims("On CIFAR-10 the first line matches those numbers to within 0.0001")
    copied = re.search(r"divide by \(([\d., ]+)\) instead of", PROSE)
    assert copied
    first, second = (map(float, re.findall(NUMBER, line)) for line in stored("pixels.std((2, 3))").strip().splitlines())
    for value, other in zip(first, map(float, copied[1].split(", ")), strict=True):
        assert value == pytest.approx(other, abs=1.01e-4)
    claims("This explains most of the gap: for red, 0.247 falls to 0.211 (second line).")
    together = list(map(float, re.findall(NUMBER, stored("mean, std = ").splitlines()[0])))[3:]
    within, whole, alone = list(second), together, list(map(float, copied[1].split(", ")))
    assert (round(whole[0], 3), round(within[0], 3)) == (0.247, 0.211)
    assert all((a - b) / (a - c) > 0.7 for a, b, c in zip(whole, within, alone, strict=True))


@pytest.mark.records
def test_the_largest_jump_of_red_is_where_the_neck_meets_the_sky() -> None:
    claims("The largest jump is outlined, from 52 to 160")
    assert "from 52 to 160, in row 5" in stored("pixel_values(")


@pytest.mark.records
def test_a_paler_horse_is_as_similar_as_the_horse_itself() -> None:
    claims("It is 1 if two thumbnails differ only in brightness and contrast")
    claims("It misses the mirror image")
    itself, paler, mirrored = map(float, re.findall(NUMBER, stored("def thumbnail(")))
    assert itself == paler == 1 and mirrored < 0.9


@pytest.mark.records
def test_a_lower_threshold_of_similarity_lets_many_more_pairs_pass() -> None:
    claims("the 31 images above 0.99 can move our validation accuracy by at most 0.31 points, and all 273")
    claims("above 0.95 by at most 2.73.")
    shown = re.findall(r": (\d+) of 10,000 images, mirrored (\d+) more", stored("most_similar("))
    assert [int(found) + int(more) for found, more in shown] == [31, 273]


@pytest.mark.records
def test_compression_costs_as_many_points_as_lesson_07_shows() -> None:
    claims("which lowers a network's accuracy, in lesson 07 by about five points.")
    cost = re.search(rf"compression costs ({NUMBER}) points", StoredLesson("07").stored("compression costs"))
    assert cost and 4.5 < float(cost[1]) < 5.5


@pytest.mark.records
def test_the_split_holds_out_a_fifth_of_each_class() -> None:
    claims("`split` holds out 20 % of *each class*")
    assert stored("validation images of each class").splitlines()[0].startswith("40,000 training, 10,000 validation")
    assert set(re.findall(r"\d+", stored("validation images of each class").splitlines()[1])) == {"1000"}


def test_no_two_of_the_eight_draws_are_alike(sketches: Cifar10) -> None:
    claims("No two are alike, so the network meets mostly different versions")
    from cifar_helpers import figures

    picture = sketches.split()[1].of_class("horse").images[3]
    draws = after_cell("01", "copies = ", {"torch": torch, "picture": picture, "figures": figures})["draws"]
    assert len({draw.numpy().tobytes() for draw in draws}) == 8


def test_a_covered_square_is_zero_once_normalised() -> None:
    claims("normalised that is 0 in every channel")
    square = denormalise(torch.zeros(3, 1, 1))
    assert normalise(square).abs().max() < 0.01  # pixels are whole numbers


@pytest.mark.real
def test_white_is_the_most_frequent_value_of_each_channel(real_data: Cifar10) -> None:
    claims("on CIFAR-10 255 is the most frequent value of each channel")
    claims("(The peak at the right end is mostly white")
    some = real_data.split()[0].images[:2000]
    white = some.amin(1) == 255
    for channel in some.transpose(0, 1):
        assert int(torch.bincount(channel.flatten().int(), minlength=256).argmax()) == 255
        assert white[channel == 255].float().mean() > 0.6


@pytest.mark.real
def test_in_the_square_the_upper_right_corner_is_bright_and_most_of_the_rest_dark(real_data: Cifar10) -> None:
    claims("in the upper right corner, where the red of the sky is 217 to 227; most others are below 60")
    red = real_data.split()[1].of_class("horse").images[3][0, 4:12, 8:16]
    sky = red[red > 200]
    assert sky.min() == 217 and sky.max() == 227 and red[0, 5:].min() > 200 and (red < 60).float().mean() > 0.6
    assert red[4:, 4:].max() < 70


@pytest.mark.real
def test_the_field_is_yellow_the_sky_a_little_cyan_and_the_horse_nearly_grey(real_data: Cifar10) -> None:
    claims("the yellow field is bright in red and green and darker in blue")
    picture = real_data.split()[1].of_class("horse").images[3].float()
    red, green, blue = picture[:, 18:31, :8].mean((1, 2)).tolist()
    assert min(red, green) > blue + 50
    claims("The pale sky is a little darker in red")
    red, green, blue = picture[:, :5, 16:].mean((1, 2)).tolist()
    assert 8 < min(green, blue) - red < 25 and abs(green - blue) < 8
    claims("The black horse looks nearly the same in all three")
    horse = picture[:, 11:15, 15:22].mean((1, 2))
    assert horse.max() - horse.min() < 20


@pytest.mark.real
def test_bright_images_end_up_at_airplane_and_dark_ones_at_frog(real_data: Cifar10) -> None:
    claims("airplane has the brightest mean and frog the darkest, so of the 1,000 brightest images over 900 end up at")
    train, validation = real_data.split()
    means = torch.stack([train.of_class(name).images.float().mean(0) for name in CLASSES])
    brightness = means.mean((1, 2, 3))
    assert CLASSES[brightness.argmax()] == "airplane" and CLASSES[brightness.argmin()] == "frog"
    claims("its distance from the dog's is less than half of that between airplane's and ship's")
    apart = torch.cdist(means.flatten(1), means.flatten(1))
    cat, dog, airplane, ship = (CLASSES.index(name) for name in ("cat", "dog", "airplane", "ship"))
    assert 2 * apart[cat, dog] < apart[airplane, ship]
    predicted = nearest_mean(validation.images.float(), means)
    ranked = predicted[validation.images.float().mean((1, 2, 3)).argsort()]
    assert (ranked[:1000] == CLASSES.index("frog")).sum() > 900
    assert (ranked[-1000:] == CLASSES.index("airplane")).sum() > 900


@pytest.mark.real
def test_normalised_channels_have_means_close_to_zero_and_blue_was_the_darkest(real_data: Cifar10) -> None:
    claims("On CIFAR-10 the three means, which differed before (blue was the darkest), are now all close to 0")
    some = real_data.split()[0].images[:2000]
    before = some.float().mean((0, 2, 3))
    assert before.argmin() == 2 and before.max() - before.min() > 10
    assert normalise(some).mean((0, 2, 3)).abs().max() < 0.05


@pytest.mark.real
def test_near_the_looser_bar_more_pairs_have_different_labels(real_data: Cifar10) -> None:
    """Pairs of one photograph nearly always share a label; lower down many do not."""
    claims("The twelfth is an airplane and a bird")
    claims("Lower down such pairs are more frequent")
    train, validation = real_data.split()
    similarity, twin = most_similar(validation.images, train.images)
    same = validation.labels == train.labels[twin]
    ranked = similarity.argsort(descending=True)
    assert same[ranked[:11]].all() and similarity[ranked[11]] > 0.99
    pair = validation.labels[ranked[11]], train.labels[twin[ranked[11]]]
    assert [CLASSES[label] for label in pair] == ["airplane", "bird"]
    near = (similarity > 0.94) & (similarity <= 0.96)
    assert same[similarity > 0.98].float().mean() > 0.95 > same[near].float().mean()
