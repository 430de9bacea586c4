"""A cassette: exchanges recorded as YAML, for people to read, edit and compare."""

from __future__ import annotations

import base64
import binascii
import os
import re
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

VERSION: Final = 1
MOST_SHOWN: Final = 5
MAX_BYTES: Final = 10 * 1024 * 1024
_printable = re.compile("[\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]*").fullmatch


class CassetteError(ValueError):
    """A cassette that cannot be played; says where, and the way out."""


def _body(value: Any) -> Any:
    """Text, or ``{base64: ...}`` for what is none."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict) and set(value) == {"base64"} and isinstance(value["base64"], str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"no base64: {error}") from None
    raise ValueError("expected text, or {base64: ...}")


Body = Annotated[bytes, BeforeValidator(_body)]


class _RecordedPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RecordedRequest(_RecordedPart):
    """A recorded request, without secrets."""

    method: str
    url: str
    headers: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []
    body: Body | None = None


class RecordedResponse(_RecordedPart):
    """A recorded response."""

    status: Annotated[int, Field(ge=200, le=999)]
    headers: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []
    body: Body


class RecordedError(_RecordedPart):
    """A recorded error."""

    code: Annotated[int, Field(ge=1, le=200)]
    message: str
    sent: str
    phase: str | None = None


class RecordedExchange(_RecordedPart):
    """A request, and a response or an error."""

    request: RecordedRequest
    response: RecordedResponse | None = None
    error: RecordedError | None = None


class _CassetteDocument(_RecordedPart):
    onehttp_cassette: int
    exchanges: list[RecordedExchange]


def read(path: Path) -> list[RecordedExchange]:
    """The exchanges of a cassette.

    Raises:
        CassetteError: it is none, or of a later version, or too large; OSError: as of a file.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CassetteError(
            f"{path}: {size} bytes; a cassette has at most {MAX_BYTES}. Record less in one test, "
            "or give the large answer by onehttp_double"
        )
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        raise CassetteError(f"{path}: not UTF-8: {error}") from None
    except yaml.YAMLError as error:
        raise CassetteError(f"{path}: no YAML: {error}") from None
    if not isinstance(document, dict) or "onehttp_cassette" not in document:
        raise CassetteError(f"{path}: no cassette: it begins with 'onehttp_cassette: {VERSION}'")
    version = document["onehttp_cassette"]
    if version != VERSION:
        raise CassetteError(
            f"{path}: a cassette of version {version!r}; this release of onehttp reads {VERSION}: "
            "upgrade it, or record again with --onehttp-record=all"
        )
    try:
        exchanges = _CassetteDocument.model_validate(document).exchanges
    except ValidationError as error:
        raise CassetteError(f"{path}: {_sentences(error)}") from None
    for at, exchange in enumerate(exchanges):
        if (exchange.response is None) == (exchange.error is None):
            raise CassetteError(f"{path}: exchanges[{at}]: expected a response or an error")
    return exchanges


def write(path: Path, exchanges: list[RecordedExchange]) -> None:
    """Write a cassette in one step.

    Raises:
        CassetteError: it would be too large to be read; nothing is written.
    """
    plain = [_plain(exchange.model_dump(exclude_none=True)) for exchange in exchanges]
    document = {"onehttp_cassette": VERSION, "exchanges": plain}
    text = yaml.dump(
        document, Dumper=_CassetteDumper, sort_keys=False, allow_unicode=True, width=100
    )
    data = text.encode()
    if len(data) > MAX_BYTES:
        raise CassetteError(
            f"{path}: would have {len(data)} bytes; a cassette has at most {MAX_BYTES}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def _sentences(error: ValidationError) -> str:
    found = [f"{_place(each['loc'])}: {each['msg']}" for each in error.errors()]
    more = [f"and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
    return "; ".join([*found[:MOST_SHOWN], *more])


def _place(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in location)
    return text.removeprefix(".")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = "\0"
        return text if _printable(text) else {"base64": base64.b64encode(value).decode()}
    return value


class _CassetteDumper(yaml.CSafeDumper):
    """Texts of several lines as such, but for those whose line ends YAML would change."""


def _text(dumper: Any, text: str) -> Any:
    style = '"' if "\r" in text else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_CassetteDumper.add_representer(str, _text)
