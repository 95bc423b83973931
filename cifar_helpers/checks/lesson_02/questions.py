"""Numbers of the questions of lesson 02: each public function is a field of `questions.md`."""

from typing import Final

from cifar_helpers.kernels import KERNELS, output_size, receptive_field

_ON_PAPER: Final = ((1, 2, 3), (0, 1, 5), (2, 2, 2))  # the window that the lesson prints


def paper_sum() -> float:
    """Sum of the products of the window on paper and the Sobel kernel for vertical edges."""
    pairs = zip(_ON_PAPER, KERNELS["Sobel, vertical edges"], strict=True)
    return float(sum(a * b for row, numbers in pairs for a, b in zip(row, numbers, strict=True)))


def rows_of_output() -> float:
    """Rows that a 3 × 3 kernel makes of 32."""
    return float(output_size(32, kernel=3))


def conv_numbers() -> float:
    """Weights and biases of 32 kernels of 3 × 3 on a colour picture."""
    return 32 * (3 * 3 * 3 + 1.0)


def three_blocks() -> float:
    """Receptive field after three blocks of convolution and pooling, in pixels."""
    return float(receptive_field([(3, 1), (2, 2)] * 3)[-1])
