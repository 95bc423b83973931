"""The doctor finds what is wrong, names the line that fixes it, and survives anything broken."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import nbformat
import pytest
import torch
from commands import run_module
from helpers import ROOT, in_process, write_batches

from cifar_helpers import doctor, models
from cifar_helpers.doctor import finding, lesson_times, machine, packages
from cifar_helpers.doctor.finding import Finding, fits


@pytest.fixture(autouse=True)
def _no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)


def found(what: str) -> Finding:
    return next(f for f in doctor.examine(benchmark=False) if f.what == what)


def test_a_good_set_up_has_nothing_to_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.report(benchmark=False)
    text = " ".join(capsys.readouterr().out.split())
    assert f"torch {importlib.metadata.version('torch')}" in text and "jupyterlab_widgets" in text
    assert "error" not in text.replace("0 errors", "")


# --- packages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "ranges", "right"),
    [
        ("2.10.0", ">=2.6", True), ("2.5.1+cpu", ">=2.6", False), ("2.6", ">=2.6.0", True), ("3.0", ">=2.6,<3", False),
        ("2.6.0rc1", "<=2.6", True), ("3.0.17", "~=3.0.15", True), ("3.1.0", "~=3.0.15", False),
        ("3.0.14", "~=3.0.15", False), ("1.2", "", True), ("2.6.0a0+ecd3bbb", ">=2.6", True),
        ("4.0.0rc1", ">=3", True), ("4.1.post1", "==4.1", True), ("no version", ">=1", False),
    ],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, ranges: str, right: bool) -> None:
    assert fits(version, ranges) is right


def test_a_range_that_cannot_be_read_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="=>2"):
        fits("1.0", "=>2")


def test_an_old_or_missing_package_is_named_with_the_line_that_fixes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["torch<1000,>=999", "no-such-package>=1.2", 'absent>=4; extra == "lab"', 'pytest>=9999; extra == "test"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: asked)
    old, missing = found("torch"), found("no-such-package")
    assert old.status == missing.status == "error"
    assert old.fix.endswith('-m pip install --upgrade "torch<1000,>=999"')
    assert missing.fix.endswith('-m pip install --upgrade "no-such-package>=1.2"')
    assert found("absent").status == "warning"
    assert not doctor.report(benchmark=False)  # also where nothing at all is right
    assert not [f for f in doctor.examine(benchmark=False) if f.what == "pytest"]


def test_a_package_that_two_extras_ask_for_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (good,) = packages.packages()
    assert "torchvision" in good.says and len(names := re.findall(r"([\w-]+) \d", good.says)) == len(set(names))
    asked = ['absent>=4; extra == "course"', 'absent>=4; extra == "lab"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: asked)
    (missing,) = packages.packages()
    assert missing.status == "error"  # the lessons need it, not JupyterLab alone


def test_a_condition_of_the_metadata_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ['winter>=1; sys_platform == "no-such-system"', 'mailman>=2 ; extra == "lab" and python_version > "3"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: asked)
    (finding,) = packages.packages()
    assert (finding.what, finding.status) == ("mailman", "warning")


def test_one_package_whose_version_cannot_be_read_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"torch": "unknown", "numpy": None, "pillow": "0.1"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions.get(name, "1000"))
    says = {f.what: f.says for f in packages.packages() if f.status == "error"}
    assert says["torch"].startswith("unknown; the course needs >=") and says["numpy"] == "not installed"
    assert says["pillow"].startswith("0.1; ")


def test_a_python_built_from_a_working_copy_has_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.platform, "python_version", lambda: "3.14.0+")
    (finding,) = packages.python()
    assert finding.status == "ok" and finding.says.startswith("3.14.0+")


def test_widgets_that_do_not_belong_together_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"ipywidgets": "8.1.9", "jupyterlab_widgets": "1.1.0"}
    monkeypatch.setattr(packages, "installed", lambda name: versions.get(name, "1"))
    (finding,) = packages.widgets()
    assert finding.status == "error" and "1.1.0" in finding.says and "jupyterlab_widgets" in finding.fix


# --- the kernel's environment and the server's ---------------------------------------------------


def environment(folder: Path, widgets: str = "") -> Path:
    """A folder that looks like a virtual environment, with widgets of a version for Lab."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    if widgets:
        file = folder / "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager/package.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"version": widgets}), encoding="utf-8")
    return folder


def test_the_environment_of_the_parent_process_is_the_servers() -> None:
    """The kernel is a child of this Python, as a kernel is a child of its server."""
    assert in_process(as_a_kernel, os.getpid()) == ["runs in the environment of the Jupyter server"]


def as_a_kernel(server: int) -> list[str]:
    os.environ["JPY_PARENT_PID"] = str(server)
    return [finding.says for finding in packages.kernel()]


def test_a_server_script_in_a_virtual_environment_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = environment(tmp_path / "other")
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    words = [sys.executable, f"{other}/bin/jupyter-lab", "--no-browser"]
    monkeypatch.setattr(packages, "_command", lambda _: words)
    assert packages.server_prefix() == other
    monkeypatch.setattr(packages, "_command", lambda _: ["/usr/share/code/code", "--type=utility"])
    assert packages.server_prefix() is None


def test_widgets_missing_where_the_server_runs_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, monkey = environment(tmp_path / "here", "5.0.1"), monkeypatch
    monkey.setattr(sys, "prefix", str(here))
    monkey.setenv("JPY_PARENT_PID", "1")
    for name in ("ENV", "SYSTEM"):  # the places of this Python were read when jupyter_core was imported
        monkey.setattr(f"jupyter_core.paths.{name}_JUPYTER_PATH", [])
    monkey.setenv("JUPYTER_DATA_DIR", str(tmp_path / "user"))
    without, old, good = (environment(tmp_path / name, version) for name, version in SERVERS.items())
    says = {}
    for server in (without, old, good, here):
        monkey.setattr(packages, "server_prefix", lambda server=server: server)
        says[server.name] = found("kernel")
    assert says["without"].status == says["old"].status == "warning"
    assert "missing" in says["without"].says and "another version" in says["old"].says
    assert re.search(r'-m pip install "jupyterlab_widgets.*"', says["without"].fix)
    assert says["good"].status == says["here"].status == "ok"
    environment(tmp_path / "shared", "5.0.2")
    monkey.setenv("JUPYTER_PATH", str(tmp_path / "shared/share/jupyter"))
    monkey.setattr(packages, "server_prefix", lambda: without)
    assert found("kernel").status == "ok"


SERVERS = {"without": "", "old": "3.1.0", "good": "5.0.15"}


# --- the machine -----------------------------------------------------------------------------------


def test_more_threads_than_cores_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n", encoding="ascii")
    monkeypatch.setattr(machine, "_QUOTA", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert machine.usable_cores() == 2
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        finding = found("processor")
        assert finding.status == "warning" and finding.fix == "import torch; torch.set_num_threads(2)"
        torch.set_num_threads(2)
        assert found("processor").status == "ok"
    finally:
        torch.set_num_threads(before)


def test_the_memory_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("2000000000\n", encoding="ascii")
    monkeypatch.setattr(machine, "_QUOTA", tmp_path)
    assert found("memory").status == "warning" and found("memory").says.startswith("2.0 GB")


def test_damaged_data_must_be_fixed_and_no_folder_of_the_machine_is_shown(tmp_path: Path) -> None:
    (write_batches(tmp_path) / "data_batch_2").unlink()
    finding = found("data")
    assert finding.status == "error" and "data_batch_2" in finding.says and finding.fix
    assert str(tmp_path) not in finding.says + finding.fix
    assert not doctor.report(benchmark=False)


def test_data_is_named_with_its_fingerprint(tmp_path: Path) -> None:
    write_batches(tmp_path)
    finding = found("data")
    assert finding.status == "ok" and re.search(r"fingerprint [0-9a-f]{12}", finding.says)


def test_a_download_that_cannot_happen_is_not_promised(monkeypatch: pytest.MonkeyPatch, unprivileged: Path) -> None:
    monkeypatch.setenv("CIFAR10_OFFLINE", "0")
    monkeypatch.setenv("CIFAR10_ROOT", str(unprivileged / "mine" / "data"))
    assert "is downloaded at first use" in next(machine.data()).says
    unprivileged.chmod(0o555)
    assert "cannot be written. Set CIFAR10_ROOT" in next(machine.data()).says
    monkeypatch.setenv("CIFAR10_OFFLINE", "1")
    assert "switched off (CIFAR10_OFFLINE=1)" in next(machine.data()).says


# --- the report --------------------------------------------------------------------------------------


def test_a_check_that_breaks_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(machine.shutil, "disk_usage", broken)
    findings = list(doctor.examine(benchmark=False))
    assert any("no such thing" in f.says for f in findings) and findings[-1].what == "data"


def test_a_line_fits_a_terminal_and_the_fix_is_on_a_line_of_its_own() -> None:
    fix = "python -m pip install " + "x" * 90
    shown = doctor.lines(Finding("error", "packages", "word " * 40, fix))
    assert all(len(line) < 80 for line in shown[:-1]) and len(shown) > 3
    assert shown[-1].strip() == f"-> {fix}" and " error " in shown[0]


def test_folders_of_the_machine_are_hidden() -> None:
    text = f"{ROOT / 'data' / 'x'} and {Path.home() / 'y'}"
    assert finding.without_folders(text) == f"{Path('data') / 'x'} and {Path('~') / 'y'}"
    assert finding.shown(ROOT / ".venv" / "bin" / "python") == ".venv/bin/python"
    assert finding.shown(Path("/elsewhere/bin/python")) == "python"


# --- minutes -----------------------------------------------------------------------------------------


def test_seconds_are_scaled_by_the_speed_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = {"steps_per_second": 20.0, "seconds": {"00_start_here": 10.0, "04_training": 60.0}}
    (tmp_path / "lesson_seconds.json").write_text(json.dumps(recorded), encoding="utf-8")
    monkeypatch.setattr(lesson_times, "resources", lambda: tmp_path)
    monkeypatch.setattr(lesson_times, "speed", lambda: 5.0)
    says = {f.what: f.says for f in lesson_times.minutes()}
    assert says["lesson 00"] == f"{lesson_times.READING['00']} minutes to read, under 1 minute to compute here"
    assert says["lesson 04"] == f"{lesson_times.READING['04']} minutes to read, about 4 minutes to compute here"
    assert says["lesson 06"] == f"{lesson_times.READING['06']} minutes to read"


def test_seconds_of_other_lessons_are_scaled_to_the_new_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storing one lesson on a slower machine must not change the estimates for the others."""
    store = runpy.run_path(str(ROOT / "notebooks" / "store.py"))
    monkeypatch.setitem(store["keep"].__globals__, "HERE", tmp_path / "notebooks")
    (tmp_path / "resources").mkdir()
    store["keep"]("01_dataset_tour", 10.0, 8.0)
    store["keep"]("02_convolutions", 30.0, 4.0)
    kept = json.loads((tmp_path / "resources" / "lesson_seconds.json").read_text(encoding="utf-8"))
    assert kept == {"steps_per_second": 4.0, "seconds": {"01_dataset_tour": 20.0, "02_convolutions": 30.0}}


def test_the_benchmark_leaves_random_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "CifarCNN", partial(models.CifarCNN, width=0.25))
    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    assert doctor.speed(0.1) > 0
    assert torch.equal(torch.rand(1), wanted)


@pytest.mark.parametrize("page", ["README.md", "notebooks/00_start_here.ipynb"])
def test_the_course_maps_tell_the_same_minutes(page: str) -> None:
    path = ROOT / page
    if path.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    else:
        text = path.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[?(\d\d) .*\| (\d+) \|$", text, flags=re.M)
    assert {lesson: int(minutes) for lesson, minutes in rows} == lesson_times.READING


def test_the_command_exits_with_1_if_something_needs_fixing_and_uses_plain_signs_if_others_cannot_be_shown(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "cifar_helpers.doctor"]
    (write_batches(tmp_path) / "test_batch").unlink()
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    bad = subprocess.run(command, capture_output=True, env=environment, timeout=120, check=False, encoding="cp1252")
    assert bad.returncode == 1 and "-> " in bad.stdout and "1 errors" in bad.stdout, bad.stdout + bad.stderr
    assert bad.stdout.startswith("+ ok ")


def test_the_doctor_speaks_where_no_package_is_installed(tmp_path: Path) -> None:
    """`-S` leaves this environment's packages out; only the metadata of the course is there."""
    metadata = next(importlib.metadata.distribution("cifar-course").locate_file("").glob("cifar_course-*.dist-info"))
    shutil.copytree(metadata, tmp_path / metadata.name)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]), "PYTHONUTF8": "1"}
    command = [sys.executable, "-S", "-m", "cifar_helpers.doctor"]
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, encoding="utf-8")
    assert shown.returncode == 1 and "Traceback" not in shown.stderr, shown.stderr
    assert '-m pip install "' in shown.stdout and ' "torch>=' in shown.stdout
    assert "python -m cifar_helpers.doctor" in shown.stderr


WITHOUT_PACKAGING = """
import sys
sys.modules |= {name: None for name in sys.modules if name.partition(".")[0] == "packaging"} | {"packaging": None}
sys.path_importer_cache.clear()
from cifar_helpers import doctor
sys.exit(not doctor.report(benchmark=False))
"""


def test_without_packaging_the_doctor_names_it_and_goes_on(tmp_path: Path) -> None:
    shown = run_module(tmp_path, "", before=WITHOUT_PACKAGING)
    assert shown.code == 1 and "Traceback" not in shown.err, shown.err
    assert re.search(r"error +packaging +not installed", shown.out)
    assert re.search(r'-> .* -m pip install .*"torch>=', shown.out) and "memory" in shown.out
