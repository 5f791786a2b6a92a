"""The steps of a cycle, from tables to ranked tables; no message, no file, no figure."""
