"""The documentation as a site: it builds without a warning, and has every public name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import onehttp
import onehttp.lowlevel

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="the last mkdocstrings for Python 3.10 and the last pymdown-extensions do not fit",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_it_builds_and_its_reference_has_every_public_name(site: Path) -> None:
    for page, names in (("onehttp", onehttp.__all__), ("lowlevel", onehttp.lowlevel.__all__)):
        text = (site / "reference" / page / "index.html").read_text()
        missing = [name for name in names if f".{name}</code>" not in text
                   and f'.{name}"' not in text and f">{name}<" not in text]  # fmt: skip
        assert missing == []
    assert "Perform one request" in (site / "reference/onehttp/index.html").read_text()


@pytest.mark.slow
def test_it_has_every_page_and_asks_no_other_site_for_anything(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        path = page.relative_to(ROOT / "docs")
        made = path.with_name("index.html") if path.stem in ("index", "README") else path
        assert (site / made.with_suffix("") / "index.html").exists() or (site / made).exists()
    text = (site / "index.html").read_text()
    assert "fonts.googleapis" not in text
    assert 'src="http' not in text
