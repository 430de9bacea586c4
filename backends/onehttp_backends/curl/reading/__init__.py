"""Reads the outcome of a transfer from its handle: a response, or an error with its phase.

`outcome.py` also decides what an error says in ``sent``: no, maybe or yes.
"""
