"""Connections with policies."""
