"""Brokers, each from its Debian package."""
