"""Questions of lesson 08: what shortcuts do, what learned features are good for, what a change is worth."""

from __future__ import annotations

from cifar_helpers.checks.questions import Choice, Option, Question

__all__ = ["PREDICTIONS", "QUIZ"]

PREDICTIONS: tuple[Question, ...] = (
    Choice(
        "shortcut",
        8,
        "Thirty layers are freshly made, each a convolution, batch norm and ReLU. We compute the gradients for one "
        "batch: first without shortcuts, then with one round every two layers. How does the gradient of the first "
        "layer compare with that of the last?",
        (
            Option(
                "Without: far smaller. With: about as large.",
                "So it was before batch norm, and so it is often told: the gradient is lost on its way back. Batch "
                "norm has turned that round.",
            ),
            Option(
                "Without: about as large. With: about as large.",
                "Batch norm keeps the numbers at one scale on the way forward. On the way back nothing keeps the "
                "gradient at one: each layer changes it by a factor, and thirty factors multiply.",
            ),
            Option(
                "Without: tens of times as large. With: a few times.",
                "On its way back the gradient grows a little in each layer, and thirty times a little is a lot. The "
                "way round hands it on as it is, so there is less to multiply.",
                right=True,
            ),
            Option(
                "Without: a few times as large. With: tens of times, as two ways add up.",
                "Two ways do add up. But what comes together is larger on the way forward too, and the norm of the "
                "layers behind divides by that: their part of the gradient shrinks.",
            ),
        ),
    ),
    Choice(
        "largest_gain",
        8,
        "Each rung of the ladder adds one change to those before it; every training has 6 epochs. Which of these four "
        "gains most?",
        (
            Option(
                "The one-cycle rate",
                "It gains the second most, and costs nothing: the few steps go further, and the network settles at the "
                "end. Only a better network gains more here.",
            ),
            Option(
                "Shifts by up to 2 pixels",
                "They fight overfitting. In six epochs the network has hardly begun to overfit.",
            ),
            Option(
                "Label smoothing",
                "It keeps the network from pulling for ever at images that it knows, and after six epochs it knows few "
                "so well.",
            ),
            Option(
                "Two more convolutions a stage",
                "They give finer features and larger receptive fields. They also make each epoch longer.",
                right=True,
            ),
        ),
    ),
    Choice(
        "stopping_brings",
        8,
        "Eight runs of 30 epochs, with one remedy each, or none, or all. Early stopping keeps an epoch of low "
        "validation loss instead of the last. What does that bring, on the mean of the eight?",
        (
            Option(
                "Much in loss, next to nothing in accuracy.",
                "Late epochs err about as often and ever more confidently. The loss weighs that, accuracy not.",
                right=True,
            ),
            Option(
                "Several points of accuracy, and a lower loss.",
                "So it is where nothing else holds the network back. Elsewhere accuracy often climbs on while the loss "
                "rises, and stopping costs a little: on the mean little is left.",
            ),
            Option(
                "Nothing: 30 epochs are too few to overfit.",
                "On 10,000 images the validation loss of most runs turns within the first twenty.",
            ),
            Option(
                "It costs several points of accuracy, as training ends early.",
                "What late epochs learn is mostly the training images. It costs a point or two in some runs and gains "
                "as much in others.",
            ),
        ),
    ),
    Choice(
        "free_labels",
        8,
        "A new task: by how many quarter turns is a photograph turned? 400 photographs have labels. We take the means "
        "of the last 128 maps of the trained network, which stays as it is, and train one linear layer on them. Does "
        "that beat CifarCNN, trained from scratch on the same 400?",
        (
            Option(
                "Yes, clearly: its features have seen 40,000 photographs.",
                "They were made to tell ten classes apart, in photographs that all stood upright. The mean over all "
                "places also forgets whether the bright part was above or below.",
            ),
            Option(
                "Yes, as 400 photographs can only be learned by heart.",
                "CifarCNN does learn all 400 by heart. What it finds on the way still helps with others: the "
                "sky is bright, and it is above.",
            ),
            Option(
                "No, and neither gets beyond the quarter that guessing gets.",
                "Both get well beyond it. A photograph tells how it was turned: the sky is above, legs are below.",
            ),
            Option(
                "No: the means have lost what this task asks for.",
                "Which way up is a matter of where things are, and the mean over all places forgets that. Features "
                "are worth what the old task and the new one have in common.",
                right=True,
            ),
        ),
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_08_1",
        8,
        "A shortcut is laid round two convolutions. What do the two learn now?",
        (
            Option(
                "Nothing: what comes in takes the easy way round.",
                "The loss is lower if they add something useful, so a gradient reaches them and they learn it.",
            ),
            Option(
                "The same as before, with fewer parameters.",
                "Both are still there, with all their parameters. The addition has none.",
            ),
            Option(
                "Only the change: what is to be added to what comes in.",
                "To leave things as they are they need to give zeros. Without the way round they would first have to "
                "learn to copy.",
                right=True,
            ),
            Option(
                "To name the class early, so that later layers may rest.",
                "Feature maps take the way round, no answers. The classes are named at the end of the network alone.",
            ),
        ),
    ),
    Choice(
        "quiz_08_2",
        8,
        "Flattening and hidden layers are replaced by the mean of each channel and one linear layer. What goes?",
        (
            Option(
                "Most of the arithmetic, so that an epoch takes a tenth of the time.",
                "The linear layers hold most of the parameters and do about a tenth of the arithmetic. The "
                "convolutions, which do the rest, stay.",
            ),
            Option(
                "Most of the parameters, and where in the picture a feature lay.",
                "Over nine tenths of the parameters sat there. The mean tells how much of a feature there is, not "
                "where.",
                right=True,
            ),
            Option(
                "All but the strongest answer of each channel.",
                "That would be a maximum. Into the mean goes every place alike.",
            ),
            Option(
                "The freedom in the size of pictures: they must be 32×32 now.",
                "The other way round: flattening needs one size, as the linear layer counts its inputs. A mean can be "
                "taken of any number of places.",
            ),
        ),
    ),
    Choice(
        "quiz_08_3",
        8,
        "A run with mixup gets 84.1 %, one without it 83.7 %. Runs that differ by the seed alone spread by 0.3 points "
        "(standard deviation). What now?",
        (
            Option(
                "Keep mixup: 10,000 validation images are enough to trust 0.4 points.",
                "However many the images: by the seeds alone the difference of two runs spreads by 0.42 points, 0.3 "
                "times the root of 2.",
            ),
            Option(
                "Drop mixup: a gain as small as the spread is none.",
                "Two runs cannot tell a gain of 0.4 from none. Not shown is not the same as not there.",
            ),
            Option(
                "Add the next idea, and see whether the two together gain more.",
                "Then two things differ, and whatever comes out you do not know which of them did it.",
            ),
            Option(
                "Run both with more seeds, all else equal, and compare the means.",
                "The mean of nine runs spreads a third as much as one run does. Then 0.4 points stand out.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_08_4",
        8,
        "The mean answer to six views of each picture is right a little more often. What does it cost?",
        (
            Option(
                "Six times the work for every answer, as long as the network is in use.",
                "Training is as before. Whoever asks often pays often: a larger network may be the better buy.",
                right=True,
            ),
            Option(
                "Six times the training; answers take as long as before.",
                "Training is not touched. The views are made when the network is asked.",
            ),
            Option(
                "Six networks, which have to be trained and kept.",
                "That would be an ensemble. Here one network looks six times.",
            ),
            Option(
                "Nothing, if the six views go through the network as one batch.",
                "In one batch there is as much arithmetic. Only a processor that was idle before does it in the same "
                "time.",
            ),
        ),
    ),
    Choice(
        "quiz_08_5",
        8,
        "DAWNBench's best entry without a GPU (2017): 94 % of the test images after 79.4 hours on 16 virtual CPUs, "
        "trained with 50,000 images. Suppose that you reach 94 % of your validation images within an hour, on two "
        "cores, with 40,000. What may you say?",
        (
            Option(
                "My recipe is about 80 times as fast.",
                "Machine, software and network differ as well as the recipe, and all of them are in that number. To "
                "credit the recipe, run both recipes on one machine.",
            ),
            Option(
                "A like accuracy, on other images, in far less time, with all that differs named.",
                "Two whole systems may be set side by side if machine, year, software, network and images stand "
                "beside them. Which of these did it stays open.",
                right=True,
            ),
            Option(
                "More than 600 times as fast for each CPU: 80 times on an eighth of them.",
                "On most rented machines a virtual CPU is half a core, and sixteen do not do sixteen times the work "
                "of one. Nor has the recipe alone changed since.",
            ),
            Option(
                "Nothing: figures of different machines must never be compared.",
                "Then nobody could report progress. It is fair to compare if it is said what differs, and unfair to "
                "call it one cause.",
            ),
        ),
    ),
)
