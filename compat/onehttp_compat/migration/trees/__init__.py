"""A script as a tree: Python's own to find calls in, LibCST's to change them."""
