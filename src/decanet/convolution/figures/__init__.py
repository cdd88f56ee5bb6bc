"""Figures of signals, images, kernels and trainings; the values come from the modules of the parent package."""
