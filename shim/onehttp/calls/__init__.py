"""From the arguments of a call to its outcome, by the policies of its connection."""
