"""The legacy modules' bugs in configuration, by their numbers: kept, fixed or dropped."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

import onehttp
from onehttp_compat.pv import as_text
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer, keep_answering


def started(server: LegacyServer, *parameters: tuple[str, object]) -> LegacyServer:
    for name, value in parameters:
        server.modparam("http_client", name, value)
    server.start()
    return server


def with_file(folder: Path, text: str) -> tuple[str, str]:
    path = folder / "connections.cfg"
    path.write_text(text)
    return ("config_file", str(path))


def listed(server: LegacyServer, rpc: str = "httpclient.listcon") -> dict[str, dict[str, object]]:
    rows = server.rpc(rpc)["result"]["CONNECTION"]
    return {row["NAME"]: row for row in (rows if isinstance(rows, list) else [rows])}


def test_b1_dropped_a_listing_names_the_user_and_no_password() -> None:
    server = LegacyServer("faithful")
    started(server, ("httpcon", "api=>https://user:geheim@api.example/v1"))
    row = listed(server)["api"]
    assert (row["USERNAME"], row["URI"]) == ("user", "api.example/v1")
    assert "geheim" not in json.dumps(server.rpc("httpclient.listcon"))


def test_b9_fixed_an_at_sign_ends_credentials_only_before_the_path() -> None:
    text = "api=>http://api.example/x@y;useragent=me@home"
    fixed = started(LegacyServer(), ("httpcon", text)).http_client.find("api")
    assert fixed is not None
    assert (fixed.username, fixed.url) == (None, "api.example/x@y")
    faithful = started(LegacyServer("faithful"), ("httpcon", text)).http_client.find("api")
    assert faithful is not None
    assert (faithful.username, faithful.url) == ("api.example/x", "y")


def test_b10_fixed_a_comma_in_a_value_is_an_error() -> None:
    text = "api=>http://h;useragent=a,b;maxdatasize=5"
    with pytest.raises(onehttp.ConfigurationError, match="'api'"):
        started(LegacyServer(), ("httpcon", text))
    faithful = started(LegacyServer("faithful"), ("httpcon", text)).http_client.find("api")
    assert faithful is not None
    assert faithful.maxdatasize == 0


def test_b11_fixed_an_unknown_key_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    text = "api=>http://h;TimeOut=5"
    with pytest.raises(onehttp.ConfigurationError, match="did you mean 'timeout'"):
        started(LegacyServer(), ("httpcon", text))
    started(LegacyServer("faithful"), ("httpcon", text))
    assert "TimeOut" in caplog.text


def test_b16_dropped_a_section_without_url_is_an_error_with_its_place(tmp_path: Path) -> None:
    parameter = with_file(tmp_path, "[api]\ntimeout = 3\n")
    for bugs in ("fixed", "faithful"):
        with pytest.raises(onehttp.ConfigurationError, match=r"connections\.cfg:1"):
            started(LegacyServer(bugs), parameter)


def test_b17_fixed_a_duplicate_section_is_an_error(tmp_path: Path) -> None:
    parameter = with_file(tmp_path, "[a]\nurl = http://one\n[a]\nurl = http://two\n")
    with pytest.raises(onehttp.ConfigurationError, match=r"connections\.cfg:\d+:.*defined twice"):
        started(LegacyServer(), parameter)
    kept = started(LegacyServer("faithful"), parameter).http_client.find("a")
    assert kept is not None
    assert kept.url == "two"


def test_b18_fixed_connections_of_the_file_are_counted(tmp_path: Path) -> None:
    parameters = (("httpcon", "a=>http://a"), with_file(tmp_path, "[b]\nurl = http://b\n"))
    name = "httpclient.connections"
    assert started(LegacyServer(), *parameters).counters[name] == 2
    assert started(LegacyServer("faithful"), *parameters).counters[name] == 1


def test_b19_fixed_a_proxy_without_port_is_none(legacy: LegacyServer, web: RawServer) -> None:
    started(legacy, ("httpproxy", "127.0.0.1"))
    assert legacy.call("http_client_query", (web.url, "$var(x)")) == 200


def test_b19_kept_for_a_query_whose_proxy_names_its_port(legacy: LegacyServer) -> None:
    """A connection takes no notice of it, as in the module."""
    with RawServer(keep_answering) as web, RawServer(keep_answering) as proxy:
        started(legacy, ("httpproxy", proxy.url), ("httpcon", f"api=>{web.url}"))
        assert legacy.call("http_client_query", ("http://api.example/x", "$var(x)")) == 200
        assert legacy.call("http_connect", ("api", "/y", "$var(x)")) == 200
        assert (proxy.targets, web.targets) == (["GET http://api.example/x"], ["GET /y"])


def test_b19_kept_in_faithful_mode(faithful: LegacyServer, web: RawServer) -> None:
    started(faithful, ("httpproxy", "127.0.0.1"))
    assert faithful.call("http_client_query", (web.url, "$var(x)")) == 7  # port 1080: nobody


@pytest.mark.parametrize(
    ("text", "port"),
    [
        *(("127.0.0.1", "PORT"), ("u:p@127.0.0.1", "PORT"), ("http://127.0.0.1/", "PORT")),
        *(("127.0.0.1:PORT", 1), ("http://127.0.0.1:PORT", 1), ("http://127.0.0.1:PORT/a:9?b", 1)),
        *(("http://u:p@127.0.0.1:PORT", 1), ("[::ffff:127.0.0.1]", "PORT")),
    ],
)
def test_the_port_of_a_proxy_stands_in_its_text_or_beside_it(
    legacy: LegacyServer, text: str, port: str | int
) -> None:
    """libcurl takes the one in the text first."""
    with RawServer(keep_answering) as proxy:
        started(
            legacy,
            ("httpproxy", text.replace("PORT", str(proxy.port))),
            ("httpproxyport", proxy.port if port == "PORT" else port),
            ("httpcon", "api=>http://api.example"),
        )
        assert legacy.call("http_client_query", ("http://api.example/x", "$var(x)")) == 200
        assert legacy.call("http_connect", ("api", "/y", "$var(x)")) == 200
        assert proxy.targets == ["GET http://api.example/x", "GET http://api.example/y"]


def test_b20_kept_the_environment_names_a_proxy(
    legacy: LegacyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(keep_answering) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        code = legacy.call("http_client_query", ("http://api.example/x", "$var(x)"))
        assert code == 200
        assert proxy.targets == ["GET http://api.example/x"]


def test_b21_dropped_tls_parameters_apply_to_queries() -> None:
    parameters = (("verify_peer", 0), ("cacert", "/ca.pem"))
    server = started(LegacyServer("faithful"), *parameters)
    tls = server.http_client.options_for_queries().tls
    assert (tls.verify_peer, tls.ca_file) == (False, "/ca.pem")


def test_b22_dropped_no_secret_is_logged(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(onehttp.ConfigurationError) as caught:
        legacy.modparam("http_client", "httpcon", "api=>http:/user:geheim@api.example")
    assert "geheim" not in str(caught.value)
    legacy.modparam("http_client", "httpcon", "api=>http://user:geheim@127.0.0.1:1/x")
    legacy.start()
    legacy.call("http_connect", ("api", "/p?token=geheim", "text/plain", "geheim", "$var(x)"))
    legacy.call("http_client_query", ("http://u:geheim@127.0.0.1:1/?token=geheim", "$var(x)"))
    assert caplog.records
    assert "geheim" not in caplog.text


def test_b24_fixed_the_documented_spellings_are_taken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "[a]\nurl = http://a\nkeep_connections = 1\nhttp_follow_redirect = yes\n"
    found = started(LegacyServer(), with_file(tmp_path, text)).http_client.find("a")
    assert found is not None
    assert (found.keep_connections, found.httpredirect) == (1, 1)
    assert "keep_connections" in caplog.text


def test_b30_dropped_names_that_differ_in_case_share_nothing(
    legacy: LegacyServer, web: RawServer
) -> None:
    started(legacy, ("httpcon", f"api=>{web.url}/a"), ("httpcon", f"API=>{web.url}/b"))
    legacy.call("http_connect", ("api", "/1", "$var(x)"))
    legacy.call("http_get_redirect", ("API", "$var(url)"))
    assert legacy.pv.get("$var(url)") == b""
    legacy.call("http_get_redirect", ("api", "$var(url)"))
    assert legacy.pv.get("$var(url)") == f"{web.url}/a/1".encode()


def test_b31_dropped_connections_of_curl_are_found_and_duplicates_detected() -> None:
    server = LegacyServer("faithful")
    server.modparam("curl", "curlcon", "api=>http://api.example")
    with pytest.raises(onehttp.ConfigurationError, match="defined twice"):
        server.modparam("curl", "curlcon", "api=>http://b.example")
    server.start()
    assert server.curl.find("api") is not None
    assert listed(server, "curl.listcon")["api"]["URI"] == "api.example"


def test_b36_kept_a_refused_option_is_43(legacy: LegacyServer, web: RawServer) -> None:
    started(legacy, ("httpcon", f"api=>{web.url};tlsversion=2"))
    assert legacy.call("http_connect", ("api", "/", "$var(x)")) == 43
    assert web.requests == []


@pytest.mark.usefixtures("default_limits")
def test_b39_fixed_a_timeout_of_0_is_the_default() -> None:
    parameters = (("connection_timeout", 0), ("httpcon", "api=>http://h;timeout=0"))
    fixed = started(LegacyServer(), *parameters).http_client
    connection = fixed.find("api")
    assert connection is not None
    assert fixed.options_for(connection).total_timeout_s == 4.0
    kept = started(LegacyServer("faithful"), *parameters).http_client
    connection = kept.find("api")
    assert connection is not None
    assert kept.options_for(connection).total_timeout_s == 0


def test_b40_fixed_a_certificate_needs_its_key() -> None:
    for text in ("client_cert=/c.pem", "client_key=/k.pem"):
        with pytest.raises(onehttp.ConfigurationError, match="a client certificate needs its key"):
            started(LegacyServer(), ("httpcon", f"api=>https://h;{text}"))
    connection = started(
        LegacyServer("faithful"), ("httpcon", "api=>https://h;client_cert=/c.pem")
    ).http_client
    found = connection.find("api")
    assert found is not None
    assert connection.options_for(found).tls.cert_file is None


def test_b41_fixed_a_bad_tlsversion_is_an_error() -> None:
    with pytest.raises(onehttp.ConfigurationError, match="expected 0 to"):
        started(LegacyServer(), ("tlsversion", 77))
    faithful = started(
        LegacyServer("faithful"), ("tlsversion", 77), ("httpcon", "api=>http://127.0.0.1:1")
    )
    onehttp.init()
    try:
        assert faithful.call("http_connect", ("api", "/", "$var(x)")) == 43
    finally:
        onehttp.shutdown()


@pytest.mark.parametrize("text", ["=>http://h", "api=>http:///x", "api=>ftp://h"])
def test_b42_fixed_names_hosts_and_schemes_are_checked(text: str) -> None:
    with pytest.raises(onehttp.ConfigurationError):
        started(LegacyServer(), ("httpcon", text))
    started(LegacyServer("faithful"), ("httpcon", text))


def test_b46_kept_a_slash_on_both_sides_is_two(legacy: LegacyServer, web: RawServer) -> None:
    started(legacy, ("httpcon", f"api=>{web.url}/v1/"))
    legacy.call("http_connect", ("api", "/x", "$var(x)"))
    legacy.call("http_connect", ("api", "x", "$var(x)"))
    assert web.targets == ["GET /v1//x", "GET /v1//x"]


def test_b47_dropped_an_unknown_command_is_a_fault() -> None:
    assert LegacyServer().rpc("curl.nosuch")["error"]["code"] == 500


def test_b50_kept_the_mask_goes_to_libcurl_as_it_is() -> None:
    server = started(LegacyServer(), ("authmethod", 31), ("httpcon", "api=>http://u:p@api.example"))
    connection = server.http_client.find("api")
    assert connection is not None
    auth = server.http_client.options_for(connection).auth
    assert auth is not None
    assert auth.schemes.value == 31
    assert as_text(auth.username) == "u"


def test_b42_in_faithful_mode_the_path_chooses_the_host_of_an_empty_one(
    faithful: LegacyServer, web: RawServer
) -> None:
    started(faithful, ("httpcon", "api=>http://;timeout=3"))
    path = f"/{web.url.removeprefix('http://')}/x"
    assert faithful.call("http_connect", ("api", path, "$var(x)")) == 200
    assert web.targets == ["GET /x"]
