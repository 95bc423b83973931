"""Every plot of the course: one function a figure, each returns a Matplotlib figure.

`figures.show(figure)` displays one in a notebook, with the alt text that the function wrote.
"""

from cifar_helpers._extras import extra

with extra("course"):
    from cifar_helpers._palette import PALETTE, SIGNED
    from cifar_helpers.figures._base import image_grid, show
    from cifar_helpers.figures.ablations import (
        accuracy_by_operations,
        correlations,
        ladder,
        residual_blocks,
        seed_curves,
        whitening_kernels,
    )
    from cifar_helpers.figures.bug_gallery import bug_cases
    from cifar_helpers.figures.convolution import (
        channel_sum,
        edge_maps,
        field_sketch,
        filter_bank,
        influence,
        kernel_learned,
        kernel_results,
        kernels_on_picture,
        moved_maps,
        window,
    )
    from cifar_helpers.figures.dataset import (
        channel_histograms,
        channels,
        class_means,
        class_rows,
        pairs,
        pixel_values,
    )
    from cifar_helpers.figures.evaluation import (
        accuracies,
        attributions,
        class_scores,
        confidence_histograms,
        mistakes_compared,
        reliability_diagram,
    )
    from cifar_helpers.figures.inference import evidence, moved_crop, predictions, rejection, seen
    from cifar_helpers.figures.network import (
        activation_spread,
        bars,
        channel_ranges,
        exciting_pictures,
        feature_maps,
        network_shapes,
        probability_bars,
        without_each_part,
    )
    from cifar_helpers.figures.shipping import accuracy_by_bits
    from cifar_helpers.figures.timing import batch_sizes, epoch_times, loading, roofline, speedups, step_shares
    from cifar_helpers.figures.training import (
        LiveCurves,
        class_by_epoch,
        compare,
        curves,
        descent,
        gaps,
        rate_sweep,
        schedule,
    )
    from cifar_helpers.figures.transfer import trained_parts, transfer

__all__ = [
    "PALETTE",
    "SIGNED",
    "LiveCurves",
    "accuracies",
    "accuracy_by_bits",
    "accuracy_by_operations",
    "activation_spread",
    "attributions",
    "bars",
    "batch_sizes",
    "bug_cases",
    "channel_histograms",
    "channel_ranges",
    "channel_sum",
    "channels",
    "class_by_epoch",
    "class_means",
    "class_rows",
    "class_scores",
    "compare",
    "confidence_histograms",
    "correlations",
    "curves",
    "descent",
    "edge_maps",
    "epoch_times",
    "evidence",
    "exciting_pictures",
    "feature_maps",
    "field_sketch",
    "filter_bank",
    "gaps",
    "image_grid",
    "influence",
    "kernel_learned",
    "kernel_results",
    "kernels_on_picture",
    "ladder",
    "loading",
    "mistakes_compared",
    "moved_crop",
    "moved_maps",
    "network_shapes",
    "pairs",
    "pixel_values",
    "predictions",
    "probability_bars",
    "rate_sweep",
    "rejection",
    "reliability_diagram",
    "residual_blocks",
    "roofline",
    "schedule",
    "seed_curves",
    "seen",
    "show",
    "speedups",
    "step_shares",
    "trained_parts",
    "transfer",
    "whitening_kernels",
    "window",
    "without_each_part",
]
