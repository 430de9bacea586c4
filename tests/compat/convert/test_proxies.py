"""Who uses the proxy of a legacy module, and what its two parameters are said to have become."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp.connections.file.load import load_connections
from onehttp_compat.convert.conversion import convert
from onehttp_compat.convert.reading import read_declared

PROXY, PROXY_PORT = '"httpproxy", "p.example"', '"httpproxyport", 3128'
PROXY_WITH_PORT = '"httpproxy", "http://p.example:3128/"'
API = '"httpcon", "a=>http://a.example"'


@pytest.mark.parametrize(
    ("module", "lines", "places"),
    [
        ("http_client", [PROXY, PROXY_PORT, API], ["a, calls by URL", "a, calls by URL"]),
        ("http_client", [PROXY_PORT, API, PROXY], ["calls by URL", "calls by URL"]),
        ("http_client", [PROXY, API, PROXY_PORT], ["calls by URL", "calls by URL"]),
        ("http_client", [PROXY, API], [""]),
        ("http_client", [PROXY_PORT, API], [""]),
        ("http_client", [PROXY_WITH_PORT, API], ["calls by URL"]),
        ("http_client", [PROXY_WITH_PORT, PROXY_PORT, API], ["a, calls by URL"] * 2),
        ("curl", [PROXY, PROXY_PORT, API.replace("http", "curl", 1)], [""] * 2),
    ],
)
def test_a_proxy_is_converted_for_those_that_use_it(
    tmp_path: Path, module: str, lines: list[str], places: list[str]
) -> None:
    """Connections take the two parameters above them together, calls by URL those of the end."""
    path = tmp_path / "kamailio.cfg"
    path.write_text("".join(f'modparam("{module}", {line})\n' for line in lines))
    result = convert(read_declared(path), path.name, "plain")
    told = [one.text for one in result.findings if "httpproxy" in one.what]
    assert told == [f"proxy of {place}" if place else text
                    for place, text in zip(places, told, strict=True)]  # fmt: skip
    assert all(text.startswith(("proxy of ", "no effect", "the module takes no")) for text in told)
    output = tmp_path / "connections.yaml"
    output.write_text(result.text)
    connections = load_connections(output)
    options = {"a": connections["a"].options, "calls by URL": connections.adhoc.requests.options}
    for place, one in options.items():
        assert one.proxy is not None
        is_used = any(place in each.split(", ") for each in places)
        assert one.proxy.url == ("http://p.example:3128" if is_used else None)
