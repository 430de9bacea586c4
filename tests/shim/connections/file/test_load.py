"""connections.yaml: what it may say, and what is said about one that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme

import onehttp
from onehttp.connections.file.document import shown_path
from onehttp.connections.file.load import load_connections

GOOD = """\
version: 1
defaults:
  timeout: {total: 2.0, connect: 0.5}
  headers: {X-All: "1"}
connections:
  api: &api
    url: https://api.example/v1
    headers: ["X-Key: k", "X-Key: l"]
    auth: {type: digest, username: u, password: "${env:API_PASSWORD}"}
    tls: {ca_file: ca.pem, cert: cert.pem, key: key.pem, verify_host: false, min_version: "1.3"}
    redirects: true
    max_body: 1000
    body_policy: truncate
    http_version: 1.1
    proxy: env
    keepalive: {idle: 5}
  copy:
    <<: *api
    url: https://copy.example
    timeout: 9
"""


@pytest.fixture
def pem(tmp_path: Path, authority: trustme.CA) -> Path:
    """A folder with an authority, a client certificate and its key."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("client.example")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "connections.yaml"
    path.write_text(text)
    return path


def test_every_setting_arrives(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PASSWORD", "secret!")
    found = load_connections(written(pem, GOOD))
    api, copy = found["api"], found["copy"]
    assert list(found) == ["api", "copy"]
    assert api.url == "https://api.example/v1"
    assert api.headers == (("X-Key", "k"), ("X-Key", "l"))
    assert api.max_redirects == 10
    assert api.line == 6
    options = api.options
    assert (options.total_timeout_s, options.connect_timeout_s) == (2.0, 0.5)
    assert options.auth == onehttp.Auth(
        schemes=onehttp.AuthScheme.DIGEST, username="u", secret="secret!"
    )
    assert options.tls.cert_file == str(pem / "cert.pem")
    assert options.tls.min_version is onehttp.TlsVersion.TLS_1_3
    assert not options.tls.verify_host
    assert options.tls.verify_peer
    assert (options.max_body_bytes, options.body_policy) == (1000, "truncate")
    assert options.http_version is onehttp.HttpVersion.HTTP_1_1
    assert options.proxy == onehttp.Proxy(from_environment=True)
    assert options.keepalive == onehttp.Keepalive(idle_s=5)
    assert copy.url == "https://copy.example"
    assert copy.options.total_timeout_s == 9
    assert copy.options is not options


def test_no_secret_is_ever_shown(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PASSWORD", "secret!")
    path = written(pem, GOOD)
    found = load_connections(path)
    onehttp.init(path, backend="httpx")
    for shown in (found, found["api"], found["api"].options, onehttp.connection("api")):
        assert "secret!" not in f"{shown!r} {shown}"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "empty; start with 'version: 1'"),
        ("connections: {}", 1, "version: missing; add 'version: 1'"),
        ("version: 2", 1, "version"),
        ("- a", 1, "expected 'version: 1' and 'connections:'"),
        ("version: 1\nconnectoins: {}", 2, "unknown key; did you mean 'connections'?"),
        ("version: 1\nconnections: {a: {}}", 2, "connections.a: has no url; give url:"),
        ("version: 1\nconnections:\n  a: {url: 'ftp://x'}", 3, "a.url: URL: scheme 'ftp'"),
        ("version: 1\nconnections:\n  a: {url: 'http://u:p@x'}", 3, "credentials before '@'"),
        (
            "version: 1\nconnections:\n  a:\n    url: http://x\n    timout: 3",
            5,
            "connections.a.timout: unknown key; did you mean 'timeout'?",
        ),
        (
            "version: 1\nconnections:\n  a:\n    url: http://x\n    timeout: {total: fast}",
            5,
            'connections.a.timeout.total: expected seconds > 0, got "fast"',
        ),
        (
            "version: 1\nconnections:\n  a:\n    url: http://x\n    tls: {cert: /c}",
            5,
            "cert and key belong together",
        ),
        ("version: 1\nversion: 1", 2, "version: given twice; keep one"),
        ("version: 1\n\tx: 1", 2, "not valid YAML"),
        ("version: !!python/object:os.system {}", 1, "the tag"),
        (
            "version: 1\nconnections:\n  a: {url: http://x, headers: ['no colon']}",
            3,
            'expected "Name: value"',
        ),
        (
            'version: 1\nconnections:\n  a: {url: http://x, headers: {X: "a\\nb"}}',
            3,
            "header X: CR, LF and NUL",
        ),
        (
            "version: 1\nconnections:\n  a: {url: http://x, auth: {password: '${env:NOT_SET_1}'}}",
            3,
            "environment variable NOT_SET_1 is not set",
        ),
        (
            "version: 1\nconnections:\n  a: {url: http://x, auth: {password: '${vault:x}'}}",
            3,
            "no secrets of kind 'vault'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, text: str, line: int | None, said: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(path)
    assert said in str(caught.value)
    place = f"{path}:{line}:" if line else str(path)
    assert str(caught.value).startswith(place)


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    text = (
        "version: 1\nconnections:\n  a: {url: http://x, timeout: -1}\n"
        "  b: {url: http://x, verify: no}\n  c: {urll: http://x}\n"
    )
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(written(tmp_path, text))
    for said in ("a.timeout", "b.verify", "c.urll: unknown key; did you mean 'url'?"):
        assert said in str(caught.value)


def test_a_key_that_stands_twice_hides_no_other_mistake(tmp_path: Path) -> None:
    text = (
        "version: 1\nconnections:\n  a: {url: 'ftp://x', timout: 3}\n  a: {url: http://y}\n"
        "  b: {url: http://x, timeout: fast, timeout: [1]}\n"
    )
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(written(tmp_path, text))
    assert [(error.line, error.key) for error in caught.value.errors] == [
        (3, "connections.a.url"), (3, "connections.a.timout"), (4, "connections.a"),
        (5, "connections.b.timeout"), (5, "connections.b.timeout"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("timeout: fast", 'expected a number or a mapping, got "fast"'),
        ("redirects: many", 'expected a whole number or true or false or a mapping, got "many"'),
        ("retry: often", 'expected a whole number or a mapping, got "often"'),
        ("retry: {backoff: slow}", 'expected a number or a mapping, got "slow"'),
        ("tls: none", 'expected a mapping, got "none"'),
    ],
)
def test_a_section_says_what_it_may_be_written_as(tmp_path: Path, key: str, said: str) -> None:
    text = f"version: 1\nconnections:\n  a:\n    url: http://x\n    {key}\n"
    with pytest.raises(onehttp.ConfigurationError, match=re.escape(said)):
        load_connections(written(tmp_path, text))


def test_a_password_is_not_quoted_in_an_error(tmp_path: Path) -> None:
    text = "version: 1\nconnections:\n  a: {url: http://x, auth: {password: [geheim]}}"
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(written(tmp_path, text))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("what", ["missing", "directory", "latin-1", "large"])
def test_a_file_that_cannot_be_read(tmp_path: Path, what: str) -> None:
    path = tmp_path / "connections.yaml"
    said = {
        "missing": "cannot be read: No such file",
        "directory": "cannot be read: Is a directory",
        "latin-1": "not UTF-8",
        "large": "larger than",
    }[what]
    if what == "directory":
        path.mkdir()
    elif what == "latin-1":
        path.write_bytes(b"version: 1\n# gr\xfcn\n")
    elif what == "large":
        with path.open("wb") as stream:
            stream.truncate(50 * 1024 * 1024)
    with pytest.raises(onehttp.ConfigurationError, match=said):
        load_connections(path)


def test_a_bomb_of_aliases_is_refused(tmp_path: Path) -> None:
    lines = ["version: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    with pytest.raises(onehttp.ConfigurationError, match="aliases"):
        load_connections(written(tmp_path, "\n".join(lines)))


def test_secrets_come_from_files_and_defaults(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from file\n")
    text = (
        "version: 1\nconnections:\n  a:\n    url: http://x\n"
        f"    headers: {{X-Key: '${{file:{tmp_path}/key}}', X-D: '${{env:NOT_SET_2:-dflt}}'}}\n"
    )
    spec = load_connections(written(tmp_path, text))["a"]
    assert spec.headers == (("X-Key", "from file"), ("X-D", "dflt"))


def test_a_file_is_named_as_its_reader_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    file, gone = tmp_path / "below" / "connections.yaml", tmp_path / "gone"
    file.write_text("version: 1\nconnections: {api: {}}\n")
    gone.mkdir()
    for folder, shown in (
        (tmp_path, "below/connections.yaml"),
        (gone, str(file)),
        (Path("/"), str(file)),  # where daemons are
    ):
        monkeypatch.chdir(folder)
        assert shown_path(str(file)) == shown
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert shown_path(str(file)) == str(file)
