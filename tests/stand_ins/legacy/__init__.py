"""Legacy calls and scripts as people make them."""
