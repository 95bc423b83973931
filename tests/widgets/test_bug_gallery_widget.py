"""The gallery of bugs: symptoms beside healthy runs, a suspect and the symptom that reveals it, and every reply."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
import traitlets
from chrome import FrontEnd, state_of
from playwright.sync_api import Locator, Page, expect

from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.evidence import SYMPTOMS, alike, as_text, distance, outside, places, records, where
from cifar_helpers.bug_gallery.inject import BUGS, CASES, HEALTHY, healthy, symptoms
from cifar_helpers.bug_gallery.signs import percent
from cifar_helpers.widgets.bug_gallery import BugGallery, bug_gallery


@pytest.fixture(autouse=True)
def _nothing_named() -> None:
    diagnosis.NAMED.clear()


def suspect(page: Page, name: str) -> Locator:
    return page.locator(".bg-suspect").filter(has_text=name)


def row(page: Page, key: str) -> Locator:
    return page.locator(f"button[data-symptom={key}]")


def middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, name: str, to: Locator) -> None:
    page.mouse.move(*middle(suspect(page, name)))
    page.mouse.down()
    page.mouse.move(*middle(to), steps=4)
    expect(page.locator(".over")).to_have_count(1)
    page.mouse.up()


# --- the evidence -----------------------------------------------------------------------------------------------------


def test_healthy_runs_are_inside_their_own_range_and_differ() -> None:
    runs = healthy()
    assert len(runs) == 10 and runs[0] == symptoms()[HEALTHY] and len({seen.moved for seen in runs}) == 10
    assert not any(outside(symptom, seen) for symptom in SYMPTOMS for seen in runs)


def test_the_distance_is_that_of_three_standard_deviations() -> None:
    moved = next(symptom for symptom in SYMPTOMS if symptom.key == "moved")
    values = [seen.moved for seen in healthy()]
    mean = sum(values) / 10
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / 9)
    seen = symptoms()["validation images in training"]
    assert distance(moved, seen) == pytest.approx((seen.moved - mean) / (3 * deviation))
    assert math.isnan(distance(moved, symptoms()["learning rate × 100"]))
    assert outside(moved, symptoms()["learning rate × 100"])  # what is no number is not healthy


@pytest.mark.parametrize("case", range(1, 10))
def test_every_bug_is_seen_in_a_symptom_outside_the_healthy_range(case: int) -> None:
    seen = symptoms()[CASES[case - 1]]
    strange = {symptom.key for symptom in SYMPTOMS if outside(symptom, seen)}
    assert diagnosis.telling(case) & strange
    # One symptom rules out all other bugs, or two do: one rule for all cases.
    others = {symptom.key: set(alike(case, symptom)) for symptom in SYMPTOMS}
    assert any(not others[a] & others[b] for a in strange for b in others)
    assert bool(others["accuracy"]) == (case not in (4, 9))  # many bugs end at the level of guessing
    assert {sign.symptom for profile in diagnosis.PROFILES.values() for sign in profile.signs} <= {
        symptom.key for symptom in SYMPTOMS
    }


def test_places_are_those_that_the_gallery_draws() -> None:
    for symptom, drawn in zip(SYMPTOMS, records()["symptoms"], strict=True):
        assert drawn["places"] == [place.kind for place in places(symptom.key)]
        ends = [place.end for place in places(symptom.key)]
        assert ends == sorted(ends) and ends[-1] == math.inf and drawn["places"].count("healthy") == 1
        for case in records()["cases"]:
            seen, reading = symptoms()[case["bug"]], case["readings"][symptom.key]
            assert (reading["where"] == "in the healthy range") is (not outside(symptom, seen))
            assert (reading["place"] is None) is (reading["text"] == "NaN")
            if reading["place"] is None:
                continue
            assert reading["where"] == places(symptom.key)[reading["place"]].words and 0 <= reading["share"] <= 1
            # One rule: a bug fits, too, if it is in the same place of the drawing.
            same = [
                other["bug"] for other in records()["cases"]
                if other is not case and other["readings"][symptom.key]["place"] == reading["place"]
            ]  # fmt: skip
            assert set(same) - {case["bug"]} == set(case["alike"][symptom.key])
    # In a place, more is to the right, with an end or without one.
    shares = {case["bug"]: case["readings"]["moved"]["share"] for case in records()["cases"]}
    assert 0 < shares["labels shuffled against images"] < shares["softmax before cross-entropy"] < 1
    assert shares["validation images in training"] < shares["no zero_grad"]
    # Weights that moved far are a sign of images in training, too, and of no zero_grad: both are above.
    moved = next(symptom for symptom in SYMPTOMS if symptom.key == "moved")
    assert alike(4, moved) == ["no zero_grad"] and alike(8, moved) == ["validation images in training"]
    assert where(moved, symptoms()["learning rate ÷ 100"]) == "hardly above 0" and not alike(9, moved)
    loss, accuracy = SYMPTOMS[:2]
    leak = symptoms()["validation images in training"]
    assert where(loss, leak) == "below the healthy range, too good to be true"
    assert where(accuracy, leak) == "above the healthy range, too good to be true"


def test_the_records_hold_every_reply_and_name_no_case() -> None:
    for number, case in enumerate(records()["cases"], start=1):
        assert case["bug"] == CASES[number - 1] and set(case["replies"]) == set(BUGS) - {case["bug"]}
        wrong, right = diagnosis.code_of(number)
        assert "\n".join(line for sign, line in case["changes"] if sign != "+") == wrong
        assert "\n".join(line for sign, line in case["changes"] if sign != "-") == right
    assert not diagnosis.NAMED  # preparing the replies names nothing
    json.dumps(records(), allow_nan=False)


# --- Python -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"case": 10}, "case is 10; set one of 1, 2"),
        ({"suspicion": "gremlins"}, "suspicion is 'gremlins'; set one of '', 'no zero_grad'"),
        ({"symptom": "fever"}, "symptom is 'fever'; set one of '', 'loss'"),
        ({"solved": [0]}, "solved is 0"),
        ({"tried": [[]]}, "give one for each of the 9 cases"),
        ({"tried": [["gremlins"], *[[] for _ in range(8)]]}, "tried is 'gremlins'"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(traitlets.TraitError, match=message):
        BugGallery(**values)


def test_words_give_the_symptoms_and_never_the_bug() -> None:
    gallery = bug_gallery()
    for case in range(1, 10):
        gallery.case = case
        words = gallery.words()
        assert f"Case {case} of 9" in words and not any(bug in words for bug in BUGS)
    gallery.case = 4
    assert gallery.words().endswith(
        "Outside the healthy range: final validation loss 0.58; "
        "final validation accuracy 80\N{NO-BREAK SPACE}%; "
        "change of the weights 37\N{NO-BREAK SPACE}%; accuracy, new − validation −23 points."
    )


def test_a_stored_notebook_has_all_symptoms_as_text_and_no_answers() -> None:
    bundle = bug_gallery()._repr_mimebundle_()[0]
    text = bundle["text/plain"]
    assert text == as_text() and "checks.bug(1, 'a')" in text and max(map(len, text.splitlines())) <= 120
    (shares,) = [line for line in text.splitlines() if line.startswith("validation accuracy")]
    runs = [symptoms()[name] for name in (HEALTHY, *CASES)]
    assert re.findall(r"\d+\s%", shares) == [percent(seen.validation_accuracy[-1]) for seen in runs]
    assert not any(bug in bundle["text/html"] for bug in BUGS)


def test_named_bugs_count_for_the_kernel_and_are_there_in_the_next_gallery() -> None:
    bug_gallery().solved = [3]
    assert {3} == diagnosis.NAMED and bug_gallery().solved == [3]


# --- Chromium ---------------------------------------------------------------------------------------------------------


def test_a_wrong_suspicion_is_ruled_out_and_the_right_one_explained(front: FrontEnd) -> None:
    page = front.open(bug_gallery())
    reply, prompt = page.locator(".bg-reply"), page.locator(".bg-prompt")
    for symptom in SYMPTOMS:
        seen = symptoms()[CASES[0]]
        expect(row(page, symptom.key)).to_have_attribute("data-outside", str(outside(symptom, seen)).lower())
        expect(row(page, symptom.key).locator(".bg-value")).to_have_text(symptom.write(symptom.value(seen)))

    strange = sum(outside(symptom, symptoms()[CASES[0]]) for symptom in SYMPTOMS)
    expect(prompt.locator("b")).to_have_text("Which bug does this run have?")
    expect(prompt).to_contain_text(f"{strange} of 9 symptoms are outside the healthy range (◆). Press a suspect")
    expect(page.locator(".bg-rival[d*=M]")).to_have_count(0)  # no other bug is drawn yet
    # Outside the grey, a strip shows a side alone, and says so.
    expect(page.locator(".bg-range span")).to_have_text(["low", "healthy", "high"])
    expect(page.locator(".bg-more")).to_contain_text("Outside it, strips are not to scale.")
    digits = (
        "all => all.map(e => { const r = document.createRange(); r.selectNodeContents(e); "
        "return r.getBoundingClientRect().y })"
    )
    level = page.get_by_role("radio").evaluate_all(digits)
    suspect(page, "stale optimizer").click()
    expect(prompt).to_contain_text("Which symptom reveals it?")
    row(page, "moved").click()
    expect(prompt).to_contain_text("✗ Not this: stale optimizer.")
    expect(reply).to_be_hidden()
    expect(row(page, "moved")).to_have_attribute("data-note", "rules it out")
    frames = "e => [getComputedStyle(e).boxShadow, getComputedStyle(e.querySelector('.bg-note')).color]"
    shadow, red = row(page, "moved").evaluate(frames)
    assert shadow.startswith(red)  # though it is chosen, too
    expect(suspect(page, "stale optimizer")).to_have_attribute("aria-label", "stale optimizer, ruled out")
    expect(prompt).to_contain_text("Here they moved by 6.9\N{NO-BREAK SPACE}% of their length.")

    # The same by dragging, and onto a chart. One row is framed: the one that decides.
    drag(page, "÷ 100", row(page, "accuracy"))
    expect(prompt).to_contain_text("✗ Not this: learning rate ÷ 100.")
    expect(row(page, "accuracy")).to_have_attribute("data-note", "outside")
    expect(page.locator(".bg-row[aria-pressed=true]")).to_have_count(0)
    expect(page.locator(".bg-row[data-note='rules it out']")).to_have_count(1)
    loss = page.locator(".bg-charts > [data-symptom=loss]")
    drag(page, "labels shuffled", loss)
    expect(prompt).to_contain_text("A sign, not a proof: with stale optimizer, too, it is at the level of guessing.")
    expect(prompt).to_contain_text("Which symptom ruled that out?")  # it did, above
    # A second press takes it back, a press on the chart is a drop, and a second symptom rules out the rest.
    expect(row(page, "loss")).to_have_attribute("data-note", "a sign")
    loss.click()
    assert (state_of(page, "suspicion"), state_of(page, "symptom")) == ("labels shuffled against images", "")
    suspect(page, "labels shuffled").click()
    assert state_of(page, "suspicion") == ""
    suspect(page, "labels shuffled").click()
    loss.click()
    row(page, "accuracy").click()
    expect(prompt).to_contain_text("Together, these symptoms still fit stale optimizer, too.")
    expect(page.locator(".bg-row[aria-pressed=true]")).to_have_count(2)
    # The bug that is left is drawn below this run's marks, in the rows that are chosen or pointed at.
    expect(page.locator(".bg-range")).to_have_text("◇ other bug")
    page.mouse.move(1, 1)
    expect(page.locator(".bg-more")).to_have_text("Point at a row: ◇ is where stale optimizer would be.")
    rivals = "all => all.filter(e => e.querySelector('.bg-rival').getAttribute('d')).map(e => e.dataset.symptom)"
    assert page.locator("button.bg-row").evaluate_all(rivals) == ["loss", "accuracy"]
    for key in ("gradient", "moved", "accuracy"):
        row(page, key).hover()
        here, rival = (
            row(page, key).locator(f"path{each}").evaluate("e => e.getBoundingClientRect().toJSON()")
            for each in (".bg-out", ".bg-rival")
        )
        assert here["bottom"] <= rival["top"] + 2  # one above the other: none hides the other
        if key != "accuracy":
            assert rival["right"] <= here["left"] + 1  # 0 is a place of its own, beside 0.57 and 6.9 %
    row(page, "moved").hover()
    expect(page.locator(".bg-more")).to_contain_text(
        "Healthy range: 29 to 33\N{NO-BREAK SPACE}%. ◇ stale optimizer: 0\N{NO-BREAK SPACE}%."
    )
    row(page, "moved").click()
    expect(prompt).to_have_text(
        "✓ Yes: labels shuffled against images. “Final validation accuracy” and “Change of the weights” together "
        "fit no other of these 9 bugs."
    )
    expect(reply).to_contain_text("Why: Gradients arrive")
    pressed = page.locator(".bg-row[aria-pressed=true]")
    assert pressed.evaluate_all("all => all.map(e => e.dataset.symptom)") == ["accuracy", "moved"]  # two are enough
    expect(page.get_by_text("✓ Yes")).to_have_count(2)  # as it is read, and as it is spoken, a moment later
    expect(page.locator(".bg-ghost")).to_have_count(0)
    expect(page.locator(".bg-code [data-sign='-']")).to_have_text("- labels = images.labels\n")
    expect(page.locator(".bg-progress")).to_have_text("1 solved")
    mark = "e => getComputedStyle(e, '::after').content"
    assert page.get_by_role("radio", name="Case 1, solved").evaluate(mark) == '"✓"'
    assert page.get_by_role("radio").evaluate_all(digits) == level  # and no number has moved
    assert state_of(page, "solved") == [1] and state_of(page, "tried") == [
        ["stale optimizer", "learning rate ÷ 100"],
        *[[]] * 8,
    ]

    page.mouse.move(1, 1)
    expect(page.locator(".bg-more")).to_have_text("a sign: other bugs move it there, too.")  # as the rows are marked
    page.get_by_role("button", name="Next case").click()
    expect(row(page, "photo").locator(".bg-value")).to_have_text("−37 points")
    assert (state_of(page, "case"), state_of(page, "suspicion"), state_of(page, "symptom")) == (2, "", "")
    page.get_by_role("button", name="Tell me").click()
    expect(prompt).to_have_text(
        "It is photo not normalised. “Accuracy, photo − batch” and “5 predictions, one photo” together fit "
        "no other of these 9 bugs."
    )
    assert pressed.evaluate_all("all => all.map(e => e.dataset.symptom)") == ["photo", "answers"]
    expect(row(page, "photo")).to_have_attribute("data-note", "a sign")
    expect(row(page, "answers")).to_have_attribute("data-note", "decides")
    page.mouse.move(1, 1)
    meant = "a sign: other bugs move it there, too; decides: healthy here, which rules out the others."
    expect(page.locator(".bg-more")).to_have_text(meant)
    # Each bug occurs once, so the one that was found is marked.
    expect(suspect(page, "labels shuffled")).to_have_attribute("aria-label", f"{CASES[0]}, bug of case 1")
    expect(suspect(page, "labels shuffled").locator(".bg-mark")).to_have_text("1")
    heights = page.locator("button.bg-row").evaluate_all("all => all.map(e => e.offsetHeight)")
    assert len(set(heights)) == 1, heights  # a note moves nothing
    # The suspects are beside the rows, one to one.
    tops = [
        page.locator(each).evaluate_all(
            "all => all.map(e => { const b = e.getBoundingClientRect(); return b.y + b.height / 2 })"
        )
        for each in ("button.bg-row", ".bg-suspects > button")
    ]
    assert tops[0] == pytest.approx(tops[1], abs=1.5)
    assert state_of(page, "solved") == [1] and state_of(page, "told") == [2]
    expect(page.locator(".bg-progress")).to_have_text("1 solved, 1 told")
    suspect(page, "no eval()").dispatch_event("click")
    assert state_of(page, "suspicion") == ""  # a case that was told is over
    page.get_by_role("button", name="Next case").click()
    expect(prompt).to_contain_text("Each bug occurs once: a number on a suspect is its case.")


def test_when_all_cases_are_over_a_table_has_a_test_for_each_bug(front: FrontEnd) -> None:
    page = front.open(BugGallery(solved=[1, 2, 3, 4, 5, 6, 7], told=[8]))
    loud = page.locator(".bg-actions .cw-main")
    expect(loud).to_have_text("Next case")  # case 1 is over, and the ninth is open
    table = page.locator(".bg-all")
    expect(table).to_be_hidden()
    loud.click()
    expect(page.get_by_role("radio", name="Case 9")).to_be_checked()
    suspect(page, "÷ 100").click()
    row(page, "accuracy").click()
    expect(loud).to_have_count(0)  # nothing is left to go to
    expect(table).to_be_visible()
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(9)
    for number, (name, line) in enumerate(zip(CASES, rows.all(), strict=True), 1):
        test = diagnosis.PROFILES[name].find.split(". ")[0].rstrip(".")
        expect(line).to_have_text(f"{number}{name}{test}.")
    page.get_by_role("button", name="Try again").click()
    expect(table).to_be_hidden()  # while a case is tried again


def test_a_run_that_leaves_the_chart_is_marked_where_it_does(front: FrontEnd) -> None:
    page = front.open(bug_gallery())
    chart = page.locator(".bg-charts > [data-symptom=loss]")
    words, arrows = chart.locator(".of-dot"), chart.locator(".dot.bg-exit")
    expect(words).to_have_count(0)
    page.get_by_role("radio", name="Case 3").click()
    expect(words).to_have_text(["loss is NaN"])
    expect(arrows).to_have_count(0)
    page.get_by_role("radio", name="Case 8").click()
    expect(arrows).to_have_count(2)
    expect(words).to_have_count(0)
    # Each line ends at its arrow, and what comes back later is a dot.
    for part, colour in (("train", "c1"), ("validation", "c2")):
        losses = getattr(symptoms()[CASES[7]], f"{part}_loss")
        last = next(k for k, loss in enumerate(losses) if loss > 4)
        line = chart.locator(f".line.{colour}:visible").get_attribute("d") or ""
        ends = re.findall(r"[ML]([\d.]+ [\d.]+)", line)
        arrow = chart.locator(f".dot.bg-exit.{colour}")
        assert len(ends) == last + 1
        assert ends[-1] == f"{arrow.get_attribute('cx')} {arrow.get_attribute('cy')}"
        back = chart.locator(f".dot.{colour}:not(.bg-exit)")
        expect(back).to_have_count(sum(loss <= 4 for loss in losses[last:]))
    page.get_by_role("radio", name="Case 1").click()
    expect(arrows).to_have_count(0)
    expect(chart.locator(".dot")).to_have_count(0)


def test_a_reply_says_the_place_and_a_case_that_was_told_can_be_tried_again(front: FrontEnd) -> None:
    page = front.open(bug_gallery())
    prompt, tell = page.locator(".bg-prompt"), page.locator(".bg-actions button").first
    # Guessing is marked on two scales, 0 on two; where all healthy runs agree, their range has no width.
    marks = page.locator("button.bg-row:has(.bg-level)").evaluate_all("all => all.map(e => e.dataset.symptom)")
    assert marks == ["loss", "accuracy", "gradient", "moved"]
    widths = page.locator(".bg-band").evaluate_all("all => all.map(e => e.width.baseVal.value)")
    assert [width > 10 for width in widths][:9] == [True, True, True, True, True, False, True, False, False]
    page.get_by_role("radio", name="Case 9").click()
    suspect(page, "÷ 100").click()
    row(page, "accuracy").click()
    expect(prompt).to_have_text(
        "✓ Yes: learning rate ÷ 100. Final validation accuracy: below the healthy range, but better than "
        "guessing. No other of these 9 bugs moves it there."
    )
    # A case that was solved can be played again, and stays solved.
    expect(tell).to_have_text("Try again")
    expect(suspect(page, "÷ 100")).to_have_attribute("aria-disabled", "true")
    tell.click(delay=30)
    expect(prompt).to_contain_text("Which bug does this run have?")
    expect(suspect(page, "÷ 100")).to_have_attribute("aria-disabled", "false")
    assert state_of(page, "solved") == [9]
    suspect(page, "÷ 100").click()
    row(page, "moved").click()
    expect(prompt).to_contain_text("Change of the weights: hardly above 0. No other of these 9 bugs moves it there.")
    assert state_of(page, "solved") == [9]
    tell.click(delay=30)
    suspect(page, "no eval()").click()
    row(page, "answers").click()
    assert state_of(page, "tried")[8] == ["no eval()"]
    tell.click(delay=700)
    expect(prompt).to_contain_text("✓ Yes: learning rate ÷ 100.")
    tell.click(delay=30)
    assert state_of(page, "tried")[8] == [] and state_of(page, "told") == []
    page.get_by_role("radio", name="Case 8").click()
    tell.dblclick()
    assert state_of(page, "told") == [8]
    expect(row(page, "gradient")).to_have_attribute("data-note", "reveals it")
    expect(row(page, "first_losses")).to_have_attribute("data-note", "")  # healthy, and no part of the proof
    expect(tell).to_have_text("Try again")
    tell.click(delay=30)
    assert state_of(page, "told") == []
    expect(prompt).to_contain_text("Which bug does this run have?")
    expect(tell).to_have_text("Tell me")
    page.get_by_role("button", name="Next case").click()
    assert state_of(page, "case") == 1  # the next that is open: the ninth is solved


def test_keys_do_all_of_it_and_a_weak_symptom_is_said_to_be_weak(front: FrontEnd) -> None:
    page = front.open(bug_gallery())
    page.get_by_role("radio", name="Case 1").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(row(page, "answers").locator(".bg-value")).to_have_text("5 differ")
    row(page, "loss").focus()
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    expect(row(page, "new")).to_be_focused()
    expect(page.locator(".bg-more")).to_contain_text("Validation images: 48.6 %; 1,000 images")
    expect(page.locator(".bg-prompt")).to_contain_text("symptoms are outside")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(suspect(page, "no zero_grad")).to_be_focused()  # one tab stop for each group
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    prompt = page.locator(".bg-prompt")
    vain = "You suspect {}. Accuracy, new − validation: +1 point, as in healthy runs. Which symptom reveals a bug?"
    expect(prompt).to_have_text(vain.format("no eval()"))
    # A wrong suspect is answered likewise: going through all of them with a healthy symptom finds nothing.
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    row(page, "new").press("Enter")
    expect(prompt).to_have_text(vain.format("softmax before cross-entropy"))
    assert (state_of(page, "solved"), state_of(page, "tried")) == ([], [[]] * 9)
    # The reply is about the symptom that was chosen, if that rules the suspect out.
    suspect(page, "stale").press("Enter")
    row(page, "gradient").press("Enter")
    expect(prompt).to_contain_text("never sees a gradient. Here the mean length in the last epoch is 5.27.")
    expect(row(page, "gradient")).to_have_attribute("data-note", "rules it out")
    assert state_of(page, "tried")[6] == ["stale optimizer"]
    page.keyboard.press("Escape")
    assert (state_of(page, "suspicion"), state_of(page, "symptom")) == ("", "")
    page.locator(".bg-charts .cw-plot").first.press("Enter")
    expect(prompt).to_contain_text("Final validation loss: 1.51. Which bug would cause this?")
    suspect(page, "no eval()").press("Enter")
    row(page, "answers").press("Enter")
    expect(row(page, "answers")).to_have_attribute("data-note", "reveals it")
    assert state_of(page, "solved") == [7]
    expect(prompt).to_have_text(
        "✓ Yes: no eval(). 5 predictions, one photo: not all equal. No other of these 9 bugs moves it there."
    )
    expect(page.get_by_role("status")).to_contain_text("✓ Yes: no eval().")
    expect(page.get_by_role("status")).to_contain_text("because dropout is still on")


def test_both_curves_have_the_range_of_healthy_runs(front: FrontEnd) -> None:
    page = front.open(bug_gallery())
    page.locator(".bg-charts .cw-plot").first.press("End")
    ends = [[getattr(run, f"{part}_loss")[-1] for run in healthy()] for part in ("train", "validation")]
    ranges = [f"{min(values):.2f}–{max(values):.2f}" for values in ends]
    for part, text in zip(("train", "validation"), ranges, strict=True):
        expect(page.locator(f".bg-charts > :first-child .bg-healthy .bg-{part}")).to_have_text(text)
    expect(page.locator(".bg-charts > :first-child .looked .label")).to_have_count(2)  # and they are not on the lines
    expect(page.locator(".bg-charts .band")).to_have_count(4)


def test_a_touch_answers_and_python_sets_the_case(front: FrontEnd) -> None:
    page = front.open(bug_gallery(), width=360, height=740, has_touch=True)
    inside = "(all, end) => all.every(e => e.getBoundingClientRect().right <= end)"
    assert page.locator(".bg-suspect").evaluate_all(inside, 360)  # none has to be scrolled to
    suspect(page, "labels shuffled").tap()
    expect(page.locator(".bg-prompt")).to_contain_text("You suspect labels shuffled against images.")
    assert state_of(page, "solved") == []  # a guess without a symptom is no answer
    # Only the suspect that was chosen stays, so that the curves and all symptoms are on the screen with it.
    expect(page.locator(".bg-suspect:visible")).to_have_count(1)
    charts, last = page.locator(".bg-charts").bounding_box(), row(page, "answers").bounding_box()
    assert charts and last and last["y"] + last["height"] - charts["y"] < 740
    suspect(page, "labels shuffled").tap()
    expect(page.locator(".bg-suspect:visible")).to_have_count(9)
    suspect(page, "÷ 100").tap()
    row(page, "moved").tap()
    more = page.locator(".bg-more")
    expect(more).to_contain_text("Healthy range: 29 to 33")
    expect(more).to_be_in_viewport(ratio=1)  # at the end of the screen, and no row has moved for it
    boxes = [part.bounding_box() for part in (row(page, "moved"), more)]
    assert boxes[0] and boxes[1] and boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    expect(page.locator(".bg-suspect:visible")).to_have_count(9)  # a wrong one is answered: another can be pressed
    assert page.locator(".bg-suspect").evaluate_all("all => Math.min(...all.map(one => one.offsetHeight))") >= 40
    tall = page.get_by_role("radio").evaluate_all("all => Math.min(...all.map(one => one.offsetHeight))")
    assert tall >= 40
    expect(page.locator(".bg-prompt")).to_be_in_viewport(ratio=1)  # the reply follows the reader
    page.set_viewport_size({"width": 360, "height": 400})
    row(page, "loss").scroll_into_view_if_needed()
    for part in (row(page, "loss"), suspect(page, "÷ 100"), page.locator(".bg-prompt")):
        expect(part).to_be_in_viewport(ratio=1)
    boxes = [part.bounding_box() for part in (page.locator(".bg-suspects"), page.locator(".bg-prompt"))]
    assert boxes[0] and boxes[1] and boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] + 1  # beside each other
    expect(suspect(page, "÷ 100")).to_have_attribute("data-is", "out")
    page.evaluate("document.querySelector('[data-widget]').model.set('case', 8)")
    expect(row(page, "gradient").locator(".bg-value")).to_have_text("10¹¹")
    expect(page.locator(".bg-charts .label").first).to_have_text(re.compile("↑ .* × 10⁹"))
    chart = page.locator(".bg-charts > [data-symptom=loss]")
    chart.locator(".cw-plot").focus()
    page.keyboard.press("End")
    expect(chart.locator(".looked")).to_contain_text("1.1 × 10⁹")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    expect(chart.locator(".looked")).to_contain_text("8,740")  # without decimals that were not measured
    page.evaluate("document.querySelector('[data-widget]').model.set('case', 3)")
    expect(row(page, "loss").locator(".bg-value")).to_have_text("NaN")
    for name in ("symptom", "suspicion"):
        page.evaluate("name => document.querySelector('[data-widget]').model.set(name, '')", name)
    # NaN has no place: it is another mark, at the end of its strip.
    expect(page.locator(".bg-prompt")).to_contain_text("outside the healthy range (◆, or × for NaN).")
    expect(row(page, "loss").locator(".bg-out")).to_have_count(0)
    nan = row(page, "loss").locator(".bg-nan").bounding_box()
    strip = row(page, "loss").locator("svg").bounding_box()
    assert nan and strip and strip["x"] + strip["width"] - nan["x"] - nan["width"] < 4
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_escape_ends_a_drag_and_what_is_dragged_is_not_cut_off(front: FrontEnd) -> None:
    page = front.open(bug_gallery(), width=760)
    chip, ghost = suspect(page, "labels shuffled"), page.locator(".bg-ghost")
    page.mouse.move(*middle(chip))
    page.mouse.down()
    page.mouse.move(*middle(page.locator(".bg-charts > [data-symptom=accuracy]")), steps=4)
    page.mouse.move(740, 200)
    assert ghost.evaluate("e => e.getBoundingClientRect().right - e.parentNode.getBoundingClientRect().right") <= 0.5
    page.mouse.move(*middle(row(page, "gradient")), steps=4)
    expect(page.locator(".over")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(ghost).to_have_count(0)
    expect(page.locator(".over")).to_have_count(0)
    page.mouse.up()
    assert (state_of(page, "suspicion"), state_of(page, "symptom")) == ("", "")
    chip.click()  # the next press is a press again
    assert state_of(page, "suspicion") == "labels shuffled against images"


def test_names_and_notes_take_one_line_at_the_width_of_a_lesson(front: FrontEnd) -> None:
    page = front.open(bug_gallery(), width=706)
    page.get_by_role("radio", name="Case 3").click()
    page.get_by_role("button", name="Tell me").click()
    high = "all => Math.max(...all.map(e => e.offsetHeight))"
    for part in ("button.bg-row > span:first-child", "button.bg-row .bg-end", ".bg-suspect > :nth-child(2)"):
        assert page.locator(part).evaluate_all(high) < 24, part  # "reveals it" is beside NaN
    page.get_by_role("radio", name="Case 7").click()
    suspect(page, "photo not").click()
    row(page, "answers").click()
    expect(row(page, "answers").locator(".bg-end")).to_have_text("5 differrules it out")
    assert page.locator("button.bg-row .bg-end").evaluate_all(high) < 24
