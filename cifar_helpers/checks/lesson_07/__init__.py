"""Exercises and questions of lesson 07."""
