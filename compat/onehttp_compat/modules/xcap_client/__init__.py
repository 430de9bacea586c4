"""Module ``xcap_client``: XCAP documents for other presence modules, in the table ``xcap``."""
