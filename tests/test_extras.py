"""The base installation trains and predicts without the packages of the notebooks, and names what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from helpers import ROOT

BEFORE = """
import json, sys
import cifar_helpers
said = {"imported": [name for name in [*sys.argv[1:], "cifar_helpers.checks"] if name in sys.modules]}
sys.modules |= dict.fromkeys(sys.argv[1:])  # as if they were not installed
"""

MISSING = """
import torch
from cifar_helpers import CifarCNN
from cifar_helpers.evaluation.attribution import attribute
said["missing"] = []
def use(what):
    try:
        what()
    except ModuleNotFoundError as error:
        said["missing"].append(str(error))
def figures(): from cifar_helpers import figures
def widgets(): import cifar_helpers.widgets
def checks(): from cifar_helpers.checks import quiz
for what in (figures, widgets, checks):
    use(what)
use(lambda: attribute(CifarCNN(), torch.zeros(3, 32, 32, dtype=torch.uint8), 0, "saliency"))
"""

REUSE = """
from cifar_helpers import BatchLoader, ImageSet, evaluate, fit, load_run, predict
from cifar_helpers._paths import resources
some = ImageSet(torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8), torch.arange(40) % 10)
model = CifarCNN(width=0.125)
said["used"] = [
    len(fit(model, some, some, epochs=1, progress=False)),
    int(evaluate(model, BatchLoader(some, 20)).confusion.sum()),
    predict(resources() / "inputs" / "horse.png").label,
    load_run("good-25").history.rows[-1].epoch,
]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said() -> dict[str, list[Any]]:
    """What a new process imports with the package, and what it does without the packages of the notebooks."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = settings["project"]["optional-dependencies"]["course"]
    modules = [package.partition(">")[0].replace("-py", "").replace("-", "_") for package in wanted]
    modules += ["matplotlib", "ipywidgets", "pandas", "captum", "torchvision", "IPython", "markdown_it", "traitlets"]
    line = [sys.executable, "-c", BEFORE + MISSING + REUSE, *modules]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_package_imports_nothing_heavy_but_torch(said: dict[str, list[Any]]) -> None:
    """Matplotlib and ipywidgets take a second together; a training script needs neither them nor the checks' texts."""
    assert said["imported"] == []


def test_training_and_inference_need_nothing_of_the_notebooks(said: dict[str, list[Any]]) -> None:
    assert said["used"] == [1, 40, "horse", 25]


def test_a_part_that_is_not_installed_names_the_extra(said: dict[str, list[Any]]) -> None:
    assert len(said["missing"]) == 4
    for line in said["missing"]:
        assert 'is not installed. Run pip install "cifar-course[course]"' in line
    assert said["missing"][-1].startswith("captum")
