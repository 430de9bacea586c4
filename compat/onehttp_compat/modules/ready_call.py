"""Calls of ``http_client`` whose arguments were read and checked: only the transfer is missing.

A script makes the same call for many of its messages, so the calls are kept by their arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import onehttp
from onehttp import NotInitialisedError, Request, Response, TransferError
from onehttp_compat.modules.httpcon.state import ConnectionState
from onehttp_compat.wire.transfer import transfer

OK: Final = 200
FIRST_SERVER_ERROR: Final = 500
_MOST_KEPT: Final = 256
_LONGEST_KEPT: Final = 512
"""Characters of all arguments of a call that is kept."""


class _Module(Protocol):
    stores_headers: bool
    count: Callable[[str], None]
    ok_counter: str

    def counted(self, outcome: Response | TransferError, state: ConnectionState | None) -> int: ...
    def store_headers(self, response: Response | None) -> None: ...
    def shown(self, code: int, body: bytes, limit: int, is_first_line: bool) -> bytes: ...


class ReadyCall(NamedTuple):
    """A call that can be made any number of times."""

    module: _Module
    request: Request
    state: ConnectionState | None
    write: Callable[[bytes], None]
    """Writes the result."""
    limit: int
    """The size of the result, at most; 0 = no limit."""
    is_first_line: bool
    elsewhere: Callable[[], int] | None = None
    """Makes the call over the connection to fail over to, if there is one."""

    def make(self) -> int:
        """Make the call, write its result, and return its code."""
        module, request, state, write, limit, is_first_line, _ = self
        outcome: Response | TransferError
        try:
            outcome = onehttp.perform(request)
        except TransferError as error:
            outcome = error
        except NotInitialisedError:
            outcome = transfer(request)
        else:
            if outcome.status == OK and not module.stores_headers:
                # The usual answer: what `_end` does with it, without a further function of Python.
                module.count(module.ok_counter)
                if state is not None:
                    state.response = outcome
                body = outcome.body
                if limit or is_first_line:
                    body = module.shown(OK, body, limit, is_first_line)
                write(body)
                return OK
        return self._end(outcome)

    def _end(self, outcome: Response | TransferError) -> int:
        """Count a transfer, store what came of it, and return its code."""
        module, _, state, write, limit, is_first_line, elsewhere = self
        code = module.counted(outcome, state)
        response = outcome if isinstance(outcome, Response) else None
        if module.stores_headers:
            module.store_headers(response)
        if elsewhere is not None and (response is None or code >= FIRST_SERVER_ERROR):
            return elsewhere()
        body = b"" if response is None else response.body
        write(module.shown(code, body, limit, is_first_line))
        return code


Ready: TypeAlias = "ReadyCall | int"
"""A ready call, or the code of a call that ends without a transfer, or has been made already."""


class KeptCalls(NamedTuple):
    """The calls of one function that were made before."""

    prepare: Callable[..., Ready]
    """Takes the arguments of a call by name."""
    by_arguments: dict[tuple[str, ...], Callable[[], int]]

    def make(self, arguments: tuple[str, ...], values: dict[str, Any]) -> int:
        """Make a call for the first time, and keep it unless its arguments are long."""
        ready = self.prepare(is_kemi=True, **values)
        if isinstance(ready, int):
            return ready
        if ready.request.body is None and sum(map(len, arguments)) <= _LONGEST_KEPT:
            if len(self.by_arguments) >= _MOST_KEPT:
                self.by_arguments.clear()
            self.by_arguments[arguments] = ready.make
        return ready.make()
