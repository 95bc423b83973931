"""Check the set-up: `python -m cifar_helpers.doctor`, or the first cell of lesson 00."""

from cifar_helpers.doctor.finding import Finding
from cifar_helpers.doctor.lesson_times import speed
from cifar_helpers.doctor.report import examine, lines, main, report

__all__ = ["Finding", "examine", "lines", "main", "report", "speed"]
