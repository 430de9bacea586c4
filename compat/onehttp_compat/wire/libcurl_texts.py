"""The text of ``$curlerror(n)``: libcurl's words for its error numbers (curl_easy_strerror)."""

from __future__ import annotations

from typing import Final

HTTP_TEXT: Final = "HTTP result code"
BAD_CODE_TEXT: Final = "Bad CURL error code"
_HIGHEST: Final = 99
_TEXTS: Final = {
    0: "No error",
    1: "Unsupported protocol",
    2: "Failed initialization",
    3: "URL using bad/illegal format or missing URL",
    4: "A requested feature, protocol or option was not found built-in in this libcurl "
    "due to a build-time decision.",
    5: "Couldn't resolve proxy name",
    6: "Couldn't resolve host name",
    7: "Couldn't connect to server",
    8: "Weird server reply",
    9: "Access denied to remote resource",
    16: "Error in the HTTP2 framing layer",
    18: "Transferred a partial file",
    21: "Quote command returned error",
    22: "HTTP response code said error",
    23: "Failed writing received data to disk/application",
    25: "Upload failed (at start)",
    26: "Failed to open/read local data from file/application",
    27: "Out of memory",
    28: "Timeout was reached",
    33: "Requested range was not delivered by the server",
    35: "SSL connect error",
    36: "Couldn't resume download",
    37: "Couldn't read a file:// file",
    42: "Operation was aborted by an application callback",
    43: "A libcurl function was given a bad argument",
    45: "Failed binding local connection end",
    47: "Number of redirects hit maximum amount",
    48: "An unknown option was passed in to libcurl",
    52: "Server returned nothing (no headers, no data)",
    53: "SSL crypto engine not found",
    54: "Can not set SSL crypto engine as default",
    55: "Failed sending data to the peer",
    56: "Failure when receiving data from the peer",
    58: "Problem with the local SSL certificate",
    59: "Couldn't use specified SSL cipher",
    60: "SSL peer certificate or SSH remote key was not OK",
    61: "Unrecognized or bad HTTP Content or Transfer-Encoding",
    63: "Maximum file size exceeded",
    64: "Requested SSL level failed",
    65: "Send failed since rewinding of the data stream failed",
    66: "Failed to initialise SSL crypto engine",
    67: "Login denied",
    77: "Problem with the SSL CA cert (path? access rights?)",
    80: "Failed to shut down the SSL connection",
    81: "Socket not ready for send/recv",
    82: "Failed to load CRL file (path? access rights?, format?)",
    83: "Issuer check against peer certificate failed",
    88: "Chunk callback reported error",
    89: "The max connection limit is reached",
    90: "SSL public key does not match pinned public key",
    91: "SSL server certificate status verification FAILED",
    92: "Stream error in the HTTP/2 framing layer",
    93: "API function called from within callback",
    94: "An authentication function returned an error",
    95: "HTTP/3 error",
    96: "QUIC connection error",
    97: "proxy handshake error",
    98: "SSL Client Certificate required",
    99: "Unrecoverable error in select/poll",
}


def curlerror(code: int) -> str:
    """The text of a result: libcurl's below 100, one of the module's own otherwise."""
    if code < 0:
        return BAD_CODE_TEXT
    if code > _HIGHEST:
        return HTTP_TEXT
    return _TEXTS.get(code, "Unknown error")
