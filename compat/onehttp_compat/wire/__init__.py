"""Translates legacy calls for the engine: URLs, headers and numbers as libcurl had them."""
