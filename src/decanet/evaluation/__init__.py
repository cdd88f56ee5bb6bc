"""Evaluation: metrics, test-time augmentation, model references, predictions, and the figures of a run."""
