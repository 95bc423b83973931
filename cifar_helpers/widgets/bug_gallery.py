"""The gallery of bugs: compare a training run with healthy ones, name its bug, and the symptom that reveals it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import traitlets

from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.evidence import SYMPTOMS, as_text, outside, records
from cifar_helpers.bug_gallery.inject import BUGS, CASES, symptoms
from cifar_helpers.widgets._base import CourseWidget, one_of

__all__ = ["BugGallery", "bug_gallery"]

_KEYS = [symptom.key for symptom in SYMPTOMS]


class BugGallery(CourseWidget, module="bug_gallery"):
    """Nine training runs, each with one bug.

    Attributes:
        case: number of the case shown, 1 to 9.
        suspicion: name of the suspected bug, or empty.
        symptom: key of the symptom chosen as evidence for it, or empty.
        tried: for each case, the bugs that were suspected wrongly.
        solved: numbers of the cases whose bug was found.
        told: numbers of the cases whose answer the reader asked for.
    """

    case = cast(int, traitlets.Int(1).tag(sync=True))
    suspicion = cast(str, traitlets.Unicode("").tag(sync=True))
    symptom = cast(str, traitlets.Unicode("").tag(sync=True))
    tried = cast("list[list[str]]", traitlets.List(default_value=[[] for _ in CASES]).tag(sync=True))
    solved = cast("list[int]", traitlets.List(trait=traitlets.Int()).tag(sync=True))
    told = cast("list[int]", traitlets.List(trait=traitlets.Int()).tag(sync=True))

    @traitlets.validate("case")
    def _number(self, proposal: dict[str, Any]) -> Any:
        return one_of(proposal, range(1, len(CASES) + 1))

    @traitlets.validate("suspicion")
    def _bug(self, proposal: dict[str, Any]) -> Any:
        return one_of(proposal, ["", *BUGS])

    @traitlets.validate("symptom")
    def _key(self, proposal: dict[str, Any]) -> Any:
        return one_of(proposal, ["", *_KEYS])

    @traitlets.validate("solved", "told")
    def _numbers(self, proposal: dict[str, Any]) -> list[int]:
        return [one_of({**proposal, "value": number}, range(1, len(CASES) + 1)) for number in proposal["value"]]

    @traitlets.validate("tried")
    def _bugs(self, proposal: dict[str, Any]) -> list[list[str]]:
        if len(proposal["value"]) != len(CASES):
            count = len(proposal["value"])
            raise traitlets.TraitError(f"tried has {count} lists; give one for each of the {len(CASES)} cases")
        return [[one_of({**proposal, "value": name}, BUGS) for name in names] for names in proposal["value"]]

    @traitlets.observe("solved")
    def _count(self, change: dict[str, Any]) -> None:
        diagnosis.NAMED.update(change["new"])

    def words(self) -> str:
        """The case and its symptoms that are outside the healthy range; never its bug."""
        seen = symptoms()[CASES[self.case - 1]]
        strange = [f"{symptom.name.lower()} {symptom.write(symptom.value(seen))}" for symptom in SYMPTOMS
                   if outside(symptom, seen)]  # fmt: skip
        return (
            f"Case {self.case} of {len(CASES)}: a training run with a bug, beside ten healthy runs. "
            f"Outside the healthy range: {'; '.join(strange)}."
        )

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """All symptoms and replies; on request only, so that a stored notebook does not contain the answers."""
        return {"cases": lambda: json.dumps(records(), allow_nan=False).encode()}

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle, metadata = super()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": as_text()}, metadata


def bug_gallery() -> BugGallery:
    """Nine recorded training runs with one bug each: compare their symptoms with healthy runs, and name the bug.

    Nothing is trained; `cifar_helpers.bug_gallery` describes how the runs were recorded.

    Returns:
        A widget.
    """
    return BugGallery(solved=sorted(diagnosis.NAMED))
