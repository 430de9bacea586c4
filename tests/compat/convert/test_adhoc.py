"""Calls without a connection: what the file says of them is what the modules set for libcurl."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from onehttp import ConnectionSet, TransferOptions
from onehttp.connections.file.load import load_connections
from onehttp_compat.convert.conversion import convert
from onehttp_compat.convert.declared import Declarations
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.modules.httpcon.options import query_options
from onehttp_compat.modules.utils import transfer_options

pytestmark = pytest.mark.usefixtures("default_limits")

HTTP_CLIENT = [
    '"connection_timeout", 9',
    '"timeout_mode", 2',
    '"verify_peer", 0',
    '"verify_host", 0',
    '"tlsversion", 7',
    '"cipher_suites", "HIGH"',
    '"httpproxy", "proxy.example"',
    '"httpredirect", 1',
    '"useragent", "mine"',
    '"useragent", ""',
    '"netinterface", "lo"',
    '"query_maxdatasize", 100',
]
QUERIES = [
    '"connection_timeout", 1500',
    '"tls_version", 5',
    '"tls_verify_host", 0',
    '"tls_verify_peer", 0',
    '"tls_ca_path", "/etc/ssl/certs"',
    '"tcp_keepalive", 1',
    '"curl_follow_redirect", 1',
]
CONNECTION = 'modparam("http_client", "httpcon", "a=>http://h;timeout=7;verify_peer=0")\n'


def read(tmp_path: Path, text: str) -> tuple[Declarations, ConnectionSet]:
    path = tmp_path / "kamailio.cfg"
    path.write_text(text)
    declared = read_declared(path)
    output = tmp_path / "connections.yaml"
    output.write_text(convert(declared, path.name, "plain").text)
    return declared, load_connections(output)


def comparable(options: TransferOptions) -> dict[str, Any]:
    """What a call is sent by. Redirects are followed by the layer above; connecting had no limit
    of its own; a module without user agent sent none."""
    found = dataclasses.asdict(options)
    for name in ("max_redirects", "connect_timeout_s", "name", "as_libcurl"):
        del found[name]
    # What a file says is read when it is loaded.
    found["tls"] = {name: value for name, value in found["tls"].items() if "pem" not in name}
    found["user_agent"] = found["user_agent"] or ""
    return found


@pytest.mark.parametrize("connection", ["", CONNECTION])
@pytest.mark.parametrize("parameters", [*([one] for one in HTTP_CLIENT), HTTP_CLIENT])
def test_calls_by_url_are_sent_alike(
    tmp_path: Path, parameters: list[str], connection: str
) -> None:
    lines = "".join(f'modparam("http_client", {one})\n' for one in parameters)
    declared, connections = read(tmp_path, lines + connection)
    values = declared.configurations["http_client"].values
    expected = query_options(values, is_faithful=False)
    if values.query_maxdatasize:
        expected = dataclasses.replace(
            expected, max_body_bytes=values.query_maxdatasize, body_policy="truncate"
        )
    requests = connections.adhoc.requests
    assert comparable(requests.options) == comparable(expected)
    assert requests.max_redirects == expected.max_redirects


@pytest.mark.parametrize("before", ["", 'modparam("http_client", "verify_peer", 0)\n', CONNECTION])
@pytest.mark.parametrize("parameters", [*([one] for one in QUERIES), QUERIES])
def test_queries_are_sent_alike(tmp_path: Path, parameters: list[str], before: str) -> None:
    lines = "".join(f'modparam("http_async_client", {one})\n' for one in parameters)
    declared, connections = read(tmp_path, before + lines)
    expected = AsyncSettings.of(declared.asynchronous).options("idle", 300.0)
    queries = connections.adhoc.queries
    assert comparable(queries.options) == comparable(expected)
    assert queries.max_redirects == expected.max_redirects


def test_calls_of_utils_are_sent_alike(tmp_path: Path) -> None:
    declared, connections = read(tmp_path, 'modparam("utils", "http_query_timeout", 9)\n')
    expected = transfer_options(declared.utils)
    assert comparable(connections.adhoc.requests.options) == comparable(expected)
