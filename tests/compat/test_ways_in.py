"""The three ways in: call_function, KSR, and the modules' own functions."""

from __future__ import annotations

import importlib
import threading

import pytest

import onehttp
import onehttp_compat
from onehttp_compat import curl, http_client, utils  # noqa: F401 - importing is part of the promise
from onehttp_compat.ksr import Ksr, take_over
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.server import LegacyServer, NoSuchFunctionError, use_server
from servers.multiplexing.http2 import Http2Server
from servers.raw import RawServer, answering, echo

TWO_LINES = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\none\ntwo"


def test_http_query_gives_the_first_line(legacy: LegacyServer) -> None:
    with RawServer(answering(TWO_LINES)) as web:
        code = onehttp_compat.call_function("http_query", web.url, "$var(x)")
    assert (code, legacy.pv.get("$var(x)")) == (200, b"one")


def test_http_query_posts_and_sends_headers(legacy: LegacyServer, web: RawServer) -> None:
    legacy.pv.set("$var(body)", "v=0")
    arguments = (web.url, "$var(body)", "X-A: 1\r\nX-B: 2", "$var(x)")
    assert legacy.call("http_query", arguments) == 200
    (request,) = web.requests
    assert request.startswith(b"POST / HTTP/1.1\r\n")
    assert b"X-A: 1\r\n" in request
    assert b"X-B: 2\r\n" in request
    assert request.endswith(b"\r\n\r\nv=0")


def test_curl_http_query_and_curl_connect(legacy: LegacyServer, web: RawServer) -> None:
    host = web.url.removeprefix("http://")
    legacy.modparam("curl", "curlcon", f"api=>http://{host}/v1")
    assert legacy.call("curl_http_query", (f"{web.url}/q", "$var(a)")) == 200
    assert legacy.call("curl_connect", ("api", "/c", "$var(b)")) == 200
    assert legacy.call("curl_connect", ("api", "/p", "text/x", "data", "$var(c)")) == 200
    assert web.targets == ["GET /q", "GET /v1/c", "POST /v1/p"]
    assert b"Content-Type: text/x\r\n" in web.requests[2]


def test_every_kemi_name_of_http_client(legacy: LegacyServer, web: RawServer) -> None:
    legacy.modparam("http_client", "httpcon", f"api=>{web.url}")
    client = Ksr(legacy).http_client
    assert client.query(f"{web.url}/1", "$var(x)") == 200
    assert client.query_post(f"{web.url}/2", "b", "$var(x)") == 200
    assert client.query_post_hdrs(f"{web.url}/3", "b", "X-H: 1", "$var(x)") == 200
    assert client.get_hdrs(f"{web.url}/4", "b", "X-H: 1", "$var(x)") == 200
    assert client.query_request("PATCH", f"{web.url}/5", "b", "X-H: 1", "$var(x)") == 200
    assert client.curl_connect("api", "/6", "$var(x)") == 200
    assert client.curl_connect_post("api", "/7", "text/x", "b", "$var(x)") == 200
    verbs = ("GET", "POST", "POST", "GET", "PATCH", "GET", "POST")
    assert web.targets == [f"{verb} /{n}" for n, verb in enumerate(verbs, 1)]


def test_every_native_name_of_http_client(legacy: LegacyServer, web: RawServer) -> None:
    legacy.modparam("http_client", "httpcon", f"api=>{web.url}")
    url = web.url
    calls = [
        ("http_client_query", f"{url}/1", "$var(x)"),
        ("http_client_query", f"{url}/2", "b", "$var(x)"),
        ("http_client_query", f"{url}/3", "b", "X: 1", "$var(x)"),
        ("http_client_get", f"{url}/4", "", "X: 1", "$var(x)"),
        ("http_client_request", "DELETE", f"{url}/5", "", "", "$var(x)"),
        ("http_connect", "api", "6", "$var(x)"),
        ("http_connect", "api", "7", "text/x", "$var(y)", "$var(x)"),
        ("http_connect_raw", "api", "8", "text/x", "$var(y)", "$var(x)"),
    ]
    legacy.pv.set("$var(y)", "expanded")
    for name, *arguments in calls:
        assert legacy.call(name, arguments) == 200, name
    verbs = ("GET", "POST", "POST", "GET", "DELETE", "GET", "POST", "POST")
    assert web.targets == [f"{verb} /{n}" for n, verb in enumerate(verbs, 1)]
    assert web.requests[6].endswith(b"expanded")
    assert web.requests[7].endswith(b"$var(y)")


def test_a_transport_error_is_libcurls_code(legacy: LegacyServer) -> None:
    refused = "http://127.0.0.1:1/"
    assert legacy.call("http_client_query", (refused, "$var(x)")) == 7
    assert legacy.call("http_query", (refused, "$var(x)")) == -1


def test_one_engine_serves_every_module(legacy: LegacyServer, web: RawServer) -> None:
    legacy.call("http_query", (web.url, "$var(x)"))
    legacy.call("curl_http_query", (web.url, "$var(x)"))
    legacy.call("http_client_query", (web.url, "$var(x)"))
    assert onehttp.stats().transfers == 3
    assert onehttp.stats().global_inits <= 1


def test_rc_is_what_the_call_returned(legacy: LegacyServer, web: RawServer) -> None:
    legacy.call("http_client_query", (web.url, "$var(x)"))
    assert legacy.pv.get("$rc") == 200


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [
        ("http_qery", 2, "no legacy function named 'http_qery'"),
        ("http_query", 1, "http_query takes 2 or 3 or 4 arguments, got 1"),
    ],
)
def test_an_unknown_function_is_named(
    legacy: LegacyServer, name: str, count: int, said: str
) -> None:
    with pytest.raises(NoSuchFunctionError, match=said):
        onehttp_compat.call_function(name, *["x"] * count)


@pytest.mark.parametrize("result", ["$rU", "$nosuch(x)", "text", "$null"])
def test_a_result_variable_that_cannot_be_written_sends_nothing(
    legacy: LegacyServer, web: RawServer, result: str
) -> None:
    assert legacy.call("http_client_query", (web.url, result)) == -1
    assert web.requests == []


def test_an_unknown_connection_is_minus_one(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert legacy.call("http_connect", ("nobody", "/", "$var(x)")) == -1
    assert "no connection named 'nobody'" in caplog.text


def test_kemi_wants_text(legacy: LegacyServer, web: RawServer) -> None:
    client = Ksr(legacy).http_client
    with pytest.raises(TypeError, match="takes 2 arguments, got 1"):
        client.query(web.url)
    with pytest.raises(TypeError, match="expected text, got int"):
        client.query(web.url, 5)
    with pytest.raises(ValueError, match="contains a NUL"):
        client.query("http://x/\0", "$var(x)")
    assert web.requests == []


def test_a_binary_result_stays_as_it_came(legacy: LegacyServer) -> None:
    body = bytes(range(256))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n" + body
    with RawServer(answering(answer)) as web:
        legacy.modparam("http_client", "httpcon", f"api=>{web.url}")
        assert legacy.call("http_connect", ("api", "/", "$var(x)")) == 200
    assert legacy.pv.get("$var(x)") == body


class RealKsr:
    """What the server gives a script."""

    class pvx:  # noqa: N801
        @staticmethod
        def evalx(target: str, text: str) -> int:
            return 1

    class http_client:  # noqa: N801 - the server's name
        @staticmethod
        def query(url: str, result: str) -> int:
            raise AssertionError("the real module was called")

        @staticmethod
        def something_newer() -> int:
            return 77

    class pv:  # noqa: N801
        values: dict[str, object] = {}  # noqa: RUF012

        @classmethod
        def get(cls, name: str) -> object:
            return cls.values.get(name)

        @classmethod
        def sets(cls, name: str, value: str) -> bool:
            cls.values[name] = value
            return True

        @classmethod
        def seti(cls, name: str, value: int) -> bool:
            cls.values[name] = value
            return True

    @staticmethod
    def is_method(name: str) -> bool:
        return name == "INVITE"


def test_inside_the_server_only_the_http_modules_are_taken_over(
    engine: str, web: RawServer
) -> None:
    ksr = take_over(RealKsr)
    assert ksr.http_client.query(f"{web.url}/x", "$var(x)") == 200
    assert str(RealKsr.pv.values["$var(x)"]).startswith("GET /x")
    assert ksr.is_method("INVITE")
    assert ksr.http_client.something_newer() == 77
    assert ksr.pv.get("$var(x)") == RealKsr.pv.values["$var(x)"]
    with pytest.raises(AttributeError):
        ksr.nothing_like_it


def test_a_call_initialises_the_engine_where_nobody_has() -> None:
    assert not onehttp.is_initialised()
    server = LegacyServer()
    assert server.call("http_client_query", ("http://127.0.0.1:1/", "$var(x)")) == 7
    assert onehttp.is_initialised()
    onehttp.shutdown()


@pytest.mark.parametrize("form", ["query", "connection"])
def test_reuse_keeps_connections_whatever_the_parameters_say(engine: str, form: str) -> None:
    with RawServer(echo) as web:
        for reuse, connections in ((False, 3), (True, 1)):
            server = LegacyServer(reuse=reuse)
            server.modparam("http_client", "httpcon", f"api=>{web.url}")
            before = web.connections
            for _ in range(3):
                if form == "query":
                    server.call("http_client_query", (web.url, "$var(x)"))
                else:
                    server.call("http_connect", ("api", "/", "$var(x)"))
            assert web.connections - before == connections


def test_an_over_long_url_is_sent_whole(legacy: LegacyServer, web: RawServer) -> None:
    path = "/" + "p" * 8000
    assert legacy.call("http_client_query", (web.url + path, "$var(x)")) == 200
    assert web.targets == [f"GET {path}"]


def test_a_parameter_of_the_wrong_type_is_refused(legacy: LegacyServer) -> None:
    with pytest.raises(onehttp.ConfigurationError, match="connection_timeout"):
        legacy.modparam("http_client", "connection_timeout", "soon")


def test_every_function_of_http_client_is_a_function(legacy: LegacyServer, web: RawServer) -> None:
    legacy.modparam("http_client", "httpcon", f"api=>{web.url}")
    url = web.url
    assert http_client.http_client_query(f"{url}/1", "$var(x)") == 200
    assert http_client.http_client_get(f"{url}/2", "", "", "$var(x)") == 200
    assert http_client.http_client_request("PUT", f"{url}/3", "b", "", "$var(x)") == 200
    assert http_client.http_connect("api", "/4", "$var(x)") == 200
    assert http_client.http_connect_raw("api", "/5", "text/x", "b", "$var(x)") == 200
    assert http_client.http_get_redirect("api", "$var(x)") == 1
    assert http_client.http_client_response_headers_set(1) == 1
    assert http_client.http_client_response_headers_clear() == 1
    assert web.targets == ["GET /1", "GET /2", "PUT /3", "GET /4", "POST /5"]
    for function in FUNCTIONS:
        module = importlib.import_module(f"onehttp_compat.{function.module}")
        assert callable(getattr(module, function.name)), function.name


def test_http2_by_prior_knowledge(legacy: LegacyServer) -> None:
    with Http2Server() as web:
        arguments = ("GET", f"{web.url}/x", "", "", "$var(x)")
        assert http_client.http_client_request_v2pk(*arguments) == 200


def test_the_module_ksr_is_the_object(legacy: LegacyServer, web: RawServer) -> None:
    assert onehttp_compat.ksr.http_client.query(web.url, "$var(x)") == 200
    assert str(onehttp_compat.ksr.pv.get("$var(x)")).startswith("GET / ")
    use_server(LegacyServer())
    assert onehttp_compat.ksr.pv.get("$var(x)") == 0


def test_threads_that_call_first_share_one_engine() -> None:
    servers = [LegacyServer() for _ in range(8)]
    together = threading.Barrier(8)

    def work(server: LegacyServer) -> None:
        together.wait()
        server.call("http_client_query", ("http://127.0.0.1:1/", "$var(x)"))

    threads = [threading.Thread(target=work, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert onehttp.stats().transfers == 8
    finally:
        onehttp.shutdown()


def test_modparam_of_the_package_is_the_function_whatever_was_imported_before() -> None:
    import onehttp_compat.server  # noqa: F401
    from onehttp_compat import modparam

    assert callable(modparam)
