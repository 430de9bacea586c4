"""Scripts as trees: Python's own trees to find calls, and LibCST's trees to change them."""
