"""The pages: their links lead somewhere, and what they show as Python runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp_backends.contract import Request

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUN = ("quickstart.md", "from-httpx.md", "asyncio.md", "errors.md", "observability.md",
       "queues.md", "services.md", "streaming.md")  # fmt: skip
_block = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_link = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks() -> list[Any]:
    found = []
    for name in RUN:
        text = (ROOT / "docs" / name).read_text()
        for match in _block.finditer(text):
            line = text[: match.start()].count("\n") + 1
            found.append(pytest.param(match[1], id=f"{name}:{line}"))
    return found


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Whatever engine a page chooses, no call leaves the process."""
    real = onehttp.init

    def init(*source: Any, **settings: Any) -> None:
        if settings.get("backend") != "httpx":
            settings |= {"backend": "httpx", "handler": answer}
        real(*source, **settings)

    def answer(request: Request) -> Any:
        return (200, '{"user": "alice"}', [("Content-Type", "application/json")])

    monkeypatch.setattr(onehttp, "init", init)
    monkeypatch.setenv("ONEHTTP_QUEUES", f"sqlite://{tmp_path}/queues.db")
    yield
    onehttp.shutdown()


@pytest.mark.parametrize("block", blocks())
@pytest.mark.usefixtures("answered")
def test_what_a_page_shows_runs(block: str) -> None:
    exec(compile(block, "page", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = [link for link in _link.findall(page.read_text()) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []
