"""Observatories, nights, altitudes, visibility, exposure times, dust: where and when to look."""
