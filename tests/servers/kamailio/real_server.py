"""The real server that scripts are run in, if this machine has one."""

from __future__ import annotations

import pytest

from onehttp_compat.real_server.process import RealServerError, find_server


def skip_unless_installed() -> None:
    """Skip the test where there is none, or none that runs Python."""
    try:
        _, modules = find_server()
    except RealServerError as error:
        pytest.skip(f"NOT TESTED: {error} (make packages)")
    if not (modules / "app_python3.so").exists():
        pytest.skip(f"NOT TESTED: no app_python3.so in {modules} (make packages)")
