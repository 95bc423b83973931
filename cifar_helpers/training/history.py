"""What happened in a training run, epoch by epoch."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

from cifar_helpers._paths import atomic_write, reading_problem, user_path, writing_problem

__all__ = ["Epoch", "History"]


@dataclass(frozen=True)
class Epoch:
    """One row of a `History`.

    Attributes:
        epoch: number of the epoch, counted from 1.
        train_loss: mean cross-entropy over the training images, measured during the epoch (with dropout and
            augmentation on), in nats.
        train_accuracy: share of correct predictions for the same images, 0..1.
        validation_loss: mean cross-entropy over the validation images in eval mode; NaN without them.
        validation_accuracy: share of correct predictions for them, 0..1; NaN without them.
        learning_rate: of the last step of the epoch.
        seconds: wall time of the epoch, including validation.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


COLUMNS = tuple(f.name for f in fields(Epoch))


@dataclass
class History:
    """The epochs of a training run, in order. `history["train_loss"]` gives a column as a list.

    Attributes:
        rows: one per complete epoch.
        precision: `float32` or `bfloat16`, as `fit` chose; empty if unknown. A CSV file does not store it.
    """

    rows: list[Epoch] = field(default_factory=list)
    precision: str = field(default="", compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> list[float]:
        if column not in COLUMNS:
            raise KeyError(f"there is no column {column!r}; choose one of {', '.join(COLUMNS)}")
        return [getattr(row, column) for row in self.rows]

    @property
    def best_epoch(self) -> int:
        """Number of the epoch with the lowest validation loss.

        Raises:
            ValueError: if no epoch was validated.
        """
        validated = [row for row in self.rows if not math.isnan(row.validation_loss)]
        if not validated:
            raise ValueError("no epoch of this history has a validation loss: pass validation= to fit")
        return min(validated, key=lambda row: row.validation_loss).epoch

    def to_csv(self, path: Path | str) -> None:
        """Write a header and one line per epoch; `from_csv` reads the same numbers back.

        Raises:
            TypeError: if `path` is not a path.
            ValueError: if the file cannot be written, with the reason.
        """
        target = user_path(path)
        if target.is_dir():
            raise ValueError(f"{target} is a folder, not a file: name a file in it")
        try:
            with atomic_write(target) as part, part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                writer.writerows(astuple(row) for row in self.rows)
        except OSError as error:
            raise ValueError(writing_problem(target, error)) from error

    @classmethod
    def from_csv(cls, path: Path | str) -> History:
        """Read a history that `to_csv` wrote.

        Raises:
            TypeError: if `path` is not a path.
            ValueError: if the file cannot be read, or its header or a line is wrong; it names the line.
        """
        path = user_path(path)
        if problem := reading_problem(path):
            raise ValueError(problem)
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:  # a spreadsheet may have added a byte-order mark
                lines = list(csv.reader(file))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} is not a history: it is not a CSV file ({error})") from error
        if not lines or tuple(lines[0]) != COLUMNS:
            raise ValueError(f"{path} is not a history: its first line must be {','.join(COLUMNS)}")
        rows = []
        for number, line in enumerate(lines[1:], start=2):
            if not line:
                continue
            try:
                epoch, *numbers = line
                rows.append(Epoch(int(epoch), *(float(x) for x in numbers)))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path}, line {number}: {line} is not a row of a history") from error
        return cls(rows)

    def __str__(self) -> str:
        """A readable table."""
        head = "epoch   train loss   accuracy   val. loss   accuracy   seconds"
        lines = [
            f"{r.epoch:5d}   {r.train_loss:10.3f}   {r.train_accuracy:8.1%}   {r.validation_loss:9.3f}"
            f"   {r.validation_accuracy:8.1%}   {r.seconds:7.1f}"
            for r in self.rows
        ]
        return "\n".join([head, *lines])
