"""Tests of configs share the small ones of `cases`."""
