"""What each emulated module does. Knows its process, not the server that made it."""
