"""Figures: one kind per file; drawn where what they show has changed, and looked at on a phone."""

from aas2rto.text.cache import help_matplotlib

help_matplotlib()
