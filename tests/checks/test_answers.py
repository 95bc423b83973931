"""Every clear answer is understood, and any other gets a helpful reply; a check raises nothing except on Ctrl-C."""

from __future__ import annotations

import asyncio
import collections
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from helpers import solution, truth
from PIL import Image
from torch import nn

from cifar_helpers import checks
from cifar_helpers.checks import EXERCISES, PREDICTIONS, Check, Replies, Reply, Verdict, engine
from cifar_helpers.checks.answers import reply
from cifar_helpers.checks.questions import Choice, Number, Option

# No warning reaches a reader, but for what the answers below themselves deserve.
pytestmark = [
    pytest.mark.filterwarnings("error"),
    *(
        pytest.mark.filterwarnings(f"ignore:.*{words}")
        for words in ("nested tensors", "quantize_per_tensor", "Sparse CSR", "matrix subclass", "never awaited")
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# Numbers, letters and names
# ---------------------------------------------------------------------------------------------------------------------


def heard(said: Any, truth: float, unit: str = "points") -> Reply:
    """The reply to an answer that is right only if it is read as the truth."""
    return reply(Number("n", 0, "How much?", unit, lambda: truth, "So it is.", close=0.005 * abs(truth)), said)


READ_AS = [
    ("1,46", 1.46),
    ("1.46", 1.46),
    (",5", 0.5),
    ("12.5.", 12.5),
    ("5.", 5),
    ("5,", 5),
    ("0,125", 0.125),
    ("1234,567", 1234.567),
    ("12,5 points", 12.5),
    ("1 point", 1),
    ("12.5points", 12.5),
    (" 12.5%", 12.5),
    ("12,5 %", 12.5),
    ("12,5\N{NO-BREAK SPACE}%", 12.5),
    ("12.5 percent", 12.5),
    ("1e3", 1000),
    ("1,5e3", 1500),
    ("1E-2", 0.01),
    ("½", 0.5),
    ("2½", 2.5),
    ("-½", -0.5),
    ("3/4", 0.75),
    ("1 1/2", 1.5),
    ("\N{MINUS SIGN}3", -3),
    ("\N{MINUS SIGN}3,5", -3.5),
    ("\N{EN DASH} 3 points", -3),
    ("- 3", -3),
    ("+3", 3),
    ("about 12", 12),
    ("≈ 12,5", 12.5),
    ("1.276.682", 1276682),
    ("1,276,682", 1276682),
    ("1 276 682", 1276682),
    ("1\N{THIN SPACE}276\N{THIN SPACE}682", 1276682),
    ("1\N{NO-BREAK SPACE}276\N{NO-BREAK SPACE}682", 1276682),
    ("1\N{NARROW NO-BREAK SPACE}276\N{NARROW NO-BREAK SPACE}682", 1276682),
    ("1'276'682", 1276682),
    ("1’276’682", 1276682),
    ("1_276_682", 1276682),
    ("12,76,682", 1276682),
    ("1,276,682.5", 1276682.5),
    ("1.276.682,5", 1276682.5),
    ("1 276 682,5", 1276682.5),
    ("-1.276.682", -1276682),
    ("١٫٤٦", 1.46),
    ("1٫46", 1.46),
    ("۱٫۴۶", 1.46),
    ("١٬٢٧٦٬٦٨٢٫٥", 1276682.5),
    ("١٬٢٧٦", 1276),
    ("١٫٢٧٦", 1.276),
    ("1،46", 1.46),
    ("\N{MINUS SIGN}٣٫٥", -3.5),
    ("١٢٫٥٪", 12.5),
    ("１．４６", 1.46),
    ("１，４６", 1.46),
    ("－３．５", -3.5),
    ("１２．５％", 12.5),
    ("１，２７６，６８２", 1276682),
    ("３／４", 0.75),
    ("\N{IDEOGRAPHIC SPACE}４６", 46),
    ("1·46", 1.46),
    ("१२.५", 12.5),
    # Three digits after one separator: what is nearer to the truth is meant.
    ("1,276", 1276),
    ("1,276", 1.276),
    ("1.276", 1276),
    ("1.276", 1.276),
    (12, 12),
    (12.5, 12.5),
    (np.float32(12.5), 12.5),
    (np.int64(12), 12),
    (np.array(12.5), 12.5),
    (np.array([[12.5]]), 12.5),
    (np.str_("1,46"), 1.46),
    (torch.tensor(12.5), 12.5),
    (torch.tensor([12]), 12),
    (torch.tensor(12.5, requires_grad=True), 12.5),
    (torch.tensor(12.5, dtype=torch.bfloat16), 12.5),
    (Fraction(1, 2), 0.5),
    (Decimal("1.46"), 1.46),
]


@pytest.mark.parametrize(("said", "truth"), READ_AS, ids=lambda value: repr(value)[:40])
def test_a_number_is_read_as_it_is_meant(said: Any, truth: float) -> None:
    assert heard(said, truth).state == "right", heard(said, truth)


class Hostile:
    """Raises whenever it is read."""

    def fail(self, *_: Any, **__: Any) -> Any:
        raise ArithmeticError("hostile")

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __float__ = __array__ = __getitem__ = fail  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    name = property(fail)


class Pretender:
    """Raises when its class is read."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise ArithmeticError("hostile")


NOT_PLAIN: tuple[Any, ...] = (
    "many", "", " ", "1,2,3", "1.2.3", "1 5", "12 76", "1.276,682,5", "12 kg", "0x10", "10-20", "inf", "-inf", "nan",
    "1e400", "1/0", ".", ",", "%", True, False, [1, 2], [], {}, {1: 2}, set(), ..., 1 + 2j, float("inf"), float("nan"),
    10**400, 10**5000, "9" * 5000, "1/" + "9" * 5000, "9" * 5000 + "/3", "1 " + "9" * 5000 + "/2", "1" * 10**6 + "x",
    "1٫5٫2", b"12", object(), len, torch, torch.tensor([1, 2]), torch.empty(0), torch.empty(1, device="meta"),
    np.array(["a"]), np.array([None]), np.ma.masked, Decimal("sNaN"), torch.tensor(1j), Hostile,
)  # fmt: skip


def test_the_reply_to_an_unreadable_number_says_how_to_write_one() -> None:
    for said in (*NOT_PLAIN, Hostile(), Pretender()):  # pytest itself cannot read the last two
        told = heard(said, 12.0)
        assert told.state == "open" and "such as 12.5" in told.says and len(told.says) < 200, told


def test_a_fraction_in_percent_could_be_two_numbers() -> None:
    assert heard("3/4", 75, "%").state == "open" and heard("3/4 %", 0.75, "%").state == "right"


@pytest.mark.parametrize("unit", ["FLOP per byte", "FLOP a byte"])
@pytest.mark.parametrize("said", ["0.5 FLOP a byte", "0,5 FLOP/byte", "0.5 flops per byte", "1/2 FLOP a byte"])
def test_a_unit_of_several_words_may_be_written_in_other_words(said: str, unit: str) -> None:
    assert heard(said, 0.5, unit).state == "right"


@pytest.mark.parametrize("unit", ["nats", "pixels", "rows", "FLOP per byte"])
@pytest.mark.parametrize("said", ["1.46 %", "1.46%.", "1,46 percent", "1.46 per cent", "１．４６％", "1٫46٪"])
def test_a_percentage_is_reported_where_another_unit_is_asked_for(said: str, unit: str) -> None:
    told = heard(said, 1.46, unit)
    assert told.state == "open" and "is in percent" in told.says and unit in told.says and "such as 12.5" in told.says
    assert heard(f"1.46 {unit}", 1.46, unit).state == "right"


def test_a_percentage_for_a_real_question_is_reported() -> None:
    assert "in percent, but the question asks for nats" in str(checks.guess("softmax_twice", "1.46 %"))
    assert checks.guess("linear_share", f"{truth('linear_share')} %").state == "right"
    assert "in percent" not in str(checks.guess("linear_share", "many %"))


def test_a_decimal_comma_is_a_decimal_comma() -> None:
    assert checks.guess("softmax_twice", "1,46").state == "right"
    assert "Not 1.9: it is 1.46 nats" in str(checks.guess("softmax_twice", "1,9"))
    near = checks.guess("softmax_twice", 1.6)
    assert str(near).startswith("≈ Close: 1.6 is 0.14 nats too high; it is 1.46 nats.") and near.state == "wrong"


@pytest.mark.parametrize("said", ["a", "A", " a) ", "(a)", "a.", "red", "Red", "RED.", "ａ", "Ａ）"])
def test_a_letter_may_have_brackets_and_a_text_capitals(said: str) -> None:
    colour = Choice("c", 0, "First?", (Option("red", "Yes.", True), Option("blue", "OpenCV.")))
    assert reply(colour, said).state == "right"


def test_no_question_raises_whatever_it_is_given() -> None:
    choice = next(name for name, question in PREDICTIONS.items() if isinstance(question, Choice))
    for given in (*NOT_PLAIN, 99, -1, "softmax twice", np.array([1, 2]), Hostile(), Pretender(), Exception, lambda: 1):
        for told in (
            checks.guess(given, "a"), checks.guess(choice, given), checks.quiz(given, "abcda"),
            checks.quiz(1, given), checks.bug(given, "a"), checks.bug(1, given), checks.hint(given),
            checks.progress(given),
        ):  # fmt: skip
            assert isinstance(told, (Reply, Replies, str)) and len(str(told)) < 2500
    for told in (checks.guess(None), checks.quiz(None), checks.bug(None, None), checks.hint(None)):
        assert isinstance(told, (Reply, str)) and "there " in str(told)


def test_names_may_be_written_in_capitals_or_given_as_the_thing_itself() -> None:
    def my_max_pool(images: Any) -> Any:
        return ...

    for name in ("max_pool", " Max Pool ", "MAX-POOL", "checks.max_pool", "my_max_pool", my_max_pool, checks.max_pool):
        assert "Hint" in checks.hint(name)
    assert checks.guess("Softmax Twice", 1.46).state == "right"
    assert checks.bug("3", "Tell Me").state == "open" and "it is" in str(checks.bug(3, "tell me")).lower()


@pytest.mark.parametrize("lesson", [2, 2.0, "2", "02", "lesson 2", np.int64(2), torch.tensor(2)], ids=repr)
def test_a_lesson_is_known_by_its_number_however_it_is_written(lesson: Any) -> None:
    assert checks.progress(lesson) == checks.progress(2)
    assert isinstance(checks.quiz(lesson, "aaaaa"), Replies)


@pytest.mark.parametrize(
    "lesson",
    [10, 99, -1, "none", 2.5, "2.5", [2], "9" * 5000, "lesson " + "9" * 5000, "2" * 4301],
    ids=lambda x: repr(x)[:20],
)
def test_a_lesson_without_exercises_is_reported(lesson: Any) -> None:
    assert "1, 2, 3" in checks.progress(lesson) and "1, 2, 3" in str(checks.quiz(lesson, "aaaaa"))


@pytest.mark.parametrize(
    "answers",
    [
        "a, b, c, d, a",
        "A B C D A",
        "1a 2b 3c 4d 5a",
        ["a", "b", "c", "d", "a"],
        tuple("abcda"),
        "1:a 2:b 3:c 4:d 5:a",
        "1-a, 2-b, 3-c, 4-d, 5-a",
        "a-b-c-d-a",
        "a – b – c – d – a",
        "1) a\n2) b\n3) c\n4) d\n5) a",
        "1=a; 2=b; 3=c; 4=d; 5=a",
        "1. a, 2. b, 3. c, 4. d, 5. a",
        "a|b|c|d|a",
        "a_b_c_d_a",
        "[a] [b] [c] [d] [a]",
        "5:a 4:d 3:c 2:b 1:a",
        "2b 1a 3c 5a 4d",
        "１：ａ　２：ｂ　３：ｃ　４：ｄ　５：ａ",
        "a، b، c، d، a",
        "a、b、c、d、a",
        "1→a 2→b 3→c 4→d 5→a",
    ],
)
def test_the_letters_of_a_quiz_may_have_commas_numbers_or_be_a_list(answers: Any) -> None:
    assert str(checks.quiz(1, answers)) == str(checks.quiz(1, "abcda"))


def test_missing_and_surplus_letters_are_reported() -> None:
    for answers in (
        "",
        "abcd",
        "abcdab",
        "1:a 2:b",
        "9" * 5000,
        "1-a 2-b 3-c 4-d 5-e 6-a",
        [],
        ["a"],
        ("a",) * 6,
        {"a": 1},
        12345,
        True,
        ...,
        Hostile(),
        Pretender(),
    ):
        assert "Give 5 letters" in str(checks.quiz(1, answers))


# ---------------------------------------------------------------------------------------------------------------------
# Answers to exercises
# ---------------------------------------------------------------------------------------------------------------------

OWN_HARNESS = ("training_step", "seconds_per_call", "stratified_split", "vertical_edges", "logits_anywhere")
PLAIN = [exercise for exercise in EXERCISES if exercise.name not in OWN_HARNESS]
IN_PIXELS = ("brighten", "cutout", "denormalise")


def by_name(exercise: Check) -> str:
    return exercise.name


def generated() -> Iterator[int]:
    yield 1


async def waited_for() -> int:
    return 1


def in_itself() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(5000):
        found = [found]
    return found


def quantized() -> torch.Tensor:
    return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8)


RESULTS: dict[str, Callable[[], Any]] = {
    "huge": lambda: 10**400,
    "huge beyond text": lambda: 10**5000,
    "huge, negative": lambda: -(10**400),
    "huge in a list": lambda: [10**400] * 3,
    "huge fraction": lambda: Fraction(10**400, 3),
    "infinite": lambda: float("inf"),
    "nan": lambda: float("nan"),
    "tensor of nan": lambda: torch.full((3, 6, 6), float("nan")),
    "tensor of inf": lambda: torch.full((3, 6, 6), float("inf")),
    "complex": lambda: 1j,
    "complex tensor": lambda: torch.ones(3, dtype=torch.complex64),
    "complex array": lambda: np.ones(3, np.complex128),
    "bfloat16": lambda: torch.ones(3, dtype=torch.bfloat16),
    "float16": lambda: torch.ones(3, dtype=torch.float16),
    "float8": lambda: torch.ones(3).to(torch.float8_e4m3fn),
    "float16 array": lambda: np.ones(3, np.float16),
    "quantized": quantized,
    "meta": lambda: torch.ones(3, device="meta"),
    "list of meta": lambda: [torch.ones(3, device="meta")] * 2,
    "sparse": lambda: torch.eye(3).to_sparse(),
    "sparse rows": lambda: torch.eye(3).to_sparse_csr(),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "parameter": lambda: nn.Parameter(torch.ones(3)),
    "with gradient": lambda: torch.ones(3, requires_grad=True) * 2,
    "empty": lambda: torch.empty(0),
    "objects": lambda: np.array([object(), None]),
    "texts": lambda: np.array(["1", "2"]),
    "dates": lambda: np.array(["2024-01-01"], "datetime64[D]"),
    "records": lambda: np.zeros(2, [("a", int)]),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "matrix": lambda: np.matrix([[1, 2], [3, 4]]),
    "generator": generated,
    "map": lambda: map(int, "12"),
    "range": lambda: range(3),
    "dict": lambda: {"a": 1},
    "values": lambda: {"a": 1}.values(),
    "set": lambda: {1, 2},
    "text": lambda: "42",
    "NumPy text": lambda: np.str_("42"),
    "text in a list": lambda: ["1", "2"],
    "bytes": lambda: b"42",
    "bytearray": lambda: bytearray(b"42"),
    "picture": lambda: Image.new("RGB", (6, 6)),
    "function": lambda: len,
    "lambda": lambda: lambda: 1,
    "partial": lambda: partial(int, 1),
    "class": lambda: int,
    "module": lambda: torch,
    "network": lambda: nn.Linear(2, 2),
    "list of layers": lambda: nn.Sequential(nn.Linear(2, 2)),
    "coroutine": lambda: waited_for(),
    "exception": lambda: ValueError("returned"),
    "nothing": lambda: None,
    "nothing in a list": lambda: [None, None],
    "in itself": in_itself,
    "deep": deep,
    "ragged": lambda: [[1, 2], [3]],
    "object": object,
    "hostile": Hostile,
    "hostile in a list": lambda: [Hostile(), Hostile()],
    "hostile array": lambda: np.array([Hostile(), None], object)[:1],
    "pretender": Pretender,
    "not a time": lambda: np.datetime64("NaT"),
}


class Odd(BaseException):
    """An exception that `except Exception` does not see, and that cannot be read."""

    def __str__(self) -> str:
        raise ArithmeticError("hostile")


def raising(error: BaseException) -> Callable[..., Any]:
    def answer(*_: Any) -> Any:
        raise error

    return answer


def for_ever(*given: Any) -> Any:
    return for_ever(*given)


def in_place(*given: Any) -> Any:
    for value in given:
        if isinstance(value, torch.Tensor):
            for _ in range(3):
                value.mul_(0)
        elif isinstance(value, list):
            value[:] = [Hostile(), 10**400]
    return 1


class Called:
    def __call__(self, *_: Any) -> Any:
        raise Odd


def yields(*_: Any) -> Any:
    yield 1


async def asynchronous(*_: Any) -> Any:
    return 1


FUNCTIONS: dict[str, Any] = {
    "exit": lambda *_: sys.exit(),
    "exit with words": lambda *_: sys.exit("bye"),
    "SystemExit": raising(SystemExit(3)),
    "GeneratorExit": raising(GeneratorExit()),
    "StopIteration": raising(StopIteration()),
    "CancelledError": raising(asyncio.CancelledError()),
    "MemoryError": raising(MemoryError()),
    "odd": raising(Odd()),
    "long": raising(ValueError("long " * 1000)),
    "many lines": raising(
        RuntimeError("what\nhappened\n\nException raised from f (most recent call first):\nframe #0")
    ),
    "for ever": for_ever,
    "too few arguments": lambda: 1,
    "too many": lambda a, b, c, d, e, f, g: 1,
    "by keyword": lambda *_, needed: 1,
    "in place": in_place,
    "yields": yields,
    "asynchronous": asynchronous,
    "called": Called(),
    "len": len,
    "print": print,
    "int": int,
    "list": list,
    "object": object,
    "partial": partial(pow, 2),
    "a network": nn.Linear(2, 2),
    "an exception": ValueError,
}

NO_FUNCTIONS: tuple[Any, ...] = (
    42, "my_answer", [], [Hostile()], {}, 10**5000, Hostile(), Pretender(), torch, torch.ones(3), np.ones(3),
    in_itself(),
    np.float64("nan"), b"x", NotImplemented,
)  # fmt: skip


def told(verdict: Any) -> str:
    """The text of a verdict, which must be readable."""
    assert isinstance(verdict, Verdict)
    said, _, hint = str(verdict).partition("\n")
    assert (hint == f"Stuck? checks.hint({verdict.exercise.name!r}) helps, one step at a time.") == (
        verdict.state == "wrong"
    )
    assert len(said) < 900 and verdict._repr_mimebundle_()
    assert not any(words in said for words in ("Traceback", "most recent call", " at 0x", "\n"))
    return said


@pytest.fixture
def two_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare with two draws instead of eight: an answer without sense is judged by the first one or by the second."""
    monkeypatch.setattr(engine, "_DRAWS", 2)


@pytest.fixture
def three_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare with three draws instead of eight: two are square, and the third is not."""
    monkeypatch.setattr(engine, "_DRAWS", 3)


def some_of(kinds: Mapping[str, Any], exercise: Check, every: int) -> list[tuple[str, Any]]:
    """Every third kind, say; the next exercise takes the next ones, so that each kind meets many exercises."""
    return list(kinds.items())[EXERCISES.index(exercise) % every :: every]


all_once_a_week = pytest.param(1, marks=pytest.mark.slow)


@pytest.mark.usefixtures("two_draws")
@pytest.mark.parametrize("every", [3, all_once_a_week])
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_every_exercise_judges_whatever_is_returned(exercise: Check, every: int) -> None:
    for name, make in some_of(RESULTS, exercise, every):
        verdict = exercise(lambda *_, make=make: make())
        assert verdict.state == "wrong", (name, told(verdict))
        assert "<class" not in told(verdict), name


@pytest.mark.usefixtures("two_draws")
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_every_exercise_judges_whatever_is_called(exercise: Check) -> None:
    for name, answer in FUNCTIONS.items():
        if exercise.name == "vertical_edges" and name == "too few arguments":
            continue  # it has none
        verdict = exercise(answer)
        assert verdict.state == "wrong", (name, told(verdict))
    assert "SystemExit" in told(exercise(FUNCTIONS["exit"])) and "RecursionError" in told(exercise(for_ever))


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_every_exercise_says_that_it_asks_for_a_function(exercise: Check) -> None:
    for answer in NO_FUNCTIONS:
        assert "function" in told(exercise(answer))


def test_ctrl_c_still_stops() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        checks.brighten(raising(KeyboardInterrupt()))
    assert torch.equal(torch.get_rng_state(), before) and torch.is_grad_enabled()


def converted(value: Any, convert: Callable[[torch.Tensor], Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(converted(member, convert) for member in value)
    return convert(value) if isinstance(value, torch.Tensor) else value


def detached(values: torch.Tensor) -> Any:
    return values.detach().numpy()


FORMS: dict[str, Callable[[torch.Tensor], Any]] = {
    "NumPy": detached,
    "NumPy in Fortran's order": lambda values: np.array(detached(values), order="F"),
    "read-only": lambda values: np.broadcast_to(detached(values), values.shape),
    "unmasked": lambda values: np.ma.masked_array(detached(values), False),
    "flipped twice": lambda values: np.flip(np.flip(detached(values)).copy()),
    "a view": lambda values: values[None].expand(3, *values.shape)[1],
    "sparse": lambda values: values.to_sparse(),
    "a subclass": lambda values: nn.Parameter(values, requires_grad=values.is_floating_point()),
    "with gradient": lambda values: values.clone().requires_grad_(values.is_floating_point()),
}
NO_PIXELS: dict[str, Callable[[torch.Tensor], Any]] = {
    "lists": lambda values: values.tolist(),
    "float64": lambda values: detached(values).astype(np.float64),
    "objects": lambda values: detached(values).astype(object),
    "fractions": lambda values: np.vectorize(Fraction, otypes=[object])(detached(values).astype(np.float64)),
}


@pytest.mark.usefixtures("three_draws")
@pytest.mark.parametrize("every", [2, all_once_a_week])
@pytest.mark.parametrize("exercise", PLAIN, ids=by_name)
def test_right_numbers_are_right_in_every_form(exercise: Check, every: int) -> None:
    answer = solution(exercise.name)
    for name, convert in some_of({**FORMS, **NO_PIXELS}, exercise, every):
        if exercise.name == "quantise" and name not in ("NumPy", "NumPy in Fortran's order", "flipped twice", "a view"):
            continue  # it asks for numbers of one byte, which the other forms do not have
        verdict = exercise(lambda *given, convert=convert: converted(answer(*given), convert))
        if exercise.name in IN_PIXELS and name in NO_PIXELS:
            assert "the numbers are right" in told(verdict) and "Pixels are uint8" in told(verdict), name
        else:
            assert verdict.state == "right" and bool(verdict.picture) == bool(exercise.shows), (name, told(verdict))


def test_a_right_answer_in_numpy_has_the_picture_of_one_in_tensors() -> None:
    def with_numpy(image: torch.Tensor, amount: int) -> Any:
        return np.clip(image.numpy().astype(int) + amount, 0, 255).astype(np.uint8)

    assert checks.brighten(with_numpy) == checks.brighten(solution("brighten"))
    assert checks.brighten(with_numpy).state == "right"


def test_the_reply_to_an_array_of_floats_says_how_to_make_pixels() -> None:
    verdict = checks.brighten(lambda image, amount: np.clip(image.numpy() * 1.0 + amount, 0, 255))
    assert "an array" in told(verdict) and "float64" in told(verdict) and ".astype(np.uint8)" in told(verdict)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_right_numbers_in_a_short_format_hear_that_rounding_spoils_them(dtype: torch.dtype) -> None:
    verdict = checks.normalise(lambda images: solution("normalise")(images).to(dtype))
    assert (
        verdict.state == "wrong" and str(dtype).removeprefix("torch.") in told(verdict) and "float32" in told(verdict)
    )
    far = checks.normalise(lambda images: (solution("normalise")(images) + 1).to(dtype))
    assert "numbers differ; this is the first" in told(far)


def test_the_real_part_alone_is_not_taken_for_the_answer() -> None:
    for spoil in (
        lambda values: values + 5j,
        lambda values: values.to(torch.complex64),
        lambda values: values.numpy() * 1j,
    ):
        verdict = checks.softmax(lambda logits, spoil=spoil: spoil(solution("softmax")(logits)))
        assert verdict.state == "wrong" and ".real" in told(verdict)


def test_results_that_share_one_buffer_are_compared_as_they_were_returned() -> None:
    kept: list[torch.Tensor] = [torch.zeros(200)]

    def reused(logits: torch.Tensor) -> torch.Tensor:
        right = solution("softmax")(logits)
        return kept[0][: right.numel()].view_as(right).copy_(right)

    assert checks.softmax(reused).state == "right"


def test_half_an_answer_is_still_open() -> None:
    assert checks.precision_recall(lambda confusion: (confusion.diagonal(), ...)).state == "open"


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_a_check_leaves_random_numbers_and_defaults_as_they_were(exercise: Check) -> None:
    answer = solution(exercise.name)

    def careless(*given: Any) -> Any:
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        right = answer(*given)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        np.seterr(all="raise")
        return right

    handled = np.geterr()
    drawn = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert exercise(careless).state == "right"
    assert torch.equal(torch.get_rng_state(), drawn[0])
    assert np.random.get_state()[1].tolist() == drawn[1] and random.getstate() == drawn[2]
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled() and np.geterr() == handled
    assert torch.get_default_device().type == "cpu" and torch.ones(1).device.type == "cpu"


@pytest.mark.usefixtures("three_draws")
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_a_check_is_the_same_whatever_the_notebook_has_set(exercise: Check) -> None:
    usual = exercise(solution(exercise.name))
    with torch.no_grad():
        assert exercise(solution(exercise.name)) == usual
    with np.errstate(all="raise"):
        assert exercise(solution(exercise.name)) == usual
    with torch.inference_mode():
        assert exercise(solution(exercise.name)) == usual
    torch.set_default_dtype(torch.float64)
    try:
        assert exercise(solution(exercise.name)) == usual
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_an_answer_prints_is_shown_at_first_and_does_not_flood_the_notebook(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def talkative(logits: torch.Tensor) -> torch.Tensor:
        for line in range(10_000):
            print("line", line)
        return solution("softmax")(logits)

    assert checks.softmax(talkative).state == "right"
    shown = capsys.readouterr().out
    assert shown.startswith("line 0\nline 1\n") and len(shown) < 3000 and "left out" in shown
    checks.softmax(lambda logits: print(logits.shape) or solution("softmax")(logits))
    assert "left out" not in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------------------
# Results without end
# ---------------------------------------------------------------------------------------------------------------------


class Long:
    """A sequence with a length, whose members must never be read."""

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, place: int) -> int:
        return 1


class Endless(list[Any]):
    """A list that never ends."""

    def __iter__(self) -> Iterator[int]:
        return itertools.repeat(1)


TOO_LONG: dict[str, Callable[[], Any]] = {
    "range": lambda: range(10**9),
    "range backwards": lambda: range(10**9, 0, -1),
    "range in a list": lambda: [range(10**9)],
    "many ranges": lambda: [range(10**4)] * 10**4,
    "tuple": lambda: (0,) * 10**6,
    "list": lambda: [0.0] * 10**6,
    "lists of lists": lambda: [[0.0] * 1000] * 1000,
    "tensor": lambda: torch.zeros(1).expand(10**10),
    "list of tensors": lambda: [torch.zeros(1).expand(10**4)] * 10**4,
    "array": lambda: np.broadcast_to(np.zeros(1), (10**10,)),
    "objects": lambda: np.broadcast_to(np.array([1], object), (10**8,)),
    "sparse": lambda: torch.sparse_coo_tensor(torch.tensor([[5]]), torch.ones(1), (10**10,)),
    "bytes as numbers": lambda: memoryview(bytes(10**6)),
    "deque": lambda: collections.deque(range(10**6)),
    "sequence": Long,
    "endless": Endless,
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_result_that_is_far_too_large_is_reported_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_DRAWS", 2)  # each reads the first 100,000 numbers once more
    started = time.monotonic()
    for exercise in (checks.best_epoch, checks.stratified_split, checks.vertical_edges):
        verdict = exercise(lambda *_: TOO_LONG[name]())
        assert verdict.state == "wrong", told(verdict)
    assert "more than 100,000 numbers" in told(checks.softmax(lambda logits: TOO_LONG[name]()))
    assert time.monotonic() - started < 10


def test_no_exercise_asks_for_nearly_as_many_numbers() -> None:
    def count(value: Any) -> int:
        if isinstance(value, (list, tuple)):
            return sum(map(count, value))
        return value.numel() if isinstance(value, torch.Tensor) else 1

    for exercise in EXERCISES:
        draws = (exercise.draw(torch.Generator().manual_seed(k), k) for k in range(8))
        assert max(count(exercise.reference(*given)) for given in draws) < 20_000, exercise.name
