"""The settings of a TLS handshake, and what can be learnt from it."""
