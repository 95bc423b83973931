"""Texts are read from Markdown, and an error in a malformed file names the place and the reason."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ALL, ROOT

from cifar_helpers import checks
from cifar_helpers._paths import resources
from cifar_helpers.checks import EXERCISES, PREDICTIONS, texts
from cifar_helpers.checks.questions import Belief, Choice, Number, Option, rounded
from cifar_helpers.checks.texts import MalformedText, read_exercises, read_questions

PACKAGE = ROOT / "cifar_helpers"
LESSONS = sorted((PACKAGE / "checks").glob("lesson_*"))

QUESTIONS = """\
# Questions of a trial lesson

What stands here is for whoever edits the file.

## Predictions

### share

What share is it,
of {images} images?

Answer: {share} %, within 5, from -10 to 50

It is so.

- -10 to 0: No share is negative.
- 0 to 1e3: Too low.

## Quiz

### colour

Which comes first, *red* or [blue]?

- [x] Red
  - RGB begins with R: {images} times.
- [ ] Blue
  - That is OpenCV's order.

Read again: Channels
"""
FIELDS = {"share": lambda: 12.3456, "images": lambda: 50_000.0}


def written(folder: Path, text: str, name: str = "questions.md") -> Path:
    path = folder / "lesson_99" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_questions_are_read_as_they_are_written(tmp_path: Path) -> None:
    (share,), (colour,) = read_questions(written(tmp_path, QUESTIONS), 99, FIELDS)
    assert isinstance(share, Number) and share.truth() == 12.3456
    assert share == Number(
        "share",
        99,
        "What share is it, of 50,000 images?",
        "%",
        share.truth,
        "It is so.",
        (Belief(-10, 0, "No share is negative."), Belief(0, 1000, "Too low.")),
        close=5,
        scale=(-10, 50),
    )
    red, blue = (
        Option("Red", "RGB begins with R: 50,000 times.", True),
        Option("Blue", "That is OpenCV's order."),
    )
    assert colour == Choice("colour", 99, "Which comes first, *red* or [blue]?", (red, blue), "Channels")


def test_a_whole_number_is_asked_for_exactly(tmp_path: Path) -> None:
    text = QUESTIONS.replace("{share} %, within 5", "30 rows, exactly")
    (share,), _ = read_questions(written(tmp_path, text), 99, FIELDS)
    assert isinstance(share, Number) and (share.close, share.unit, share.scale) == (0, "rows", (-10, 50))


def test_an_answer_may_be_a_number_and_an_editor_may_write_marks_of_its_own(tmp_path: Path) -> None:
    text = "\ufeff" + QUESTIONS.replace("{share} %", "12.5 %").replace("[x]", "[X]").replace("\n", "\r\n")
    (share,), (colour,) = read_questions(written(tmp_path, text), 99, FIELDS)
    assert isinstance(share, Number) and share.truth() == 12.5 and colour.options[0].right


BROKEN_QUESTIONS = {
    "no right option": ("[x]", "[ ]", "line 21, 'colour': none of its options is marked as right"),
    "two right options": ("- [ ] Blue", "- [x] Blue", "'colour': 2 of its options are marked as right"),
    "no mark": ("- [ ] Blue", "- Blue", "line 27, 'colour': write each option as - [ ] …"),
    "no reason": ("\n  - That is OpenCV's order.", "", "line 27, 'colour': the reason is missing"),
    "reason not indented": ("  - RGB", "- RGB", "line 26, 'colour': write each option as"),
    "two reasons": ("order.\n", "order.\n  - Really.\n", "line 27, 'colour': the reason is missing"),
    "reason of a point alone": ("  - That is OpenCV's order.", "  -", "line 27, 'colour': the reason is missing"),
    "reason as a paragraph": ("\n  - That is", "\n\n  That is", "line 27, 'colour': the reason is missing"),
    "no section": ("\n\nRead again: Channels", "", "line 21, 'colour': write the heading of the section that answers"),
    "section without words": ("Read again: C", "C", "line 30, 'colour': below the options, write only Read again"),
    "unknown measurement": ("\n\nRead", "\n\nMeasured: {sizes} mm\n\nRead", "line 30, 'colour': questions.py has no"),
    "one option": ("- [ ] Blue\n  - That is OpenCV's order.\n", "", "'colour': it has 1 options. Write 2 to 5"),
    "no options": (QUESTIONS[QUESTIONS.index("- [x] Red") :], "", "'colour': after the paragraph that asks"),
    "scale without an end": ("to 50", "to", "line 12, 'share': write the answer as Answer:"),
    "bad end of a scale": ("to 50", "to top", "line 12, 'share': 'top' is not a number"),
    "scale backwards": ("-10 to 50", "50 to 50", "line 12, 'share': its scale ends at 50, which is not above 50"),
    "bad number": ("within 5", "within five", "line 12, 'share': 'five' is not a number"),
    "no unit": ("{share} %, within", "{share}, within", "line 12, 'share': write the answer as Answer:"),
    "bad truth": ("{share} %", "many %", "line 12, 'share': 'many' is not a number"),
    "bad guess": ("- 0 to 1e3", "- 0 to many", "line 17, 'share': 'many' is not a number"),
    "infinite guess": ("- 0 to 1e3", "- 0 to inf", "line 17, 'share': 'inf' is not a number"),
    "guess backwards": ("- 0 to 1e3", "- 7 to 3", "line 17, 'share': 7 is not smaller than 3"),
    "guess without limits": ("- 0 to 1e3", "- low", "line 17, 'share': write each guess as"),
    "no reason for a number": ("It is so.\n", "", "'share': after the paragraph that asks"),
    "unknown field": ("{images} images", "{picures} images", "line 9, 'share': questions.py has no function picures"),
    "unknown truth": ("{share} %", "{sare} %", "line 12, 'share': questions.py has no function sare, only share"),
    "unknown field in a reason": ("R: {images}", "R: {image}", "line 25, 'colour': questions.py has no function image"),
    "name with a space": ("### share", "### the share", "line 7, 'the share': use only letters"),
    "name twice": ("### colour", "### share", "'share': there are two questions with this name"),
    "number in the quiz": ("## Predictions", "## Quiz", "'share': a question of a quiz needs options"),
    "another part": ("## Quiz", "## Test", "line 19, 'Test': call a part Predictions or Quiz"),
    "no part": ("## Predictions\n", "", "'share': move it below ## Predictions or ## Quiz"),
    "too deep": ("### share", "#### share", "line 7, 'share': use no headings below ###"),
    "no title": ("# Questions of a trial lesson\n", "", "line 1: start with a title"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_QUESTIONS)
def test_malformed_questions_are_reported_with_file_line_and_heading(name: str, tmp_path: Path) -> None:
    before, after, words = BROKEN_QUESTIONS[name]
    assert before in QUESTIONS
    with pytest.raises(MalformedText) as caught:
        read_questions(written(tmp_path, QUESTIONS.replace(before, after, 1)), 99, FIELDS)
    assert str(caught.value).startswith("lesson_99/questions.md") and words in str(caught.value), caught.value


THREE = """\
# Exercises of a trial lesson

## double

twice is twice.

### Hints

1. What is 2 * x,
   in code?
2. the solution:

   ```python
   def my_double(x):
       y = 2 * x

       return y
   ```

   (so it is)

### Mistakes

- half: it halves: multiply.
- same: it gives x back.
"""
MISTAKES = {"double": ("half", "same")}


def test_exercises_are_read_as_they_are_written(tmp_path: Path) -> None:
    double = read_exercises(written(tmp_path, THREE, "exercises.md"), MISTAKES)["double"]
    code = "def my_double(x):\n    y = 2 * x\n\n    return y"
    assert double.notice == "twice is twice." and double.solution == code
    assert double.hints == ("What is 2 * x, in code?", f"the solution:\n{code}\n(so it is)")
    assert double.replies == {"half": "it halves: multiply.", "same": "it gives x back."}


BROKEN_EXERCISES = {
    "unknown exercise": ("## double", "## dubble", "line 3, 'dubble': exercises.py has no such exercise"),
    "no exercise": (THREE[THREE.index("## double") :], "", "the exercise double has no text. Write it below ## double"),
    "twice": ("### Mistakes", "## double", "line 22, 'double': there are two exercises with this name"),
    "no notice": ("twice is twice.\n", "", "line 3, 'double': write one paragraph"),
    "no hints": ("### Hints", "### Help", "'double': write the parts ### Hints and ### Mistakes"),
    "no mistakes": (THREE[THREE.index("### Mistakes") :], "", "'double': write the parts ### Hints and ### Mistakes"),
    "hints without numbers": ("1. What", "What", "'double': write a numbered list below ### Hints"),
    "no solution": (THREE[THREE.index("   ```python") : THREE.index("   (so it")], "", "'double': put the solution"),
    "hint without text": ("1. What is 2 * x,\n   in code?", "1.", "line 9, 'double': a hint must be text"),
    "unknown mistake": ("- half:", "- hlaf:", "line 24, 'double': exercises.py has no mistake 'hlaf', only half"),
    "mistake without reply": ("- same: it gives x back.\n", "", "'double': the mistake 'same' has no reply"),
    "reply twice": ("- same:", "- half:", "line 25, 'double': the mistake 'half' has two replies"),
    "reply without name": ("- same: it", "- it", "line 25, 'double': write each mistake as - name: reply"),
    "before the first": ("## double\n", "", "'Hints': move it below the heading of an exercise"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_EXERCISES)
def test_malformed_exercises_are_reported_with_file_line_and_heading(name: str, tmp_path: Path) -> None:
    before, after, words = BROKEN_EXERCISES[name]
    assert before in THREE
    with pytest.raises(MalformedText) as caught:
        read_exercises(written(tmp_path, THREE.replace(before, after, 1), "exercises.md"), MISTAKES)
    assert str(caught.value).startswith("lesson_99/exercises.md") and words in str(caught.value), caught.value


def test_a_file_that_is_missing_or_not_utf_8_is_reported(tmp_path: Path) -> None:
    with pytest.raises(MalformedText, match=r"lesson_99/exercises.md cannot be read as UTF-8 text"):
        read_exercises(tmp_path / "lesson_99" / "exercises.md", MISTAKES)
    path = written(tmp_path, "")
    path.write_bytes("# Größe".encode("latin-1"))
    with pytest.raises(MalformedText, match=r"lesson_99/questions.md cannot be read as UTF-8 text"):
        read_questions(path, 99, FIELDS)


@pytest.mark.parametrize("folder", LESSONS, ids=lambda folder: folder.name)
def test_every_field_of_the_questions_is_computed_and_every_number_that_is_computed_is_used(folder: Path) -> None:
    source = folder / "questions.py"
    defined = (
        set(re.findall(r"^def ([a-z]\w*)\(", source.read_text(encoding="utf-8"), re.M)) if source.exists() else set()
    )
    used = set(re.findall(r"\{(\w+)\}", (folder / "questions.md").read_text(encoding="utf-8")))
    assert used == defined
    assert not re.findall(
        r"\{(\w+)\}", re.sub(r"```.*?```", "", (folder / "exercises.md").read_text("utf-8"), flags=re.S)
    )


def test_no_field_is_left_in_what_a_learner_reads() -> None:
    for question in PREDICTIONS.values():
        parts = [question.ask, *(option.text + option.says for option in getattr(question, "options", ()))]
        assert not re.search(r"\{\w+\}", " ".join(parts)), question.name
        if isinstance(question, Number):
            assert rounded(question.truth()) and not re.search(r"\{\w+\}", question.says)


def test_the_form_that_the_module_describes_is_the_form_that_it_reads(tmp_path: Path) -> None:
    examples = [
        inspect.cleandoc(example) for example in re.findall(r"\n\n((?:    .+\n\n?)+)", inspect.getdoc(texts) or "")
    ]
    text = "# T\n\n## Predictions\n\n### one\n\nAsk?\n\n{}\n\n### two\n\nAsk?\n\n{}\n".format(*examples)
    (one, two), _ = read_questions(written(tmp_path, text), 1, {"good_recipe": lambda: 9.0})
    assert isinstance(one, Choice) and isinstance(two, Number) and two.close == 3


# --- what is found, and when ------------------------------------------------------------------------------------------

TRIAL_CODE = """

my_trial = Exercise(
    name="twice",
    reference=lambda x: 2 * x,
    draw=lambda generator, number: (number + 1,),
    mistakes={"half": lambda x: x / 2, "same": lambda x: x},
)
"""


def in_python(code: str, where: Path) -> str:
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_exercise_is_added_by_its_definition_and_its_texts_alone(tmp_path: Path) -> None:
    package = tmp_path / "cifar_helpers"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "resources").mkdir()
    for record in resources().glob("*.json"):  # questions take their numbers from records
        shutil.copy(record, tmp_path / "resources")
    lesson = package / "checks" / "lesson_02"
    with (lesson / "exercises.py").open("a", encoding="utf-8") as file:
        file.write(TRIAL_CODE)
    with (lesson / "exercises.md").open("a", encoding="utf-8") as file:
        file.write(THREE.partition("\n")[2].replace("## double", "## twice"))
    shown = in_python(
        "from cifar_helpers import checks\n"
        "print(checks.__file__, 'twice' in dir(checks), 'twice' in checks.__all__, end=' ')\n"
        "print([exercise.name for exercise in checks.EXERCISES if exercise.lesson == 2][-1])\n"
        "print(checks.twice(lambda x: x + x).says, checks.twice(lambda x: x / 2).says, checks.hint('twice'))\n"
        "print(checks.progress(2))",
        tmp_path,
    )
    assert shown.startswith(
        f"{package / 'checks' / '__init__.py'} True True twice\ntwice is twice. it halves: multiply."
    )
    assert (
        "Hint 1 of 2: What is 2 * x, in code?" in shown
        and "✅ twice (lesson 02)" in shown
        and re.search(r"1 of \d exercises solved", shown)
    )


def test_checks_has_every_exercise_by_name_in_the_order_of_lessons_and_none_has_the_name_of_a_module() -> None:
    assert [exercise.lesson for exercise in EXERCISES] == sorted(exercise.lesson for exercise in EXERCISES)
    modules = {path.stem for path in (PACKAGE / "checks").iterdir()}
    for exercise in EXERCISES:
        assert getattr(checks, exercise.name) is exercise and exercise.name in dir(checks)
        assert exercise.name in checks.__all__ and exercise.name not in modules
    assert len({exercise.name for exercise in EXERCISES}) == len(EXERCISES)


def test_no_two_questions_have_one_name() -> None:
    headings = [re.findall(r"^### (\w+)$", (lesson / "questions.md").read_text("utf-8"), re.M) for lesson in LESSONS]
    assert sum(map(len, headings)) == len({name for names in headings for name in names}) == len(ALL)
