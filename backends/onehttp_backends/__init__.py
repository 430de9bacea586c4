"""Engines: how a request becomes a response.

Knows nothing of connection names, configuration files, SIP or routes. Imported by
``onehttp`` only; imports nothing of it.
"""
