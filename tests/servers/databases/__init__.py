"""Real databases, each with a fresh one for a test."""
