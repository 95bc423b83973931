"""Take the README's pictures of widgets: `python tests/browser/screenshots.py`, with the real data in `data/`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lab import ROOT, Lab, Widget, browsing, serving

FIGURES = ROOT / "resources" / "figures"


def keep(widget: Widget, name: str) -> None:
    """Write what is on the screen."""
    widget.page.wait_for_timeout(800)
    widget.output.screenshot(path=FIGURES / f"{name}.png")
    print(f"{name}: {widget.status()}")


def main() -> None:
    """Open three lessons and put four widgets into action."""
    with tempfile.TemporaryDirectory() as home, serving(Path(home), ROOT / "data") as address, browsing() as page:
        lab = Lab(page, address)
        lab.open("02_convolutions_and_kernels.ipynb")
        lab.run_all()
        bench = lab.widget("widgets.kernel_bench(picture)")
        bench.choose("kernel", "Sobel, v")
        bench.type("pixel, column", "12")
        keep(bench, "kernel_bench")
        lab.close()
        lab.open("04_training_and_overfitting.ipynb")
        lab.run_all()
        time = lab.widget("widgets.training_through_time")
        time.press("epoch", *["ArrowRight"] * 8)
        keep(time, "training_through_time")
        laboratory = lab.widget("widgets.overfitting_lab")
        laboratory.choose("wrong labels", "20")
        keep(laboratory, "overfitting_lab")
        lab.close()
        lab.open("06_inference.ipynb")
        lab.run_all()
        photo = lab.widget("widgets.predict_photo(")
        photo.choose("picture", "horse")
        photo.choose("where it looked", "Grad")
        keep(photo, "predict_photo")
        lab.close()


if __name__ == "__main__":
    main()
