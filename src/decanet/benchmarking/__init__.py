"""Measurements of speed, and counts of work: what a machine reaches, and what a recipe asks of it."""
