"""A trained network for other places: fused inference."""
