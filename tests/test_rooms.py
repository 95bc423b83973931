"""The rooms of the package: each imports only from those before it, and none goes round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from helpers import ROOT

PACKAGE = "cifar_helpers"
ROOMS = [
    "_paths", "_extras", "_palette", "_numbers", "devices", "data", "models", "pretrained", "kernels", "networks",
    "evaluation", "training", "timing", "roofline", "runs", "inference", "shipping", "web", "bug_gallery", "figures",
    "widgets", "checks", "doctor", "heads", "lessons",
]  # fmt: skip
"""Each room imports only from those before it."""
FRONT = {"__init__", "__main__"}
"""The package's own doors may open every room; no room imports from them."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name; a room's `__init__` has the room's name."""
    files = (ROOT / PACKAGE).rglob("*.py")
    return {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


MODULES = modules()


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imported_by(tree: ast.AST, module: str) -> Iterator[tuple[str, str]]:
    """Pairs of a module of the package and the name taken from it, empty where the module itself is taken.

    Imports inside functions count too, and so do relative ones.
    """
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            if source.split(".")[0] == PACKAGE:
                for alias in node.names:
                    whole = f"{source}.{alias.name}"
                    yield (whole, "") if whole in MODULES else (source, alias.name)


TREES = {module: ast.parse(file.read_text(encoding="utf-8")) for module, file in MODULES.items()}
IMPORTS = {module: sorted(set(imported_by(tree, module))) for module, tree in TREES.items()}


def wrong_way(module: str, imports: list[tuple[str, str]]) -> list[str]:
    """The modules of later rooms, and of the front, that a module imports."""
    here = room(module)
    if here in FRONT:
        return []
    others = {source for source, _ in imports if room(source) != here}
    return sorted(s for s in others if room(s) in FRONT or ROOMS.index(room(s)) > ROOMS.index(here))


def private_names(imports: list[tuple[str, str]]) -> list[str]:
    return [f"{source}.{name}" for source, name in imports if name.startswith("_")]


def test_the_list_names_every_room_once() -> None:
    assert len(set(ROOMS)) == len(ROOMS)
    assert {room(module) for module in MODULES} - FRONT == set(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(name: str) -> None:
    found = {module: wrong_way(module, IMPORTS[module]) for module in MODULES if room(module) == name}
    assert not {module: wrong for module, wrong in found.items() if wrong}


def when_running(tree: ast.Module) -> ast.Module:
    """The code without what only a type checker reads: two modules may name each other's types."""
    body = [n for n in tree.body if not (isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")]
    return ast.Module(body, [])


def test_no_module_imports_itself_by_way_of_others() -> None:
    taken = {module: imported_by(when_running(tree), module) for module, tree in TREES.items()}
    graph = {module: {source for source, _ in pairs} - {module} for module, pairs in taken.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_private_name_of_another_module_is_imported() -> None:
    found = {module: private_names(taken) for module, taken in IMPORTS.items()}
    assert not {module: names for module, names in found.items() if names}


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("from cifar_helpers.checks import guess", ["cifar_helpers.checks"]),
        ("def f():\n    import cifar_helpers.doctor.report", ["cifar_helpers.doctor.report"]),
        ("from .. import widgets", ["cifar_helpers.widgets"]),
        ("from cifar_helpers import fit", ["cifar_helpers"]),
        ("from ..data import CLASSES\nfrom cifar_helpers.training.history import History\nimport torch", []),
    ],
)
def test_an_import_of_a_later_room_is_seen_however_it_is_written(code: str, wrong: list[str]) -> None:
    module = "cifar_helpers.training.loop"
    assert wrong_way(module, list(imported_by(ast.parse(code), module))) == wrong


def test_a_private_name_is_seen() -> None:
    taken = list(imported_by(ast.parse("from .history import _read, History"), "cifar_helpers.training.loop"))
    assert private_names(taken) == ["cifar_helpers.training.history._read"]
