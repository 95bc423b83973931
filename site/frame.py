"""What the site adds to Sphinx: formulas as MathML, results that stay folded, scripts of live widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.writers.html5 import HTML5Translator

OWN_PAGES = ("index", "install", "reuse")
"""Pages that are no file of the repository: nobody can edit or download them as such."""
THEME = """{
  const root = document.documentElement.dataset;
  if (!localStorage.getItem("mode")) root.mode = "auto";
  if (root.mode === "auto") root.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}"""
"""Without a script a page is light. The theme itself follows the system only when the whole page is there: a dark page
would flash up light, and its buttons would fade."""
WITHOUT_SCRIPT = "<noscript><style>@media screen { .course-note, .course-stored { display: none; } }</style></noscript>"
"""The stored picture then has the place of the widget, so that the page need not show it once more."""

FROM_DISK = """if (location.protocol === "file:") addEventListener("DOMContentLoaded", () => {
  const places = document.querySelectorAll("[data-widget], #live-strip");
  for (const place of places) place.innerHTML = place.querySelector("noscript")?.textContent ?? place.innerHTML;
  places[0].insertAdjacentHTML("afterend", `<p class="course-note">This page was opened from disk, where browsers run no
    widgets. Run <code>python -m http.server</code> in the folder of the start page, and open
    <code>http://localhost:8000</code>.</p>`);
});"""
"""Browsers load no modules from disk; without this, a widget's place would stay empty."""


def add_repository(_app: Sphinx, config: Config) -> None:
    """Buttons that need the project's address: its files, its issues, and a lesson in Colab, which knows GitHub alone.

    The theme has such buttons for GitHub and GitLab; elsewhere, and while there is no address, there are none.
    """
    address = config.repository
    if not address.startswith(("https://github.com/", "https://gitlab.com/")):
        return
    buttons: dict[str, Any] = {
        "repository_url": address,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
    }
    if address.startswith("https://github.com/"):
        buttons["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
    config.html_theme_options |= buttons


def mark_reveals(_app: Sphinx, tree: nodes.document, _page: str) -> None:
    """Give outputs that answer a prediction a class of their own, by which a committed answer opens them."""
    for node in tree.findall(HideCodeCellNode):
        node["classes"].append("reveals")


def inline_math(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line; browsers draw MathML without any script."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block_math(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula in a paragraph of its own, which scrolls where it is wider than the page."""
    formula = convert(node.astext(), display="block")
    translator.body.append(f'<div class="math" tabindex="0" role="group" aria-label="Formula">{formula}</div>\n')
    raise nodes.SkipNode


def add_live_scripts(app: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """Widgets compute on the lessons and on the start page; other pages need not load them."""
    if page != "index" and not page.startswith("notebooks/"):
        return
    context["metatags"] += WITHOUT_SCRIPT
    app.add_js_file(None, body=FROM_DISK)
    static = [Path(folder) / "course" for folder in app.config.html_static_path]
    if any((folder / "course.css").exists() for folder in static):
        app.add_css_file("course/course.css")
    if any((folder / "course.js").exists() for folder in static):
        app.add_js_file("course/course.js", type="module")


def without_source(_app: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """Leave out the buttons that need a file of the repository where there is none."""
    if page in OWN_PAGES:
        context["page_source_suffix"] = ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline_math, None), block_renderers=(block_math, None))
    app.add_config_value("repository", "", "html", str)
    app.connect("config-inited", add_repository, priority=100)  # before the theme reads its options
    app.add_js_file(None, body=THEME, priority=0)
    app.connect("doctree-resolved", mark_reveals)
    app.connect("html-page-context", add_live_scripts)
    app.connect("html-page-context", without_source, priority=100)  # before the theme makes its buttons
    return {"parallel_read_safe": True, "parallel_write_safe": True}
