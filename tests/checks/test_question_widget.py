"""Question cards and verdicts in Chromium: answered by mouse, keyboard and touch; and what is stored of them."""

from __future__ import annotations

import json

import pytest
from chrome import FrontEnd, state_of
from front_fixture import _browser, front
from playwright.sync_api import expect

from cifar_helpers import checks
from cifar_helpers.checks import PREDICTIONS, QUIZZES, QuestionWidget, Verdict
from cifar_helpers.checks.answers import Reply, reply
from cifar_helpers.checks.questions import Belief, Choice, Number, Option
from cifar_helpers.checks.verdict_widget import VerdictCard

__all__ = ["_browser", "front"]

COLOUR = Choice(
    "colour", 1, "Which channel is `x[0]`?",
    (Option("red", "Pictures are RGB.", right=True), Option("blue", "OpenCV stores BGR.")),
)  # fmt: skip
HEIGHT = Number(
    "height", 1, "How tall?", "pixels", lambda: 32.0, "It is square.", (Belief(0, 30, "Too low."),), close=0.1
)
WIDGET = "application/vnd.jupyter.widget-view+json"


def asked(question: Choice | Number, heard: list[Reply] | None = None) -> QuestionWidget:
    noted = [] if heard is None else heard
    return QuestionWidget([question], "Answer.", lambda _, told: noted.append(told), "prediction")


def test_a_prediction_is_committed_once_and_gives_nothing_away_before(front: FrontEnd) -> None:
    page = front.open(asked(COLOUR))
    expect(page.locator(".q-verdict")).to_have_text("")
    expect(page.locator('.q-option:not([data-state=""]):not([data-state])')).to_have_count(2)
    page.get_by_role("button", name="Commit").click()
    expect(page.locator(".q-verdict")).to_contain_text("Choose an answer first.")
    page.get_by_role("radio", name="blue").check(force=True)
    page.get_by_role("button", name="Commit").click()
    expect(page.locator(".q-verdict")).to_contain_text("Not “blue”. OpenCV stores BGR. The answer: “red”.")
    expect(page.get_by_role("radio", name="blue")).to_be_disabled()
    expect(page.locator('.q-option[data-state="right"]')).to_contain_text("red")
    expect(page.locator('.q-option[data-state="wrong"]')).to_contain_text("blue")
    expect(page.get_by_role("button", name="Commit")).to_be_hidden()
    expect(page.locator("legend code")).to_have_text("x[0]")


@pytest.mark.parametrize(
    ("typed", "says"),
    [("32", "Yes, it is 32 pixels."), ("34,0", "Yes, it is 32 pixels."), ("20", "It is 32 pixels. Too low.")],
)
def test_a_number_is_typed_and_committed_by_enter(front: FrontEnd, typed: str, says: str) -> None:
    page = front.open(asked(HEIGHT))
    field = page.get_by_role("textbox", name="How tall?")
    field.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_contain_text("Write a number first.")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_contain_text("is no number")
    field.fill(typed)
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_contain_text(says)
    expect(field).to_be_disabled()


def test_a_quiz_is_answered_by_keyboard_alone_and_a_question_again(front: FrontEnd) -> None:
    quiz = checks.quiz(4)
    assert isinstance(quiz, QuestionWidget)
    page = front.open(quiz)
    for number, question in enumerate(QUIZZES[4], start=1):
        right = next(k for k, option in enumerate(question.options) if option.right)
        for wanted in ((right + 1) % len(question.options), right):
            radios = page.locator(".q-card:not([hidden])").get_by_role("radio")
            checked = page.locator(".q-card:not([hidden]) input:checked")
            if number == 1 and not checked.count():
                radios.first.focus()
            if not checked.count():
                page.keyboard.press("Space")
            for _ in range(len(question.options)):
                if radios.nth(wanted).is_checked():
                    break
                page.keyboard.press("ArrowDown")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            told = "Yes" if wanted == right else "Not"
            expect(page.locator(".q-card:not([hidden]) .q-verdict")).to_contain_text(told)
            if wanted != right:
                page.keyboard.press("Shift+Tab")
        expect(page.get_by_text(f"{number} of 5 right")).to_be_visible()
        if number < 5:
            page.get_by_role("button", name="Next question").focus()
            page.keyboard.press("Enter")
    replies = state_of(page, "replies")
    assert isinstance(replies, list) and {reply["state"] for reply in replies} == {"right"}


def test_a_touch_answers_too(front: FrontEnd) -> None:
    page = front.open(asked(COLOUR), width=360, has_touch=True)
    page.locator(".q-option").first.tap()
    page.get_by_role("button", name="Commit").tap()
    expect(page.locator(".q-verdict")).to_contain_text("Yes: “red”")


def test_python_judges_what_the_browser_sends_and_shows_it() -> None:
    heard: list[Reply] = []
    widget = asked(COLOUR, heard)
    widget._take(None, {"type": "answer", "question": 0, "answer": 1}, [])
    assert [told.state for told in heard] == ["wrong"]
    assert widget.replies == [{"given": 1, "right": 0, "state": "wrong", "says": heard[0].says}]
    number = asked(HEIGHT, heard)
    assert number.answer(0, "many").state == "open" and len(heard) == 1


@pytest.mark.parametrize("name", [name for name, q in PREDICTIONS.items() if isinstance(q, Choice)])
def test_a_page_says_of_every_option_what_python_says(name: str) -> None:
    question = PREDICTIONS[name]
    assert isinstance(question, Choice)
    (known,) = json.loads(asked(question).loadable()["answers"]())
    assert [r["says"] for r in known["replies"]] == [reply(question, option.text).says for option in question.options]
    assert known["replies"][known["right"]]["state"] == "right"


@pytest.mark.parametrize("question", [COLOUR, HEIGHT], ids=["choice", "number"])
def test_stored_the_question_is_whole_and_gives_nothing_away(question: Choice | Number) -> None:
    bundle, _ = asked(question)._repr_mimebundle_()
    assert WIDGET in bundle and question.ask in bundle["text/plain"]
    for text in (bundle["text/plain"], bundle["text/html"]):
        assert "right" not in text and "square" not in text and "RGB" not in text
    if isinstance(question, Choice):
        assert all(option.text in bundle["text/html"] for option in question.options)


def test_a_verdict_shows_its_hints_in_steps_up_to_the_solution(front: FrontEnd) -> None:
    checks.session.hints_given.pop("softmax", None)
    verdict = checks.softmax(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True))
    assert isinstance(verdict, Verdict) and verdict.state == "wrong"
    card = VerdictCard(verdict)
    for k in range(1, len(checks.softmax.hints) + 1):
        card._take(None, {"type": "hint"}, [])
        assert (len(card.hints), card.hints_left) == (k, len(checks.softmax.hints) - k)
    card._take(None, {"type": "hint"}, [])
    assert len(card.hints) == len(checks.softmax.hints)
    page = front.open(card)
    expect(page.locator(".v-head")).to_contain_text("Not yet")
    expect(page.locator(".v-hints li")).to_have_count(len(card.hints))
    assert "def my_softmax" in page.locator(".v-hints pre").inner_text()
    expect(page.locator(".v-hints")).not_to_contain_text("```")


def test_a_right_verdict_keeps_its_picture_where_it_is_stored(front: FrontEnd) -> None:
    verdict = checks.softmax(lambda logits: logits.softmax(1))
    bundle, _ = verdict._repr_mimebundle_()
    assert bundle["text/plain"] == str(verdict) and "A drawn cat" in bundle["text/html"]
    page = front.open(VerdictCard(verdict), theme="dark")
    expect(page.get_by_alt_text("A drawn cat")).to_be_visible()
    expect(page.locator(".v-head")).to_contain_text("exercises of lesson 03 solved")
