"""The course in a browser: ES modules for widgets, the network's weights, and pages without a kernel."""
