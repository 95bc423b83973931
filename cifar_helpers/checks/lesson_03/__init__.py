"""Exercises and questions of lesson 03."""
