"""What lesson 06 says about its results is true of the recorded network, of its stored outputs and of the drawings."""

from __future__ import annotations

import io
import itertools
import pickle
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers import NOTEBOOKS, code_cells, solution
from PIL import Image
from stored_lesson import StoredLesson, numbers
from torch import Tensor, nn

from cifar_helpers import (
    CLASSES,
    CheckpointError,
    Cifar10,
    CifarCNN,
    collect_logits,
    load_run,
    load_weights,
    normalise,
    predict,
)
from cifar_helpers.checks.lesson_06.exercises import classify
from cifar_helpers.data import MEAN
from cifar_helpers.data.sketches import draw_none
from cifar_helpers.evaluation.attribution import attribute
from cifar_helpers.inference import predict_folder, preprocess
from cifar_helpers.roofline import layer_work

LESSON = StoredLesson("06")
text, stored = LESSON.text, LESSON.stored
INPUTS = NOTEBOOKS.parent / "resources" / "inputs"


def noise() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (500, 3, 32, 32), dtype=torch.uint8, generator=generator)


@torch.no_grad()
def confidence(images: Tensor) -> Tensor:
    return load_run("good-25").model()(normalise(images)).softmax(1).amax(1)


# --- part one ---------------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_network_learned_from_40000_photographs() -> None:
    run = load_run("good-25")
    assert f"{run.config['data']['train images']:,} photographs of CIFAR-10" in text("`good-25`: it learned")
    assert run.config["data"]["source"] == "cifar10"


def test_the_test_images_stay_closed() -> None:
    assert "the test images stay closed until lesson 07" in text("sketches")
    assert not re.search(r"data\.(test|exact_test)", "\n".join(code_cells("06")))


def test_a_recorded_network_comes_in_eval_mode_and_the_drawing_is_square() -> None:
    assert not any(layer.training for layer in load_run("good-25").model().modules())
    assert "`load_run` has already called it" in text("switches dropout off")
    width, height = Image.open(INPUTS / "horse.png").size
    assert width == height and "The drawing is square already" in text("*antialiasing*")


@pytest.mark.records
def test_what_wrong_preprocessing_costs_is_what_the_cell_printed() -> None:
    accuracies = [numbers(line)[-1] for line in stored("inputs_by_way = {").splitlines()]
    correct, by_half, exchanged, raw = accuracies
    claim = text("None of the wrong ways")
    assert f"normalising with 0.5 costs {correct - by_half:.0f} points of accuracy" in claim
    assert f"exchanging red and blue {correct - exchanged:.0f}, and" in claim
    assert f"leaving out the normalisation {correct - raw:.0f}." in claim and max(accuracies[1:]) < correct


@pytest.mark.records
def test_without_eval_many_pictures_at_a_time_do_little_harm_and_single_ones_much() -> None:
    right, many, single = (numbers(line)[-1] for line in stored("def classes_without_eval").splitlines())
    assert (
        abs(right - many) < 3
        and right - single > 15
        and "those of a single picture do not" in text("moves the stored statistics")
    )


def test_five_drawings_come_out_right_and_two_wrong_ones_are_more_certain_than_the_horse() -> None:
    predictions, problems = predict_folder(INPUTS)
    by_name = {name.removesuffix(".png"): prediction for name, prediction in predictions.items()}
    right = [name for name, prediction in by_name.items() if name == prediction.label]
    assert len(right) == 5 and "5 of 10" in text("Count the ticks") and list(problems) == ["README.md"]
    assert "horse" in right
    higher = [
        name for name, one in by_name.items() if name != one.label and one.probability > by_name["horse"].probability
    ]
    assert len(higher) == 2 and {f"{by_name[name].probability:.0%}" for name in higher} == {"54%"}
    assert "two wrong predictions have 54 %, more than the correct one for the horse" in text("Count the ticks")
    assert all(
        f"{name}: {one.label} {100 * one.probability:.0f} %" in stored("drawings = [") for name, one in by_name.items()
    )
    bird = by_name["bird"]
    first, second = (f"{100 * probability:.0f} % to {name}" for name, probability in bird.top[:2])
    assert f"the network gives {first} and {second}." in text("Count the ticks")


@pytest.mark.records
def test_the_window_turns_from_bird_to_horse_where_the_lesson_says() -> None:
    assert "bird 0 to 4, horse 6 to 12." in stored("figures.moved_crop")
    assert "the whole picture: horse 98 %" in stored("figures.moved_crop")
    claim = text("Moving the window by two pixels is enough to change the prediction")
    assert "the three windows on the left come out as a bird and the other four as a horse" in claim
    assert "from 6 on, a hind leg is in the window" in claim and "98 % for horse" in claim


def test_a_tight_square_raises_the_probability_of_the_drawn_horse_and_a_hidden_head_lowers_it() -> None:
    horse = Image.open(INPUTS / "horse.png").convert("RGB")
    whole = dict(predict(horse, top=10).top)["horse"]
    squares = [(x, y, x + side, y + side) for side in (210, 216, 222) for x in (20, 26, 32) for y in (18, 24, 30)]
    around = [box for box in squares if box[2] >= 240 and box[3] >= 235 and max(box) <= 256]  # the whole horse
    tight = [dict(predict(horse.crop(box), top=10).top)["horse"] for box in around]
    claim = text("tight around the drawn horse")
    assert f"usually rises from {100 * whole:.0f} % to over 70 %; how far depends on a few pixels" in claim
    assert len(tight) > 10 and sum(share > 0.7 for share in tight) > 0.9 * len(tight) and max(tight) > min(tight) + 0.1
    assert "If the square cuts off the feet, it can fall to about 10 %, with airplane in the lead" in claim
    for box in ((28, 28, 218, 218), (28, 20, 218, 210)):
        without_feet = predict(horse.crop(box), top=10)
        assert without_feet.label == "airplane" and 0.08 < dict(without_feet.top)["horse"] < 0.12
    grey = (255 * torch.tensor(MEAN)).round().to(torch.uint8).view(3, 1, 1)
    covered = []
    # Squares on the head: those that cover the eye, in rows 7 and 8 of column 24.
    for row, column in itertools.product(range(1, 8), range(17, 25)):
        covered.append(preprocess(horse).clone())
        covered[-1][:, row : row + 8, column : column + 8] = grey
    with torch.no_grad():
        horses = load_run("good-25").model()(normalise(torch.stack(covered))).softmax(1)[:, CLASSES.index("horse")]
    assert "A grey square over its head pushes it below 40 % at nearly all places" in claim
    assert float((horses < 0.4).float().mean()) > 0.9


@pytest.mark.records
def test_the_best_network_gets_nine_drawings_right_and_takes_the_frog_for_a_bird() -> None:
    rows = [re.findall("[a-z]+", line) for line in stored('predict_folder(folder, "best")').splitlines()[1:]]
    pairs = {name: (first, best) for name, first, best in rows}
    assert sum(name == first for name, (first, _) in pairs.items()) == 5
    assert [(name, best) for name, (_, best) in pairs.items() if name in CLASSES and name != best] == [("frog", "bird")]
    assert all(best == name for name, (first, best) in pairs.items() if first == name)
    assert "Nine of ten instead of five, and none is lost. The bird is now predicted as a bird; only the frog" in text(
        "Nine of ten"
    )


@pytest.mark.records
def test_the_best_network_gains_more_than_chance_on_validation_images() -> None:
    gain, two_errors = numbers(stored("correct_by_network = {").splitlines()[-1])
    assert gain > 2 * two_errors and "the interval lies well above zero" in text("chance in the choice of images")
    old, new = (load_run(name).metrics["validation"]["accuracy"] for name in ("good-25", "fast-16"))
    assert f"{new:.1%} against {old:.1%}".replace("%", " %") in text("chance in the choice of images")
    claim = text('`predict(picture, "best")` uses')
    small, large = (
        sum(layer.flop for layer in layer_work(load_run(name).model(), 1)) for name in ("good-25", "fast-16")
    )
    assert f"{large / small:.0f} times the operations" in claim


def test_of_the_drawn_horse_s_eye_two_pixels_a_little_darker_than_the_head_are_left() -> None:
    grey = preprocess(INPUTS / "horse.png").float().mean(0)
    eye = grey[7:9, 24]
    around = torch.stack([grey[row, column] for row in (7, 8) for column in (22, 23)])
    assert around.min() - 30 < eye.min() <= eye.max() < around.min()
    assert "Of the eye, two pixels are left, only a little darker than the head." in text("The mane is left")


@pytest.mark.records
def test_a_test_in_large_batches_hides_the_three_mistakes_and_single_photos_show_them() -> None:
    many, single = stored("def careless").splitlines()
    assert numbers(many)[1] == 88.0 and "classes predicted: 10" in many
    assert "classes predicted: 1" in single.replace("10.5", "") and numbers(single)[1] < 20
    claim = text("every photo is called an airplane")
    assert "the test finds nothing: with 200 at a time, the function gets 88.0 %, as a correct one does" in claim


@pytest.mark.real
def test_without_the_three_mistakes_both_rows_say_the_same_and_one_fix_alone_makes_it_worse(
    real_data: Cifar10,
) -> None:
    part = real_data.split()[1].subset(slice(0, 200))

    def accuracy(answer: Callable[..., Tensor], batch_size: int) -> float:
        torch.manual_seed(0)
        network = load_run("good-25").model().train()
        found = torch.cat([answer(network, photos) for photos in part.images.split(batch_size)])
        return round(100 * float((found == part.labels).float().mean()), 1)

    careless, only_eval = classify.mistakes["unchanged"], classify.mistakes["only_eval"]
    with torch.no_grad():
        assert accuracy(classify.reference, 200) == accuracy(classify.reference, 1) == 88.0
        assert "a correct function classifies 88.0 % of these photos" in text("moves the stored statistics")
        assert accuracy(careless, 200) == pytest.approx(88.0, abs=1) and accuracy(only_eval, 200) < 80
        assert not careless(load_run("good-25").model().train(), part.images[:1]).any()  # class 0: airplane
        model = load_run("good-25").model()
        lost = 88.0 - accuracy(classify.mistakes["training_mode"], 200)
        assert 0.5 <= lost <= 2.5 and "training mode alone costs a point or two" in text("normalises each batch")
        changed = classify.reference(model, part.images) != classify.mistakes["softmax_over_images"](model, part.images)
    assert changed.float().mean() < 0.05 and "`softmax(0)` changes few predictions" in text("normalises each batch")


@pytest.mark.records
def test_the_probabilities_of_ship_and_truck_fall_with_more_label_smoothing() -> None:
    said = {line.split()[0]: numbers(line) for line in stored('predict_folder(folder, "best")').splitlines()[1:]}
    assert said["ship"][0] > said["ship"][1] and said["truck"][0] > said["truck"][1]
    new, old = (load_run(name).recipe.label_smoothing for name in ("fast-16", "good-25"))
    assert f"more label smoothing ({new} instead of {old})" in text("look at ship and truck")
    targets = [100 * (1 - smoothing + smoothing / 10) for smoothing in (new, old)]
    claim = text("A threshold belongs to one network: choose")
    assert f"{targets[0]:.0f} % for the correct class (label smoothing of {new})" in claim
    assert f"`good-25` for {targets[1]:.1f} %" in claim


def test_the_file_of_weights_is_a_dictionary_that_fits_the_course_s_network() -> None:
    weights = torch.load(load_run("good-25").folder / "weights.pt", weights_only=True)
    loaded = CifarCNN().eval()
    assert str(loaded.load_state_dict(weights)) == "<All keys matched successfully>"
    assert "from names to tensors: weights, biases, and the statistics of batch norm" in text(
        "Our own file is harmless"
    )
    images = normalise(noise()[:4])
    with torch.no_grad():
        assert torch.equal(loaded(images), load_run("good-25").model()(images))
    with pytest.raises(CheckpointError, match=r"features\.0\.0\.weight"):
        load_weights(CifarCNN(width=0.5), load_run("good-25").folder / "weights.pt")
    assert "the error names the first weight that does not fit" in text("`load_weights(network, path)`")


class Loud:
    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return print, ("loaded",)


def test_the_refusal_suggests_to_load_the_file_without_protection() -> None:
    file = io.BytesIO()
    torch.save({"weights": Loud()}, file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError) as refused:
        torch.load(file, weights_only=True)
    assert str(refused.value).startswith("Weights only load failed.")
    assert "weights_only" in str(refused.value) and "False" in str(refused.value)
    assert text("The full message goes on to suggest `weights_only=False`")


def test_the_solution_of_classify_puts_each_layer_back_into_its_mode() -> None:
    network = load_run("good-25").model().train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()  # frozen, as in lesson 09
    modes = [layer.training for layer in network.modules()]
    assert len(set(modes)) == 2
    solution("classify")(network, noise()[:2])
    assert [layer.training for layer in network.modules()] == modes


@pytest.mark.records
def test_the_photo_widget_starts_with_the_horse() -> None:
    assert "The widget starts with the horse" in text("to draw the square")
    assert any('predict_photo({"horse": ' in source for source in code_cells("06"))


# --- part two ---------------------------------------------------------------------------------------------------------


@pytest.mark.records
def test_the_most_frequent_mistakes_are_those_that_the_lesson_names() -> None:
    counts = torch.tensor(load_run("good-25").metrics["validation"]["confusion"])
    mistakes = counts.clone().fill_diagonal_(0)
    most = [
        (CLASSES[k // 10], CLASSES[k % 10], int(mistakes.flatten()[k]))
        for k in mistakes.flatten().argsort(descending=True)
    ]
    assert most[:3] == [("dog", "cat", 110), ("cat", "dog", most[1][2]), ("bird", "airplane", 40)]
    claim = text("dogs predicted as cats lead")
    assert "lead with 110" in claim and "birds predicted as airplanes, 40 of 1,000" in claim
    vehicle = torch.tensor([name in ("airplane", "automobile", "ship", "truck") for name in CLASSES])
    alike = mistakes[vehicle[:, None] == vehicle].sum() / mistakes.sum()
    assert f"{100 * alike:.0f} % of all mistakes stay within" in claim
    within = torch.where(vehicle, 3 / 9, 5 / 9)  # of the nine other classes, those of the same sort
    even = float((mistakes.sum(1) * within).sum() / mistakes.sum())
    assert even == pytest.approx(0.5, abs=0.02) and "of the nine other classes equally often, about half would" in claim


@pytest.mark.records
def test_above_ninety_percent_the_network_is_right_more_often_than_it_says() -> None:
    (count, threshold, promised), (wrong, share) = map(numbers, stored("promised = (1 - ").splitlines())
    claim = text("*under*confident")
    assert f"{wrong:.0f} of {count:,.0f} are wrong: {share} %, where {promised} % were promised" in claim
    assert "4 %, so it does not explain our drawing" in text("dogs predicted as cats lead")
    assert "one in ten predictions made with 90 % is wrong" in text("A probability of 90 %")
    assert threshold == 90 and share == pytest.approx(100 * wrong / count, abs=0.05) and share < promised
    assert "these are the eight" in claim.lower() and f"there are {wrong:.0f} of them" in claim


@pytest.mark.records
def test_the_most_confident_mistakes_are_a_horse_in_the_snow_and_at_the_end_a_wrong_label() -> None:
    said = stored("their_labels = ").partition(". ")[2].rstrip(".").split("; ")
    assert len(said) == 8 and said[0] == "horse: deer 99 %" and said[-1] == "dog: horse 97 %"
    assert "0 of 8" in stored("their_labels = ")
    claim = text("labelled *dog* but shows a horse")
    assert "The highest confidence belongs to a horse in the snow that is taken for a deer" in claim


def test_adding_five_to_all_logits_changes_neither_probabilities_nor_loss() -> None:
    logits = torch.randn(20, 10, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(20) % 10
    assert torch.allclose((logits + 5).softmax(1), logits.softmax(1))
    assert torch.isclose(nn.functional.cross_entropy(logits + 5, labels), nn.functional.cross_entropy(logits, labels))
    assert "probabilities stay the same (lesson 03), and so does the loss" in text("Add 5 to all ten logits")


def test_none_of_the_strange_pictures_reaches_half() -> None:
    grey, black = (torch.full((3, 32, 32), value, dtype=torch.uint8) for value in (128, 0))
    strange = [preprocess(INPUTS / "none.png"), noise()[0], grey, black]
    assert float(confidence(torch.stack(strange)).max()) < 0.5
    assert text("none of the four reaches 50 %")
    assert max(numbers(stored("strange = {"))) < 50
    top = dict(predict(noise()[0]).top)
    assert set(top) == {"bird", "frog", "cat"} and sum(top.values()) > 0.8
    with torch.no_grad():
        mean = load_run("good-25").model()(normalise(noise())).softmax(1).mean(0)
    share = 100 * sum(float(mean[CLASSES.index(name)]) for name in top)
    claim = "Over all 500 pictures of noise made here, they get"
    assert f"{claim} {share:.0f} % on average" in text(claim) and len(noise()) == 500


def test_thresholds_let_pass_what_the_lesson_says() -> None:
    houses = confidence(torch.stack([preprocess(draw_none(seed)) for seed in range(200)]))
    shares = {
        what: [100 * float((c > t).float().mean()) for t in (0.5, 0.9)]
        for what, c in (("noise", confidence(noise())), ("houses", houses))
    }
    claim, said = text("with the threshold at 50 %"), stored("figures.rejection")
    assert f"but also {shares['noise'][0]:.0f} % of the noise and half of the houses" in claim
    assert 48 < shares["houses"][0] < 52 and shares["noise"][1] == 0
    assert f"it answers none of the noise and {shares['houses'][1]:.0f} % of the houses" in claim
    for noisy, house in zip(shares["noise"], shares["houses"], strict=True):
        assert f"also answered: {noisy:.0f}% of the noise, {house:.0f}% of the houses" in said


@pytest.mark.records
def test_what_a_threshold_costs_and_gains_is_what_the_figure_shows() -> None:
    claim = text("with the threshold at 50 %")
    (_, low, _, *_), (_, high, accuracy, *_) = map(numbers, re.findall(r"Above [^;]+;", stored("figures.rejection")))
    assert f"the network still answers {low:.0f} % of the validation images" in claim
    assert (
        f"answers on validation images, {accuracy} % are correct, but {100 - high:.0f} % of these images get none"
        in claim
    )
    predictions, _ = predict_folder(INPUTS)
    sure = [one for name, one in predictions.items() if name != "none.png" and one.probability > 0.9]
    assert len(predictions) - 1 - len(sure) == 8 and "eight of our ten drawings" in claim


@pytest.mark.real
def test_the_stored_figures_are_those_of_the_network_and_the_validation_images(real_data: Cifar10) -> None:
    logits, labels = collect_logits(load_run("good-25").model(), real_data.split()[1])
    sure, predicted = logits.softmax(1).max(1)
    wrong = predicted != labels
    assert f"{100 * (~wrong).float().mean():.1f}% of 10,000" in stored("correct = predicted == labels")
    count, mistakes = int((sure > 0.9).sum()), int((wrong & (sure > 0.9)).sum())
    first, second = map(numbers, stored("promised = (1 - ").splitlines())
    assert first[0] == pytest.approx(count, abs=5) and second[0] == pytest.approx(mistakes, abs=2)
    # "No threshold keeps all good answers and stops everything else."
    assert float(sure[~wrong].min()) < float(confidence(noise()).max())


def test_occlusion_points_at_the_head_and_at_a_corner_of_the_sky() -> None:
    cat = predict(INPUTS / "cat.png")
    maps = {
        method: attribute(load_run("good-25").model(), cat.seen, CLASSES.index(cat.label), method)
        for method in ("Grad-CAM", "occlusion")
    }
    head = np.s_[4:16, 15:24]
    for values in maps.values():
        row, column = divmod(int(values.argmax()), 32)
        assert values[head].mean() > 0.3 * values.max() and 4 <= row < 16 and 15 <= column < 24
    corner = maps["occlusion"][:4, 28:]
    assert corner.min() > 0.8 * maps["occlusion"].max() and "the top right corner is dark" in text("only sky")
    sky = cat.seen[:, :4, 28:].float()
    assert sky.min() > 150  # nothing dark is there: only the sky and the edge of a cloud


@torch.no_grad()
def test_each_cell_of_the_occlusion_map_is_the_mean_of_the_squares_that_cover_it() -> None:
    cat, model = predict(INPUTS / "cat.png"), load_run("good-25").model()
    label, image = CLASSES.index(cat.label), normalise(cat.seen)[None]
    whole, total, squares = model(image)[0, label], torch.zeros(32, 32), torch.zeros(32, 32)
    for row in range(0, 25, 4):
        for column in range(0, 25, 4):
            covered, place = image.clone(), np.s_[..., row : row + 8, column : column + 8]
            covered[place] = 0
            total[place] += whole - model(covered)[0, label]
            squares[place] += 1
    values = torch.from_numpy(attribute(model, cat.seen, label, "occlusion"))
    # Captum adds up the three colours, so its scale is three times that of the drop.
    assert torch.allclose(values / values.max(), (total / squares) / (total / squares).max(), atol=1e-4)
    assert squares[0, 31] == 1 and squares[16, 16] == 4 and (squares[4:28, 4:28] == 4).all()
    claim = text("only sky")
    assert "8 × 8 pixels in steps of 4, and each cell shows the mean of the squares that cover it: four" in claim
    assert "four inside the picture, but one in a corner" in claim


@pytest.mark.records
def test_above_ninety_percent_the_best_network_hardly_answers() -> None:
    good, best = (numbers(line.split("answers")[1])[0] for line in stored("best_logits, part_labels").splitlines())
    assert f"only {best} %, where `good-25` answers {good} %" in text("A threshold belongs to one network: choose")


@pytest.mark.real
def test_the_best_network_needs_a_threshold_below_eighty_percent(real_data: Cifar10) -> None:
    claim = text("between 77 % and 78 %")
    assert 'does `"best"` answer about as many images of `part` as `good-25` does above 90 %?' in claim
    assert "prints the 62 % and 98.7 % of the figure" in claim
    validation = real_data.split()[1]
    logits, labels = collect_logits(load_run("fast-16").model(), validation.subset(slice(0, 1000)))
    sure, predicted = logits.softmax(1).max(1)
    low, high = (float((sure > threshold).float().mean()) for threshold in (0.77, 0.78))
    assert low > 0.634 and high < 0.620  # between them lies the coverage of good-25 at 90 %
    assert "none of its answers is wrong" in claim and not (predicted != labels)[sure > 0.77].any()
    good_logits, _ = collect_logits(load_run("good-25").model(), validation.subset(slice(0, 1000)))
    good_sure, good_predicted = good_logits.softmax(1).max(1)
    good = (good_predicted == labels)[good_sure > 0.9].float()
    as_many = sure.argsort(descending=True)[: len(good)]
    assert float((predicted == labels)[as_many].float().mean()) >= 0.998 > float(good.mean())
    assert f"and six of those of `good-25` are ({100 * good.mean():.1f} % are right)" in claim
    assert int(len(good) - good.sum()) == 6


@pytest.mark.real
def test_a_second_view_gains_a_point_and_only_all_images_show_that_it_is_more_than_chance(real_data: Cifar10) -> None:
    validation, model = real_data.split()[1], load_run("good-25").model()
    with torch.no_grad():
        first, second = (
            torch.cat([model(normalise(some)).softmax(1) for some in images.split(500)])
            for images in (validation.images, validation.images.flip(3))
        )
    one, two = ((shares.argmax(1) == validation.labels).float() for shares in (first, first + second))
    claim = text("two views lead to partly different mistakes")
    for count, said in (
        (1000, "1.1 ± 1.3 points: the interval includes zero"),
        (10_000, "1.1 ± 0.4 points, more than chance"),
    ):
        gain = two[:count] - one[:count]
        assert f"{100 * gain.mean():.1f} ± {200 * gain.std() / count**0.5:.1f} points" in said and said in claim
    assert f"rises from {100 * one[:1000].mean():.1f} % to {100 * two[:1000].mean():.1f} %" in claim
    assert f"{100 * two.mean():.1f} % instead of {100 * one.mean():.1f} %" in claim


@pytest.mark.real
def test_the_recorded_confusion_matrix_differs_from_the_lesson_s_by_one_or_two(real_data: Cifar10) -> None:
    run = load_run("good-25")
    logits, labels = collect_logits(run.model(), real_data.split()[1])
    counts = torch.bincount(10 * labels + logits.argmax(1), minlength=100).view(10, 10)
    differences = (counts - torch.tensor(run.metrics["validation"]["confusion"])).abs()
    assert run.config["machine"]["precision"] == "bfloat16" and 1 <= differences.max() <= 2
    assert (differences > 0).sum() < 10
