"""References to secrets: who resolves them, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

import onehttp
from onehttp.connections.file.load import load_connections

CANARY = "c4n4ry-s3cret"


def one(value: str, more: str = "") -> str:
    return (
        "version: 1\nconnections:\n  a:\n    url: http://a.example\n"
        f"    headers: {{X-Key: '{value}'}}\n{more}"
    )


def loaded(folder: Path, text: str) -> onehttp.ConnectionSet:
    path = folder / "connections.yaml"
    path.write_text(text)
    return load_connections(path)


def key_of(found: onehttp.ConnectionSet) -> str:
    return found["a"].headers[0][1]


def said(folder: Path, text: str) -> str:
    with pytest.raises(onehttp.ConfigurationError) as caught:
        loaded(folder, text)
    return str(caught.value)


def test_an_environment_variable_goes_before_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEHTTP_KEY", raising=False)
    assert key_of(loaded(tmp_path, one("${env:ONEHTTP_KEY:-none}"))) == "none"
    monkeypatch.setenv("ONEHTTP_KEY", CANARY)
    assert key_of(loaded(tmp_path, one("k=${env:ONEHTTP_KEY:-none}."))) == f"k={CANARY}."


def test_a_default_stands_for_an_empty_variable_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    values = {"a": "${env:EMPTY:-d}", "b": "<${env:EMPTY}>", "c": "${env:EMPTY:-}"}
    found = load_connections(
        {"version": 1, "connections": {"api": {"url": "http://h", "headers": values}}}
    )
    assert dict(found["api"].headers) == {"a": "d", "b": "<>", "c": ""}


def test_a_secret_file_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    team = tmp_path / "team"
    team.mkdir()
    (team / "key").write_text(f"{CANARY}\n")
    (team / "one.yaml").write_text(one("${file:key}"))
    found = loaded(tmp_path, "version: 1\ninclude: team\n")
    assert key_of(found) == CANARY
    assert str(team / "key") in found.files


def test_what_a_secret_contains_is_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEHTTP_KEY", "${env:HOME} $${x}")
    assert key_of(loaded(tmp_path, one("${env:ONEHTTP_KEY}"))) == "${env:HOME} $${x}"


def test_two_dollars_stand_for_one(tmp_path: Path) -> None:
    assert key_of(loaded(tmp_path, one("$${env:HOME}"))) == "${env:HOME}"


def test_further_kinds_of_secrets_can_be_given(engine: str) -> None:
    vault = {"api/key": CANARY}
    source = {
        "version": 1,
        "connections": {"a": {"url": "http://a.example", "headers": {"X-Key": "${vault:api/key}"}}},
    }
    onehttp.init(source, backend=engine, secrets={"vault": vault.__getitem__})
    assert onehttp.connections()["a"].headers == (("X-Key", CANARY),)
    vault["api/key"] = "rotated"
    assert onehttp.reload().changed == {"a": ("headers",)}
    assert onehttp.connections()["a"].headers == (("X-Key", "rotated"),)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("${env:ONEHTTP_ABSENT}", "environment variable ONEHTTP_ABSENT is not set"),
        ("${file:absent}", "secret ${file:absent} is missing: No such file or directory"),
        ("${file:empty}", "secret ${file:empty} is missing: the file is empty"),
        ("${file:.}", "secret ${file:.} is missing: Is a directory"),
        ("${file:binary}", "secret ${file:binary} is missing: not UTF-8 text"),
        ("${file:large}", "larger than 65536 bytes"),
        ("${vault:x}", "no secrets of kind 'vault'; known: env, file"),
        ("${ENV:HOME}", "a reference is ${kind:name}; write $${ for a plain ${"),
        ("${env:HOME", "a reference is ${kind:name}"),
    ],
)
def test_a_secret_that_is_missing_is_named_with_its_place(
    tmp_path: Path, reference: str, reason: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 100_000)
    text = said(tmp_path, one(reference))
    assert text.startswith(f"{tmp_path}/connections.yaml:5:22: connections.a.headers.X-Key: ")
    assert reason in text


@pytest.mark.parametrize(
    "key",
    ["url: '{}'", "user_agent: '{}'", "auth: {{type: bearer, token: '{}'}}", "timeout: '{}'",
     "tls: {{cert: '{}'}}", "proxy: {{url: '{}'}}", "unix_socket: '{}'", "interface: '{}'"],
)  # fmt: skip
def test_each_place_of_a_missing_secret_is_told_once_and_nothing_else_of_it(
    tmp_path: Path, key: str
) -> None:
    written = key.format("${env:ONEHTTP_ABSENT}")
    url = "" if key.startswith("url") else "    url: http://a.example\n"
    sections = "".join(f"  {name}:\n{url}    {written}\n" for name in ("a", "b"))
    path = tmp_path / "connections.yaml"
    path.write_text(f"version: 1\nconnections:\n{sections}")
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(path)
    told = [
        error for error in caught.value.errors if "${env:ONEHTTP_ABSENT} is missing" in str(error)
    ]
    assert len(told) == 2
    others = [error.key for error in caught.value.errors if error not in told]
    assert not {error.key for error in told} & set(others)


def test_a_default_is_not_quoted_when_a_secret_is_missing(tmp_path: Path) -> None:
    assert CANARY not in said(tmp_path, one(f"${{vault:x:-{CANARY}}}"))


@pytest.mark.parametrize(
    "section",
    [
        "auth: {type: bearer, token: '${env:ONEHTTP_KEY}', passwort: x}",
        "auth: {username: u, password: '${env:ONEHTTP_KEY}', type: '${env:ONEHTTP_KEY}'}",
        "tls: {key_password: '${env:ONEHTTP_KEY}', cert: '${env:ONEHTTP_KEY}', key: absent}",
        "proxy: {url: 'http://u:${env:ONEHTTP_KEY}@proxy', password: '${env:ONEHTTP_KEY}'}",
        "timeout: '${env:ONEHTTP_KEY}'",
        'headers: {X-Key: "${env:ONEHTTP_KEY}\\n"}',
        "url: 'http://u:${env:ONEHTTP_KEY}@a.example'",
        "user_agent: ['${env:ONEHTTP_KEY}']",
    ],
)
def test_no_error_quotes_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    monkeypatch.setenv("ONEHTTP_KEY", CANARY)
    text = f"version: 1\nconnections:\n  a:\n    {section}\n"
    if "tls" in section:
        # The path of a certificate is no secret to the operator, who has to find the file.
        text = text.replace("cert: '${env:ONEHTTP_KEY}'", "cert: absent")
    assert CANARY not in said(tmp_path, text)


@pytest.mark.parametrize("section", ["connections:\n  a", "defaults"])
@pytest.mark.parametrize("line", ["auth: {}", "proxy: http://u:{}@proxy", "auth: [{}]"])
def test_what_stands_where_a_section_should_is_not_quoted(
    tmp_path: Path, section: str, line: str
) -> None:
    """Written in one line: who does so has credentials in it."""
    text = f"version: 1\n{section}:\n    {line.format(CANARY)}\n"
    assert "expected a mapping" in said(tmp_path, text)
    assert CANARY not in said(tmp_path, text)


def test_plain_text_secrets_are_warned_of_once_each_and_work(tmp_path: Path) -> None:
    text = (
        "version: 1\nconnections:\n"
        f"  a: &a {{url: 'http://a.example', auth: {{username: u, password: {CANARY}}}}}\n"
        "  b: {<<: *a, url: 'http://b.example'}\n"
        f"  c: {{url: 'http://c.example', headers: ['X-Api-Key: {CANARY}', 'X-Other: x']}}\n"
        "  d: {url: 'http://d.example', auth: {username: u, password: '${env:HOME}'}}\n"
    )
    found = loaded(tmp_path, text)
    assert found["b"].options.auth is not None
    assert found["b"].options.auth.secret == CANARY
    told = [str(warning) for warning in found.warnings]
    assert [line.split(": ", 1)[0].rsplit(":", 2)[1] for line in told] == ["3", "5"]
    assert all(
        line.endswith("a secret in plain text; use ${env:NAME} or ${file:PATH}") for line in told
    )
    assert CANARY not in "".join(told)


def test_a_secret_file_that_everybody_may_read_is_warned_of(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(CANARY)
    key.chmod(0o644)
    (warning,) = loaded(tmp_path, one("${file:key}")).warnings
    assert "secret ${file:key} is readable by everybody; chmod o-r" in str(warning)
    key.chmod(0o640)
    assert loaded(tmp_path, one("${file:key}")).warnings == ()
