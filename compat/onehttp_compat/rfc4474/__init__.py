"""SIP Identity as RFC 4474 had it: what ``auth_identity`` signs and verifies, byte for byte.

Works on requests as received (`request.py`); may import ``onehttp.identity`` (certificates, dates)
and must not know how scripts call the module.
"""
