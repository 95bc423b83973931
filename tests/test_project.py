"""What holds the project together: packages, links, notebooks as they are stored, README, wheel."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from commands import run_module
from helpers import ROOT, start_process

from cifar_helpers import load_run
from cifar_helpers.heads import TAG
from cifar_helpers.runs import SHORT
from cifar_helpers.timing import recorded_benchmark

LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md"), *ROOT.glob("data/*.md"), *ROOT.glob("resources/**/*.md")]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def project() -> dict[str, object]:
    content: dict[str, dict[str, object]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return content["project"]


# --- packages ------------------------------------------------------------------------------------------


def test_environment_and_pyproject_ask_for_the_same_packages() -> None:
    described = project()
    extras: dict[str, list[str]] = described["optional-dependencies"]  # type: ignore[assignment]
    wanted = {*described["dependencies"], *extras["course"], *extras["lab"]} - {"cifar-course[course]"}  # type: ignore[misc]
    wanted = {re.sub(r"^torch>", "pytorch>", package) for package in wanted}
    wanted |= {f"python{described['requires-python']}"}
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = {line.strip()[2:] for line in text.splitlines() if re.match(r"  - [a-z]", line)}
    assert listed - {"conda-forge", "pip", "pip:"} == wanted
    assert "name: cifar-course" in text and "pytorch\n" not in text.split("dependencies")[0]
    assert text.rstrip().endswith("- pip:\n      - -e .")


def test_nothing_is_pinned() -> None:
    described = project()
    wanted = [*described["dependencies"], *described["optional-dependencies"]["course"]]  # type: ignore[index, misc]
    assert not [p for p in wanted if ">=" not in p or "<" in p]


def test_the_oldest_python_is_the_same_everywhere() -> None:
    described, settings = project(), tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = str(described["requires-python"]).removeprefix(">=")
    versions = [c.rpartition(" ")[2] for c in described["classifiers"] if re.search(r":: 3\.\d+$", c)]  # type: ignore[attr-defined]
    assert versions[0] == oldest
    assert settings["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    pythons = {row["versions"]: row["python"] for row in jobs["test"]["strategy"]["matrix"]["include"]}
    assert pythons == {"newest": "3.x", "oldest": oldest}


def test_commits_are_checked_by_the_ruff_that_make_check_uses() -> None:
    (ruff,) = [p for p in project()["optional-dependencies"]["test"] if p.startswith("ruff")]  # type: ignore[index]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert [hook["additional_dependencies"] for hook in hooks] == [[ruff], [ruff]]


def test_all_that_make_asks_for_in_ci_is_there() -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    asked = set(re.findall(r"make ([\w-]+)", re.sub(r"#.*", "", workflow)))
    assert {"check", "test-only", "test-slow"} <= asked <= targets


IMPORT_TIMES = """
import subprocess, sys, time
code = "import time; a = time.perf_counter(); import torch; b = time.perf_counter(); import cifar_helpers; " \\
       "print((time.perf_counter() - b) / (b - a))"
shares = (float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5))
print(next((share for share in shares if share <= 0.1), "more"))
"""


@pytest.mark.alone
def test_the_package_imports_about_as_fast_as_torch() -> None:
    """At most 10 % on top of `import torch`, in one of five fresh processes: others only add to it."""
    shown = subprocess.run([sys.executable, "-c", IMPORT_TIMES], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() != "more"


# --- notebooks as they are stored -------------------------------------------------------------------------


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_a_stored_notebook_is_fit_to_be_read(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [c for c in notebook.cells if c.cell_type == "code" and TAG not in c.metadata.get("tags", [])]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1)), "run it with make run"
    outputs = [o for c in code for o in c.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"], "a warning is stored"
    assert "widgets" not in notebook.metadata
    assert path.stat().st_size <= 1_500_000


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_each_stored_picture_has_alt_text_and_a_sentence_after_it(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    for k, cell in enumerate(cells):
        pictures = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        for output in pictures:
            alt = output.metadata.get("image/png", {}).get("alt", "")
            assert len(alt.split()) >= 5, f"cell {k} shows a picture without alt text"
        if pictures:
            assert k + 1 < len(cells) and cells[k + 1].cell_type == "markdown", f"nothing follows cell {k}"


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_cells_are_short_and_outputs_come_after_two_hundred_words_at_most(path: Path) -> None:
    cells, lines, words = nbformat.read(path, as_version=4).cells, [], 0
    for k, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            shown = re.sub(r"```.*?```|<details>.*?</details>", "", cell.source, flags=re.S)
            words += len(re.findall(r"[A-Za-z0-9][\w'’.-]*", shown))
            assert words <= 200, f"{words} words without an output up to cell {k}"
        else:
            words = 0 if cell.outputs else words
            lines.append(sum(1 for line in cell.source.splitlines() if line.strip() and line.strip()[0] != "#"))
    assert max(lines) <= 15 and sorted(lines)[len(lines) // 2] <= 6


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_a_stored_notebook_shows_the_real_data(path: Path) -> None:
    if "load_cifar10()" in path.read_text(encoding="utf-8"):
        assert "training images exact" in path.read_text(encoding="utf-8"), "run it with make run"


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_a_lesson_keeps_to_its_form(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    assert cells[0].source.startswith(f"# {path.name[:2]} · ")
    assert "minutes" in cells[0].source and "you will be able to" in cells[0].source
    for heading in ("## What we saw", "## Where to go next"):
        assert heading in text, f"no section {heading}"
    assert "Predict" in text
    assert sum(bool(re.search(r"^checks\.\w+\(my_", c.source, re.M)) for c in cells) >= 1, "no exercise with a checker"


def code_lines(source: str) -> int:
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in source.splitlines())


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_code_cells_are_short(path: Path) -> None:
    lengths = sorted(code_lines(c.source) for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    assert lengths[-1] <= 15 and lengths[len(lengths) // 2] <= 6


# --- links ----------------------------------------------------------------------------------------------------


def links(path: Path) -> list[str]:
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    else:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
    return [a or b for a, b in LINK.findall(text)]


@pytest.mark.parametrize("path", [*LESSONS, *PAGES], ids=lambda p: p.name)
def test_every_link_inside_the_project_leads_somewhere(path: Path) -> None:
    for link in links(path):
        target, _, anchor = link.partition("#")
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place = (path.parent / target).resolve() if target else path
        assert place.exists(), f"{path.name} links to {link}, which is not there"
        if anchor and place.suffix == ".md":
            text = place.read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.+)$", re.sub(r"<[^>]+>", "", text), flags=re.M)
            names = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            names |= set(re.findall(r'<a id="([^"]+)">', text))
            assert anchor in names, f"{path.name} links to {link}: no such heading"


def test_the_readme_links_to_every_lesson() -> None:
    assert {f"notebooks/{p.name}" for p in LESSONS} <= set(links(ROOT / "README.md"))


# --- nothing that does not belong --------------------------------------------------------------------------------


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_data_is_committed() -> None:
    names = [p.relative_to(ROOT).as_posix() for p in tracked()]
    assert [n for n in names if n.startswith("data/")] in ([], ["data/README.md"])
    assert sum(p.stat().st_size for p in tracked() if "resources" in p.parts) <= 20_000_000


def test_no_file_names_a_folder_of_the_machine_it_was_made_on() -> None:
    places = [f"{Path.home()}/", f"{ROOT.parent}/"]
    for path in tracked():
        content = path.read_bytes()
        assert not any(place.encode() in content for place in places if len(place) > 5), path


# --- README ---------------------------------------------------------------------------------------------------------


def run_in_project(code: str, data: Path) -> None:
    os.chdir(ROOT)
    os.environ.update(CIFAR10_ROOT=str(data), CIFAR10_OFFLINE="1")
    exec(code, {"__name__": "__main__"})


def test_the_readme_snippet_runs(sketch_root: Path, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", readme, flags=re.S)
    assert len(snippets) == 1 and len(snippets[0].strip().splitlines()) <= 10
    process = start_process(tmp_path / "said", run_in_project, snippets[0], sketch_root)
    process.join(300)
    assert process.exitcode == 0, (tmp_path / "said").read_text(encoding="utf-8")


# --- wheel ------------------------------------------------------------------------------------------------------------

AS_IF_INSTALLED = """
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "cifar_helpers"]:
    del sys.modules[name]
sys.path.insert(0, {place!r})
"""

USE_THE_WHEEL = """
from pathlib import Path
import torch
import cifar_helpers
from cifar_helpers import CifarCNN, checks, fit, load_cifar10, predict
from cifar_helpers.data import sketches
from cifar_helpers.evaluation import human_confusion
assert human_confusion().shape == (10, 10)
assert len(checks.EXERCISES) > 30 and len(checks.QUIZZES) >= 8  # their texts are Markdown
data = load_cifar10(source="sketches")
torch.manual_seed(0)
model = CifarCNN(width=0.25)
history = fit(model, data.train.subset(slice(0, 100)), epochs=1, progress=False)
print(len(history), predict(sketches.draw(0, seed=1, size=256)).label, predict(data.test_images[0], model).label)
for name, module in sys.modules.items():
    if name.partition(".")[0] == "cifar_helpers":
        assert Path(module.__file__).is_relative_to(sys.path[0]), module.__file__
"""


def test_a_built_wheel_works_away_from_the_checkout(tmp_path: Path, sketch_root: Path, installed_wheel: Path) -> None:
    """The heavy packages come from this environment; only the wheel itself is installed from scratch."""
    place = sysconfig.get_path("purelib", vars={"base": str(installed_wheel), "platbase": str(installed_wheel)})
    code = AS_IF_INSTALLED.format(place=place) + f"import os; os.chdir({str(tmp_path)!r})" + USE_THE_WHEEL
    said = run_module(tmp_path / "said", "", environment={"CIFAR10_ROOT": str(sketch_root)}, before=code)
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1].startswith("1 ")


# --- figures in prose -------------------------------------------------------------------------------------------


# Shares in prose that no run of ours gave: what they are, or who published them.
FACTS = {
    "10%": "guessing among ten classes",
    "50%": "one answer where half of the images are of one class",
    "20%": "the part that is held back for validation",
    "80%": "a made-up accuracy, of checkpoints that are equally good",
    "99%": "a made-up probability",
    "100%": "the whole",
    "95%": "the interval's own level",
    "94%": "Karpathy, 2011",
    "95.2%": "Peterson and others, 2019",
    "99.2%": "Peterson and others, 2019",
    "3.89%": "Barz and Denzler, 2020",
    "4.25%": "Barz and Denzler, 2020",
}


# Shares in the prose of a lesson that come from records or counts: `tests/notebooks/test_claims_NN.py` computes each.
CLAIMED = {
    "00": ("48%", "82%", "93%"),
    "04": ("26.6%", "75%", "95.5%", "0.5%", "62.4%", "16%", "1%", "36%", "91%"),
    "05": ("53%", "7%", "31%", "1%", "9%", "8%"),
    "06": (
        *("54%", "52%", "40%", "53%", "70%", "93.9%", "88.3%", "81%", "90%", "4%"),
        *("1.3%", "3.7%", "92%", "32%", "3%", "98.7%", "38%", "98%", "86%"),
        *("88.0%", "2.3%", "63.4%", "82%", "95.5%", "62%", "77%", "78%", "99.1%", "89.5%", "90.6%", "89.4%"),
    ),
    "07": (
        *("11.7%", "75%", "65%", "2.0%", "92%", "73%", "86%", "7%", "81%"),
        *("23%", "4.0%", "0.4%", "4.3%", "3.2%", "3.3%", "79%"),
    ),
    "08": ("5%", "2%", "89%", "82%", "93.8%"),
    "09": ("31%", "1%", "62.5%", "64%", "70%", "88%", "99.9%"),
}


@pytest.mark.parametrize("path", [*LESSONS, ROOT / "README.md"], ids=lambda p: p.stem)
def test_every_share_in_prose_is_a_sourced_fact_or_recorded(path: Path) -> None:
    """Lessons render the figures of runs in cells; the README's table is compared with the records below."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    else:
        text = re.sub(r"^\|.*\|$", "", path.read_text(encoding="utf-8"), flags=re.M)
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    known = {*FACTS, *CLAIMED.get(path.stem[:2], ())}
    assert [s for s in re.findall(r"\d[\d.,]*\s*%", text) if s.replace(" ", "") not in known] == []


def test_the_results_in_the_readme_are_the_recorded_ones() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)`(, six views)? \| (\d+) \| ([\d.]+)% \| ([\d.]+)% \|$", readme, flags=re.M)
    shown = [(name, bool(views)) for name, views, *_ in rows]
    assert shown == [
        ("published-25", False), ("published-100", False), ("good-25", False),
        ("fast-5", False), ("fast-16", False), ("fast-16", True),
    ]  # fmt: skip
    for name, views, epochs, validation, test in rows:
        run, suffix = load_run(name), ", 6 views" if views else ""
        assert int(epochs) == len(run.history)
        assert float(validation) == pytest.approx(100 * run.metrics[f"validation{suffix}"]["accuracy"], abs=0.051)
        assert float(test) == pytest.approx(100 * run.metrics[f"exact test{suffix}"]["accuracy"], abs=0.051)
    tests = [float(test) / 100 for *_, test in rows]
    reach = [100 * 1.96 * math.sqrt(share * (1 - share) / 1000) for share in (tests[0], tests[-1])]
    assert f"about ± {reach[0]:.1f} points in the first line and ± {reach[1]:.1f} in the last" in readme
    minutes = [round(sum(load_run(name).history["seconds"]) / 60) for name in ("fast-5", "fast-16")]
    assert f"{minutes[0]} and {minutes[1]} minutes of training" in readme


def test_the_seconds_in_the_readme_are_the_recorded_ones() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    stated = [(float(s), float(t)) for s, t in re.findall(r"^\|[^|]+\| ([\d.]+) \| ([\d.]+) \|$", readme, flags=re.M)]
    rows = recorded_benchmark("a")
    assert stated == [(round(row["median"], 1), round(row["times the course's"], 1)) for row in rows]
    short = next(row for row in recorded_benchmark("c") if row["validation accuracy"] == "80%")
    assert f"after {SHORT.epochs} epochs and {short['mean seconds']:.0f} seconds" in readme
    assert f"the course's earlier recipe took 5 epochs and {short['former']:.0f} seconds" in readme
    assert short["reached by"] == "5 of 5 seeds" and short["of the former"] <= 0.6
    on_gpu = json.loads((ROOT / "resources" / "short.json").read_text(encoding="utf-8"))
    assert "H100" in on_gpu["device"]
    assert f"On an NVIDIA H100 the three epochs take {on_gpu['rows'][0]['seconds']:.1f} seconds" in readme
