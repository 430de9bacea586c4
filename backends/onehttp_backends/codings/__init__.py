"""Content codings, taken off a body piece by piece."""
