"""The identity of a caller: credentials of a single call, and tokens that expire."""
