"""The fits' inner loops, compiled by numba on first use and cached on disk."""
