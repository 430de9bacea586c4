"""What single arguments of a call become: parts of its request."""
