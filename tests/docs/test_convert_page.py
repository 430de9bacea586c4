"""docs/convert.md shows what ``onehttp convert`` prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/convert.md").read_text()
BLOCKS = [block.partition("\n")[2] for block in PAGE.split("```")[1::2]]


@pytest.mark.usefixtures("default_limits")
def test_the_example_is_converted_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration, said, report, *_ = BLOCKS
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FRAUD_HOST", raising=False)
    Path("kamailio.cfg").write_text(configuration)
    run = CliRunner().invoke(onehttp, ["convert", "kamailio.cfg", "--secrets", "env"])
    assert run.exit_code == 3
    assert run.stdout == said.partition("\n")[2]
    assert run.stderr == report


@pytest.mark.usefixtures("debian")
def test_the_configuration_of_the_package_is_as_the_readme_says(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text()
    _, _, rest = page.partition(
        "$ onehttp convert /etc/kamailio/kamailio.cfg -o connections.yaml\n"
    )
    shown = rest.partition("...\n```")[0]
    output = str(tmp_path / "connections.yaml")
    run = CliRunner().invoke(onehttp, ["convert", "/etc/kamailio/kamailio.cfg", "-o", output])
    assert run.stderr.startswith(shown)
