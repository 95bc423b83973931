"""The base of all widgets: a front-end module, traits, data on request, and a record for pages without a kernel."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import anywidget
import traitlets

from cifar_helpers.web.join import widget_module
from cifar_helpers.web.page import Placed, as_json, page
from cifar_helpers.widgets._cell import in_this_cell

__all__ = ["CourseWidget", "display_in_colab", "one_of"]

_BASE_TRAITS = frozenset(anywidget.AnyWidget.class_trait_names())


class CourseWidget(anywidget.AnyWidget):
    """A widget of the course.

    A subclass names its front-end module (`class KernelBench(CourseWidget, module="kernel_bench")`), declares its
    state as synced traits, and overrides `words` and, if the browser loads more than the traits, `loadable`.
    """

    module: ClassVar[str]

    def __init_subclass__(cls, module: str = "", **options: Any) -> None:
        if module:
            cls.module, cls._esm = module, widget_module(module)
        super().__init_subclass__(**options)

    def __init__(self, **state: Any) -> None:
        super().__init__(**state)
        self.on_msg(self._answer)
        in_this_cell(self)

    def words(self) -> str:
        """What the widget shows, in one or two sentences, for readers without it and as alt text of its picture."""
        raise NotImplementedError

    def html(self) -> str:
        """What a stored notebook shows instead of the widget; by default the words."""
        return f"<p>{html.escape(self.words())}</p>"

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """Data that the browser may load, by name: weights and other data too large for traits."""
        return {}

    def read(self, name: str) -> bytes:
        """The data that a notebook's browser gets when it requests `name`.

        Override this to offer more than a stored page should contain, which is what `loadable` returns.
        """
        return self.loadable()[name]()

    def state(self) -> dict[str, Any]:
        """The state of the widget as the browser gets it, with pictures as bytes."""
        full = self.get_state()
        return {name: full[name] for name in self.trait_names(sync=True) if self._is_own(name)}

    def record(self) -> dict[str, Any]:
        """The part of the state that a stored notebook keeps, so that a page can revive it: all but pictures."""
        return {name: value for name, value in self.state().items() if not isinstance(value, bytes)}

    def as_page(self, title: str) -> str:
        """One HTML file with this widget in its present state; it needs neither Python nor a network connection."""
        files = {name: read() for name, read in self.loadable().items()}
        return page([Placed(self.module, self.state(), self.words())], files, title=title, heading=False)

    def _is_own(self, name: str) -> bool:
        return name not in _BASE_TRAITS and not name.startswith("_")

    def _answer(self, _: Any, message: Any, __: Any) -> None:
        """Send what the browser requests; an error is sent too, because the browser waits for a reply."""
        if not isinstance(message, dict) or message.get("type") != "load":
            return
        name = message.get("name")
        try:
            content = self.read(str(name))
        except Exception as error:
            self.send({"type": "loaded", "name": name, "error": f"{type(error).__name__}: {error}"})
            return
        self.send({"type": "loaded", "name": name}, buffers=[content])

    def __repr__(self) -> str:
        return self.words()

    def _ipython_display_(self) -> None:
        display_in_colab(lambda: self)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and what a stored notebook keeps of it: a sentence, and a record without pictures."""
        bundle, metadata = _pair(super()._repr_mimebundle_(**options))
        record = html.escape(as_json(self.record()))
        bundle["text/plain"] = self.words()
        bundle["text/html"] = f'<div data-widget="{self.module}" data-state="{record}">{self.html()}</div>'
        return bundle, metadata


def display_in_colab(make: Callable[[], CourseWidget]) -> None:
    """In Colab, display a widget; a page there finds the program of a widget in what is displayed, not in results.

    Raises:
        NotImplementedError: elsewhere; IPython then shows the result as usual.
    """
    if "google.colab.output" not in sys.modules:
        raise NotImplementedError
    from IPython.display import display  # only there in a notebook

    bundle, metadata = make()._repr_mimebundle_()
    display(bundle, metadata=metadata, raw=True)


def _pair(bundle: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A bundle with its metadata; some versions of anywidget return both, others only the bundle."""
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return dict(data or {}), dict(metadata or {})


def one_of(proposal: Any, allowed: Iterable[Any]) -> Any:
    """The proposed value of a trait.

    Raises:
        traitlets.TraitError: if it is not one of the allowed values; the message lists them.
    """
    name, value, known = proposal["trait"].name, proposal["value"], list(allowed)
    if value not in known:
        raise traitlets.TraitError(f"{name} is {value!r}; set one of {', '.join(map(repr, known))}")
    return value
