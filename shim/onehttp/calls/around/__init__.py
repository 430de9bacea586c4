"""What happens around each exchange of a call, on any engine."""
