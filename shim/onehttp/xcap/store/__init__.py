"""Documents in the SIP server's table ``xcap``, on any of its databases."""

from onehttp.xcap.store.databases import DEFAULT_URL
from onehttp.xcap.store.rows import Change, Gone, Owner, Source, StoredDocument, Watched
from onehttp.xcap.store.store import XcapStore

__all__ = [
    "DEFAULT_URL",
    "Change",
    "Gone",
    "Owner",
    "Source",
    "StoredDocument",
    "Watched",
    "XcapStore",
]
