"""The first revisions of the asynchronous module: settings by functions, a body in the call."""

from __future__ import annotations

import pytest

import onehttp
from onehttp import ConfigurationError
from onehttp_compat import async_http
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.server import LegacyServer, use_server
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.legacy.asking import Script

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
OF_TEXT = {
    "http_set_ssl_cert": "client_cert",
    "http_set_tls_client_cert": "client_cert",
    "http_set_ssl_key": "client_key",
    "http_set_tls_client_key": "client_key",
    "http_set_ca_path": "ca_path",
    "http_set_tls_ca_path": "ca_path",
}
OF_FLAGS = {
    "http_verify_host": "verify_host",
    "tls_verify_host": "verify_host",
    "http_verify_peer": "verify_peer",
    "tls_verify_peer": "verify_peer",
    "http_async_suspend": "is_suspending",
}


@pytest.fixture
def script(legacy: LegacyServer) -> Script:
    return Script(legacy)


@pytest.fixture
def first(engine: str) -> Script:
    """A script of the very first revision."""
    return Script(LegacyServer(is_first_async=True))


def pending(script: Script) -> AsyncSettings:
    return script.server.http_async_client.pending.settings


@pytest.mark.parametrize("name", OF_TEXT)
def test_files_are_set_by_name_and_removed_by_empty_text(script: Script, name: str) -> None:
    assert script.server.call(name, ("/file",)) == 1
    assert getattr(pending(script), OF_TEXT[name]) == "/file"
    assert script.server.call(name, ("",)) == 1
    assert getattr(pending(script), OF_TEXT[name]) is None


@pytest.mark.parametrize("name", OF_FLAGS)
def test_flags_are_numbers(script: Script, name: str) -> None:
    for value, is_set in ((0, False), (2, True), (0, False)):
        assert script.server.call(name, (value,)) == 1
        assert getattr(pending(script), OF_FLAGS[name]) is is_set
    assert script.server.call(name, ("yes",)) == -1


def test_headers_are_kept_in_order(script: Script, web: RawServer) -> None:
    script.new_message()
    for line in ("X-B: 2", "X-A: 1", "", "no header"):
        assert script.server.call("http_append_header", (line,)) == 1
    script.go_on(web.url)
    assert b"X-B: 2\r\nX-A: 1\r\n" in web.requests[0]


def test_a_line_break_in_a_header_is_refused(script: Script, web: RawServer) -> None:
    script.new_message()
    assert script.server.call("http_append_header", ("X: 1\n\nGET / HTTP/1.1",)) == -1
    script.go_on(web.url)
    assert b"X: 1" not in web.requests[0]


def test_an_unknown_method_is_refused_and_the_one_before_stays(
    script: Script, web: RawServer
) -> None:
    script.new_message()
    assert script.server.call("http_set_method", ("pu",)) == 1
    assert script.server.call("http_set_method", ("HEAD",)) == -1
    script.go_on(web.url)
    assert web.requests[0].startswith(b"PUT / ")


@pytest.mark.parametrize(("value", "code"), [(100, 1), (0, 1), (-1, -1), ("soon", -1)])
def test_a_timeout_is_a_number_from_0_on(script: Script, value: int | str, code: int) -> None:
    assert script.server.call("http_set_timeout", (value,)) == code
    assert pending(script).timeout_ms == (value if code == 1 else PATIENCE_S * 1000)


def test_three_arguments_post_a_body(script: Script, web: RawServer) -> None:
    script.new_message()
    assert script.call("http_async_query", web.url, "a=1", "CALLBACK") == 0
    assert web.requests[0].startswith(b"POST / ")
    assert web.requests[0].endswith(b"\r\n\r\na=1")
    assert b"application/x-www-form-urlencoded" in web.requests[0]


@pytest.mark.parametrize(
    "arguments",
    [("", "a=1", "CALLBACK"), ("http://a/", "", "CALLBACK"), ("http://a/", "a=1", "")],
)
def test_url_result_and_route_must_not_be_empty(script: Script, arguments: tuple[str, ...]) -> None:
    assert script.call("http_async_query", *arguments) == -1


def test_three_arguments_always_stop_the_first_script(
    script: Script, first: Script, web: RawServer
) -> None:
    for one, code in ((script, 1), (first, 0)):
        one.new_message()
        assert one.call("http_async_query", web.url, "a=1", "CALLBACK", is_suspended=False) == code
        assert one.go_on(web.url, is_suspended=False) == 1


def test_a_body_ends_at_a_nul_in_faithful_mode_alone(
    script: Script, faithful: LegacyServer, web: RawServer
) -> None:
    for one in (script, Script(faithful)):
        one.new_message()
        one.call("http_async_query", web.url, "a\0b", "CALLBACK")
    assert [request.rpartition(b"\r\n")[2] for request in web.requests] == [b"a\0b", b"a"]


def test_parameters_have_two_spellings_and_the_first_revision_one(first: Script) -> None:
    later = LegacyServer()
    for name in ("tlsversion", "tls_version"):
        later.modparam("http_async_client", name, 6)
    first.server.modparam("http_async_client", "tlsversion", 6)
    with pytest.raises(ConfigurationError, match="tlsversion"):
        first.server.modparam("http_async_client", "tls_version", 6)


def test_the_address_of_the_first_faked_message_is_none_of_sip(
    first: Script, web: RawServer
) -> None:
    first.names = ("$fu", "$tu")
    first.ask(web.url, is_suspended=False)
    assert first.seen == [("you@kamailio.org", "you@kamailio.org")]


def test_every_function_is_there_to_be_imported(script: Script, web: RawServer) -> None:
    use_server(script.server)
    for one in FUNCTIONS:
        if one.module == "async_http" and one.name != "http_async_query":
            value = 1 if one.arguments[0].kind.name == "NUMBER" else "GET"
            assert getattr(async_http, one.name)(value) == 1
    script.new_message()
    assert async_http.http_async_query(web.url, "CALLBACK") == 1
    assert async_http.http_async_query(web.url, "a=1", "CALLBACK") == 1
    assert onehttp.drain(PATIENCE_S)
    assert len(web.requests) == 2
