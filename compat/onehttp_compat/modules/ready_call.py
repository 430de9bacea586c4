"""Calls of ``http_client`` whose arguments were read and checked: only the transfer is missing.

A script makes the same call for many of its messages, so the calls are kept by their arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import onehttp
from onehttp import NotInitialisedError, Request, Response, TransferError
from onehttp.lowlevel import RepeatedCall
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


class ReadyCall:
    """A call that can be made any number of times."""

    __slots__ = ("_elsewhere", "_is_first_line", "_limit", "_module", "_perform", "_state",
                 "_write", "request")  # fmt: skip

    def __init__(
        self,
        module: _Module,
        request: Request,
        state: ConnectionState | None,
        write: Callable[[bytes], None],
        limit: int,
        is_first_line: bool,
        elsewhere: Callable[[], int] | None = None,
    ) -> None:
        """
        Args:
            write: writes the result.
            limit: the size of the result, at most; 0 = no limit.
            elsewhere: makes the call over the connection to fail over to, if there is one.
        """
        self.request = request
        self._module = module
        self._state = state
        self._write = write
        self._limit = limit
        self._is_first_line = is_first_line
        self._elsewhere = elsewhere
        self._perform = RepeatedCall(request).perform

    def make(self) -> int:
        """Make the call, write its result, and return its code."""
        module = self._module
        answer: Response | tuple[bytes, Response] | TransferError
        try:
            answer = onehttp.perform(self.request) if module.stores_headers else self._perform()
        except TransferError as error:
            answer = error
        except NotInitialisedError:
            answer = transfer(self.request)
        if isinstance(answer, tuple):
            # The usual answer: what `_end` does with it, without a further function of Python.
            body, like = answer
            module.count(module.ok_counter)
            if self._state is not None:
                self._state.response = like  # the connection remembers nothing of the body
            if self._limit:
                body = module.shown(OK, body, self._limit, self._is_first_line)
            elif self._is_first_line:
                body = body.partition(b"\n")[0]
            self._write(body)
            return OK
        return self._end(answer)

    def _end(self, outcome: Response | TransferError) -> int:
        """Count a transfer, store what came of it, and return its code."""
        module, state = self._module, self._state
        code = module.counted(outcome, state)
        response = outcome if isinstance(outcome, Response) else None
        if module.stores_headers:
            module.store_headers(response)
        if self._elsewhere is not None and (response is None or code >= FIRST_SERVER_ERROR):
            return self._elsewhere()
        body = b"" if response is None else response.body
        self._write(module.shown(code, body, self._limit, self._is_first_line))
        return code


Ready: TypeAlias = "ReadyCall | int"
"""A ready call, or the code of a call that ends without a transfer, or has been made already."""


class KeptCalls(NamedTuple):
    """The calls of one function that were made before."""

    prepare: Callable[..., Ready]
    """Takes the arguments of a call by name."""
    by_arguments: dict[tuple[object, ...], Callable[[], int]]

    def make(self, arguments: tuple[object, ...], values: dict[str, Any]) -> int:
        """Make a call for the first time, and keep it unless its arguments are long."""
        ready = self.prepare(**values)
        if isinstance(ready, int):
            return ready
        if ready.request.body is None and sum(map(len, values.values())) <= _LONGEST_KEPT:
            if len(self.by_arguments) >= _MOST_KEPT:
                self.by_arguments.clear()
            self.by_arguments[arguments] = ready.make
        return ready.make()
