"""What users write, and what they write by mistake. Type-checked and never run.

Each line that ends in ``type: ignore`` must be an error: mypy reports the comment if it is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, TYPE_CHECKING, Any

import onehttp
from onehttp.testing import Call, Double, PolicyClock, Route

if TYPE_CHECKING:
    from typing_extensions import Unpack, assert_type


def blocking(api: onehttp.Connection) -> None:
    onehttp.init("connections.yaml")
    onehttp.init({"version": 1}, backend="httpx", answers={"GET https://a/": (200, "x")})
    onehttp.init(max_idle_connections=8, queries=onehttp.QueryLimits(max_in_flight=100))
    assert_type(onehttp.request("GET", "http://a.example/", timeout=2.0), onehttp.Response)
    onehttp.request("GET", "http://a.example/", headers={"A": "b"}, follow_redirects=True)
    onehttp.request("POST", "http://a.example/", json={"a": [1, None]}, headers=[("A", "b")])
    assert_type(api.get("/x"), onehttp.Response)
    api.post("/x", form={"a": 1}, timeout=onehttp.Timeout(total_s=2, connect_s=1))
    assert_type(api.build("GET", "/x", params={"q": "a"}), onehttp.Request)
    api.get("/x").status_code  # type: ignore[attr-defined]
    api.get("/x").headers.get_list("a")  # type: ignore[attr-defined]
    api.options("/x")  # type: ignore[attr-defined]
    onehttp.Client()  # type: ignore[attr-defined]
    onehttp.Timeout(connect=1)  # type: ignore[arg-type]
    onehttp.Basic(user="a", password="b")  # type: ignore[call-arg]
    onehttp.Hooks(before=print)  # type: ignore[call-arg]
    onehttp.QueryLimits(max_inflight=1)  # type: ignore[call-arg]
    onehttp.shutdown(grace=1)  # type: ignore[call-arg]
    assert_type(onehttp.drain(timeout_s=1), bool)
    assert_type(api.get("/{n}", path={"n": 1}, max_body=100).raise_for_status(), onehttp.Response)
    assert_type(api.get("/x").links["next"].url, str)
    try:
        api.delete("/x")
    except onehttp.TimeoutError as error:
        assert_type(error.phase, "onehttp.Phase | None")


async def awaiting(api: onehttp.Connection) -> None:
    assert_type(await onehttp.arequest("GET", "http://a.example/"), onehttp.Response)
    assert_type(await api.apatch("/x", json=None, body=b"x"), onehttp.Response)
    assert_type(await onehttp.submit("GET", "http://a.example/"), onehttp.Result)


def submitting(api: onehttp.Connection, result: onehttp.Result) -> None:
    @onehttp.route("HTTP_REPLY")
    def on_reply(result: onehttp.Result) -> None:
        assert_type(result.response, "onehttp.Response | None")

    onehttp.submit("GET", "http://a.example/", route=on_reply, follow_redirects=True)
    assert_type(api.submit("GET", "/x", route="HTTP_REPLY", xdata=3), onehttp.Query)


def wrapping(api: onehttp.Connection, **call: Unpack[onehttp.CallArguments]) -> onehttp.Response:
    call.setdefault("timeout", 1.0)
    return api.get("/x", **call)


def tested(onehttp_double: Double, onehttp_clock: PolicyClock) -> None:
    route = onehttp_double.get("https://a/{name}", params={"a": 1}, json={"b": 2}, delay_s=1)
    assert_type(route, Route)
    assert_type(route.calls.last, Call)
    onehttp_double.post("https://a/", match_json=[1], status=201, answer_headers={"A": "b"})
    onehttp_double.add("PROPFIND", "https://a/", answers=[503, (200, {"a": 1}), lambda r: r.url])
    onehttp_double.put("https://a/", error=onehttp.ConnectError, times=2)
    onehttp_double.get("https://a/", content=b"0123", cut_after=2, times=1)
    onehttp_double.get("https://a/", content=b"0123", cut_after="2")  # type: ignore[arg-type]
    onehttp_double.get("https://a/", content=b"0123", drip=(2, 0.5), cut_after=3)
    onehttp_double.get("https://a/", content=b"0123", drip=(2,))  # type: ignore[arg-type]
    route.assert_called_once_with(json={"a": 1}, params={"p": "q"})
    onehttp_clock.advance(3.5)
    onehttp_double.get("https://a/", return_value=3)  # type: ignore[call-arg]
    onehttp_double.get("https://a/", status="200")  # type: ignore[arg-type]
    onehttp_double.get("https://a/", answers=[2.5])  # type: ignore[list-item]


def other_backends(theirs: onehttp.Backend, settings: dict[str, Any]) -> None:
    onehttp.init(backend=theirs)
    onehttp.init(backend="theirs", **settings)


def sign(request: onehttp.Request) -> onehttp.Request:
    return request._replace(headers=(*request.headers, ("X-Signature", request.method)))


async def asign(request: onehttp.Request) -> onehttp.Request | None:
    return sign(request)


def told(request: onehttp.Request, response: onehttp.Response) -> None:
    assert_type(response.status, int)


def read(api: onehttp.Connection, file: IO[bytes]) -> None:
    with api.stream("GET", "/x", timeout=onehttp.Timeout(idle_s=5)) as response:
        assert_type(response, onehttp.StreamedResponse)
        assert_type(response.status, int)
        assert_type(list(response.iter_bytes(100)), list[bytes])
        assert_type(list(response.iter_lines()), list[str])
        assert_type(response.save("x"), int)
    api.put("/x", body=file, max_upload=10, progress=lambda made: print(made.sent))
    api.put("/x", body=iter([b"x"]))
    api.put("/x", body=["text"])  # type: ignore[list-item]


async def aread(api: onehttp.Connection, source: AsyncIterator[bytes]) -> None:
    async with onehttp.astream("PUT", "http://a.example/", body=source) as response:
        assert_type(response, onehttp.AsyncStreamedResponse)
        assert_type([line async for line in response.iter_lines()], list[str])
        assert_type(await response.read(), bytes)
    with api.astream("GET"):  # type: ignore[attr-defined]
        pass


async def mistaken(api: onehttp.Connection) -> None:
    onehttp.init(anwsers={"GET https://a/": 200})  # type: ignore[call-arg]
    onehttp.init("x.yaml", bakend="httpx")  # type: ignore[call-arg]
    onehttp.init(backend="httpx", answers={"GET https://a/": 2.5})  # type: ignore[dict-item]
    onehttp.request("GET", "http://a.example/", timeuot=2)  # type: ignore[call-arg]
    onehttp.request("GET", "http://a.example/", verify=False)  # type: ignore[call-arg]
    onehttp.request("GET", "http://a.example/", timeout="2")  # type: ignore[arg-type]
    onehttp.request("GET", "http://a.example/", route="X")  # type: ignore[call-arg]
    onehttp.request("GET", "http://a.example/", None, None)  # type: ignore[call-arg]
    onehttp.submit("GET", "http://a.example/", rout="X")  # type: ignore[call-arg]
    onehttp.submit("GET", "http://a.example/", route=3)  # type: ignore[arg-type]
    api.get("/x", timeuot=2)  # type: ignore[call-arg]
    api.get("/x", auth=("name", "password"))
    api.get("/x", auth=onehttp.TokenSource(lambda: ("token", 300)))
    onehttp.init(hooks=onehttp.Hooks(on_attempt=sign, on_response=told, connection="api"))
    onehttp.init(hooks=[onehttp.Hooks(on_attempt=asign, on_error=lambda request, error: None)])
    onehttp.init(hooks=onehttp.Hooks(on_attempt=told))  # type: ignore[arg-type]
    api.get("/x", auth="name:password")  # type: ignore[arg-type]
    api.get("/x", auth=("name",))  # type: ignore[arg-type]
    api.get(path="/x")  # type: ignore[arg-type]
    api.post("/x", jsn={"a": 1})  # type: ignore[call-arg]
    api.post("/x", body=3)  # type: ignore[arg-type]
    api.submit("GET", "/x", rout="X")  # type: ignore[call-arg]
    api.request("GET", "/x", data=b"x")  # type: ignore[call-arg]
    api.build("GET", "/x", hedaers=())  # type: ignore[call-arg]
    await api.aget("/x", timeuot=2)  # type: ignore[call-arg]
    await onehttp.arequest("GET", "http://a.example/", json=1, jsn=2)  # type: ignore[call-arg]
