"""Predictions and quizzes: well-formed questions, the right replies, and the same as text if there are no widgets."""

from __future__ import annotations

import math
import re
from itertools import chain
from pathlib import Path

import nbformat
import pytest
from helpers import NOTEBOOKS, code_cells, right_letter

from cifar_helpers import checks
from cifar_helpers.checks import PREDICTIONS, QUIZZES, QuestionWidget, Replies
from cifar_helpers.checks.answers import LETTERS, reply
from cifar_helpers.checks.questions import Belief, Choice, Number, Option

CHOICES = [q for q in chain(PREDICTIONS.values(), *QUIZZES.values()) if isinstance(q, Choice)]
COLOUR = Choice(
    "colour",
    0,
    "Which comes first?",
    (Option("red", "Red is the first channel.", True), Option("blue", "That is OpenCV's order.")),
)
HEIGHT = Number("height", 0, "How high?", "pixels", lambda: 32.0, "It is square.", (Belief(0, 30, "Too low."),), 3.2)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    checks.session.committed.clear()
    checks.session.answered.clear()


def test_what_can_be_counted_is_asked_for_exactly() -> None:
    numbers = [question for question in PREDICTIONS.values() if isinstance(question, Number)]
    exact = {question.name for question in numbers if not question.close}
    assert exact == {question.name for question in numbers if question.truth().is_integer()}
    assert {"conv_numbers", "rows_of_output", "fewest_bits"} <= exact


@pytest.mark.parametrize("question", CHOICES, ids=lambda question: question.name)
def test_a_choice_has_one_right_answer_and_a_reason_for_each(question: Choice) -> None:
    assert sum(option.right for option in question.options) == 1
    assert 2 <= len(question.options) <= len(LETTERS)
    for part in ("text", "says"):
        assert len({getattr(option, part) for option in question.options}) == len(question.options)
    truth = next(option for option in question.options if option.right)
    for letter, option in zip(LETTERS, question.options, strict=False):
        heard = reply(question, letter)
        assert heard.state == ("right" if option.right else "wrong")
        told = [f"“{one.text.removesuffix('.')}”. {one.says}" for one in (option, truth)]
        assert all(words in heard.says for words in told), heard.says


def test_the_right_option_is_the_one_that_was_measured_to_be_so() -> None:
    measured = [(question, question.measured()) for question in CHOICES if question.measured]
    assert len(measured) >= 6
    for question, numbers in measured:
        assert len(numbers) == len(question.options)
        known = [number for number in numbers if not math.isnan(number)]
        of_right = numbers[LETTERS.index(right_letter(question))]
        assert of_right == (min if question.name in ("fastest_form", "without_each_part") else max)(known), (
            question.name
        )


def test_a_lesson_has_predictions_and_five_questions_whose_answers_cannot_be_guessed_from_their_place() -> None:
    for lesson, quiz in QUIZZES.items():
        assert sum(question.lesson == lesson for question in PREDICTIONS.values()) >= 3
        assert len(quiz) == 5 and {question.lesson for question in quiz} == {lesson}
        letters = [right_letter(question) for question in quiz]
        assert max(letters.count(letter) for letter in letters) <= 2, (lesson, letters)
    longest = [max(question.options, key=lambda option: len(option.text)).right for question in CHOICES]
    assert sum(longest) <= len(longest) / 2


@pytest.mark.parametrize("lesson", [lesson for lesson in QUIZZES if [*NOTEBOOKS.glob(f"{lesson:02}*.ipynb")]])
def test_each_prediction_is_once_in_its_lesson_in_order_and_the_quiz_once(lesson: int) -> None:
    code = "\n".join(code_cells(lesson))
    wanted = [name for name, question in PREDICTIONS.items() if question.lesson == lesson]
    assert re.findall(r'^checks\.guess\("(\w+)"\)$', code, re.M) == wanted
    assert code.count(f"checks.quiz({lesson})") == 1
    text = next(NOTEBOOKS.glob(f"{lesson:02}*.ipynb")).read_text(encoding="utf-8")
    for question in QUIZZES[lesson]:  # what to read again is a section, under its heading
        assert re.search(rf'"##+ {re.escape(question.section)}(\\n)?"', text), question.section


@pytest.mark.parametrize(
    ("said", "state"), [("a", "right"), (" A ", "right"), ("red", "right"), ("b", "wrong"), ("c", "open"), (7, "open")]
)
def test_a_choice_takes_letters_and_words(said: object, state: str) -> None:
    heard = reply(COLOUR, said)
    assert heard.state == state
    if state == "open":
        assert str(said) in heard.says and "a, b" in heard.says


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (32, "right", "32 pixels"),
        ("34 pixels", "right", "32 pixels"),
        (20, "wrong", "Too low."),
        (50, "wrong", "32 pixels. It is square."),
        ("many", "open", "'many' is not a number"),
        ("nan", "open", "'nan' is not a number"),
    ],
)
def test_a_number_is_compared_with_the_truth(said: object, state: str, words: str) -> None:
    heard = reply(HEIGHT, said)
    assert (heard.state, words in heard.says) == (state, True), heard


@pytest.mark.records
@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_the_answer_to_a_prediction_is_stored_folded(notebook: Path) -> None:
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    asked = [place for place, cell in enumerate(cells) if re.match(r"checks\.guess\(", cell.source)]
    reveals = [place for place, cell in enumerate(cells) if "reveals" in cell.metadata.get("tags", [])]
    assert all(any(place < told <= place + 6 for told in reveals) for place in asked), (asked, reveals)
    for place, cell in enumerate(cells):
        folded = cell.metadata.get("jupyter", {}).get("outputs_hidden", False)
        assert folded == (place in reveals), cell.source
        # JupyterLab shows a line of the first output of a folded cell, so that has none.
        assert not folded or cell.outputs[0].data == {}, cell.source


@pytest.mark.parametrize("question", PREDICTIONS.values(), ids=lambda question: question.name)
def test_the_prompt_of_a_prediction_shows_no_answer_in_its_example(question: Choice | Number) -> None:
    prompt = str(checks.guess(question.name)).splitlines()[-1]
    assert f"checks.guess('{question.name}', '?')" in prompt
    assert checks.guess(question.name, "?").state == "open"


def test_a_quiz_counts_what_is_right_now() -> None:
    lesson = 3
    asked = checks.quiz(lesson)
    assert isinstance(asked, QuestionWidget)
    for number, question in enumerate(QUIZZES[lesson]):
        asked.answer(number, LETTERS.index(right_letter(question)))
    assert "5 of 5 quiz answers right" in checks.progress(lesson)
    asked.answer(0, (LETTERS.index(right_letter(QUIZZES[lesson][0])) + 1) % 2)
    assert "4 of 5 quiz answers right" in checks.progress(lesson)


def test_a_quiz_is_answered_by_letters() -> None:
    for lesson, questions in QUIZZES.items():
        letters = "".join(map(right_letter, questions))
        heard = checks.quiz(lesson, letters)
        assert isinstance(heard, Replies) and str(heard).endswith("5 of 5 right")
        checks.session.missed.clear()
        wrong = [letter for letter in LETTERS[: len(questions[0].options)] if letter != letters[0]]
        for letter, told in zip([wrong[0], wrong[0], wrong[1]], (False, False, True), strict=True):
            said = str(checks.quiz(lesson, letter + letters[1:]))
            assert said.endswith("4 of 5 right")
            assert ("The answer is" in said) == told  # after two different wrong answers
    assert "Give 5 letters" in str(checks.quiz(lesson, "abc"))
    assert "no quiz for lesson 99" in str(checks.quiz(99))


def test_progress_counts_a_prediction_when_it_is_committed() -> None:
    name, question = next(iter(PREDICTIONS.items()))
    of = sum(other.lesson == question.lesson for other in PREDICTIONS.values())
    checks.guess(name)
    checks.guess(name, "zebra")
    assert f"0 of {of} predictions made" in checks.progress(question.lesson)
    checks.guess(name, "a" if isinstance(question, Choice) else 1)
    assert f"1 of {of} predictions made" in checks.progress(question.lesson)
    assert name in str(checks.guess("nothing")) and "no prediction 'nothing'" in str(checks.guess("nothing"))


def test_numbers_have_a_truth_that_is_no_misconception() -> None:
    for question in PREDICTIONS.values():
        if isinstance(question, Number):
            truth = question.truth()
            assert reply(question, truth).state == "right"
            assert not any(belief.low <= truth < belief.high for belief in question.beliefs), question.name
            if question.scale:  # the answer is on it, and not in its middle
                low, high = question.scale
                assert low < truth < high and abs(2 * truth - low - high) > 0.1 * (high - low), question.name
                assert all(belief.low < high and belief.high > low for belief in question.beliefs), question.name
