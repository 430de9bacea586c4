"""Random orders of what can happen to queries: on a scripted engine, and on each over sockets."""

from __future__ import annotations

import pytest

from stand_ins import processes

pytestmark = pytest.mark.slow


def test_whatever_the_order_every_query_ends_once_and_is_accounted_for() -> None:
    processes.output(
        "from stand_ins.queries.orders import on_a_scripted_engine; on_a_scripted_engine()"
    )


@pytest.mark.parametrize("name", ["pycurl", "httpx"])
def test_whatever_the_order_on_the_wire_every_transaction_goes_on_once(name: str) -> None:
    processes.output(
        "from stand_ins.queries.orders import on_sockets; on_sockets(sys.argv[1])", name
    )
