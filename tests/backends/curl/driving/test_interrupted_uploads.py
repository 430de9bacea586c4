"""Bodies of other callers that a driver takes pieces of as an exception hits it: each is sent from
its beginning, or its call says that it was not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import pytest

import onehttp_backends.bodies as package
from onehttp_backends.bodies.multipart import FormUpload
from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.bodies.upload import Upload
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import DisconnectedError, Sent
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.injection import Injector, Interrupt, Lines
from stand_ins.pieces import in_pieces
from stand_ins.streams.uploads import Uploads

BODIES: Final = (f"{Path(package.__file__).parent}/",)
PIECES: Final = [b"first", b"second"]
WHOLE: Final = b"".join(PIECES)
LARGE: Final = bytes(3_000_000)
FEWEST_LINES: Final = 5


def form_of(content: object) -> FormUpload:
    return FormUpload([("name", "value")], [("file", ("name", content, "a/b"))], "boundary")


def form_whole() -> bytes:
    return form_of(WHOLE).whole(1000)


UPLOADS: Final[dict[str, tuple[Callable[[BinaryIO], Upload], Callable[[], bytes]]]] = {
    "file": (upload_of, lambda: WHOLE),
    "form": (form_of, form_whole),
    "form with what comes once": (lambda _: form_of(iter(PIECES)), form_whole),
    "chunks": (lambda _: upload_of(iter(PIECES)), lambda: WHOLE),
    "of known length": (lambda _: upload_of(iter(PIECES), len(WHOLE)), lambda: WHOLE),
    "larger than is taken at once": (lambda _: upload_of(iter([LARGE])), lambda: LARGE),
}
"""How each is made, and what it is."""


class Neighbours:
    """One who drives until a body of another caller has been sent, or is hit before."""

    def __init__(self, backend: PycurlBackend) -> None:
        self._backend = backend
        self._drives = threading.Event()
        self._may_end = threading.Event()
        self.outcome: Outcome

    def answer_last(self, peer: Peer) -> None:
        while peer.request():
            self._drives.set()
            assert self._may_end.wait(PATIENCE_S)
            peer.send(OK)

    def drive_for(self, request: Request, injector: Injector, url: str) -> None:
        def send() -> None:
            assert self._drives.wait(PATIENCE_S)
            self.outcome = in_pieces(self._backend, request)
            self._may_end.set()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        try:
            with injector.in_force():
                self._backend.perform(Request("GET", url, total_timeout_s=PATIENCE_S))
        except Interrupt:
            assert injector.place
        sender.join(PATIENCE_S)
        assert not sender.is_alive()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BinaryIO]:
    (tmp_path / "body").write_bytes(WHOLE)
    with (tmp_path / "body").open("rb") as opened:
        yield opened


@pytest.mark.parametrize("kind", UPLOADS)
def test_an_exception_at_each_line_that_gives_of_a_body(kind: str, file: BinaryIO) -> None:
    make, whole = UPLOADS[kind]
    lines = Lines()
    begun_anew, place = 0, "the first"
    while place:
        injector = Injector(lines, BODIES)
        backend, taken = PycurlBackend(), Uploads()
        neighbours = Neighbours(backend)
        with RawServer(taken) as server, RawServer(neighbours.answer_last) as other:
            request = Request("POST", server.url, upload=make(file), total_timeout_s=PATIENCE_S)
            neighbours.drive_for(request, injector, other.url)
        backend.close()
        place, outcome = injector.place, neighbours.outcome
        bodies = [each.body for each in taken.asked]
        if isinstance(outcome, Response):
            assert bodies == [whole()], place
            begun_anew += bool(place)
        else:
            # A piece may be lost, and something was sent by then.
            assert isinstance(outcome, DisconnectedError), place  # nobody has cancelled it
            assert (outcome.sent, bodies) == (Sent.MAYBE, []), place
            assert kind != "file", place  # read and sent in one step
    assert begun_anew >= FEWEST_LINES
