"""What pages show as Python is run: of each page with such blocks it is known by which test."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import onehttp
from onehttp.identity import Signer, Verifier
from onehttp_compat.kamailio.requirements import RTIMER_LINES
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.script.serving import serving
from onehttp_compat.server import LegacyServer, use_server
from servers.raw import RawServer, keep_answering
from servers.sti import CALLED, CALLER, CLOCK, Authority, number_list, pem, private_pem
from servers.xcap import XcapServer
from stand_ins.legacy.legacy_calls import keep, response

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN_BY = {
    "quickstart.md": "test_pages.py", "from-httpx.md": "test_pages.py",
    "asyncio.md": "test_pages.py", "errors.md": "test_pages.py",
    "observability.md": "test_pages.py", "services.md": "test_pages.py",
    "connections.md": "test_connections_page.py", "testing.md": "test_testing_page.py",
    "queues.md": "test_pages.py", "streaming.md": "test_pages.py",
    "identity.md": "here", "kamailio.md": "here", "xcap.md": "here",
    "migration/first-hour.md": "test_first_hour_page.py",
    "migration/auth_identity.md": "test_auth_identity_page.py",
    "migration/xcap_client.md": "test_migration.py", "migration/curl.md": "test_migration.py",
    "migration/utils.md": "test_migration.py", "migration/http_client.md": "test_migration.py",
    "migration/async_http.md": "test_migration.py",
    "migration/http_async_client.md": "test_migration.py",
}  # fmt: skip
SETUP = "KSR = kamailio.setup(KSR)\n"
RULES = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>'


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _process_is_left_as_found() -> Iterator[None]:
    yield
    use_server(None)
    onehttp.shutdown()


def test_of_each_page_with_code_it_is_known_what_runs_it() -> None:
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert {page for page in pages if blocks(page)} == set(RUN_BY)
    for page, test in RUN_BY.items():
        name = page.rpartition("/")[2].removesuffix(".md")
        text = Path(__file__ if test == "here" else ROOT / "tests/docs" / test).read_text()
        assert name in text, f"{test} does not name {page}"


def in_a_stand_in(script: str, url: str) -> str:
    """The script outside the server, where `setup` has nothing to do."""
    assert SETUP in script
    return script.replace(SETUP, "").replace("http://127.0.0.1:8080", url)


@pytest.mark.parametrize("body", [b"ok", b"ok\n", b" ok\r\nX-Injected: yes\r\n"])
def test_kamailio_the_query_of_a_script(tmp_path: Path, body: bytes) -> None:
    head, asking = blocks("kamailio.md")
    compile(head, "kamailio.md", "exec")  # `setup` is for the server itself, which other tests run
    path = tmp_path / "script.py"
    onehttp.init()
    legacy = LegacyServer()
    use_server(legacy)
    with RawServer(keep(response(200, body))) as server:
        path.write_text(in_a_stand_in(asking, server.url))
        with serving(path, legacy) as sip:
            outcome = sip.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    # Of a reason with a line break the real server makes more than the first line of its reply.
    assert outcome.replies == ["100", "480 Known: " + " ".join(body.decode().split())]


def test_readme_the_script_asks_by_the_one_engine(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text()
    assert RTIMER_LINES in page
    assert RTIMER_LINES in (DOCS / "kamailio.md").read_text()
    (script,) = re.findall(r"^```python\n(import KSR\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    path = tmp_path / "script.py"
    onehttp.init()
    legacy = LegacyServer()
    use_server(legacy)
    with RawServer(keep_answering) as server:
        path.write_text(in_a_stand_in(script, server.url))
        with serving(path, legacy) as sip:
            outcome = sip.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.replies == ["480 ok"]


def test_xcap_a_document_comes_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks("xcap.md")
    monkeypatch.chdir(tmp_path)
    with XcapServer() as server:
        server.store(
            "pres-rules/users/sip:alice@example.org/index",
            b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>',
        )
        assert "https://xcap.example/xcap-root" in block
        block = block.replace("https://xcap.example/xcap-root", server.root)
        start = "PeriodicUpdates(client.refresh, jittered(100)).start()"
        assert start in block
        kept = block.replace(start, f"updates = {start.removesuffix('.start()')}\nupdates.start()")
        names: dict[str, Any] = {}
        exec(compile(kept, "xcap.md", "exec"), names)
        assert server.seen("PUT")
        names["updates"].stop()


def test_identity_what_is_signed_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing, revoking = blocks("identity.md")
    monkeypatch.chdir(tmp_path)
    for made in (Signer, Verifier):  # certificates of tests are of one moment
        defaults = inspect.unwrap(made.__init__).__kwdefaults__
        monkeypatch.setitem(defaults or {}, "clock", lambda: CLOCK)
    authority, key = Authority(), ec.generate_private_key(ec.SECP256R1())
    certificate = pem(authority.issue(key, numbers=number_list(numbers=[CALLER, CALLED])))
    authority.write(tmp_path / "anchors.pem")
    (tmp_path / "sti-pa.pem").write_bytes(certificate)
    (tmp_path / "shaken.key").write_bytes(private_pem(key))
    answers = {"GET https://certificates.example/shaken.pem": (200, certificate)}
    monkeypatch.setattr(onehttp, "init", partial(onehttp.init, backend="httpx", answers=answers))
    names: dict[str, object] = {}
    exec(compile(signing, "identity.md", "exec"), names)
    assert "passport" in names
    exec(compile(revoking, "identity.md", "exec"), {})
