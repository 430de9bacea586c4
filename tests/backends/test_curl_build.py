"""A pycurl that is too old is refused with a sentence, not with an AttributeError."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pycurl
import pytest

from onehttp_backends import curl
from onehttp_backends.curl_build import NEEDED, check_build
from onehttp_backends.errors import BackendUnavailableError

SOURCES = sorted(Path(curl.__file__).parent.rglob("*.py"))
PREFIXES = {"SSLVERSION_TLS", "SSLVERSION_MAX_TLS"}
"""Followed by a version that is put together at run time."""


def build(version: str, without: str) -> ModuleType:
    """pycurl as it is, without some of its names."""
    names = {name: value for name, value in vars(pycurl).items() if name not in without.split()}
    return cast(ModuleType, SimpleNamespace(**{**names, "version": version}))


def test_the_build_that_the_tests_run_on_is_taken() -> None:
    check_build(pycurl)


@pytest.mark.parametrize(
    ("version", "without", "needs"),
    [
        ("PycURL/7.45.2 libcurl/7.88.1", "ACTIVESOCKET QUEUE_TIME_T POSTTRANSFER_TIME_T",
         "libcurl 8.10 and pycurl 7.46 or later"),
        ("PycURL/7.46.0 libcurl/7.88.1", "QUEUE_TIME_T POSTTRANSFER_TIME_T", "libcurl 8.10 or"),
        ("PycURL/7.45.7 libcurl/8.16.0", "RESOLVER_START_FUNCTION", "pycurl 7.46 or later"),
    ],
)  # fmt: skip
def test_an_old_build_is_refused_by_what_it_lacks(version: str, without: str, needs: str) -> None:
    with pytest.raises(BackendUnavailableError, match=f"{version} is too old") as caught:
        check_build(build(version, without))
    assert needs in str(caught.value)
    assert "pip install" in str(caught.value)


def test_what_the_engine_uses_of_pycurl_is_there_or_asked_for() -> None:
    """Every name that the oldest pycurl taken may lack is one that is looked for."""
    used = {
        name
        for source in SOURCES
        for name in re.findall(r"\bpycurl\.([A-Z][A-Z0-9_]+)", source.read_text())
    }
    assert {name for name in used if not hasattr(pycurl, name)} <= PREFIXES
    assert set(NEEDED) <= used


def test_debians_pycurl_is_refused_with_the_way_out() -> None:
    """The real thing, where the distribution's package is installed."""
    python = "/usr/bin/python3"
    has = subprocess.run([python, "-c", "import pycurl"], capture_output=True, check=False)
    if has.returncode != 0 or sys.version_info[:2] < (3, 10):
        pytest.skip("Debian's python3-pycurl is not installed")
    root = Path(__file__).parents[2]
    script = (
        f"import sys; sys.path[:0] = [{str(root / 'backends')!r}]\n"
        "import pycurl\n"
        "from onehttp_backends.curl_build import NEEDED, check_build\n"
        "from onehttp_backends.errors import BackendUnavailableError\n"
        "is_old = any(not hasattr(pycurl, name) for name in NEEDED)\n"
        "try:\n    check_build(pycurl); print('taken', is_old)\n"
        "except BackendUnavailableError as error:\n    print('refused', is_old)\n"
    )
    said = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.split() in (["taken", "False"], ["refused", "True"])
