"""`tools/install.py`: which build of PyTorch it chooses, and the commands that it runs."""

from __future__ import annotations

import http.server
import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT

SPEC = importlib.util.spec_from_file_location("install", ROOT / "tools" / "install.py")
assert SPEC is not None and SPEC.loader is not None
install = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(install)


class _Index(http.server.BaseHTTPRequestHandler):
    """Has torch and torchvision, and in the folder `half` torch alone."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path in ("/torch/", "/torchvision/", "/half/torch/") else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def linux_without_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("CPU", raising=False)


def nvidia_smi(folder: Path, says: str, code: int = 0) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n", encoding="utf-8")
    program.chmod(0o755)


def test_without_a_gpu_the_build_for_cpus_is_chosen(index: str) -> None:
    assert install.choice(index) == (
        True,
        "PyTorch: the build for CPUs, gigabytes smaller (nvidia-smi lists no GPU; CPU=0 takes the other).",
    )


@pytest.mark.skipif(os.name != "posix", reason="plays nvidia-smi with a shell script")
@pytest.mark.parametrize(
    ("says", "code", "cpu"),
    [("GPU 0: NVIDIA H100", 0, False), ("No devices were found", 6, True), ("GPU driver is missing", 9, True)],
)
def test_nvidia_smi_decides(says: str, code: int, cpu: bool, index: str, tmp_path: Path) -> None:
    nvidia_smi(tmp_path, says, code)
    assert install.choice(index)[0] is cpu


@pytest.mark.skipif(os.name != "posix", reason="plays nvidia-smi with a shell script")
@pytest.mark.parametrize(("wanted", "gpu", "cpu"), [("0", False, False), ("1", True, True)])
def test_the_variable_cpu_overrules_nvidia_smi(
    wanted: str, gpu: bool, cpu: bool, index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if gpu:
        nvidia_smi(tmp_path, "GPU 0: NVIDIA H100")
    monkeypatch.setenv("CPU", wanted)
    chosen, says = install.choice(index)
    assert chosen is cpu and f"CPU={wanted}" in says


def test_another_value_of_cpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPU", "yes")
    with pytest.raises(SystemExit, match=r"CPU must be 1 .* or 0 .*, got 'yes'"):
        install.choice()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_take_what_the_index_has(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert install.choice("http://127.0.0.1:1")[0] is False


def test_an_index_out_of_reach_is_named_and_passed_over(index: str) -> None:
    for wrong, reason in (
        (f"{index}/nothing", "Not Found"),
        (f"{index}/half", "Not Found"),
        ("http://127.0.0.1:1", "refused"),
    ):
        cpu, says = install.choice(wrong)
        assert not cpu and wrong in says and reason in says


def test_an_index_that_never_answers_costs_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        cpu, says = install.choice(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert not cpu and "timed out" in says and time.monotonic() - start < 5


def test_the_commands_name_the_index_only_where_it_is_wanted() -> None:
    course = ["--quiet", "--editable", f"{ROOT}[lab]"]
    pip = [sys.executable, "-m", "pip", "install"]
    upgrade = [*pip, "--quiet", "--upgrade", "pip"]
    assert install.commands("lab", False, None) == [upgrade, [*pip, *course]]
    assert install.commands("lab", True, None) == [upgrade, [*pip, "--extra-index-url", install.CPU_INDEX, *course]]
    uv = ["/bin/uv", "pip", "install", "--python", sys.executable]
    assert install.commands("lab", False, "/bin/uv") == [[*uv, *course]]
    assert install.commands("lab", True, "/bin/uv") == [[*uv, "--torch-backend", "cpu", *course]]


def test_settings_of_pip_are_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert not install.pip_is_configured()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert install.pip_is_configured()
    monkeypatch.delenv("PIP_INDEX_URL")
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nextra-index-url = http://127.0.0.1:1/simple\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    assert install.pip_is_configured()


@pytest.mark.parametrize("configured", [False, True])
def test_uv_installs_where_it_is_unless_pip_is_configured(
    configured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 3, "", "")

    monkeypatch.setattr(install, "choice", lambda: (True, "Chosen."))
    monkeypatch.setattr(install, "pip_is_configured", lambda: configured)
    monkeypatch.setattr(install.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(install.subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["install.py"])
    with pytest.raises(SystemExit) as ended:
        install.main()
    assert ended.value.code == 3 and len(ran) == 1  # what fails ends it, with its status
    assert ran[0][0] == (sys.executable if configured else "/bin/uv")
    assert capsys.readouterr().out == f"Chosen. Installing with {'pip' if configured else 'uv'}.\n"
