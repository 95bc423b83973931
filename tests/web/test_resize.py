"""Pictures are resized in the browser as `preprocess` resizes them."""

from __future__ import annotations

import base64

import numpy as np
from chrome import FrontEnd
from PIL import Image

from cifar_helpers.web.join import join

# Text goes to the browser and back in a tenth of the time of a list of numbers.
RESIZE = """([text, side]) => {
    const values = Uint8Array.fromBase64(text);
    return new Uint8Array(Float64Array.from(resized(values, side, side, 32)).buffer).toBase64();
}"""


def test_resizing_is_that_of_pillow_within_one_level(front: FrontEnd) -> None:
    page = front.open(
        f'<script type="module">{join("resize")}\nwindow.resized = resized;\n'
        'document.documentElement.dataset.booted = "true";</script>'
    )
    rng = np.random.default_rng(0)
    for side in (8, 20, 31, 32, 33, 97, 240):
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        wanted = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC))
        got = page.evaluate(RESIZE, [base64.b64encode(pixels.tobytes()).decode(), side])
        difference = np.abs(np.frombuffer(base64.b64decode(got)).reshape(32, 32, 3) - wanted)
        assert difference.max() <= 1, side
        assert difference.mean() < (0.02 if side != 32 else 1e-9), side
