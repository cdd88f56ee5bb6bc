"""What a network is, without weights: trace, summary, costs, receptive fields, comparison with the facts."""
