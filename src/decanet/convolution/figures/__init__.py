"""Figures of convolution: every function here draws what the modules above computed."""
