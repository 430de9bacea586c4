"""What may be sent, and where to: checks on values, made before any engine acts on them."""
