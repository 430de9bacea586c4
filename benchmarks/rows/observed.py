"""What it costs a call to be counted for metrics, and to be made spans of."""

from __future__ import annotations

from benchmarks.measure import Row, cpu_us_per_call, interleaved
from onehttp.control.tally import Tally
from onehttp.observe.otel import Instrumentation, instrument
from onehttp_backends.contract import Request, Response
from onehttp_backends.observed import is_on, leave, observe, performed

REQUEST = Request("GET", "http://127.0.0.1:8080/small")
ANSWER = Response(200, [b"HTTP/1.1 200 OK\r\n"], b"x" * 100, REQUEST.url, "1.1")
CALLS = 20_000


def observing(rounds: int) -> list[Row]:
    """Around an exchange that costs nothing, so that it is the difference that is seen."""
    tally, spans = Tally(), instrument()
    leave(spans)

    def call() -> None:
        performed(_perform, REQUEST) if is_on() else _perform(REQUEST)

    def watched(observer: Tally | Instrumentation) -> float:
        observe(observer)
        try:
            return cpu_us_per_call(call, CALLS)()
        finally:
            leave(observer)

    found = interleaved(
        {
            "off": cpu_us_per_call(call, CALLS),
            "counted": lambda: watched(tally),
            "spans": lambda: watched(spans),
        },
        rounds,
    )
    off = found["off"]
    return [
        Row("counted for metrics, more than a call that is not, over 3 us",
            found["counted"] - off, 3.0, "us", "1.0", "0.5"),
        Row("spans by the API of OpenTelemetry without an SDK, likewise",
            found["spans"] - off, 3.0, "us", "-", "1.0"),
    ]  # fmt: skip


def _perform(request: Request) -> Response:
    return ANSWER
