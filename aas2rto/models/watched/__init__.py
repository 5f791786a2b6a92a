"""Sources that are watched: their baselines, and what tells that one of them has changed.

Pure functions of arrays, from the ground up: nightly means, the damped random walk, baselines,
cumulative sums, Bayesian blocks, onsets; then `stage_one`, which runs them on every source and
night.
"""
