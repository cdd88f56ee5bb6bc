"""Trained networks prepared for inference elsewhere: folded batch normalization."""
