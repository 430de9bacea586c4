"""Module ``utils`` (until 4.4): ``http_query``."""

from __future__ import annotations

import logging
from typing import Final

from onehttp import Auth, Proxy, Request, Response, TransferOptions
from onehttp_compat.parameters import UtilsParameters, set_parameter
from onehttp_compat.process import LegacyProcess
from onehttp_compat.pv import Variable
from onehttp_compat.wire.header_blob import HeaderBlobError, parse_blob, with_defaults_repeated
from onehttp_compat.wire.transfer import MAX_BODY_BYTES, transfer, with_auth
from onehttp_compat.wire.urls import legacy_url

BLANKS: Final = b" \t\r\n"
_log = logging.getLogger("onehttp_compat.utils")


class Utils:
    """The state of the module in one server process."""

    counter_group = None

    def __init__(self, server: LegacyProcess) -> None:
        self._server = server
        self.parameters = UtilsParameters()
        self._options = transfer_options(self.parameters, server.reuse)

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam("utils", name, value)`` does."""
        bugs = self._server.legacy_bugs
        self.parameters = set_parameter(self.parameters, "utils", name, value, bugs)

    def start(self) -> None:
        """Does nothing: the module checks nothing when it starts."""
        self._options = transfer_options(self.parameters, self._server.reuse)

    def http_query(
        self, *, url: str, result: Variable, body: str = "", headers: str = "", **_: object
    ) -> int:
        """Send a GET, or a POST if there is a body. Returns the status, or -1.

        The result variable is written for a status from 200 to 499, and is left unchanged
        otherwise.
        """
        try:
            pairs = parse_blob(headers)
        except HeaderBlobError as error:
            _log.error("http_query: %s", error)
            return -1
        data = self._server.body(body) if body else None
        address, auth = legacy_url(url)
        if self._server.is_faithful:
            pairs = with_defaults_repeated(pairs, None, address, data)
        outcome = transfer(
            Request("POST" if data is not None else "GET", address, pairs, data, self._with(auth))
        )
        if not isinstance(outcome, Response):
            _log.error("http_query: %s", outcome)
            return -1
        if 200 <= outcome.status < 500:
            self._server.write_result(result, self._value(outcome.body))
        return outcome.status

    def _with(self, auth: Auth | None) -> TransferOptions:
        return with_auth(self._options, auth) if auth else self._options

    def _value(self, body: bytes) -> bytes:
        if self.parameters.http_response_trim:
            body = body.strip(BLANKS)
        if self.parameters.http_response_mode:
            return body
        return body.partition(b"\n")[0]


def transfer_options(parameters: UtilsParameters, reuse: bool = False) -> TransferOptions:
    """The transfer options of ``http_query``."""
    return TransferOptions(
        as_libcurl=True,
        total_timeout_s=float(max(parameters.http_query_timeout, 0)),
        connect_timeout_s=0,
        max_body_bytes=MAX_BODY_BYTES,
        proxy=Proxy(from_environment=True),
        reuse=reuse,
    )
