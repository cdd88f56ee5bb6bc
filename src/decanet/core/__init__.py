"""What every other part stands on: errors, recipes, the registry, the runtime and results."""
