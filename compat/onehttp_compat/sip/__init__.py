"""SIP messages as scripts and modules see them."""
