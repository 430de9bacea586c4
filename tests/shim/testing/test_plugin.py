"""The pytest plugin, in runs of its own: what passes, what fails, and what a failure says."""

from __future__ import annotations

import pytest

# What a run in this process imports first it would import anew in the next.
import onehttp.testing.plugin
import onehttp.testing.process_under_test  # noqa: F401
import onehttp_backends.double  # noqa: F401
import onehttp_compat.http_client  # noqa: F401
from stand_ins.projects.failing import FAILING, PRODUCT
from stand_ins.projects.passing import ASYNC, PASSING

LOOP_SCOPE = "asyncio_default_fixture_loop_scope=function"
PLAIN = """
def test_it():
    onehttp.init(backend="httpx", answers={"GET https://a.example/type": 200})
    try:
        product()
    except BaseException:
        pass
    onehttp.shutdown()
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    loops = () if "no:asyncio" in arguments else ("-o", LOOP_SCOPE)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *loops, *arguments)


def test_tests_that_should_pass_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSING)
    run(pytester, "-p", "no:asyncio", "-W", "error").assert_outcomes(passed=37)


@pytest.mark.parametrize("what", FAILING)
def test_a_test_fails_for(pytester: pytest.Pytester, what: str) -> None:
    body, lines = FAILING[what]
    pytester.makepyfile(f"{PRODUCT}def test_it(onehttp_double):{body}")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(lines)
    assert "canary" not in "".join(result.outlines[-4:])


def test_answers_of_init_fail_a_test_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PRODUCT + PLAIN)
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no answer for 'GET https://a.example/typo'; the nearest is*"])


@pytest.mark.parametrize("plugin", ASYNC)
def test_coroutine_tests(pytester: pytest.Pytester, plugin: str) -> None:
    pytester.makepyfile(ASYNC[plugin])
    other = {"asyncio": "anyio", "anyio": "asyncio"}[plugin]
    result = run(pytester, "-p", f"no:{other}")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*no answer for GET https://a.example/"])


@pytest.mark.parametrize("fixtures", [("double", "engine"), ("engine", "double")])
def test_a_fresh_engine_beside_the_double_asks_nobody(
    pytester: pytest.Pytester, fixtures: tuple[str, ...]
) -> None:
    names = ", ".join(f"onehttp_{name}" for name in fixtures)
    pytester.makepyfile(
        f"{PRODUCT}def test_it({names}):\n"
        "    onehttp_double.get(URL, text='of the double')\n"
        "    assert product() == 'of the double'\n"
    )
    run(pytester).assert_outcomes(passed=1)


def test_workers_of_xdist(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PRODUCT + "".join(
        f"def test_{at}(onehttp_double):\n    onehttp_double.get(URL, text='{at}', times=1)\n"
        f"    assert product() == '{at}'\n" for at in range(6)
    ))  # fmt: skip
    run(pytester, "-n", "2", "-p", "no:asyncio").assert_outcomes(passed=6)


def test_the_marker_of_backends_says_what_it_needs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.onehttp_backends\ndef test_it(): pass\n")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*the marker onehttp_backends is for tests that take the fixture*"]
    )


def test_a_marker_that_says_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.onehttp_double(assert_all=False)\n"
        "def test_it(onehttp_double): pass\n"
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*marker onehttp_double: assert_all; known: assert_all_called, assert_all_expected"]
    )
