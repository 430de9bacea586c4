"""``onehttp kamailio``: a server to begin with, and what one has that is missing or dangerous."""
