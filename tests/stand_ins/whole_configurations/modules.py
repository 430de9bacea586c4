"""What the five modules can be told, alone and beside each other."""

from __future__ import annotations

from stand_ins.whole_configurations.case import API, LOAD, Case

MODULES = [
    Case(
        "one line for two modules",
        'modparam("http_client|http_async_client", "connection_timeout", 5)\n'
        'modparam("http_client", "useragent", "x")',
        (
            "1 http_client connection_timeout: converted",
            "1 http_async_client connection_timeout: converted",
            "2 http_client useragent: converted",
        ),
        {"defaults": {"timeout": {"total": 5}}, "queries": {"timeout": {"idle": 0.005}}},
        is_accepted=None,
    ),
    Case(
        "one line for all that are loaded",
        f'{LOAD}\nmodparam("http_.*", "connection_timeout", 5)',
        ("2 http_client connection_timeout: converted",),
        {"defaults": {"timeout": {"total": 5}}, "queries": None},
    ),
    Case(
        "a default below the connection",
        f'{LOAD}\n{API}\nmodparam("http_client", "keep_connections", 1)',
        ("2 http_client api: converted", "3 http_client keep_connections: lost"),
        {"connections": {"api": {"reuse": False}}},
        status=1,
    ),
    Case(
        "a default above the connection",
        f'{LOAD}\nmodparam("http_client", "keep_connections", 1)\n{API}',
        ("2 http_client keep_connections: converted", "3 http_client api: converted"),
        {"connections": {"api": {"reuse": True}}},
    ),
    Case(
        "a default for some, and another for the others",
        f'{LOAD}\nmodparam("http_client", "maxdatasize", 10)\n{API}\n'
        'modparam("http_client", "maxdatasize", 20)\n'
        'modparam("http_client", "httpcon", "b=>http://b")',
        (
            "2 http_client maxdatasize: converted",
            "3 http_client api: converted",
            "4 http_client maxdatasize: converted",
            "5 http_client b: converted",
        ),
        {"connections": {"api": {"max_body": 10}, "b": {"max_body": 20}}},
    ),
    Case(
        "a default that nobody takes",
        f'{LOAD}\nmodparam("http_client", "maxdatasize", 10)\n'
        f'modparam("http_client", "maxdatasize", 20)\n{API}',
        (
            "2 http_client maxdatasize: lost",
            "3 http_client maxdatasize: converted",
            "4 http_client api: converted",
        ),
        status=1,
    ),
    Case(
        "defaults as they are anyway",
        f'{LOAD}\n{API}\nmodparam("http_client", "keep_connections", 0)\n'
        'modparam("http_client", "query_result", 1)\nmodparam("http_client", "authmethod", 3)\n'
        'modparam("http_client", "maxdatasize", 0)\nmodparam("http_client", "tlsversion", 0)',
        (
            "2 http_client api: converted",
            "3 http_client keep_connections: converted",
            "4 http_client query_result: changed",
            "5 http_client authmethod: converted",
            "6 http_client maxdatasize: converted",
            "7 http_client tlsversion: converted",
        ),
    ),
    Case(
        "calls by URL alone",
        f'{LOAD}\nmodparam("http_client", "query_result", 0)\n'
        'modparam("http_client", "query_maxdatasize", 1000)\n'
        'modparam("http_client", "netinterface", "lo")',
        (
            "2 http_client query_result: converted",
            "3 http_client query_maxdatasize: converted",
            "4 http_client netinterface: converted",
        ),
        {
            "defaults": {"max_body": 1000, "body_policy": "truncate", "interface": "lo"},
            "requests": {},
        },
    ),
    Case(
        "calls by URL in a route, and nothing set",
        f'loadmodule "pv"\n{LOAD}\nroute[X] {{ http_client_query("http://h/", "$var(r)"); }}',
        (),
        {"defaults": {"timeout": {"total": 4, "connect": 4}, "reuse": False}, "requests": {}},
    ),
    Case(
        "queries alone",
        'loadmodule "http_async_client.so"\nmodparam("http_async_client", "workers", 4)\n'
        'modparam("http_async_client", "connection_timeout", 1500)\n'
        'modparam("http_async_client", "tls_verify_peer", 0)\n'
        'modparam("http_async_client", "tcp_keepalive", 1)\n'
        'modparam("http_async_client", "tcp_ka_idle", 30)\n'
        'modparam("http_async_client", "curl_follow_redirect", 1)\n'
        'modparam("http_async_client", "hash_size", 4096)\n'
        'modparam("http_async_client", "memory_manager", "sys")\n'
        'modparam("http_async_client", "curl_verbose", 1)',
        (
            "2 http_async_client workers: converted",
            "3 http_async_client connection_timeout: converted",
            "4 http_async_client tls_verify_peer: converted",
            "5 http_async_client tcp_keepalive: converted",
            "6 http_async_client tcp_ka_idle: converted",
            "7 http_async_client curl_follow_redirect: converted",
            "8 http_async_client hash_size: converted",
            "9 http_async_client memory_manager: converted",
            "10 http_async_client curl_verbose: changed",
        ),
        {
            "queries": {
                "workers": 4,
                "queue_length": 0,
                "timeout": {"total": 300, "idle": 1.5},
                "tls": {"verify_peer": False},
                "keepalive": {"idle": 30, "interval": 60},
                "redirects": 30,
            },
            "requests": None,
        },
        is_accepted=None,
    ),
    Case(
        "queries beside calls by URL that say more",
        f'modparam("http_client", "cacert", "ca.pem")\n{API}\n'
        'modparam("http_async_client", "workers", 2)',
        (
            "1 http_client cacert: converted",
            "2 http_client api: converted",
            "3 http_async_client workers: converted",
        ),
        {
            "defaults": {"tls": {"ca_file": "ca.pem"}},
            "requests": {},
            "queries": {"tls": {"ca_file": None}, "reuse": True},
        },
        is_accepted=None,
        loads=False,
    ),
    Case(
        "a client certificate with its key in it, and a key without one",
        'modparam("http_async_client", "tls_client_cert", "c.pem")\n'
        'modparam("http_async_client", "tcp_ka_idle", 5)',
        (
            "1 http_async_client tls_client_cert: converted",
            "2 http_async_client tcp_ka_idle: lost",
        ),
        {"queries": {"tls": {"cert": "c.pem", "key": "c.pem"}}},
        status=1,
        is_accepted=None,
        loads=False,
    ),
    Case(
        "no worker at all",
        'modparam("http_async_client", "workers", 0)\n'
        'modparam("http_async_client", "tlsversion", 6)',
        (
            "1 http_async_client workers: not understood",
            "2 http_async_client tlsversion: converted",
        ),
        {"queries": {"workers": 1}},
        status=3,
        is_accepted=None,
    ),
    Case(
        "utils",
        'modparam("utils", "http_query_timeout", 9)\nmodparam("utils", "http_response_mode", 1)\n'
        'modparam("utils", "http_response_trim", 1)\nmodparam("utils", "forward_active", 1)',
        (
            "1 utils http_query_timeout: converted",
            "2 utils http_response_mode: converted",
            "3 utils http_response_trim: changed",
        ),
        {"defaults": {"timeout": {"total": 9}, "user_agent": ""}, "requests": {}},
        is_accepted=None,
    ),
    Case(
        "two modules with calls by URL",
        'modparam("utils", "http_query_timeout", 9)\nmodparam("http_client", "timeout_mode", 1)',
        (
            "1 utils http_query_timeout: lost",
            "2 http_client timeout_mode: converted",
        ),
        {"defaults": {"timeout": {"total": 4}}},
        status=1,
        is_accepted=None,
    ),
    Case(
        "curl, as it was",
        'modparam("curl", "tlsverifyserver", 0)\n'
        'modparam("curl", "curlcon", "api=>https://h.example/v1;sslversion=6;verifyhost=0")',
        ("1 curl tlsverifyserver: converted", "2 curl api: converted"),
        {"connections": {"api": {"url": "https://h.example/v1", "tls": {"verify_host": False}}}},
        is_accepted=None,
        loads=True,
    ),
    Case(
        "xcap_client",
        'modparam("xcap_client", "db_url", "sqlite:///x")\n'
        'modparam("xcap_client", "query_period", 50)',
        ("1 xcap_client db_url: changed", "2 xcap_client query_period: changed"),
        {"connections": {}},
        is_accepted=None,
    ),
    Case(
        "auth_identity",
        'modparam("auth_identity", "privatekey_path", "k.pem")\n'
        'modparam("auth_identity", "accept_pem_certs", 1)',
        (
            "1 auth_identity privatekey_path: changed",
            "2 auth_identity accept_pem_certs: changed",
        ),
        {"connections": {}},
        is_accepted=None,
    ),
    Case(
        "a file of connections",
        f'{LOAD}\nmodparam("http_client", "config_file", "http.cfg")',
        ("1 http_client api: converted", "2 http_client config_file: converted"),
        files={"http.cfg": "[api]\nurl = http://h.example/v1\n"},
    ),
]
