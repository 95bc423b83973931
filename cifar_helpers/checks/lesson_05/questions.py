"""Numbers of the questions of lesson 05: each public function is a field of `questions.md`."""

from cifar_helpers.models import MLP
from cifar_helpers.timing import recorded_benchmark

_BYTES = 4  # of a float32 number


def operations_a_byte() -> float:
    """Operations of the MLP per byte of parameters, with one image: a product and an addition for each weight."""
    parameters = list(MLP().parameters())
    weights = sum(p.numel() for p in parameters if p.dim() == 2)
    return 2 * weights / (_BYTES * sum(p.numel() for p in parameters))


def factors_of_changes() -> tuple[float, ...]:
    """How many times as fast each of four changes made an epoch in the record, in the order of the options."""
    gains = {row["engine"]: float(row["gain"]) for row in recorded_benchmark("b")}
    changes = ("whole batches", "channels last", "bfloat16 in training", "fused update")
    return tuple(gains[f"+ {change}"] for change in changes)
