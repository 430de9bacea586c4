"""The real server: what HTTP costs a SIP request in it, by its own modules and by these."""
