"""Questions of lesson 02: sizes, turned kernels, what kernels add up to, and how far a unit sees."""

from __future__ import annotations

from cifar_helpers.checks.questions import Belief, Choice, Number, Option, Question
from cifar_helpers.kernels import output_size, receptive_field

__all__ = ["PREDICTIONS", "QUIZ"]


def _rows_of_output() -> float:
    return float(output_size(32, kernel=3))


def _sight_after_three_blocks() -> float:
    return float(receptive_field([(3, 1), (2, 2)] * 3)[-1])


PREDICTIONS: tuple[Question, ...] = (
    Number(
        "rows_of_output",
        2,
        "A kernel of 3 × 3 slides over an image of 32 × 32 pixels. Every window that lies wholly in the image gives "
        "one number. How many rows of numbers come out?",
        "rows",
        _rows_of_output,
        "The top of the window can stand in row 0, 1, … 29: in 32 − 3 + 1 places.",
        (
            Belief(
                32.0,
                33.0,
                "For as many rows as the image has, the window would have to reach over its border.",
            ),
            Belief(31.0, 32.0, "Two places are lost, not one: the window has three rows, and all must fit in."),
            Belief(29.0, 30.0, "Rows 0 to 29 are thirty places: the first counts too."),
            Belief(
                10.0,
                12.0,
                "Windows overlap: the next begins one pixel farther, not where the last one ends.",
            ),
            Belief(33.0, 100.0, "Without a border around the image the output cannot be larger than the image."),
        ),
        close=0.01,
    ),
    Choice(
        "turned_kernels",
        2,
        "Mathematics turns a kernel by 180° before it slides it. For which of our kernels does that change nothing?",
        (
            Option(
                "For identity, blur and sharpen",
                "They look the same when turned. An edge kernel becomes its own opposite, and so does its answer.",
                right=True,
            ),
            Option(
                "For both Sobel kernels: an edge stays an edge",
                "The edge is found again, with the other sign: dark to bright is now called bright to dark.",
            ),
            Option(
                "For all: the order of nine products does not matter",
                "The order of the sum does not. But turned, each number meets another pixel of the window.",
            ),
            Option(
                "For none: a kernel that is turned is another one",
                "Not if it looks the same from both ends, and three of the six do.",
            ),
        ),
    ),
    Choice(
        "sum_of_kernel",
        2,
        "A kernel slides over an even grey area. What must its numbers add up to if the grey is to stay as it is? And "
        "if the answer is to be 0?",
        (
            Option(
                "9, and 0",
                "Nine ones would make the grey nine times as bright: the products are added, and not divided by nine.",
            ),
            Option(
                "0, and less than 0",
                "Numbers that add up to 0 make 0 out of any grey. A negative sum makes negative answers.",
            ),
            Option(
                "Any number: only the middle one counts",
                "On an even area all nine pixels are alike, so each number of the kernel counts the same.",
            ),
            Option(
                "1, and 0",
                "All nine pixels are alike, so the answer is the grey times the sum of the kernel.",
                right=True,
            ),
        ),
    ),
    Number(
        "three_blocks",
        2,
        "A block is a 3 × 3 convolution, then 2 × 2 pooling with stride 2. How wide is the square of input pixels that "
        "can reach a unit after three blocks?",
        "pixels",
        _sight_after_three_blocks,
        "Each pooling doubles the pixels between neighbours. So the convolutions add 2, 4 and 8 pixels, the poolings "
        "1, 2 and 4, to the one at the start.",
        (
            Belief(
                7.0,
                8.0,
                "Three convolutions one after another see that far. Behind each pooling a kernel's numbers lie twice "
                "as far apart.",
            ),
            Belief(10.0, 11.0, "That is the answer after two blocks, or after three without the doubled steps."),
            Belief(15.0, 16.0, "The convolutions alone add up to that. Pooling looks at two places, which adds too."),
            Belief(18.0, 19.0, "That is after the third convolution. Its pooling adds another 4 pixels."),
            Belief(24.0, 28.0, "Neighbouring windows overlap, so widths are not simply multiplied."),
            Belief(31.0, 33.0, "That would be the whole image. It takes one more layer to see that far."),
        ),
        close=0.01,
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_02_1",
        2,
        "You change the sign of every number in a kernel for vertical edges. What does the result show?",
        (
            Option(
                "Horizontal edges",
                "For those the kernel must be turned on its side: rows and columns exchanged.",
            ),
            Option(
                "A blurred image",
                "Blurring takes numbers of one sign. These still add up to 0, so even areas still give 0.",
            ),
            Option(
                "Nothing, as it cancels out",
                "Left and right still differ where there is an edge. Only what is subtracted from what has changed.",
            ),
            Option(
                "The same edges with opposite signs",
                "Every product changes its sign, so every sum does. The purple becomes orange, the places stay.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_02_2",
        2,
        "An image of 28 × 28 pixels meets a kernel of 5 × 5 with stride 1. Which padding keeps its size?",
        (
            Option("1", "That is for a kernel of 3 × 3. With 5 × 5 four pixels are lost, so 26 would be left."),
            Option(
                "2",
                "Four pixels are lost and two are added at each end: 28 + 2 · 2 − 5 + 1 = 28.",
                right=True,
            ),
            Option("4", "Four pixels are lost, but padding is added at both ends: 32 would come out."),
            Option("5", "Padding as wide as the kernel lets the output grow, here to 34."),
        ),
    ),
    Choice(
        "quiz_02_3",
        2,
        "A layer makes 64 output channels of a colour image, with kernels of 3 × 3. What shape have its weights?",
        (
            Option(
                "(64, 3, 3, 3)",
                "64 kernels, each with a layer for red, green and blue, of three rows and three columns.",
                right=True,
            ),
            Option(
                "(64, 3, 3)",
                "So each kernel would see one channel. A kernel has a layer for each input channel, and adds them up.",
            ),
            Option("(3, 64, 3, 3)", "The output channels come first: one kernel for each of them."),
            Option("(3, 3, 3)", "That is one kernel, and gives one output channel."),
        ),
    ),
    Choice(
        "quiz_02_4",
        2,
        "Two layers with kernels of 3 × 3 and stride 1 follow each other. How far does a unit of the second one see?",
        (
            Option(
                "3 × 3 pixels of the image",
                "It sees 3 × 3 numbers of the first layer. Each of these has seen 3 × 3 pixels itself.",
            ),
            Option(
                "6 × 6 pixels",
                "The windows of neighbours overlap: the second layer adds one pixel at each side.",
            ),
            Option(
                "5 × 5 pixels",
                "As far as one kernel of 5 × 5, with 18 numbers instead of 25. Depth is another way to see far.",
                right=True,
            ),
            Option(
                "9 × 9 pixels",
                "So it would be if the windows of the first layer lay side by side, at a stride of 3.",
            ),
        ),
    ),
    Choice(
        "quiz_02_5",
        2,
        "An edge one pixel wide moves by one pixel to the right. Where is it after 2 × 2 max pooling?",
        (
            Option(
                "Where it was: pooling makes blind to shifts",
                "Only if both places lie in the same square. The network still knows where, but less exactly.",
            ),
            Option(
                "Always one square farther",
                "A square is two pixels wide, so from the left half of one the edge moves into its right half.",
            ),
            Option(
                "Where it was, or one square farther",
                "It depends on which half of a square it stood in. Position is rounded to two pixels, not forgotten.",
                right=True,
            ),
            Option(
                "Nowhere: pooling has averaged it away",
                "Max pooling takes the largest number of each square, so a thin edge stays as strong as it was.",
            ),
        ),
    ),
)
