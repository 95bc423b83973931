"""Exercises, predictions and a quiz in JupyterLab, answered as a learner does it: by typing."""

from __future__ import annotations

import re

import pytest
from helpers import right_letter
from lab import Lab, Widget
from playwright.sync_api import expect

from cifar_helpers.checks import PREDICTIONS, QUIZZES, softmax
from cifar_helpers.checks.answers import LETTERS
from cifar_helpers.checks.questions import Choice

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]

LESSON = "03_building_the_cnn.ipynb"


def choose(widget: Widget, question: Choice, letter: str, number: int = 0) -> None:
    """Mark an answer of the question that the tab key led into, and press the button below, by keyboard alone."""
    group = widget.output.get_by_role("radiogroup").nth(number)
    expect(group).to_have_accessible_name(re.compile(rf"^(\d\. )?{re.escape(question.ask)}$"))
    radios = group.get_by_role("radio")
    for place, option in enumerate(question.options):
        expect(radios.nth(place)).to_have_accessible_name(option.text)
    expect(group.locator("input:focus")).to_have_count(1)
    press = widget.page.keyboard.press
    press("Space")
    for _ in range((LETTERS.index(letter) - marked(widget, number)) % len(question.options)):
        press("ArrowDown")
    expect(radios.nth(LETTERS.index(letter))).to_be_checked()
    press("Tab")
    press("Enter")


def marked(widget: Widget, number: int) -> int:
    """The place of the option that is marked."""
    radios = widget.output.get_by_role("radiogroup").nth(number).get_by_role("radio")
    return next(place for place in range(radios.count()) if radios.nth(place).is_checked())


def wrong_letter(question: Choice) -> str:
    return "b" if right_letter(question) == "a" else "a"


def test_an_exercise_is_answered_by_typing(lab: Lab) -> None:
    lab.open(LESSON)
    assert lab.run([0])  # the first cell imports the checks
    exercise = lab.cell("def my_softmax")
    assert "not attempted yet" in exercise.run()
    exercise.write("return ...", "return logits.exp() / logits.exp().sum(1, keepdim=True)")
    assert "not yet: large logits give nan" in exercise.run()
    hint = exercise.below('checks.hint("softmax")')
    hints = [hint.run() for _ in softmax.hints]
    assert [text.split(":")[0] for text in hints] == [f"Hint {k} of 4" for k in (1, 2, 3, 4)]
    assert hints[-1].splitlines()[1:] == softmax.solution.splitlines()
    _, *body = softmax.solution.splitlines()
    exercise.write("return logits", "\n".join(line.strip() for line in body))
    assert "right: only differences between logits count" in exercise.run()
    expect(exercise.output.get_by_alt_text("A drawn cat")).to_have_count(1)
    expect(exercise.output.locator("table")).to_have_count(2)
    told = lab.cell("checks.progress(3)").run()
    assert "✅ softmax" in told and "1 of 5 exercises solved" in told
    assert not lab.errors, lab.errors
    lab.close()


def test_predictions_and_a_quiz_are_answered_by_keyboard(lab: Lab) -> None:
    lab.open(LESSON)
    assert lab.run([0])  # the first cell imports the checks
    number, choice, quiz = PREDICTIONS["linear_share"], PREDICTIONS["two_convolutions"], QUIZZES[3]
    assert isinstance(choice, Choice)
    lab.cell(f'guess("{number.name}")').run()
    asked = lab.widget(f'guess("{number.name}")')
    asked.control(number.ask).focus()
    lab.page.keyboard.type("50")
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Enter")
    asked.wait("Not 50; it is 92.7 %.")
    assert not asked.unnamed() and asked.control(number.ask).is_disabled()

    lab.cell(f'guess("{choice.name}")').run()
    asked = lab.widget(f'guess("{choice.name}")')
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    place = lab.page.evaluate(active)
    asked.output.get_by_role("radio").first.focus()
    choose(asked, choice, right_letter(choice))
    asked.wait("Yes: “One 5 × 5 convolution”.")
    assert not asked.unnamed() and asked.output.get_by_role("radio").first.is_disabled()
    assert lab.page.evaluate(active) == place  # JupyterLab did not take the keys for its own

    lab.cell("checks.quiz(3)").run()
    asked = lab.widget("checks.quiz(3)")
    assert not asked.unnamed()
    asked.output.get_by_role("radio").first.focus()
    for k, question in enumerate(quiz):
        choose(asked, question, wrong_letter(question), k)
        wrong = question.options[LETTERS.index(wrong_letter(question))]
        asked.wait(f"Not “{wrong.text.removesuffix('.')}”. {wrong.says}")
        lab.page.keyboard.press("Shift+Tab")
        choose(asked, question, right_letter(question), k)
        asked.wait(f"{k + 1} of 5 right")
        lab.page.keyboard.press("Tab")
    told = lab.cell("checks.progress(3)").run()
    assert "2 of 5 predictions committed, 5 of 5 quiz answers right" in told
    assert not lab.errors, lab.errors
    lab.close()
