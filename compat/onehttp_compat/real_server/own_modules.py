"""Modules of the server that use only the message and memory of their own.

Of a team's configuration, a server on loopback loads only these. Modules that contact other
machines, listen, run commands or use a database are assumed. SIP messages that these modules send,
also by timers, go through the routes that hold them back (``inside/sending.py``).
"""

from __future__ import annotations

from typing import Final

KEEP_TO_THEMSELVES: Final = frozenset((
    "acc", "acc_json", "async", "auth", "avp", "avpops", "benchmark", "blst", "call_obj", "cfg_rpc",
    "cfgt", "cfgutils", "corex", "counters", "crypto", "debugger", "dialog", "dispatcher",
    "diversion", "geoip", "geoip2", "group", "gzcompress", "htable", "ipops", "jansson", "json",
    "jwt", "keepalive", "kemix", "kex", "mangler", "math", "maxfwd", "misctest", "mqueue", "msrp",
    "mtree", "nathelper", "outbound", "path", "pdt", "permissions", "phonenum", "pike",
    "pipelimit", "posops", "prefix_route", "print", "pv", "pv_headers", "qos", "ratelimit",
    "rawops", "regex", "registrar", "rr", "rtimer", "rtjson", "sanity", "sca", "sdpops",
    "secfilter", "sipdump", "sipjson", "sipt", "siputils", "sl", "smsops", "ss7ops", "sst",
    "statistics", "statsc", "stun", "tcpops", "textops", "textopsx", "timer", "tm", "tmrec", "tmx",
    "topoh", "uac", "uac_redirect", "uri_db", "usrloc", "uuid", "xhttp", "xlog", "xmlops", "xprint",
))  # fmt: skip
