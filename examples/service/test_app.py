"""The service, on the double: no backend, no socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

import onehttp
from onehttp.testing import Double
from service.app import app

NUMBERS, BACKUP = "http://numbers.example", "http://backup.example"


@pytest.fixture
def service(onehttp_double: Double, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("NUMBERS_URL", NUMBERS)
    monkeypatch.setenv("NUMBERS_BACKUP_URL", BACKUP)
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
