"""Simulated surveys and nights of known truth, for the demo, tests and benchmarks."""
