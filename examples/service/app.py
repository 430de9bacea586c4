"""The service: whose number is it?"""

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


@app.exception_handler(onehttp.TransferError)
async def no_answer(_request: Request, error: onehttp.TransferError) -> JSONResponse:
    """No backend has answered; the log has the rest."""
    return JSONResponse({"detail": type(error).__name__}, 503, {"Retry-After": "1"})


@app.exception_handler(onehttp.HTTPStatusError)
@app.exception_handler(ValidationError)
async def bad_answer(_request: Request, error: Exception) -> JSONResponse:
    """A backend has answered what it should not."""
    return JSONResponse({"detail": type(error).__name__}, 502)
