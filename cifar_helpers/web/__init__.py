"""The course in a browser: ES modules for widgets, the network's weights, and pages without a kernel."""

from cifar_helpers.web.export import export_page

__all__ = ["export_page"]
