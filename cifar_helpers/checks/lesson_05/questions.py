"""Questions of lesson 05: what costs time, in a network, in a batch, in a byte, in a whole epoch."""

from __future__ import annotations

from cifar_helpers.checks.questions import Belief, Choice, Number, Option, Question
from cifar_helpers.models import MLP

__all__ = ["PREDICTIONS", "QUIZ"]

_BYTES = 4  # of a float32 number


def _operations_a_byte() -> float:
    """Of the MLP with one image: a product and an addition for each weight that is read."""
    parameters = list(MLP().parameters())
    weights = sum(p.numel() for p in parameters if p.dim() == 2)
    return 2 * weights / (_BYTES * sum(p.numel() for p in parameters))


PREDICTIONS: tuple[Question, ...] = (
    Choice(
        "cnn_or_mlp",
        5,
        "The CNN has 1.3 million parameters, the MLP 1.7 million. Which one takes longer for an epoch on a processor?",
        (
            Option(
                "The MLP: it has more parameters to use and to update.",
                "Parameters must be stored, and that is cheap. What costs is how often each is used, and a kernel's "
                "numbers are used at every place of the picture.",
            ),
            Option(
                "About the same: same images, nearly as many parameters.",
                "Of two networks with as many parameters one may do a thousand times the work of the other. "
                "Count the operations instead.",
            ),
            Option(
                "The CNN, but only by a little, for its extra layers.",
                "It is not the number of layers. The convolutions alone do several times the arithmetic of the MLP.",
            ),
            Option(
                "The CNN, several times as long.",
                "Its few numbers are used at every place of the picture: less to store, far more to compute.",
                right=True,
            ),
        ),
    ),
    Choice(
        "image_in_a_batch",
        5,
        "When does a network spend more time on a single image: in a batch of 1, or in a batch of 256?",
        (
            Option(
                "In a batch of 1.",
                "Alone, it pays for reading all weights and for every call. In a batch many images share that.",
                right=True,
            ),
            Option(
                "Neither: each image needs the same arithmetic.",
                "The arithmetic is the same. What comes on top is not: weights are read and layers called once for a "
                "batch, however many images it holds.",
            ),
            Option(
                "In a batch of 256: there is more to do at once.",
                "The whole batch takes longer, of course. Shared among 256 images it takes each of them less.",
            ),
        ),
    ),
    Number(
        "operations_a_byte",
        5,
        "With a single image the MLP reads each weight once, 4 bytes, and uses it once. How many operations does it do "
        "for each byte that it reads?",
        "FLOP a byte",
        _operations_a_byte,
        "A weight of four bytes serves one product and one addition. Two operations for four bytes: the processor "
        "waits for memory.",
        (
            Belief(
                0.75,
                1.5,
                "One would be right if numbers had two bytes. In float32 they have four.",
            ),
            Belief(0.2, 0.3, "A weight is multiplied, and the product is added: two operations, not one."),
            Belief(
                1.5,
                2.5,
                "Two operations for each weight, that is right. But a weight in float32 has four bytes.",
            ),
            Belief(
                2.5,
                1e12,
                "There are millions of operations, but each needs a weight of its own from memory, used once and "
                "thrown away.",
            ),
        ),
    ),
    Choice(
        "one_change",
        5,
        "An epoch first prepares images one by one and computes in float32. Which change shortens it most?",
        (
            Option(
                "Whole batches instead of one image at a time",
                "It looks wasteful, so it is what many would mend first. But preparing these images takes next to "
                "nothing of the epoch; the network's arithmetic takes nearly all.",
            ),
            Option(
                "Another order of the numbers in memory",
                "A good guess, and second best: channels last lets the convolutions read what lies side by side.",
            ),
            Option(
                "Numbers of 16 bits instead of 32",
                "Half of the bytes to move, and on the processor of this record instructions that compute with such "
                "numbers. The order in memory comes second.",
                right=True,
            ),
            Option(
                "Updating all parameters in one call",
                "The update is a small part of a step, so making it faster can bring no more than that part.",
            ),
        ),
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_05_1",
        5,
        "On a GPU a product of two matrices seems to take 0.05 milliseconds, however large they are. "
        "What is most likely?",
        (
            Option(
                "The result was kept from an earlier call.",
                "PyTorch keeps no results: it multiplies anew each time. Ask when the clock was stopped.",
            ),
            Option(
                "The clock was stopped before the work was done.",
                "A call on a GPU returns when the work is queued. synchronize() before reading the clock.",
                right=True,
            ),
            Option(
                "The GPU is that fast.",
                "Fast it is. But twice the side is eight times the arithmetic, and that takes longer on any device.",
            ),
            Option(
                "The first call was timed.",
                "A first call takes longer, because it sets things up. This time is too short.",
            ),
        ),
    ),
    Choice(
        "quiz_05_2",
        5,
        "Layer A has a million weights and uses each once for an image. Layer B has ten thousand and uses each at a "
        "thousand places. Which one computes more?",
        (
            Option(
                "A: it has a hundred times the weights.",
                "Weights say what is stored. B uses each of its weights a thousand times, A only once.",
            ),
            Option(
                "Both the same: weights and places balance.",
                "Multiply: a million times one, against ten thousand times a thousand. That is ten times as much.",
            ),
            Option(
                "That depends on the device.",
                "How long it takes depends on the device. How many operations there are does not.",
            ),
            Option(
                "B: ten times as many operations.",
                "Ten thousand weights at a thousand places are ten million products, against A's one million.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_05_3",
        5,
        "A program does half an operation for each byte that it moves; the machine is balanced at four. You buy a "
        "processor that computes twice as fast, with the same memory. What happens to the program?",
        (
            Option(
                "It takes half the time.",
                "It would, if arithmetic held it up. It stands far to the left of the balance: it waits for bytes.",
            ),
            Option(
                "It takes a quarter less, as arithmetic is half of the work.",
                "Nothing says that arithmetic takes half of the time. Below the balance memory sets the pace.",
            ),
            Option(
                "It takes about as long as before.",
                "It waits for memory, which is as fast as it was. Larger batches or faster memory would help.",
                right=True,
            ),
            Option(
                "It gets slower, as memory now has to serve a faster processor.",
                "Memory delivers as many bytes a second as before. The processor waits longer between them, no more.",
            ),
        ),
    ),
    Choice(
        "quiz_05_4",
        5,
        "You timed a training step eleven times. One time, not the first, is five times as long as the others. "
        "What do you report?",
        (
            Option(
                "The median of those after the warm-up, and the spread.",
                "A single disturbed call leaves the median where it is, and the spread tells how far to trust it.",
                right=True,
            ),
            Option(
                "The mean of all eleven: every time was measured.",
                "The mean counts the set-up of the first call and whatever disturbed the slow one as if it were work.",
            ),
            Option(
                "The last one: by then everything is warm.",
                "Warm it is, but one time is no evidence. You could not tell luck from speed.",
            ),
            Option(
                "The slowest, to be on the safe side.",
                "It tells what else the machine did at that moment. That is not the cost of the step.",
            ),
        ),
    ),
    Choice(
        "quiz_05_5",
        5,
        "Where does a GPU pay least?",
        (
            Option(
                "Training a wide network with large batches.",
                "Much arithmetic for each byte and each call: that is what a GPU is made for.",
            ),
            Option(
                "Convolutions over thousands of images.",
                "Kernels are used at every place of every image, so there is a lot of work for each number moved.",
            ),
            Option(
                "A product of two large matrices.",
                "Each number is used thousands of times. Nothing fills a GPU better.",
            ),
            Option(
                "One small picture through a small MLP.",
                "Few operations, each with a weight of its own, and calls and transfers that cost as much as for a "
                "large batch.",
                right=True,
            ),
        ),
    ),
)
