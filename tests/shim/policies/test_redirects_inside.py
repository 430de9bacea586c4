"""A public server leads nobody inside, by whatever address, name or way: attacked in a network of
its own, where a name server of ours says what it likes and loopback has public addresses, too."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from servers.names import in_own_network

WORLD: Final = """
import asyncio, contextlib, os, time
import onehttp
from servers.patience import PATIENCE_S
from servers.raw import OK, RawServer

PUBLIC, PUBLIC6 = "93.184.216.34", "2606:4700::1"
raise_loopback(PUBLIC, PUBLIC6)
leads_to = [""]
asked = []  # of those inside

def listening(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(100 * PATIENCE_S):  # an address of IPv6 is none before the kernel has looked
        with contextlib.suppress(OSError):
            return socket.create_server((host, port), family=family)
        time.sleep(0.01)

def serve(host, answer):
    listener = listening(host)
    def run():
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                got = connection.recv(65536)
                connection.sendall(answer(got))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
    threading.Thread(target=run, daemon=True).start()

# It closes: a client that is not told may send its next request before it sees the end.
LAST = OK.replace(b"\\r\\n\\r\\n", b"\\r\\nConnection: close\\r\\n\\r\\n")

def lead(got):
    if b" /done" in got:
        return LAST
    head = "HTTP/1.1 307 Go\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n"
    return f"{head}Location: {leads_to[0]}\\r\\n\\r\\n".encode()

def note(got):
    if got:
        asked.append(got)
    return LAST

with socket.create_server((PUBLIC, 0)) as probe:
    port = probe.getsockname()[1]
for host in (PUBLIC, PUBLIC6):
    serve(host, lead)
for host in ("127.0.0.1", "::1"):
    serve(host, note)

def blocking(target):
    return target.post(body=b"1").status

def awaited(target):
    async def wait():
        return (await target.apost(body=b"1")).status
    return asyncio.run(wait())

def submitted(target):
    result = target.submit("POST", body=b"1").result(PATIENCE_S)
    if result.error is not None:
        raise result.error
    return result.response.status

def streamed(target):
    with target.stream("POST", body=[b"1"]) as response:
        response.read()
        return response.status

WAYS = (blocking, awaited, submitted, streamed)

def connections(**further):
    patient = {"total": PATIENCE_S, "connect": PATIENCE_S}
    return {"version": 1, "names": {"cache_s": 1}, "connections": {
        name: {"url": f"http://{host}:{port}", "redirects": 5, "retry": 2, "timeout": patient,
               **further}
        for name, host in (("v4", PUBLIC), ("v6", f"[{PUBLIC6}]"), ("named", "outside.example"),
                           ("rebound", "rebound.example"))}}

def refused(name, way, location):
    leads_to[0] = location
    try:
        status = way(onehttp.connection(name))
    except onehttp.RedirectError as error:
        assert (error.code, error.sent) == (7, onehttp.Sent.YES), repr(error)
    else:
        raise SystemExit(f"{name} {way.__name__} {location}: {status}")
    assert asked == [], (name, location)

names = NameServer()
names.__enter__()
names.zone["outside.example"] = [PUBLIC]
names.zone["inside.example"] = ["127.0.0.1"]
names.zone["inside6.example"] = ["::1"]
names.zone["mapped.example"] = ["::ffff:127.0.0.1"]
names.zone["nowhere.example"] = ["0.0.0.0"]
"""
SPELLINGS: Final = (
    *("127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1"),
    *("127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "a.localhost", "0.0.0.0", "0", "[::1]"),
    *("[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "127.0.0.01"),
    *("inside.example", "inside6.example", "mapped.example", "nowhere.example", "INSIDE.EXAMPLE."),
    *("169.254.169.254", "10.0.0.1", "[fe80::1]", "[fc00::1]", "%6c%6fcalhost", "127%2e0.0.1"),
)


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_no_spelling_and_no_name(tmp_path: Path, engine: str) -> None:
    in_own_network(
        f"""{WORLD}
onehttp.init(connections(), backend={engine!r})
for spelling in {SPELLINGS!r}:
    for name, way in zip(("v4", "v6", "named", "v4"), WAYS):
        leads_to[0] = f"http://{{spelling}}:{{port}}/"
        try:
            status = way(onehttp.connection(name))
        except onehttp.TransferError as error:
            assert error.sent is onehttp.Sent.YES, (spelling, error)
            kinds = (onehttp.RedirectError, onehttp.ResolveError)
            if {engine!r} == "httpx":  # which connects first
                kinds = (*kinds, onehttp.ConnectError)
            assert isinstance(error, kinds), repr(error)
        else:
            raise SystemExit(f"{{name}} {{way.__name__}} {{spelling}}: {{status}}")
        assert asked == [], (name, spelling)
onehttp.shutdown()
""",
        tmp_path,
    )


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_a_way_round_and_what_may_pass(tmp_path: Path, engine: str) -> None:
    """By another public server, by port or path alone; and to where it may lead."""
    in_own_network(
        f"""{WORLD}
onehttp.init(connections(), backend={engine!r})
for way in WAYS:
    leads_to[0] = f"http://outside.example:{{port}}/done"
    assert way(onehttp.connection("v4")) == 200
    leads_to[0] = "/done"
    assert way(onehttp.connection("v6")) == 200
onehttp.shutdown()
free = connections(redirects={{"max": 5, "private": True}})
onehttp.init(free, backend={engine!r})
for way in WAYS:
    leads_to[0] = f"http://inside.example:{{port}}/"
    assert way(onehttp.connection("v4")) == 200
assert len(asked) == 4
onehttp.shutdown()
""",
        tmp_path,
    )


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_a_name_that_becomes_another_address_meanwhile(tmp_path: Path, engine: str) -> None:
    """The first answer of its name server is public, the second is not, and the redirect leads to
    the same origin."""
    in_own_network(
        f"""{WORLD}
for way in WAYS:
    names.zone["rebound.example"] = [PUBLIC]
    onehttp.init(connections(), backend={engine!r})
    leads_to[0] = "/again"
    lead_once = lead
    def lead(got, way=way):
        names.zone["rebound.example"] = ["127.0.0.1"]
        time.sleep(1.5)  # longer than a name is remembered: that is what the attacker does
        return lead_once(got)
    refused("rebound", way, "/again")
    onehttp.shutdown()
    lead = lead_once
""".replace("serve(host, lead)", "serve(host, lambda got: lead(got))"),
        tmp_path,
    )


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_a_proxy_of_the_environment_that_is_not_asked(tmp_path: Path, engine: str) -> None:
    """Its `no_proxy` names the server, or there is none: the address is ours to look at."""
    in_own_network(
        f"""{WORLD}
for variables in ({{}}, {{"http_proxy": "http://127.0.0.1:1", "no_proxy": f".example,{{PUBLIC}}"}}):
    os.environ.update(variables)
    onehttp.init(connections(proxy="env"), backend={engine!r})
    for way in WAYS:
        refused("v4", way, f"http://inside.example:{{port}}/")
        leads_to[0] = f"http://outside.example:{{port}}/done"
        assert way(onehttp.connection("v4")) == 200
    onehttp.shutdown()
""",
        tmp_path,
    )
