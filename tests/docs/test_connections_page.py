"""docs/connections.md says what the models say, and its example can be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme

from onehttp.connections.file.load import load_connections
from onehttp.connections.file.schema.reference import tables

PAGE = (Path(__file__).parents[2] / "docs" / "connections.md").read_text()


def test_the_reference_is_current() -> None:
    _, _, rest = PAGE.partition("<!-- reference: begin -->\n")
    written, _, _ = rest.partition("<!-- reference: end -->")
    assert written.strip() == tables().strip(), "run scripts/write-reference"


def test_the_example_is_fit_for_use(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = authority.issue_cert("client.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    issued.private_key_pem.write_to_path(tmp_path / "client.key")
    (tmp_path / "api.key").write_text("key\n")
    (tmp_path / "teams").mkdir()
    monkeypatch.setenv("KEY_PASSWORD", "")
    example = re.search(r"```yaml\n(version: 1.*?)```", PAGE, re.DOTALL)
    assert example is not None
    path = tmp_path / "connections.yaml"
    path.write_text(example[1])
    found = load_connections(path)
    assert found["backup"].headers == (("X-Api-Key", "key"),)
    assert found["api"].failover == ("backup",)
