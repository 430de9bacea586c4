"""Rules on what may be sent, and where to, checked before any engine acts."""
