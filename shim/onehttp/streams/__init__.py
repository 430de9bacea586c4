"""Responses whose bodies are read piece by piece, and requests whose bodies are sent so."""
