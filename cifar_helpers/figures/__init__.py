"""Every plot of the course: one function a figure, each returns a Matplotlib figure.

`figures.show(figure, alt="…")` displays one in a notebook, with alt text.
"""

from cifar_helpers.figures._base import PALETTE, SIGNED, image_grid, show
from cifar_helpers.figures.ablations import ablation, correlations
from cifar_helpers.figures.bug_gallery import bug_cases
from cifar_helpers.figures.convolution import filter_bank, kernel_results, map_row, receptive_fields, window
from cifar_helpers.figures.dataset import (
    channel_histograms,
    channels,
    class_balance,
    class_rows,
    pixel_values,
)
from cifar_helpers.figures.evaluation import (
    accuracies,
    attributions,
    class_scores,
    confusions,
    mistakes_compared,
    reliability_diagram,
)
from cifar_helpers.figures.inference import confusion, moved_crop, predictions, seen
from cifar_helpers.figures.network import (
    activation_spread,
    bars,
    channel_ranges,
    feature_maps,
    probability_bars,
    through_the_network,
)
from cifar_helpers.figures.timing import batch_sizes, epoch_times, roofline
from cifar_helpers.figures.training import LiveCurves, compare, curves, gaps

__all__ = [
    "PALETTE",
    "SIGNED",
    "LiveCurves",
    "ablation",
    "accuracies",
    "activation_spread",
    "attributions",
    "bars",
    "batch_sizes",
    "bug_cases",
    "channel_histograms",
    "channel_ranges",
    "channels",
    "class_balance",
    "class_rows",
    "class_scores",
    "compare",
    "confusion",
    "confusions",
    "correlations",
    "curves",
    "epoch_times",
    "feature_maps",
    "filter_bank",
    "gaps",
    "image_grid",
    "kernel_results",
    "map_row",
    "mistakes_compared",
    "moved_crop",
    "pixel_values",
    "predictions",
    "probability_bars",
    "receptive_fields",
    "reliability_diagram",
    "roofline",
    "seen",
    "show",
    "through_the_network",
    "window",
]
