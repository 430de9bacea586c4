"""Single arguments of a call, as parts of its request."""
