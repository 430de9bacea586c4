"""Hints for names and packages that do not exist."""
