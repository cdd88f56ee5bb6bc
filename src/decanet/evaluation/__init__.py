"""Measuring: metrics, test-time views, and the figures that show where a network is right and wrong."""
