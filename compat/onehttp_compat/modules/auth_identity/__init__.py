"""Module ``auth_identity``: SIP Identity of RFC 4474, which signs and verifies bytes unchanged.

All files except `module` work on requests as received (`onehttp_compat.sip.request`) and do not
know how scripts call the module. Certificates and dates are handled by ``onehttp.identity``.
"""
