"""Question cards and verdicts in Chromium, answered by mouse, keyboard and touch, and what is stored of them."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from chrome import FrontEnd, state_of
from front_fixture import _browser, front
from playwright.sync_api import Page, expect

from cifar_helpers import checks
from cifar_helpers.checks import PREDICTIONS, QUIZZES, QuestionWidget, Verdict
from cifar_helpers.checks.answers import TRIES, Reply, reply
from cifar_helpers.checks.parsing import parse_number
from cifar_helpers.checks.questions import Belief, Choice, MeanOfRuns, Number, Option
from cifar_helpers.checks.verdict_widget import VerdictCard, coded, sentence
from cifar_helpers.web.join import join

__all__ = ["_browser", "front"]

COLOUR = Choice(
    "colour", 1, "Which channel is `x[0]`?",
    (Option("red", "Pictures are RGB.", right=True), Option("blue", "OpenCV stores BGR.")),
)  # fmt: skip
HEIGHT = Number(
    "height",
    1,
    "How tall?",
    "pixels",
    lambda: 32.0,
    "It is square.",
    (Belief(0, 30, "Too low."),),
    close=3.2,
    scale=(0, 50),
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
    expect(page.locator(".q-verdict")).to_have_text("")
    heights = [row.bounding_box() for row in page.locator(".q-option").all()]
    page.keyboard.press("Enter")
    for row, before in zip(page.locator(".q-option").all(), heights, strict=True):
        after = row.bounding_box()
        assert before and after and after["height"] == before["height"]  # with its mark
    expect(page.locator(".q-verdict p")).to_have_text(
        ["Not B. OpenCV stores BGR.", "The answer is A. Pictures are RGB."]
    )
    expect(page.locator(".q-verdict p").first).to_be_focused()
    below = ("red", "answer is A", "blue", "Not B")  # each reason is below its option
    lines = [page.locator(".q-option, .q-why").filter(has_text=text) for text in below]
    tops = [line.evaluate("line => line.getBoundingClientRect().top") for line in lines]
    assert tops == sorted(tops)
    expect(page.get_by_role("radio", name="blue")).to_be_disabled()
    expect(page.locator('.q-option[data-state="right"]')).to_contain_text("red")
    expect(page.locator('.q-option[data-state="wrong"]')).to_contain_text("blue")
    expect(page.get_by_role("button", name="Commit")).to_be_hidden()
    expect(page.get_by_role("button", name="Why not the others?")).to_be_hidden()  # both are explained
    expect(page.locator("legend code")).to_have_text("x[0]")
    expect(page.get_by_text("You answer once")).to_have_count(0)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("95.7", "Yes, close enough: it is 92.7 %; you said 95.7."),
        ("89.7", "Yes, close enough: it is 92.7 %; you said 89.7."),
        ("96.7", "Close: 96.7 is 4 points too high; it is 92.7 %."),
        ("91.7", "Yes, close enough: it is 92.7 %; you said 91.7."),
        ("95.71", "Close: 95.71 is 3.01 points too high; it is 92.7 %."),
    ],
)
def test_a_guess_is_judged_by_the_answer_that_is_shown(front: FrontEnd, typed: str, says: str) -> None:
    share = Number("share", 3, "What share?", "%", lambda: 92.651, "So it is.", close=3, scale=(0, 100))
    page = front.open(asked(share))
    page.set_viewport_size({"width": 360, "height": 700})
    page.get_by_role("textbox", name="What share?").fill(typed)
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_contain_text(says)
    expect(page.get_by_text("Anything from 89.7 to 95.7 % counts as right.")).to_be_visible()
    expect(page.locator(".q-scale i:not(.tick)")).to_have_text(["", "0", "100", f"you {typed}", "answer 92.7"])
    # A label is above or below the middle of its mark, and none is on another.
    marks = page.locator(".q-scale i:has(span)").evaluate_all(
        "marks => marks.map(i => [i.getBoundingClientRect(), i.firstChild.getBoundingClientRect()])"
    )
    for mark, label in marks:
        assert abs(mark["x"] + mark["width"] / 2 - label["x"] - label["width"] / 2) < 18
    boxes = [label for _, label in marks]
    for one, two in itertools.combinations(boxes, 2):
        apart = one["right"] <= two["left"] or two["right"] <= one["left"]
        assert apart or one["bottom"] <= two["top"] + 1 or two["bottom"] <= one["top"] + 1
    assert asked(share).answer(0, typed).says == page.locator(".q-verdict").inner_text().replace("\xa0", " ")
    expect(page.locator(".q-verdict b")).to_have_text(says)  # the verdict stands out from the reason


def test_an_answer_that_no_kernel_hears_is_said(front: FrontEnd) -> None:
    send = "model.send = () => { throw new Error('Cannot send'); };"  # as after the restart of a kernel
    ask = f"({{ model, el }}) => {{ {send} return $questions.render({{ model, el }}); }}"
    page = front.open(asked(HEIGHT).as_page("A question").replace("$questions.render }", f"{ask} }}"))
    page.get_by_role("textbox", name="How tall?").fill("32")
    page.keyboard.press("Enter")
    said = page.get_by_text("Python has not answered yet. If no cell is running, run this one again.")
    expect(said).to_be_visible()


def test_the_same_entry_again_gets_the_same_reply(front: FrontEnd) -> None:
    widget = asked(HEIGHT)
    first = json.dumps(asked(HEIGHT).answer(0, "many").says)
    reply = f"{{ state: 'open', given: 'many', says: {first} }}"
    # As in a notebook: Python takes the message, and where its reply is the same, nothing changes.
    send = f"model.send = () => {{ if (!model.get('replies')[0]) model.set('replies', [{reply}]); }};"
    ask = f"({{ model, el }}) => {{ {send} return $questions.render({{ model, el }}); }}"
    page = front.open(widget.as_page("A question").replace("$questions.render }", f"{ask} }}"))
    page.clock.install()
    field, verdict = page.get_by_role("textbox", name="How tall?"), page.locator(".q-verdict")
    for _ in range(2):
        field.fill("many")
        expect(verdict).to_have_text("")
        page.keyboard.press("Enter")
        expect(verdict).to_contain_text("'many' is not a number")
    page.clock.run_for(10_000)
    expect(page.get_by_text("Python has not answered yet")).to_have_count(0)


def test_one_unit_is_in_the_singular() -> None:
    share = Number("share", 3, "What share?", "%", lambda: 92.651, "So it is.", close=0.8)
    assert reply(share, "91.7").says.startswith("Close: 91.7 is 1 point too low; it is 92.7 %.")


def test_a_swipe_that_scrolls_the_page_leaves_the_guess_as_it_was(front: FrontEnd) -> None:
    page = front.open(asked(HEIGHT), width=360, has_touch=True)
    page.evaluate("document.body.style.paddingBottom = '2000px'")
    field, slider = page.get_by_role("textbox", name="How tall?"), page.get_by_role("slider")
    touch = page.context.new_cdp_session(page)
    for guess, spoken in (("", "no guess yet"), ("3", "3 pixels")):
        field.fill(guess)
        box = slider.bounding_box()
        assert box
        x, y = box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2
        for kind, points in (
            ("touchStart", [{"x": x, "y": y}]),
            *(("touchMove", [{"x": x, "y": y - 10 * k}]) for k in range(1, 8)),
            ("touchEnd", []),
        ):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        expect(field).to_have_value(guess)
        expect(slider).to_have_attribute("aria-valuetext", spoken)
    assert page.evaluate("scrollY") > 0


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("32", "Yes, it is 32 pixels."),
        ("35,2", "Yes, close enough: it is 32 pixels; you said 35.2."),
        ("35.21", "Close: 35.21 is 3.21 pixels too high; it is 32 pixels."),
        ("20", "Not 20: it is 32 pixels. Too low."),
    ],
)
def test_a_number_is_typed_and_committed_by_enter(front: FrontEnd, typed: str, says: str) -> None:
    page = front.open(asked(HEIGHT))
    field = page.get_by_role("textbox", name="How tall?")
    field.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_contain_text("Write a number, or click the scale, first.")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_contain_text(
        "'many' is not a number. Write only a number, such as 12.5 or −3."
    )
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_css("border-top-color", "rgb(179, 38, 30)")
    slider = page.get_by_role("slider", name="Your guess on the scale")
    slider.click(position={"x": 9, "y": 14})
    expect(field).to_have_value("0")  # a press where the mark rests is a guess, too
    expect(field).to_have_attribute("aria-invalid", "false")
    slider.press("ArrowRight")
    expect(field).to_have_value("1")  # the field follows the mark
    expect(page.locator(".q-verdict")).to_have_text("")
    field.fill("-2.5")  # a slip takes no answer; the mark follows the field, beyond the scale to its end
    expect(slider).to_have_value("0")
    expect(page.locator(".q-scale .guess")).to_have_count(0)
    expect(page.locator(".q-verdict")).to_have_text("−2.5 is not on the scale. Choose a number from 0 to 50.")
    for begun in ("-", "1e", "5"):
        field.fill(begun)
        expect(page.locator(".q-verdict")).to_have_text("")
    field.fill("-2.5")
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_have_text("−2.5 is not on the scale. Choose a number from 0 to 50.")
    assert asked(HEIGHT).answer(0, "-2.5").says == page.locator(".q-verdict").inner_text()
    field.fill(typed)
    guess = float(typed.replace(",", "."))
    expect(slider).to_have_value(f"{guess:g}")  # where it was typed, between the steps too
    expect(page.locator(".q-scale .guess")).to_have_count(1)
    left = slider.bounding_box()
    page.keyboard.press("Enter")
    expect(slider).to_be_hidden()
    after = page.locator(".q-scale").bounding_box()
    assert left and after and abs(left["x"] + 9 - after["x"]) < 1  # the answer appears where the guess was dragged
    expect(page.locator(".q-verdict")).to_contain_text(says)
    expect(page.locator(".q-number")).to_be_hidden()
    written = f"{guess:g}".replace("-", "−")
    expect(page.locator(".q-scale i:not(.tick)")).to_have_text(["", "0", "50", f"you {written}", "answer 32"])
    expect(page.locator(".q-answer")).to_have_text("32 pixels")
    expect(page.locator(".q-own")).to_have_text(f"{written} pixels")
    expect(page.get_by_text("Anything from 28.8 to 35.2 pixels counts as right.")).to_be_visible()
    expect(page.get_by_role("img")).to_have_attribute("aria-label", f"Your guess {written}, the right answer 32 pixels")
    kind = {"N": "wrong", "Y": "right", "C": "near"}[says[0]]  # a near miss has no cross
    expect(page.locator(".q-verdict p")).to_have_attribute("data-state", kind)
    # What the page says is what Python says.
    said = asked(HEIGHT).answer(0, typed).says
    expect(page.locator(".q-verdict p")).to_have_text(said)


def test_a_number_that_more_digits_may_bring_onto_the_scale_is_left_alone(front: FrontEnd) -> None:
    page = front.open(asked(replace(HEIGHT, scale=(20, 50))))
    field, verdict = page.get_by_role("textbox", name="How tall?"), page.locator(".q-verdict")
    for typed, says in (("3", ""), ("32", ""), ("321", "321 is not on the scale. Choose a number from 20 to 50.")):
        field.fill(typed)
        expect(verdict).to_have_text(says)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("30", "Yes, it is 30 rows. 32 − 3 + 1."),
        ("29", "Not 29: it is 30 rows. Rows 0 to 29. 32 − 3 + 1."),
        ("31", "Not 31: it is 30 rows. 32 − 3 + 1."),
    ],
)
def test_a_whole_number_is_asked_for_exactly(front: FrontEnd, typed: str, says: str) -> None:
    beliefs = (Belief(29, 30, "Rows 0 to 29."),)
    rows = Number("rows", 2, "How many rows?", "rows", lambda: 30.0, "32 − 3 + 1.", beliefs)
    page = front.open(asked(rows))
    expect(page.get_by_text("The answer is a whole number. Only that number counts as right.")).to_be_visible()
    field = page.get_by_role("textbox", name="How many rows?")
    field.fill("29.9")
    page.keyboard.press("Enter")
    broken = "29.9 is not a whole number, but the answer is one."
    expect(page.locator(".q-verdict p")).to_have_text(broken)
    assert asked(rows).answer(0, "29.9") == Reply("open", broken)  # the only guess is not spent
    field.fill(typed)
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict p")).to_have_text(says)
    expect(page.locator(".q-verdict p")).to_have_attribute("data-state", "right" if typed == "30" else "wrong")
    assert asked(rows).answer(0, typed).says == says


@pytest.mark.parametrize(
    ("unit", "close", "says", "near"),
    [("%", 1, "1 point", "1.5"), ("points", 3, "3 points", "4.5"), ("nats", 0.1, "0.1 nats", "0.15")],
)
def test_the_card_says_how_near_a_guess_must_be_in_the_unit(
    front: FrontEnd, unit: str, close: float, says: str, near: str
) -> None:
    number = Number("n", 1, "How much?", unit, lambda: 32.5, "So it is.", close=close)
    page = front.open(asked(number))
    expect(
        page.get_by_text(f"A guess within {says} of the answer counts as right, within {near} as close.")
    ).to_be_visible()
    guesses = [reply(number, 32.5 + times * float(near)) for times in (0.99, 1.01)]
    assert [(told.state, told.near) for told in guesses] == [("wrong", True), ("wrong", False)]


SPELLINGS = (
    "12.5 %", "12,5%", "20 480", "20\u202f480", "1,000", "1.000", "0.125", "about 5", "≈ 3", "−3 points", "- 3",
    "1'276'682", "1.276.682", "1,276,682.5", "12,76,682", "1 276 682,5", "1e3", "1/4", "5 per cent", "7 pixels",
    "7 pixel.", ".5", "2.", "+4", "many", "", "1,2,3", "--1", "1/0", "5 6", "1 FLOP/byte", "1 flop per byte",
)  # fmt: skip


def test_a_page_reads_numbers_as_python_does(front: FrontEnd) -> None:
    page = front.open("<!doctype html><html lang=en data-booted><title>x</title><body></body></html>")
    cases = [
        (text, unit, near)
        for text in SPELLINGS
        for unit, near in (("%", 20.0), ("points", 9.22), ("pixels", 20000.0), ("FLOP per byte", 0.5))
    ]
    found = page.evaluate(
        """async ([source, cases]) => {
            const { read } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
            return cases.map(one => read(...one)).map(value => (Number.isNaN(value) ? null : value));
        }""",
        [join("questions"), cases],
    )
    for case, value in zip(cases, found, strict=True):
        assert value == pytest.approx(parse_number(*case)), case


def test_a_share_where_percent_are_asked_is_asked_back(front: FrontEnd) -> None:
    share = checks.guess("linear_share")
    assert isinstance(share, QuestionWidget)
    page = front.open(share)
    for typed, says in (("0.97", "Do you mean 0.97 % or 97 %? Add the % sign."), ("93 %", "Yes")):
        page.get_by_role("textbox").fill(typed)
        page.get_by_role("button", name="Commit").click()
        expect(page.locator(".q-verdict")).to_contain_text(says)
        assert share.answer(0, typed).says.startswith(says)


def test_a_quiz_shows_the_right_answer_after_two_wrong_ones_and_counts_what_was_known(front: FrontEnd) -> None:
    quiz = checks.quiz(4)
    assert isinstance(quiz, QuestionWidget)
    right = [next(k for k, option in enumerate(question.options) if option.right) for question in QUIZZES[4]]
    page = front.open(quiz)
    card = page.locator(".q-card:not([hidden])")

    def answer(option: int) -> None:
        card.locator(".q-option").nth(option).click()
        card.get_by_role("button", name="Check").click()

    tries, top = card.locator(".q-kind"), card.locator(".q-option").first
    assert TRIES == 2
    expect(tries).to_have_text("Two tries.")
    place = top.bounding_box()
    check = card.get_by_role("button", name="Check")
    expect(check).not_to_have_class(re.compile("cw-main"))  # there is nothing to check yet
    wrong = [k for k in range(len(QUIZZES[4][0].options)) if k != right[0]]
    answer(wrong[0])
    expect(card.locator(".q-verdict")).to_contain_text(QUIZZES[4][0].options[wrong[0]].says.replace("`", ""))
    expect(card.locator(".q-verdict")).not_to_contain_text("The answer is")
    expect(card.locator(".q-verdict")).to_contain_text("One more try.")
    expect(tries).to_have_text("One try left.")
    expect(card.locator("legend code")).to_have_text("optimizer.zero_grad()")
    expect(card.locator("legend b")).to_have_text(["1. ", "Which gradient does the second step use?"])
    expect(card.locator(".q-option").nth(wrong[0])).to_have_attribute("data-state", "wrong")
    expect(card.get_by_role("radio").nth(wrong[0])).to_be_disabled()
    expect(card.locator('.q-option[data-state="right"]')).to_have_count(0)
    expect(check).not_to_have_class(re.compile("cw-main"))
    expect(page.get_by_role("button", name="Question 1, one try left")).to_have_text("1 ↻")  # not lost yet
    card.locator(".q-option").nth(right[0]).click()
    expect(check).to_have_class(re.compile("cw-main"))
    expect(card.locator(".q-why")).to_have_count(1)  # the reason stays beside the next try
    check.click()
    expect(page.locator(".q-head")).to_contain_text("1 of 5 right, 0 on the first try")
    expect(tries).to_have_text("")
    assert top.bounding_box() == place  # nothing above the options has moved, nor have they changed their height
    expect(card.locator(".q-why")).to_have_count(2)  # and beside the right answer
    page.get_by_role("button", name="Question 5").click()
    answer(right[4])
    expect(page.locator(".q-head")).to_contain_text("2 of 5 right, 1 on the first try")
    for number in (1, 2):  # from the last, the next is the first that is open
        card.get_by_role("button", name="Next question").click()
        expect(card.locator("legend")).to_contain_text(f"{number + 1}.")
        answer(right[number])
    card.get_by_role("button", name="Next question").click()
    page.evaluate("name => document.body.insertAdjacentHTML('beforeend', `<h2>${name}¶</h2>`)", QUIZZES[4][3].section)
    for option in [k for k in range(len(QUIZZES[4][3].options)) if k != right[3]][:2]:
        answer(option)
    expect(card.locator(".q-verdict")).to_contain_text("The answer is")
    expect(card.locator('.q-option[data-state="right"]')).to_have_count(1)
    expect(check).to_be_hidden()
    expect(card.locator("input:enabled")).to_have_count(0)  # copying what is shown earns nothing
    expect(page.locator(".q-head")).to_contain_text("4 of 5 right, 3 on the first try")
    expect(card.get_by_role("button", name="Next question")).to_be_hidden()
    others = [option.says for option in QUIZZES[4][3].options]
    card.get_by_role("button", name="Why not the others?").press("Enter")
    expect(card.locator(".q-verdict p")).to_have_count(len(others))
    for said in others:
        expect(card.locator(".q-verdict")).to_contain_text(said.replace("`", ""))
    page.get_by_role("button", name="Question 1").click()
    expect(page.locator(".q-end li")).to_have_text(f"{QUIZZES[4][3].section}Question 4")
    page.set_viewport_size({"width": 800, "height": 200})
    page.get_by_role("button", name=QUIZZES[4][3].section).click()
    expect(page.locator("h2")).to_be_in_viewport()
    page.set_viewport_size({"width": 800, "height": 1000})
    page.locator(".q-end").get_by_role("button", name="Question 4", exact=True).click()
    expect(card.locator("legend")).to_contain_text("4.")
    expect(card.locator("input:enabled")).to_have_count(0)
    # Python replies and counts in the same way.
    on_page = state_of(page, "replies")
    assert isinstance(on_page, list)
    for option in (wrong[0], right[0]):
        quiz.answer(0, option)
    assert quiz.replies[0] == on_page[0] and quiz.replies[0]["first"] is False
    for option in on_page[3]["wrong"]:
        quiz.answer(3, option)
    assert quiz.replies[3] == on_page[3]
    # What was missed may be tried once more; it stays missed on the first try.
    page.get_by_role("button", name="Try question 4 again").click()
    expect(card.locator("legend")).to_contain_text("4.")
    answer(right[3])
    expect(page.locator(".q-head")).to_contain_text("5 of 5 right, 3 on the first try")
    late = sorted({QUIZZES[4][k].section: f"Question {k + 1}" for k in (0, 3)}.items(), key=lambda pair: pair[1])
    expect(page.locator(".q-end p")).to_have_text("All 5 right. These took more than one try:")
    expect(page.locator(".q-end li")).to_have_text([section + question for section, question in late])
    expect(page.locator(".q-end").get_by_role("button", name="again")).to_have_count(0)
    assert QUIZZES[4][0].name in checks.session.answered


@pytest.mark.parametrize("width", [360, 706])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_checking_moves_nothing_above_the_chosen_answer_and_takes_no_border_away(
    front: FrontEnd, width: int, theme: str
) -> None:
    page = front.open(checks.quiz(4), width=width, theme=theme)
    card = page.locator(".q-card:not([hidden])")
    rows = card.locator(".q-option")
    right = next(k for k, option in enumerate(QUIZZES[4][0].options) if option.right)
    drawn = """rows => rows.map(row => {
        const { boxShadow, height } = getComputedStyle(row);
        return [boxShadow, height];
    })"""
    before, top = rows.evaluate_all(drawn), rows.first.bounding_box()
    stem = card.locator("legend").evaluate("legend => getComputedStyle(legend).color")
    first = min(k for k in range(len(before)) if k != right)
    for given in (first, right):
        rows.nth(given).click()
        card.get_by_role("button", name="Check").click()
        expect(rows.nth(given)).to_have_attribute("data-state", "right" if given == right else "wrong")
        assert rows.first.bounding_box() == top
        after = rows.evaluate_all(drawn)
        assert [height for _, height in after] == [height for _, height in before]
        untried = [k for k in range(len(before)) if k not in (first, right)]
        assert [after[k] for k in untried] == [before[k] for k in untried]
    assert card.locator("legend").evaluate("legend => getComputedStyle(legend).color") == stem
    # Text and letter are in the middle of their row, and the mark does not push them away.
    for row in rows.all():
        middles = row.evaluate("""row => [row, ...row.querySelectorAll("b, .q-text")].map(part => {
            const { top, height } = part.getBoundingClientRect();
            return top + height / 2;
        })""")
        assert max(middles) - min(middles) < 1


def test_a_question_that_is_tried_again_begins_without_marks_and_with_all_its_tries(front: FrontEnd) -> None:
    quiz = checks.quiz(4)
    assert isinstance(quiz, QuestionWidget)
    right = [next(k for k, option in enumerate(question.options) if option.right) for question in QUIZZES[4]]
    wrong = [k for k in range(len(QUIZZES[4][2].options)) if k != right[2]]
    for number, option in [(2, wrong[0]), (2, wrong[1]), *((k, right[k]) for k in (0, 1, 3, 4))]:
        quiz.answer(number, option)
    page = front.open(quiz)
    card, head = page.locator(".q-card:not([hidden])"), page.locator(".q-head")
    expect(page.locator(".q-end p")).to_have_text("Read again in this lesson:")
    page.get_by_role("button", name="Try question 3 again").click()
    expect(page.locator(".q-end")).to_be_hidden()
    expect(page.get_by_role("button", name="Question 3, two tries")).to_have_text("3 ↻")
    expect(card.locator(".q-kind")).to_have_text("Two tries.")
    expect(card.locator("input:checked")).to_have_count(0)
    expect(card.locator("input:disabled")).to_have_count(0)
    expect(card.locator('.q-option:is([data-state="right"], [data-state="wrong"])')).to_have_count(0)
    expect(card.locator(".q-verdict")).to_have_text("")
    quiz.replies = state_of(page, "replies")
    # The choice stays when another question is looked at meanwhile.
    card.locator(".q-option").nth(wrong[1]).click()
    page.get_by_role("button", name="Question 1").click()
    page.get_by_role("button", name="Question 3").click()
    expect(card.get_by_role("radio").nth(wrong[1])).to_be_checked()
    card.get_by_role("button", name="Check").click()  # the answer that was given last counts again
    expect(card.locator(".q-verdict")).to_contain_text("One more try.")
    expect(card.locator(".q-kind")).to_have_text("One try left.")
    quiz.answer(2, wrong[1])
    assert quiz.replies == state_of(page, "replies")  # Python counts in the same way
    card.locator(".q-option").nth(right[2]).click()
    card.get_by_role("button", name="Check").click()
    expect(head).to_contain_text("5 of 5 right, 4 on the first try")
    expect(page.locator(".q-end p")).to_have_text("All 5 right. This one took more than one try:")
    expect(page.locator(".q-end li")).to_have_text(f"{QUIZZES[4][2].section}Question 3")


def test_a_quiz_that_is_right_at_once_ends_with_a_sentence(front: FrontEnd) -> None:
    quiz = checks.quiz(4)
    assert isinstance(quiz, QuestionWidget)
    *most, last = [next(k for k, option in enumerate(question.options) if option.right) for question in QUIZZES[4]]
    for number, option in enumerate(most):
        quiz.answer(number, option)
    page = front.open(quiz, width=360, has_touch=True)
    expect(page.locator(".q-end")).to_have_text("")  # there is nothing yet to try again
    tab = page.get_by_role("button", name="Question 5")
    box = tab.bounding_box()
    assert box and min(box["width"], box["height"]) >= 40  # for a finger
    tab.tap()
    page.locator(".q-card:not([hidden]) .q-option").nth(last).tap()
    page.locator(".q-card:not([hidden])").get_by_role("button", name="Check").tap()
    expect(page.locator(".q-end")).to_have_text("All 5 right on the first try: nothing to read again.")


def test_a_quiz_is_answered_by_keyboard_alone_and_a_question_again(front: FrontEnd) -> None:
    quiz = checks.quiz(4)
    assert isinstance(quiz, QuestionWidget)
    page = front.open(quiz)
    for number, question in enumerate(QUIZZES[4], start=1):
        right = next(k for k, option in enumerate(question.options) if option.right)
        radios = page.locator(".q-card:not([hidden])").get_by_role("radio")
        for wanted in ((right + 1) % len(question.options), right):
            if number == 1 and wanted != right:
                radios.first.focus()
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
        expect(page.locator(".q-head")).to_contain_text(f"{number} of 5 right")
        if number < 5:
            page.get_by_role("button", name="Next question").focus()
            page.keyboard.press("Enter")
    replies = state_of(page, "replies")
    assert isinstance(replies, list) and {reply["state"] for reply in replies} == {"right"}


def test_a_mean_of_runs_is_shown_with_their_range(front: FrontEnd) -> None:
    means = (MeanOfRuns((1.0, 3.0, 5.0)), MeanOfRuns((-2.0, -1.0, 0.0)))
    page = front.open(asked(replace(COLOUR, measured=lambda: means, unit="points")))
    page.get_by_role("radio", name="red").check(force=True)
    page.keyboard.press("Enter")
    expect(page.locator(".q-value")).to_have_text(["+3.0 points, from +1.0 to +5.0", "−1.0 points, from −2.0 to +0.0"])
    means = "Bars show the mean of 3 runs, thin lines the range from the lowest to the highest."
    expect(page.locator(".q-kind")).to_have_text(means)
    bars = page.locator(".q-option .q-bar")
    expect(bars.first.locator("> s")).to_have_attribute("title", "from +1.0 to +5.0")
    # The line goes from −2 to 6: the bar from 0 to 3, its range from 1 to 5.
    ends = "parts => parts.map(part => [part.style.left, part.style.width].map(parseFloat))"
    drawn = [bars.first.locator(f"s {name}").evaluate_all(ends) for name in ("s", "u")]
    assert drawn == [
        [pytest.approx([200 / 8, 300 / 8], rel=1e-3)], [pytest.approx([300 / 8, 400 / 8], rel=1e-3)],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("means", "says"),
    [
        (((1.0, 3.0), (3.0, 4.0)), " The lines of A and B overlap: too close to call from 2 runs."),
        (((1.0, 2.9), (3.0, 4.0)), ""),
    ],
)
def test_ranges_that_overlap_do_not_settle_an_order(front: FrontEnd, means: Any, says: str) -> None:
    page = front.open(asked(replace(COLOUR, measured=lambda: [MeanOfRuns(each) for each in means], unit="points")))
    page.locator(".q-option").first.click()
    page.get_by_role("button", name="Commit").click()
    expect(page.locator(".q-kind")).to_have_text(re.compile(rf"highest\.{re.escape(says)}$"))


@pytest.mark.parametrize(
    ("numbers", "unit", "ticks"),
    [
        ((1.0, 8.9), "points", ["0", "5", "10 points"]),
        ((0.0847, 1.26), "ms per image", ["0", "0.5", "1", "1.5 ms per image"]),
        ((-14.7, 0.88), "points", ["−10", "0", "10 points"]),
        ((0.0, 0.0), "points", ["0 points"]),
    ],
)
def test_bars_have_an_axis_with_zero_and_round_numbers(front: FrontEnd, numbers: Any, unit: str, ticks: Any) -> None:
    page = front.open(asked(replace(COLOUR, measured=lambda: numbers, unit=unit)), width=360)
    expect(page.locator(".q-axis")).to_be_hidden()
    page.locator(".q-option").first.click()
    page.get_by_role("button", name="Commit").click()
    labels = page.locator(".q-axis .q-bar > span")
    expect(labels).to_have_text(ticks)
    # Zero of the axis is where the bars begin.
    at_zero = labels.nth(next(k for k, tick in enumerate(ticks) if tick.startswith("0") and tick[1:2] != "."))
    middle_of_zero = at_zero.evaluate("one => (box => box.left + box.width / 2)(one.getBoundingClientRect())")
    for bar, number in zip(page.locator(".q-bar s s").all(), numbers, strict=True):
        box = bar.bounding_box()
        assert box and abs(box["x"] + (box["width"] if number < 0 else 0) - middle_of_zero) < 1.5
    widest = max(box["width"] for bar in page.locator(".q-option .q-bar").all() if (box := bar.bounding_box()))
    assert widest > 190  # as long as the text above it


@pytest.mark.parametrize("width", [360, 800])
def test_no_row_changes_its_height_when_the_bars_come_and_each_number_is_as_dark_as_the_others(
    front: FrontEnd, width: int
) -> None:
    page = front.open(checks.guess("remedies"), width=width)
    heights = "rows => rows.map(row => row.offsetHeight)"
    rows = page.locator(".q-option")
    before = rows.evaluate_all(heights)
    rows.nth(1).click()
    page.get_by_role("button", name="Commit").click()
    expect(page.locator(".q-value").nth(1)).to_contain_text("+0.5")
    assert rows.evaluate_all(heights) == before
    colours = page.locator(".q-value").evaluate_all("all => all.map(one => getComputedStyle(one).color)")
    assert len(set(colours)) == 1


def test_letters_choose_an_option(front: FrontEnd) -> None:
    page = front.open(asked(COLOUR))
    page.get_by_role("radio", name="red").focus()
    for key, chosen in (("b", "blue"), ("A", "red"), ("Control+b", "red"), ("c", "red")):
        page.keyboard.press(key)
        expect(page.get_by_role("radio", name=chosen)).to_be_checked()
        expect(page.get_by_role("radio", name=chosen)).to_be_focused()
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    expect(page.locator(".q-verdict")).to_contain_text("Not B.")


def test_the_reasons_of_the_other_options_can_be_closed_again(front: FrontEnd) -> None:
    page = front.open(checks.guess("remedies"))
    page.locator(".q-option").nth(3).click()
    page.get_by_role("button", name="Commit").click()
    why = page.get_by_role("button", name="Why not the others?")
    card, link = page.locator(".q-option").first.bounding_box(), why.bounding_box()
    assert card and link and card["x"] == link["x"]
    why.press("Enter")
    expect(page.locator(".q-verdict p")).to_have_count(4)
    hide = page.get_by_role("button", name="Hide the other reasons")
    expect(hide).to_be_focused()
    hide.press("Enter")
    expect(page.locator(".q-verdict p")).to_have_count(1)
    expect(why).to_be_focused()


def test_as_many_numbers_are_measured_as_there_are_options() -> None:
    card = asked(replace(COLOUR, measured=lambda: (2.0,), unit="points"))
    with pytest.raises(ValueError, match="'colour' has 2 options, and its Measured: field returns 1 numbers"):
        card.answer(0, 0)


def test_a_touch_answers_too(front: FrontEnd) -> None:
    page = front.open(asked(replace(COLOUR, measured=lambda: (2.0, -1.0), unit="points")), width=360, has_touch=True)
    expect(page.locator(".q-value")).to_have_text(["", ""])
    page.locator(".q-option").first.tap()
    page.get_by_role("button", name="Commit").tap()
    for control in (page.locator(".q-option").first, page.get_by_role("button", name="Why not the others?")):
        box = control.bounding_box()
        assert box and box["height"] >= 40  # for a finger
    expect(page.locator(".q-verdict")).to_contain_text("Yes. Pictures are RGB.")
    expect(page.locator(".q-kind")).to_have_text("The bars show what was measured.")
    expect(page.locator(".q-value")).to_have_text(["+2.0 points", "−1.0 points"])


def test_python_judges_what_the_browser_sends_and_shows_it() -> None:
    heard: list[Reply] = []
    widget = asked(COLOUR, heard)
    widget._take(None, {"type": "answer", "question": 0, "answer": 1}, [])
    assert [told.state for told in heard] == ["wrong"]
    said = "Not B. OpenCV stores BGR.\nThe answer is A. Pictures are RGB."
    assert widget.replies == [{"given": 1, "right": 0, "state": "wrong", "says": said}]
    number = asked(HEIGHT, heard)
    assert number.answer(0, "many").state == "open" and len(heard) == 1


def test_a_page_says_of_every_option_what_python_says() -> None:
    for question in PREDICTIONS.values():
        if isinstance(question, Choice):
            widget = asked(question)
            (known,) = json.loads(widget.loadable()["answers"]())
            for number, told in enumerate(known["replies"]):
                assert widget.answer(0, number).state == told["state"]
                outcome = {key: known[key] for key in ("right", "measured", "runs") if key in known}
                assert widget.replies == [{**told, "given": number, **outcome}]
            assert known["replies"][known["right"]]["state"] == "right"


@pytest.mark.parametrize("question", [COLOUR, HEIGHT], ids=["choice", "number"])
def test_stored_the_question_is_whole_and_gives_nothing_away(question: Choice | Number) -> None:
    bundle, _ = asked(question)._repr_mimebundle_()
    assert WIDGET in bundle and question.ask in bundle["text/plain"]
    for text in (bundle["text/plain"], bundle["text/html"]):
        assert "right" not in text and "square" not in text and "RGB" not in text
    if isinstance(question, Choice):
        assert all(option.text in bundle["text/html"] for option in question.options)


def test_stored_what_stands_in_backticks_is_code() -> None:
    text = asked(replace(COLOUR, ask="What is `a < b`?"))._repr_mimebundle_()[0]["text/html"]
    assert "<b>What is <code>a &lt; b</code>?</b>" in text


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
    names = [name for name, check in checks.session.known.items() if check.lesson == 3]
    solved = len(checks.session.solved.intersection(names))
    told = f"softmax, lesson 03: {solved}\xa0of\xa0{len(names)} exercises solved"
    expect(page.locator(".v-head .cw-cap")).to_have_text(told)
    later = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))))  # another try, for fun
    expect(later.locator(".v-head .cw-cap")).to_have_text(f"{told}; your earlier solution still counts")
    assert above(page, ".v-lead", ".v-picture table")
    expect(page.get_by_role("rowheader", name="cat")).to_have_css("font-weight", "700")
    expect(page.get_by_role("rowheader", name="dog")).to_have_css("font-weight", "400")


LENGTHS = "bars => bars.map(bar => bar.getBoundingClientRect().width)"
SCALE = "Added to every logit"


def softmax_card(front: FrontEnd, **how: Any) -> Page:
    return front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(1))), reduced_motion="reduce", **how)


def test_softmax_without_subtracting_breaks_where_the_learner_finds_it(front: FrontEnd) -> None:
    page = softmax_card(front)
    rows = page.locator(".v-picture tr:has(th[scope=row])").all()
    scale, found, zone = page.get_by_role("slider", name=SCALE), page.locator(FOUND), page.locator(".v-over")
    expect(scale).to_have_attribute("aria-valuetext", "0. cat: your softmax 77 %, without subtracting 77 %")
    expect(page.get_by_text("At which number does softmax break without subtracting?")).to_be_visible()

    def pairs() -> list[list[str]]:
        return [row.locator("td[data-stops]").all_inner_texts()[-2:] for row in rows]  # after a logit

    def lengths(column: int) -> list[float]:
        return list(page.locator(f".v-picture td:nth-of-type({column}) > div > div").evaluate_all(LENGTHS))

    assert len(rows) == 11 and all(own == naive for own, naive in pairs()) and pairs()[-1][0] == "100 %"
    full = lengths(2)
    assert lengths(4) == full and max(full) > 100
    scale.press("End")
    assert [naive for _, naive in pairs()] == ["nan"] * 11 and lengths(2) == full and lengths(4) == [0] * 10
    expect(page.get_by_role("columnheader", name="with 100 added")).to_be_visible()
    first = first_broken(page)
    for c in range(100, first, -1):
        expect(found).to_have_text(f"Broken at {c}, correct at 0: the first is in between.")
        scale.press("ArrowLeft")
    expect(found).to_have_text(f"Broken at {first}, correct at 0: the first is in between.")  # it may break before
    expect(zone).to_be_hidden()
    expect(scale).to_have_attribute("aria-valuetext", f"{first}. cat: your softmax 77 %, without subtracting nan")
    assert [naive for _, naive in pairs()] == [*["0 %"] * 3, "nan", *["0 %"] * 6, "nan"]
    red = page.locator(".v-picture tr:last-child .v-lost").evaluate("cell => getComputedStyle(cell).color")
    for cell in page.locator(".v-picture .v-lost").all():
        expect(cell).to_have_css("color", red)
        expect(cell).to_have_css("font-weight", "600")
    scale.press("ArrowLeft")
    assert all(own == naive for own, naive in pairs()) and lengths(4) == full
    expect(page.locator(".v-lost")).to_have_count(0)
    expect(page.get_by_text("nan", exact=True)).to_have_count(0)
    expect(page.get_by_role("rowheader", name="dog").locator("~ td").last).to_have_css("font-weight", "400")
    for _ in range(2):
        expect(found).to_have_text(re.compile(f"^At {first}: "))
        expect(zone).to_be_visible()
        scale.press("Home")  # what was found stays


FOUND = ".v-ask span:last-child"


def first_broken(page: Page) -> int:
    """The answer to the question of the scale of softmax, which its card does not show yet."""
    answer = page.locator(".v-ask span").first
    expect(answer).to_be_hidden()
    return int(re.findall(r"At (\d+):", answer.text_content() or "")[0])


def go(page: Page, stop: int) -> None:
    page.get_by_role("slider", name=SCALE).evaluate(
        "(scale, stop) => { scale.value = stop; scale.dispatchEvent(new Event('input')); }", stop
    )


def test_what_was_seen_of_softmax_narrows_where_it_breaks(front: FrontEnd) -> None:
    page = softmax_card(front)
    found, first = page.locator(FOUND), first_broken(page)
    for stop in (20, 70, 30):
        go(page, stop)
        expect(found).to_have_text("")  # nothing broke yet
    for stop, between in ((95, (95, 70)), (100, (95, 70)), (0, (95, 70)), (80, (95, 80)), (90, (90, 80))):
        go(page, stop)
        expect(found).to_have_text("Broken at {}, correct at {}: the first is in between.".format(*between))
    said = page.locator(".cw-sr")
    expect(said).to_have_text("Broken at 90, correct at 80: the first is in between.")
    go(page, first)
    expect(found).to_have_text(f"Broken at {first}, correct at 80: the first is in between.")
    go(page, first - 1)
    expect(found).to_have_text(re.compile(f"^At {first}: "))
    expect(said).to_have_text(re.compile(f"^At {first}: "))


@pytest.mark.parametrize("order", [(-1, 0), (0, -1), (-1, 14, 0), (0, -40, 5, -1)])
def test_softmax_is_found_broken_between_neighbours_in_any_order(front: FrontEnd, order: tuple[int, ...]) -> None:
    page = softmax_card(front)
    found, first = page.locator(FOUND), first_broken(page)
    for step in order:
        expect(found).not_to_have_text(re.compile("^At "))
        go(page, first + step)
    expect(found).to_have_text(re.compile(f"^At {first}: "))


@pytest.mark.parametrize("has_touch", [False, True])
def test_two_buttons_step_the_scale_of_softmax_by_one(front: FrontEnd, has_touch: bool) -> None:
    page = softmax_card(front, width=360, has_touch=has_touch)
    scale = page.get_by_role("slider", name=SCALE)
    less, more = (page.get_by_role("button", name=f"One {name}") for name in ("less", "more"))
    middle = 0.0
    for node in (scale, less, more):
        box = node.bounding_box()
        assert box and min(box["width"], box["height"]) >= (40 if has_touch else 28)
        middle = middle or box["y"] + box["height"] / 2
        assert abs(box["y"] + box["height"] / 2 - middle) < 1
    for press, stop in ((less, 0), (more, 1), (more, 2), (less, 1)):  # no further than the scale
        press.click()
        expect(scale).to_have_value(str(stop))
        expect(page.locator(".v-scale > b")).to_have_text(str(stop))
        expect(scale).to_have_attribute("aria-valuetext", re.compile(rf"^{stop}\. cat"))
    go(page, 100)
    more.focus()
    page.keyboard.press("Enter")
    expect(scale).to_have_value("100")
    said = "100. cat: your softmax 77 %, without subtracting nan. Broken at 100, correct at 2: the first is in between."
    expect(page.locator(".cw-sr")).to_have_text(said)  # a screen reader does not read a scale that others move
    expect(page.get_by_role("row", name="cat").locator("td").first).to_have_text("103.31")


BOXES = """root => [...root.querySelectorAll(`.v-card, .v-picture > *, .v-track, .v-steps button,
        .v-picture :is(th, td)`)]
    .map(node => node.getBoundingClientRect())
    .map(box => [box.x, box.y, box.width, box.height].map(Math.round).join())"""


@pytest.mark.parametrize("width", [360, 500, 800, 1300])
def test_nothing_moves_on_the_way_of_the_scale_of_softmax(front: FrontEnd, width: int) -> None:
    page = softmax_card(front, width=width)
    scale, card = page.get_by_role("slider", name=SCALE), page.locator(".verdict")
    before = card.evaluate(BOXES)
    for key in (*["ArrowRight"] * 100, *["ArrowLeft"] * 15):  # on which the answer is found
        scale.press(key)
        assert card.evaluate(BOXES) == before
    expect(page.locator(FOUND)).to_have_text(re.compile("^At "))
    picture = page.locator(".v-picture")
    assert picture.evaluate("picture => picture.scrollWidth <= picture.clientWidth")
    room, table = (page.locator(place).bounding_box() for place in (".v-picture", ".v-picture table"))
    assert room and table and table["width"] >= room["width"] - 9  # it uses the width that it has
    cells = page.locator(".v-picture :is(td, th:not([colspan='2']))").evaluate_all(
        "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.textContent)"
    )
    assert cells == []


@pytest.mark.parametrize("width", [360, 1300])
def test_the_handle_of_the_scale_of_softmax_is_above_its_number(front: FrontEnd, width: int) -> None:
    page = softmax_card(front, width=width)
    scale = page.get_by_role("slider", name=SCALE)
    for tick in page.locator(".v-ticks > :not(.v-over)").all():
        box = scale.bounding_box()
        mark = tick.bounding_box()
        assert box and mark
        page.mouse.click(mark["x"] + mark["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.locator(".v-scale > b")).to_have_text(tick.inner_text())


def above(page: Page, one: str, other: str) -> bool:
    """Whether the first of one ends before the first of another begins."""
    high, low = (page.locator(place).first.bounding_box() for place in (one, other))
    return bool(high and low and high["y"] + high["height"] <= low["y"] + 1)


SELECTED = "document.querySelector('[data-cifar-widget]').shadowRoot.getSelection().toString()"


def test_an_input_is_copied_into_a_cell_and_shapes_stay_on_one_line(front: FrontEnd) -> None:
    verdict = checks.softmax(lambda logits: (2 * logits).softmax(1))
    page = front.open(VerdictCard(verdict), width=360)
    expect(page.locator(".v-given pre")).to_have_text(verdict.given)
    page.evaluate("() => { navigator.clipboard.writeText = async text => { window.copied = text; }; }")
    copy = page.get_by_role("button", name="Copy the input")
    copy.click()
    expect(copy).to_have_text("Copied")
    assert page.evaluate("window.copied") == verdict.given
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    copy.click()
    expect(copy).to_have_text("Press Ctrl+C")
    page.evaluate("document.querySelector('[data-widget]').model.set('hints_left', 1)")
    assert page.evaluate(SELECTED) == verdict.given  # for the keys
    page.evaluate("() => { getSelection().removeAllRanges(); navigator.clipboard.writeText = async () => {}; }")
    copy.click()
    expect(copy).to_have_text("Copied")
    assert page.evaluate(SELECTED) == ""
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.get_by_role("button", name="Copy the call").click()  # a page without Python has no button for hints
    expect(page.get_by_role("button", name="Copy the call")).to_have_text("Press Ctrl+C")
    assert page.evaluate(SELECTED) == "checks.hint('softmax')"
    for button in page.locator(".v-given button").all():  # with the longest of its words
        room = """one => {
            const words = document.createRange();
            words.selectNodeContents(one);
            return one.clientWidth - words.getBoundingClientRect().width;
        }"""
        assert button.evaluate(room) >= 15, "its padding"
    inside = page.locator(".v-card").evaluate("card => card.scrollWidth <= card.clientWidth")
    assert inside, "the buttons stay within the card"
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(1)[0])), width=360)
    expect(page.locator(".v-says")).to_contain_text("of shape (2,\xa04), the shape of the result is (4,), but")
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(5))))
    expect(page.locator(".v-error")).to_contain_text("in range of [-2,\xa01], but got 5")
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(1))))
    expect(page.locator(".v-given:visible")).to_have_count(0)


def test_an_error_is_shown_as_lines_of_code_within_the_card(front: FrontEnd) -> None:
    def failing(logits: Any) -> Any:
        raise ValueError("x" * 200)

    page = front.open(VerdictCard(checks.softmax(failing)), width=360)
    expect(page.locator(".v-says")).to_have_text("For logits of shape (2, 4), it raises an error:")
    line, error = page.locator(".v-error span").all_inner_texts()
    assert re.fullmatch(r'line \d+: raise ValueError\("x" \* 200\)', line) and error == f"ValueError: {'x' * 200}"
    assert widest(page) <= 350
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(5))), width=360)
    expect(page.locator(".v-error ~ p").first).to_have_text(re.compile("^The code asks for dimension 5, but"))
    page = front.open(VerdictCard(Verdict("wrong", f"it returns {'x' * 200}")), width=360)
    assert widest(page) <= 350


def framed(page: Page) -> tuple[str, set[str | None], int]:
    """The line about the frame, and where and how often the frame is."""
    cells = page.locator(".v-at").all()
    return (
        page.locator(".v-framed").inner_text().replace("\n", " "),
        {cell.get_attribute("data-at") for cell in cells},
        len([cell for cell in cells if cell.evaluate("cell => getComputedStyle(cell).outlineStyle") == "solid"]),
    )


BY_COLUMNS = [
    ("1.54", "0.932", "0.639"),
    ("−0.29", "0.752", "0.103"),
    ("−1.40", "0.248", "0.056"),
    ("0.40", "0.930", "0.339"),
]


def told(number: int) -> str:
    return "Framed: logits {}, yours {}, should be {}".format(*BY_COLUMNS[number])


def test_the_frame_and_its_line_follow_the_pointer_and_a_click_leaves_them_there(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))))
    assert framed(page) == (told(0), {"0,0"}, 3)
    cells = page.locator("table", has_text="yours").locator("[data-at]")
    cells.nth(6).hover()
    assert framed(page) == (told(3), {"1,2"}, 3)
    page.locator(".v-head").hover()
    assert framed(page) == (told(0), {"0,0"}, 3)
    cells.nth(5).click()
    page.locator(".v-head").hover()
    assert framed(page) == (told(2), {"1,1"}, 3)
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))), width=360, has_touch=True)
    height = page.locator(".v-picture").bounding_box()
    page.locator("table", has_text="should be").locator("[data-at]").nth(6).tap()
    assert framed(page) == (told(3), {"1,2"}, 3)
    assert page.locator(".v-picture").bounding_box() == height  # nothing jumps


def middle(cell: Any) -> tuple[float, float]:
    box = cell.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_frame_stays_between_two_numbers_and_keys_start_where_it_is(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))))
    cells = page.locator("table", has_text="yours").locator("[data-at]")
    cells.nth(5).click()
    invitation = page.locator(".v-framed").evaluate("line => getComputedStyle(line, '::after').visibility")
    assert invitation == "visible"  # it works as before
    right, y = cells.nth(1).bounding_box(), middle(cells.nth(1))[1]
    assert right
    page.mouse.move(right["x"] - 5, y)
    assert framed(page)[1] == {"0,0"}
    page.mouse.move(right["x"] - 1, y)  # in the gap
    assert framed(page)[1] == {"0,0"}
    line = page.get_by_role("slider", name="Framed number")
    expect(line).to_be_focused()  # by the click, and without the ring that keys need
    assert not line.evaluate("one => one.matches(':focus-visible')")
    page.keyboard.press("ArrowRight")
    assert framed(page) == (told(1), {"0,1"}, 3)


def test_a_press_that_is_dragged_leaves_the_frame_where_it_ends_and_selects_no_text(front: FrontEnd) -> None:
    verdict = checks.softmax(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True))
    page = front.open(VerdictCard(verdict), width=360, height=200)
    cells = page.locator("table", has_text="should be").locator("[data-at]")
    cells.last.scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    assert scrolled > 100  # the line is above
    page.mouse.move(*middle(cells.nth(9)))
    page.mouse.down()
    page.mouse.move(*middle(cells.nth(14)), steps=5)
    page.mouse.up()
    page.mouse.move(2, 2)
    assert framed(page)[1:] == ({"3,5"}, 3)
    selected = "document.querySelector('[data-cifar-widget]').shadowRoot.getSelection().toString()"
    assert page.evaluate(selected) == "" and page.evaluate("scrollY") == scrolled


def test_forced_colours_show_bars_and_what_is_wrong(front: FrontEnd) -> None:
    page = front.open(
        VerdictCard(checks.softmax(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True))),
        forced_colors="active",
    )
    under = "cells => cells.map(cell => getComputedStyle(cell).textDecorationLine)"
    lines = page.locator("table", has_text="yours").locator("[data-at]").evaluate_all(under)
    words = page.locator("table", has_text="yours").locator("[data-at]").all_inner_texts()
    assert [line == "underline" for line in lines] == [word == "nan" for word in words] and "nan" in words
    assert page.locator(".v-framed b").evaluate_all(under) == ["none", "underline", "underline"]
    expect(page.locator(".v-card")).to_have_css("outline-style", "solid")
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))), forced_colors="active")
    # Between numbers and their sums is no line.
    room = page.locator("table", has_text="yours").locator("th", has_text="sum").last
    expect(room).to_have_css("border-top-color", "rgb(255, 255, 255)")
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(1))), forced_colors="active")
    bar = page.locator("tr", has_text="cat").locator("td > div > div").first
    colour = "node => getComputedStyle(node)[node.matches('td *') ? 'backgroundColor' : 'color']"
    assert bar.evaluate(colour) == page.locator(".v-head b").evaluate(colour)


def test_arrow_keys_move_the_frame_within_what_is_drawn(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))), forced_colors="active")
    line = page.get_by_role("slider", name="Framed number")
    page.keyboard.press("Tab")
    expect(line).to_be_focused()
    expect(line).to_have_attribute("aria-valuetext", f"row 0, column 0. {told(0)}")
    page.keyboard.press("ArrowRight")
    assert framed(page) == (told(1), {"0,1"}, 3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert framed(page) == (told(2), {"1,1"}, 3)
    expect(line).to_have_attribute("aria-valuetext", f"row 1, column 1. {told(2)}")
    page.keyboard.press("End")
    assert framed(page)[1:] == ({"1,3"}, 3)
    page.keyboard.press("ArrowRight")
    assert framed(page)[1:] == ({"1,3"}, 3)
    page.keyboard.press("Home")
    assert framed(page)[1:] == ({"1,0"}, 3)


def test_a_number_that_is_right_has_no_colour_in_the_line(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True))))
    expect(page.locator(".v-framed")).to_have_text("Framed: logits 162, yours nan, should be 1.00")
    own = page.locator(".v-framed b").nth(1)
    expect(own).to_have_css("background-color", re.compile(r"^rgba\(179, 38, 30"))
    page.locator("table", has_text="yours").locator("[data-at]").first.click()
    expect(page.locator(".v-framed")).to_have_text("Framed: logits 7, yours 0.00, should be 0.00")
    expect(own).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    for side in ("left", "right"):
        expect(own).to_have_css(f"padding-{side}", "0px")  # the comma is next to it
    expect(own).to_have_css("min-width", "0px")


@pytest.mark.parametrize("answer", [
    lambda logits: (2 * logits).softmax(1), lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True),
], ids=["apart", "nan"])  # fmt: skip
def test_an_input_and_two_results_stand_in_one_row_on_the_site(front: FrontEnd, answer: Any) -> None:
    page = front.open(VerdictCard(checks.softmax(answer)), width=706)
    tops = page.locator(".v-picture table").evaluate_all("all => all.map(table => table.getBoundingClientRect().top)")
    assert len(tops) == 3 and max(tops) - min(tops) < 1


def test_the_line_is_above_all_tables_and_keys_put_the_ring_on_the_numbers(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))), width=360)
    assert above(page, ".v-framed", "table")
    outlines = "cells => cells.map(cell => getComputedStyle(cell).outlineWidth)"
    assert page.locator(".v-at").evaluate_all(outlines) == ["2px"] * 3
    page.keyboard.press("Tab")
    assert page.locator(".v-at").evaluate_all(outlines) == ["3px"] * 3
    expect(page.locator(".v-framed")).to_have_css("outline-style", "none")


def test_what_is_too_high_looks_other_than_what_is_too_low_and_both_are_named(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: (2 * logits).softmax(1))))
    mine = page.locator("table", has_text="yours")
    look = """node => {
        const { color, backgroundColor, boxShadow } = getComputedStyle(node);
        return [color, backgroundColor, boxShadow].join();
    }"""
    high, low = (
        mine.locator("caption span", has_text=text).locator("i").evaluate(look) for text in ("too high", "too low")
    )
    assert high != low and high.rpartition(",")[2] != low.rpartition(",")[2], "by colour alone"
    looks = mine.locator("[data-at]").evaluate_all(f"cells => cells.map({look})")
    own, right = (
        page.locator("table", has_text=title).locator("[data-at]").all_inner_texts() for title in ("yours", "should be")
    )
    assert looks == [high if float(a) > float(b) else low for a, b in zip(own, right, strict=True)]
    assert mine.locator("tr td:last-child").all_inner_texts() == ["1.00", "1.00"]  # the sums
    number = page.locator(".v-framed b").nth(1)
    assert number.evaluate(look) == looks[0]
    mine.locator("[data-at]").nth(1).click()
    assert number.evaluate(look) == looks[1]


def test_numbers_stand_in_the_columns_of_the_tables_above_and_below_them(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))), width=706)
    own, right = page.locator("table", has_text="yours"), page.locator("table", has_text="should be")
    boxes = [page.locator("table").first, own, right]
    given, mine, target = [table.locator("[data-at='0,0']").bounding_box() for table in boxes]
    assert given and mine and target and mine["y"] == target["y"] > given["y"] and abs(given["x"] - mine["x"]) < 1
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(0))), width=360)
    lefts = page.locator("[data-at='0,0']").evaluate_all("all => all.map(cell => cell.getBoundingClientRect().left)")
    assert len(lefts) == 3 and max(lefts) - min(lefts) < 1  # though one has sums of columns, with their name


def test_equal_shares_are_bars_of_equal_length(front: FrontEnd) -> None:
    page = front.open(VerdictCard(checks.softmax(lambda logits: logits.softmax(1))), width=360)
    lengths = page.locator("td > div > div").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
    assert max(lengths) >= 18
    assert all(length == round(length) for length in lengths)  # or two would be drawn with different pixels
    shares = page.locator(".v-picture td:has(> div) + td").all_inner_texts()
    drawn = dict(zip(shares, lengths, strict=True))
    assert drawn["<1 %"] < drawn["5 %"] < drawn["77 %"]
    assert page.locator(".v-picture").evaluate("picture => picture.scrollWidth <= picture.clientWidth")


def test_the_end_of_a_double_click_chooses_nothing(front: FrontEnd) -> None:
    page = front.open(checks.quiz(4))
    right = next(k for k, option in enumerate(QUIZZES[4][0].options) if option.right)
    card = page.locator(".q-card:not([hidden])")
    card.locator(".q-option").nth((right + 1) % 4).click()
    check = card.get_by_role("button", name="Check").bounding_box()
    assert check
    page.mouse.dblclick(check["x"] + 10, check["y"] + 10)
    expect(card.locator(".q-verdict")).to_contain_text("One more try.")
    expect(card.locator("input:checked")).to_have_count(0)
    assert page.evaluate("String(getSelection())") == ""
    expect(card.locator(":focus")).to_have_count(1)  # and the reader's place is not lost
    card.locator(".q-option").nth(right).click()  # a moment later, it can be chosen
    expect(card.locator("input:checked")).to_have_count(1)


def widest(page: Any) -> float:
    """How far to the right anything in a verdict goes."""
    return float(
        page.evaluate("""() => {
            const { shadowRoot } = document.querySelector("[data-cifar-widget]");
            const right = part => part.getBoundingClientRect().left + Math.max(part.offsetWidth, part.scrollWidth);
            return Math.max(...[...shadowRoot.querySelectorAll(".v-card :is(p, pre, table, ol, div)")].map(right));
        }""")
    )


def test_a_solution_stays_within_the_card_of_a_telephone(front: FrontEnd) -> None:
    verdict = checks.softmax(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True))
    checks.session.hints_given["softmax"] = len(checks.softmax.hints)
    page = front.open(VerdictCard(verdict), width=360, theme="dark")
    left = [page.locator(place).bounding_box() for place in (".v-head b", ".v-head .cw-cap")]
    assert left[0] and left[1] and left[0]["x"] == left[1]["x"]
    assert widest(page) <= 350
    code = page.locator(".v-hints pre")
    assert code.evaluate("pre => pre.scrollWidth <= pre.clientWidth")  # long lines go on below
    assert code.inner_text().splitlines() == checks.softmax.solution.splitlines()
    expect(page.locator(".v-hints li").nth(2).locator("code").first).to_have_text("logits.amax(1, keepdim=True)")
    expect(page.locator(".v-picture caption")).to_contain_text(["input logits", "yours", "should be"])
    same, lost = (page.locator(".v-picture td").get_by_text(text, exact=True).first for text in ("0.00", "nan"))
    expect(same).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(lost).to_have_css("color", "rgb(255, 154, 144)")  # --cw-bad, in the dark
    widths = "cells => new Set([...cells].map(cell => Math.round(cell.getBoundingClientRect().width))).size"
    assert page.locator(".v-picture td[style*=min-width]").evaluate_all(widths) == 1
    expect(page.get_by_text("Stuck?")).to_be_hidden()
    page.evaluate("document.querySelector('[data-widget]').model.set('hints_left', 1)")
    expect(page.get_by_text("Stuck?")).to_be_visible()
    expect(page.get_by_text("Stuck?").locator("code")).to_have_text("checks.hint('softmax')")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fill in the dots; checks.hint('softmax') helps.", "Fill in the dots; `checks.hint('softmax')` helps."),
        ("exp(1000) is inf: it gives nan", "`exp(1000)` is inf: it gives `nan`"),
        ("`x.sum(1)` of a tensor (2, 4), not banana", "`x.sum(1)` of a tensor (2, 4), not banana"),
    ],
)
def test_calls_in_a_verdict_are_code(text: str, shown: str) -> None:
    assert coded(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the mean of each row", "The mean of each row"), ("a kernel is a square", "A kernel is a square"),
        ("values that leave 0..255", "Values that leave 0..255"), ("softmax is applied", "Softmax is applied"),
        ("e to the power of each logit", None), ("exp(1000) is infinite", None), ("height // 2 halves", None),
        ("amax gives the largest", None), ("uint8 wraps around", None), ("logits.argmax(1) gives", None),
    ],
)  # fmt: skip
def test_a_sentence_begins_with_a_capital_and_code_stays_as_it_is(text: str, shown: str | None) -> None:
    assert sentence(text) == (shown or text)


@pytest.mark.parametrize(("number", "given", "says"), [
    (0, -1, "no option -1: give its number, from 0 to 3"),
    (0, 9, "no option 9"),
    (0, "b", "no option 'b'"),
    (0, None, "no option None"),
    (-1, 0, "no question -1: give its number, from 0 to 4"),
    (5, 0, "no question 5"),
])  # fmt: skip
def test_python_answers_only_what_is_asked_with_what_is_offered(number: Any, given: Any, says: str) -> None:
    quiz = checks.quiz(2)
    assert isinstance(quiz, QuestionWidget)
    with pytest.raises(ValueError, match=says):
        quiz.answer(number, given)
    assert quiz.replies == [None] * 5


def test_a_finger_takes_the_number_where_the_mark_rests(front: FrontEnd) -> None:
    page = front.open(asked(HEIGHT), has_touch=True)
    place = page.get_by_role("slider", name="Your guess on the scale").bounding_box()
    assert place is not None
    page.touchscreen.tap(place["x"] + 9, place["y"] + 14)
    expect(page.get_by_role("textbox", name="How tall?")).to_have_value("0")


def test_before_the_first_guess_the_scale_has_a_handle_and_says_what_it_is_for(front: FrontEnd) -> None:
    page = front.open(asked(replace(HEIGHT, scale=(-50, 50))))
    slider, invitation = page.get_by_role("slider"), page.get_by_text("pick a number on the line")
    expect(invitation).to_be_visible()
    track = page.locator(".q-scale")

    def is_seen() -> bool:
        """Whether the slider draws anything."""
        drawn = track.screenshot()
        slider.evaluate("slider => { slider.style.clipPath = 'inset(50%)'; }")
        without = track.screenshot()
        slider.evaluate("slider => { slider.style.clipPath = ''; }")
        return drawn != without

    assert is_seen()  # it can be dragged
    ticks = page.locator(".q-scale .tick").evaluate_all("all => all.map(tick => parseFloat(tick.style.left))")
    assert ticks == [10 * k for k in range(11)]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(invitation).to_have_count(0)
    page.get_by_role("textbox").focus()
    assert is_seen()


def test_arrow_keys_and_the_numbers_of_the_scale_change_the_guess(front: FrontEnd) -> None:
    page = front.open(asked(HEIGHT))
    field, slider = page.get_by_role("textbox", name="How tall?"), page.get_by_role("slider")
    for key, value in (("ArrowUp", "1"), ("ArrowDown", "0"), ("ArrowDown", "0")):  # no further than the scale
        field.press(key)
        expect(field).to_have_value(value)
    field.fill("3.5")
    expect(slider).to_have_value("3.5")
    slider.press("ArrowRight")
    expect(field).to_have_value("4.5")
    expect(slider).to_have_value("4.5")
    slider.click(position={"x": 100, "y": 20})  # a press takes whole steps again
    assert field.input_value().isdigit()
    for number in ("50", "0"):
        page.locator(".q-scale i.zero", has_text=re.compile(f"^{number}$")).locator("span").click()
        expect(field).to_have_value(number)
        expect(slider).to_have_attribute("aria-valuetext", f"{number} pixels")
    counted = front.open(asked(replace(HEIGHT, close=0, scale=None))).get_by_role("textbox")
    counted.press("ArrowUp")
    expect(counted).to_have_value("1")
    estimated = front.open(asked(replace(HEIGHT, scale=None))).get_by_role("textbox")
    estimated.press("ArrowUp")
    expect(estimated).to_have_value("")  # it has no step
