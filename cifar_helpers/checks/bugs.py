"""The gallery of bugs as text: `checks.bug(3, "d")` takes the number of a case and the letter of a suspicion."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.inject import BUGS, CASES
from cifar_helpers.checks.answers import Reply
from cifar_helpers.checks.parsing import quoted, spelled, whole_number, words_of

__all__ = ["bug"]


@dataclass(frozen=True, repr=False)
class _Named(Reply):
    """The reply for a bug that was named or revealed, with its code."""

    case: int

    def __str__(self) -> str:
        wrong, right = diagnosis.code_of(self.case)
        return f"{super().__str__()}\nThe code that ran:\n{wrong}\nThe correct code:\n{right}"

    def _repr_html_(self) -> str:
        return diagnosis.explained(self.case, super().__str__())


def bug(case: Any, suspicion: Any) -> Reply:
    """Name the bug in a case of the gallery; the reply says which symptom speaks for or against it.

    Args:
        case: its number, 1 to 9.
        suspicion: the letter or the name of a bug, or "tell me" to give up. Anything else gets the list of bugs.
    """
    number = whole_number(case)
    if number is None or not 1 <= number <= len(CASES):
        return Reply("open", f"there is no case {quoted(case)}. Give a number from 1 to {len(CASES)}")
    said = spelled(words_of(suspicion)).casefold()
    if said == "tell me":
        return _Named("open", f"It is {diagnosis.tell(number)}", number)
    letters = dict(zip(ascii_lowercase, BUGS, strict=False))
    name = letters.get(said.strip(" .,:;()")) or next((name for name in BUGS if name.casefold() == said), None)
    if name is None:
        known = ", ".join(f"{letter}) {bug}" for letter, bug in letters.items())
        return Reply("open", f"{quoted(suspicion)} is not one of the bugs. Give a letter: {known}, or 'tell me'")
    heard = diagnosis.judge(number, name)
    return _Named("right", heard.says, number) if heard.right else Reply("wrong", heard.says)
