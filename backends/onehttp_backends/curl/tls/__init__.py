"""What a handshake is given, and what it tells."""
