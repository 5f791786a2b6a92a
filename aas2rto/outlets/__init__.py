"""Outlets: what a decision becomes at the telescope: star lists, bundles, requests to robots."""
