"""(p) `predict_folder` on mixed photos, beside a torchvision pipeline of the same steps."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from tqdm import tqdm

from benchmarks.common import Row, apart, middle, peak_megabytes
from cifar_helpers import normalise, predict_folder
from cifar_helpers.inference import shipped_model

PHOTOS = 1000
ENGINES = ("torchvision", "torchvision, two workers", "predict_folder")
_TURNED = 0x0112


def write_photos(folder: Path, count: int, most: int = 2000) -> None:
    """Mixed pictures with sides from 100 to `most` pixels: JPEG (colour, grey, turned) and PNG (RGB, RGBA, grey)."""
    numbers = np.random.default_rng(0)
    for k in tqdm(range(count), desc="Making photos", disable=count < 100):
        width, height = (int(side) for side in np.exp(numbers.uniform(np.log(100), np.log(most), 2)))
        blobs = Image.fromarray(numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((width, height))
        grain = numbers.integers(-12, 13, (height, width, 1), dtype=np.int16)
        image = Image.fromarray((np.asarray(blobs) + grain).clip(0, 255).astype(np.uint8))
        kind = k % 10
        exif = Image.Exif()
        if kind in (4, 9):
            image = image.convert("L")
        elif kind == 5:
            exif[_TURNED] = 6
        elif kind == 8:
            image.putalpha(Image.linear_gradient("L").resize((width, height)))
        if kind < 6:
            image.save(folder / f"{k:05d}.jpg", quality=88, exif=exif)
        else:
            image.save(folder / f"{k:05d}.png", compress_level=1)


class Photos(Dataset[Tensor]):
    """The same steps as in `preprocess`: upright, RGB on white, central square, bicubic to 32×32."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.iterdir())
        self.resize = v2.Resize((32, 32), v2.InterpolationMode.BICUBIC)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.files[index]) as file:
            image = ImageOps.exif_transpose(file)
        if image.mode == "RGBA":
            paper = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(paper, image)
        image = image.convert("RGB")
        side = min(image.size)
        # Not CenterCrop, which rounds half pixels to even: the square would be another one.
        square = v2.functional.crop(image, (image.height - side) // 2, (image.width - side) // 2, side, side)
        pixels: Tensor = v2.functional.pil_to_tensor(self.resize(square))
        return pixels


def probabilities(engine: str, folder: Path) -> Tensor:
    """Probabilities `(N, 10)` of all pictures in a folder, in order of file name."""
    if engine == "predict_folder":
        answers, problems = predict_folder(folder)
        if problems:
            raise RuntimeError(f"unusable photos: {problems}")
        return torch.stack([answer.probabilities for answer in answers.values()])
    loader: DataLoader[Tensor] = DataLoader(Photos(folder), 64, num_workers=2 if "workers" in engine else 0)
    model = shipped_model().eval()
    with torch.no_grad():
        return torch.cat([model(normalise(images)).softmax(1) for images in loader])


def measure(count: int = PHOTOS, rounds: int = 3, most: int = 2000) -> list[Row]:
    """All engines in turns, each in a new process, and how far their answers are apart."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photos(folder, count, most)
        found = [{e: apart("benchmarks.photos", e, name) for e in ENGINES} for _ in range(rounds)]
        ours = torch.tensor(found[0]["predict_folder"]["probabilities"])
        rows: list[Row] = []
        for engine in ENGINES:
            times = middle([one[engine]["seconds"] for one in found])
            theirs = torch.tensor(found[0][engine]["probabilities"])
            rows.append(
                {
                    "engine": engine,
                    "photos": count,
                    **times,
                    "peak MB": max(one[engine]["peak MB"] for one in found),
                    "other classes than ours": int((ours.argmax(1) != theirs.argmax(1)).sum()),
                    "largest difference": round(float((ours - theirs).abs().max()), 4),
                }
            )
    return rows


def main() -> None:
    """Time one engine on one folder and print it as JSON."""
    engine, name = sys.argv[1:]
    warnings.simplefilter("ignore")
    shipped_model()
    start = time.perf_counter()
    found = probabilities(engine, Path(name))
    row: dict[str, Any] = {"seconds": time.perf_counter() - start, "peak MB": round(peak_megabytes())}
    print(json.dumps({**row, "probabilities": found.tolist()}))


if __name__ == "__main__":
    main()
