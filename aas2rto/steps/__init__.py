"""The steps of a cycle, from tables to ranked tables; no message, no output file, no figure."""
