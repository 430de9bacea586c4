"""Modules of the server that work on a message and on their own memory alone.

A server on loopback loads no others out of a team's configuration: what speaks to other machines,
listens, runs commands or keeps its state in a database is assumed. What these send as SIP, by
timers too, passes the routes that hold it (``inside/sending.py``).
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
