"""How a forked child ends whose only thread is not the one Python started with."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn


def leave_as_main_thread(error: BaseException) -> NoReturn:
    """End the process as this exception would in a main thread.

    A child forked by a thread has this thread alone. Python ends such a thread, and with it the
    process, without a look at the exit code.
    """
    code: object = 1
    try:
        if isinstance(error, SystemExit):
            code = error.code
            if code is not None and not isinstance(code, int):
                sys.stderr.write(f"{code}\n")
        else:
            sys.excepthook(type(error), error, error.__traceback__)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0 if code is None else code & 0xFF if isinstance(code, int) else 1)
