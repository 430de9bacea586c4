"""What a backend may know besides the contract: protocols, each found by `isinstance`."""
