"""The confusion explorer shows the pictures of the cell that is chosen."""

from __future__ import annotations

import pytest
import torch
from helpers import alts, named, pictures, random_images, status

from cifar_helpers import CLASSES
from cifar_helpers.widgets import confusion_explorer as confusion_explorer_widget
from cifar_helpers.widgets._screen import Screen

IMAGES = random_images(400)
LOGITS = 4 * torch.randn(400, 10, generator=torch.Generator().manual_seed(0))
ANSWERS = LOGITS.argmax(1)
CONFIDENCE = LOGITS.softmax(1).max(1).values


def shown_numbers(page: str) -> list[int]:
    return [int(text.split(",")[0].removeprefix("Image ")) for text in alts(page) if text.startswith("Image ")]


def screen_of(box: object) -> Screen:
    screen = box.children[1]  # type: ignore[attr-defined]
    assert isinstance(screen, Screen)
    return screen


def test_a_cell_shows_its_pictures_by_confidence() -> None:
    box = confusion_explorer_widget(IMAGES, LOGITS)
    parts, screen = named(box), screen_of(box)
    for true, said in (("frog", "frog"), ("truck", "bird")):
        parts["true class"].value, parts["answered"].value = true, said
        members = ((IMAGES.labels == CLASSES.index(true)) & (CLASSES.index(said) == ANSWERS)).nonzero().flatten()
        expected = members[CONFIDENCE[members].argsort(descending=True)].tolist()
        assert shown_numbers(screen.value) == expected[:12]
        assert f"{true} called {said}: {len(expected)} pictures" in status(screen.value)


def test_a_click_on_the_matrix_chooses_the_cell() -> None:
    box = confusion_explorer_widget(IMAGES, LOGITS)
    parts, screen = named(box), screen_of(box)
    parts["show"].value = "most confident mistakes"
    screen.place = "cell 9 1"
    assert (parts["show"].value, parts["true class"].value, parts["answered"].value) == (
        "a cell",
        "truck",
        "automobile",
    )
    assert "truck called automobile" in status(screen.value)


def test_mistakes_are_sorted_by_confidence_and_pages_go_on_where_the_last_ended() -> None:
    box = confusion_explorer_widget(IMAGES, LOGITS)
    parts, screen = named(box), screen_of(box)
    parts["show"].value = "most confident mistakes"
    wrong = (IMAGES.labels != ANSWERS).nonzero().flatten()
    expected = wrong[CONFIDENCE[wrong].argsort(descending=True)].tolist()
    seen = []
    for page in range(1, parts["page"].max + 1):
        parts["page"].value = page
        seen += shown_numbers(screen.value)
        assert all(pictures(screen.value)[0].shape == (32, 32, 3) for _ in (1,))
    assert seen == expected


def test_the_matrix_has_the_counts_and_names_the_worst_pair() -> None:
    box = confusion_explorer_widget(IMAGES, LOGITS)
    screen = screen_of(box)
    counts = torch.bincount(IMAGES.labels * 10 + ANSWERS, minlength=100).view(10, 10)
    page = screen.value
    for y in range(10):
        for x in range(10):
            cell = page[page.index(f'data-place="cell {y} {x}"') :]
            assert cell[: cell.index("</text>")].endswith(f">{counts[y, x]}")
    worst = counts.fill_diagonal_(0)
    y, x = divmod(int(worst.argmax()), 10)
    assert f"{CLASSES[y]} called {CLASSES[x]}, {worst[y, x]} times" in alts(page)[0]


def test_a_cell_without_pictures_says_so() -> None:
    box = confusion_explorer_widget(IMAGES.subset(torch.tensor([0])), LOGITS[:1])
    parts, screen = named(box), screen_of(box)
    parts["true class"].value, parts["answered"].value = "dog", "ship"
    assert "0 pictures" in status(screen.value) and not pictures(screen.value)


@pytest.mark.parametrize("logits", [LOGITS[:5], LOGITS[:, :3]])
def test_logits_that_do_not_fit_are_refused(logits: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"needs logits \(400, 10\)"):
        confusion_explorer_widget(IMAGES, logits)
