"""Bodies that are not one bytes object: sent, or received, piece by piece."""
