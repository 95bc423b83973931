"""The process in which a learner's code runs: `python -P -m cifar_helpers.checks.answer_process ATTEMPTS FOLDER`.

It writes what each answer returns to `FOLDER/NAME.pt`, and judges nothing: its files hold plain numbers, which the
process that grades compares. So code that changes this process can only change what its own answer returns.
"""

from __future__ import annotations

import json
import linecache
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cifar_helpers.checks.engine import Verdict, draws, error_in_words, not_a_function, results
from cifar_helpers.checks.progress import session


def main() -> None:
    """Run each attempt in its own names; the attempts are JSON, a list of pairs of a name and a list of sources."""
    attempts, folder = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    for name, cells in attempts:
        (folder / f"{name}.begun").touch()
        part = folder / f"{name}.part"
        torch.save(_outcome(name, cells), part)
        part.replace(folder / f"{name}.pt")


def _outcome(name: str, cells: list[str]) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exercise, failed = session.known[name], ""
    for number, source in enumerate(cells):
        file = f"<cell {number} for {name}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)  # for inspect.getsource
        try:
            exec(compile(source, file, "exec"), names)
        except BaseException as error:  # as in a notebook, later cells may run although an earlier one has failed
            failed = failed or error_in_words(error)
    if "_answer" not in names:
        return {"state": "wrong", "says": f"the cells that it needs do not run: {failed}"}
    answer = names["_answer"]
    got = not_a_function(exercise, answer) or results(exercise, answer, draws(exercise))
    if isinstance(got, Verdict):
        return {"state": got.state, "says": got.says}
    return {"state": "returned", "results": _packed(got)}


def _packed(value: Any) -> Any:
    """A plain result in types that `torch.load` reads without making other objects: arrays become tensors, marked."""
    if isinstance(value, np.ndarray):
        return {"array": torch.tensor(value.tolist() if value.dtype.kind == "f" and value.itemsize > 8 else value)}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_packed, value))
    return value


if __name__ == "__main__":
    main()
