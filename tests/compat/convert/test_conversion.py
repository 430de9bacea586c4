"""Conversion: the same transfers, the comments in their places, and an honest report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp.connections.file.load import load_connections
from onehttp.connections.model import ConnectionSet
from onehttp_compat.convert.conversion import Converted, convert
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.convert.writing import yaml_with_comments

pytestmark = pytest.mark.usefixtures("default_limits")


def converted(tmp_path: Path, text: str, secrets: str = "plain") -> Converted:
    path = tmp_path / "kamailio.cfg"
    path.write_text(text)
    return convert(read_declared(path), path.name, secrets)  # type: ignore[arg-type]


def loaded(tmp_path: Path, result: Converted) -> ConnectionSet:
    path = tmp_path / "connections.yaml"
    path.write_text(result.text)
    return load_connections(path)


def lost(result: Converted) -> list[str]:
    return [f"{one.what}: {one.text}" for one in result.findings if one.became == "lost"]


CONFIGURATION = """
# Answer quickly or not at all.
modparam("http_client", "connection_timeout", 2)
modparam("http_client", "useragent", "sip router")
# The billing service.
# Ask Ada before changing it.
modparam("http_client", "httpcon", "billing=>https://ada:s3cret@billing.example/v1;verify_peer=0")
modparam("http_client", "httpcon", "fraud=>http://fraud.example:8080;timeout=1")  # nightly
modparam("http_client", "query_result", 0)
"""


def test_a_converted_file_reads_as_if_written_by_hand(tmp_path: Path) -> None:
    result = converted(tmp_path, CONFIGURATION)
    assert result.text == (
        "# Converted by onehttp from kamailio.cfg.\n"
        "version: 1\n"
        "defaults:\n"
        "  user_agent: sip router\n"
        "  max_body: 16777216\n"
        "  proxy: env\n"
        "  reuse: false\n"
        "requests:\n"
        "  # Answer quickly or not at all.\n"
        "  timeout: {total: 2, connect: 2}\n"
        "connections:\n"
        "  # The billing service.\n"
        "  # Ask Ada before changing it.\n"
        "  billing:\n"
        "    url: https://billing.example/v1\n"
        "    auth: {type: any, username: ada, password: s3cret}\n"
        "    tls: {verify_peer: false}\n"
        "    timeout: {total: 2, connect: 2}\n"
        "  # nightly\n"
        "  fraud:\n"
        "    url: http://fraud.example:8080\n"
        "    timeout: {total: 1, connect: 1}\n"
    )
    assert set(loaded(tmp_path, result)) == {"billing", "fraud"}


def test_the_report_names_every_declaration_with_its_place(tmp_path: Path) -> None:
    result = converted(tmp_path, CONFIGURATION)
    rows = [
        (Path(place).name.rpartition(":")[2], what, became)
        for place, what, became, _ in result.findings
    ]
    assert rows == [
        ("3", "http_client connection_timeout", "converted"),
        ("4", "http_client useragent", "converted"),
        ("7", "http_client billing", "converted"),
        ("8", "http_client fraud", "converted"),
        ("9", "http_client query_result", "converted"),
    ]


def test_comments_of_defaults_stand_at_the_defaults(tmp_path: Path) -> None:
    result = converted(
        tmp_path,
        "# They are slow.\n"
        'modparam("curl", "tlscacert", "/ca.pem") # ours\n'
        'modparam("curl", "curlcon", "a=>https://a.example")\n'
        'modparam("curl", "curlcon", "b=>https://b.example")\n',
    )
    assert "  # They are slow.\n  # ours\n  tls: {ca_file: /ca.pem}\n" in result.text


@pytest.mark.parametrize("line", ["#!KAMAILIO", "#!SER", "#!define T 3", "#!ifdef T", "#!nosuch x"])
def test_what_begins_like_a_directive_is_nobodys_comment(tmp_path: Path, line: str) -> None:
    result = converted(
        tmp_path, f'# ours\n{line}\nmodparam("curl", "connection_timeout", 9)\n#!endif\n'
    )
    if line != "#!ifdef T":
        assert "  # ours\n  timeout:" in result.text
    assert "!" not in result.text


def test_passwords_can_become_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = converted(tmp_path, CONFIGURATION, "env")
    assert "s3cret" not in result.text
    monkeypatch.setenv("BILLING_PASSWORD", "s3cret")
    auth = loaded(tmp_path, result)["billing"].options.auth
    assert auth is not None
    assert auth.secret == "s3cret"


def test_no_report_holds_a_password(tmp_path: Path) -> None:
    result = converted(
        tmp_path,
        'modparam("http_client", "httpcon", "a=>http://u:s3cret@h;failover=b;tlsversion=2")\n'
        'modparam("http_client", "httpcon", "b=>http://u:s3cret@h/#x")\n',
    )
    assert "s3cret" not in repr(result.findings)
    assert "s3cret" not in repr(lost(result))


def test_failover_takes_one_step_as_before(tmp_path: Path) -> None:
    result = converted(
        tmp_path,
        'modparam("http_client", "httpcon", "a=>http://a.example;failover=b")\n'
        'modparam("http_client", "httpcon", "b=>http://b.example;failover=a")\n'
        'modparam("http_client", "httpcon", "c=>http://c.example;failover=d")\n'
        'modparam("http_client", "httpcon", "d=>http://d.example")\n',
    )
    specs = loaded(tmp_path, result)
    assert {name: spec.failover for name, spec in specs.items()} == {
        "a": ("b-alone",),
        "b": ("a-alone",),
        "c": ("d",),
        "d": (),
        "a-alone": (),
        "b-alone": (),
    }
    assert specs["a-alone"].url == "http://a.example"


def test_what_cannot_be_said_is_reported_as_lost(tmp_path: Path) -> None:
    result = converted(
        tmp_path,
        'modparam("http_client", "httpcon", "ok=>http://h")\n'
        'modparam("http_client", "httpcon", "ssl=>https://h;tlsversion=3")\n'
        'modparam("http_client", "httpcon", "to=>http://h;failover=nobody")\n'
        'modparam("http_client", "httpcon", "bad=>http://h:port")\n',
    )
    assert [line.partition(":")[0] for line in lost(result)] == [
        "http_client ssl tlsversion",
        "http_client to failover",
        "http_client bad",
    ]
    assert set(loaded(tmp_path, result)) == {"ok", "ssl", "to"}


def test_equal_connections_of_two_modules_share_one_name(tmp_path: Path) -> None:
    text = (
        'modparam("http_client", "useragent", "")\n'
        'modparam("http_client", "httpcon", "a=>http://a.example")\n'
        'modparam("http_client", "httpcon", "b=>http://b.example")\n'
        'modparam("curl", "curlcon", "a=>http://a.example")\n'
        'modparam("curl", "curlcon", "b=>http://other.example")\n'
    )
    specs = loaded(tmp_path, converted(tmp_path, text))
    assert set(specs) == {"a", "b", "b-curl"}


def test_the_comments_of_a_connections_file_stay_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "http.cfg"
    path.write_text(
        "# All our services.\n"
        "\n"
        "# Bills.\n"
        "[billing]\n"
        "url = https://billing.example/v1\n"
        "# they promised 500 ms\n"
        "timeout = 1\n"
        "verify_peer = no # self-signed\n"
    )
    result = convert(read_declared(path), path.name, "plain")
    assert result.text.splitlines()[:2] == [
        "# Converted by onehttp from http.cfg.",
        "# All our services.",
    ]
    assert ("  # Bills.\n  billing:\n    url: https://billing.example/v1\n") in result.text
    assert "    # they promised 500 ms\n    timeout: {total: 1, connect: 1}\n" in result.text
    assert "    # self-signed\n    tls: {verify_peer: false}\n" in result.text


def test_the_config_file_of_another_machine_is_found_beside_the_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "http.cfg").write_text("[a]\nurl = http://a.example\n")
    result = converted(
        tmp_path, 'modparam("http_client", "config_file", "/etc/kamailio/none/http.cfg")\n'
    )
    assert set(loaded(tmp_path, result)) == {"a"}


def test_each_connection_is_told_what_it_takes_from_above(tmp_path: Path) -> None:
    result = converted(
        tmp_path,
        'modparam("http_client", "connection_timeout", 2)\n'
        'modparam("http_client", "httpcon", "a=>http://a.example")\n'
        'modparam("http_client", "httpcon", "b=>http://b.example;timeout=9")\n'
        'modparam("http_client", "connection_timeout", 3)\n'
        'modparam("http_client", "httpcon", "c=>http://c.example")\n',
    )
    texts = [one.text for one in result.findings if one.what == "http_client connection_timeout"]
    assert texts == ["timeout of a", "timeout of c, calls by URL"]
    specs = loaded(tmp_path, result)
    assert [spec.options.total_timeout_s for spec in specs.values()] == [2, 9, 3]
    assert specs.adhoc.requests.options.total_timeout_s == 3


def test_calls_without_a_connection_are_sent_as_they_were(tmp_path: Path) -> None:
    result = converted(
        tmp_path,
        "# Nobody waits longer.\n"
        'modparam("http_client", "connection_timeout", 2)\n'
        'modparam("http_client", "verify_host", 0)\n'
        "# One for each core.\n"
        'modparam("http_async_client", "workers", 4)\n'
        'modparam("http_async_client", "tls_version", 7)\n',
    )
    assert "defaults:\n" in result.text
    assert "  # Nobody waits longer.\n  timeout: {total: 2, connect: 2}\n" in result.text
    assert "# Calls without a connection go by the defaults.\nrequests: {}\n" in result.text
    assert "queries:\n  # One for each core.\n  workers: 4\n" in result.text
    adhoc = loaded(tmp_path, result).adhoc
    requests, queries = adhoc.requests.options, adhoc.queries.options
    assert (requests.total_timeout_s, requests.tls.verify_host, requests.reuse) == (2, False, False)
    assert (queries.idle_timeout_s, queries.tls.verify_host, queries.reuse) == (0.5, True, True)
    assert (requests.tls.min_version.value, queries.tls.min_version.value) == ("1.2", "1.3")
    assert adhoc.limits is not None
    assert (adhoc.limits.workers, adhoc.limits.queue_length) == (4, 0)


def test_each_password_gets_a_variable_of_its_own(tmp_path: Path) -> None:
    result = converted(
        tmp_path,
        'modparam("http_client", "httpproxy", "p:proxied@proxy.example")\n'
        'modparam("http_client", "httpproxyport", 3128)\n'
        'modparam("http_client", "httpcon", "a-b=>http://u:one@a.example")\n'
        'modparam("http_client", "httpcon", "a_b=>http://u:two@b.example")\n',
        "env",
    )
    assert not any(password in result.text for password in ("one@", "two@", "proxied"))
    for variable in ("A_B_PASSWORD}", "A_B_PASSWORD_2}", "PROXY_PASSWORD}"):
        assert f"${{env:{variable}" in result.text


def test_bytes_that_are_no_text_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_bytes(
        b'# caf\xe9\nmodparam("http_client", "httpcon", "a=>http://u:caf\xe9@a.example")\n'
    )
    result = convert(read_declared(path), path.name, "plain")
    assert "  # caf\u00e9\n  a:\n" in result.text
    auth = loaded(tmp_path, result)["a"].options.auth
    assert auth is not None
    assert auth.secret.encode("utf-8", "surrogateescape") == b"caf\xe9"


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", 0), ("latin-1", 2)])
def test_a_name_in_other_bytes_becomes_one_that_scripts_can_say(
    tmp_path: Path, encoding: str, told: int
) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(
        'modparam("http_client", "httpcon", "köln=>http://k.example;failover=güls")\n'
        'modparam("http_client", "httpcon", "güls=>http://g.example")\n',
        encoding,
    )
    result = convert(read_declared(path), path.name, "plain")
    assert list(loaded(tmp_path, result)) == ["köln", "güls"]
    assert [one.text[-7:] for one in result.findings].count("Latin-1") == told


@pytest.mark.parametrize(
    ("credentials_and_more", "host", "is_told"),
    [
        ("u:p@h.example/v1", "h.example", False),
        ("u:a/b@h.example/v1", "h.example", False),
        ("u:a;b@h.example/v1", "h.example", False),
        ("u:p@x@h.example/v1", "h.example", True),
        ("a/b:c@h.example/v1", "a", True),
        ("h.example/v1/@me", "h.example", True),
        ("h.example/v1;useragent=a@b", "h.example", True),
        ("u:p@h.example/v1;useragent=a@b", "h.example", False),
    ],
)
def test_where_the_module_found_another_host_the_report_says_so(
    tmp_path: Path, credentials_and_more: str, host: str, is_told: bool
) -> None:
    result = converted(
        tmp_path, f'modparam("http_client", "httpcon", "api=>http://{credentials_and_more}")'
    )
    url = loaded(tmp_path, result)["api"].url
    assert url.partition("://")[2].split("/")[0] == host
    told = [one.became for one in result.findings if "the first '@'" in one.text]
    assert told == (["changed"] if is_told else [])


class Counted(dict[tuple[str, ...], list[str]]):
    """Comments, and how often somebody looked through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        self.walks += 1
        return super().__iter__()


def test_comments_are_looked_through_once_however_many_keys_there_are() -> None:
    names = [f"c{number}" for number in range(20)]
    comments = Counted({("connections", name, "url"): ["there"] for name in names})
    document = {"connections": {name: {"url": "http://h"} for name in names}}
    text = yaml_with_comments(document, comments, [])
    assert text.count("    # there\n    url: http://h\n") == len(names)
    assert comments.walks == 1
