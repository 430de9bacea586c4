"""What libcurl would have said of an answer: its heads, where it leads, what it refuses."""
