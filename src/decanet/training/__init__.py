"""Training: recipes, one visible loop, optimizers, schedules, checkpoints, several processes."""
