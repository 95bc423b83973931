"""The confusion explorer counts, shows the pictures of a choice, and sets people's mistakes beside the network's."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
import traitlets
from chrome import state_of
from front_fixture import FrontEnd
from helpers import random_images
from playwright.sync_api import Locator, Page, expect

from cifar_helpers import CLASSES, ImageSet
from cifar_helpers.evaluation import human_confusion
from cifar_helpers.widgets import confusion_explorer
from cifar_helpers.widgets.confusion_explorer import ConfusionExplorer

IMAGES = random_images(400)
LOGITS = 4 * torch.randn(400, 10, generator=torch.Generator().manual_seed(0))
LOGITS[range(400), IMAGES.labels] += 5
PROBABILITIES = LOGITS.softmax(1)
CONFIDENCE, PREDICTED = PROBABILITIES.max(1)
COUNTS = torch.bincount(IMAGES.labels * 10 + PREDICTED, minlength=100).view(10, 10)
WRONG = IMAGES.labels != PREDICTED


def by_confidence(kept: torch.Tensor) -> list[int]:
    members = kept.nonzero().flatten()
    return [int(k) for k in members[CONFIDENCE[members].argsort(descending=True)]]


def shown(page: Page) -> list[int]:
    """Numbers of the pictures on the wall's page."""
    names = page.locator(".iw-slot:not(.iw-empty)").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    return [int(name.split(",")[0].removeprefix("Image ")) for name in names]


def with_interval(part: int, whole: int) -> str:
    """A share in percent with the 95 % interval of Wilson, here as the roots of its quadratic equation."""
    share, z = part / whole, 1.96
    roots = np.roots([1 + z * z / whole, -2 * share - z * z / whole, share * share]).real
    low, high = (f"{100 * abs(root):.1f}" for root in sorted(roots))
    return f"{100 * share:.1f} % (95 % interval {low} to {high} %), {part} of {whole}"


def pixels(page: Page, canvas: str) -> np.ndarray:
    flat = page.locator(canvas).first.evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(flat, dtype=np.uint8).reshape(32, 32, 4)[..., :3]


def cell(page: Page, true: str, predicted: str, matrix: str = "network") -> Locator:
    place = 11 * (CLASSES.index(true) + 1) + CLASSES.index(predicted) + 1
    grid = page.get_by_role("grid", name=f"Confusion matrix of {'the ' if matrix == 'network' else ''}{matrix}")
    return grid.locator(".ce-cell, .ce-name").nth(place)


def test_the_matrix_and_the_pictures_of_a_cell_are_those_of_pytorch(front: FrontEnd) -> None:
    page = front.open(confusion_explorer(IMAGES, LOGITS))
    expect(cell(page, "truck", "truck")).to_have_text(str(int(COUNTS[9, 9])))
    texts = page.locator(".ce-network .ce-cell").all_inner_texts()
    assert [int(text or 0) for text in texts] == COUNTS.flatten().tolist()
    worst = divmod(int(COUNTS.clone().fill_diagonal_(0).argmax()), 10)
    assert state_of(page, "chosen") == list(worst)
    members = by_confidence((IMAGES.labels == worst[0]) & (worst[1] == PREDICTED))
    assert shown(page) == members[:12]
    first = members[0]
    assert np.array_equal(pixels(page, ".iw-slot canvas"), IMAGES.images[first].permute(1, 2, 0))
    assert np.array_equal(pixels(page, ".ce-detail canvas"), IMAGES.images[first].permute(1, 2, 0))
    expect(page.locator(".ce-bars p")).to_contain_text(f"{CLASSES[worst[1]]} {100 * CONFIDENCE[first]:.0f} %")


def test_cells_names_order_and_pages(front: FrontEnd) -> None:
    widget = confusion_explorer(IMAGES, LOGITS)
    widget.chosen = [-1, -1]
    page = front.open(widget)
    cell(page, "cat", "dog").click()
    assert state_of(page, "chosen") == [3, 5]
    page.locator(".ce-matrix button, .ce-matrix [role=gridcell]").nth(30).hover()
    expect(page.locator(".ce-reading")).to_contain_text("cat predicted as airplane: ")
    expect(page.locator(".ce-reading b")).to_have_count(0)  # bold is what is chosen
    expect(page.locator(".ce-point")).to_have_count(2)  # the same cell in both matrices
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".ce-reading")).to_contain_text("deer predicted correctly: ")
    assert state_of(page, "chosen") == [4, 4]
    page.keyboard.press("Home")
    expect(page.locator(".ce-reading")).to_contain_text("deer images: recall")
    expect(page.locator(".ce-pictures b")).to_have_text("deer predicted as another class")
    recall = f"{with_interval(int(COUNTS[4, 4]), int(COUNTS[4].sum()))} correct; people’s answers "
    expect(page.locator(".ce-reading")).to_contain_text(recall)
    expect(page.locator(".ce-network .ce-name.ce-on")).to_have_text("deer")
    # All mistakes: the next page goes on where the last ended, and another order or cell starts from the first page.
    page.get_by_role("button", name="All mistakes").click()
    stored = widget._on_page()
    mistakes = [k for k in by_confidence(WRONG) if k in stored]
    expect(page.locator(".iw-pager")).to_contain_text(f"1–12 of {len(mistakes)}")
    assert shown(page) == mistakes[:12]
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".iw-pager")).to_contain_text("13–24")
    assert shown(page) == mistakes[12:24] and state_of(page, "picture") == mistakes[12]
    page.get_by_role("radio", name="Least confident").click()
    expect(page.locator(".iw-pager")).to_contain_text("1–12")
    assert shown(page) == mistakes[::-1][:12]
    page.locator(".iw-slot").nth(3).focus()
    page.locator(".iw-slot").nth(3).press("ArrowRight")
    assert state_of(page, "picture") == mistakes[::-1][1]
    expect(page.locator(".iw-slot").nth(1)).to_be_focused()
    page.keyboard.press("End")
    assert state_of(page, "picture") == mistakes[0]
    expect(page.locator(".iw-pager")).to_contain_text(f"–{len(mistakes)} of {len(mistakes)}")
    if len(mistakes) < int(WRONG.sum()):
        expect(page.locator(".ce-note")).to_have_text(
            f"Only {len(mistakes)} of these {int(WRONG.sum())} pictures are included, among them the most and the "
            "least confident of each cell."
        )
    row = CLASSES[IMAGES.labels[mistakes[0]]]
    page.get_by_role("grid", name="Confusion matrix of the network").get_by_role("rowheader").filter(
        has_text=row
    ).click()
    expect(page.locator(".iw-pager")).to_contain_text("1–")
    assert state_of(page, "picture") == -1
    # One page has no pages to turn, and one picture no order.
    few = next(k for k in mistakes if COUNTS[IMAGES.labels[k], PREDICTED[k]] == 1)
    cell(page, CLASSES[IMAGES.labels[few]], CLASSES[PREDICTED[few]]).click()
    expect(page.locator(".iw-slot:not(.iw-empty)")).to_have_count(1)
    assert shown(page) == [few]
    expect(page.locator(".iw-pager")).to_be_hidden()
    expect(page.get_by_role("radio", name="Least confident")).to_be_hidden()


def test_people_stand_beside_the_network_on_one_scale_and_a_finger_chooses(front: FrontEnd) -> None:
    widget = confusion_explorer(IMAGES, LOGITS)
    widget.view = "people"
    page = front.open(widget, width=360, has_touch=True)
    people = human_confusion()
    expect(cell(page, "frog", "frog")).to_have_text(f"{100 * COUNTS[6, 6] / COUNTS[6].sum():.1f}")
    at = cell(page, "deer", "horse").bounding_box()
    sizes = page.locator(".ce-network .ce-cell").evaluate_all(
        "all => all.map(e => Math.min(e.offsetWidth, e.offsetHeight))"
    )
    assert min(sizes) >= 28
    # Where there is no room beside it, people's matrix takes the place of the network's.
    page.get_by_role("radio", name=re.compile("^People ")).tap()
    expect(page.get_by_role("grid", name="Confusion matrix of the network")).to_be_hidden()
    expect(cell(page, "cat", "dog", "people")).to_have_text(f"{100 * people[3, 5]:.1f}")
    assert cell(page, "deer", "horse", "people").bounding_box() == at
    expect(page.locator(".ce-legend")).to_contain_text("One scale for both; blank rounds to 0.")
    cell(page, "deer", "horse", "people").tap()
    assert state_of(page, "chosen") == [4, 7]
    share, told = float(COUNTS[4, 7] / COUNTS[4].sum()), with_interval(int(COUNTS[4, 7]), int(COUNTS[4].sum()))
    expect(page.locator(".ce-reading")).to_contain_text(f"{told}; people’s answers 4.3 %")
    # The switch between the two tables has the numbers of both.
    expect(page.locator(".ce-whose button")).to_have_text([f"Network {100 * share:.1f} %", "People 4.3 %"])
    apart = 100 * (share - float(people[4, 7]))
    expect(page.locator(".ce-reading")).to_contain_text(
        f"{apart:+.1f} points, could be chance among 100 cells".replace("-", "−")
    )
    expect(page.locator(".ce-people .ce-point")).to_have_count(0)  # a finger does not rest
    size = "node => getComputedStyle(node).fontSize"
    assert page.locator(".ce-reading").evaluate(size) == page.locator(".cw").first.evaluate(size)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="All mistakes").tap()
    for control in (page.get_by_role("button", name="All mistakes"), page.get_by_role("button", name="Next page")):
        assert min(control.evaluate("node => [node.offsetWidth, node.offsetHeight]")) >= 40  # for a finger
    cell(page, "deer", "horse", "people").tap()
    # Where the network makes other mistakes than people is a subtraction.
    page.get_by_role("radio", name="Network minus people").tap()
    points = 100 * (COUNTS[3, 5] / COUNTS[3].sum() - people[3, 5])
    expect(cell(page, "cat", "dog")).to_have_text(f"{points:+.0f}".replace("-", "−"))
    expect(page.get_by_role("grid", name="Confusion matrix of people")).to_be_hidden()
    # The colour is the size of a difference, of the diagonal, too; a corner says that it is more than chance.
    differences = (COUNTS / COUNTS.sum(1, keepdim=True) - people).abs()
    largest = int(differences.argmax())
    assert largest % 11 == 0  # on the diagonal
    limit = f"{100 * differences.max():.0f}"
    expect(page.locator(".ce-legend")).to_contain_text(re.compile(rf"points: −{limit}\s+\+{limit}"))
    paints = page.locator(".ce-network .ce-cell").evaluate_all("all => all.map(e => e.style.background)")
    assert all(paints) and paints[largest] != paints[46]
    page.get_by_role("radio", name="Counts").tap()
    expect(page.locator(".ce-network .ce-line b")).to_have_text("Network")
    diagonal = page.locator(".ce-network .ce-same").evaluate_all("all => all.map(e => e.style.background)")
    assert diagonal == [""] * 10
    page.get_by_role("radio", name="Network minus people").tap()
    expect(page.locator(".ce-network .ce-line b")).to_have_text("Network − people")
    # The pictures are one line, so that the chosen one is near.
    tops = page.locator(".iw-slot:visible").evaluate_all("all => all.map(e => e.offsetTop)")
    assert len(set(tops)) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # The pictures and the probabilities of the choice are there, too.
    assert shown(page) == by_confidence((IMAGES.labels == 4) & (PREDICTED == 7))[:12]
    expect(page.locator(".ce-bars p")).to_contain_text("Predicted: horse")


def by_chance(ours: int, total: int, theirs: int) -> float:
    """How often chance sets a share and another, of 1,000, so far apart (Fisher's exact test, two-sided)."""

    def tail(ours: int, total: int, theirs: int, others: int) -> float:
        both = ours + theirs
        ways = [math.comb(total, k) * math.comb(others, both - k) for k in range(ours, min(total, both) + 1)]
        return sum(ways) / math.comb(total + others, both)

    return 2 * (tail(ours, total, theirs, 1000) if ours * 1000 > theirs * total else tail(theirs, 1000, ours, total))


@pytest.mark.parametrize("images", [40, 1000])
def test_a_difference_is_more_than_chance_even_where_counts_are_small(front: FrontEnd, images: int) -> None:
    # A tenth of the birds are taken for dogs, which people do 8 times in 1,000; a twentieth of the trucks for cats.
    labels = torch.arange(10).repeat_interleave(images)
    predicted = labels.clone()
    for true, guess, share in ((2, 5, 10), (9, 3, 20)):
        predicted[true * images : true * images + images // share] = guess
    logits = 5.0 * torch.nn.functional.one_hot(predicted, 10)
    page = front.open(confusion_explorer(ImageSet(IMAGES.images[:1].expand(len(labels), -1, -1, -1), labels), logits))
    page.get_by_role("radio", name="Network minus people").click()
    # As many images as people saw need not be the same ones: the widget cannot know.
    samples = f"The network judged {10 * images:,} images given here; people, the 10,000 test images (CIFAR-10H; "
    expect(page.locator(".ce-source")).to_contain_text(samples)
    counts = torch.bincount(labels * 10 + predicted, minlength=100).tolist()
    theirs = [round(1000 * share) for share in human_confusion().flatten().tolist()]
    clear = [by_chance(ours, images, other) <= 0.05 / 100 for ours, other in zip(counts, theirs, strict=True)]
    assert clear[25] is (images == 1000) and 0 <= sum(clear) < 100
    expect(page.locator(".ce-legend")).to_contain_text(f"more than chance: {sum(clear)} of 100 cells")
    expect(page.locator(".ce-legend")).to_contain_text("With fewer images, more could be chance.")
    expect(page.locator(".ce-corner:visible")).to_have_count(1)
    marked = page.locator(".ce-network .ce-cell").evaluate_all("all => all.map(e => e.classList.contains('ce-most'))")
    assert marked == clear
    for k in (25, 22, 93, 99):
        cell(page, CLASSES[k // 10], CLASSES[k % 10]).click()
        verdict = "more than chance, even" if clear[k] else "could be chance"
        expect(page.locator(".ce-reading")).to_contain_text(re.compile(rf"points, {verdict} among 100 cells$"))


def test_the_corners_mark_what_is_shown_and_an_empty_cell_says_so(front: FrontEnd) -> None:
    # Three of 200 airplanes are taken for birds: the most frequent mistake, but not a large share.
    labels = torch.tensor([0] * 200 + [3, 4, 5, 6, 7] * 2)
    predicted = labels.clone()
    predicted[:3], predicted[200:205] = 2, 9
    logits = 5.0 * torch.nn.functional.one_hot(predicted, 10)
    page = front.open(confusion_explorer(ImageSet(IMAGES.images[:210], labels), logits))
    corner = re.compile("ce-most")
    expect(cell(page, "airplane", "bird")).to_have_class(corner)
    # Five other mistakes were made once: all of those that tie are marked, or none.
    expect(page.locator(".ce-network .ce-most")).to_have_count(1)
    expect(page.locator(".ce-legend")).to_contain_text("largest mistake")
    page.get_by_role("radio", name="Percent of the true class").click()
    expect(cell(page, "horse", "truck")).to_have_class(corner)
    expect(cell(page, "airplane", "bird")).not_to_have_class(corner)
    assert page.locator(".iw-slot").first.evaluate("node => node.offsetWidth") > 100  # a few are larger
    # Beside people's matrix, too; the chosen picture is beside them, and all fits on a screen.
    page.get_by_role("radio", name="Beside people").click()
    assert page.locator(".iw-slot").first.evaluate("node => node.offsetWidth") > 100
    pictures, chosen, people = (
        page.locator(place).bounding_box() for place in (".ce-pictures", ".ce-detail", ".ce-people")
    )
    cell(page, "automobile", "airplane").hover()  # the longest names take one line: nothing moves
    assert pictures is not None and chosen is not None and people is not None
    assert pictures["y"] == chosen["y"] and (chosen["x"], chosen["width"]) == (people["x"], people["width"])
    whole = page.locator("[data-cifar-widget]").bounding_box()
    assert whole is not None and whole["height"] <= 760
    right, theirs = 100 * (labels == predicted).double().mean(), 100 * human_confusion().diagonal().mean()
    expect(page.locator(".cw-lead")).to_have_text(f"{right:.1f} % correct, people’s answers {theirs:.1f} %")
    page.locator(".ce-network [role=rowheader]").nth(3).click()
    whole = page.locator("[data-cifar-widget]").bounding_box()
    assert whole is not None and whole["height"] <= 760  # with two lines of pictures, too
    captions = page.locator(".iw-slot:not(.iw-empty) .cw-cap")
    fits = "all => all.every(e => e.scrollWidth <= e.clientWidth)"
    expect(captions.first).to_have_text(re.compile(r"^\w+\n\d+ %$"))
    assert captions.evaluate_all(fits), "cut off"
    page.get_by_role("button", name="All mistakes").click()
    expect(captions.first).to_have_text(re.compile(r"^\w+\n→\w+$"))
    assert captions.evaluate_all(fits), "cut off"
    page.get_by_role("radio", name="Percent of the true class").click()
    cell(page, "ship", "ship").click()
    expect(page.locator(".ce-note")).to_have_text(
        "No ship here was predicted as ship; of people’s answers, 97.3 % were."
    )
    expect(page.locator(".iw-pager")).to_be_hidden()
    # The place of the chosen picture stays, and a button goes on: of no mistake of ships to the most frequent of all.
    expect(page.locator(".ce-bars p")).to_have_text("No picture here: choose another cell.")
    expect(page.locator(".ce-bars .value").first).to_be_hidden()
    expect(page.locator(".ce-reading")).to_have_text(
        "ship predicted correctly: no such image here; people’s answers 97.3 %"
    )
    expect(cell(page, "ship", "ship")).to_have_text("")
    cell(page, "horse", "frog").click()
    page.get_by_role("button", name="horse predicted as truck: 1 ›").click()  # of its row
    page.keyboard.press("ArrowLeft")  # from there
    assert state_of(page, "chosen") == [7, 8]
    expect(cell(page, "horse", "ship")).to_be_focused()
    ring = "node => getComputedStyle(node).outlineStyle"
    assert page.locator(".ce-network .ce-frame").evaluate(ring) == "solid"
    assert page.locator(".ce-people .ce-frame").evaluate(ring) == "none"
    cell(page, "ship", "ship").click()
    page.get_by_role("button", name="airplane predicted as bird: 3 ›").click()
    expect(page.locator(".iw-slot:not(.iw-empty)")).to_have_count(3)
    # Probabilities are read downwards, in two columns.
    tops = page.locator(".ce-bars .cw-bars > :nth-child(3n + 1)").evaluate_all("all => all.map(e => e.offsetTop)")
    assert tops[:5] == sorted(set(tops)) and tops[:5] == tops[5:]
    cell(page, "airplane", "airplane").click()
    expect(page.locator(".ce-note")).to_have_text(
        "Only 24 of these 197 pictures are included, among them the most and the least confident."
    )


@pytest.mark.parametrize(
    ("width", "view"),
    [(706, "Counts"), (800, "Counts"), (800, "Percent of the true class"), (800, "Network minus people")],
)
def test_nothing_moves_while_cells_are_walked(front: FrontEnd, width: int, view: str) -> None:
    page = front.open(_with_long_names(), width=width)
    page.get_by_role("radio", name=view).click()
    parts = (".ce-network .ce-matrix", ".ce-network .cw-chip", ".ce-reading", ".ce-detail", ".cw >> nth=0")
    places = []
    for true, predicted in (("airplane", "automobile"), ("automobile", "airplane"), ("cat", "dog"), ("deer", "horse")):
        cell(page, true, predicted).click()
        expect(page.locator(".ce-pictures b")).to_have_text(f"{true} predicted as {predicted}")
        places.append([page.locator(part).bounding_box() for part in parts])
    assert all(each == places[0] for each in places[1:])


def test_pictures_of_one_line_take_no_more_height_than_the_probabilities_beside_them(front: FrontEnd) -> None:
    page = front.open(_with_long_names())
    page.get_by_role("radio", name="Beside people").click()
    heights = set()
    for true, predicted in (("automobile", "airplane"), ("cat", "dog"), ("deer", "horse")):
        cell(page, true, predicted).click()
        expect(page.locator(".ce-pictures b")).to_have_text(f"{true} predicted as {predicted}")
        heights.add(page.locator(".cw").first.evaluate("node => node.offsetHeight"))
    assert len(heights) == 1


def _with_long_names() -> ConfusionExplorer:
    """Cells with many pictures, with few and with one; most have none."""
    labels = torch.tensor([0] * 40 + [1] * 40 + [3] * 20)
    predicted = labels.clone()
    predicted[:12], predicted[40], predicted[80:83] = 1, 0, 5
    return confusion_explorer(ImageSet(IMAGES.images[:100], labels), 5.0 * torch.nn.functional.one_hot(predicted, 10))


def test_a_zero_is_written_on_the_diagonal_alone(front: FrontEnd) -> None:
    # 482 of 500 frogs are correct, as for people; of the airplanes none; there are no ships.
    labels = torch.tensor([6] * 500 + [0] * 3)
    predicted = labels.clone()
    predicted[:19], predicted[500:] = 3, 1
    page = front.open(
        confusion_explorer(
            ImageSet(IMAGES.images[:1].expand(503, -1, -1, -1), labels),
            torch.nn.functional.one_hot(predicted, 10) * 5.0,
        )
    )
    for view, texts in (("Counts", ("0", "", "")), ("Percent of the true class", ("0.0", "", ""))):
        page.get_by_role("radio", name=view).click()
        for place, text in zip((("airplane", "airplane"), ("airplane", "frog"), ("ship", "ship")), texts, strict=True):
            expect(cell(page, *place)).to_have_text(text)
    page.get_by_role("radio", name="Network minus people").click()
    expect(cell(page, "frog", "frog")).to_have_text("0")
    expect(cell(page, "frog", "airplane")).to_have_text("")
    expect(cell(page, "ship", "ship")).to_have_text("")


def test_a_press_chooses_even_if_the_pointer_leaves(front: FrontEnd) -> None:
    page = front.open(confusion_explorer(IMAGES, LOGITS))
    cell(page, "cat", "bird").hover()
    page.mouse.down()
    page.locator(".ce-reading").hover()
    page.mouse.up()
    assert state_of(page, "chosen") == [3, 2]
    expect(cell(page, "cat", "bird")).to_be_focused()


def test_a_notebook_gets_every_picture_of_a_cell_and_a_page_only_some() -> None:
    widget = confusion_explorer(IMAGES, LOGITS)
    members = by_confidence((IMAGES.labels == 3) & (PREDICTED == 3))
    packed = widget.read("cell/3/3")
    count = np.frombuffer(packed[:4], "<u4")[0]
    assert count == len(members) and np.frombuffer(packed[4 : 4 + 4 * count], "<u4").tolist() == members
    images = np.frombuffer(packed[4 + 5 * count :], np.uint8).reshape(count, 32, 32, 3)
    assert np.array_equal(images, IMAGES.images[members].permute(0, 2, 3, 1))
    assert set(widget.loadable()) == {"logits", "labels", "pictures"}
    on_page = set(widget._on_page().tolist())
    for k in range(100):
        inside = by_confidence((k // 10 == IMAGES.labels) & (k % 10 == PREDICTED))
        assert {*inside[:2], *inside[-2:]} <= on_page  # so that both orders begin with what is true
    assert len(on_page) < len(IMAGES)
    widget.chosen = [3, 3]
    assert {*members[:12], *members[-12:]} <= set(widget._on_page().tolist())


def test_words_name_the_most_frequent_mistake() -> None:
    y, x = divmod(int(COUNTS.clone().fill_diagonal_(0).argmax()), 10)
    words = confusion_explorer(IMAGES, LOGITS).words()
    assert f"{CLASSES[y]} predicted as {CLASSES[x]}, {COUNTS[y, x]} times" in words
    right = confusion_explorer(IMAGES, 9 * torch.nn.functional.one_hot(IMAGES.labels, 10).float())
    assert right.words() == "Confusion matrix of 400 images, 100.0 % of them predicted correctly."
    assert right.chosen == [-1, -1]


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        ("chosen", [3], "the true and the predicted class"),
        ("chosen", [3, 10], "each 0 to 9, or -1"),
        ("view", "both", "set one of 'counts', 'percent', 'people', 'difference'"),
        ("order", "random", "set one of 'highest', 'lowest'"),
        ("picture", 400, "set 0 to 399"),
    ],
)
def test_wrong_values_are_refused(trait: str, value: object, message: str) -> None:
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(confusion_explorer(IMAGES, LOGITS), trait, value)


@pytest.mark.parametrize("logits", [LOGITS[:5], LOGITS[:, :3]])
def test_logits_that_do_not_fit_are_refused(logits: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"needs logits \(400, 10\)"):
        confusion_explorer(IMAGES, logits)


def test_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        confusion_explorer(IMAGES, LOGITS * torch.inf)
