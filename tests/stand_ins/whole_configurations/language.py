"""What the server's language allows around a connection: pieces, defines, conditions."""

from __future__ import annotations

from stand_ins.whole_configurations.case import API, LOAD, URL, Case

LANGUAGE = [
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
        ("3: unknown", "4 http_client httpcon: off", "6 http_client api: converted"),
        is_accepted=None,
    ),
    Case(
        "a define that is an expression",
        f"#!define S 2\n#!defexp T S * 2 + 1\n{LOAD}\n"
        f'modparam("http_client", "connection_timeout", T)\n{API}',
        (
            "2: unknown",
            "4 http_client connection_timeout: converted",
            "5 http_client api: converted",
        ),
        {"defaults": {"timeout": {"total": 5}}},
        is_accepted=None,
    ),
    Case(
        "a text that is an expression",
        f'#!define HOST "h.example"\n#!defexps API "api=>http://" + HOST + "/v1"\n{LOAD}\n'
        'modparam("http_client", "httpcon", API)',
        ("2: unknown", "4 http_client api: converted"),
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
]
