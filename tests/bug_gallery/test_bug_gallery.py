"""The gallery of bugs: each bug is really in the code, records show what texts say, and every suspicion is judged."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import NOTEBOOKS, random_images
from matplotlib import pyplot as plt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cifar_helpers import ImageSet, checks, figures, normalise
from cifar_helpers._paths import resources
from cifar_helpers.bug_gallery import inject
from cifar_helpers.bug_gallery.diagnosis import NAMED, PROFILES, against, code_of, judge
from cifar_helpers.bug_gallery.inject import BUGS, CASES, HEALTHY, observe, program, symptoms
from cifar_helpers.bug_gallery.signs import FLOOR, percent

LESSON = NOTEBOOKS / "04_training_and_overfitting.ipynb"
SEEN = symptoms()
HEALTHY_RUN = SEEN[HEALTHY]


@pytest.fixture(autouse=True)
def _nothing_named() -> None:
    NAMED.clear()


# --- each bug is in the code ----------------------------------------------------------------------------------------


def both(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The names that the healthy program defines, and those with the bug in it."""
    return program(None), program(BUGS[name])


def test_without_zero_grad_gradients_add_up() -> None:
    found = []
    for run in both("no zero_grad"):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
        run["train_epoch"](model, torch.optim.SGD(model.parameters(), lr=0.0), random_images(100))
        found.append(model[1].weight.grad)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    gradients = []
    for batch, labels in program(None)["batches"](random_images(100)):
        gradients += torch.autograd.grad(cross_entropy(model(batch), labels), model[1].weight)
    assert len(gradients) == 2
    torch.testing.assert_close(found[0], gradients[1])
    torch.testing.assert_close(found[1], gradients[0] + gradients[1])


def test_without_eval_the_network_answers_in_train_mode() -> None:
    for run, trains in zip(both("no eval()"), (False, True), strict=True):
        model = nn.Flatten().train()
        run["predict"](model, torch.zeros(1, 10))
        assert model.training is trains


def test_after_a_softmax_even_certainty_has_a_loss() -> None:
    certain, label = torch.tensor([[100.0, *[0.0] * 9]]), torch.tensor([0])
    healthy, broken = (run["loss_of"](certain, label).item() for run in both("softmax before cross-entropy"))
    assert healthy == 0 and broken == pytest.approx(FLOOR, abs=1e-5) and f"{FLOOR:.2f}" == "1.46"


@pytest.mark.parametrize(("name", "factor"), [("learning rate × 100", 100), ("learning rate ÷ 100", 0.01)])
def test_the_learning_rate_is_off_by_a_hundred(name: str, factor: float) -> None:
    healthy, broken = (run["start"]()[1].param_groups[0]["lr"] for run in both(name))
    assert broken == pytest.approx(factor * healthy)


def test_a_stale_optimizer_holds_no_parameter_of_the_network() -> None:
    for run, known in zip(both("stale optimizer"), (True, False), strict=True):
        model, optimizer = run["start"]()
        held = {id(parameter) for parameter in optimizer.param_groups[0]["params"]}
        assert all((id(parameter) in held) is known for parameter in model.parameters())


def test_shuffled_labels_belong_to_other_images() -> None:
    classes = torch.arange(200) % 10
    marked = ImageSet(classes.byte()[:, None, None, None].expand(-1, 3, 32, 32), classes)
    for run, fits in zip(both("labels shuffled against images"), (True, False), strict=True):
        torch.manual_seed(0)
        batches = list(run["batches"](marked))
        pixels, labels = torch.cat([b[:, 0, 0, 0] for b, _ in batches]), torch.cat([y for _, y in batches])
        expected = normalise(labels.byte()[:, None, None, None].expand(-1, 3, 1, 1))[:, 0, 0, 0]
        assert torch.equal(pixels, expected) is fits
        assert labels.bincount().tolist() == [20] * 10


def test_training_images_hold_those_that_should_judge() -> None:
    images = random_images(3000)
    for run, common in zip(both("validation images in training"), (0, 1000), strict=True):
        training, validation = ({image.numpy().tobytes() for image in part.images} for part in run["split"](images))
        assert len(validation) == 1000 and len(training & validation) == common


def test_a_photo_arrives_as_in_training_or_as_numbers_from_0_to_1() -> None:
    class Watched(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            self.got = batch
            return torch.zeros(1, 10)

    photo = random_images(1).images[0]
    for run, wanted in zip(both("photo not normalised"), (normalise(photo[None]), photo[None] / 255), strict=True):
        model = Watched()
        run["classify_photo"](model, photo)
        assert torch.equal(model.got, wanted)


def test_a_bug_whose_place_is_gone_is_refused() -> None:
    with pytest.raises(ValueError, match="no such: its lines occur 0 times"):
        program(inject.Bug("no such", "    model.sleep()\n", ""))


def test_what_is_observed_is_what_the_program_did(monkeypatch: pytest.MonkeyPatch) -> None:
    def shorter(bug: inject.Bug | None) -> dict[str, Any]:
        """The program with six batches to train on instead of forty."""
        run = program(bug)
        run["split"] = lambda images: (images.subset(slice(0, 300)), images.subset(slice(300, 350)))
        return run

    monkeypatch.setattr(inject, "program", shorter)
    images, new = random_images(350), random_images(20, seed=1)
    healthy = observe(None, images, new, epochs=1)
    assert len(healthy.train_loss) == 1 and len(healthy.first_losses) == 6
    assert all(abs(loss - math.log(10)) < 0.5 for loss in healthy.first_losses)
    assert (
        healthy.moved > 0 and healthy.gradient[0] > 0 and healthy.photo_accuracy == pytest.approx(healthy.new_accuracy)
    )
    stale = observe(BUGS["stale optimizer"], images, new, epochs=1)
    assert stale.moved == 0 and stale.gradient == (0.0,)


# --- the records show what the texts say --------------------------------------------------------------------------


def test_the_record_is_whole_and_of_the_real_images() -> None:
    content = json.loads((resources() / "bugs.json").read_text(encoding="utf-8"))
    assert content["data"]["source"] == "cifar10" and set(content["runs"]) == {HEALTHY, *BUGS}
    assert sorted(CASES) == sorted(BUGS) and not any(case == bug for case, bug in zip(CASES, BUGS, strict=True))
    for seen in SEEN.values():
        columns = (seen.train_loss, seen.train_accuracy, seen.validation_loss, seen.validation_accuracy, seen.gradient)
        assert {len(column) for column in columns} == {content["epochs"]} and len(seen.answers) == 5


def test_the_healthy_run_learns_and_predicts_the_same_by_every_path() -> None:
    assert HEALTHY_RUN.train_accuracy[-1] > 0.65 and HEALTHY_RUN.validation_accuracy[-1] > 0.5
    assert HEALTHY_RUN.single_accuracy == HEALTHY_RUN.validation_accuracy[-1]
    assert (
        HEALTHY_RUN.photo_accuracy
        == HEALTHY_RUN.new_accuracy
        == pytest.approx(HEALTHY_RUN.validation_accuracy[-1], abs=0.05)
    )
    assert len(set(HEALTHY_RUN.answers)) == 1 and HEALTHY_RUN.answers[0][0] == inject.PHOTO


def test_no_zero_grad_has_healthy_first_batches_and_gradients_that_grow_without_end() -> None:
    seen = SEEN["no zero_grad"]
    assert max(seen.first_losses) < 2.5 and seen.gradient[0] > 5 * HEALTHY_RUN.gradient[0]
    assert all(later > earlier for earlier, later in pairwise(seen.gradient)) and seen.train_loss[-1] > 1000


def test_no_eval_gives_other_answers_each_time_and_suffers_when_asked_one_at_a_time() -> None:
    seen = SEEN["no eval()"]
    assert len(set(seen.answers)) == 5 and seen.single_accuracy < seen.validation_accuracy[-1] - 0.1
    assert seen.validation_accuracy[-1] == pytest.approx(HEALTHY_RUN.validation_accuracy[-1], abs=0.1)


def test_softmax_before_cross_entropy_learns_above_its_floor() -> None:
    seen = SEEN["softmax before cross-entropy"]
    assert min(*seen.train_loss, *seen.validation_loss) > FLOOR and seen.validation_accuracy[-1] > 0.4
    at_that_accuracy = [
        loss
        for loss, accuracy in zip(HEALTHY_RUN.validation_loss, HEALTHY_RUN.validation_accuracy, strict=True)
        if abs(accuracy - seen.validation_accuracy[-1]) < 0.02
    ]
    assert at_that_accuracy and max(at_that_accuracy) < seen.validation_loss[-1] - 0.3


def test_a_rate_a_hundred_times_as_high_throws_the_loss_up_and_then_away() -> None:
    seen = SEEN["learning rate × 100"]
    assert seen.first_losses[0] < 2.5 and max(seen.first_losses) > 20
    assert all(map(math.isnan, (*seen.train_loss, *seen.validation_loss, seen.moved)))
    assert {name for name, _ in seen.answers} == {"airplane"} and seen.new_accuracy < 0.13


def test_a_rate_a_hundred_times_as_low_creeps_in_the_right_direction() -> None:
    seen = SEEN["learning rate ÷ 100"]
    for column in (seen.train_loss, seen.validation_loss):
        assert all(later < earlier for earlier, later in pairwise(column)) and column[-1] > 2.1
    assert 0.15 < seen.validation_accuracy[-1] < 0.3 and 0 < seen.moved < HEALTHY_RUN.moved / 20


def test_a_stale_optimizer_moves_nothing() -> None:
    seen = SEEN["stale optimizer"]
    assert seen.moved == 0 and set(seen.gradient) == {0.0}
    assert all(abs(loss - math.log(10)) < 0.02 for loss in (*seen.train_loss, *seen.validation_loss))


def test_shuffled_labels_move_the_weights_and_teach_nothing() -> None:
    seen = SEEN["labels shuffled against images"]
    assert all(abs(loss - math.log(10)) < 0.05 for loss in seen.train_loss) and seen.moved > 0.05
    assert max(*seen.train_accuracy, *seen.validation_accuracy) < 0.13


def test_images_that_were_trained_on_look_better_than_training_itself() -> None:
    seen = SEEN["validation images in training"]
    assert seen.validation_accuracy[-1] > seen.train_accuracy[-1] > seen.new_accuracy + 0.1
    assert seen.validation_accuracy[-1] > seen.new_accuracy + 0.2


def test_a_healthy_network_misclassifies_a_photo_that_is_not_normalised() -> None:
    seen = SEEN["photo not normalised"]
    for column in ("train_loss", "validation_loss", "new_accuracy", "single_accuracy", "moved"):
        assert getattr(seen, column) == getattr(HEALTHY_RUN, column)
    assert seen.photo_accuracy < 0.25 and len(set(seen.answers)) == 1 and seen.answers[0][0] != inject.PHOTO


# --- every suspicion is judged ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", range(1, 10))
def test_a_suspicion_is_right_once_and_else_told_what_speaks_against_it(case: int) -> None:
    seen, reasons = SEEN[CASES[case - 1]], set()
    assert all(sign.seen(seen) for sign in PROFILES[CASES[case - 1]].signs)
    for name in BUGS:
        heard = judge(case, name)
        assert heard.right is (name == CASES[case - 1]) and name in heard.says
        if not heard.right:
            reasons.add(heard.says.split(". ", 1)[1])
            each = against(case, name)
            assert heard.against == next(iter(each)) and heard.says == f"Not this: {name}. {each[heard.against]}"
            for reason in each.values():
                assert re.search(r"Here .*(\d|not a number|the same one|vary|did not move|became NaN)", reason)
    assert len(reasons) == 8 and case in NAMED


def test_a_reason_quotes_the_record() -> None:
    assert percent(SEEN["validation images in training"].moved, 1) in judge(4, "stale optimizer").says
    assert percent(SEEN["learning rate ÷ 100"].validation_accuracy[-1]) in judge(9, "softmax before cross-entropy").says
    assert "falls to 0.58" in judge(4, "softmax before cross-entropy").says
    assert "rises to 10⁹" in judge(8, "softmax before cross-entropy").says
    assert "one of the first six has a loss of 82" in judge(3, "no zero_grad").says


@pytest.mark.parametrize("case", range(1, 10))
def test_the_lines_that_are_shown_are_those_that_ran(case: int) -> None:
    wrong, right = code_of(case)
    assert wrong != right and "type: ignore" not in wrong + right and not right.startswith(" ")
    text = (Path(inject.__file__).parent / "healthy.py").read_text(encoding="utf-8")
    assert all(line.strip() in text for line in right.splitlines())


def test_words_alone_do_as_well() -> None:
    assert checks.bug(1, "a").state == "wrong" and not NAMED
    right = checks.bug(1, " G ")
    assert right.state == "right" and "that ran:\npictures = images.images[order]\nlabels = images.labels\n" in str(
        right
    )
    assert "1 of 9 bugs named" in checks.progress(4) and "bugs named" not in checks.progress(3)
    assert checks.bug(7, "no eval()").state == "right" and "<pre" in checks.bug(7, "b")._repr_html_()
    told = checks.bug(3, "tell me")
    assert told.state == "open" and "lr=1.0" in str(told) and {1, 7} == NAMED
    assert "there is no case 10" in str(checks.bug(10, "a"))
    assert all(name in str(checks.bug(1, "sleep")) for name in BUGS)


# --- what is drawn --------------------------------------------------------------------------------------------------


def test_the_figure_shows_every_case_beside_the_healthy_run() -> None:
    figure = figures.bug_cases([SEEN[name] for name in CASES], HEALTHY_RUN)
    for number, (place, name) in enumerate(zip(figure.axes, CASES, strict=True), start=1):
        assert place.get_title() == f"case {number} · {SEEN[name].validation_accuracy[-1]:.0%} correct"
        drawn = {line.get_label(): list(line.get_ydata()) for line in place.get_lines()}
        assert drawn["validation, healthy run"] == list(HEALTHY_RUN.validation_loss)
        assert drawn["validation"] == pytest.approx(list(SEEN[name].validation_loss), nan_ok=True)
        assert bool(place.texts) is math.isnan(SEEN[name].train_loss[0])
        leaves = [losses for losses in (SEEN[name].train_loss, SEEN[name].validation_loss) if max(losses) > 4]
        arrows = [line for line in place.get_lines() if line.get_marker() == "^"]
        assert [line.get_xdata()[0] for line in arrows] == [
            next(epoch for epoch, loss in enumerate(losses, start=1) if loss > 4) for losses in leaves
        ]
        assert all(line.get_ydata()[0] < place.get_ylim()[1] for line in arrows)
    plt.close(figure)


def test_the_words_of_the_figure_say_how_each_case_ends() -> None:
    figure = figures.bug_cases([SEEN[name] for name in CASES], HEALTHY_RUN)
    plt.close(figure)
    ends = dict(re.findall(r"(healthy run|case \d) (not a number|above the chart|[\d.]+)", figure.get_label()))
    assert len(ends) == 10 and ends["healthy run"] == f"{HEALTHY_RUN.validation_loss[-1]:.2f}"
    for number, name in enumerate(CASES, start=1):
        last, said = SEEN[name].validation_loss[-1], ends[f"case {number}"]
        above = "above the chart" if last > 4 else f"{last:.2f}"
        assert said.rstrip(".") == ("not a number" if math.isnan(last) else above)
