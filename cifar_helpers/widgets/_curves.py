"""Loss and accuracy of trainings as two charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cifar_helpers.training.history import History
from cifar_helpers.widgets._chart import Axis, Line, line_chart


@dataclass(frozen=True)
class Curves:
    """Trainings that differ by their seed alone.

    Attributes:
        name: in the key.
        histories: at least one.
    """

    name: str
    histories: Sequence[History]

    def lines(self, column: str, style: int) -> list[Line]:
        """Training and validation: the mean over the seeds, and a band from the least to the greatest."""
        found = []
        for offset, part in enumerate(("train", "validation")):
            columns = [history[f"{part}_{column}"] for history in self.histories]
            epochs = [float(e) for e in self.histories[0]["epoch"]]
            rows = list(zip(*columns, strict=True))
            means = [sum(values) / len(values) for values in rows]
            band = [(min(values), max(values)) for values in rows] if len(columns) > 1 else []
            name = f"{self.name}{'training' if part == 'train' else part}"
            found.append(Line(name, list(zip(epochs, means, strict=True)), style + offset, band))
        return found


def curves_html(groups: Sequence[Curves], epochs: int, marks: Sequence[tuple[float, str]] = ()) -> str:
    """Losses and accuracies side by side.

    Args:
        groups: trainings to compare.
        epochs: right end of the axis.
        marks: epochs to mark, each with its name.
    """
    axis = Axis("epoch", least=0, greatest=max(epochs, 1))
    last = [history.rows[-1] for group in groups for history in group.histories if len(history)]
    charts = []
    for column, y in (("loss", Axis("loss (nats)")), ("accuracy", Axis("accuracy", "{:.0%}".format))):
        lines = [line for k, group in enumerate(groups) for line in group.lines(column, 2 * k)]
        ends = "; ".join(
            f"epoch {row.epoch}: training {getattr(row, f'train_{column}'):.2f}, "
            f"validation {getattr(row, f'validation_{column}'):.2f}"
            for row in last
        )
        charts.append(
            line_chart(lines, axis, y, f"{column} by epoch. {ends or 'No epoch yet'}", marks=marks, width=400)
        )
    return "".join(charts)
