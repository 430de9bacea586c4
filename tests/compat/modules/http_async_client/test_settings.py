"""``$http_req``: the settings of one asynchronous query."""

from __future__ import annotations

from typing import Any

import pytest

import onehttp
from onehttp_compat.modules.http_async_client.settings import KEYS
from onehttp_compat.pv import RefusedValueError, UnknownVariableError
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer
from stand_ins.legacy.asking import Script

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


def test_settings_are_those_of_one_query(script: Script, web: RawServer) -> None:
    script.new_message()
    script.set("method", "PUT")
    script.set("hdr", "X-A: 1")
    script.set("body", "text")
    script.go_on(web.url, is_suspended=False)
    script.go_on(web.url, is_suspended=False)
    first, second = web.requests
    assert first.startswith(b"PUT / ")
    assert b"X-A: 1\r\n" in first
    assert first.endswith(b"\r\n\r\ntext")
    assert second.startswith(b"GET / ")
    assert b"X-A" not in second


def test_settings_do_not_leak_into_another_message(script: Script, web: RawServer) -> None:
    script.new_message()
    script.set("hdr", "Authorization: of this caller")
    assert script.go_on("") == -1
    script.ask(web.url)
    assert b"Authorization" not in web.requests[0]


def test_faithful_settings_wait_for_whatever_message_comes(
    faithful: LegacyServer, web: RawServer
) -> None:
    script = Script(faithful)
    script.new_message()
    script.set("hdr", "X-Kept: 1")
    assert script.go_on("") == -1
    script.ask(web.url)
    assert b"X-Kept: 1" in web.requests[0]


@pytest.mark.parametrize(
    ("text", "method"),
    [
        *(("get", "GET"), ("P", "POST"), ("PU", "PUT"), ("PA", "PATCH"), ("D", "DELETE")),
        *(("", "GET"), ("GETX", "POST"), ("HEAD", "POST"), ("POSTS", "POST")),
    ],
)
def test_a_method_is_known_by_what_it_begins_with_and_an_unknown_one_changes_nothing(
    script: Script, web: RawServer, text: str, method: str
) -> None:
    script.new_message()
    script.set("method", "POST")
    script.set("method", text)
    script.go_on(web.url)
    assert web.requests[0].startswith(f"{method} / ".encode())


@pytest.mark.parametrize("key", [key for key, one in KEYS.items() if one.kind is int])
def test_a_key_for_a_number_takes_no_text(
    script: Script, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RefusedValueError, match="expected a number, got text"):
        script.set(key, "100")
    assert f"$http_req({key})" in caplog.text


@pytest.mark.parametrize("key", [key for key, one in KEYS.items() if one.kind is str])
def test_a_key_for_text_takes_no_number(script: Script, key: str) -> None:
    with pytest.raises(RefusedValueError, match="expected text, got a number"):
        script.set(key, 100)


@pytest.mark.parametrize("key", ["HDR", "verify_peer", ""])
def test_an_unknown_key_names_those_there_are(script: Script, key: str) -> None:
    with pytest.raises(UnknownVariableError, match="no such key; there are: hdr, method"):
        script.set(key, 1)
    with pytest.raises(UnknownVariableError):
        script.server.pv.get(f"$http_req({key})")


@pytest.mark.parametrize(("key", "value"), [("timeout", -1), ("http_version", 3)])
def test_a_number_out_of_range_is_refused_and_the_one_before_stays(
    script: Script, key: str, value: int
) -> None:
    field = KEYS[key].field
    pending = script.server.http_async_client.pending
    before = getattr(pending.settings, field)
    with pytest.raises(RefusedValueError, match=f"got {value}"):
        script.set(key, value)
    assert getattr(pending.settings, field) == before


def test_null_brings_back_what_it_brings_back_in_the_module(script: Script) -> None:
    script.server.modparam("http_async_client", "authmethod", 1)
    script.server.start()
    script.new_message()
    given: dict[type, Any] = {int: 2, str: "PUT"}
    for key, one in KEYS.items():
        script.set(key, given[one.kind] if key != "hdr" else "X: 1")
    pending = script.server.http_async_client.pending
    for key, one in KEYS.items():
        before = getattr(pending.settings, one.field)
        script.set(key, None)
        default = getattr(pending.defaults, one.field)
        assert getattr(pending.settings, one.field) == (default if one.null_resets else before)
    script.set("all", "ignored")
    assert pending.settings != pending.defaults
    script.set("all", None)
    assert pending.settings == pending.defaults


def test_empty_text_removes_and_hides_the_parameter(script: Script) -> None:
    script.server.modparam("http_async_client", "tls_ca_path", "/ca")
    script.server.start()
    settings = script.server.http_async_client.pending
    assert settings.settings.ca_path == "/ca"
    for key in ("body", "username", "password", "tls_ca_path", "tls_client_cert"):
        script.set(key, "")
        assert getattr(settings.settings, KEYS[key].field) is None


def test_keepalive_has_two_spellings_and_works(script: Script, web: RawServer) -> None:
    pending = script.server.http_async_client.pending
    for names in (("keepalive", "ka-idle", "ka-interval"),
                  ("tcp_keepalive", "tcp_ka_idle", "tcp_ka_interval")):  # fmt: skip
        script.new_message()
        for name, value in zip(names, (1, 20, 5), strict=True):
            script.set(name, value)
        options = pending.settings.options("idle", 300)
        assert options.keepalive == onehttp.Keepalive(idle_s=20, interval_s=5)
        assert script.go_on(web.url) == 0
    assert [ok for ok, *_ in script.seen] == [1, 1]


def test_the_documented_spelling_is_unknown_to_the_real_module(faithful: LegacyServer) -> None:
    with pytest.raises(UnknownVariableError):
        Script(faithful).set("tcp_keepalive", 1)
