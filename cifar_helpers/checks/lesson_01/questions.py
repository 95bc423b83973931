"""Questions of lesson 01: whole numbers that run over, what normalising does, augmented pictures, shared transforms."""

from __future__ import annotations

from cifar_helpers.checks.questions import Belief, Choice, Number, Option, Question

__all__ = ["PREDICTIONS", "QUIZ"]

_MOST = 4  # pixels of a shift, each way


def _augmented_pictures() -> float:
    return float(2 * (2 * _MOST + 1) ** 2)


PREDICTIONS: tuple[Question, ...] = (
    Choice(
        "wraps_around",
        1,
        "A tensor of the type uint8 holds a brightness of 250, and we add 10. What does it hold then?",
        (
            Option("260", "Eight bits hold whole numbers from 0 to 255, and none beyond."),
            Option(
                "255",
                "That is how an overexposed photograph behaves. Arithmetic does not stop at the limit; who wants that "
                "has to clamp.",
            ),
            Option(
                "4",
                "After 255 counting begins again at 0, as a clock does after twelve: 260 − 256 = 4. No error tells "
                "you.",
                right=True,
            ),
            Option(
                "Nothing: it raises an error",
                "An error would be kind. Whole numbers of a fixed size run over in silence.",
            ),
        ),
    ),
    Choice(
        "histogram",
        1,
        "Normalising subtracts the mean of a channel and divides by its std. What does it do to the histogram?",
        (
            Option(
                "It becomes a bell, as of a normal distribution.",
                "The name suggests it. But every number is shifted and stretched alike, so a histogram with two humps "
                "keeps both.",
            ),
            Option(
                "The shape stays; the numbers on the axis change.",
                "Every number is shifted and stretched in the same way, so what was twice as frequent still is.",
                right=True,
            ),
            Option(
                "It becomes flat: each value is then equally frequent.",
                "That is another method, histogram equalisation. It moves different values by different amounts, "
                "which normalising does not.",
            ),
            Option(
                "Its outer ends are cut off.",
                "Nothing is cut: the way back gives every pixel as it was. Clamping would be a step of its own.",
            ),
        ),
    ),
    Number(
        "augmented_pictures",
        1,
        f"A picture is mirrored or not, then moved by up to {_MOST} pixels up or down and up to {_MOST} to the left or "
        "right. How many different pictures can come of one?",
        "pictures",
        _augmented_pictures,
        "Nine places up and down, nine across, and two for the mirror: 9 × 9 × 2. Each epoch draws one of them.",
        (
            Belief(
                0.0,
                24.0,
                "The choices are multiplied, not added: each of the nine places up and down goes with each of the "
                "nine across.",
            ),
            Belief(
                24.0,
                60.0,
                "A move goes both ways: 4 up, 4 down, or none are nine places, and as many across.",
            ),
            Belief(80.0, 83.0, "That is right for the moves, 9 × 9. The mirror doubles them."),
            Belief(126.0, 130.0, "That is 8 × 8 × 2. Not moving is a choice too: nine each way."),
            Belief(
                1000.0,
                1e12,
                "Pictures move by whole pixels here, and are neither turned nor coloured: the choices can be counted.",
            ),
        ),
        close=0.01,
    ),
    Choice(
        "shared_transform",
        1,
        "One dataset mirrors its pictures at random. random_split divides it, and we look at one validation image "
        "eight times. What do we see?",
        (
            Option(
                "Now the picture, now its mirror image.",
                "Both parts read from the one dataset, and its transform draws anew whenever an image is read.",
                right=True,
            ),
            Option(
                "Eight times the picture: a validation part is not augmented.",
                "Nobody told it so. random_split deals out positions, and both parts read through the same transform.",
            ),
            Option(
                "Eight times the same, mirrored or not as was drawn at the split.",
                "The split touches no picture. The transform works when an image is read, each time anew.",
            ),
            Option(
                "Mirrored ones while the network trains, plain ones after eval().",
                "eval() changes layers of a network, such as dropout. A dataset knows nothing of it.",
            ),
        ),
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_01_1",
        1,
        "An image is a tensor of the shape (3, 32, 32). What is image[0]?",
        (
            Option(
                "Its top row of pixels",
                "So it would be for the shape (32, 32, 3), which PIL and Matplotlib use. PyTorch puts channels first.",
            ),
            Option(
                "The first of three images",
                "Three images would have one dimension more: (3, 3, 32, 32).",
            ),
            Option(
                "The three numbers of the upper left pixel",
                "Those are image[:, 0, 0]: all channels, row 0, column 0.",
            ),
            Option(
                "The red values of all pixels",
                "The first dimension counts the channels, and red is the first of them.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_01_2",
        1,
        "A friend takes mean and std from all 60,000 images, test images included. What do you say?",
        (
            Option(
                "Harmless: no label was used.",
                "Labels are not all that leaks: test images helped to choose the numbers that each input goes "
                "through. Here the effect is tiny, the habit is not.",
            ),
            Option(
                "Take them from the training images, and use them for all.",
                "They are part of what is learned. Test images must influence nothing, and are prepared as training "
                "images are.",
                right=True,
            ),
            Option(
                "Each part needs a mean and std of its own.",
                "Then the same picture would become other numbers in the test than in training.",
            ),
            Option(
                "Take them from the test images, for these are to be judged.",
                "They would then influence all of the training. And a single new photo brings no mean of its own kind.",
            ),
        ),
    ),
    Choice(
        "quiz_01_3",
        1,
        "You train a network on handwritten digits. Which augmentation makes labels false?",
        (
            Option("Moving them by two pixels", "A 7 that stands a little farther to the left is a 7."),
            Option("A little more brightness", "A pale 7 is a 7, and the pens of the world differ more than that."),
            Option(
                "Turning them upside down",
                "A 6 becomes a 9 and keeps the label 6. What is safe depends on the task.",
                right=True,
            ),
            Option(
                "A small grey square on them",
                "Enough of most digits is left. Only a square as large as the digit would hide what it is.",
            ),
        ),
    ),
    Choice(
        "quiz_01_4",
        1,
        "Nine of ten images in a data set show cars, and a network is right on nine of ten. What has it learned?",
        (
            Option(
                "Perhaps nothing: always saying “car” does as well.",
                "Compare with the best single answer first. For balanced classes like those of CIFAR-10 it is right "
                "once in ten.",
                right=True,
            ),
            Option(
                "A great deal: nearly all of its answers are right.",
                "So are those of a sign that reads “car”. A share says little without what guessing would give.",
            ),
            Option(
                "Cars well, other things not yet.",
                "Possible, but this number cannot tell. It would be the same if the network saw no picture at all.",
            ),
            Option(
                "Too much: it has learned them by heart.",
                "That shows in the difference between training and validation images, and only one number is given.",
            ),
        ),
    ),
    Choice(
        "quiz_01_5",
        1,
        "Some validation images have a near-duplicate among the training images. What does that do to validation "
        "accuracy?",
        (
            Option(
                "Nothing, as they are different files.",
                "To a network they are almost the same numbers, and it was told the label of the one.",
            ),
            Option(
                "It comes out too high.",
                "On these images remembering is enough. New photographs have no twin in the training images.",
                right=True,
            ),
            Option(
                "It comes out too low: what is seen twice counts half.",
                "No image counts less. What was seen in training is answered better than what is new.",
            ),
            Option(
                "It only varies more from one training to the next.",
                "The twins are the same in every training, and they err in one direction.",
            ),
        ),
    ),
)
