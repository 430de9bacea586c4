"""What came of a transfer, read off its handle: a response, or an error with its phase."""
