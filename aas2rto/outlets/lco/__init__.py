"""Requests to Las Cumbres Observatory and others with its Observatory Control System."""
