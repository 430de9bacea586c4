"""Cookies of servers, kept as RFC 6265bis has it (draft 20), whatever engine brings them.

There is no browser here: nothing is shown, no script runs, no site is embedded in another. So
``HttpOnly`` and ``SameSite`` ask for nothing, and are not kept.
"""
