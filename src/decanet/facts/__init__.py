"""What papers and competitions state, as data: one TOML file a paper, read through ``decanet.core.facts``."""
