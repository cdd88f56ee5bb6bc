"""Diagrams of networks: boxes and shapes on one page, built from a shape-only forward pass."""
