"""Figures: the right numbers in the right places, names on the axes, alt text, and no figure left open."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from helpers import random_images
from PIL import Image

from cifar_helpers import figures, load_run
from cifar_helpers.figures._base import picture

NONE, SURE = torch.empty(0), torch.rand(30)
IMAGES = random_images(40).images


def test_a_shown_figure_has_alt_text_and_is_closed() -> None:
    before = plt.get_fignums()  # other tests in this process may have left theirs open
    figure = figures.image_grid(IMAGES[:3])
    bundle, metadata = picture(figure, "Three images of noise.")
    assert metadata["image/png"]["alt"] == bundle["text/plain"] == "Three images of noise."
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).format == "PNG"
    assert bundle["text/html"].startswith('<img alt="Three images of noise." width="')
    assert plt.get_fignums() == before


def test_the_element_is_the_same_picture() -> None:
    bundle, _ = picture(figures.image_grid(IMAGES[:3]), "Noise & more.")
    (source,) = re.findall(r'src="data:image/webp;base64,([^"]+)"', bundle["text/html"])
    element, png = (Image.open(io.BytesIO(base64.b64decode(part))) for part in (source, bundle["image/png"]))
    assert element.size == png.size
    assert np.abs(np.asarray(element.convert("RGB"), float) - np.asarray(png.convert("RGB"), float)).mean() < 12
    assert 'alt="Noise &amp; more."' in bundle["text/html"]


def test_a_figure_without_alt_text_is_refused() -> None:
    with pytest.raises(ValueError, match="alt text"):
        figures.show(plt.figure())


def test_a_grid_shows_each_image_with_its_title() -> None:
    figure = figures.image_grid(IMAGES[:5], list("abcde"), columns=3)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list("abcde")
    for axes, image in zip(shown, IMAGES, strict=False):
        assert np.array_equal(axes.images[0].get_array(), image.permute(1, 2, 0))


def test_a_grid_with_too_few_titles_is_refused() -> None:
    with pytest.raises(ValueError, match="2 images need as many titles, got 1"):
        figures.image_grid(IMAGES[:2], ["one"])


@pytest.mark.parametrize(
    ("draw", "what"),
    [
        (lambda: figures.image_grid(IMAGES[:0]), "image_grid has nothing to show: images is empty"),
        (lambda: figures.bars(xlabel="parameters", values={}), "bars has nothing to show: values is empty"),
        (lambda: figures.confidence_histograms({"seen": NONE}, 0.5), "groups['seen'] is empty"),
        (lambda: figures.rejection(SURE, SURE > 0, {"faces": NONE}), "others['faces'] is empty"),
    ],
)
def test_what_is_empty_is_named(draw: Callable[[], object], what: str) -> None:
    with pytest.raises(ValueError, match=re.escape(what)):
        draw()


def test_under_a_dark_style_a_figure_looks_as_it_does_without() -> None:
    def shown() -> str:
        return picture(figures.curves(load_run("good-25").history), "Curves.")[0]["image/png"]

    plain = shown()
    with plt.style.context("dark_background"):
        assert shown() == plain


def test_a_name_with_dollar_signs_is_drawn_as_it_is_and_a_formula_as_a_formula() -> None:
    figure = figures.image_grid(IMAGES[:2], [r"$\frac$", r"$\alpha$"])
    picture(figure, "Noise.")
    assert [axes.title.get_parse_math() for axes in figure.axes] == [False, True]


def test_all_figures_have_the_look_of_the_course() -> None:
    kinds = {name: getattr(getattr(figures, name), "__annotations__", {}).get("return") for name in figures.__all__}
    drawing = [name for name, kind in kinds.items() if kind == "Figure"]
    assert len(drawing) > 50
    assert [name for name in drawing if not hasattr(getattr(figures, name), "__wrapped__")] == []
