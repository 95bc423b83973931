"""Lesson 07 in JupyterLab: its explorer, a number and a choice predicted, an exercise typed, the quiz."""

from __future__ import annotations

import pytest
from helpers import right_letter
from lab import Lab
from playwright.sync_api import expect
from test_exercises_in_lab import choose
from test_lessons import IMAGE, answers, lesson

from cifar_helpers.checks import PREDICTIONS, QUIZZES
from cifar_helpers.checks.questions import Choice

pytestmark = pytest.mark.browser
pytest_plugins = ["lab_fixture"]

LESSON = "07_evaluation.ipynb"


def test_evaluation(lab: Lab) -> None:
    asking = [f'guess("{name}")' for name in ("human_accuracy", "which_map")]
    with lesson(lab, LESSON, "widgets.confusion_explorer", *asking, "def my_f1", "checks.quiz(7)"):
        explorer = lab.widget("widgets.confusion_explorer")
        answers(explorer, "confusion_explorer", "answered", ["ArrowUp", "ArrowDown"] * 4, IMAGE)
        explorer.output.locator('[data-place="cell 2 0"]').click()
        explorer.wait("bird called airplane")
        explorer.choose("show", "most")
        explorer.wait("mistakes")

        number, choice = PREDICTIONS["human_accuracy"], PREDICTIONS["which_map"]
        assert isinstance(choice, Choice)
        asked = lab.widget(f'guess("{number.name}")')
        assert not asked.unnamed()
        asked.control(number.ask).focus()
        lab.page.keyboard.type("94")
        for key in ("Tab", "Enter"):
            lab.page.keyboard.press(key)
        asked.wait("Not 94; it is 95.2 %. That is the well-known figure")
        asked = lab.widget(f'guess("{choice.name}")')
        asked.output.get_by_role("radio").first.focus()
        choose(asked, choice, right_letter(choice))
        asked.wait("Yes: “Guided backpropagation")

        exercise = lab.cell("def my_f1")
        exercise.write("return ...", "return (precision + recall) / 2")
        assert "not yet: that is the plain mean" in exercise.run()
        exercise.write("return (", "return 2 * precision * recall / (precision + recall)")
        assert "right: whichever of the two is lower" in exercise.run()
        expect(exercise.output.locator("svg")).to_have_count(1)

        asked = lab.widget("checks.quiz(7)")
        asked.output.get_by_role("radio").first.focus()
        for k, question in enumerate(QUIZZES[7]):
            choose(asked, question, right_letter(question), k)
            asked.wait(f"{k + 1} of 5 right")
            lab.page.keyboard.press("Tab")
        told = lab.cell("checks.progress(7)").run()
        assert "✅ f1" in told and "1 of 5 exercises solved, 2 of 6 predictions committed, 5 of 5 quiz" in told
