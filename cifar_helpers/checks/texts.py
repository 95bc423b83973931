"""Read the texts of a lesson from the Markdown next to its exercises, which can be edited without knowing Python.

`questions.md` has two parts, `## Predictions` and `## Quiz`. Each question has a heading `### name` and a paragraph
that asks it. Then come its options, one of which is right, each with its reason:

    - [ ] Alone
      - One kernel has a layer for each input channel.
    - [x] Together
      - All channels are added up.

or, if the answer is a number, the answer, the reason for it, and the usual wrong guesses (the upper limit is excluded):

    Answer: {good_recipe} points, within 3, from -20 to 20

    The recipe gains more than additional epochs did.

    - 0 to 5: Tuning is often thought to gain a point or two.

`within 3` is in the same unit (points of a percentage); a whole number that can be counted is asked for `exactly`
instead. A plain number has `(no unit)` in the place of its unit. What is estimated, and not computed, may have a scale
on which a mark can be dragged, `from … to …`. A question of the quiz ends with a paragraph `Read again: …`, the heading
of the lesson's section that answers it; a prediction may end with `Measured: {field} unit`, with a function that
returns a number for each option (`nan` for none), which the card shows as bars once the reader has committed. The mean
of several runs is a `MeanOfRuns`, and the card draws the range of the runs on its bar.

A field such as `{good_recipe}` is replaced by the number that the function of that name in the lesson's `questions.py`
computes; questions, options and reasons may contain fields too.

`exercises.md` has for each exercise a heading `## name`, a paragraph shown when the answer is right, `### Hints`, a
numbered list whose last item has the solution as a fenced block, and `### Mistakes`, a list `- name: reply` with the
names of the mistakes in `exercises.py`. Text below the title `# …` is a note for editors of the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from cifar_helpers.checks.questions import LETTERS, Belief, Choice, Number, Option, Question, rounded

__all__ = ["ExerciseTexts", "MalformedText", "read_exercises", "read_questions"]

Fields = Mapping[str, Callable[[], Any]]

_MARKDOWN: Final = MarkdownIt("zero").enable(["heading", "list", "fence"]).disable("inline")
"""Only headings, lists and fenced code: an asterisk or a bracket in a text is left as it is."""

_FIELD: Final = re.compile(r"\{(\w+)\}")
_OPTION: Final = re.compile(r"\[([ xX])\] (.+)")
_NO_UNIT: Final = "(no unit)"  # of a plain number: said, so that no unit is forgotten
_ANSWER: Final = re.compile(r"Answer: (\S+) (.+), (?:exactly|within (\S+))(?:, from (\S+) to (\S+))?")
_BELIEF: Final = re.compile(r"(\S+) to (\S+): (.+)")
_SECTION: Final = re.compile(r"Read again: (.+)")
_MEASURED: Final = re.compile(r"Measured: \{(\w+)\} (.+)")
_REPLY: Final = re.compile(r"(\w+): (.+)")


class MalformedText(ValueError):
    """A text in the wrong form; the message names the file, the line and the heading, and says what is wrong."""


@dataclass(frozen=True)
class ExerciseTexts:
    """The texts of an exercise that a learner sees.

    Attributes:
        notice: the reply to a right answer.
        hints: in steps, from a nudge to the solution.
        solution: the code of a right answer, from the last hint.
        replies: the reply to each usual mistake, by name.
    """

    notice: str
    hints: tuple[str, ...]
    solution: str
    replies: Mapping[str, str]


def read_questions(path: Path, lesson: int, fields: Fields) -> tuple[tuple[Question, ...], tuple[Choice, ...]]:
    """Predictions and quiz of a lesson, in the order of the file.

    Args:
        path: of `questions.md`.
        lesson: its number.
        fields: functions that compute the numbers of the fields, by name.

    Raises:
        MalformedText: if the file does not have the form shown in this module's docstring.
    """
    predictions: list[Question] = []
    quiz: list[Choice] = []
    part = ""
    for section in _sections(path):
        if section.level == 1:
            continue
        if section.level == 2:
            part = section.title
            if part not in ("Predictions", "Quiz") or section.blocks:
                raise section.fault("call a part Predictions or Quiz, and put its questions directly below")
            continue
        question = _question(section, lesson, fields)
        if any(question.name == other.name for other in (*predictions, *quiz)):
            raise section.fault("there are two questions with this name")
        if part == "Predictions":
            predictions.append(question)
        elif part == "Quiz" and isinstance(question, Choice):
            if not question.section:
                raise section.fault("write the heading of the section that answers it below the options: Read again: …")
            quiz.append(question)
        else:
            raise section.fault(
                "a question of a quiz needs options" if part else "move it below ## Predictions or ## Quiz"
            )
    return tuple(predictions), tuple(quiz)


def read_exercises(path: Path, mistakes: Mapping[str, Collection[str]]) -> dict[str, ExerciseTexts]:
    """Texts of a lesson's exercises, by name.

    Args:
        path: of `exercises.md`.
        mistakes: the exercises that there are, with the names of their mistakes.

    Raises:
        MalformedText: if the file does not have the form, or does not match the exercises.
    """
    found: dict[str, list[_Section]] = {}
    for section in _sections(path):
        if section.level == 2:
            if section.title not in mistakes:
                raise section.fault(f"exercises.py has no such exercise, only {', '.join(mistakes)}")
            if section.title in found:
                raise section.fault("there are two exercises with this name")
            found[section.title] = [section]
        elif section.level == 3:
            if not found:
                raise section.fault("move it below the heading of an exercise, ## name")
            [*found.values()][-1].append(section)
    if missing := [name for name in mistakes if name not in found]:
        raise MalformedText(f"{_named(path)}: the exercise {missing[0]} has no text. Write it below ## {missing[0]}")
    return {name: _texts(sections, mistakes[name]) for name, sections in found.items()}


@dataclass(frozen=True)
class _Section:
    """A heading with the blocks that follow it."""

    path: Path
    line: int
    level: int
    title: str
    blocks: list[SyntaxTreeNode]

    def fault(self, what: str, node: SyntaxTreeNode | None = None) -> MalformedText:
        line = node.map[0] + 1 if node and node.map else self.line
        return MalformedText(f"{_named(self.path)}, line {line}, {self.title!r}: {what}")

    def items(
        self, node: SyntaxTreeNode, form: re.Pattern[str], what: str
    ) -> list[tuple[re.Match[str], SyntaxTreeNode]]:
        """The items of a list, each with the match of its first paragraph."""
        found = []
        for item in node.children:
            said = form.fullmatch(_paragraph(item.children[0])) if item.children else None
            if not said:
                raise self.fault(f"write {what}", item)
            found.append((said, item))
        return found


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _sections(path: Path) -> list[_Section]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedText(f"{_named(path)} cannot be read as UTF-8 text: {error}") from None
    sections: list[_Section] = []
    for node in SyntaxTreeNode(_MARKDOWN.parse(text)).children:
        if node.type == "heading":
            line = node.map[0] + 1 if node.map else 0
            sections.append(_Section(path, line, int(node.tag[1:]), _paragraph(node), []))
            if sections[-1].level > 3:
                raise sections[-1].fault("use no headings below ###")
        elif sections:
            sections[-1].blocks.append(node)
        else:
            raise MalformedText(f"{_named(path)}, line 1: start with a title, # …")
    return sections


def _paragraph(node: SyntaxTreeNode) -> str:
    """The text of a paragraph or a heading, on one line; empty for anything else."""
    if node.type not in ("paragraph", "heading"):
        return ""
    return " ".join(node.children[0].content.split("\n")) if node.children else ""


def _kinds(blocks: list[SyntaxTreeNode]) -> list[str]:
    return [node.type for node in blocks]


def _question(section: _Section, lesson: int, fields: Fields) -> Question:
    if not section.title.isidentifier():
        raise section.fault("use only letters, digits and _ in the name of a question")
    kinds = _kinds(section.blocks)
    if kinds[:2] == ["paragraph", "bullet_list"] and set(kinds[2:]) <= {"paragraph"}:
        return _choice(section, lesson, fields)
    if kinds in (["paragraph"] * 3, [*["paragraph"] * 3, "bullet_list"]):
        return _number(section, lesson, fields)
    raise section.fault(
        "after the paragraph that asks, write either the options, a list of - [ ] …, or a line Answer: …, a paragraph "
        "with the reason, and a list of usual guesses"
    )


def _choice(section: _Section, lesson: int, fields: Fields) -> Choice:
    ask, listed, *after = section.blocks
    options = []
    for said, item in section.items(listed, _OPTION, "each option as - [ ] … and the right one as - [x] …"):
        reason = _reason(item)
        if not reason:
            raise section.fault("the reason is missing. Write it below the option, as an indented - …", item)
        text, reason = (_filled(section, words, item, fields) for words in (said[2], reason))
        options.append(Option(text, reason, said[1] != " "))
    right = sum(option.right for option in options)
    if right != 1:
        raise section.fault(
            f"{right or 'none'} of its options {'are' if right else 'is'} marked as right. Mark exactly one with [x]"
        )
    if not 2 <= len(options) <= len(LETTERS):
        raise section.fault(f"it has {len(options)} options. Write 2 to {len(LETTERS)}")
    choice = Choice(section.title, lesson, _filled(section, _paragraph(ask), ask, fields), tuple(options))
    for node in after:
        if read := _SECTION.fullmatch(_paragraph(node)):
            choice = replace(choice, section=read[1])
        elif found := _MEASURED.fullmatch(_paragraph(node)):
            choice = replace(choice, measured=_field(section, found[1], node, fields), unit=found[2])
        else:
            raise section.fault("below the options, write only Read again: … or Measured: {field} unit", node)
    return choice


def _reason(option: SyntaxTreeNode) -> str:
    """The text of the only point below an option; empty if there is none, or more than one."""
    points = [point for listed in option.children[1:] for point in listed.children]
    return _paragraph(points[0].children[0]) if [_kinds(point.children) for point in points] == [["paragraph"]] else ""


def _number(section: _Section, lesson: int, fields: Fields) -> Number:
    ask, answer, reason, *listed = section.blocks
    said = _ANSWER.fullmatch(_paragraph(answer))
    if not said:
        raise section.fault("write the answer as Answer: {field} unit, exactly (or: within 2)", answer)
    field = _FIELD.fullmatch(said[1])
    truth = _field(section, field[1], answer, fields) if field else _constant(_numeral(section, said[1], answer))
    beliefs = []
    for guess, item in section.items(listed[0], _BELIEF, "each guess as - 0 to 5: …") if listed else []:
        low, high = (_numeral(section, guess[k], item) for k in (1, 2))
        if low >= high:
            raise section.fault(f"{guess[1]} is not smaller than {guess[2]}", item)
        beliefs.append(Belief(low, high, _filled(section, guess[3], item, fields)))
    ends = [_numeral(section, end, answer) for end in said.groups()[3:] if end]
    if ends and ends[0] >= ends[1]:
        raise section.fault(f"its scale ends at {said[5]}, which is not above {said[4]}", answer)
    return Number(
        section.title,
        lesson,
        _filled(section, _paragraph(ask), ask, fields),
        "" if said[2] == _NO_UNIT else said[2],
        truth,
        _filled(section, _paragraph(reason), reason, fields),
        tuple(beliefs),
        close=_numeral(section, said[3], answer) if said[3] else 0,
        scale=(ends[0], ends[1]) if ends else None,
    )


def _constant(number: float) -> Callable[[], float]:
    return lambda: number


def _numeral(section: _Section, text: str, node: SyntaxTreeNode) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise section.fault(f"{text!r} is not a number. Write it like 12.5", node)
    return number


def _field(section: _Section, name: str, node: SyntaxTreeNode, fields: Fields) -> Callable[[], Any]:
    if name not in fields:
        raise section.fault(f"questions.py has no function {name}, only {', '.join(fields) or 'none'}", node)
    return fields[name]


def _filled(section: _Section, text: str, node: SyntaxTreeNode, fields: Fields) -> str:
    """A text with its fields replaced by numbers."""
    return _FIELD.sub(lambda found: rounded(_field(section, found[1], node, fields)()), text)


def _texts(sections: list[_Section], mistakes: Collection[str]) -> ExerciseTexts:
    head, *parts = sections
    if _kinds(head.blocks) != ["paragraph"]:
        raise head.fault("write one paragraph, the reply to a right answer, below the name")
    if [part.title for part in parts] != ["Hints", "Mistakes"]:
        raise head.fault("write the parts ### Hints and ### Mistakes, in this order")
    hints, replies = parts
    if _kinds(hints.blocks) != ["ordered_list"]:
        raise head.fault("write a numbered list below ### Hints", hints.blocks[0] if hints.blocks else None)
    if _kinds(replies.blocks) != ["bullet_list"]:
        raise head.fault("write a list of - name: reply below ### Mistakes")
    *_, last = items = hints.blocks[0].children
    solution = [node.content for node in last.children if node.type == "fence"]
    if len(solution) != 1:
        raise head.fault("put the solution into the last hint, as one fenced block", last)
    return ExerciseTexts(
        _paragraph(head.blocks[0]),
        tuple(_hint(head, item) for item in items),
        solution[0].removesuffix("\n"),
        _replies(head, replies.blocks[0], mistakes),
    )


def _hint(section: _Section, item: SyntaxTreeNode) -> str:
    lines = [node.content.removesuffix("\n") if node.type == "fence" else _paragraph(node) for node in item.children]
    if not lines or not all(lines):
        raise section.fault("a hint must be text, and the last one the solution too", item)
    return "\n".join(lines)


def _replies(section: _Section, listed: SyntaxTreeNode, mistakes: Collection[str]) -> dict[str, str]:
    replies: dict[str, str] = {}
    for said, item in section.items(listed, _REPLY, "each mistake as - name: reply"):
        if said[1] not in mistakes:
            raise section.fault(f"exercises.py has no mistake {said[1]!r}, only {', '.join(mistakes)}", item)
        if said[1] in replies:
            raise section.fault(f"the mistake {said[1]!r} has two replies", item)
        replies[said[1]] = said[2]
    if missing := [name for name in mistakes if name not in replies]:
        raise section.fault(f"the mistake {missing[0]!r} has no reply. Write it below ### Mistakes")
    return replies
