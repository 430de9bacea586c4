"""``KSR.sdpops``: reads the session description, and changes the one that is sent."""

from __future__ import annotations

from collections.abc import Callable

from onehttp_compat.pv import RefusedValueError
from onehttp_compat.script.kemi.functions import FALSE, NOTHING_TO_DO, TRUE, Functions, as_code
from onehttp_compat.script.kemi.sdpops.session import MediaStream, Session, session_of

SOME = 2
"""The result of ``sdp_with_codecs_by_id`` if only some of the codecs or streams match."""
NO_BODY = -2


class SdpopsFunctions(Functions):
    """Queries use the message as it was received. Changes affect the message that is sent."""

    # ---- queries

    def sdp_content(self) -> int:
        return as_code(self._session)

    def sdp_content_flags(self, flags: int) -> int:
        if not flags & 1:
            return self.sdp_content()
        kind = (self._sip.header("content-type") or "application/sdp").partition(";")[0].strip()
        is_multipart = kind.lower().startswith("multipart/")
        is_sdp = self._session if is_multipart else kind.lower() == "application/sdp"
        return as_code(self._has_body and is_sdp)

    def sdp_with_media(self, media: str) -> int:
        return self._with_media(lambda one: bool(media) and one.is_of(media))

    def sdp_with_active_media(self, media: str) -> int:
        return self._with_media(lambda one: bool(media) and one.is_of(media) and one.is_active)

    def sdp_with_transport(self, transport: str) -> int:
        return self._any(lambda one: one.transport.lower() == transport.lower() != "")

    def sdp_with_transport_like(self, part: str) -> int:
        return self._any(lambda one: part != "" and part in one.transport)

    def sdp_with_ice(self) -> int:
        return self._any(lambda one: any(line[:12] == b"a=candidate:" for line in one.lines))

    def sdp_with_codecs_by_id(self, payloads: str) -> int:
        session = self._session
        return FALSE if session is None else _share(session, _listed(payloads))

    def sdp_with_codecs_by_name(self, codecs: str) -> int:
        session = self._session
        found = _share(session, session.payloads_of(codecs)) if session else 0
        return found or FALSE

    def sdp_transport(self, target: str) -> int:
        if not self._has_body:
            return TRUE if target.startswith("$avp(") else FALSE
        found = {one.transport for one in self._session.streams} if self._session else set()
        if len(found) != 1:
            return FALSE - 1 if found and target.startswith("$avp(") else FALSE
        return self._keep(target, found.pop())

    # ---- lines and values as text

    def sdp_get(self, target: str) -> int:
        session = self._session
        if session is None:
            is_there = self._has_body or not target.startswith("$avp(")
            return FALSE if is_there else NO_BODY
        return self._keep(target, session.text.decode("utf-8", "surrogateescape"))

    def sdp_get_line_startswith(self, target: str, start: str) -> int:
        session = self._session
        if not start:
            return FALSE
        if session is None:
            return FALSE if self._has_body or not target else NO_BODY
        wanted = start.encode()
        line = next((one for one in session.lines if one.startswith(wanted)), None)
        if line is None:
            return FALSE
        return self._keep(target, line.rstrip(b"\r\n").decode("utf-8", "surrogateescape"))

    # ---- changes of the message that is sent

    def keep_codecs_by_id(self, payloads: str, media: str) -> int:
        return self._reduce(self._changing, media, _listed(payloads), is_keeping=True)

    def keep_codecs_by_name(self, codecs: str, media: str) -> int:
        return self._reduce_by_name(codecs, media, is_keeping=True)

    def remove_codecs_by_id(self, payloads: str, media: str) -> int:
        return self._reduce(self._changing, media, _listed(payloads), is_keeping=False)

    def remove_codecs_by_name(self, codecs: str, media: str) -> int:
        return self._reduce_by_name(codecs, media, is_keeping=False)

    def remove_line_by_prefix(self, start: str, media: str) -> int:
        session = self._changing
        if session is None:
            return FALSE
        wanted = start.encode()
        among = {
            i for one in session.streams if one.is_of(media)
            for i in range(one.start, one.start + len(one.lines))
        } if media else set(range(len(session.lines)))  # fmt: skip
        gone = {i for i in among if wanted and session.lines[i].startswith(wanted)}
        return self._take_out(session, gone, len(gone))

    def remove_media(self, media: str) -> int:
        session = self._changing
        if session is None:
            return FALSE if self._has_body else NOTHING_TO_DO
        out = [one for one in session.streams if media and one.is_of(media)]
        gone = {i for one in out for i in range(one.start, one.start + len(one.lines))}
        return self._take_out(session, gone, len(out))

    # ----

    @property
    def _has_body(self) -> bool:
        return bool(self._sip.body) and not self._sip.is_broken

    @property
    def _session(self) -> Session | None:
        return session_of(self._sip, self._sip.body)

    @property
    def _changing(self) -> Session | None:
        body = self._routed.body
        return session_of(self._sip, self._sip.body if body is None else body)

    def _with_media(self, is_meant: Callable[[MediaStream], bool]) -> int:
        session = self._session
        if session is None:
            return FALSE if self._has_body else NOTHING_TO_DO
        return int(any(map(is_meant, session.streams)))

    def _any(self, is_meant: Callable[[MediaStream], bool]) -> int:
        session = self._session
        return as_code(session is not None and any(map(is_meant, session.streams)))

    def _keep(self, target: str, text: str) -> int:
        """Store a text. Only AVPs can hold it."""
        if not target.startswith("$avp("):
            return FALSE
        try:
            self._world.server.pv.set(target, text)
        except RefusedValueError:
            return FALSE
        return TRUE

    def _reduce_by_name(self, codecs: str, media: str, *, is_keeping: bool) -> int:
        session = self._changing
        payloads = session.payloads_of(codecs) if session else []
        return self._reduce(session if payloads else None, media, payloads, is_keeping=is_keeping)

    def _reduce(
        self, session: Session | None, media: str, payloads: list[str], *, is_keeping: bool
    ) -> int:
        if session is None:
            return FALSE
        self._put(session, session.with_payloads(media, payloads, is_keeping=is_keeping))
        return NOTHING_TO_DO

    def _take_out(self, session: Session, gone: set[int], count: int) -> int:
        if gone:
            self._put(session, session.without(lambda i, _: i in gone))
        return count

    def _put(self, session: Session, body: bytes) -> None:
        if body != session.without(lambda _number, _line: False):
            self._routed.body = body


def _listed(payloads: str) -> list[str]:
    """Split payload types at commas. A blank after a comma is part of the type."""
    return [one for item in payloads.split(",") if (one := item.lstrip())]


def _share(session: Session, payloads: list[str]) -> int:
    """Whether all, some or none of the codecs exist in the streams."""
    found = [stream.has(one) for stream in session.streams for one in payloads]
    return TRUE if found and all(found) else SOME if any(found) else 0
