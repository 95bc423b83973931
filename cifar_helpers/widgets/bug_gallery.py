"""The gallery of bugs: compare a training run with healthy ones, and name its bug and the symptom that shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import traitlets

from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.evidence import SYMPTOMS, as_text, outside, records
from cifar_helpers.bug_gallery.inject import BUGS, CASES, symptoms
from cifar_helpers.widgets._base import CourseWidget

__all__ = ["BugGallery", "bug_gallery"]

ChoiceT = TypeVar("ChoiceT")
_KEYS = [symptom.key for symptom in SYMPTOMS]


class BugGallery(CourseWidget, module="bug_gallery"):
    """Nine training runs, each with one bug.

    Attributes:
        case: the one that is shown, 1 to 9.
        suspicion: name of the bug that is suspected in it, or empty.
        symptom: key of the symptom that is to support the suspicion, or empty.
        tried: for each case, the bugs that were suspected wrongly.
        solved: numbers of the cases whose bug was named.
        told: numbers of the cases whose bug the reader asked for.
    """

    case = cast(int, traitlets.Int(1).tag(sync=True))
    suspicion = cast(str, traitlets.Unicode("").tag(sync=True))
    symptom = cast(str, traitlets.Unicode("").tag(sync=True))
    tried = cast("list[list[str]]", traitlets.List(default_value=[[] for _ in CASES]).tag(sync=True))
    solved = cast("list[int]", traitlets.List(trait=traitlets.Int()).tag(sync=True))
    told = cast("list[int]", traitlets.List(trait=traitlets.Int()).tag(sync=True))

    @traitlets.validate("case")
    def _number(self, proposal: dict[str, int]) -> int:
        return _one_of("case", proposal["value"], range(1, len(CASES) + 1))

    @traitlets.validate("suspicion")
    def _bug(self, proposal: dict[str, str]) -> str:
        return _one_of("suspicion", proposal["value"], ["", *BUGS])

    @traitlets.validate("symptom")
    def _key(self, proposal: dict[str, str]) -> str:
        return _one_of("symptom", proposal["value"], ["", *_KEYS])

    @traitlets.validate("solved", "told")
    def _numbers(self, proposal: dict[str, Any]) -> list[int]:
        return [_one_of(proposal["trait"].name, number, range(1, len(CASES) + 1)) for number in proposal["value"]]

    @traitlets.validate("tried")
    def _bugs(self, proposal: dict[str, Any]) -> list[list[str]]:
        if len(proposal["value"]) != len(CASES):
            raise traitlets.TraitError(f"tried needs a list for each of the {len(CASES)} cases")
        return [[_one_of("tried", name, list(BUGS)) for name in names] for names in proposal["value"]]

    @traitlets.observe("solved")
    def _count(self, change: dict[str, Any]) -> None:
        diagnosis.NAMED.update(change["new"])

    def words(self) -> str:
        """The case, and which of its symptoms lie outside what healthy runs show; never its bug."""
        seen = symptoms()[CASES[self.case - 1]]
        strange = [f"{symptom.name.lower()} {symptom.write(symptom.value(seen))}" for symptom in SYMPTOMS
                   if outside(symptom, seen)]  # fmt: skip
        return (
            f"Case {self.case} of {len(CASES)}: a training run with a bug, beside ten healthy runs. "
            f"Outside the healthy range: {'; '.join(strange)}."
        )

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """All symptoms and replies; on request only, so that a stored notebook does not tell the answers."""
        return {"cases": lambda: json.dumps(records(), allow_nan=False).encode()}

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle, metadata = super()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": as_text()}, metadata


def _one_of(name: str, value: ChoiceT, known: Sequence[ChoiceT]) -> ChoiceT:
    if value not in known:
        raise traitlets.TraitError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, known))}")
    return value


def bug_gallery() -> BugGallery:
    """Nine recorded training runs with one bug each: compare their symptoms with healthy runs, and name the bug.

    Nothing is trained; `cifar_helpers.bug_gallery` says how the records were made.

    Returns:
        A widget.
    """
    return BugGallery(solved=sorted(diagnosis.NAMED))
