"""Schedules that surveys announce: what they look at tonight, as ObsLocTAP tells it."""
