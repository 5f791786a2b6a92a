"""Nights of the past, run again: what a scoring would have done, and how good that was."""
