"""Bodies of messages: whole, in parts, line by line."""
