"""Things to touch in a notebook or on a page: each function returns a widget that computes in the browser."""

from cifar_helpers._extras import extra

with extra("course"):
    from cifar_helpers.widgets._base import CourseWidget, display_in_colab
    from cifar_helpers.widgets.bug_gallery import bug_gallery
    from cifar_helpers.widgets.confusion_explorer import confusion_explorer
    from cifar_helpers.widgets.convolution_steps import convolution_steps
    from cifar_helpers.widgets.feature_maps import feature_maps
    from cifar_helpers.widgets.image_browser import image_browser
    from cifar_helpers.widgets.kernel_bench import kernel_bench
    from cifar_helpers.widgets.live_training import LiveTraining, live_training
    from cifar_helpers.widgets.overfitting_lab import overfitting_lab
    from cifar_helpers.widgets.predict_photo import predict_photo
    from cifar_helpers.widgets.receptive_field import receptive_field
    from cifar_helpers.widgets.through_the_network import through_the_network
    from cifar_helpers.widgets.timing_explorer import timing_explorer
    from cifar_helpers.widgets.training_through_time import training_through_time

__all__ = [
    "CourseWidget",
    "LiveTraining",
    "bug_gallery",
    "confusion_explorer",
    "convolution_steps",
    "display_in_colab",
    "feature_maps",
    "image_browser",
    "kernel_bench",
    "live_training",
    "overfitting_lab",
    "predict_photo",
    "receptive_field",
    "through_the_network",
    "timing_explorer",
    "training_through_time",
]
