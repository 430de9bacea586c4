"""The recordings, how each is replayed against the emulation, and how the two are compared."""
