"""The extra ``identity`` is needed by those who use it, and by nobody else."""

from __future__ import annotations

import subprocess
import sys

from onehttp_backends.hints.extras import brought_by


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_onehttp_imports_no_cryptography() -> None:
    code = "import sys, onehttp; print({'cryptography', 'cachetools'} & set(sys.modules))"
    assert python(code) == "set()\n"


def test_without_the_extra_the_error_names_it() -> None:
    code = (
        "import sys; sys.modules['cachetools'] = None\n"
        "try:\n    import onehttp.identity\n"
        "except ModuleNotFoundError as error:\n    print(error)\n"
    )
    assert python(code) == f"onehttp.identity needs cachetools: {brought_by('identity')}\n"
