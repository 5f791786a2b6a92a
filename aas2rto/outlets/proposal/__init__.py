"""A proposal package: what a watched source did, said so that a person can ask for a spectrum."""
