"""Module ``auth_identity``: SIP Identity as RFC 4474 had it, signed and verified byte for byte.

All but `module` works on requests as received (`onehttp_compat.sip.request`) and does not know how
scripts call the module. Certificates and dates are ``onehttp.identity``'s.
"""
