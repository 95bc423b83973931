"""What the README shows first: the film of *through the network*, and what its words say of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from PIL import Image

from cifar_helpers import widgets

README = (ROOT / "README.md").read_text(encoding="utf-8")
(PICTURE,) = re.findall(r"<picture>.*?</picture>", README, re.S)
FILMS = [ROOT / name for name in re.findall(r'(?:src|srcset)="([^"]+\.webp)"', PICTURE)]


def test_the_film_is_there_in_both_themes_and_a_still_for_readers_who_want_no_motion() -> None:
    assert [path.stem.rpartition("-")[2] for path in FILMS] == ["dark", "light"]
    (still,) = re.findall(r'<source media="\(prefers-reduced-motion: reduce\)" srcset="([^"]+)">', PICTURE)
    assert PICTURE.index(still) < PICTURE.index("webp"), "the first source that fits is taken"
    with Image.open(ROOT / still) as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem)
def test_the_film_is_small_and_short_and_begins_again(path: Path) -> None:
    assert path.stat().st_size <= 1_500_000
    shown = re.findall(r'width="(\d+)" height="(\d+)"', PICTURE)
    with Image.open(path) as film:
        assert [film.size] == [(int(width), int(height)) for width, height in shown]
        frames = range(film.n_frames)  # type: ignore[attr-defined]
        durations = []
        for frame in frames:
            film.seek(frame)
            film.load()
            durations.append(film.info["duration"])
        assert len(frames) > 10 and 5_000 <= sum(durations) <= 12_000
        assert film.info["loop"] == 0


def test_the_words_for_the_film_say_what_the_network_predicts() -> None:
    (alt,) = re.findall(r'alt="([^"]+)"', PICTURE)
    widget = widgets.through_the_network()
    pictures = np.frombuffer(widget.pictures, dtype=np.uint8).reshape(-1, 32, 32, 3)

    def show(name: str, epoch: int) -> str:
        widget.image, widget.epoch = pictures[widget.names.index(name)].copy(), epoch
        return str(widget.prediction.label)

    said = {int(epoch): label for epoch, label in re.findall(r"after (?:epoch )?(\d+) (?:the .+? is )?(\w+)", alt)}
    assert said == {epoch: show("frog", epoch) for epoch in widget.epochs[1:]}
    show("frog", 0)
    assert "all ten probabilities are nearly equal" in alt and widget.prediction.probability < 0.12
    assert alt.endswith(f"chooses a drawn horse, and the network says {show('horse', widget.epochs[-1])}.")
