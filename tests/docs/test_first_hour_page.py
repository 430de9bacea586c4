"""docs/migration/first-hour.md: its commands run, and its example is what ``rewrite`` makes."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite_source
from onehttp_compat.migration.sources import SourceText

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/migration/first-hour.md").read_text()
COMMANDS = re.findall(r"^onehttp (migrate .*?)(?: +#.*)?$", PAGE, re.MULTILINE)
CORPUS = ROOT / "tests/migration/corpus"


def test_its_commands_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scripts").mkdir()
    for name in ("number_lookup.py", "push.py"):  # each command reads all of them
        shutil.copy(CORPUS / name, "scripts")
    Path("kamailio.cfg").write_text('loadmodule "http_client.so"\n')
    Path("legacy.jsonl").write_text("")
    assert len(COMMANDS) >= 8
    for line in COMMANDS:
        words = shlex.split(line.replace("/var/lib/kamailio/", ""))
        done = CliRunner().invoke(onehttp, words)
        assert done.exit_code == 0, (line, done.output)
    assert "onehttp.request" in Path("scripts/number_lookup.py").read_text()
    assert Path("report.html").exists()


EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("before", "after"), [*zip(EXAMPLES[::2], EXAMPLES[1::2], strict=True)])
def test_its_examples_are_what_rewrite_makes(before: str, after: str) -> None:
    done = rewrite_source(SourceText("script.py", f"import KSR\nimport onehttp\n\n{before}"))
    assert isinstance(done, FileRewrite)
    assert done.after == f"import KSR\nimport onehttp\n\n{after}"


def test_the_notes_that_it_explains_are_those_that_are_written() -> None:
    notes = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", PAGE, re.MULTILINE)[1:]
    product = "".join(
        re.sub(r'"\s*\n\s*"', "", path.read_text())
        for path in (ROOT / "compat/onehttp_compat/migration").rglob("*.py")
    )
    assert [note for note in notes if note not in product and note != "---"] == []
