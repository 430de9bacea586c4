"""Reads the outcome of a transfer from its handle: a response, or an error with its phase."""
