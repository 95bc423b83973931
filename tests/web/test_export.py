"""A network as a web page: one file, opened from disk, without a request."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
import torch
from chrome import FrontEnd
from helpers import random_images
from PIL import Image
from playwright.sync_api import expect
from torch import nn

from cifar_helpers import MLP, CifarCNN, predict
from cifar_helpers.web import export_page
from cifar_helpers.web.export import network_view, sketches


@pytest.fixture(scope="module")
def network() -> CifarCNN:
    torch.manual_seed(0)
    return CifarCNN().eval()


def test_the_page_is_one_small_file_that_computes_and_asks_nothing(
    front: FrontEnd, network: CifarCNN, tmp_path: Path
) -> None:
    path = export_page(network, tmp_path / "new" / "mine", title="Anna's <network>")
    assert path == tmp_path / "new" / "mine.html"
    assert path.stat().st_size < 3e6
    assert [p.name for p in path.parent.iterdir()] == ["mine.html"]
    text = path.read_text(encoding="utf-8")
    assert "Anna&#x27;s &lt;network&gt;" in text
    page = front.open(text)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.reload()
    expect(page.get_by_text("CifarCNN: 3 convolutions, 3 linear layers, 1,276,682 parameters")).to_be_visible()
    said = predict(torch.from_numpy(sketches()["horse"].copy()), network)
    expect(page.locator(".cw-bars .top").first).to_have_text(said.label)
    page.get_by_role("radio", name="frog").click()
    frog = predict(torch.from_numpy(sketches()["frog"].copy()), network)
    expect(page.locator(".cw-bars .top").first).to_have_text(frog.label)
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def test_without_pictures_there_are_only_sketches_and_the_page_says_so(network: CifarCNN) -> None:
    state = network_view(model=network).state
    assert state["pictures"] == b"".join(pixels.tobytes() for pixels in sketches().values())
    assert "sketches" in state["note"]
    given = random_images(2).images
    state = network_view(given, network).state
    assert state["pictures"] == given.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
    assert (state["names"], state["note"]) == (["picture 1", "picture 2"], "")
    assert network_view({"mine": given[0]}, network).state["names"] == ["mine"]


def test_the_sketches_are_one_of_each_class_and_always_the_same() -> None:
    assert list(sketches()) == list(sketches(1))
    assert all((a == b).all() for a, b in zip(sketches().values(), sketches().values(), strict=True))
    assert not (sketches()["cat"] == sketches(1)["cat"]).all()


def test_errors_say_what_is_wrong(network: CifarCNN, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder, not a file: give the path of a file in it"):
        export_page(network, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot be written: .* is not a folder"):
        export_page(network, tmp_path / "file" / "page.html")
    with pytest.raises(TypeError, match="LSTM"):
        export_page(nn.Sequential(nn.Flatten(), nn.LSTM(3072, 10)), tmp_path / "page.html")
    with pytest.raises(ValueError, match="1 to 24 pictures, got 0"):
        export_page(network, tmp_path / "page.html", [])
    for one in (random_images(1).images[0], "cat.jpg", tmp_path / "cat.jpg", Image.new("RGB", (32, 32))):
        with pytest.raises(ValueError, match="into a list"):
            export_page(network, tmp_path / "page.html", one)  # type: ignore[arg-type]
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    network: CifarCNN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export_page(network, tmp_path / "page.html")
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ValueError, match="the disk is full"):
        export_page(MLP((8,)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_float16_weights_are_larger(network: CifarCNN, tmp_path: Path) -> None:
    small = export_page(network, tmp_path / "a.html").stat().st_size
    large = export_page(network, tmp_path / "b.html", precision="float16").stat().st_size
    assert large > 1.5 * small
    held = re.search(r'data-file="weights/yours">([^<]+)<', (tmp_path / "b.html").read_text(encoding="utf-8"))
    assert held
    assert base64.b64decode(held[1])[:4] == b"CNNW"
