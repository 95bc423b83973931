"""Questions of lesson 03: where the parameters are, what ReLU, batch norm and windows are for, softmax twice."""

from __future__ import annotations

import torch
from torch import nn

from cifar_helpers.checks.questions import Belief, Choice, Number, Option, Question
from cifar_helpers.models import CifarCNN, count_parameters

__all__ = ["PREDICTIONS", "QUIZ"]


def _share_of_linear_layers() -> float:
    network = CifarCNN()
    linear = sum(count_parameters(layer) for layer in network.modules() if isinstance(layer, nn.Linear))
    return 100 * linear / count_parameters(network)


def _least_loss_of_softmax_twice() -> float:
    certain = torch.zeros(1, 10)
    certain[0, 0] = 1
    return float(nn.functional.cross_entropy(certain, torch.tensor([0])))


PREDICTIONS: tuple[Question, ...] = (
    Number(
        "linear_share",
        3,
        "What share of all parameters sits in the three linear layers behind the blocks?",
        "%",
        _share_of_linear_layers,
        "A linear layer has a weight for each pair of an input and a unit, and 2,048 × 512 pairs are more than a "
        "million.",
        (
            Belief(
                0.0,
                40.0,
                "Convolutions do most of the arithmetic, so one expects most of the numbers there. But a kernel is "
                "small, and the same few numbers serve every place of the picture.",
            ),
            Belief(
                40.0,
                88.0,
                "All three convolutions together have fewer than a tenth of what the first linear layer has.",
            ),
            Belief(97.5, 100.1, "Not quite: the third convolution alone has 73,856 parameters."),
        ),
        close=0.04,
    ),
    Choice(
        "two_convolutions",
        3,
        "Two 3 × 3 convolutions stand in a row, without padding and with nothing between them. Which single layer "
        "could give the same result for every picture?",
        (
            Option(
                "None: two layers can always do more than one.",
                "They could if something bent the numbers between them. To multiply and add twice is to multiply and "
                "add once, by other numbers.",
            ),
            Option(
                "One 3 × 3 convolution.",
                "It sees too little. Each number behind the second layer comes from 3 × 3 windows, which reach farther "
                "than one of them.",
            ),
            Option(
                "One 5 × 5 convolution.",
                "Windows of windows reach 5 pixels far, and sums of products of sums of products are sums of products.",
                right=True,
            ),
            Option(
                "One 6 × 6 convolution.",
                "Right in kind, but the windows overlap: a second layer adds two pixels to the three of the first.",
            ),
        ),
    ),
    Choice(
        "ten_layers",
        3,
        "Ten layers without batch norm, with random weights. How much do the outputs of layer 10 differ from picture "
        "to picture, compared with those of layer 1?",
        (
            Option(
                "More: each layer finds further differences.",
                "A layer can only pass on differences that reach it. With the small weights that PyTorch begins with "
                "it passes on about half of them, or less.",
            ),
            Option(
                "Thousands of times less.",
                "Each layer keeps about half of the differences, or less. Nine such factors, multiplied, leave next to "
                "nothing.",
                right=True,
            ),
            Option(
                "About a tenth as much: each layer takes away an equal part.",
                "Layers do not subtract, they multiply. To keep a half nine times over leaves far less than a tenth.",
            ),
            Option(
                "About as much: the sums grow and shrink by chance.",
                "One layer would hardly show it. But the factor is below one in every layer, so chance does not even "
                "it out.",
            ),
        ),
    ),
    Number(
        "softmax_twice",
        3,
        "A network ends with a softmax layer, and its loss is torch's cross_entropy. It is certain of one of ten "
        "classes, and right. What is its loss?",
        "nats",
        _least_loss_of_softmax_twice,
        "cross_entropy takes the one and the nine zeros for logits and makes e / (e + 9) of the one, about 23 %. "
        "Minus the logarithm of that is the least that this network can reach.",
        (
            Belief(
                -0.01,
                0.2,
                "To be certain and right costs nothing, if cross_entropy is given logits. Here it is given "
                "probabilities.",
            ),
            Belief(
                2.2,
                2.4,
                "That is the loss of knowing nothing. A one beside nine zeros does say something, only too softly.",
            ),
        ),
        close=0.07,
    ),
    Choice(
        "shuffled_pixels",
        3,
        "All four networks see equally many images. Who loses accuracy where the pixels are shuffled?",
        (
            Option(
                "The CNN, and the MLP next to nothing.",
                "Each unit of the MLP has a weight for every pixel, wherever it stands. A convolution looks at "
                "neighbours, and neighbours no longer belong together.",
                right=True,
            ),
            Option(
                "The MLP, and the CNN next to nothing: it finds a pattern wherever it stands.",
                "It does, as long as the pattern stays together within a window. Shuffling tears patterns apart.",
            ),
            Option(
                "Both fall to guessing: nothing can be seen in such noise.",
                "Not by us. But all numbers are still there, in the same order for each image, and that is enough for "
                "a network that never asks which pixels are neighbours.",
            ),
            Option(
                "Neither: no information is lost.",
                "None is lost, and the MLP shows it. But the CNN can use only what lies in one window, and there it "
                "finds pixels from all over the picture.",
            ),
        ),
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_03_1",
        3,
        "You add a fourth block, from 128 to 256 channels, and fit the first linear layer to it. "
        "What becomes of the number of parameters?",
        (
            Option(
                "It grows, by those of the new block.",
                "The block also halves the sides once more, so fewer numbers reach the first linear layer, which has "
                "most of the parameters.",
            ),
            Option(
                "It stays: twice the channels on half the size.",
                "Half the size is a quarter of the places. Twice the channels on a quarter of the places are half as "
                "many numbers.",
            ),
            Option(
                "It falls: the linear layer loses more than the block adds.",
                "1,024 numbers reach the linear layer instead of 2,048. It loses 524,288 weights, and the block adds "
                "295,680 parameters.",
                right=True,
            ),
            Option(
                "It falls, for deeper blocks have ever fewer parameters.",
                "They have ever more, because their kernels have more layers: 74,112 in the third block, 295,680 in "
                "the fourth.",
            ),
        ),
    ),
    Choice(
        "quiz_03_2",
        3,
        "A colleague built the three blocks without padding and reads: mat1 and mat2 shapes cannot be multiplied "
        "(1x512 and 2048x10). What has to change?",
        (
            Option(
                "The batch: one picture is too few.",
                "The 1 is the batch, and any number of pictures will do. The two inner numbers must be equal.",
            ),
            Option(
                "The inputs of the linear layer, from 2048 to 512.",
                "A picture came with 512 numbers, 128 × 2 × 2, and the layer was made for 2,048.",
                right=True,
            ),
            Option(
                "The outputs of the linear layer, from 10 to 512.",
                "The 10 are the classes. The two inner numbers must be equal, 512 and 2048.",
            ),
            Option(
                "The channels of the last block, from 128 to 2048.",
                "Each of them would bring 2 × 2 numbers, 8,192 in all: too many instead of too few.",
            ),
        ),
    ),
    Choice(
        "quiz_03_3",
        3,
        "A trained network is shown the same picture twice in a row, and gives two different answers. What is missing?",
        (
            Option(
                "torch.no_grad() around the call",
                "It saves memory and time. The answers are the same with it and without.",
            ),
            Option(
                "torch.manual_seed(0) before each call",
                "Then the same units are switched off both times. That hides the fault: whoever uses a network wants "
                "all units.",
            ),
            Option(
                "normalise(...) around the picture",
                "A picture that is not normalised gets worse answers, but the same ones each time.",
            ),
            Option(
                "model.eval() before the first call",
                "In train mode dropout switches off other units at each call. eval() lets all of them work.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_03_4",
        3,
        "An MLP for ten classes has not taken a step of training yet, and its loss is 20. What is the likely reason?",
        (
            Option(
                "Its pixels go from 0 to 255.",
                "Large numbers in, large logits out: certain, and mostly wrong. A fresh network that is fed normalised "
                "pixels begins near 2.3.",
                right=True,
            ),
            Option(
                "Softmax is applied twice.",
                "Then no loss could be as large as 20: it lies between 1.46 and 2.46, whatever the network says.",
            ),
            Option(
                "The learning rate is too large.",
                "It has had no say yet: no step was taken.",
            ),
            Option(
                "None: a loss begins high, and training lowers it.",
                "It begins at what guessing costs, ln 10, about 2.3. To lose 20 a network has to be certain and wrong.",
            ),
        ),
    ),
    Choice(
        "quiz_03_5",
        3,
        "The pictures become 64 × 64, everything else stays. Which layers of our network need more parameters?",
        (
            Option(
                "All that have any: there are four times as many pixels.",
                "A kernel has the same numbers for every place, however many places there are, and batch norm two for "
                "each channel.",
            ),
            Option(
                "The first linear layer alone.",
                "128 × 8 × 8 numbers reach it instead of 128 × 4 × 4, and each has a weight to every unit. The kernels "
                "do not care.",
                right=True,
            ),
            Option(
                "The convolutions alone: they slide over more places.",
                "They do more work, with the same numbers. Work and parameters are two things.",
            ),
            Option(
                "All three linear layers.",
                "The second takes the 512 numbers of the first, and the third 256, whatever the size of the picture.",
            ),
        ),
    ),
)
