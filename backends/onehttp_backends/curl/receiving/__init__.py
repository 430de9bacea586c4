"""An answer as libcurl hands it over, piece by piece: what is kept of it, and when it is enough."""
