"""Figures of a replay's report: as wide as a phone, each with words for who cannot see it."""

from aas2rto.text.cache import help_matplotlib

help_matplotlib()
