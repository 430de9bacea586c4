"""The legacy modules of the SIP server, name for name, on top of ``onehttp``.

May import the layer below (``onehttp``); nothing imports it but users' scripts.
"""
