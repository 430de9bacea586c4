"""Hints for users of names from other libraries: the name or the way of this library."""
