"""Limits and circuits that many processes count together, in one Redis or Valkey."""
