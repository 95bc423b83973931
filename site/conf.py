"""Sphinx configuration; site/build.py writes what it reads, and runs it with the places of both."""

import sys
from pathlib import Path

from cifar_helpers.heads import repository as address_of_repository

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for frame.py

repository = address_of_repository() or ""  # frame.py makes buttons from it

project = "Convolutional networks, hands on"
html_title = project
language = "en"

extensions = ["myst_nb", "sphinx_copybutton", "frame"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the output"
nb_code_prompt_hide = "Hide the output"
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
html_math_renderer = "mathml"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "sphinx_book_theme"
html_logo = str(HERE / "theme" / "mark.svg")
html_favicon = html_logo
html_css_files = ["frame.css"]
html_js_files = [("frame.js", {"type": "module"})]
html_copy_source = True
html_last_updated_fmt = None
templates_path = ["templates"]
html_context = {"default_mode": "light"}  # without a script; frame.py follows the system
html_sidebars = {"**": ["site-head.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
html_theme_options = {
    "logo": {"text": project, "alt_text": ""},
    "navbar_persistent": [],
    "home_page_in_toc": False,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "toc_title": "On this page",
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": "<p>Nothing here is loaded from elsewhere, and what you do here stays in your browser.</p>",
    "secondary_sidebar_items": {"**": ["page-toc.html"], "index": []},
}
