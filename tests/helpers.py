"""What test files share: small data sets and networks, the questions of the course, widgets and pages."""

from __future__ import annotations

import base64
import csv
import html
import io
import multiprocessing
import os
import pickle
import re
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cifar_helpers import CLASSES, CifarCNN, ImageSet
from cifar_helpers.checks import EXERCISES, PREDICTIONS, QUIZZES
from cifar_helpers.checks.answers import LETTERS
from cifar_helpers.checks.questions import Choice, Number, Question
from cifar_helpers.data import MEAN, STD, normalise
from cifar_helpers.heads import TAG

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def random_images(count: int, seed: int = 0) -> ImageSet:
    """Images of noise, with every class in turn."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return ImageSet(images, torch.arange(count) % 10)


def write_batches(folder: Path, per_batch: int = 20) -> Path:
    """The official layout with few images: five training batches and a test batch."""
    place = folder / "cifar-10-batches-py"
    place.mkdir(parents=True)
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    for seed, name in enumerate(names):
        part = random_images(per_batch, seed)
        pixels = part.images.reshape(per_batch, -1).numpy()
        content = {b"data": pixels, b"labels": part.labels.tolist(), b"filenames": []}
        (place / name).write_bytes(pickle.dumps(content, protocol=2))
    return place


def write_kaggle(folder: Path, count: int = 30) -> Path:
    """Kaggle's layout with few images."""
    (folder / "train").mkdir(parents=True)
    images = random_images(count)
    with (folder / "trainLabels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label"])
        for k, (image, label) in enumerate(zip(images.images, images.labels, strict=True), start=1):
            writer.writerow([k, CLASSES[int(label)]])
            save_png(image, folder / "train" / f"{k}.png")
    return folder


def write_class_folders(folder: Path, per_class: int = 3) -> Path:
    """One folder for each class, training and test."""
    for part, seed in (("train", 0), ("test", 1)):
        images = random_images(10 * per_class, seed)
        for k, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            place = folder / part / CLASSES[int(label)]
            place.mkdir(parents=True, exist_ok=True)
            save_png(image, place / f"{k:03d}.png")
    return folder


def save_png(image: torch.Tensor, path: Path) -> None:
    Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy())).save(path)


def tiny(seed: int = 0, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 10)
    )


def coloured(count: int = 300, seed: int = 0) -> ImageSet:
    """Images that a tiny network can learn: the class decides the brightness of two patches."""
    images = random_images(count, seed)
    pixels = (images.images // 8).clone()
    for k, label in enumerate(images.labels.tolist()):
        pixels[k, label % 3, 8 * (label % 4) : 8 * (label % 4) + 8, : 4 * (label // 3) + 8] += 200
    return ImageSet(pixels, images.labels)


def sgd(model: nn.Module, rate: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().cpu().flatten() for p in model.parameters()])


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def network(seed: int = 0) -> CifarCNN:
    torch.manual_seed(seed)
    return CifarCNN(0.5)


RED = (220, 40, 20)


def corners(width: int = 40, height: int = 24) -> Image.Image:
    """Black, with the top left quarter red and the top right quarter white: every turn shows."""
    picture = Image.new("RGB", (width, height))
    picture.paste(RED, (0, 0, width // 2, height // 2))
    picture.paste("white", (width // 2, 0, width, height // 2))
    return picture


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def write_png(path: Path, width: int, height: int, depth: int, colour: int, rows: bytes) -> Path:
    """A PNG of a kind that Pillow reads but cannot write."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


# How a camera that was held so stores the picture, by EXIF orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


HORSE = CLASSES.index("horse")


class Fixed(nn.Module):
    """Always the same logits: 90 % horse."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.full((len(images), 10), np.log(0.1 / 9))
        logits[:, HORSE] = np.log(0.9)
        return logits


ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
ALL = {question.name: question for question in chain(PREDICTIONS.values(), *QUIZZES.values())}


def right(name: str) -> str:
    """Text of the right option."""
    question = ALL[name]
    assert isinstance(question, Choice)
    (option,) = [option for option in question.options if option.right]
    return option.text


def truth(name: str) -> float:
    """The right number."""
    question = ALL[name]
    assert isinstance(question, Number)
    return question.truth()


def right_letter(question: Choice) -> str:
    """Letter of the right option."""
    return next(letter for letter, option in zip(LETTERS, question.options, strict=False) if option.right)


def right_answer(question: Question) -> str | float:
    """What to give as the second argument of `checks.guess`."""
    return right_letter(question) if isinstance(question, Choice) else question.truth()


def code_cells(lesson: str | int) -> list[str]:
    """Code of a lesson's cells, in order, without the one that installs the course where it is missing."""
    (path,) = NOTEBOOKS.glob(f"{int(lesson):02}*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code" and TAG not in cell.metadata.get("tags", [])]


def after_cell(lesson: str, words: str, names: dict[str, Any]) -> dict[str, Any]:
    """What a cell of a lesson defines; it is the one that contains the words."""
    (source,) = [source for source in code_cells(lesson) if words in source]
    exec(source, names)
    return names


def solution(name: str) -> Any:
    """The function that the last hint of an exercise gives."""
    (exercise,) = [exercise for exercise in EXERCISES if exercise.name == name]
    names: dict[str, Any] = {"torch": torch, "nn": nn, "MEAN": MEAN, "STD": STD, "normalise": normalise}
    exec(exercise.solution, names)
    return names[f"my_{name}"]


def alts(page: str) -> list[str]:
    """Alt texts of all pictures and drawings, in order."""
    return [html.unescape(text) for text in re.findall(r'(?:alt|aria-label)="([^"]*)"', page)]


def pictures(page: str) -> list[np.ndarray[Any, Any]]:
    """Pixels of all pictures, in order."""
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
        for source in re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    ]


def status(page: str) -> str:
    """The sentences that say what is seen."""
    return " ".join(html.unescape(text) for text in re.findall(r'<p role="status"[^>]*>(.*?)</p>', page))


def alert(page: str) -> str:
    """The message in the place of a picture; empty where there is none."""
    found = re.search(r'<p role="alert"><b>(.*?)</b>', page)
    return html.unescape(found[1]) if found else ""


def frames(page: str) -> list[tuple[float, ...]]:
    """Top, left, height and width of the black frames on pictures."""
    found = re.findall(
        r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)" '
        r'fill="none" stroke="black" stroke-width="2"',
        page,
    )
    return [(float(y), float(x), float(height), float(width)) for x, y, width, height in found]


def cells(page: str, alt: str) -> list[str]:
    """Texts in the grid of numbers whose alt text begins so."""
    start = page.index(f'aria-label="{html.escape(alt, quote=True)}')
    return re.findall(r"<text[^>]*>([^<]*)</text>", page[start : page.index("</svg>", start)])


# --- processes of their own ---------------------------------------------------------------------------------------


def processes() -> Any:
    """Where to get processes that start in milliseconds: they are forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        # What test files import. They themselves are on no path that the server of Python 3.11 knows.
        modules = ["cifar_helpers", "cifar_helpers.checks", "ipywidgets", "pytest"]
        # The first step of an optimizer imports torch._dynamo, which takes half a second.
        context.set_forkserver_preload(["quick_start", *modules, "torch._dynamo", "quick_fork"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(ROOT / "tests"))
            forkserver.ensure_running()
    return context


def in_process(function: Callable[..., Any], *given: Any) -> Any:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=processes()) as pool:
        return pool.submit(function, *given).result(timeout=120)


def start_process(said: Path, function: Callable[..., Any], *given: Any) -> Any:
    """A process of its own that runs a function; what it prints is written to a file."""
    said.touch()
    process = processes().Process(target=_saying_to, args=(said, function, *given))
    process.start()
    return process


def _saying_to(said: Path, function: Callable[..., Any], *given: Any) -> None:
    descriptor = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    function(*given)


# --- figures --------------------------------------------------------------------------------------------------


def titles(figure: Figure) -> list[str]:
    """Titles of a figure's axes, in order."""
    return [axes.get_title() for axes in figure.axes]


def widths(axes: Any) -> list[float]:
    """Widths of the bars in a plot, in order."""
    return [bar.get_width() for bar in axes.patches]
