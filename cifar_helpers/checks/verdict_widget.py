"""The card below an exercise: the verdict, the reason, and hints in steps."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final, cast

import traitlets
from torch import Tensor

from cifar_helpers.checks.answers import code_html
from cifar_helpers.checks.progress import session
from cifar_helpers.widgets import CourseWidget

if TYPE_CHECKING:
    from cifar_helpers.checks.engine import Check, Verdict

__all__ = ["VerdictCard", "coded", "sentence"]

_CALL: Final = re.compile(r"[A-Za-z_][\w.]*\([\w.']*\)|\bnan\b")
_SHAPE: Final = re.compile(r"[(\[](?:-?\d{1,4}, ?){1,3}-?\d{0,4}[)\]]")
_PROSE: Final = {"all", "divide", "indices", "mean", "negative", "softmax", "values", "where"}
"""Names of methods of tensors with which sentences begin, too."""
_COLOURS: Final = {"right": "#1a7a4c", "wrong": "#b3261e", "open": "#868c99"}


class VerdictCard(CourseWidget, module="verdict"):
    """The verdict on an answer, with a button for the next hint."""

    exercise = cast(str, traitlets.Unicode("").tag(sync=True))
    verdict = cast(str, traitlets.Enum(tuple(_COLOURS), "open").tag(sync=True))
    says = cast(str, traitlets.Unicode("").tag(sync=True))
    code = cast(list[str], traitlets.List().tag(sync=True))
    picture = cast(str, traitlets.Unicode("").tag(sync=True))
    note = cast(str, traitlets.Unicode("").tag(sync=True))
    given = cast(str, traitlets.Unicode("").tag(sync=True))
    hints = cast(list[str], traitlets.List().tag(sync=True))
    hints_left = cast(int, traitlets.Int(0).tag(sync=True))
    progress = cast(str, traitlets.Unicode("").tag(sync=True))

    def __init__(self, verdict: Verdict) -> None:
        self._verdict, check = verdict, verdict.exercise
        given = [] if check is None else list(check.hints[: session.hints_given.get(check.name, 0)])
        super().__init__(
            exercise="" if check is None else check.name,
            verdict=verdict.state,
            says=_unbroken(coded(sentence(verdict.lead or verdict.says))),
            code=list(map(_unbroken, verdict.code)),
            picture=verdict.picture,
            note=_unbroken(coded(sentence(verdict.note))),
            given=verdict.given,
            hints=[sentence(hint) for hint in given],
            hints_left=0 if check is None else len(check.hints) - len(given),
            progress="" if check is None else _progress(check, verdict.state),
        )
        self.on_msg(self._take)

    def words(self) -> str:
        """The verdict and its reason."""
        return str(self._verdict)

    def html(self) -> str:
        """The verdict for a reader without a kernel, with its picture."""
        style = f"border-left:4px solid {_COLOURS[self.verdict]};padding:2px 12px;max-width:720px;line-height:1.45"
        said, _, hint = self.words().partition("\n")
        if self.picture and self._verdict.lead:  # the picture has the numbers
            said = said.replace(self._verdict.says, f"{self._verdict.lead} {self._verdict.note}".rstrip())
        below = f"<br><small>{code_html(coded(hint))}</small>" if hint else ""
        given = f'<pre style="white-space:pre-wrap">{html.escape(self.given)}</pre>' if self.given else ""
        return f'<p role="status" style="{style}">{code_html(said)}{below}</p>{self.picture}{given}'

    def record(self) -> dict[str, Any]:
        """Nothing, because a verdict belongs to the answer that was in the cell."""
        return {}

    def _take(self, _: Any, message: Any, __: Any) -> None:
        check = self._verdict.exercise
        if check is None or not isinstance(message, dict) or message.get("type") != "hint" or not self.hints_left:
            return
        # checks.hint may have given more hints in the meantime; the card shows all of them.
        check.next_hint()
        given = session.hints_given[check.name]
        self.hints, self.hints_left = [sentence(hint) for hint in check.hints[:given]], len(check.hints) - given


def sentence(text: str) -> str:
    """A text starting with a capital, unless it starts with code or mathematics (`exp(1000)`, `amax`, `e to the …`)."""
    word = re.match(r"(a|[a-z]{2,})(?=(?:[-’'][a-z]+)*[,:;]? [\w*`“(])", text)
    return text if word is None or (hasattr(Tensor, word[1]) and word[1] not in _PROSE) else text[0].upper() + text[1:]


def coded(text: str) -> str:
    """A text in which calls, such as `exp(1000)`, stand in backticks, unless they do already."""
    parts = text.split("`")
    parts[::2] = [_CALL.sub(r"`\g<0>`", part) for part in parts[::2]]
    return "`".join(parts)


def _unbroken(text: str) -> str:
    """A text in which short shapes and ranges, such as `(2, 4)`, stay on one line."""
    return _SHAPE.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


def _progress(check: Check, state: str) -> str:
    """Which exercise this is, and how many of its lesson are solved."""
    names = [name for name, other in session.known.items() if other.lesson == check.lesson]
    solved = [name for name in names if name in session.solved]
    earlier = "; your earlier solution still counts" if check.name in solved and state != "right" else ""
    count = f"{len(solved)} of {len(names)}".replace(" ", "\N{NO-BREAK SPACE}")
    return f"`{check.name}`, lesson {check.lesson:02d}: {count} exercises solved{earlier}"
