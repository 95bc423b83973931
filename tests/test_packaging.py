"""The other ways to install the course: containers, Binder, tested versions; and what its licence and citation say."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from datetime import date
from typing import Any

import pytest
import yaml
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_constraints_are_dated_and_lie_in_the_ranges() -> None:
    head, *_ = text("constraints.txt").splitlines()
    assert date.fromisoformat(re.findall(r"on (\d{4}-\d\d-\d\d) \(", head)[0]) <= date.today()
    lines = [line for line in text("constraints.txt").splitlines() if not line.startswith("#")]
    versions = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    wanted = [*PROJECT["dependencies"], *EXTRAS["course"], *EXTRAS["lab"], *EXTRAS["test"]]
    for requirement in map(Requirement, wanted):
        if requirement.name != PROJECT["name"]:
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_binder_gets_the_same_packages_and_one_version_of_python() -> None:
    usual, binder = (yaml.safe_load(text(name)) for name in ("environment.yml", ".binder/environment.yml"))
    python, *packages = binder["dependencies"]
    assert re.fullmatch(r"python=3\.\d+", python), "given a range, Binder takes Python 3.10"
    assert packages == [package for package in usual["dependencies"] if isinstance(package, str)][1:]
    subprocess.run(["bash", "-n", str(ROOT / ".binder/postBuild")], check=True)


@pytest.mark.parametrize(
    "name", ["Dockerfile", ".devcontainer/devcontainer.json", ".github/actions/environment/action.yml"]
)
def test_each_way_installs_extras_that_exist_with_the_build_for_cpus(name: str) -> None:
    (asked,) = re.findall(r"""uv pip install .*["']\.\[([\w,]+)\]""", text(name))
    assert "lab" in asked.split(",") and set(asked.split(",")) <= set(EXTRAS)
    assert re.search(r'UV_TORCH_BACKEND"?[=:] ?"?cpu', text(name))


def test_the_container_runs_the_oldest_python_that_is_tested_and_no_learner_as_root() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"FROM python:{oldest}-slim" in text("Dockerfile")
    assert json.loads(text(".devcontainer/devcontainer.json"))["image"].endswith(f":{oldest}")
    assert text("Dockerfile").index("USER learner") < text("Dockerfile").index("cifar-course lessons")


def test_the_licence_names_that_of_each_file_with_its_own() -> None:
    files = list((ROOT / "resources").rglob("*.license"))
    assert files
    for path in files:
        (licence,) = re.findall(r"SPDX-License-Identifier: (.+)", path.read_text(encoding="utf-8"))
        assert licence in PROJECT["license"].split(" AND ")
        assert path.with_suffix("").exists() and path.relative_to(ROOT).as_posix() in PROJECT["license-files"]


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == PROJECT["version"] and citation["authors"]
    assert {"cff-version", "message", "title"} <= citation.keys()
    # Where the project has no address, none is invented.
    assert citation.get("repository-code") == PROJECT.get("urls", {}).get("Repository")
