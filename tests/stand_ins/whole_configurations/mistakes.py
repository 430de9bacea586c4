"""What is wrong, lost, or meant for others."""

from __future__ import annotations

from stand_ins.whole_configurations.case import API, LOAD, Case

MISTAKES = [
    Case(
        "a file of connections with faults",
        f'{LOAD}\nmodparam("http_client", "config_file", "http.cfg")\n{API}',
        (
            "1 http_client bad: lost",
            "1 http_client config_file: changed",
            "2 http_client config_file: converted",
            "3 http_client api: converted",
        ),
        status=1,
        files={"http.cfg": "[bad]\nurl = ftp://h.example/v1\n"},
    ),
    Case(
        "a file of connections that is not there",
        f'{LOAD}\nmodparam("http_client", "config_file", "http.cfg")\n{API}',
        ("2 http_client config_file: not understood", "3 http_client api: converted"),
        status=3,
        is_accepted=None,
    ),
    Case(
        "Latin-1 in a comment",
        f"{LOAD}\n# caf\udce9\n{API}",
        ("3 http_client api: converted",),
    ),
    Case(
        "Latin-1 in a password",
        f'{LOAD}\nmodparam("http_client", "httpcon", "api=>http://u:caf\udce9@h.example/v1")',
        ("2 http_client api: converted",),
        {"connections": {"api": {"auth": {"password": b"caf\xe9"}}}},
    ),
    Case(
        "marks in a password",
        f'{LOAD}\nmodparam("http_client", "httpcon", "api=>http://u:a/b;c:${{d}}@h.example/v1")',
        ("2 http_client api: converted",),
        {
            "connections": {
                "api": {
                    "url": "http://h.example/v1",
                    "auth": {"username": "u", "password": "a/b;c:$${d}"},
                }
            }
        },
    ),
    Case(
        "an unknown key, and a connection that is none",
        f'{LOAD}\nmodparam("http_client", "httpcon", "api=>http://h.example/v1;nosuch=1")\n'
        'modparam("http_client", "httpcon", "http://h.example/")',
        ("2 http_client api: changed", "3 http_client httpcon: not understood"),
        status=3,
        is_accepted=False,
    ),
    Case(
        "a number that is none",
        f'{LOAD}\nmodparam("http_client", "httpcon", "api=>http://h.example/v1;timeout=soon")',
        ("2 http_client api: changed",),
        {"connections": {"api": {"timeout": {"total": 4}}}},
    ),
    Case(
        "a certificate without its key, and a version of SSL",
        f'{LOAD}\nmodparam("http_client", "httpcon", "api=>http://h.example/v1;client_cert=/x.pem;'
        'tlsversion=3")\nmodparam("http_client", "connection_timeout", 3)',
        (
            "2 http_client api client_cert: lost",
            "2 http_client api tlsversion: lost",
            "3 http_client connection_timeout: converted",
        ),
        {"requests": {"timeout": {"total": 3}}, "connections": {"api": {"tls": None}}},
        status=1,
    ),
    Case(
        "no such parameter, a text for a number, a name twice",
        f'{LOAD}\n{API}\nmodparam("http_client", "htpcon", "b=>http://b")\n'
        f'modparam("http_client", "httpredirect", "1")\n{API}',
        (
            "2 http_client api: converted",
            "3 http_client htpcon: not understood",
            "4 http_client httpredirect: not understood",
            "5 http_client httpcon: not understood",
        ),
        status=3,
        is_accepted=False,
    ),
    Case(
        "what no file of connections takes",
        f'{LOAD}\nmodparam("http_client", "useragent", "a\\r\\nX-Injected: 1")\n{API}\n'
        'modparam("http_client", "httpcon", "b=>http://b/#fragment")\n'
        'modparam("http_client", "httpcon", "c=>http://c;failover=b;useragent=c")',
        (
            "2 http_client useragent: lost",
            "3 http_client api: converted",
            "4 http_client b: lost",
            "5 http_client c: converted",
            "5 http_client c failover: changed",
            "5 http_client c failover: lost",
        ),
        {"connections": {"api": {"user_agent": None}, "b": None, "c": {"failover": None}}},
        status=1,
    ),
    Case(
        "a module that never was",
        f'modparam("async_http", "workers", 2)\n{API}',
        ("1 async_http workers: not understood", "2 http_client api: converted"),
        status=3,
        is_accepted=False,
    ),
    Case(
        "a number out of range",
        f'{LOAD}\nmodparam("http_client", "tlsversion", 9)\n{API}',
        ("2 http_client tlsversion: changed", "3 http_client api tlsversion: lost"),
        status=1,
    ),
    Case(
        "routes in Python",
        f'loadmodule "app_python3.so"\n{LOAD}\nmodparam("app_python3", "load", "/x/routing.py")\n'
        f'{API}\ncfgengine "python"',
        ("4 http_client api: converted",),
        is_accepted=None,
    ),
    Case(
        "a brace too few",
        f"{LOAD}\nroute[X] {{\n  if (1 == 1) {{\n    exit;\n}}\n{API}\n",
        ("2: not understood", "6 http_client api: converted"),
        status=3,
        is_accepted=False,
    ),
    Case(
        "an include that never ends",
        f'{LOAD}\ninclude_file "kamailio.cfg"\n{API}',
        ("2: not understood", "3 http_client api: converted"),
        status=3,
        is_accepted=False,
    ),
    Case(
        "ends of lines of another system",
        f"#!ifdef X\r\n#!else\r\n{LOAD};\r\n{API};\r\n#!endif\r\n",
        ("4 http_client api: converted",),
    ),
    Case(
        "one that stands in",
        f'{LOAD}\nmodparam("http_client", "httpcon", "api=>http://h.example/v1;failover=b")\n'
        'modparam("http_client", "httpcon", "b=>http://b;failover=nobody")',
        (
            "2 http_client api: converted",
            "2 http_client api failover: changed",
            "2 http_client api failover: changed",
            "3 http_client b: converted",
            "3 http_client b failover: lost",
        ),
        {"connections": {"api": {"failover": "b-alone"}, "b": {}, "b-alone": {}}},
        status=1,
    ),
    Case(
        "a proxy with a password",
        f'{LOAD}\nmodparam("http_client", "httpproxy", "u:p%40ss@proxy.example")\n'
        f'modparam("http_client", "httpproxyport", 3128)\n{API}',
        (
            "2 http_client httpproxy: converted",
            "3 http_client httpproxyport: converted",
            "4 http_client api: converted",
        ),
        {
            "defaults": {
                "proxy": {
                    "url": "http://proxy.example:3128",
                    "username": "u",
                    "password": "p@ss",
                }
            }
        },
    ),
    Case(
        "nothing of ours",
        'debug=2\nloadmodule "pv.so"\nmodparam("pv", "shvset", "a=i:1")',
        (),
        {"connections": {}, "defaults": None, "requests": None, "queries": None},
    ),
]
