"""The gallery of bugs: see the symptoms of a sick training, suspect a bug, and hear what speaks for or against it."""

from __future__ import annotations

import functools
import html
from string import ascii_lowercase
from typing import Any, Final

import ipywidgets as widgets

from cifar_helpers._paths import resources
from cifar_helpers.bug_gallery import diagnosis
from cifar_helpers.bug_gallery.inject import BUGS, CASES, PHOTO, SOUND, Symptoms, symptoms
from cifar_helpers.bug_gallery.signs import length, moved
from cifar_helpers.inference import percent, preprocess
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._chart import Axis, Line, line_chart
from cifar_helpers.widgets._controls import choice, on_change, row
from cifar_helpers.widgets._drawing import as_rows, picture_html, sentence
from cifar_helpers.widgets._screen import Screen

__all__ = ["TOP", "as_text", "bug_gallery", "explained", "measures", "render"]

TOP: Final = 4.0
"""Largest loss that is drawn in its place; ln 10 is 2.3."""

_ASK: Final = "Which bug does this training have?"
_ASKED: Final = "one photo, asked five times"
_BLOCK: Final = "border-left:4px solid #0072b2;padding:2px 10px;max-width:720px;line-height:1.4;white-space:pre-line"
_CODE: Final = "display:inline-block;vertical-align:top;margin:6px 16px 6px 0"
_BESIDE: Final = "padding:1px 10px;text-align:left;vertical-align:top"


def measures(seen: Symptoms) -> dict[str, str]:
    """What else can be seen of a training than its curves, by the name of the measure."""
    answers = [f"{name} {percent(share) if share == share else '(not a number)'}" for name, share in seen.answers]
    same = f"{answers[0]}, each time the same"
    return {
        "loss of the first six batches": ", ".join(map(length, seen.first_losses)),
        "gradient's length, first and last epoch": (f"{length(seen.gradient[0])} and {length(seen.gradient[-1])}"),
        "how far the weights moved": moved(seen.moved),
        "right: validation images, in batches": f"{seen.validation_accuracy[-1]:.0%}",
        "right: the same, one at a time": f"{seen.single_accuracy:.0%}",
        "right: 1,000 really new images": f"{seen.new_accuracy:.0%}",
        "right: the same, taken as photos": f"{seen.photo_accuracy:.0%}",
        _ASKED: same if len(set(answers)) == 1 else ", ".join(answers),
    }


def render(case: int) -> str:
    """HTML of a case: its curves beside those of the sound run, and what else was measured.

    Args:
        case: its number, 1 to 9.
    """
    seen, sound = symptoms()[CASES[case - 1]], symptoms()[SOUND]
    return sentence(_in_words(case, seen)) + _charts(case, seen, sound) + _table(case, seen, sound)


def _in_words(case: int, seen: Symptoms) -> str:
    losses = (*seen.train_loss, *seen.validation_loss)
    ends = [length(column[-1]) for column in (seen.train_loss, seen.validation_loss)]
    words = (
        f"Case {case}, after {len(seen.train_loss)} epochs: training loss {ends[0]}, accuracy "
        f"{seen.train_accuracy[-1]:.0%}; validation loss {ends[1]}, accuracy {seen.validation_accuracy[-1]:.0%}."
    )
    if any(loss != loss for loss in losses):
        return f"{words} A loss that is not a number has no place in the chart."
    return f"{words} Losses above {TOP:.0f} stand at the upper edge." if max(losses) > TOP else words


def _charts(case: int, seen: Symptoms, sound: Symptoms) -> str:
    axis = Axis("epoch", least=0, greatest=len(seen.train_loss))
    charts = []
    for what, y in (
        ("loss", Axis("loss (nats)", least=0, greatest=TOP)),
        ("accuracy", Axis("accuracy", "{:.0%}".format, least=0, greatest=1)),
    ):
        lines = []
        for number, (name, run) in enumerate(((f"case {case}", seen), ("sound run", sound))):
            for offset, part in enumerate(("train", "validation")):
                values = [min(value, TOP) if value == value else value for value in getattr(run, f"{part}_{what}")]
                words = f"{name}, {'training' if part == 'train' else part}"
                lines.append(Line(words, list(enumerate(values, start=1)), 2 * number + offset))
        ends = "; ".join(f"{line.name} {length(line.points[0][1])} to {length(line.points[-1][1])}" for line in lines)
        charts.append(line_chart(lines, axis, y, f"{what} by epoch, first to last: {ends}", width=400, height=190))
    return "".join(charts)


def _table(case: int, seen: Symptoms, sound: Symptoms) -> str:
    ours, theirs = measures(seen), measures(sound)
    rows = "".join(
        f'<tr><th scope="row" style="{_BESIDE};font-weight:normal;white-space:nowrap">'
        f"{_photo() if name == _ASKED else ''}{html.escape(name)}</th>"
        f'<td style="{_BESIDE}">{html.escape(value)}</td><td style="{_BESIDE}">{html.escape(theirs[name])}</td></tr>'
        for name, value in ours.items()
    )
    head = "".join(
        f'<th scope="col" style="{_BESIDE}">{name}</th>' for name in ("what was measured", f"case {case}", "sound run")
    )
    return f'<table style="margin:0"><tr>{head}</tr>{rows}</table>'


@functools.cache
def _photo() -> str:
    pixels = as_rows(preprocess(resources() / "inputs" / f"{PHOTO}.png"))
    return picture_html(pixels, 64, f"A drawn {PHOTO}, 32×32 pixels")


def explained(case: int, words: str) -> str:
    """HTML of the wrong code of a case beside the right one, with words above."""
    boxes = "".join(
        f'<figure style="{_CODE}"><figcaption>{name}</figcaption><pre style="margin:0;padding:4px 8px;'
        f'border:1px solid currentColor">{html.escape(code)}</pre></figure>'
        for name, code in zip(("❌ what ran", "✅ what is right"), diagnosis.code_of(case), strict=True)
    )
    return f"{_told(words)}{boxes}"


def _told(words: str) -> str:
    return f'<div role="status" style="{_BLOCK}">{html.escape(words)}</div>'


def as_text() -> str:
    """All cases as text, for where no widget can be; it does not tell which bug is whose."""
    runs = [symptoms()[name] for name in (SOUND, *CASES)]
    columns = [_in_brief(seen) for seen in runs]
    lines = [f"{'case':28}" + "".join(f"{name:>7}" for name in (SOUND, *range(1, len(CASES) + 1)))]
    lines += [f"{what:28}" + "".join(f"{column[what]:>7}" for column in columns) for what in columns[0]]
    suspects = [f"  {letter}) {name}" for letter, name in zip(ascii_lowercase, BUGS, strict=False)]
    how = "Answer with checks.bug(1, 'a'): the number of the case, and the letter of your suspicion."
    return "\n".join([*lines, "", _ASK, *suspects, how])


def _in_brief(seen: Symptoms) -> dict[str, str]:
    number = {
        "greatest of the first losses": max(seen.first_losses),
        "training loss, epoch 1": seen.train_loss[0],
        f"training loss, epoch {len(seen.train_loss)}": seen.train_loss[-1],
        f"validation loss, epoch {len(seen.train_loss)}": seen.validation_loss[-1],
        "gradient's length, epoch 1": seen.gradient[0],
        f"gradient's length, epoch {len(seen.gradient)}": seen.gradient[-1],
        "weights moved (lengths)": seen.moved,
    }
    share = {
        "right in training": seen.train_accuracy[-1],
        "right in validation": seen.validation_accuracy[-1],
        "the same, one at a time": seen.single_accuracy,
        "right of new images": seen.new_accuracy,
        "the same, as photos": seen.photo_accuracy,
    }
    answers = {"different answers of five": str(len(set(seen.answers)))}
    return {
        **{what: "nan" if value != value else length(value) for what, value in number.items()},
        **{what: f"{value:.0%}" for what, value in share.items()},
        **answers,
    }


class _Gallery(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    def __init__(self) -> None:
        self.case = choice("case", [(str(number), number) for number in range(1, len(CASES) + 1)])
        self.shown = Screen()
        self.ask = Screen(f'<div style="{_BLOCK}"><b data-question>{_ASK}</b></div>')
        self.suspicion = widgets.RadioButtons(options=list(BUGS), value=None, layout={"width": "auto"})
        self.press = widgets.Button(description="That is it", tooltip=f"That is it: {_ASK}")
        self.give_up = widgets.Button(description="Tell me", tooltip="Tell which bug this case has")
        self.answer, self.score = Screen(), Screen()
        self.heard: dict[int, tuple[str, str]] = {}  # case to what was suspected last, and the reply
        on_change(self.draw, self.case)
        self.press.on_click(lambda _: self.judge(self.suspicion.value))
        # A browser sends what is marked together with the press, so that neither overtakes the other.
        self.ask.observe(lambda change: self.judge(self._marked(change["new"])), "given")
        self.give_up.on_click(lambda _: self.tell())
        super().__init__(
            [row(self.case), self.shown, self.ask, self.suspicion, self.press, self.give_up, self.answer, self.score]
        )
        self.draw()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        # Whole, where ipywidgets would cut its text short: a stored notebook has no widgets.
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": as_text()}

    def draw(self) -> None:
        self.shown.value = render(self.case.value)
        self.suspicion.value, self.answer.value = self.heard.get(self.case.value, (None, ""))

    @staticmethod
    def _marked(given: str) -> str | None:
        place = int(given.split()[-1])
        return list(BUGS)[place] if place >= 0 else None

    def judge(self, suspicion: str | None) -> None:
        if suspicion is None:
            self.answer.value = _told("Choose a suspicion first.")
            return
        heard = diagnosis.judge(self.case.value, suspicion)
        self.say(
            suspicion, explained(self.case.value, f"✅ {heard.says}") if heard.right else _told(f"❌ {heard.says}")
        )

    def tell(self) -> None:
        case = self.case.value
        self.say(CASES[case - 1], explained(case, f"It is {diagnosis.tell(case)}"))

    def say(self, suspicion: str, words: str) -> None:
        self.suspicion.value, self.answer.value = suspicion, words
        self.heard[self.case.value] = suspicion, words
        named = len(diagnosis.NAMED)
        self.score.value = _told(f"{named} of {len(CASES)} bugs named")


def bug_gallery() -> widgets.VBox:
    """Nine sick trainings, recorded: see the symptoms, name the bug, and hear which symptom speaks for or against it.

    Nothing is trained and nothing is kept: `bugs.py` tells how the records were made.

    Returns:
        A widget.
    """
    return in_this_cell(_Gallery())
