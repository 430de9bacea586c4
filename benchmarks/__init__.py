"""Benchmarks: ratios to a floor measured in the same run, against an nginx. They never fail."""
