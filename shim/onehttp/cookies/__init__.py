"""Cookies of servers, kept as in RFC 6265bis (draft 20), on any engine.

This is no browser: no scripts run, and no site is embedded in another. So ``HttpOnly`` and
``SameSite`` have no effect, and are not kept.
"""
