"""Named connections: what a file may say, how it is read, and what comes out of it."""
