"""What papers and competitions state, as data: one TOML file per paper, read by ``decanet.core.facts``."""
