"""The page about tests: what it shows as tests passes, each block after the code that it tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import onehttp.testing.plugin
import onehttp.testing.process_under_test
import onehttp.testing.recording  # noqa: F401
import onehttp_backends.double  # noqa: F401
from servers.raw import RawServer, answering

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
PRODUCT, *BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_page_shows_passes(pytester: pytest.Pytester, block: str) -> None:
    if "onehttp_record" in block:
        record_and_replay(pytester, block)
        return
    is_of_pytest = "def test_" in block
    name = "test_block" if is_of_pytest else "conftest"
    pytester.makepyfile(lookup=PRODUCT, **{name: block})
    if not is_of_pytest:
        pytester.makepyfile(test_nothing="def test_it(): pass")
    outcomes = run(pytester).parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] >= block.count("def test_")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    loops = "asyncio_default_fixture_loop_scope=function"
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-o", loops, *arguments)


def record_and_replay(pytester: pytest.Pytester, block: str) -> None:
    body = b'{"name": "Alice", "phone": "+49301"}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with RawServer(answering(head + body)) as server:
        text = block.replace("https://names.example", server.url)
        pytester.makepyfile(test_block=text)
        run(pytester, "--onehttp-record=new").assert_outcomes(passed=1)
    run(pytester).assert_outcomes(passed=1)
    (cassette,) = pytester.path.glob("cassettes/*/*.yaml")
    recorded = cassette.read_text()
    assert "Alice" in recorded
    assert "s3cret" not in recorded
    assert "+49301" not in recorded


def test_the_page_names_every_keyword() -> None:
    from onehttp.testing.route_arguments import RouteArguments

    assert [name for name in RouteArguments.__annotations__ if f"`{name}=" not in PAGE] == []
