"""The far end of the recordings: an HTTP server on loopback, its behaviours and certificates."""
