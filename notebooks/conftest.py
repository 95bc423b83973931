"""For `pytest --nbval-lax notebooks`: of figures and widgets the words are compared."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: Any) -> None:
    # The HTML of a stored one has a picture in it, which differs with fonts, versions and, for a widget, Chromium.
    item.parent.skip_compare = (*item.parent.skip_compare, "text/html")
