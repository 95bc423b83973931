"""Questions of lesson 04: a long training, a recipe, remedies, and what the best of many is worth."""

from __future__ import annotations

import torch

from cifar_helpers.checks.questions import Belief, Choice, Number, Option, Question
from cifar_helpers.runs import load_run

__all__ = ["PREDICTIONS", "QUIZ"]


def _gain_of_the_good_recipe() -> float:
    good, long = (load_run(name).metrics["validation"]["accuracy"] for name in ("good-25", "published-100"))
    return 100 * float(good - long)


def _best_of_thirty() -> float:
    right = torch.rand(200, 30, 1000, generator=torch.Generator().manual_seed(0)) < 0.8
    return 100 * float(right.float().mean(2).max(1).values.mean())


PREDICTIONS: tuple[Question, ...] = (
    Choice(
        "after_thirty",
        4,
        "After 30 of the 100 epochs both losses still fall. What will the validation loss do in the 70 that follow?",
        (
            Option(
                "It falls on, more slowly, and so does the training loss.",
                "The training loss does. But after a while what the network still learns belongs to its training "
                "images alone, and images that it never trains on gain nothing from it.",
            ),
            Option(
                "It passes its lowest point and rises; the training loss falls on.",
                "The lowest point lies about half-way. From there the network learns its training images by heart, "
                "and where it errs on others it errs ever more confidently.",
                right=True,
            ),
            Option(
                "It levels off and stays at its lowest.",
                "Only for a while. The network grows ever more certain, also where it is wrong, and cross-entropy "
                "charges most for being certain and wrong.",
            ),
            Option(
                "It rises, and so does the training loss: trained too long, a network forgets.",
                "Every step lowers the loss of training images, so that one falls to the end. Nothing is forgotten: "
                "what is learned late does not carry over to other images.",
            ),
        ),
    ),
    Number(
        "good_recipe",
        4,
        "Another recipe trains the same network for 25 epochs. By how many points of validation accuracy does it beat "
        "the 100 epochs of the old one? A minus says that it falls short.",
        "points",
        _gain_of_the_good_recipe,
        "The recipe brings more than the 75 extra epochs of the old one did: a rate that rises and then falls to zero, "
        "and images that are moved a little each time.",
        (
            Belief(
                -100.0,
                0.0,
                "More epochs are not more learning. A rate that is a hundred times as high at its peak goes farther in "
                "each of them, and its fall to zero lets the network settle.",
            ),
            Belief(
                0.0,
                5.0,
                "Tuning is thought to bring a point or two. Shifted images delay overfitting and the schedule uses "
                "each epoch better: that changes what the network can learn at all.",
            ),
            Belief(
                14.0,
                100.0,
                "That would leave few mistakes. This is still a small network on small pictures, and some classes "
                "look alike.",
            ),
        ),
        close=0.3,
    ),
    Choice(
        "remedies",
        4,
        "Each run changes one thing against the plain one. Which change raises validation accuracy most?",
        (
            Option(
                "Dropout of half of the hidden units",
                "Dropout makes training harder, so the gap closes a little, and validation accuracy rises a little. "
                "Closing the gap is not the aim.",
            ),
            Option(
                "A strong weight decay",
                "It keeps the parameters small, and here that is nearly all it does: the gain is within chance.",
            ),
            Option(
                "Flips and shifts of the same images",
                "The best of what needs no new images, because it makes new ones out of old ones. "
                "Photographs that are really new differ in more ways than a flip can imitate.",
            ),
            Option(
                "Four times as many images",
                "New images hold what no change of the old ones makes up. Flips and shifts come next, the other two "
                "far behind.",
                right=True,
            ),
        ),
    ),
    Number(
        "best_of_thirty",
        4,
        "30 checkpoints are exactly equally good: each is right on 80 % of all images. You measure all of them on the "
        "same 1,000 test images and report the best. What accuracy do you report, on average?",
        "%",
        _best_of_thirty,
        "No checkpoint is better than 80 %. The largest of 30 measurements is one that was lucky, and the luck is "
        "reported as skill.",
        (
            Belief(0.0, 80.0, "The best of thirty measurements does not lie below what all of them are worth."),
            Belief(
                80.0,
                81.5,
                "80 % is what one measurement gives on average, if you chose the checkpoint beforehand. You report the "
                "largest of thirty.",
            ),
            Belief(
                83.5,
                100.1,
                "An accuracy on 1,000 images strays by little more than a point, so the best of thirty lies some two "
                "or three points too high, not more.",
            ),
        ),
        close=0.012,
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_04_1",
        4,
        "You leave out optimizer.zero_grad(). By what does the second step move the parameters?",
        (
            Option(
                "By the gradient of the second batch, as it should.",
                "backward() does not replace the gradients that are there: it adds to them.",
            ),
            Option(
                "By the mean of both gradients.",
                "They are added up, not averaged. After a hundred batches the step would follow a hundred of them.",
            ),
            Option(
                "By both gradients added together.",
                "backward() adds to what is there. Each step follows all batches so far, at weights that are gone.",
                right=True,
            ),
            Option(
                "Not at all: PyTorch raises an error.",
                "No error appears, which is why the slip is so frequent. Adding up is even wanted, now and then.",
            ),
        ),
    ),
    Choice(
        "quiz_04_2",
        4,
        "Training loss falls, validation loss rises, and validation accuracy stays where it is. What is happening?",
        (
            Option(
                "The network errs about as often, but more confidently.",
                "Accuracy counts mistakes, the loss also weighs how sure they were. This is how overfitting begins.",
                right=True,
            ),
            Option(
                "There is a bug: loss and accuracy cannot disagree.",
                "They measure two things. A wrong answer given with 60 % or with 99 % is one mistake; its loss differs "
                "greatly.",
            ),
            Option(
                "The learning rate is too small.",
                "With too small a rate both losses fall slowly, side by side. Here training images are learned well.",
            ),
            Option(
                "All is well: the training loss is what counts.",
                "It tells how well the network knows images whose labels it was given. We want answers for others.",
            ),
        ),
    ),
    Choice(
        "quiz_04_3",
        4,
        "With patience 2 early stopping ended a training after a short wobble, long before the lowest loss. "
        "What do you change?",
        (
            Option(
                "Watch the training loss, which wobbles less.",
                "It is smoother, but it falls to the end: the stop would never come, or come for a wrong reason.",
            ),
            Option(
                "Keep the last epoch's weights instead of the best.",
                "That changes what is kept, not when the training stops.",
            ),
            Option(
                "Stop at the first rise, so that less is wasted.",
                "The first rise comes sooner still. Curves wobble long before they turn.",
            ),
            Option(
                "Wait for more epochs without a new best.",
                "More patience outlasts the wobble. The price is that many epochs after the true turn.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_04_4",
        4,
        "Two recipes, each trained once, reach 80.0 % and 80.5 % of 10,000 validation images. What do you know?",
        (
            Option(
                "The second is better: both saw the same images.",
                "The difference is smaller than what chance makes of two accuracies on 10,000 images, and another "
                "seed may turn it round.",
            ),
            Option(
                "Not yet which is better; train both with further seeds.",
                "Half a point may come from the images that were drawn or from the seed. Only repeats tell.",
                right=True,
            ),
            Option(
                "Nothing, and no number of runs could tell.",
                "Means of several runs stray less than single runs, so more seeds do settle it.",
            ),
            Option(
                "The second is better once it is ahead in training accuracy too.",
                "Training accuracy tells how well the training images are known. A recipe may know them better and "
                "answer worse.",
            ),
        ),
    ),
    Choice(
        "quiz_04_5",
        4,
        "You trained twenty networks, took the one that is best on the test images, and report that accuracy. "
        "What is wrong with it?",
        (
            Option(
                "It is too low, for a test set is harder than training images.",
                "Test images are harder than those it trained on, but it is to be judged on such images. "
                "The fault lies in choosing by them.",
            ),
            Option(
                "Nothing: none of the twenty was trained on a test image.",
                "The test images still decided which network you report, and chose it for its luck on them as well.",
            ),
            Option(
                "It is too high: the choice used the images that judge.",
                "The best of twenty is partly lucky. Choose on validation images, then measure once on test images.",
                right=True,
            ),
            Option(
                "It is too high, because the networks have memorised the test images.",
                "They never trained on them, so nothing was memorised. It is your choice that fits these images.",
            ),
        ),
    ),
)
