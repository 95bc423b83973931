"""The confusion matrix, and the pictures behind each of its cells."""

from __future__ import annotations

import html

import ipywidgets as widgets
import torch
from torch import Tensor

from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.inference import percent
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, limit, on_change, row, whole
from cifar_helpers.widgets._drawing import Array, as_rows, picture_html, sentence, svg
from cifar_helpers.widgets._screen import Screen

__all__ = ["confusion_explorer", "matrix_svg", "render"]

_CELL, _NAMES = 38, 82
_SMALL = 84
_PAGE = 12


def matrix_svg(confusion: Array, chosen: tuple[int, int] | None) -> str:
    """A confusion matrix with its numbers: the darker, the larger the share of the row; one cell framed.

    Args:
        confusion: int `(10, 10)`, rows true, columns answered.
        chosen: row and column, or `None`.
    """
    shares = confusion / confusion.sum(1, keepdims=True).clip(1)
    parts = [
        f'<text x="{_NAMES + 5 * _CELL}" y="12" text-anchor="middle">answered</text>',
        f'<text transform="translate(10 {_NAMES + 5 * _CELL}) rotate(-90)" text-anchor="middle">true class</text>',
    ]
    for k, name in enumerate(CLASSES):
        middle = _NAMES + (k + 0.5) * _CELL
        parts.append(f'<text x="{_NAMES - 5}" y="{middle + 4}" text-anchor="end">{name}</text>')
        parts.append(f'<text transform="translate({middle + 4} {_NAMES - 5}) rotate(-60)">{name}</text>')
    for y in range(10):
        for x in range(10):
            shade = round(255 * (1 - float(shares[y, x]) ** 0.5))
            ink = "black" if shade > 120 else "white"
            left, top = _NAMES + x * _CELL, _NAMES + y * _CELL
            parts.append(
                f'<g data-place="cell {y} {x}" style="cursor:pointer"><rect x="{left}" y="{top}" width="{_CELL}" '
                f'height="{_CELL}" fill="rgb({shade},{shade},{min(255, shade + 30)})" stroke="#888"/>'
                f'<text x="{left + _CELL / 2}" y="{top + _CELL / 2 + 4}" fill="{ink}" text-anchor="middle">'
                f"{int(confusion[y, x])}</text></g>"
            )
    if chosen is not None:
        left, top = _NAMES + chosen[1] * _CELL, _NAMES + chosen[0] * _CELL
        for colour, thick in (("white", 6), ("#D55E00", 3)):
            parts.append(
                f'<rect x="{left}" y="{top}" width="{_CELL}" height="{_CELL}" fill="none" stroke="{colour}" '
                f'stroke-width="{thick}" pointer-events="none"/>'
            )
    mixed = confusion.copy()
    mixed[range(10), range(10)] = 0
    y, x = divmod(int(mixed.argmax()), 10)
    alt = f"Confusion matrix; most often mixed up: {CLASSES[y]} called {CLASSES[x]}, {mixed[y, x]} times"
    size = _NAMES + 10 * _CELL + 4
    return svg(f'<g font-size="12" fill="currentColor">{"".join(parts)}</g>', size, size, alt)


def render(images: ImageSet, probabilities: Tensor, chosen: list[int], title: str) -> str:
    """HTML of pictures with what the network says to each.

    Args:
        images: all images.
        probabilities: float `(N, 10)` of all images.
        chosen: numbers of those that are shown.
        title: above them.
    """
    parts = []
    for k in chosen:
        label, answer = int(images.labels[k]), int(probabilities[k].argmax())
        said = f"{CLASSES[answer]} {percent(float(probabilities[k, answer]))}"
        own = f"{CLASSES[label]} {percent(float(probabilities[k, label]))}"
        words = said if label == answer else f"{said}; {own}"
        alt = f"Image {k}, truly {CLASSES[label]}: the network says {words}"
        picture = picture_html(as_rows(images.images[k]), _SMALL, alt)
        below = "".join(f"<div>{html.escape(part)}</div>" for part in words.split("; "))
        parts.append(
            f'<div style="display:inline-block;width:118px;vertical-align:top;font-size:12px">{picture}'
            f'<div style="line-height:1.3">{below}</div></div>'
        )
    return sentence(title) + f'<div style="max-width:500px">{"".join(parts)}</div>'


def confusion_explorer(images: ImageSet, logits: Tensor) -> widgets.VBox:
    """Choose a cell of the confusion matrix and see its pictures; or leaf through the most confident mistakes.

    Args:
        images: that the network answered to.
        logits: float `(N, 10)`, its answers in the same order, as `collect_logits` gives them.

    Returns:
        A widget; a click on the matrix chooses a cell.

    Raises:
        ValueError: if there are no images, or not as many logits.
    """
    if not len(images) or logits.shape != (len(images), len(CLASSES)):
        raise ValueError(
            f"confusion_explorer needs logits ({len(images)}, {len(CLASSES)}), one row for each image, "
            f"and at least one; got {tuple(logits.shape)}"
        )
    probabilities = logits.detach().float().cpu().softmax(1)
    confidence, answers = probabilities.max(1)
    order = confidence.argsort(descending=True, stable=True)
    confusion = torch.bincount(images.labels * 10 + answers, minlength=100).view(10, 10).numpy()
    view = choice("show", ["a cell", "most confident mistakes"])
    true, said = choice("true class", list(CLASSES)), choice("answered", list(CLASSES))
    true.value, said.value = "cat", "dog"
    page = whole("page", 1, 1)

    def clicked(_: str, y: int, x: int) -> None:
        view.value, true.value, said.value = "a cell", CLASSES[y], CLASSES[x]

    screen = Screen(clicked=clicked)

    def choose() -> None:
        for control in (true, said):
            control.disabled = view.value != "a cell"
        limit(page, max(1, -(-len(members()) // _PAGE)))
        draw()

    def members() -> list[int]:
        if view.value == "a cell":
            kept = (images.labels == CLASSES.index(true.value)) & (answers == CLASSES.index(said.value))
        else:
            kept = images.labels != answers
        found: list[int] = order[kept[order]].tolist()
        return found

    def draw() -> None:
        found = members()
        first = (page.value - 1) * _PAGE
        part = found[first : first + _PAGE]
        cell = None
        if view.value == "a cell":
            cell = (CLASSES.index(true.value), CLASSES.index(said.value))
            what = f"{true.value} called {said.value}: {len(found):,} pictures"
        else:
            what = f"{len(found):,} mistakes"
        range_shown = f", {first + 1} to {first + len(part)} by confidence" if part else ""
        pictures = render(images, probabilities, part, f"{what}{range_shown}.")
        screen.value = f'<div style="display:flex">{matrix_svg(confusion, cell)}<div>{pictures}</div></div>'

    on_change(choose, view, true, said)
    on_change(draw, page)
    choose()
    return in_this_cell(widgets.VBox([row(view, true, said, page), screen]))
