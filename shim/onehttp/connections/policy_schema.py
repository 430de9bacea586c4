"""What a connections file may say of policies: the keys ``failover``, ``retry``,
``circuit_breaker`` and ``limits`` of a connection."""

from __future__ import annotations

from typing import Any

from onehttp.connections.strict import Model


class PolicyModel(Model):
    """The policies of one connection."""

    failover: str | list[str] = ()  # type: ignore[assignment]
    retry: dict[str, Any] | None = None
    circuit_breaker: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
