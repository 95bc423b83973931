"""Questions of lesson 07: what a score, an interval, a probability and a map are worth."""

from __future__ import annotations

from cifar_helpers.checks.questions import Belief, Choice, Number, Option, Question
from cifar_helpers.evaluation import human_confusion

__all__ = ["PREDICTIONS", "QUIZ"]


def _a_person() -> float:
    return 100 * float(human_confusion().diagonal().mean())


PREDICTIONS: tuple[Question, ...] = (
    Choice(
        "more_cats",
        7,
        "We add 2 to the logit of cat of every picture, so that “cat” is answered more readily. What happens to "
        "precision and recall of cat?",
        (
            Option(
                "Both rise: more cats are found.",
                "More cats are found: that is recall. Dogs and frogs are called cat as well now, and precision pays.",
            ),
            Option(
                "Precision rises, recall falls.",
                "That is what happens when 2 is subtracted: only clear cats are called so, and many are missed.",
            ),
            Option(
                "Recall rises, precision falls.",
                "More of the cats are found, and more of what is called cat is none. One is bought with the other.",
                right=True,
            ),
            Option(
                "Recall rises, precision stays: the network has not changed.",
                "Its weights have not. Its answers have, and both scores are made of answers.",
            ),
        ),
    ),
    Choice(
        "ten_times",
        7,
        "From 1,000 photographs the interval is some 4 points wide. How wide would it be from 10,000?",
        (
            Option(
                "About 0.4 points: ten times the images, a tenth of the width.",
                "Chance shrinks with the root of the number of images: a tenth of the width takes a hundred times "
                "as many.",
            ),
            Option(
                "A bit more than 1 point.",
                "The width shrinks with the root of the number of images, and the root of ten is about 3.",
                right=True,
            ),
            Option(
                "About 2 points.",
                "Half the width takes four times the images. Ten times give more than that.",
            ),
            Option(
                "About 4 points: it is the same network.",
                "The interval tells what the choice of images does to the measurement, and a larger choice does less.",
            ),
        ),
    ),
    Number(
        "human_accuracy",
        7,
        "About 50 people answered to each test image. What share of the images did a person name rightly, on average?",
        "%",
        _a_person,
        "The images have 32×32 pixels, and some show hardly anything.",
        (
            Belief(98.5, 100.1, "That is how often the majority of the 50 is right. A single person errs more often."),
            Belief(93.5, 94.7, "That is the well-known figure: one expert on 400 images."),
            Belief(0, 93.5, "People see more in 32×32 pixels than one would think."),
        ),
        close=0.005,
    ),
    Choice(
        "too_sure",
        7,
        "Take the photographs of the validation split. Is the mean probability of the network's answers above or below "
        "its accuracy?",
        (
            Option(
                "Above: networks are too sure of themselves.",
                "Many are, trained to the end with cross-entropy. This one learned with label smoothing, which forbids "
                "being certain, and it overdid the modesty.",
            ),
            Option(
                "The same: training makes the probabilities right.",
                "It does so on training images at best, and label smoothing asked for less than certainty even there.",
            ),
            Option(
                "Below: it is right more often than it is sure.",
                "It learned with label smoothing: 95 % for the right class was the best it was asked for.",
                right=True,
            ),
            Option(
                "Above, as these are not the training images.",
                "It is less sure of them than of training images, too. What counts is which of the two fell more.",
            ),
        ),
    ),
    Choice(
        "shifted_temperature",
        7,
        "The temperature below 1 was fitted on clear photographs. What does it do on photographs that are "
        "JPEG-compressed, rotated, blurred or darkened?",
        (
            Option(
                "The same good: it mends the network's modesty everywhere.",
                "The modesty was measured on clear photographs. On changed ones accuracy falls below confidence.",
            ),
            Option(
                "Nothing, as it changes no answer.",
                "No answer changes, but every probability does, and calibration is about these.",
            ),
            Option(
                "It costs accuracy.",
                "Dividing all logits by one number leaves the largest the largest: accuracy is the same.",
            ),
            Option(
                "Harm: it makes the network surer where it errs more.",
                "What was fitted to clear pictures holds for clear pictures: a probability is worth no more than the "
                "likeness of your pictures to those it was measured on.",
                right=True,
            ),
        ),
    ),
    Choice(
        "which_map",
        7,
        "We replace the weights of the three linear layers by random ones: the answers are guesses now. Which map of "
        "where the network looks stays nearly the same?",
        (
            Option(
                "None: they explain the answer, and the answer is another.",
                "So it should be. One of them hardly asks the linear layers.",
            ),
            Option(
                "Guided backpropagation, the clearest of the four.",
                "It lets only positive gradients pass, and draws what the convolutions respond to: edges and outlines, "
                "whatever the answer is.",
                right=True,
            ),
            Option(
                "Grad-CAM: it looks at the last convolutions, which stay.",
                "It weighs their maps by the gradient that comes through the linear layers, and that is random now.",
            ),
            Option(
                "Occlusion: it needs no gradient.",
                "It watches the score of the class while squares are covered. The score comes from the linear layers.",
            ),
        ),
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_07_1",
        7,
        "There are 100 frogs. A network finds 90 of them, and calls 30 other pictures frog as well. What is its "
        "precision for frog?",
        (
            Option("90 %", "That is recall: the share of the frogs that is found."),
            Option("75 %", "Of 120 pictures that were called frog, 90 are frogs.", right=True),
            Option("70 %", "Wrong answers are not subtracted from right ones: divide 90 by all that were called frog."),
            Option("60 %", "30 wrong ones among 90 are no share of what was called frog; those are 120."),
        ),
    ),
    Choice(
        "quiz_07_2",
        7,
        "Your new recipe reaches 88.9 % on the 10,000 validation images, the old one 88.3 %. Each was trained once. "
        "What do you conclude?",
        (
            Option(
                "The new one is better: 60 more images are named rightly.",
                "They are. Whether the recipe did that, or the seed, one run cannot tell.",
            ),
            Option(
                "They are equal, as the intervals overlap.",
                "Overlapping intervals do not prove that two things are equal, and they say nothing of seeds.",
            ),
            Option(
                "The new one is better if the test images agree.",
                "They are fewer here, so their chance is larger, and they would be used to choose.",
            ),
            Option(
                "Nothing yet: train both with several seeds.",
                "Seeds of one recipe may differ by this much. Compare the means of several.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_07_3",
        7,
        "A network agrees with 99.6 % of the test labels. Fifty people, by majority, with 99.2 %. What does that show?",
        (
            Option(
                "Where the two part, the labels themselves are in doubt.",
                "Half a percent of the labels was judged wrong or unclear. A network can learn what labellers do, also "
                "their slips.",
                right=True,
            ),
            Option(
                "The network sees better than fifty people.",
                "Both are measured against labels, and of 10,000 labels some 54 are wrong or unclear.",
            ),
            Option(
                "The people were careless.",
                "By majority, carelessness of single people cancels out.",
            ),
            Option(
                "The difference is chance.",
                "On 10,000 images chance seldom makes four tenths of a point at this height. Ask what the labels are "
                "worth.",
            ),
        ),
    ),
    Choice(
        "quiz_07_4",
        7,
        "On validation images, answers with a probability of 80 % are right four times in five. What holds for photos "
        "that you take at night?",
        (
            Option(
                "The same: a calibrated network knows its limits.",
                "It was measured on pictures like those of training. Of night photos nothing was measured.",
            ),
            Option(
                "The same, once they are normalised.",
                "Normalising shifts numbers by those of the training images. It makes no night photo a day photo.",
            ),
            Option(
                "Nothing is known until it is measured on such photos.",
                "Calibration belongs to a network and a kind of pictures. Darkened pictures were right far less often "
                "than sure.",
                right=True,
            ),
            Option(
                "It will say lower probabilities, so it stays right.",
                "It does say lower ones. Its accuracy falls further.",
            ),
        ),
    ),
    Choice(
        "quiz_07_5",
        7,
        "A map shows the outline of the dog, and the answer is dog. What do you check before you believe that the "
        "outline made the answer?",
        (
            Option(
                "Whether the map is sharp.",
                "The sharpest map of this lesson was the one that did not depend on the answer.",
            ),
            Option(
                "Whether people would look at the same place.",
                "That makes a map agreeable, not true: it has to tell what the *network* used.",
            ),
            Option(
                "Whether other pictures of dogs give outlines too.",
                "A method that draws outlines of everything does that, with any network.",
            ),
            Option(
                "Whether it changes when the network's last layers are made random.",
                "A map that stays when what it explains is destroyed explains something else.",
                right=True,
            ),
        ),
    ),
)
