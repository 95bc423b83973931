"""The base installation trains and predicts without the packages of the notebooks, and names what is missing."""

from __future__ import annotations

import subprocess
import sys
import tomllib

from helpers import ROOT

WITHOUT = "import sys; sys.modules |= dict.fromkeys(sys.argv[1:])"  # as if they were not installed

REUSE = """
import torch
from cifar_helpers import BatchLoader, CifarCNN, ImageSet, evaluate, fit, load_run, predict
from cifar_helpers._paths import resources
some = ImageSet(torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8), torch.arange(40) % 10)
model = CifarCNN(width=0.125)
print(len(fit(model, some, some, epochs=1, progress=False)))
print(int(evaluate(model, BatchLoader(some, 20)).confusion.sum()))
print(predict(resources() / "inputs" / "horse.png").label, load_run("good-25").history.rows[-1].epoch)
"""

MISSING = """
import torch
from cifar_helpers import CifarCNN
from cifar_helpers.evaluation.attribution import attribute
def use(what):
    try:
        what()
    except ModuleNotFoundError as error:
        print(error)
def figures(): from cifar_helpers import figures
def widgets(): import cifar_helpers.widgets
def checks(): from cifar_helpers.checks import quiz
for what in (figures, widgets, checks):
    use(what)
use(lambda: attribute(CifarCNN(), torch.zeros(3, 32, 32, dtype=torch.uint8), 0, "saliency"))
"""


def said_without_the_course(code: str) -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = settings["project"]["optional-dependencies"]["course"]
    modules = [package.partition(">")[0].replace("-py", "").replace("-", "_") for package in wanted]
    line = [sys.executable, "-c", WITHOUT + code, *modules, "traitlets", "pandas", "IPython"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_training_and_inference_need_nothing_of_the_notebooks() -> None:
    assert said_without_the_course(REUSE) == ["1", "40", "horse 25"]


def test_a_part_that_is_not_installed_names_the_extra() -> None:
    said = said_without_the_course(MISSING)
    assert len(said) == 4
    for line in said:
        assert 'is not installed. Run pip install "cifar-course[course]"' in line
    assert said[-1].startswith("captum")
