from __future__ import annotations

import pytest

from golden.replay.comparison import as_recorded, matches, wire_differences
from golden.replay.recordings import Json
from golden.server.golden_server import GoldenServer


def request(**more: Json) -> dict[str, Json]:
    plain = {
        "listener": "HTTP",
        "connection": 1,
        "method": "GET",
        "target": "/x",
        "http_version": "HTTP/1.1",
        "headers": [["Host", "h"], ["Accept", "*/*"], ["X-A", "1"], ["X-B", "2"]],
        "body": "",
    }
    return plain | more


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (b"text\r\n", "text\r\n"),
        (7, "7"),
        (None, None),
        (b"a\0b", {"base64": "YQBi"}),
        (b"\xff", {"base64": "/w=="}),
    ],
)
def test_values_are_shown_as_the_recordings_show_them(value: Json, recorded: Json) -> None:
    assert as_recorded(value) == recorded


def test_a_long_value_is_shown_by_its_digest() -> None:
    shown = as_recorded(b"x" * 5000)
    assert (shown["length"], shown["prefix"]) == (5000, "x" * 48)


def test_placeholders_stand_for_what_this_server_has(golden_server: GoldenServer) -> None:
    assert matches(
        "http://{HTTP}/x", f"http://127.0.0.1:{golden_server.ports['HTTP']}/x", golden_server
    )
    assert not matches(
        "http://{HTTP}/x", f"http://127.0.0.1:{golden_server.ports['HTTP_B']}/x", golden_server
    )
    assert matches("{DEFAULT_USER_AGENT}", "anything (1.0)", golden_server)


def test_the_order_of_an_engines_own_headers_is_free_that_of_the_callers_is_not(
    golden_server: GoldenServer,
) -> None:
    moved = request(headers=[["Accept", "*/*"], ["Host", "h"], ["X-A", "1"], ["X-B", "2"]])
    assert not list(wire_differences([request()], [moved], golden_server))
    swapped = request(headers=[["Host", "h"], ["Accept", "*/*"], ["X-B", "2"], ["X-A", "1"]])
    (difference,) = wire_differences([request()], [swapped], golden_server)
    assert "order" in difference


@pytest.mark.parametrize(
    "change",
    [
        {"method": "POST"},
        {"target": "/y"},
        {"connection": 2},
        {"body": "b"},
        {"headers": [["Host", "h"], ["Accept", "*/*"], ["X-A", "2"], ["X-B", "2"]]},
        {"headers": [["Host", "h"], ["Accept", "*/*"], ["X-A", "1"]]},
    ],
)
def test_every_part_of_a_request_counts(
    change: dict[str, Json], golden_server: GoldenServer
) -> None:
    assert len(list(wire_differences([request()], [request(**change)], golden_server))) >= 1


def test_a_digest_is_compared_without_what_changes_each_time(golden_server: GoldenServer) -> None:
    one = 'Digest username="u", nonce="n", cnonce="{CNONCE}", response="{RESPONSE}"'
    other = 'Digest nonce="n", username="u", response="00ff", cnonce="abc"'
    wanted = request(headers=[["Authorization", one]])
    assert not list(
        wire_differences([wanted], [request(headers=[["Authorization", other]])], golden_server)
    )
    wrong = request(headers=[["Authorization", other.replace('"u"', '"v"')]])
    assert list(wire_differences([wanted], [wrong], golden_server))
