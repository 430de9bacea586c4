"""Functions for headers of a message."""
