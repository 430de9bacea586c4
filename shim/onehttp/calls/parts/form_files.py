"""Forms with files in them: what ``files=`` takes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import IO, Any, Final, TypeAlias

from onehttp.calls.call_options import checked_limit
from onehttp.urls import query_pairs
from onehttp_backends.bodies.multipart import FormUpload
from onehttp_backends.contract import DEFAULT_MAX_BODY_BYTES
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError

FileContent: TypeAlias = (
    "os.PathLike[str] | IO[bytes] | bytes | str | Iterable[bytes] | AsyncIterable[bytes]"
)
"""A path is opened, and closed again. An open file is read from where it stands."""
File: TypeAlias = (
    "FileContent | tuple[str | None, FileContent] | tuple[str | None, FileContent, str]"
)
"""Its content; or its name, its content, and perhaps its type. Without a name (None) it is a field,
which has no type unless one is given."""
FileSource: TypeAlias = "Mapping[str, File] | Iterable[tuple[str, File]] | None"
MOST_READ_BYTES: Final = DEFAULT_MAX_BODY_BYTES


def with_form(call: Mapping[str, Any]) -> tuple[dict[str, Any], FormUpload]:
    """The arguments of a call without its form, but with the header that tells of it; and the form,
    its fields before its files, to be sent from where they are.

    Raises:
        RequestError: a name or a type that cannot be written, a file that cannot be opened, another
            body besides, or a Content-Type of the call's, which would not know the boundary.
        RequestTypeError: no pairs, or a content that is none.
        UploadError: it is larger than ``max_upload``.
    """
    others = dict(call)
    files, form, headers = others.pop("files"), others.pop("form", None), others.get("headers")
    if others.get("body") is not None or others.get("json") is not None:
        raise _refused("they are a body: give neither body= nor json=; fields are form=")
    pairs: Any = () if headers is None else headers
    given = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    if any(str(name).lower() == "content-type" for name, *_ in given):
        raise _refused("the form has a Content-Type of its own, with its boundary; leave it out")
    limit = checked_limit(others.pop("max_upload", None))
    fields = [] if form is None else query_pairs(form, "form")
    upload = FormUpload(fields, _named(files), os.urandom(16).hex(), limit)
    others["headers"] = (*given, ("Content-Type", upload.content_type))
    return others, upload


def with_whole_form(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call with its form as bytes, because no caller waits during a
    `submit` who could read files and iterators while the form is sent.

    Raises:
        RequestError, RequestTypeError: as of `with_form`; a part can be read in a loop only.
        UploadError: it is larger than ``max_upload``, or than 10 MiB where there is none.
    """
    others, upload = with_form(call)
    if upload.is_async:
        raise _refused("what gives its bytes in an event loop is for awaited calls alone")
    others["body"] = upload.whole(upload.limit or MOST_READ_BYTES)
    return others


def _named(files: object) -> list[tuple[str, object]]:
    pairs: Any = files.items() if isinstance(files, Mapping) else files
    try:
        named = [(name, file) for name, file in pairs]
    except (TypeError, ValueError):
        named = [(None, None)]
    if not all(isinstance(name, str) for name, _ in named):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            "files: expected pairs of name and file, or a mapping of them",
        )
    return named


def _refused(reason: str) -> RequestError:
    return RequestError(CurlCode.BAD_FUNCTION_ARGUMENT, f"files: {reason}")
