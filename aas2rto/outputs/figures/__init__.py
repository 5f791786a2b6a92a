"""Figures: one kind per file; drawn where what they show has changed, and looked at on a phone."""
