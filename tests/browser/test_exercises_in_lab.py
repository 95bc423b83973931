"""An exercise and a quiz in JupyterLab, answered as a learner does it: by typing and from the keyboard."""

from __future__ import annotations

import re

import pytest
from lab import EXERCISE, Cell, Lab
from playwright.sync_api import expect

from cifar_helpers.checks import EXERCISES, QUIZZES, softmax

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]


def says(cell: Cell, text: str) -> None:
    """Wait until the card below a cell says this."""
    expect(cell.output.locator(".v-card")).to_contain_text(text)


def test_an_exercise_is_answered_by_typing(lab: Lab) -> None:
    lab.open(EXERCISE)
    assert lab.run([0])  # the first cell imports the checks
    exercise = lab.cell("def my_softmax")
    exercise.run()
    says(exercise, "Not attempted yet")
    exercise.write("return ...", "return logits.exp() / logits.exp().sum(1, keepdim=True)")
    exercise.run()
    says(exercise, "inf / inf = nan")
    hints = exercise.output.locator(".v-hints li")
    more = exercise.output.get_by_role("button", name=re.compile("Hint|Show the solution"))
    for number in range(1, len(softmax.hints) + 1):
        more.press("Enter")
        expect(hints).to_have_count(number)
    expect(more).to_be_hidden()
    _, *body = softmax.solution.splitlines()
    assert all(line.strip() in exercise.output.locator(".v-hints pre").inner_text() for line in body)
    exercise.write("return logits", "\n".join(line.strip() for line in body))
    exercise.run()
    says(exercise, "Right")
    expect(exercise.output.get_by_alt_text("A drawn cat")).to_be_visible()
    count = sum(other.lesson == 3 for other in EXERCISES)
    says(exercise, f"lesson 03: 1\xa0of\xa0{count} exercises solved")
    told = lab.cell("checks.progress(3)").run()
    assert "✅ softmax" in told and f"1 of {count} exercises solved" in told
    assert not lab.errors, lab.errors


def test_a_quiz_is_answered_from_the_keyboard_and_counted(lab: Lab) -> None:
    lab.cell("checks.quiz(3)").run()
    quiz = lab.widget("checks.quiz(3)")
    press = lab.page.keyboard.press
    quiz.get_by_role("radio").first.focus()
    place = lab.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    right = [next(k for k, option in enumerate(question.options) if option.right) for question in QUIZZES[3]]
    for number, wanted in enumerate(right):
        card = quiz.locator(".q-card").nth(number)
        press("Space")
        for _ in range(wanted):
            press("ArrowDown")
        expect(card.get_by_role("radio").nth(wanted)).to_be_checked()
        press("Tab")
        press("Enter")
        expect(quiz.get_by_text(f"{number + 1} of 5 right").first).to_be_visible()
        if number < 4:
            press("Tab")
            press("Enter")  # on to the next question, whose first option has the focus
            expect(quiz.locator(".q-card").nth(number + 1).get_by_role("radio").first).to_be_focused()
    assert lab.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex") == place
    told = lab.cell("checks.progress(3)").run()
    assert "5 of 5 quiz answers right" in told
    lab.close()
