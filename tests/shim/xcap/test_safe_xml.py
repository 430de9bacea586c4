"""XML from strangers, and entity tags from strangers."""

from __future__ import annotations

import pytest

from onehttp.xcap import WrongNamespaceError, XmlError
from onehttp.xcap.applications import APPLICATIONS, UNKNOWN
from onehttp.xcap.safe_xml import check, parse
from onehttp.xcap.store.etags import usable_etag

ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<!DOCTYPE r [<!ENTITY e0 "lol">{ENTITIES}]>'


@pytest.mark.parametrize(
    "xml",
    [
        f"{LAUGHS}<r>&e9;</r>".encode(),
        f'{LAUGHS}<r a="&e9;"/>'.encode(),
        b'<!DOCTYPE r [<!ENTITY a "' + b"x" * 50_000 + b'">]><r a="' + b"&a;" * 50_000 + b'"/>',
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>',
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>',
        b"<!DOCTYPE r><r/>",
        b"<a>" * 100_000 + b"</a>" * 100_000,
        '<?xml version="1.0" encoding="utf-16"?><r/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="latin-1"?><r>\xe9</r>',
        b'<?xml version="1.1"?><r/>',
        b"<?xml version='1.1' encoding='utf-8'?>\n<r/>",
        b'<?xml version="1.9"?><r/>',
        b"<r>\xff</r>",
        b"<r",
        b"",
        b"not xml",
        b"<a/><b/>",
    ],
)
def test_what_is_not_plain_xml_is_refused(xml: bytes) -> None:
    with pytest.raises(XmlError, match="it"):
        parse(xml, "it")


def test_plain_xml_is_parsed() -> None:
    xml = '<?xml version="1.0" encoding="utf-8"?><r a="1">é<!-- <!DOCTYPE --></r>'.encode()
    assert parse(xml).get("a") == "1"


def test_the_namespace_of_the_root_is_checked_where_it_is_known() -> None:
    lists = APPLICATIONS["resource-lists"]
    check(b'<r xmlns="urn:ietf:params:xml:ns:resource-lists"/>', lists)
    check(b'<r xmlns="urn:x"/>', UNKNOWN)
    with pytest.raises(WrongNamespaceError, match=r"'urn:y', expected 'urn:ietf.*lists'"):
        check(b'<r xmlns="urn:y"/>', lists)
    with pytest.raises(WrongNamespaceError, match="None"):
        check(b"<r/>", lists)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_another_encoding_of_unicode_is_refused_with_a_mark_or_without(codec: str) -> None:
    if codec == "utf-8-sig":
        assert parse("<r/>".encode(codec)).tag == "r"
    else:
        with pytest.raises(XmlError, match="it: not UTF-8"):
            parse("<r/>".encode(codec), "it")


@pytest.mark.parametrize("tag", ['"a"', 'W/"a"', '""', '"a,b"', '"*"', "abc", "a" * 128])
def test_an_etag_is_kept_as_it_came(tag: str) -> None:
    assert usable_etag(f" {tag}\t") == tag


@pytest.mark.parametrize(
    "tag",
    [
        None, "", "*", "a" * 129, '"a', 'a"b', '"a" "b"', '"a", "b"', "a,b", "a b",
        '"a\r\nX: 1"', '"\x00"', '"\xe9"', "w/\"a\"",
    ],
)  # fmt: skip
def test_a_hostile_etag_counts_as_none(tag: str | None) -> None:
    assert usable_etag(tag) is None
