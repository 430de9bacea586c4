"""Named connections: their files, how these are read and checked, and the resulting values."""
