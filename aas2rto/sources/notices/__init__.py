"""Notices of other observatories: what one says of an event, whatever its form."""
