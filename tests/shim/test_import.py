"""What is loaded when: nobody pays for a library before something of theirs needs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    *("asyncio", "dataclasses", "email", "http", "inspect", "json", "logging", "pathlib", "re"),
    *("socket", "ssl", "subprocess", "tempfile", "threading", "traceback", "urllib"),
    *("click", "cryptography", "dns", "httpx", "idna", "lxml", "pycurl", "pydantic", "rich"),
    *("opentelemetry", "prometheus_client", "sqlalchemy", "watchfiles", "yaml"),
}
OF_THE_NAMES = {"dataclasses", "inspect", "logging", "re", "threading", "traceback"}


def loaded_by(code: str) -> set[str]:
    """The heavy ones in a fresh interpreter, beyond those that it begins with."""
    telling = (
        f"import sys; before = set(sys.modules); {code}; loaded = set(sys.modules) - before; "
        "import json; print(json.dumps(sorted({name.partition('.')[0] for name in loaded})))"
    )
    # -S: what an environment loads by itself, of editable installs for one, is not of interest.
    path = [entry for entry in sys.path if entry]
    program = f"import sys; sys.path[:] = {path!r}; {telling}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], check=True, capture_output=True, text=True
    )
    return HEAVY & set(json.loads(done.stdout))


def test_importing_it_loads_nothing_heavy() -> None:
    assert loaded_by("import onehttp") <= {"re"}  # of typing, before Python 3.11


def test_its_names_load_what_the_standard_library_has_and_no_other() -> None:
    assert loaded_by("import onehttp; onehttp.request") <= OF_THE_NAMES


def test_an_engine_without_a_file_loads_neither_yaml_nor_pydantic() -> None:
    loaded = loaded_by("import onehttp; onehttp.init(); onehttp.stats()")
    assert "pycurl" in loaded
    assert not loaded & {"yaml", "pydantic", "httpx", "idna", "click", "rich", "cryptography"}


@pytest.mark.parametrize("name", ["request", "submit", "TransferError", "__version__"])
def test_every_way_to_a_name_leads_to_the_same(name: str) -> None:
    code = f"from onehttp import {name}; import onehttp; assert onehttp.{name} is {name}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_listed_and_others_refused() -> None:
    import onehttp

    assert {*onehttp.__all__, "__version__"} <= set(dir(onehttp))
    with pytest.raises(AttributeError, match="module 'onehttp' has no attribute 'requests'"):
        onehttp.requests  # type: ignore[attr-defined]
