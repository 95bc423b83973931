"""Numbers of the questions of lesson 05: each public function is a field of `questions.md`."""

from cifar_helpers.models import MLP

_BYTES = 4  # of a float32 number


def operations_a_byte() -> float:
    """Operations of the MLP per byte of parameters, with one image: a product and an addition for each weight."""
    parameters = list(MLP().parameters())
    weights = sum(p.numel() for p in parameters if p.dim() == 2)
    return 2 * weights / (_BYTES * sum(p.numel() for p in parameters))
