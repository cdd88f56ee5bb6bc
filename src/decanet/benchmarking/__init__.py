"""Benchmarks: the speed that a machine reaches, and the work that a recipe requires."""
