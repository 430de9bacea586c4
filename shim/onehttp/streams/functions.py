"""`stream` and `astream`, on the one runtime of this process; ``onehttp`` itself has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onehttp.calls.arguments import CallArguments
from onehttp.discreet import discreet
from onehttp.process import process
from onehttp.streams.contexts import AsyncStreamContext, StreamContext
from onehttp.streams.ways import call_on_none

if TYPE_CHECKING:
    from typing_extensions import Unpack


@discreet
def stream(method: str, url: str, **call: Unpack[CallArguments]) -> StreamContext:
    """A response whose body is read piece by piece, inside ``with``: `StreamedResponse`.

    The time limit in all is over with the head of the answer, unless ``timeout`` gives one for
    this call; after it the body may stand still for as long (or for the idle limit of the file).
    There is no limit of the body but ``max_body`` of this call.

    Args:
        **call: the keywords of `CallArguments`.

    Raises:
        RequestError: an argument is not fit to be sent.
        TypeError: a keyword that no call has.
        NotInitialisedError: before `init`.
        TransferError: by ``with``: there was no answer.
    """
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    return StreamContext(call_on_none(runtime, method, url, call))


@discreet
def astream(method: str, url: str, **call: Unpack[CallArguments]) -> AsyncStreamContext:
    """The same inside ``async with``, read by ``async for`` and ``await``."""
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    return AsyncStreamContext(call_on_none(runtime, method, url, call))
