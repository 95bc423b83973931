"""Exercises and questions of lesson 05."""
