"""Connects to the server, and checks that it is fast enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from onehttp.policies.shared import scripts
from onehttp.policies.shared.gate import Gate

if TYPE_CHECKING:
    from onehttp.policies.shared.policy import SharedPolicy

LEAST_SOCKET_S: Final = 1.0
"""The timeout of the socket, in seconds, unless the budget is longer."""
PROBES: Final = 3
"""The number of probes; the fastest is compared with the budget."""


def connected(policy: SharedPolicy, prefix: str) -> Any:
    """Return a client of a server that has answered a probe within the budget.

    Raises:
        TimeoutError: the answer took longer.
        Exception: any error of the client.
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    socket_s = max(LEAST_SOCKET_S, policy.budget_s)
    client = redis.Redis.from_url(
        policy.url,
        username=policy.username or None,
        password=policy.password or None,
        socket_timeout=socket_s,
        socket_connect_timeout=socket_s,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
        protocol=2,
        **policy.of_tls(),
    )
    try:
        probe = Gate("", policy, None, None)
        took_s = socket_s
        for number in range(PROBES):
            token = f"{prefix}.probe.{number}"
            began = time.monotonic()
            client.eval(scripts.ENTER, 4, *probe.keys, *probe.enter_arguments(token, None))
            took_s = min(took_s, time.monotonic() - began)
            client.eval(scripts.LEAVE, 4, *probe.keys, *probe.leave_arguments(token, 0, -1))
        if took_s > policy.budget_s:
            raise TimeoutError(
                f"an answer takes {took_s * 1000:.1f} ms, over {policy.budget_s * 1000:g}"
            )
    except BaseException:
        client.close()
        raise
    return client
