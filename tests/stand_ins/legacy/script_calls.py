"""Every legacy function as scripts call it: what is tried on what the report says instead.

A text is a call of a Python script. A tuple are arguments of the native function that is called
so, for those with more arguments than app_python's ``call_function`` takes; without the result.
"""

from __future__ import annotations

from typing import Final

BLOB = "X-One: 1\r\nX-Two: a: b\r\n"
TYPED = "Content-Type: application/json\r\nAccept: text/plain\r\n"
V = '"$var(value)"'
SYNCHRONOUS: Final[dict[str, list[str | tuple[str, ...]]]] = {
    "utils.http_query/2": [
        f'msg.call_function("http_query", URL + "/a?u=$rU&b={{}}", {V})',
        f'msg.call_function("http_query", f"{{URL}}/a?u=$rU", {V})',
        f'msg.call_function("http_query", "%s/a?u=$rU%%26" % URL, {V})',
        f'msg.call_function("http_query", URL + "/missing", {V})',
        f'msg.call_function("http_query", TEMPLATE, {V})',
        f'msg.call_function("http_query", TEMPLATE + "&c=$rm" + user, {V})',
        f'msg.call_function("http_query", URL + SUFFIX, {V})',
        f'msg.call_function("http_query", URL + "/a?u=$" + "rU", {V})',
    ],
    "utils.http_query/3": [("/a", "user=$rU"), ("/a", "")],
    "utils.http_query/4": [
        ("/a", "user=$rU", BLOB),
        ("/a", "", BLOB),
        ("/a", "b", TYPED),
        ("/a", "b", ""),
    ],
    "curl.curl_http_query/2": [f'msg.call_function("curl_http_query", URL + "/a", {V})'],
    "curl.curl_http_query/3": [("/a", "user=$rU"), ("/a", "")],
    "curl.curl_connect/3": [("api", "/p?u=$rU")],
    "curl.curl_connect/5": [("api", "/p", "application/json", "{}"), ("api", "/p", "a/b", "")],
    "http_client.query/2": [
        f'KSR.http_client.query(URL + "/a?u=" + user, {V})',
        f'KSR.http_client.query(URL + "/moved", {V})',
        f'KSR.http_client.query(URL + "/missing", {V})',
        f'msg.call_function("http_client_query", URL + "/a?u=$(rU{{s.len}})", {V})',
    ],
    "http_client.query_post/3": [
        f'KSR.http_client.query_post(URL + "/a", "user=%s" % user, {V})',
        f'KSR.http_client.query_post(URL + "/a", "", {V})',
        f'KSR.http_client.query_post(URL + "/moved", "b", {V})',
        ("/a", "u=$rU"),
    ],
    "http_client.query_post_hdrs/4": [
        f'KSR.http_client.query_post_hdrs(URL + "/a", "b", {TYPED!r}, {V})',
        f'KSR.http_client.query_post_hdrs(URL + "/a", "b", {BLOB!r}, {V})',
        f'KSR.http_client.query_post_hdrs(URL + "/a", "b", "", {V})',
        f'KSR.http_client.query_post_hdrs(URL + "/a", "", {BLOB!r}, {V})',
        f'KSR.http_client.query_post_hdrs(URL + "/a", "b", blob, {V})',
        f'KSR.http_client.query_post_hdrs(URL + "/a", "b", "A: " + user + "\\r\\nB: b", {V})',
        f'KSR.http_client.query_post_hdrs(URL + "/a", "b", "Content-Type: x/%s" % user, {V})',
        f'KSR.http_client.query_post_hdrs(URL + "/a", "b", f"X-{{user[1:]}}: 1", {V})',
        ("/a", "b", "X-U: $rU"),
    ],
    "http_client.get_hdrs/4": [
        f'KSR.http_client.get_hdrs(URL + "/a", "b", {BLOB!r}, {V})',
        f'KSR.http_client.get_hdrs(URL + "/a", "", {TYPED!r}, {V})',
        ("/a", "", ""),
    ],
    "http_client.query_request/5": [
        f'KSR.http_client.query_request("PUT", URL + "/a", "b", {BLOB!r}, {V})',
        f'KSR.http_client.query_request("DELETE", URL + "/a", "", "", {V})',
        f'KSR.http_client.query_request("HEAD", URL + "/a", "", "", {V})',
        f'KSR.http_client.query_request("", URL + "/a", "b", "", {V})',
        f'KSR.http_client.query_request("", URL + "/a", "", "", {V})',
        f'KSR.http_client.query_request("GET", URL + "/a", "b", "", {V})',
        f'KSR.http_client.query_request("PATCH", URL + "/a", "b", blob, {V})',
        ("PUT", "/a", "$rU", TYPED),
    ],
    "http_client.curl_connect/3": [
        f'KSR.http_client.curl_connect("api", "/p?u=" + user, {V})',
        f'KSR.http_client.curl_connect("api", "/missing", {V})',
        ("api", "/p?u=$rU"),
    ],
    "http_client.curl_connect_post/5": [
        f'KSR.http_client.curl_connect_post("api", "/p", "text/plain", "hi " + user, {V})',
        f'KSR.http_client.curl_connect_post("api", "/p", "text/plain", "", {V})',
        ("api", "/p", "a/b", "hi $rU"),
    ],
    "http_client.http_connect_raw/5": [("api", "/p", "a/b", "not $rU")],
}


V2 = "http_client.query_request_v2pk/5"
PRIOR_KNOWLEDGE = [
    f'KSR.http_client.query_request_v2pk("PUT", URL + "/a?u=" + user, "b", {BLOB!r}, {V})',
    f'KSR.http_client.query_request_v2pk("GET", f"{{URL}}/a", "", "", {V})',
    f'KSR.http_client.query_request_v2pk("POST", "%s" % URL, "b", {TYPED!r}, {V})',
]
SUSPENDING = "KSR.tm.t_newtran()"
SET = 'KSR.pv.sets("$http_req(%s)", %s)'
ASYNCHRONOUS: Final = {
    "query": f'{SUSPENDING}\nKSR.http_async_client.query(URL + "/a?u=" + user, "answered")',
    "with its settings": (
        f"""{SET % ("hdr", '"X-User: " + user')}
{SET % ("hdr", '"Accept: text/plain"')}
{SET % ("body", '"user=%s" % user')}
{SET % ("method", '"PUT"')}
KSR.pv.seti("$http_req(suspend)", 0)
KSR.http_async_client.query(URL + "/a", "answered")"""
    ),
    "with a body": (
        f"""{SET % ("body", '"{}"')}
{SET % ("hdr", '"Content-Type: application/json"')}
KSR.http_async_client.query(URL + "/a", "answered")"""
    ),
    "redirected": (
        """KSR.pv.seti("$http_req(follow_redirect)", 1)
KSR.http_async_client.query(URL + "/moved", "answered")"""
    ),
    "not redirected": 'KSR.http_async_client.query(URL + "/moved", "answered")',
    "with credentials": (
        f"""{SET % ("username", '"alice"')}
{SET % ("password", '"wonder"')}
KSR.pv.seti("$http_req(authmethod)", 1)
KSR.pv.seti("$http_req(keepalive)", 1)
KSR.http_async_client.query(URL + "/private?u=" + user, "answered")"""
    ),
    "by native functions": (
        """msg.call_function("http_append_header", "X-User: $rU")
msg.call_function("http_set_method", "DELETE")
msg.call_function("http_set_timeout", "50000")
msg.call_function("http_async_suspend", "0")
msg.call_function("http_async_query", URL + "/a?u=$rU", "answered")"""
    ),
    "send": (
        """KSR.pv.seti("$http_req(suspend)", 0)
KSR.http_async_client.send(URL + "/a", "answered")"""
    ),
    "send_xdata": 'KSR.http_async_client.send_xdata(URL + "/a", "answered", "$avp(x)")',
}


SETTINGS: dict[tuple[str, ...], tuple[str, dict[str, object]]] = {
    ("http_set_ssl_cert", "http_set_tls_client_cert"): ("/c.pem", {"cert": "/c.pem"}),
    ("http_set_ssl_key", "http_set_tls_client_key"): ("/k.pem", {"key": "/k.pem"}),
    ("http_set_ca_path", "http_set_tls_ca_path"): ("/ca", {"ca_path": "/ca"}),
    ("http_verify_host", "tls_verify_host"): ("0", {"verify_host": False}),
    ("http_verify_peer", "tls_verify_peer"): ("0", {"verify_peer": False}),
}

BESIDE: Final = (
    "http_get_redirect",
    "http_client_response_headers_set",
    "http_client_response_headers_clear",
)
"""Those that say something of a call before or after them."""
