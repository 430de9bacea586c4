"""`stream` and `astream`, on the one runtime of this process. ``onehttp`` exports them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onehttp.calls.arguments import CallArguments
from onehttp.process import process
from onehttp.streams.contexts import AsyncStreamContext, StreamContext
from onehttp.streams.ways import call_on_none
from onehttp.stripped_tracebacks import strip_traceback

if TYPE_CHECKING:
    from typing_extensions import Unpack


@strip_traceback
def stream(method: str, url: str, **call: Unpack[CallArguments]) -> StreamContext:
    """Perform a request whose answer is read piece by piece, as a `StreamedResponse`:

        with onehttp.stream("GET", url) as response:
            for piece in response.iter_bytes():
                ...

    The default time limit covers the time to the head of the answer. After that the body may pause
    for as long as that limit, or for the idle limit of the connections file. A ``timeout`` given
    here covers everything. The body's size is limited by ``max_body`` of this call alone.

    Args:
        **call: as for `onehttp.request`.

    Raises:
        RequestError: an argument cannot be sent.
        TypeError: unknown keyword.
        NotInitialisedError: before `init`.
        TransferError: from the ``with`` statement: there was no answer.
    """
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    return StreamContext(call_on_none(runtime, method, url, call))


@strip_traceback
def astream(method: str, url: str, **call: Unpack[CallArguments]) -> AsyncStreamContext:
    """`stream` for tasks: use ``async with``, and read by ``async for`` and ``await``."""
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    return AsyncStreamContext(call_on_none(runtime, method, url, call))
