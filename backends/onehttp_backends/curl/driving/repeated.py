"""A request that blocking callers make again and again: what was found out once is kept."""

from __future__ import annotations

from typing import Protocol

from onehttp_backends.contract import Request, Response
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.waiting import EngineGoneError
from onehttp_backends.curl.engine.account import Earlier
from onehttp_backends.curl.shelf import is_one_shot
from onehttp_backends.errors import TransferError
from onehttp_backends.observed import is_on
from onehttp_backends.optional.repeating import BodyAlone
from onehttp_backends.rules.request_rules import check_request


class _Backend(Protocol):
    _helm: Helm | None

    def perform(self, request: Request) -> Response: ...
    def _forget(self, helm: Helm) -> None: ...


class RepeatedRequest:
    """See `onehttp_backends.optional.repeating.Repeated`."""

    __slots__ = ("_backend", "_earlier", "_is_one_shot", "_origin", "_request")

    def __init__(self, backend: _Backend, request: Request) -> None:
        self._backend = backend
        self._request = request
        self._origin = check_request(request)
        self._is_one_shot = is_one_shot(request.options)
        self._earlier = Earlier()

    def perform(self) -> Response | BodyAlone:
        backend, request = self._backend, self._request
        helm = backend._helm
        if helm is None or self._is_one_shot or is_on():
            return backend.perform(request)
        handle = helm.engine.pool.prepared(request, self._origin)
        try:
            outcome = helm.perform(handle, request, self._earlier)
        except EngineGoneError:
            backend._forget(helm)
            return backend.perform(request)
        if isinstance(outcome, TransferError):
            raise outcome
        return outcome
