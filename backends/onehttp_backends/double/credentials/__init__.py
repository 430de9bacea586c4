"""Authentication in the double: schemes, challenges, and the answers to them."""
