"""Checks responses as libcurl would: their heads, their redirects, what it refuses."""
