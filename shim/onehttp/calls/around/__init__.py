"""What is done around each exchange of a call, whatever engine makes it."""
