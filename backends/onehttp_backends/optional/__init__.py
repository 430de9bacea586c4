"""Protocols that a backend may implement besides the contract. Callers check by `isinstance`."""
