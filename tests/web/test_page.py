"""A page without a kernel contains everything it needs, makes no requests, and survives any text."""

from __future__ import annotations

import pytest
from chrome import FrontEnd, state_of

from cifar_helpers.web.page import Placed, as_json, page

pytestmark = pytest.mark.browser

ASKED = {
    "kind": "prediction",
    "questions": [{"name": "q", "ask": "</script><b>&\u2028 five?", "options": ["a", "b"], "unit": ""}],
    "replies": [None],
}


def test_no_text_ends_the_script_and_bytes_arrive(front: FrontEnd) -> None:
    placed = Placed("questions", {**ASKED, "raw": b"\x00\xff<"}, "A <question>")
    text = page([placed], {"answers": b"[]"}, title="A & B")
    opened = front.open(text)
    assert opened.title() == "A & B"
    assert opened.locator("legend").inner_text() == "</script><b>&\u2028 five?"
    assert opened.evaluate("[...document.querySelector('[data-widget]').model.get('raw')]") == [0, 255, 60]
    assert state_of(opened, "replies") == [None]


def test_a_page_may_ask_nothing_of_any_network(front: FrontEnd) -> None:
    opened = front.open(page([Placed("questions", ASKED, "words")], {}, title="x"))
    refused = opened.evaluate(
        """Promise.all(["http://127.0.0.1:9/x", "data:text/plain,x"].map(
            address => fetch(address).then(() => "went", () => "refused")))"""
    )
    assert refused == ["refused", "refused"]
    assert any("Content Security Policy" in error for error in front.errors)
    front.errors.clear()


def test_what_cannot_be_written_is_an_error() -> None:
    assert as_json({"a": b"<"}) == '{"a": {"$bytes": "PA=="}}'
    with pytest.raises(TypeError, match="object cannot be written as JSON"):
        as_json(object())
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(float("nan"))
