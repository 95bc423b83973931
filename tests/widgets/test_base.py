"""What every widget inherits: validated traits, a record for stored notebooks, replies to the browser, Colab."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import traitlets

from cifar_helpers.widgets import CourseWidget, _cell
from cifar_helpers.widgets._arrays import Numbers, Pixels


class Trial(CourseWidget, module="questions"):
    kernel = Numbers([[0.0, 1.0]], shapes=((1, 2), (2, 2)), limit=10)
    image = Pixels((2, 2))

    def words(self) -> str:
        return "A <trial>."

    def loadable(self) -> dict[str, Any]:
        return {"weights/1": lambda: b"abc", "bad": lambda: 1 / 0}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([1, 2, 3], r"kernel has shape \(3,\), but must have shape \(1, 2\) or \(2, 2\)"),
        ([[1, float("nan")]], "kernel contains NaN or infinity"),
        ([[1, 11]], "kernel contains 11, but the largest value allowed is 10"),
        ("text", "kernel must be numbers, got str"),
    ],
)
def test_a_wrong_array_is_refused_where_it_comes_in(value: Any, says: str) -> None:
    trial = Trial()
    with pytest.raises(traitlets.TraitError, match=says):
        trial.kernel = value
    assert trial.kernel.tolist() == [[0, 1]]


def test_an_array_is_copied_and_cannot_be_changed_unseen() -> None:
    trial, given = Trial(), np.array([[1.0, 2.0]])
    trial.kernel = given
    given[0, 0] = 9
    assert trial.kernel[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        trial.kernel[0, 0] = 9
    with pytest.raises(traitlets.TraitError, match=r"image must be a uint8 array of shape \(2, 2\), got float64"):
        trial.image = np.zeros((2, 2))


def test_a_stored_notebook_keeps_words_and_a_record_without_pictures() -> None:
    bundle, _ = Trial()._repr_mimebundle_()
    assert bundle["text/plain"] == "A <trial>." == repr(Trial())
    record = re.search(r'data-state="([^"]*)"', bundle["text/html"])
    assert record is not None
    assert json.loads(html.unescape(record[1])) == {"kernel": [[0, 1]]}
    assert "<p>A &lt;trial&gt;.</p>" in bundle["text/html"]


def test_what_the_browser_asks_for_is_sent_and_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    trial, sent = Trial(), []
    monkeypatch.setattr(trial, "send", lambda content, buffers=None: sent.append((content, buffers)))
    for message in ({"type": "load", "name": "weights/1"}, {"type": "load", "name": "bad"}, {"type": "other"}, "text"):
        trial._answer(trial, message, [])
    (good, bytes_), (bad, _) = sent
    assert good == {"type": "loaded", "name": "weights/1"} and bytes_ == [b"abc"]
    assert bad["error"].startswith("ZeroDivisionError")


def test_colab_is_asked_to_show_widgets() -> None:
    code = """
import sys, types
calls = []
colab, output = types.ModuleType("google.colab"), types.ModuleType("google.colab.output")
output.enable_custom_widget_manager = lambda: calls.append(1)
output._widgets = types.SimpleNamespace(_installed_url="https://example.org/manager.js")
colab.output = output
sys.modules.update({"google": types.ModuleType("google"), "google.colab": colab, "google.colab.output": output})
from cifar_helpers import checks
widget = checks.guess("remedies")
bundle, metadata = widget._repr_mimebundle_()
print(len(calls), sorted(bundle), metadata)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 ['application/vnd.jupyter.widget-view+json', 'text/html', 'text/plain']")
    assert "manager.js" in done.stdout


def test_a_cell_that_runs_again_closes_what_it_showed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = "first"
    monkeypatch.setattr(_cell, "_current", lambda: ("cell", run))
    first, beside = Trial(), Trial()
    assert first.comm is not None and beside.comm is not None  # two in one run of a cell live side by side
    run = "second"
    again = Trial()
    assert first.comm is None and beside.comm is None and again.comm is not None
    assert first.layout.comm is None
