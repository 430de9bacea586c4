"""The service, on the double: no backend, no socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import onehttp
from onehttp.testing import Double
from service.app import app

NUMBERS, BACKUP = "http://numbers.example", "http://backup.example"


@pytest.fixture
def service(
    onehttp_double: Double, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[TestClient]:
    monkeypatch.setenv("NUMBERS_URL", NUMBERS)
    monkeypatch.setenv("NUMBERS_BACKUP_URL", BACKUP)
    monkeypatch.setenv("RECORDS_URL", "http://records.example")
    monkeypatch.setenv("ONEHTTP_QUEUES", f"sqlite:///{tmp_path}/queues.db")
    with TestClient(app) as client:
        yield client


def test_a_number_has_an_owner(service: TestClient, onehttp_double: Double) -> None:
    route = onehttp_double.get(f"{NUMBERS}/number/{{number}}", json={"name": "Alice"})
    answer = service.get("/number/4930123")
    assert answer.json() == {"number": "4930123", "name": "Alice"}
    assert route.calls.last.names == {"number": "4930123"}


def test_nobody_has_it(service: TestClient, onehttp_double: Double) -> None:
    onehttp_double.get(f"{NUMBERS}/number/1", status=404)
    assert service.get("/number/1").status_code == 404


@pytest.mark.parametrize("trouble", [{"error": onehttp.ConnectError}, {"status": 500}])
def test_the_other_backend_answers(
    service: TestClient, onehttp_double: Double, trouble: dict[str, object]
) -> None:
    onehttp_double.add("GET", f"{NUMBERS}/number/1", **trouble)  # type: ignore[arg-type]
    onehttp_double.get(f"{BACKUP}/number/1", json={"name": "Bob"})
    assert service.get("/number/1").json()["name"] == "Bob"


def test_no_backend_answers(service: TestClient, onehttp_double: Double) -> None:
    for backend in (NUMBERS, BACKUP):
        onehttp_double.get(f"{backend}/number/1", error=onehttp.TimeoutError)
    answer = service.get("/number/1")
    assert (answer.status_code, answer.json()) == (503, {"detail": "TimeoutError"})


@pytest.mark.parametrize("nonsense", [{"status": 418}, {"json": {"owner": 7}}, {"text": "<html>"}])
def test_a_backend_that_answers_nonsense(
    service: TestClient, onehttp_double: Double, nonsense: dict[str, object]
) -> None:
    onehttp_double.add("GET", f"{NUMBERS}/number/1", **nonsense)  # type: ignore[arg-type]
    assert service.get("/number/1").status_code == 502


CALL = {"id": "call-1", "caller": "alice", "seconds": 61}


def test_a_call_that_has_ended_is_stored_and_nothing_is_sent_yet(service: TestClient) -> None:
    answer = service.post("/calls", json=CALL)
    assert answer.status_code == 202
    assert answer.json()["stored"]


def test_what_cannot_be_stored_is_said_at_once(
    service: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEHTTP_QUEUES", "sqlite:////proc/there/is/no/room.db")
    assert service.post("/calls", json=CALL).status_code == 503
