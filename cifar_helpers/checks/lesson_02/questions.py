"""Numbers of the questions of lesson 02: each public function is a field of `questions.md`."""

from cifar_helpers.kernels import output_size, receptive_field


def rows_of_output() -> float:
    """Rows that a 3 × 3 kernel makes of 32."""
    return float(output_size(32, kernel=3))


def three_blocks() -> float:
    """Receptive field after three blocks of convolution and pooling, in pixels."""
    return float(receptive_field([(3, 1), (2, 2)] * 3)[-1])
