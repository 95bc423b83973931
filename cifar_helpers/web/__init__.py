"""The course in a browser: ES modules for widgets, network weights, and pages that need no kernel."""

from cifar_helpers.web.export import export_page

__all__ = ["export_page"]
