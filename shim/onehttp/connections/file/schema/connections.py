"""What a connections file may say: strict models, from which also the JSON Schema is made.

pydantic is used here and nowhere else: at the boundary where text becomes values.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from onehttp.connections.file.schema.explain import models_in
from onehttp.connections.file.schema.policies import PolicyModel
from onehttp.connections.file.schema.shared import SharedModel
from onehttp.connections.file.schema.strict import Model, Short
from onehttp.connections.file.schema.transport import (
    FilePath,
    QueriesModel,
    RequestsModel,
    SecretBytes,
    SecretText,
    Text,
    TransportModel,
    refusing,
)
from onehttp.cookies.suffixes import MISSING, is_known
from onehttp.urls import ascii_url
from onehttp_backends.errors import RequestError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.optional.naming import NameLimits
from onehttp_backends.rules.framing import CODING, LENGTH, check_framing
from onehttp_backends.rules.request_rules import check_headers, check_socket_path, check_url

NAME_PATTERN = r"\S+"
_PLAIN = {"type": ["string", "number", "boolean"]}
_PLAINS = {"type": "array", "items": _PLAIN}


def _headers(value: Any) -> Any:
    """Both spellings of headers, a mapping or a list of ``Name: value``, as pairs."""
    if isinstance(value, dict):
        return tuple((name, _number_as_text(text)) for name, text in value.items())
    if isinstance(value, tuple):
        return tuple(_header_line(line) for line in value)
    return value


def _number_as_text(value: Any) -> Any:
    return str(value) if type(value) in (int, float) else value


def _header_line(line: Any) -> Any:
    if not isinstance(line, str):
        return line
    name, colon, text = line.partition(":")
    if not colon:
        raise ValueError('expected "Name: value", got a line without ":"')
    return name.strip(), text.strip()


def _fit_headers(headers: HeaderPairs) -> HeaderPairs:
    for name, _ in headers:
        if isinstance(name, str) and name.lower() in (LENGTH, CODING):
            raise ValueError(f"{name} belongs to the body of a call; leave it out")
    refusing(check_headers, headers)
    refusing(partial(check_framing, body=None), headers)
    if any(name.lower() == "proxy-authorization" for name, _ in headers):
        raise ValueError("Proxy-Authorization would reach the server too; use proxy: instead")
    return headers


def _fit_url(url: str) -> str:
    try:
        found = ascii_url(url)
        check_url(found)
    except RequestError as error:
        raise ValueError(error.message) from None
    if "#" in found:
        raise ValueError("URL: a fragment ('#') has no meaning here")
    if "?" in found:
        raise ValueError("URL: a path cannot follow a query; give it as params:")
    return found


def _fit_socket(path: str) -> str:
    refusing(check_socket_path, path)
    return path


Headers = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_headers),
    AfterValidator(_fit_headers),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": _PLAIN},
                {"type": "array", "items": {"type": "string", "pattern": ":"}},
            ]
        }
    ),
]


def _params(value: Any) -> Any:
    """``{name: value}`` as pairs; a list of values gives a pair for each."""
    if not isinstance(value, dict):
        return value
    return tuple(
        (name, _number_as_text(item))
        for name, items in value.items()
        for item in (items if isinstance(items, tuple) else (items,))
    )


Params = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_params),
    WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [_PLAIN, _PLAINS]}}),
]


def _with_suffixes(cookies: bool) -> bool:
    if cookies and not is_known():
        raise ValueError(MISSING)
    return cookies


_NAMED = ("basic", "digest", "any")


class AuthModel(Model):
    """Credentials for the server. Given on a connection, they replace those of ``defaults``."""

    type: Literal["basic", "digest", "bearer", "negotiate", "ntlm", "any"] = Field(
        default="basic", description="`any`: basic or digest, whichever the server asks for"
    )
    username: Text = Field(default="", description="of `digest` 2047 bytes at most, quoted")
    password: SecretBytes = ""
    token: SecretText = Field(default="", description="of type `bearer`")
    asks_first: bool = Field(
        default=False,
        description="of type `digest`: until the server has asked for credentials an empty body "
        "goes out before each; a server that does not ask acts on both",
    )

    @model_validator(mode="after")
    def _fits_its_type(self) -> AuthModel:
        if self.type == "bearer" and (not self.token or self.password or self.username):
            raise ValueError("type bearer takes a token, and no username or password")
        if self.token != self.token.strip(" \t"):
            raise ValueError("a token has no blanks around it")
        if self.asks_first and self.type != "digest":
            raise ValueError("asks_first belongs to type: digest")
        if self.type != "bearer" and self.token:
            raise ValueError("a token belongs to type: bearer")
        if self.type in _NAMED and not (self.username or self.password):
            raise ValueError("username and password are both empty: nothing would be sent")
        return self


class DefaultsModel(PolicyModel, TransportModel):
    """The defaults of all connections in the file."""

    headers: Headers = Field(
        default=(), description="a mapping, or a list of `Name: value` (order kept, names repeat)"
    )
    params: Params = Field(default=(), description="query parameters added to every call")
    content_type: Text | None = Field(
        default=None, description="of bodies given as bytes or text, where the call names none"
    )
    # Not shown, either, what stands where a section should: credentials in a line, a proxy's URL.
    auth: AuthModel | None = Field(default=None, repr=False)
    leave_base: bool = Field(
        default=False, description="paths of calls may lead out of `url` by `..` (`%2e%2e`)"
    )

    cookies: Annotated[bool, AfterValidator(_with_suffixes)] = Field(
        default=False,
        description="keep the cookies of servers in memory, and send them back (RFC 6265bis); "
        "needs the extra `cookies`",
    )

    alt_svc: bool = Field(
        default=False,
        description="ask by HTTP/3 where an `Alt-Svc` of the server has offered it",
    )


class ConnectionModel(DefaultsModel):
    """One connection."""

    url: Annotated[str, AfterValidator(_fit_url)] | None = Field(
        default=None, description="`http(s)://host[:port][/prefix]`; must be given"
    )
    socket: Annotated[FilePath, AfterValidator(_fit_socket)] | None = Field(
        default=None,
        description="path of a unix socket to connect to, instead of the host and port of `url`",
    )


class NamesModel(Model):
    """How names become addresses, in the whole process: of the outermost file only."""

    cache_s: float = Field(
        default=NameLimits().cache_s,
        ge=1,
        le=86_400,
        allow_inf_nan=False,
        description="seconds that an address is used before its name is asked for again",
    )
    stale_s: float = Field(
        default=NameLimits().stale_s,
        ge=0,
        le=604_800,
        allow_inf_nan=False,
        description="seconds more, while no name server answers",
    )
    in_flight: int = Field(
        default=NameLimits().in_flight,
        ge=1,
        le=4096,
        description="names looked up at once, each in a thread of its own",
    )

    def limits(self) -> NameLimits:
        """The value that engines go by."""
        return NameLimits(cache_s=self.cache_s, stale_s=self.stale_s, in_flight=self.in_flight)


def _whole(value: Any) -> Any:
    """To a choice among numbers ``true`` is 1, and 1.0 as well."""
    return value if type(value) is int else None


class HeadModel(Model):
    """A connections file, its connections not looked at."""

    version: Annotated[Literal[1], BeforeValidator(_whole)]
    include: str | tuple[str, ...] = Field(
        default=(),
        description="further files of this shape, or folders of them (`*.yaml`, `*.yml`); "
        "relative to this file",
    )
    names: NamesModel = NamesModel()
    shared: Annotated[SharedModel, Short("url", (str,), {"type": "string"})] | None = None
    defaults: DefaultsModel = DefaultsModel()
    requests: RequestsModel | None = None
    queries: QueriesModel | None = None
    connections: dict[str, Any] = Field(default_factory=dict)


class FileModel(HeadModel):
    """A connections file."""

    connections: dict[Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")], ConnectionModel] = Field(
        default_factory=dict, description="by name"
    )


SECRET_FIELDS = frozenset(
    (section, key)
    for section, field in DefaultsModel.model_fields.items()
    for model in models_in(field.annotation)
    for key, inner in model.model_fields.items()
    if not inner.repr
) | {("shared", "password")}
"""(section, key) of what is never shown."""
