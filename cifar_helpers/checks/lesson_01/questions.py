"""Numbers of the questions of lesson 01: each public function is a field of `questions.md`."""


def largest_shift() -> float:
    """Pixels of an augmentation's shift, each way."""
    return 4.0


def augmented_pictures() -> float:
    """How many pictures come of one: each place up and down, each across, mirrored or not."""
    return 2 * (2 * largest_shift() + 1) ** 2
