"""Servers of the versions of HTTP that carry many exchanges at once."""
