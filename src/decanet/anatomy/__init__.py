"""What a network is, without weights: trace, summary, costs, receptive fields, explanation, verification."""
