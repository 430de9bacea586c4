"""Options that the double does not support, and files that it cannot use."""

from __future__ import annotations

from typing import Final

from onehttp_backends.contract import HttpVersion, TransferOptions
from onehttp_backends.double.clients import check_proxy
from onehttp_backends.double.credentials.challenges import UNKNOWN_SCHEME, is_known
from onehttp_backends.double.tls import tls_context
from onehttp_backends.errors import CurlCode, RequestError, TransferError
from onehttp_backends.optional.checking import OptionFault

_OF_CODES: Final = {
    CurlCode.SSL_CERTPROBLEM: "cert_file",
    CurlCode.SSL_CIPHER: "ciphers",
    CurlCode.SSL_CACERT_BADFILE: "ca_file",
    CurlCode.SSL_CRL_BADFILE: "crl_file",
    CurlCode.NOT_BUILT_IN: "verify_status",
}


def check(options: TransferOptions) -> OptionFault | None:
    """See `onehttp_backends.optional.checking.Checker`."""
    if options.http_version in (HttpVersion.HTTP_3, HttpVersion.HTTP_3_ONLY):
        return OptionFault(("http_version",), "the httpx double does not speak HTTP/3")
    if options.auth and not is_known(options.auth):
        return OptionFault(("auth", "type"), UNKNOWN_SCHEME)
    if options.proxy and options.proxy.url:
        try:
            check_proxy(options.proxy.url)
        except RequestError as error:
            return OptionFault(("proxy", "url"), error.message)
    try:
        tls_context(options.tls)
    except TransferError as error:
        name = "curves" if "curve" in error.message else _OF_CODES.get(CurlCode(error.code), "")
        return OptionFault(("tls", name) if name else ("tls",), error.message)
    return None
