"""What the site makes of notebooks and texts before Sphinx reads them."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
import yaml
from icons import only_used_icons
from PIL import Image
from source import ROOT, canonical_anchors, copy_texts, section, without_dead_links, write_lesson

PAGES = {"notebooks/02_lesson.ipynb", "resources/glossary.md"}
ALT = "Nine pixels times a kernel &amp; their sum."


def png() -> str:
    content = io.BytesIO()
    Image.new("RGB", (20, 10)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def shown(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("display_data", {"text/html": text, "text/plain": "words", "image/png": png()})


def written(tmp_path: Path, *cells: nbformat.NotebookNode, replacement: Any = None) -> nbformat.NotebookNode:
    """The copy of a lesson with these cells."""
    path = tmp_path / "02_lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    before = path.read_bytes()
    write_lesson(path, tmp_path / "source", tmp_path / "pictures", {"feature-maps": "feature-map"}, PAGES, replacement)
    assert path.read_bytes() == before
    return nbformat.read(tmp_path / "source" / "notebooks" / "02_lesson.ipynb", as_version=4)


def code(*outputs: nbformat.NotebookNode, tags: tuple[str, ...] = ()) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell("1 + 1", outputs=list(outputs), metadata={"tags": list(tags)})


def html_of(notebook: nbformat.NotebookNode) -> str:
    return str(notebook.cells[0].outputs[0].data["text/html"])


def test_a_picture_becomes_a_file_with_its_alt_text_and_its_size(tmp_path: Path) -> None:
    image = f'<img alt="{ALT}" width="40" style="height:auto" src="data:image/png;base64,{png()}">'
    text = html_of(written(tmp_path, code(shown(image))))
    assert f'alt="{ALT}" width="40" height="20"' in text and "base64" not in text
    (file,) = (tmp_path / "pictures").iterdir()
    assert f'src="../_static/pictures/{file.name}"' in text and Image.open(file).size == (20, 10)


def test_a_picture_without_html_has_the_alt_text_of_its_metadata(tmp_path: Path) -> None:
    output = nbformat.v4.new_output("display_data", {"image/png": png()}, metadata={"image/png": {"alt": "A & B"}})
    assert 'alt="A &amp; B"' in html_of(written(tmp_path, code(output)))


@pytest.mark.parametrize("output", [{"image/png": png()}, {"text/html": f'<img src="data:image/png;base64,{png()}">'}])
def test_a_picture_without_alt_text_is_an_error_that_says_where(tmp_path: Path, output: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"02_lesson\.ipynb, cell 0: a picture has no alt text"):
        written(tmp_path, code(nbformat.v4.new_output("display_data", output)))


def test_only_what_answers_a_prediction_is_folded(tmp_path: Path) -> None:
    cells = written(tmp_path, code(tags=("reveals",)), code(tags=("nbval-check-output",))).cells
    assert ["hide-output" in cell.metadata.tags for cell in cells] == [True, False]


def test_a_widget_is_replaced_and_what_the_cell_prints_stays(tmp_path: Path) -> None:
    record = f'<div data-widget="bench" data-state="{{}}"><img alt="{ALT}" src="data:image/png;base64,{png()}"></div>'
    printed = nbformat.v4.new_output("stream", name="stdout", text="printed")

    def live(cell: dict[str, Any], lesson: str) -> str:
        assert cell["source"] == "1 + 1"
        return f"<p>live in {lesson}</p>"

    outputs = written(tmp_path, code(printed, shown(record)), replacement=live).cells[0].outputs
    assert outputs[0].text == "printed" and outputs[1].data == {"text/html": "<p>live in 02</p>"}
    kept = html_of(written(tmp_path, code(shown(record)), replacement=lambda *_: None))
    assert ALT in kept and "data-widget" not in kept and "data-state" not in kept


def test_links_to_the_glossary_lead_to_its_headings(tmp_path: Path) -> None:
    glossary = '### <a id="feature-maps"></a>feature map\n\n### <a id="f1"></a>F1\n\n### input/output'
    assert canonical_anchors(glossary) == {"feature-maps": "feature-map", "f1": "f1"}
    text = "[maps](../resources/glossary.md#feature-maps), [kernel](../resources/glossary.md#kernel)"
    copy = written(tmp_path, nbformat.v4.new_markdown_cell(text)).cells[0].source
    assert re.findall(r"#([\w-]+)", copy) == ["feature-map", "kernel"]


def test_no_anchor_is_written_twice_into_the_glossary(tmp_path: Path) -> None:
    copy_texts(ROOT, tmp_path, {}, PAGES)
    copy = (tmp_path / "resources" / "glossary.md").read_text(encoding="utf-8")
    assert "<a id" not in copy and "\n### feature map\n" in copy


def test_links_to_files_that_are_no_pages_become_words() -> None:
    text = "[a](../resources/glossary.md#b) [c](../LICENSE) [d](03_next.ipynb) [e](https://x.org/LICENSE) [f](#g)"
    kept = "[a](../resources/glossary.md#b) c d [e](https://x.org/LICENSE) [f](#g)"
    assert without_dead_links(text, "notebooks/02_lesson.ipynb", PAGES) == kept


def test_a_section_of_the_readme_is_a_page_of_its_own() -> None:
    text = "# Course\n\n## Start\n\nRun it.\n\n### Windows\n\nToo.\n\n## Next\n\nNo.\n"
    assert section(text, "Start", "Install", "README.md") == "# Install\n\nRun it.\n\n## Windows\n\nToo.\n"
    with pytest.raises(ValueError, match=r'README\.md has no section "## Begin"'):
        section(text, "Begin", "Begin", "README.md")


def a_site(folder: Path, icon: str) -> Path:
    scripts = folder / "_static" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "fontawesome.js").write_text(
        '{sun:[5,5,[],"f1","Moutline"],moon:[4,4,[],"f2","M1"],sun:[6,6,[9,"sunny"],"f1","M0 1"]}'
    )
    (scripts / "fontawesome.js.map").touch()
    style = folder / "_static" / "styles" / "pydata-sphinx-theme.css"
    style.parent.mkdir()
    style.write_text("a{b:c}@font-face{font-family:Icons;src:url(../vendor/fontawesome/solid.woff2)}d{e:f}")
    (folder / "_static" / "vendor" / "fontawesome").mkdir(parents=True)
    text = (
        f'<script defer src="../_static/scripts/fontawesome.js?v=1"></script><i class="fa-solid fa-{icon} fa-lg"></i>'
    )
    (folder / "page.html").write_text(text)
    return folder


def test_pages_draw_their_icons_without_the_script_of_all_icons(tmp_path: Path) -> None:
    only_used_icons(a_site(tmp_path, "sun"))
    assert (tmp_path / "page.html").read_text().startswith('<link rel="stylesheet" href="../_static/icons.css"><i ')
    rules = unquote((tmp_path / "_static" / "icons.css").read_text())
    assert (
        '.fa-sun { --icon: url(\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 6 6">' in rules
    )
    assert 'd="M0 1"' in rules and "outline" not in rules and ".fa-moon" not in rules
    assert not list((tmp_path / "_static" / "scripts").iterdir())
    assert not list((tmp_path / "_static" / "vendor").iterdir())
    assert (tmp_path / "_static" / "styles" / "pydata-sphinx-theme.css").read_text() == "a{b:c}d{e:f}"


def test_an_icon_is_found_by_the_name_that_it_had_before(tmp_path: Path) -> None:
    only_used_icons(a_site(tmp_path, "sunny"))
    assert ".fa-sunny { --icon: url('data:" in (tmp_path / "_static" / "icons.css").read_text()


def test_an_icon_that_the_theme_lacks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no icon cloud, which a page shows"):
        only_used_icons(a_site(tmp_path, "cloud"))


def test_pages_are_published_only_after_they_are_tested() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8"))["jobs"]
    runs = [step.get("run", "") for step in jobs["build"]["steps"]]
    assert runs.index("make site-test") < runs.index("make site") and jobs["publish"]["needs"] == "build"
