"""Exercises and questions of lesson 01."""
