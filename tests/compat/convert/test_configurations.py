"""Whole configurations, one of each kind that people have: what becomes of each line of ours, what
the file of connections says then, and whether the real server takes the same configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from onehttp.connections.file.load import load_connections
from onehttp_compat.convert.conversion import Converted, convert
from onehttp_compat.convert.outcomes import exit_status
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.server_config import Surroundings
from servers.kamailio.check import checked

pytestmark = pytest.mark.usefixtures("default_limits")

API = 'modparam("http_client", "httpcon", "api=>http://h.example/v1")'
LOAD = 'loadmodule "http_client.so"'
URL = {"connections": {"api": {"url": "http://h.example/v1"}}}


class Case(NamedTuple):
    title: str
    text: str
    report: tuple[str, ...]
    """``LINE WHAT: BECAME`` for each row, modules that are loaded left out."""
    said: Mapping[str, Any] = URL
    """Is in the file of connections; None: no such key."""
    status: int = 0
    is_accepted: bool | None = True
    """By the real server; None: it has no such module any more, or none in Debian."""
    files: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}
    defines: Mapping[str, str | None] = {}
    loads: bool = True
    """The file can be used as it is: what it names is there."""


CASES = [
    Case("a connection", f"{LOAD}\n{API}", ("2 http_client api: converted",)),
    Case(
        "a connection in pieces",
        f'{LOAD}\nmodparam("http_client",\n\t"httpcon",\n\t"api=>"\n\t"http://h.example/v1");',
        ("2 http_client api: converted",),
    ),
    Case(
        "texts in pieces for another module",
        f'loadmodule "pv"\nmodparam("pv", "shvset",\n "a=s:b;"\n "c")\n{LOAD}\n{API}',
        ("6 http_client api: converted",),
    ),
    Case(
        "a name that is defined nowhere, for another module",
        f'modparam("rtpengine", "rtpengine_sock", RTPENGINE_SOCK)\n{API}',
        ("1 rtpengine rtpengine_sock: unknown", "2 http_client api: converted"),
        is_accepted=False,
    ),
    Case(
        "a name that is defined nowhere, for ours",
        f'{LOAD}\nmodparam("http_client", "httpcon", API_CON)\n{API}',
        ("2 http_client httpcon: not understood", "3 http_client api: converted"),
        status=3,
        is_accepted=False,
    ),
    Case(
        "a name that is defined outside",
        f'{LOAD}\nmodparam("http_client", "httpcon", API_CON)',
        ("2 http_client api: converted",),
        defines={"API_CON": "api=>http://h.example/v1"},
        is_accepted=None,
    ),
    Case(
        "substdef",
        f'#!substdef "!HOST!h.example!g"\n{LOAD}\n'
        'modparam("http_client", "httpcon", "api=>http://HOST/v1")',
        ("3 http_client api: converted",),
    ),
    Case(
        "substdefs as a value",
        f'#!substdefs "!API!api=>http://h.example/v1!g"\n{LOAD}\n'
        'modparam("http_client", "httpcon", API)',
        ("3 http_client api: converted",),
    ),
    Case(
        "subst, twice over",
        f'#!subst "/HOST/h.DOMAIN/"\n#!subst "/DOMAIN/example/"\n{LOAD}\n'
        'modparam("http_client", "httpcon", "api=>http://HOST/v1")',
        ("4 http_client api: converted",),
    ),
    Case(
        "defines of defines",
        f"#!define T 3\n#!define WAIT T\n{LOAD}\n"
        f'modparam("http_client", "connection_timeout", WAIT)\n{API}',
        ("4 http_client connection_timeout: converted", "5 http_client api: converted"),
        {"defaults": {"timeout": {"total": 3, "connect": 3}}, **URL},
    ),
    Case(
        "trydef and redefine",
        f'#!trydef API "api=>http://old"\n#!trydef API "api=>http://older"\n'
        f'#!redefine API "api=>http://h.example/v1"\n{LOAD}\n'
        'modparam("http_client", "httpcon", API)',
        ("5 http_client api: converted",),
    ),
    Case(
        "a part that is left out",
        f'{LOAD}\n#!ifdef WITH_B\nmodparam("http_client", "httpcon", "b=>http://b")\n#!else\n{API}\n'
        "#!endif",
        ("3 http_client httpcon: off", "5 http_client api: converted"),
        {"connections": {"api": {}, "b": None}},
    ),
    Case(
        "a part that is switched on from outside",
        f"{LOAD}\n#!ifdef WITH_B\n{API}\n#!endif",
        ("3 http_client api: converted",),
        defines={"WITH_B": None},
    ),
    Case(
        "a condition that is an expression",
        f"#!define MODE 1\n{LOAD}\n#!ifexp MODE == 2\n"
        f'modparam("http_client", "httpcon", "b=>http://b")\n#!else\n{API}\n#!endif',
        ("4 http_client httpcon: off", "6 http_client api: converted"),
        is_accepted=None,
    ),
    Case(
        "a define that is an expression",
        f"#!define S 2\n#!defexp T S * 2 + 1\n{LOAD}\n"
        f'modparam("http_client", "connection_timeout", T)\n{API}',
        ("4 http_client connection_timeout: converted", "5 http_client api: converted"),
        {"defaults": {"timeout": {"total": 5}}},
        is_accepted=None,
    ),
    Case(
        "a text that is an expression",
        f'#!define HOST "h.example"\n#!defexps API "api=>http://" + HOST + "/v1"\n{LOAD}\n'
        'modparam("http_client", "httpcon", API)',
        ("4 http_client api: converted",),
        is_accepted=None,
    ),
    Case(
        "the environment, quoted",
        f'#!defenvs API\n{LOAD}\nmodparam("http_client", "httpcon", API)',
        ("3 http_client api: converted",),
        environment={"API": "api=>http://h.example/v1"},
    ),
    Case(
        "the environment, with quotes of its own",
        f'#!defenv API=CON\n{LOAD}\nmodparam("http_client", "httpcon", API)',
        ("3 http_client api: converted",),
        environment={"CON": '"api=>http://h.example/v1"'},
    ),
    Case(
        "the environment, without the variable",
        f'#!defenvs API\n{LOAD}\nmodparam("http_client", "httpcon", API)\n{API}',
        ("1: unknown", "3 http_client httpcon: not understood", "4 http_client api: converted"),
        status=3,
        is_accepted=False,
    ),
    Case(
        "modparamx",
        f"#!define PATH v1\n{LOAD}\n"
        'modparamx("http_client", "httpcon", "api=>http://$env(HOST)/$def(PATH)")',
        ("3 http_client api: converted",),
        environment={"HOST": "h.example"},
    ),
    Case(
        "modparamx without the variable",
        f'{LOAD}\nmodparamx("http_client", "httpcon", "b=>http://$env(NONE)/")\n{API}',
        ("2 http_client httpcon: not understood", "3 http_client api: converted"),
        status=3,
        is_accepted=None,
    ),
    Case(
        "an included file",
        f'{LOAD}\ninclude_file "http.inc"\n',
        ("1 http_client api: converted",),
        files={"http.inc": API + "\n"},
    ),
    Case(
        "a file that need not be there",
        f'import_file "local.cfg"\n{LOAD}\n{API}',
        ("1: unknown", "3 http_client api: converted"),
    ),
    Case(
        "a file that must be there",
        f'include_file "local.cfg"\n{LOAD}\n{API}',
        ("1: not understood", "3 http_client api: converted"),
        status=3,
        is_accepted=False,
    ),
    Case(
        "numbers and words",
        f'{LOAD}\nmodparam("http_client", "verify_peer", no)\n'
        'modparam("http_client", "connection_timeout", 0x10)\n'
        f'modparam("http_client", "httpredirect", on)\n{API}',
        (
            "2 http_client verify_peer: converted",
            "3 http_client connection_timeout: converted",
            "4 http_client httpredirect: converted",
            "5 http_client api: converted",
        ),
        {"defaults": {"tls": {"verify_peer": False}, "timeout": {"total": 16}, "redirects": 30}},
    ),
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


@pytest.fixture
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    case: Case = request.param
    for name, text in case.files.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "kamailio.cfg"
    text = f"{case.text}\nrequest_route {{ exit; }}\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def rows(converted: Converted) -> tuple[str, ...]:
    return tuple(
        f"{finding.place.rpartition(':')[2]} {finding.what}".rstrip() + f": {finding.became}"
        for finding in converted.findings
        if not finding.what.startswith("loadmodule ")
    )


def missing(said: Mapping[str, Any], document: Mapping[str, Any], around: str = "") -> list[str]:
    """What of ``said`` is not in a document."""
    found: list[str] = []
    for key, value in said.items():
        there = document.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            found += missing(value, there, f"{around}{key}.")
        elif there != value:
            found.append(f"{around}{key}: {value!r}, got {there!r}")
    return found


def of_each(cases: list[Case]) -> pytest.MarkDecorator:
    pairs = [(case, case) for case in cases]
    ids = [case.title for case in cases]
    return pytest.mark.parametrize(("path", "case"), pairs, indirect=["path"], ids=ids)


@of_each(CASES)
def test_every_line_of_ours_ends_as_something(path: Path, case: Case) -> None:
    surroundings = Surroundings(environment=case.environment, defines=case.defines)
    converted = convert(read_declared(path, surroundings), path.name, "plain")
    assert sorted(rows(converted)) == sorted(case.report)
    assert exit_status(converted.findings) == case.status
    assert missing(case.said, yaml.safe_load(converted.text)) == [], converted.text
    if case.loads:
        output = path.with_name("connections.yaml")
        output.write_text(converted.text, encoding="utf-8")
        load_connections(output)


@of_each([case for case in CASES if case.is_accepted is not None])
@pytest.mark.usefixtures("debian")
def test_the_server_takes_what_we_take(path: Path, case: Case) -> None:
    names = [name if value is None else f"{name}={value}" for name, value in case.defines.items()]
    verdict = checked(path, case.environment, names)
    assert verdict.is_accepted is case.is_accepted, verdict.log.decode(errors="replace")
