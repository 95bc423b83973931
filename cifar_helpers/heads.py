"""What depends on the project's address: the head of each notebook, the README's links, the citation.

The head of a notebook is a link that opens it in Colab, and a cell that installs the course where it is missing. Where
the project has no address, there is neither: a package of this name in a public index need not be this course.
`python -m cifar_helpers.heads` writes them into the files of a checkout, or removes them.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final

from cifar_helpers._paths import atomic_write, checkout

__all__ = ["TAG", "HeadError", "repository", "with_head", "write_heads"]

TAG: Final = "install"
"""The tag of the cell that installs the course where it is missing."""

_CELL_ID: Final = "install"
_ADDRESS: Final = re.compile(r"https://[\w.-]+(?:/[\w.~-]+)+")
_GITHUB: Final = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")
_COLAB: Final = "https://colab.research.google.com/github"
_README_MARK: Final = "<!-- addresses: make heads -->\n"
_README_LINKS: Final = re.compile(rf"({_README_MARK})(?:\n\[Read it on the web\]\(.+\n)?")
_CITATION: Final = re.compile(r"^(license: .+\n)(?:repository-code: .+\n)?", re.M)
_LINK: Final = re.compile(rf"\[Open in Colab\]\({re.escape(_COLAB)}/\S+\)\n")


class HeadError(Exception):
    """The project's address cannot be used; the message says why, and what to do."""


def repository() -> str | None:
    """The project's address, such as `https://github.com/owner/name`, or `None` while there is none.

    It is `Repository` in `[project.urls]` of `pyproject.toml`, and in the metadata of a package installed from a wheel.

    Raises:
        HeadError: if it is no https address of a repository.
    """
    address = _setting()
    if address is None:
        return None
    address = address.rstrip("/").removesuffix(".git")
    if not _ADDRESS.fullmatch(address):
        raise HeadError(
            f"Repository in [project.urls] of pyproject.toml is {address!r}, which is no address of a repository: "
            "write one like https://github.com/owner/name, or remove it"
        )
    return address


def _setting() -> str | None:
    project = checkout()
    if project is not None:
        content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
        found = content["project"].get("urls", {}).get("Repository")
        return None if found is None else str(found)
    try:
        urls = metadata("cifar-course").get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Repository")


def _github_name(address: str | None) -> str | None:
    """`owner/name` of a repository on GitHub, the only ones that Colab opens; `None` for others."""
    found = _GITHUB.fullmatch(address or "")
    return None if found is None else found[1]


def with_head(text: str, name: str, address: str | None) -> str:
    """A notebook with the head that belongs to an address, in place of the one that it has.

    Args:
        text: of the notebook file.
        name: of the file, such as `02_convolutions_and_kernels.ipynb`.
        address: from `repository`; with `None` the notebook has no head.
    """
    notebook: dict[str, Any] = json.loads(text)
    cells = [cell for cell in notebook["cells"] if cell.get("id") != _CELL_ID]
    bare = _without_link(cells[0]["source"])
    if address is None and len(cells) == len(notebook["cells"]) and bare == cells[0]["source"]:
        return text
    if address is not None:
        if github := _github_name(address):
            bare[1:1] = ["\n", f"[Open in Colab]({_COLAB}/{github}/blob/main/notebooks/{name})\n"]
        cells.insert(1, _install_cell(address))
    cells[0]["source"], notebook["cells"] = bare, cells
    return json.dumps(notebook, indent=1, ensure_ascii=False) + ("\n" if text.endswith("\n") else "")


def _without_link(source: list[str]) -> list[str]:
    """The lines of a title cell without the link, and without the empty line before it."""
    places = [k for k, line in enumerate(source) if _LINK.fullmatch(line)]
    return [line for k, line in enumerate(source) if not {k, k + 1} & set(places)]


def _install_cell(address: str) -> dict[str, Any]:
    """Installs the course, unless it is there; then it does nothing."""
    lines = [
        "try:",
        "    import cifar_helpers  # noqa: F401",
        "except ImportError:",
        f'    %pip install -q "cifar-course[course] @ git+{address}"',
    ]
    return {
        "cell_type": "code", "execution_count": None, "id": _CELL_ID, "metadata": {"tags": [TAG]}, "outputs": [],
        "source": [f"{line}\n" for line in lines[:-1]] + lines[-1:],
    }  # fmt: skip


def _with_links(readme: str, address: str | None) -> str:
    """The README with links to the site, to Binder and to Colab, or without them."""
    links, github = "", _github_name(address)
    if github is not None:
        owner, name = github.split("/")
        first = "00_start_here.ipynb"
        links = (
            f"\n[Read it on the web](https://{owner.lower()}.github.io/{name}/) · "
            f"[Open in Binder](https://mybinder.org/v2/gh/{github}/main?urlpath=lab/tree/notebooks/{first}) · "
            f"[Open in Colab]({_COLAB}/{github}/blob/main/notebooks/{first})\n"
        )
    return _README_LINKS.sub(lambda found: found[1] + links, readme)


def _with_code_address(citation: str, address: str | None) -> str:
    line = "" if address is None else f"repository-code: {address}\n"
    return _CITATION.sub(lambda found: found[1] + line, citation)


def _changed(project: Path, address: str | None) -> Iterator[tuple[Path, str]]:
    """The files that do not fit the address, with what they should contain."""
    wanted = {path: with_head(_read(path), path.name, address) for path in project.glob("notebooks/[0-9]*.ipynb")}
    readme, citation = project / "README.md", project / "CITATION.cff"
    wanted[readme] = _with_links(_read(readme), address)
    wanted[citation] = _with_code_address(_read(citation), address)
    yield from ((path, text) for path, text in sorted(wanted.items()) if text != _read(path))


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def write_heads(project: Path, address: str | None) -> list[Path]:
    """Write what an address calls for into notebooks, README and citation of a checkout; give the changed files."""
    written = []
    for path, text in list(_changed(project, address)):
        with atomic_write(path) as part:
            part.write_bytes(text.encode("utf-8"))
        written.append(path)
    return written


def main() -> int:
    """Write or remove all heads; return 1 where that cannot be done, after saying why."""
    project = checkout()
    if project is None:
        print("There are no files to change: run this in the project folder of a clone.", file=sys.stderr)
        return 1
    try:
        address = repository()
    except HeadError as error:
        print(f"{error}.", file=sys.stderr)
        return 1
    files = write_heads(project, address)
    print(f"{address or 'No address is set'}: {len(files)} files changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
