"""Other clients, each in an environment of its own, beside onehttp and the bare easy handle."""
