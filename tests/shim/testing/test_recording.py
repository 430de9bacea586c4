"""Recordings: made of the real service, replayed by the double, and without its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onehttp
import onehttp.testing.plugin
import onehttp.testing.recording
import onehttp_backends.double  # noqa: F401
from onehttp.testing import cassette
from onehttp.testing.cassette import CassetteError, RecordedExchange
from onehttp.testing.recording import Recorder
from onehttp.testing.scrubbing import Scrubber
from servers.raw import Peer, RawServer

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 28 Nov 2026 20:00:00 GMT\r\n"
    b"Set-Cookie: session=canary\r\nX-Kept: yes\r\nContent-Length: 53\r\n\r\n"
    b'{"name": "Alice", "access_token": "canary", "n": [1]}'
)
TEST = """
import asyncio
import onehttp, pytest

URL = "{url}/users?api_key=canary&page=2"

def call(**more):
    return onehttp.request("GET", URL, headers={{"Authorization": "Bearer canary"}}, **more)

def test_it(onehttp_record):
    {first}
    assert call().json()["name"] == "Alice"
    hidden = {{"a": 1, "password": "canary"}}
    assert asyncio.run(onehttp.arequest("POST", URL, json=hidden)).status == 200
    assert onehttp.submit("PUT", URL, form=hidden).result(60).response.status == 200
    with pytest.raises(onehttp.ConnectError) as caught:
        onehttp.request("GET", "http://127.0.0.1:9/")
    assert caught.value.phase is onehttp.Phase.CONNECT
    {last}
"""


def answer(peer: Peer) -> None:
    while peer.request():
        peer.send(ANSWER)


def run(pytester: pytest.Pytester, mode: str = "none") -> pytest.RunResult:
    return pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-p", "no:asyncio", f"--onehttp-record={mode}"
    )


def write_test(
    pytester: pytest.Pytester, url: str, first: str = "pass", last: str = "pass"
) -> None:
    pytester.makepyfile(test_service=TEST.format(url=url, first=first, last=last))


def path_of(pytester: pytest.Pytester) -> Path:
    return pytester.path / "cassettes" / "test_service" / "test_it.yaml"


def test_a_recording_replaces_the_service_and_has_no_secrets(pytester: pytest.Pytester) -> None:
    with RawServer(answer) as server:
        write_test(pytester, server.url)
        run(pytester, "new").assert_outcomes(passed=1)
        assert len(server.requests) == 3
    run(pytester).assert_outcomes(passed=1)
    text = path_of(pytester).read_text()
    assert "canary" not in text
    assert "20:00:00" not in text
    assert text.startswith("onehttp_cassette: 1\n")
    assert "[scrubbed]" in text
    assert "X-Kept" in text


def test_what_is_missing_is_asked_for_and_all_is_on_demand(pytester: pytest.Pytester) -> None:
    with RawServer(answer) as server:
        write_test(pytester, server.url)
        run(pytester, "new").assert_outcomes(passed=1)
        write_test(pytester, server.url, last='onehttp.request("GET", URL + "&more=1")')
        run(pytester, "new").assert_outcomes(passed=1)
        assert len(server.requests) == 4
        run(pytester).assert_outcomes(passed=1)
        assert len(server.requests) == 4
        run(pytester, "all").assert_outcomes(passed=1)
        assert len(server.requests) == 8
    assert len(cassette.read(path_of(pytester))) == 5


def test_a_request_that_was_not_recorded_fails(pytester: pytest.Pytester) -> None:
    with RawServer(answer) as server:
        write_test(pytester, server.url)
        run(pytester, "new").assert_outcomes(passed=1)
        write_test(pytester, server.url, first='onehttp.request("GET", URL + "&more=1")')
        result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no answer for GET *", "*param more: '1', which is not expected"])


def test_a_recording_that_is_not_asked_for_fails(pytester: pytest.Pytester) -> None:
    with RawServer(answer) as server:
        write_test(pytester, server.url)
        run(pytester, "new").assert_outcomes(passed=1)
        write_test(pytester, server.url, first="return")
        result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not all answers were used*", "- POST *: 0 of 1 answers used"])


def test_no_recording_says_how_to_make_one(pytester: pytest.Pytester) -> None:
    write_test(pytester, "http://127.0.0.1:9")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no such recording; *--onehttp-record=new"])


def test_further_names_can_be_secret(pytester: pytest.Pytester) -> None:
    with RawServer(answer) as server:
        write_test(pytester, server.url, first='onehttp_record.scrub("name")', last="")
        pytester.path.joinpath("test_service.py").write_text(
            pytester.path.joinpath("test_service.py").read_text().replace('== "Alice"', "")
        )
        run(pytester, "new").assert_outcomes(passed=1)
        run(pytester).assert_outcomes(passed=1)
    assert "Alice" not in path_of(pytester).read_text()


def test_values_are_secret_wherever_they_stand() -> None:
    scrubber = Scrubber()
    scrubber.add([], ["canary", ""])
    location = ("Location", "https://a.example/x?token=t0p&a=1")
    request = onehttp.Request(
        "POST",
        "https://a.example/hooks/canary?a=canary",
        (("X-A", "a canary"), location),
        b"canary",
    )
    found = scrubber.request(request)
    assert found.url == "https://a.example/hooks/[scrubbed]?a=[scrubbed]"
    assert found.headers[0] == ("X-A", "a [scrubbed]")
    assert found.headers[1] == ("Location", "https://a.example/x?token=%5Bscrubbed%5D&a=1")
    assert found.body == b"[scrubbed]"


GOOD = """
onehttp_cassette: 1
exchanges:
- request: {method: GET, url: "http://a.example/"}
  response: {status: 200, headers: [[X-A, "1"]], body: hello}
"""


def test_a_cassette_that_somebody_has_written(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD)
    (exchange,) = cassette.read(path)
    assert exchange.response is not None
    assert exchange.response.body == b"hello"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no cassette: it begins with 'onehttp_cassette: 1'"),
        ("hello", "no cassette"),
        ("[1, 2]", "no cassette"),
        ("a: [", "no YAML: "),
        ("a: !!python/object:os.system {}", "no YAML: "),
        ("\x00", "no YAML: "),
        ("onehttp_cassette: 2\nexchanges: []", "of version 2; this release of onehttp reads 1"),
        ("onehttp_cassette: x\nexchanges: []", "of version 'x'"),
        ("onehttp_cassette: 1", "exchanges: Field required"),
        ("onehttp_cassette: 1\nexchanges: {}", "exchanges: Input should be a valid list"),
        ("onehttp_cassette: 1\nexchanges: [1]", r"exchanges\[0\]: "),
        (GOOD.replace(", body: hello", ""), r"exchanges\[0\].response.body: Field required"),
        (GOOD.replace("hello", "[1]"), r"response.body: Value error, expected text, or {base64"),
        (GOOD.replace("hello", "{base64: '?'}"), r"response.body: Value error, no base64"),
        (GOOD.replace("200", "'200'"), r"exchanges\[0\].response.status: "),
        (GOOD.replace("200", "20"), r"exchanges\[0\].response.status: "),
        (GOOD.replace('[[X-A, "1"]]', "[[X-A]]"), r"response.headers\[0\]: "),
        (GOOD.replace("method: GET, ", ""), r"exchanges\[0\].request.method: Field required"),
        (GOOD.replace("status", "state"), r"exchanges\[0\].response.state: Extra inputs"),
        ("onehttp_cassette: 1\nexchanges: [1, 2, 3, 4, 5, 6, 7]", "; and 2 more"),
        (GOOD.partition("  response")[0], r"exchanges\[0\]: expected a response or an error"),
    ],
)
def test_a_cassette_that_cannot_be_played(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(CassetteError, match=complaint) as caught:
        cassette.read(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD.replace("http://a.example/", "a.example"), r"exchanges\[0\]: URL: no scheme"),
        (GOOD.replace("GET", "get"), r"exchanges\[0\]: method 'get': methods are in capitals"),
        (GOOD.replace("X-A", "X A"), r"exchanges\[0\]: GET http://a.example/: header 'X A'"),
        (
            GOOD.partition("  response")[0] + "  error: {code: 7, message: m, sent: perhaps}",
            r"exchanges\[0\].*perhaps",
        ),
    ],
)
def test_a_cassette_with_an_invalid_exchange_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    from onehttp.testing.recording import Recorder

    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(CassetteError, match=complaint):
        Recorder(path, "none")


def test_a_cassette_of_100_mb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(CassetteError, match="104857600 bytes; a cassette has at most 10485760"):
        cassette.read(path)


def test_a_cassette_that_is_not_utf_8_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CassetteError, match="not UTF-8"):
        cassette.read(path)


def exchange_of(body: bytes) -> RecordedExchange:
    return RecordedExchange.model_validate(
        {
            "request": {"method": "POST", "url": "http://a.example/", "body": body},
            "response": {"status": 200, "body": body},
        }
    )


def test_a_cassette_that_would_be_too_large_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(CassetteError, match="a cassette has at most"):
        cassette.write(path, [exchange_of(b"x" * cassette.MAX_BYTES)])
    assert list(tmp_path.iterdir()) == []


def test_the_engine_of_a_recording_names_itself(tmp_path: Path) -> None:
    engine = Recorder(tmp_path / "c.yaml", "new").engine()
    assert engine.name == "recording of pycurl"
    engine.close()


BODIES = st.one_of(st.binary(), st.text().map(str.encode))


@given(bodies=st.lists(BODIES))
def test_bodies_come_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("cassette") / "c.yaml"
    exchanges = [exchange_of(body) for body in bodies]
    cassette.write(path, exchanges)
    assert cassette.read(path) == exchanges


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *((name, True) for name in ("Authorization", "proxy-authorization", "Cookie", "X-Api-Key")),
        *((name, True) for name in ("access_token", "client_secret", "passwd", "X-Auth-Token")),
        *((name, False) for name in ("Author", "Accept", "session", "keys", "X-Authored-By")),
    ],
)
def test_names_that_hold_secrets(name: str, is_secret: bool) -> None:
    assert Scrubber().is_secret(name) == is_secret


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Location", "http://u:{}@h/x?a=1", "http://[scrubbed]@h/x?a=1"),
        ("location", "//u:{}@h/", "//[scrubbed]@h/"),
        ("Location", "/x#access_token={}&a=1", "/x#access_token=%5Bscrubbed%5D&a=1"),
        ("Location", "/x?a=b@c#auth", "/x?a=b@c#auth"),
        ("Link", '<https://h/?key={}>; rel="next", </a>; rel=x',
         '<https://h/?key=%5Bscrubbed%5D>; rel="next", </a>; rel=x'),
    ],
)  # fmt: skip
def test_no_url_of_a_header_keeps_a_secret(name: str, value: str, kept: str) -> None:
    given = ((name, value.format("s3cret")),)
    assert Scrubber().headers(given) == ((name, kept),)
