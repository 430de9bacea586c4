"""Queries that end in a route: their states, the routes, and the workers that run them."""
