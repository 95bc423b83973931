"""Exercises and questions of lesson 04."""
