"""The checkers of the exercises: right answers pass, stubs are open, each usual mistake gets its own reason."""

from __future__ import annotations

import copy
import dataclasses
import html
import math
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from helpers import NOTEBOOKS, solution
from torch import Tensor, nn

from cifar_helpers import checks
from cifar_helpers.checks import EXERCISES, Check
from cifar_helpers.checks.compare import RightPart, as_code, equal, right_part, told_apart
from cifar_helpers.checks.engine import Verdict, compared, draws, results
from cifar_helpers.checks.lesson_01 import splits
from cifar_helpers.data import MEAN, STD, normalise


def by_name(exercise: Check) -> str:
    return exercise.name


@pytest.mark.parametrize("number", [24, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_the_solution_is_right_for_many_draws(exercise: Check, number: int) -> None:
    answer = solution(exercise.name)
    verdict = exercise(answer)
    assert verdict.state == "right" and exercise.notice in str(verdict)
    tried = exercise.harness(answer)
    for seed in range(number):  # each of the eight sizes of a draw comes up equally often
        given = exercise.draw(torch.Generator().manual_seed(1000 + seed), seed % 8)
        assert equal(exercise.reference(*copy.deepcopy(given)), tried(*copy.deepcopy(given)), exercise.close), seed


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_a_stub_is_not_attempted(exercise: Check) -> None:
    assert exercise(...).state == exercise(lambda *_: ...).state == "open"
    assert str(exercise(...)).endswith(
        f"fill in the dots.\nStuck? checks.hint({exercise.name!r}) helps, one step at a time."
    )
    assert f"checks.hint({exercise.name!r})" in str(exercise(...))


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_each_usual_mistake_gets_its_own_reason(exercise: Check) -> None:
    assert 3 <= len(exercise.mistakes) <= 8
    assert len(set(exercise.replies.values())) == len(exercise.mistakes)
    bare = dataclasses.replace(exercise, harness=lambda answer: answer)  # a mistake comes with its harness
    drawn = draws(bare)
    for name, mistake in exercise.mistakes.items():
        got = results(bare, mistake, drawn)
        verdict = got if isinstance(got, Verdict) else compared(bare, drawn, got)
        assert (verdict.state, verdict.says) == ("wrong", exercise.replies[name])
    wrong = len(exercise.mistakes)
    print(
        f"\n{exercise.name:28} solution accepted, stub not attempted, {wrong} of {wrong} mistakes with their own reason"
    )


def broken(*_: Any) -> Any:
    raise KeyError("learner")


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_what_no_learner_means_is_rejected_and_never_raises(exercise: Check) -> None:
    first = exercise.draw(torch.Generator().manual_seed(0), 0)
    constant = copy.deepcopy(exercise.reference(*copy.deepcopy(first)))
    attempts: dict[str, Any] = {
        "raises": broken,
        "constant": lambda *_: constant,
        "input": lambda *given: given[0],
        "nothing": lambda *_: None,
        "text": lambda *_: "42",
        "too few arguments": lambda: 1,
        "no function": 42,
    }
    for name, attempt in attempts.items():
        if exercise.name in ("training_step", "seconds_per_call") and name == "input":
            continue
        assert exercise(attempt).state == "wrong", name
    assert "KeyError: 'learner', in the line `raise KeyError(\"learner\")`." in str(exercise(broken))
    assert "function" in str(exercise(42))


def test_a_change_of_the_input_is_noticed() -> None:
    def in_place(image: torch.Tensor, amount: int) -> torch.Tensor:
        kept = (image.float() + amount).clamp(0, 255).to(torch.uint8)
        image.copy_(kept)
        return kept

    assert "in place" in str(checks.brighten(in_place))


def test_an_answer_right_only_for_square_images_is_reported_with_the_shape() -> None:
    def square(images: torch.Tensor) -> torch.Tensor:
        channels, height, _ = images.shape
        return images.reshape(channels, height // 2, 2, height // 2, 2).amax(dim=(2, 4))

    assert "for `image` of shape (3, 4, 10), it raises RuntimeError" in str(checks.max_pool(square))


def test_wrong_shape_and_wrong_numbers_get_different_replies() -> None:
    assert "the shape of the result is (3, 1, 1)" in str(checks.max_pool(lambda x: x[:, :1, :1]))
    assert "numbers differ; this is the first" in str(checks.max_pool(lambda x: nn.functional.max_pool2d(x, 2) + 0.5))


def test_wrong_numbers_hear_for_which_input_where_what_was_wanted_and_what_came() -> None:
    def spoilt(logits: torch.Tensor) -> torch.Tensor:
        result = solution("softmax")(logits)
        result[-1, 1] = 2
        return result

    ((logits,), *_) = draws(checks.softmax)
    verdict = checks.softmax(spoilt)
    right = f"{solution('softmax')(logits)[1, 1]:.3g}"
    assert verdict.says == (
        f"for `logits` of shape (2, 4), row 1 of your result adds up to {3 - float(right):.3g}, but each row should "
        f"add up to 1; your number at [1, 1] is 2, but should be {right} (all other numbers are right). Print what "
        f"your code has after each step for `{verdict.given}`, and follow one number."
    )
    assert verdict.lead == verdict.says[30:].partition(";")[0] + "."  # on a card, the tables show the rest
    assert verdict.note == "Print what your code has after each step for this input, and follow one number."
    captions = re.findall("<caption[^>]*>([^<]*)<", verdict.picture)
    assert captions == ["input logits", "yours: ", "should be"]
    assert "too high" in verdict.picture and "too low" not in verdict.picture
    marked = re.findall(r"background:#(\w{8});[^>]*>([^<]*)</td>", verdict.picture)  # orange in one, green in the other
    orange, green = "ee9b3b33", "1a7a4c1f"
    assert marked == [(orange, "2.000"), (orange, f"{3 - float(right):.2f}"), (green, f"{float(right):.3f}")]
    line = f"Framed: logits {float(logits[1, 1]):.2f}, yours 2.000, should be {float(right):.3f}".replace("-", "−")
    assert re.sub("<[^>]*>", "", verdict.picture.partition("</p>")[0]) == line
    framed = re.findall(r"outline:2px solid;[^>]*>([^<]*)</td>", verdict.picture)
    assert framed == [f"{float(logits[1, 1]):.2f}".replace("-", "−"), "2.000", f"{float(right):.3f}"]
    large = checks.softmax(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True)).picture
    assert "sum" not in large  # what is nan adds up to nan
    grey = re.findall(r"background:#8883;[^>]*>([^<]*)</td>", large)
    assert grey and all(int(logit) >= 89 for logit in grey)  # of the logits, those that give it
    captions = re.findall("<caption[^>]*>([^<]*)</caption>", large)
    assert captions == ["input logits, part of 5 × 7", "yours", "should be"]
    pooled = checks.max_pool(lambda images: nn.functional.avg_pool2d(images, 2)).picture
    captions = re.findall("<caption[^>]*>([^<]*)<", pooled)
    assert captions == ["input image[0]", "yours: ", "should be"]
    assert "too low" in pooled and "too high" not in pooled  # a mean is below the largest
    other = checks.preprocess(lambda photo: solution("preprocess")(photo) + 1).picture  # its input is not drawn
    assert re.findall("<caption[^>]*>([^<]*)<", other) == ["yours[0, 0], part of 32 × 32: ", "should be[0, 0]"]
    brighter = checks.brighten(lambda image, amount: image + amount).picture  # every argument, and one number followed
    assert "With <code>amount = 100</code>. Framed: <code>image</code> <b>172</b>, yours <b" in brighter
    assert str(verdict).endswith("\nStuck? checks.hint('softmax') helps, one step at a time.")
    stored = verdict._repr_mimebundle_()[0]["text/html"]
    assert verdict.lead in html.unescape(stored) and "all other numbers" not in stored
    assert verdict.note in stored and verdict.given in stored
    assert "<code>logits</code>" in stored and "<code>checks.hint(&#x27;softmax&#x27;)</code>" in stored
    by_hand = checks.output_size(lambda *given: solution("output_size")(*given) + 2)
    said = "for `size = 23`, `kernel = 5`, `padding = 0` and `stride = 1`, your result is 21, but should be 19. Work it"
    assert by_hand.says.startswith(said) and by_hand.picture == ""
    lost = checks.normalise(lambda images: solution("normalise")(images) / 0)
    assert re.search(r"108 of your 108 numbers are nan or infinite; the first, at \[0, 0, 0, 0\], should be", lost.says)


@pytest.mark.parametrize(
    ("pair", "words"),
    [((0.1234, 0.1235), ("0.1234", "0.1235")), ((-2.0, 2.0), ("−2", "2")), ((20480, 20481.5), ("20,480", "20,482"))],
)
def test_two_numbers_have_the_digits_that_tell_them_apart(pair: tuple[float, float], words: tuple[str, str]) -> None:
    assert told_apart(*pair) == words


def test_a_wrong_answer_about_a_network_is_not_taken_for_the_network() -> None:
    assert "numbers differ; this is the first" in str(checks.saliency(lambda *given: 3 * solution("saliency")(*given)))


def test_of_several_tensors_the_wrong_one_is_named() -> None:
    def own(images: torch.Tensor, labels: torch.Tensor, *rest: Any) -> Any:
        mixed, shares = solution("mixup")(images, labels, *rest)
        return mixed, shares.clamp(max=0.6)

    said = str(checks.mixup(own))
    assert re.search(
        r"in the second tensor that you return, row \d of your result adds up to 0\.\d+, but each row should .*; "
        r"your number at \[0, ",
        said,
    )
    assert "a tuple of a tensor" in str(checks.mixup(lambda images, *_: images))
    twice = checks.running_mean(lambda mean, weights, decay: [*mean, *weights])
    assert "the shape of the result is (4,), but should be (2,)" in str(twice)
    thrice = checks.running_mean(lambda *_: [torch.ones(3, requires_grad=True)] * 3)
    assert "the shape of the result is (3,), but should be (2,)" in str(thrice)
    other = checks.running_mean(lambda mean, weights, decay: [m[:1] for m in mean])
    assert "in the first tensor that you return, the shape is (1, 3), but should be (3, 3)" in str(other)


def test_weights_that_are_changed_in_place_are_noticed() -> None:
    def in_place(mean: Any, weights: Any, decay: float) -> Any:
        return [m.mul_(decay).add_(w, alpha=1 - decay) for m, w in zip(mean, weights, strict=True)]

    def plus(values: torch.Tensor, change: Any, kernel: torch.Tensor | None) -> torch.Tensor:
        values += change(values)
        return values.relu_()

    assert all("in place" in str(verdict) for verdict in (checks.running_mean(in_place), checks.residual(plus)))


def test_hints_go_a_step_further_each_time_and_end_with_the_solution() -> None:
    checks.session.hints_given.clear()
    hints = [checks.hint("max_pool") for _ in range(6)]
    assert repr(hints[3]) == hints[3]  # a notebook shows its lines, no quotes
    assert len(set(hints)) == 4 and hints[3] == hints[5] and "def my_max_pool" in hints[3]
    assert all("def my_max_pool" not in text for text in hints[:3])
    assert "there is no exercise 'maxpool'" in checks.hint("maxpool") and "max_pool" in checks.hint("maxpool")


def test_progress_shows_what_is_solved() -> None:
    checks.session.solved.clear()
    of = sum(exercise.lesson == 2 for exercise in EXERCISES)
    assert f"0 of {of} exercises solved" in checks.progress(2)
    checks.max_pool(solution("max_pool"))
    checks.conv2d(broken)
    assert "✅ max_pool" in checks.progress(2) and f"1 of {of} exercises solved" in checks.progress(2)
    assert f"1 of {len(EXERCISES)} exercises solved, " in checks.progress()


LESSONS = sorted(NOTEBOOKS.glob("0[1-9]*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_each_lesson_has_its_exercises_as_stubs_that_the_solutions_turn_right(path: Path) -> None:
    wanted = [exercise for exercise in EXERCISES if exercise.lesson == int(path.stem[:2])]
    assert 4 <= len(wanted) <= 7
    sources = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    stubs = {name: source for source in sources for name in re.findall(r"^checks\.(\w+)\(my_\w+\)$", source, re.M)}
    assert sorted(stubs) == sorted(exercise.name for exercise in wanted)
    for exercise in wanted:
        stub = re.sub(r"from cifar_helpers import checks\s+|^checks\..*", "", stubs[exercise.name], flags=re.M)
        head, body = re.findall(r"^(def my_.*)\n(.*)$", stub, re.M)[0]  # a class may come before it
        assert body == "    return ..." and f"\n{head}\n" in f"\n{exercise.solution}"
        names: dict[str, Any] = {"torch": torch, "nn": nn, "MEAN": MEAN, "STD": STD, "normalise": normalise}
        names["checks"] = checks
        exec(stub, names)
        assert exercise(names[f"my_{exercise.name}"]).state == "open"
        exec(exercise.solution, names)
        assert exercise(names[f"my_{exercise.name}"]).state == "right"


def test_the_task_names_the_shape_of_what_the_check_passes() -> None:
    shape = re.compile(r"\((?:[A-Z]|\d+)(?:, (?:[A-Z]|\d+))+\)|\([A-Z],\)")
    tasks: dict[str, str] = {}
    for path in NOTEBOOKS.glob("0*.ipynb"):
        for before, cell in pairwise(nbformat.read(path, as_version=4).cells):
            for name in re.findall(r"^checks\.(\w+)\(my_\w+\)$", cell.source, re.M):
                tasks[name] = before.source.split(" minutes)")[-1]
    for exercise in EXERCISES:
        named = [re.findall(r"\w+", sides) for sides in shape.findall(tasks[exercise.name])]
        for number in range(8 if named else 0):
            given = exercise.draw(torch.Generator().manual_seed(0), number)
            tensor = next((one for one in given if isinstance(one, Tensor)), None)
            assert tensor is None or any(
                len(sides) == tensor.ndim
                and all(side.isalpha() or int(side) == length for side, length in zip(sides, tensor.shape, strict=True))
                for sides in named
            ), f"{exercise.name}: {tuple(tensor.shape)} is none of {named}"


def test_a_wrong_kernel_is_shown_beside_what_it_should_do() -> None:
    def captions(kernel: Any) -> list[str]:
        return re.findall("<figcaption[^>]*>([^<]*)</figcaption>", checks.vertical_edges(lambda: kernel).picture)

    across = [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
    four = ["input", "your kernel", "yours", "should be, for example"]
    assert captions(across) == captions([[0] * 3] * 3) == four
    picture = checks.vertical_edges(lambda: across).picture
    assert "edges, at the top and bottom" in picture and "edges, at the left and right side" in picture
    assert captions([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) == ["your kernel", "Sobel&#x27;s"]
    assert captions([-1, 0, 1]) == ["yours: 1 × 3", "should be: 3 × 3"]
    assert captions("many") == captions([]) == captions([[[1.0] * 4] * 4] * 4) == []
    assert captions([[-1, 0, 1]] * 3)[-1] == "your result"  # a right one


def test_an_unfair_split_is_shown_beside_a_fair_one() -> None:
    verdict = checks.stratified_split(splits.leaking)
    captions = re.findall("<figcaption>([^<]*)</figcaption>", verdict.picture)
    fair = "6 of 30, 4 of 20, 2 of 10"
    titles = ("yours, seed 0", "yours, seed 0 again", "yours, seed 1", "should be, for example")
    assert captions == [f"{title}: {fair}" for title in titles]
    assert verdict.picture.count("rgb(127,127,127)") == 3 * 12  # in both parts
    assert checks.stratified_split(splits.held_out_alone).picture == ""


def test_results_of_two_shapes_are_shown_side_by_side() -> None:
    def shown(verdict: Verdict) -> tuple[list[str], list[str]]:
        captions = re.findall("<caption[^>]*>([^<]*)</caption>", verdict.picture)
        return captions, re.findall(r"outline:2px solid;[^>]*>([^<]*)</td>", verdict.picture)

    def convolve(image: Tensor, kernel: Tensor) -> Tensor:
        return nn.functional.conv2d(image[None, None], kernel[None, None])[0, 0]

    smaller = checks.convolve(lambda image, kernel: convolve(image, kernel)[:-1, :-1])
    assert shown(smaller) == (["yours: (3, 3)", "should be: (4, 4)"], [])  # a frame is around what differs, elsewhere
    assert "What you have is right, but the last row and the last column are missing." in smaller.picture
    assert shown(checks.convolve(lambda image, kernel: convolve(image, kernel).mean(0)))[0] == [
        "yours: (4,)", "should be: (4, 4)",
    ]  # fmt: skip
    assert shown(checks.convolve(lambda image, kernel: convolve(image, kernel).mean()))[0][0] == "yours: one number"
    assert checks.convolve(lambda image, kernel: convolve(image, kernel)[:0]).picture == ""
    fewer = checks.centre(lambda images: solution("centre")(images)[:-1])  # what is drawn of it is right
    assert "the shape of the result is (4, 3, 6, 6), but should be (5, 3, 6, 6)" in fewer.says and fewer.picture == ""


def test_a_right_part_of_a_result_is_named_and_pale() -> None:
    def padded(image: Tensor, kernel: Tensor) -> Tensor:
        return nn.functional.conv2d(image[None, None], kernel[None, None], padding=1)[0, 0]

    verdict = checks.convolve(padded)
    assert (
        "The middle is right, rows 1 to 4 and columns 1 to 4, but a border of 1 around it is too much." in verdict.says
    )
    assert "Padding makes such a border." in verdict.says and "The middle" not in verdict.picture
    red = re.findall(r"background:#b3261e1f[^>]*>", verdict.picture)
    assert len(red) == 6 * 6 - 4 * 4 and "background:#1a7a4c1f" not in verdict.picture
    ((image, kernel), *_) = draws(checks.convolve)
    right = nn.functional.conv2d(image[None, None], kernel[None, None])[0, 0]
    assert right_part(right, right[1:, :], 1e-4) == RightPart(
        (1, 0), (3, 4), True, "What you have is right, but the first row is missing."
    )
    alone = right_part(right, right[1], 1e-4)
    assert alone and alone.says == "What you have is right, but the first row and the last 2 rows are missing."
    part = right_part(right[:2, 1:3], right, 1e-4)
    assert part and part.says == (
        "Rows 0 to 1 and columns 1 to 2 are right, "
        "but the last 2 rows, the first column and the last column are too much."
    )
    for other in (torch.zeros(6, 6), right[:1, :1], right.T[:3], right.reshape(2, 8), "text", right + 1):
        assert right_part(right, other, 1e-4) is None
    column = right_part(right, right[:, 0], 1e-4)
    assert column and (column.place, column.size) == ((0, 0), (4, 1))
    assert right_part(torch.zeros(2, 2), torch.zeros(4, 4), 1e-4) is None  # it fits anywhere


def test_rows_that_add_up_to_1_as_they_should_are_no_suspects() -> None:
    verdict = checks.softmax(lambda logits: (2 * logits).softmax(1))
    apart = "each row adds up to 1, but is too sharp: its largest number takes from all the others"
    assert f"{apart}; your number at [0, 0] is" in verdict.says and verdict.lead == f"{apart}."
    assert "(all 8 numbers differ; this is the first)" in verdict.says and "right for 3 of 8" in verdict.says
    assert verdict.picture.count(">sum</th>") == 1 and verdict.picture.count(">1.00</td>") == 2  # of yours, as claimed
    together = checks.softmax(lambda logits: (logits / 2).softmax(1))
    assert together.lead == "each row adds up to 1, but its largest number is too small and its smallest too large."
    even = checks.softmax(lambda logits: (logits / 10).softmax(1))
    assert even.lead == together.lead, "the second largest number of a row is too small, too"

    def flat(logits: torch.Tensor) -> torch.Tensor:
        shares = logits.softmax(1)
        top = shares == shares.amax(1, keepdim=True)
        return shares + 0.01 - 0.01 * shares.shape[1] * top

    says = "each row adds up to 1, but is too flat: its largest number gives to all the others."
    assert checks.softmax(flat).lead == says
    moved = checks.softmax(lambda logits: logits.softmax(1).roll(1, 1))
    assert moved.lead == "each row of your result adds up to 1, as it should, but all 8 numbers are wrong."


def test_a_card_says_in_a_few_words_what_its_tables_show() -> None:
    def spoilt(count: int) -> Any:
        def answer(images: Tensor) -> Tensor:
            pooled = solution("max_pool")(images)
            pooled.view(-1)[:count] += 1
            return pooled

        return answer

    assert checks.max_pool(spoilt(1)).lead == "1 of 12 numbers is wrong; the others are right."
    assert checks.max_pool(spoilt(3)).lead == "3 of 12 numbers are wrong; the others are right."
    assert checks.max_pool(lambda images: solution("max_pool")(images) + 1).lead == "all 12 numbers are wrong."
    both = checks.two_gradients(lambda *given: [3 * number for number in solution("two_gradients")(*given)])
    assert both.lead == "both numbers are wrong." and "(both numbers differ; this is the first)" in both.says
    assert "With <code>" not in both.picture and both.note.startswith("This is for `x = ")
    part = checks.running_mean(lambda *given: [3 * mean for mean in solution("running_mean")(*given)])
    assert part.lead == "in the first tensor that you return, all 9 numbers are wrong."
    lost = checks.normalise(lambda images: solution("normalise")(images) / 0)
    assert lost.lead.startswith("108 of your 108 numbers are nan or infinite. Look for")
    alone = checks.output_size(lambda *_: 1)  # a number without a picture
    assert not alone.lead and not alone.note


def test_columns_that_add_up_to_1_instead_of_rows_are_shown() -> None:
    picture = checks.softmax(lambda logits: logits.softmax(0)).picture
    (mine,) = re.findall(r"<tr><th[^>]*>sum</th>(<td(?:(?!</tr>).)*)</tr>", picture)  # of the right one, none
    assert re.findall(r">([\d.]+)</td>", mine) == ["1.00"] * 4
    assert picture.count(">sum</th>") == 3 and picture.count(">1.00<") == 4 + 2  # of the right rows
    assert picture.count("outline:2px solid") == 3  # the framed logit, too
    rows = checks.softmax(lambda logits: 2 * logits.softmax(1)).picture
    assert rows.count(">sum</th>") == 2 and ">sum</th><td" not in rows
    logarithms = checks.softmax(lambda logits: logits.log_softmax(1)).picture
    assert ">sum<" not in logarithms  # of these, they say nothing
    numbers = re.findall(r"data-at[^>]*>([^<]*)</td>", logarithms)
    assert {len(number.partition(".")[2]) for number in numbers[8:]} == {3}  # in yours and in what should be


def test_the_first_number_that_overflows_is_in_the_words_and_in_the_frame() -> None:
    verdict = checks.softmax(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True))
    line = re.sub("<[^>]*>", "", verdict.picture.partition("</p>")[0])
    (framed,) = re.findall(r"logits (\d+), yours nan", line)
    assert f"Here exp({framed}) = inf, and inf / inf = nan." in verdict.says
    assert torch.tensor(88.7).exp().isfinite() and torch.tensor(88.8).exp().isinf() and int(framed) > 88


def changed(change: Any) -> str:
    return checks.softmax(lambda logits: change(logits.softmax(1))).says


def test_what_is_a_piece_of_the_right_result_or_arranged_otherwise_is_named() -> None:
    shapes = "the shape of the result is {}, but should be (2, 4). {}"
    only = "You return only the {}."
    for change, shape, says in (
        (lambda right: right[0], "(4,)", only.format("first row, without the dimension of rows")),
        (lambda right: right[-1], "(4,)", only.format("last row, without the dimension of rows")),
        (lambda right: right[:1], "(1, 4)", only.format("first row")),
        (lambda right: right[:-1], "(1, 4)", "What you have is right, but the last row is missing."),
        (lambda right: right[:, 0], "(2,)", only.format("first column, without the dimension of columns")),
        (lambda right: right[:, -1:], "(2, 1)", only.format("last column")),
        (lambda right: right[None], "(1, 2, 4)", "The numbers are right, but a dimension of size 1 is too much."),
        (lambda right: right.T, "(4, 2)", "The numbers are right, but rows and columns are exchanged."),
        (lambda right: right.flatten(), "(8,)", "The numbers are right and in the right order, but in another shape."),
    ):
        assert changed(change).endswith(shapes.format(shape, says))
    assert changed(lambda right: right.mean(0)).endswith("should be (2, 4).")  # of its size, and nothing else
    columns = checks.softmax(lambda logits: logits.softmax(1)[:, 0]).picture
    assert "background:#b3261e1f" not in columns and columns.count("background:#1a7a4c1f") == 6
    square = checks.convolve(lambda *given: solution("convolve")(*given).T)
    assert square.lead == "The numbers are right, but rows and columns are exchanged."
    assert square.says.startswith("the numbers are right, but rows and columns are exchanged. This is for `image` of")
    pooled = checks.max_pool(lambda images: solution("max_pool")(images).permute(1, 2, 0))
    assert pooled.says.endswith("The numbers are right, but you return `permute(1, 2, 0)` of the right result.")
    pooled = checks.max_pool(lambda images: solution("max_pool")(images)[:, -1])
    assert pooled.says.endswith("You return only the last place of dimension 1, without that dimension.")


def test_a_small_input_is_given_as_code_that_makes_exactly_this_input() -> None:
    for answer in (lambda logits: (2 * logits).softmax(1), lambda logits: logits.softmax(5), lambda logits: logits[0]):
        given = checks.softmax(answer).given
        made: dict[str, Any] = {"torch": torch}
        exec(given, made)
        assert given.startswith("logits = torch.tensor([[1.54, -0.29,") and torch.equal(
            made["logits"], draws(checks.softmax)[0][0]
        )

    def naive(logits: Tensor) -> Tensor:
        return logits.exp() / logits.exp().sum(1, keepdim=True)

    exec(checks.softmax(naive).given, made)
    assert naive(made["logits"]).isnan().any(), "the input that is too large for it"
    assert checks.softmax(lambda logits: logits.softmax(1)).given == ""
    assert checks.output_size(lambda *_: 1).given == ""  # the words have it
    values = (torch.tensor([1.0, -0.1, 1e-7]), torch.tensor([[True], [False]]), torch.tensor([7], dtype=torch.uint8), 3)
    assert as_code(values, ["x", "mask", "pixels", "k"]) == (
        "x = torch.tensor([1., -0.1, 1e-07])\nmask = torch.tensor([[True], [False]])\n"
        "pixels = torch.tensor([7], dtype=torch.uint8)\nk = 3"
    )
    for other in (torch.tensor([math.nan]), torch.zeros(7, 7), torch.zeros(1, dtype=torch.bfloat16), nn.Linear(1, 1)):
        assert as_code((torch.zeros(1), other), ["x", "other"]) == ""


def test_logits_are_exactly_what_a_card_shows_of_them() -> None:
    (first,), *_ = draws(checks.softmax)
    picture = checks.softmax(lambda logits: logits.softmax(0)).picture
    cells = re.findall(r"data-at[^>]*>([^<]*)</td>", picture)[: first.numel()]
    shown = torch.tensor([float(words.replace("−", "-")) for words in cells]).view(first.shape)
    assert torch.equal(shown, first)


def test_an_error_has_its_line_and_its_message_as_code() -> None:
    verdict = checks.conv2d(broken)
    assert verdict.lead.endswith("and `stride = 1`, it raises an error:")
    line, error = verdict.code
    assert re.fullmatch(r'line \d+: raise KeyError\("learner"\)', line) and error == "KeyError: 'learner'"
    assert verdict.note == ""  # nothing is known of it
    assert checks.conv2d(lambda *_: sys.exit()).code == ()  # its words say what to do
    assert "without brackets: `my_conv2d`" in checks.conv2d(torch.zeros(3, 3)).says


class LayersInAnotherOrder(nn.Module):
    """The right block; `__init__` makes its layers in another order than they run, as many people do."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, images: Tensor) -> Tensor:
        values = self.norm1(self.conv1(images)).relu()
        return nn.functional.max_pool2d(self.norm2(self.conv2(values)).relu(), 2)


class WithoutReturn(LayersInAnotherOrder):
    def forward(self, images: Tensor) -> Tensor:
        super().forward(images)
        return None  # type: ignore[return-value]


class WithDots(LayersInAnotherOrder):
    def forward(self, images: Tensor) -> Tensor:
        return ...  # type: ignore[return-value]


def lazy_classifier(inputs: int, first: int, second: int) -> nn.Module:
    hidden = [layer for size in (first, second) for layer in (nn.LazyLinear(size), nn.ReLU(), nn.Dropout(0.25))]
    return nn.Sequential(nn.Flatten(), *hidden, nn.LazyLinear(10))


def test_a_right_network_is_right_in_whatever_order_its_layers_are_made() -> None:
    assert checks.double_block(LayersInAnotherOrder).state == "right"
    assert checks.double_block(lambda i, o: LayersInAnotherOrder(i, o, bias=False)).state == "right"
    assert checks.classifier(lazy_classifier).state == "right"
    assert "its forward returns nothing" in checks.double_block(WithoutReturn).says
    assert checks.double_block(WithDots).state == "open"


def test_a_reply_speaks_of_what_the_learner_has_made() -> None:
    wide = checks.classifier(lambda inputs, first, second: lazy_classifier(inputs, first, 2 * second))
    assert "in the sizes of its parameters, in the order in which its layers run, your number at [2]" in wide.says
    assert "by hand" not in wide.says
    frozen = checks.freeze(lambda *_: None)
    assert "in the parameters (1: trained), followed by the batch norms" in frozen.says
    assert (
        "in the parameters after two steps" in checks.training_step(lambda model, *_: model[0].bias.data.fill_(1)).says
    )
    assert "Return two tensors" in checks.quantise(lambda weights: solution("quantise")(weights)[0]).says
    assert (
        checks.quantise(lambda weights: [(got := solution("quantise")(weights))[0], got[1].tolist()]).state == "right"
    )
    here = checks.logits_anywhere(lambda network, images: network.cpu()(images.cpu()))
    assert here.says == checks.logits_anywhere.replies["away_from_meta"]


def test_what_equals_the_input_by_chance_is_not_called_the_input() -> None:
    assert (
        "your result is" in checks.output_size(lambda size, kernel, padding, stride: (size - kernel) // stride + 1).says
    )
    assert "returns its input unchanged" in checks.output_size(lambda size, *_: size).says


def test_lists_compared_as_a_whole_hear_of_it() -> None:
    assert "== between two lists" in checks.accuracy(lambda predicted, true: predicted == true).says


def test_what_keeps_a_division_possible_may_not_be_left_out() -> None:
    def folded(weights: Tensor, bias: Tensor, norm: Any) -> Any:
        factor = norm.weight / norm.running_var.sqrt()
        return weights * factor.view(-1, 1, 1, 1), (bias - norm.running_mean) * factor + norm.bias

    assert "division by zero" in checks.fold_batch_norm(folded).says


@pytest.mark.parametrize("rule", ["lower", "higher", "nearest", "weibull", "hazen", "linear"])
def test_every_rule_for_a_quantile_gives_an_interval(rule: Any) -> None:
    def my_interval(right: Tensor, of_class: Tensor, picks: Tensor, ends: tuple[float, float] = (0.025, 0.975)) -> Any:
        recalls = (right & of_class)[picks].sum(1) / of_class[picks].sum(1)
        return np.quantile(recalls.numpy(), ends, method=rule)

    assert checks.recall_interval(my_interval).state == "right"
    for ends in ((0.05, 0.95), (0.005, 0.995), (0.025, 1.0)):
        assert checks.recall_interval(lambda *given, ends=ends: my_interval(*given, ends)).state == "wrong"


def test_probabilities_that_round_to_0_are_told_from_exponentials_that_overflow() -> None:
    def by_hand(logits: Tensor, labels: Tensor) -> Tensor:
        powers = (logits - logits.amax(1, keepdim=True)).exp()
        return -(powers / powers.sum(1, keepdim=True))[range(len(labels)), labels].log().mean()

    assert checks.cross_entropy(by_hand).says == checks.cross_entropy.replies["log_of_softmax"]
    unsafe = checks.cross_entropy(lambda z, y: (z.exp().sum(1).log() - z[range(len(y)), y]).mean())
    assert "your result is inf" in unsafe.says and "the exponential of a large number" in unsafe.says


def timed(warm_ups: int = 1, waits: bool = True, rank: int = 0, left_out: int = 0) -> Any:
    """An answer to `seconds_per_call`: the time that is `rank` places above the median."""

    def run(work: Any, wait: Any, clock: Any, repeats: int) -> float:
        for _ in range(warm_ups):
            work()
        if waits:
            wait()
        found = []
        for _ in range(left_out + repeats):
            start = clock()
            work()
            wait()
            found.append(clock() - start)
        return sorted(found[left_out:])[repeats // 2 + rank]

    return run


def test_a_rule_of_timing_is_not_taken_for_another() -> None:
    replies = checks.seconds_per_call.replies
    for right in (timed(), timed(warm_ups=3), timed(warm_ups=0, left_out=1)):
        assert checks.seconds_per_call(right).state == "right"
    assert checks.seconds_per_call(timed(waits=False)).says == replies["warm_up_not_waited_for"]
    assert checks.seconds_per_call(timed(warm_ups=0)).says == replies["no_warm_up"]
    for warm_ups, waits in ((1, True), (1, False), (0, True)):
        for rank in (-1, 1):
            assert "your result is" in checks.seconds_per_call(timed(warm_ups, waits, rank)).says


def test_a_batch_norm_without_momentum_is_not_said_to_update() -> None:
    def still(network: nn.Sequential, count: int) -> None:
        for layer in network[:count].requires_grad_(False).modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.0

    assert "unless its momentum is 0" in checks.freeze(still).says


def test_a_reply_gives_no_reason_that_may_be_untrue() -> None:
    always_nan = checks.cross_entropy(lambda logits, labels: (-logits.abs() - 1).log().mean())
    assert "your result is nan" in always_nan.says and "Use the arguments" not in always_nan.says
    undivided = checks.paired_difference(lambda g, k, n: (g - k, ((g + k) / n - (g - k) ** 2) ** 0.5))
    assert "look at what you take the root of" in undivided.says
    forgotten = checks.temperature(lambda z, y, c: min(c, key=lambda _: nn.functional.cross_entropy(z, y)))
    assert "same at every temperature" in forgotten.says and "logits / t" in forgotten.says
    assert "backward() or step() is missing" in checks.training_step(lambda model, optimizer, _: optimizer.step()).says
    unmeant = checks.interval_of_gain(lambda differences, *_: (differences - 1, differences.mean() + 1))
    assert "a tensor (50,) of float32" in unmeant.says and "instead of tuple (" in unmeant.says
    nested = checks.recall_interval(lambda right, of_class, picks: picks[:2].float())
    assert "a tensor (2, 60) of float32 instead of tuple (" in nested.says


def test_a_reply_fits_every_answer_with_the_same_result() -> None:
    def once(model: nn.Module, optimizer: Any, batches: Any) -> None:
        optimizer.zero_grad()
        for inputs, labels in batches:
            loss = nn.functional.cross_entropy(model(inputs), labels) / len(batches)
        loss.backward()
        optimizer.step()

    def wide(weights: Tensor) -> Any:
        whole, scales = solution("quantise")(weights)
        return whole.to(torch.int16), scales

    assert "and backward in it" in checks.training_step(once).says
    assert "in the bytes that each whole number takes, your result is 2" in checks.quantise(wide).says
    moved_back = checks.logits_anywhere(lambda network, images: network(images.to(network.weight.device)).to(images))
    assert "the network, or its logits" in moved_back.says
    all_held_out = checks.stratified_split(lambda labels, *_: (torch.arange(0), torch.arange(len(labels))))
    assert "it gives the same number of every class instead of a fair split" in all_held_out.says
