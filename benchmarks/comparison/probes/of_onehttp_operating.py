"""onehttp: its policies, what it shows of itself, and what it is tested with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onehttp
from benchmarks.comparison.probes import kit
from benchmarks.comparison.probes.kit import Place
from benchmarks.comparison.probes.of_onehttp import begin, probes


def _api(place: Place, **keys: Any) -> onehttp.Connection:
    begin({"api": {"url": place["url"], **keys}})
    return onehttp.connection("api")


@probes("retry", "`retry: 3`")
def retry(place: Place) -> int:
    return _api(place, retry=3).get("/busy").status


@probes("retry-after", "`retry: 3`")
def retry_after(place: Place) -> str:
    api = _api(place, retry=3)
    return kit.waited(lambda: api.get("/later").status)


@probes("breaker", "`circuit_breaker: 2`")
def breaker(place: Place) -> str:
    api = _api(place, circuit_breaker=2)
    for _ in range(2):
        api.get("/failing")
    try:
        api.get("/failing")
    except onehttp.CircuitOpenError:
        return "open"
    return "still asked"


@probes("failover", "`failover: backup`")
def failover(place: Place) -> str:
    backup = {"url": place["url"]}
    begin({"api": {"url": place["closed"], "failover": "backup"}, "backup": backup})
    response = onehttp.connection("api").get("/by-the-other")
    return response.text.replace("-", " ")


@probes("limit", "`limits: 2`")
def limit(place: Place) -> list[str]:
    api = _api(place, limits=2)
    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(lambda _: api.get("/slow").text, range(6)))


@probes("rate", "`limits: {per_second: 2, burst: 1}`")
def rate(place: Place) -> str:
    api = _api(place, limits={"per_second": 2, "burst": 1})
    began = time.monotonic()
    for _ in range(3):
        api.get("/limited")
    return "held back" if time.monotonic() - began >= 0.9 else "all at once"


_OF_A_FLEET = """
import json, sys, onehttp
from concurrent.futures import ThreadPoolExecutor

onehttp.init(json.loads(sys.argv[1]))
api = onehttp.connection("api")

def call(_):
    while True:
        try:
            return api.get("/slow").text
        except onehttp.LimitReachedError:  # a busy machine: the server's answer came too late
            pass

with ThreadPoolExecutor(3) as threads:
    print(*threads.map(call, range(3)))
"""


@probes("fleet", "`shared: redis://...`, extra `fleet`")
def fleet(place: Place) -> list[str]:
    """Two processes, three calls of each."""
    path = f"{place['folder']}/redis"
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", ""],
                              cwd=place["folder"], stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        while not Path(path).exists():  # or the probe ends by its limit
            time.sleep(0.01)
        told = {
            "version": 1,
            "shared": {"url": f"unix://{path}?db=0", "budget_ms": 1000, "on_failure": "refuse"},
            "connections": {"api": {"url": place["url"], "limits": 2, "timeout": 30}},
        }
        command = [sys.executable, "-c", _OF_A_FLEET, json.dumps(told)]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        return " ".join(each.communicate()[0] for each in processes).split()
    finally:
        server.kill()
        server.wait()


@probes("hooks", "`init(hooks=...)`")
def hooks(place: Place) -> list[str]:
    seen: list[str] = []
    around = onehttp.Hooks(
        on_attempt=lambda request: seen.append(request.method),
        on_response=lambda _request, response: seen.append(str(response.status)),
    )
    begin(hooks=around)
    onehttp.request("GET", place.at("/hooked"))
    return seen


@probes("named", "`connections.yaml`")
def named(place: Place) -> str:
    file = Path(place["folder"]) / "connections.yaml"

    def write(url: str) -> None:
        file.write_text(f"version: 1\nconnections: {{api: {{url: '{url}'}}}}\n")

    write(place.at("/old"))
    onehttp.init(file)
    api = onehttp.connection("api")
    before = api.get("/call").text
    write(place.at("/new"))
    onehttp.reload()
    after = api.get("/call").text
    return "reloaded" if (before, after) == ("old/call", "new/call") else f"{before}, {after}"


@probes("metrics", "extra `metrics`, `metrics.expose()`")
def metrics(place: Place) -> str:
    from prometheus_client import CollectorRegistry, generate_latest

    from onehttp.observe import metrics as shown

    registry = CollectorRegistry()
    shown.expose(registry)
    begin()
    onehttp.request("GET", place.at("/counted"))
    lines = generate_latest(registry).decode().splitlines()
    is_there = any(each.startswith("onehttp_requests_total{") for each in lines)
    return "counted" if is_there else "not counted"


@probes("traces", "extra `otel`, `otel.instrument()`")
def traces(place: Place) -> str:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from onehttp.observe import otel

    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    otel.instrument(tracer_provider=provider)
    begin()
    onehttp.request("GET", place.at("/traced"))
    return "traced" if spans.get_finished_spans() else "no span"


@probes("double", '`init(backend="httpx", answers=...)`, extra `testing`')
def double(place: Place) -> str:
    begin(backend="httpx", answers={f"GET {place.at('/canned')}": (200, "canned")})
    return onehttp.request("GET", place.at("/canned")).text


@probes("asgi", '`init(backend="httpx", app=...)`, extra `testing`')
def asgi(_place: Place) -> str:
    async def app(_scope: Mapping[str, Any], _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"by the application"})

    begin(backend="httpx", app=app)
    return onehttp.request("GET", "http://application/").text


@probes("recordings", "the fixture `onehttp_record`, extra `testing`")
def recordings(place: Place) -> str:
    """Of a test that is run twice, the service down the second time."""
    test = Path(place["folder"]) / "test_recorded.py"
    test.write_text(
        "import onehttp\n\n\n"
        "def test_recorded(onehttp_record):\n"
        f"    assert onehttp.request('GET', {place.at('/recorded')!r}).text == 'recorded'\n"
    )
    for mode in ("new", "none"):
        command = [sys.executable, "-m", "pytest", "-q", f"--onehttp-record={mode}", str(test)]
        done = subprocess.run(command, cwd=place["folder"], capture_output=True, text=True)
        if done.returncode:
            return done.stdout[-300:]
    return "played"


@probes("stored", '`submit(..., queue="cdr")`')
def stored(place: Place) -> str:
    """By a process that ends at once; a worker sends it."""
    store = f"sqlite:///{place['folder']}/queues.db"
    ending = (
        "import os, sys, onehttp\n"
        "onehttp.init()\n"
        "onehttp.submit('POST', sys.argv[1], queue='cdr', json={})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "ONEHTTP_QUEUES": store}
    publisher = [sys.executable, "-c", ending, place.at("/record")]
    worker = [sys.executable, "-m", "onehttp", "worker", "cdr", "--once"]
    died = subprocess.run(publisher, env=environment).returncode
    subprocess.run(worker, env=environment, cwd=place["folder"], check=True, capture_output=True)
    return "stored" if died == -9 else f"the publisher ended with {died}"
