"""The way of a legacy call to the engine: URLs, headers and numbers as libcurl had them."""
