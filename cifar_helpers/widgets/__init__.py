"""Things to touch in a notebook: each function returns an ipywidgets widget."""

from cifar_helpers.widgets.feature_maps import feature_maps
from cifar_helpers.widgets.kernel_bench import kernel_bench
from cifar_helpers.widgets.predict_photo import predict_photo

__all__ = ["feature_maps", "kernel_bench", "predict_photo"]
