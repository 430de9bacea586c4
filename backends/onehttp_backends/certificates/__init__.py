"""Certificates and keys: the bytes that were checked are those that are used."""
