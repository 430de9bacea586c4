"""The service: whose number is it, and what became of a call."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

import onehttp
from onehttp.observe import metrics
from service.tracing import Traced, trace_calls


class Owner(BaseModel):
    """Of a number."""

    number: str
    name: str


class Call(BaseModel):
    """One that has ended."""

    id: str
    caller: str
    seconds: int


class Stored(BaseModel):
    """A record that will not be lost."""

    stored: str


class Found(BaseModel):
    """What a backend knows of a number."""

    name: str


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    counted, traced = metrics.expose(), trace_calls()
    onehttp.init(os.environ.get("CONNECTIONS", Path(__file__).with_name("connections.yaml")))
    yield
    onehttp.shutdown(grace_s=5.0)
    traced.stop()
    counted.stop()


app = FastAPI(lifespan=lifespan)
app.add_middleware(Traced)


@app.get("/number/{number}")
async def owner(number: str) -> Owner:
    """Failover, circuit and limits are the connection's affair: this asks, and reads the answer."""
    numbers = onehttp.connection("numbers")
    answer = await numbers.aget("/number/{number}", path={"number": number})
    if answer.status == 404:
        raise HTTPException(404, "nobody has this number")
    found = Found.model_validate_json(answer.raise_for_status().body)
    return Owner(number=number, name=found.name)


@app.post("/calls", status_code=202)
def ended(call: Call) -> Stored:
    """On the disk when this returns; a worker sends it, whatever the records' backend is at.

    No coroutine: it waits for the disk, so FastAPI runs it in a thread.
    """
    records = onehttp.connection("records")
    query = records.submit("POST", "/", queue="cdr", key=call.id, json=call.model_dump())
    assert query.stored is not None
    return Stored(stored=query.stored)


@app.exception_handler(onehttp.QueueStoreError)
@app.exception_handler(onehttp.QueueFullError)
@app.exception_handler(onehttp.TransferError)
async def not_now(_request: Request, error: Exception) -> JSONResponse:
    """No backend has answered, or a record could not be stored; the log has the rest."""
    return JSONResponse({"detail": type(error).__name__}, 503, {"Retry-After": "1"})


@app.exception_handler(onehttp.HTTPStatusError)
@app.exception_handler(ValidationError)
async def bad_answer(_request: Request, error: Exception) -> JSONResponse:
    """A backend has answered what it should not."""
    return JSONResponse({"detail": type(error).__name__}, 502)
