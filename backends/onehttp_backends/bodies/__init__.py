"""Bodies that are not one bytes object: what is sent piece by piece, and what is read so."""
