"""``http_async_client``: parameters, statistics, secrets."""

from __future__ import annotations

import logging
import re

import pytest

import onehttp
from onehttp import ConfigurationError
from onehttp_compat.parameters import AsyncParameters
from onehttp_compat.pv import RefusedValueError
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer
from stand_ins.legacy.asking import Script, counters

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


@pytest.mark.parametrize(
    ("name", "value"),
    [("workers", 0), ("memory_manager", "other"), ("connection_timeout", -1)],
)
def test_a_parameter_with_which_the_server_does_not_start(
    legacy: LegacyServer, name: str, value: int | str
) -> None:
    legacy.modparam("http_async_client", name, value)
    with pytest.raises(ConfigurationError, match=name):
        legacy.start()


def test_a_parameter_is_of_its_type_and_known(legacy: LegacyServer) -> None:
    with pytest.raises(ConfigurationError, match="expected a number, got text"):
        legacy.modparam("http_async_client", "connection_timeout", "500")
    with pytest.raises(ConfigurationError, match="no such parameter"):
        legacy.modparam("http_async_client", "verify_peer", 1)
    with pytest.raises(ConfigurationError, match="no module 'async_http'"):
        legacy.modparam("async_http", "workers", 1)


def test_parameters_are_the_settings_of_a_query(legacy: LegacyServer) -> None:
    values = {"connection_timeout": 700, "tls_version": 7, "tls_verify_host": 0,
              "tls_verify_peer": 2, "tls_client_cert": "/c", "tls_client_key": "/k",
              "tls_ca_path": "/ca", "curl_follow_redirect": 3, "authmethod": 1,
              "tcp_keepalive": 1, "tcp_ka_idle": 9, "tcp_ka_interval": 3}  # fmt: skip
    for name, value in values.items():
        legacy.modparam("http_async_client", name, value)
    legacy.start()
    options = legacy.http_async_client.pending.defaults.options("idle", 300)
    assert options.idle_timeout_s == 0.7
    assert (options.tls.verify_host, options.tls.verify_peer) == (False, True)
    assert (options.tls.cert_file, options.tls.key_file) == ("/c", "/k")
    assert (options.tls.ca_path, options.tls.ca_file) == ("/ca", None)
    assert options.tls.min_version is onehttp.TlsVersion.TLS_1_3
    assert options.max_redirects > 0
    assert options.keepalive == onehttp.Keepalive(idle_s=9, interval_s=3)


def test_only_the_lowest_bit_of_curl_follow_redirect_counts(legacy: LegacyServer) -> None:
    legacy.modparam("http_async_client", "curl_follow_redirect", 2)
    legacy.start()
    assert not legacy.http_async_client.pending.defaults.follow_redirect


def test_a_table_size_that_is_no_power_of_two_is_worth_a_warning(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.modparam("http_async_client", "hash_size", 1000)
    legacy.start()
    assert "hash_size" in caplog.text
    assert AsyncParameters().hash_size == 2048


def test_the_statistics_are_a_group(script: Script, web: RawServer) -> None:
    script.ask(web.url)
    script.ask("http://127.0.0.1:1/")
    listed = script.server.rpc("stats.get_statistics", ["http_async_client:"])
    assert listed == {
        "result": [
            "http_async_client:errors = 1",
            "http_async_client:replies = 1",
            "http_async_client:requests = 2",
            "http_async_client:timeouts = 0",
        ]
    }


def test_a_reply_is_counted_after_its_callback_and_a_request_before(
    script: Script, web: RawServer
) -> None:
    during: list[dict[str, int]] = []
    script.reply = lambda: during.append(counters(script.server))
    script.ask(web.url)
    assert during == [{"requests": 1}]
    assert counters(script.server) == {"requests": 1, "replies": 1}


def test_a_callback_that_raises_is_logged_and_its_reply_counted(
    script: Script, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    script.reply = lambda: 1 // 0
    script.ask(web.url)
    assert "ZeroDivisionError" in caplog.text
    assert script.transaction.responses == ["500"]
    assert counters(script.server) == {"requests": 1, "replies": 1}


def test_secrets_are_neither_logged_nor_shown(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    script.new_message()
    script.set("username", "user")
    script.set("password", "s3cret-password")
    script.set("hdr", "Authorization: Bearer s3cret-token")
    script.set("body", "s3cret-body")
    with pytest.raises(RefusedValueError) as refused:
        script.set("hdr", "X: s3cret-line\n\nGET /")
    pending = script.server.http_async_client.pending
    shown = f"{pending.settings!r} {pending.settings.options('idle', 300)!r} {refused.value}"
    script.go_on("http://user:s3cret-url@127.0.0.1:1/?token=s3cret-query")
    assert script.seen
    assert not re.search("s3cret", f"{shown} {caplog.text} {script.seen}")
