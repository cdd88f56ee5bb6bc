"""The experiments, one module each with ``EXPERIMENT``; they are found by discovery."""
