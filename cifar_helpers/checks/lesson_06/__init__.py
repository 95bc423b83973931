"""Exercises and questions of lesson 06."""
