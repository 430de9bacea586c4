"""Module ``xcap_client``: fetches XCAP documents for other presence modules into the table
``xcap``."""
