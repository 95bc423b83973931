"""The benchmarks of loading and predicting: what they compare is the same, and memory does not grow with a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from commands import run_module
from helpers import write_batches

from benchmarks import loading, photos
from benchmarks.common import Row, apart


@pytest.mark.parametrize(
    "engines", [("torchvision", "predict_folder"), pytest.param(photos.ENGINES, marks=pytest.mark.slow)],
    ids=["two", "all"],
)  # fmt: skip
def test_predict_folder_gives_the_answers_of_the_torchvision_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engines: tuple[str, ...]
) -> None:
    def beside(module: str, *arguments: str) -> Row:
        """Without the seconds of their imports, and here, but for what forks; `apart` itself is tested below."""
        if "workers" in arguments[0]:
            ended = run_module(tmp_path, module, *arguments)
            assert ended.code == 0, ended.err
            said = ended.out
        else:
            monkeypatch.setattr(sys, "argv", [module, *arguments])
            photos.main()
            said = capsys.readouterr().out
        row: Row = json.loads(said.splitlines()[-1])
        return row

    monkeypatch.setattr(photos, "apart", beside)
    monkeypatch.setattr(photos, "ENGINES", engines)
    rows = {str(row["engine"]): row for row in photos.measure(20, rounds=1, most=600)}
    assert list(rows) == list(engines)
    for row in rows.values():
        assert row["photos"] == 20 and row["other classes than ours"] == 0
        assert isinstance(row["largest difference"], float) and row["largest difference"] <= 0.01


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    for folder, count in ((few, 64), (many, 640)):
        folder.mkdir()
        photos.write_photos(folder, 16, most=600)
        for k in range(16, count):  # the same pictures again
            first = sorted(folder.glob(f"{k % 16:05d}.*"))[0]
            (folder / f"{k:05d}{first.suffix}").hardlink_to(first)
    small, large = (apart("benchmarks.photos", "predict_folder", str(folder))["peak MB"] for folder in (few, many))
    assert large - small < 40  # 576 pictures of half a megabyte each would be 300


def test_both_loads_are_timed_in_the_order_that_makes_the_first_one_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_batches(tmp_path)
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    first, later = loading.measure(repeats=1)
    assert first["load"].startswith("first, with") and later["load"].startswith("later, without")
    assert first["repeats"] == 1 and 0 <= later["median"] < 60
    assert not (tmp_path / ".cache").exists()  # the reader's own cache is left alone
    json.dumps([first, later])
