"""Widgets in Colab, whose page handles what is displayed, and not the results of cells."""

from __future__ import annotations

import json
from pathlib import Path

from commands import run_module

COLAB = """
import sys, types
output = types.ModuleType("google.colab.output")
output.enabled = 0
def enable_custom_widget_manager():
    output.enabled += 1
output.enable_custom_widget_manager = enable_custom_widget_manager
output._widgets = types.SimpleNamespace(_installed_url="https://example.org/manager.js")
for name in ("google", "google.colab"):
    sys.modules[name] = types.ModuleType(name)
sys.modules[output.__name__] = output
"""

SHOW = """
import json, sys
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from cifar_helpers import checks, widgets
shell = InteractiveShell.instance()
shell.display_pub = CapturingDisplayPublisher(shell=shell)
hook = CapturingDisplayHook(shell=shell)
said = []
for shown in (checks.guess("paper_sum"), checks.convolve(...)):
    shell.display_pub.outputs.clear()
    hook.outputs.clear()
    hook(shown)
    displayed = [(sorted(o["data"]), o["metadata"]) for o in shell.display_pub.outputs]
    said.append([displayed, [sorted(o["data"]) for o in hook.outputs if o["data"]]])
print(json.dumps(said))
"""

VIEW = "application/vnd.jupyter.widget-view+json"


def shown(code: str, said: Path) -> list[list[list[object]]]:
    """For a widget and for a verdict: what is displayed, and what is the result."""
    done = run_module(said, "", before=code)
    assert done.code == 0, done.err
    found: list[list[list[object]]] = json.loads(done.out.splitlines()[-1])
    return found


def test_in_colab_a_widget_is_displayed_with_the_address_of_its_manager(tmp_path: Path) -> None:
    address = {VIEW: {"colab": {"custom_widget_manager": {"url": "https://example.org/manager.js"}}}}
    for displayed, results in shown(COLAB + SHOW, tmp_path):
        assert displayed == [[[VIEW, "text/html", "text/plain"], address]]
        assert results == []


def test_elsewhere_a_widget_is_the_result_of_its_cell(tmp_path: Path) -> None:
    for displayed, results in shown(SHOW, tmp_path):
        assert displayed == [] and results == [[VIEW, "text/html", "text/plain"]]
