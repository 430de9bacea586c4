"""docs/connections.md says what the models say, and its example can be used."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import trustme

import onehttp
from onehttp.connections.file.load import load_connections
from onehttp.connections.file.schema.reference import tables

PAGE = (Path(__file__).parents[2] / "docs" / "connections.md").read_text()


def test_the_reference_is_current() -> None:
    _, _, rest = PAGE.partition("<!-- reference: begin -->\n")
    written, _, _ = rest.partition("<!-- reference: end -->")
    assert written.strip() == tables().strip(), "run scripts/write-reference"


@pytest.fixture
def example(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of the page, and the files that it names."""
    issued = authority.issue_cert("client.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    issued.private_key_pem.write_to_path(tmp_path / "client.key")
    (tmp_path / "api.key").write_text("key\n")
    (tmp_path / "teams").mkdir()
    monkeypatch.setenv("KEY_PASSWORD", "")
    found = re.search(r"```yaml\n(version: 1.*?)```", PAGE, re.DOTALL)
    assert found is not None
    path = tmp_path / "connections.yaml"
    path.write_text(found[1])
    return path


def test_the_example_is_fit_for_use(example: Path) -> None:
    found = load_connections(example)
    assert found["backup"].headers == (("X-Api-Key", "key"),)
    assert found["api"].failover == ("backup",)


def test_the_example_is_reloaded_as_the_page_says(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(example.parent)
    before = signal.getsignal(signal.SIGHUP)
    try:
        exec(compile(block, "connections.md", "exec"), {})
    finally:
        onehttp.shutdown()
        signal.signal(signal.SIGHUP, before)
