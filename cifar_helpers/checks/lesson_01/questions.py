"""Numbers in the questions of lesson 01: each public function is a field of `questions.md`."""


def largest_shift() -> float:
    """The largest shift of an augmentation, in pixels, in each direction."""
    return 4.0


def augmented_pictures() -> float:
    """How many different pictures one picture can become: all shifts down and across, mirrored or not."""
    return 2 * (2 * largest_shift() + 1) ** 2
