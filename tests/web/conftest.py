"""The front end in Chromium, for the tests of this folder."""

from front_fixture import _browser, front

__all__ = ["_browser", "front"]
