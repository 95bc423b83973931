"""Questions of lesson 06: what a file may do, what a wrong preparation costs, what an answer is worth."""

from __future__ import annotations

from cifar_helpers.checks.questions import Choice, Option, Question

__all__ = ["PREDICTIONS", "QUIZ"]

PREDICTIONS: tuple[Question, ...] = (
    Choice(
        "loaded_file",
        6,
        "An object says that it is rebuilt by calling print. We save it and load it again, and never call anything "
        "ourselves. What appears?",
        (
            Option(
                "Nothing: a file is data, and loading only reads.",
                "A pickle is a recipe, and loading follows it. Whatever the recipe calls is run.",
            ),
            Option(
                "The line that print was told to write.",
                "Loading rebuilds the object by its recipe, and the recipe calls print. It might have called anything.",
                right=True,
            ),
            Option(
                "An error: print is not a tensor.",
                "With weights_only=False everything is taken that Python can rebuild. Refusing is what "
                "weights_only=True does.",
            ),
            Option(
                "The line, but only once the object is used.",
                "The recipe is followed while the file is read, before you have the object in hand.",
            ),
        ),
    ),
    Choice(
        "wrong_preparation",
        6,
        "The same validation images are prepared wrongly in three ways. Which one costs most?",
        (
            Option(
                "Mean and spread of 0.5 instead of those of training",
                "The numbers still lie around zero and spread about as far, so many answers survive. Not all of them.",
            ),
            Option(
                "Red and blue exchanged",
                "It looks worst to us. Outlines and brightness stay, and most answers hang on them.",
            ),
            Option(
                "Numbers left between 0 and 1",
                "All numbers are positive and lie close together: to the first layer a pale, bright picture unlike "
                "any in training.",
                right=True,
            ),
            Option(
                "None costs much: batch norm evens it out",
                "After eval() batch norm uses the statistics that training stored. It adjusts to nothing.",
            ),
        ),
    ),
    Choice(
        "one_at_a_time",
        6,
        "The pictures are prepared rightly, but eval() is forgotten. When do the answers suffer most?",
        (
            Option(
                "With one picture at a time.",
                "Batch norm then takes mean and spread from that one picture, far from those of the training. Many "
                "pictures together come close to them.",
                right=True,
            ),
            Option(
                "With many pictures at a time, which get mixed up.",
                "Batch norm does look at all of them together, but it gives each its own answer, and mean and spread "
                "of many are near the stored ones.",
            ),
            Option(
                "Equally for any number: dropout acts on each picture.",
                "Dropout does add chance to each. Batch norm is what depends on how many there are.",
            ),
            Option(
                "Not at all: the weights are the same.",
                "The weights are. But two layers work in another way while a network is in training mode.",
            ),
        ),
    ),
    Choice(
        "noise",
        6,
        "What does the network answer to a picture of nothing but noise?",
        (
            Option(
                "About 10 % for each class: it cannot tell.",
                "That would be honest. But it learned to divide 100 % among ten names for pictures of these ten "
                "classes, and never what to do with others.",
            ),
            Option(
                "No class, as none of the ten is there.",
                "Softmax divides 100 % among ten names. “None of these” is not among them.",
            ),
            Option(
                "An error: such a picture is not valid.",
                "To the network it is 3,072 numbers like any others. Nothing checks what they show.",
            ),
            Option(
                "A few classes share most of it, as if it saw something.",
                "Some numbers in the noise resemble what spoke for a class in training. Softmax makes shares of that.",
                right=True,
            ),
        ),
    ),
)

QUIZ: tuple[Choice, ...] = (
    Choice(
        "quiz_06_1",
        6,
        "Someone you do not know sends you a file of weights. What is a safe way to use it?",
        (
            Option(
                "Load it, and look at the tensors before you run the network.",
                "The danger is in the loading. When you look at the tensors, hidden code has run already.",
            ),
            Option(
                "Scan it for viruses, then load it.",
                "A scanner looks for programs that it knows. A recipe that deletes your files is a few words long.",
            ),
            Option(
                "Load it with weights_only=True.",
                "Then tensors and plain containers are built, and nothing else. A file that wants more is refused.",
                right=True,
            ),
            Option(
                "Load it in eval mode, so that nothing can change.",
                "eval() is a setting of a network that is there already. It does nothing to a file.",
            ),
        ),
    ),
    Choice(
        "quiz_06_2",
        6,
        "A network is right on most validation images, and wrong on nearly all of your sharp photos, without an "
        "error message. What do you look at first?",
        (
            Option(
                "The network's size: it may be too small for real photos.",
                "Validation images are real photos as well, shrunk ones. The size suffices for those.",
            ),
            Option(
                "How your photos are prepared: range, colours, crop.",
                "Wrong numbers raise no error. Send a validation image through your own code: if that comes out wrong "
                "too, it is the preparation.",
                right=True,
            ),
            Option(
                "Overfitting: it has memorised the data set.",
                "Validation images were not trained on, and it does well there. Memorising would show there.",
            ),
            Option(
                "The photos' resolution: large photos need a larger network.",
                "Any photo is shrunk to 32×32 first. If that is done as in training, its first size matters little.",
            ),
        ),
    ),
    Choice(
        "quiz_06_3",
        6,
        "The same photo, sent twice, gets two different answers. What is the likely cause?",
        (
            Option(
                "Softmax rounds differently each time.",
                "Softmax is a fixed formula: the same logits give the same probabilities.",
            ),
            Option(
                "The weights were loaded inexactly.",
                "Rounded weights may cost a little accuracy. But they stay the same from call to call.",
            ),
            Option(
                "The photo lies between two classes.",
                "Then both get a high share, the same shares each time. A fixed computation does not waver.",
            ),
            Option(
                "eval() is missing, so dropout draws anew.",
                "In training mode other units are switched off at each call, and batch norm's statistics move too.",
                right=True,
            ),
        ),
    ),
    Choice(
        "quiz_06_4",
        6,
        "Your photo of a house comes out as “truck, 97 %”. What does the number say?",
        (
            Option(
                "Of ten names, truck fits best by far.",
                "It compares ten classes with each other. Whether any of them is there was never asked.",
                right=True,
            ),
            Option(
                "The network errs on 3 % of houses.",
                "It was never shown a house and asked about it, so it has no rate of errors on houses.",
            ),
            Option(
                "The house has parts of a truck in it, such as wheels.",
                "Perhaps an edge or a colour spoke for it. The number does not tell, and no wheel is needed.",
            ),
            Option(
                "Something is broken: a good network would be unsure.",
                "Good networks do this too. Training rewarded being sure, and showed only pictures of ten classes.",
            ),
        ),
    ),
    Choice(
        "quiz_06_5",
        6,
        "In a confusion matrix the field in row cat, column dog says 80. What does it count?",
        (
            Option(
                "Dogs that were called cats.",
                "The row is the true class, so these are cats. The dogs called cats stand in row dog, column cat.",
            ),
            Option(
                "Cats that were called dogs.",
                "Row: what it is. Column: what the network said.",
                right=True,
            ),
            Option(
                "Mistakes between cat and dog, both ways.",
                "Each way has a field of its own, and the two may differ much.",
            ),
            Option(
                "The percentage of cats that were called dogs.",
                "These are counts. For a share divide by the sum of the row, all cats.",
            ),
        ),
    ),
)
