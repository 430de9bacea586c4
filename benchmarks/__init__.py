"""Benchmarks: ratios to a floor measured in the same run, against a local nginx. They never fail."""
