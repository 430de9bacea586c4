"""The table ``xcap``, version 4, as the SIP server creates it on each database.

Source: legacy schema ``pr_xcap``; the same table serves the server's own XCAP module.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect

VERSION: Final = 4

_number = Integer().with_variant(mysql.INTEGER(11), "mysql", "mariadb")
_key = Integer().with_variant(mysql.INTEGER(10, unsigned=True), "mysql", "mariadb")


class _DocumentBytes(LargeBinary):
    """A column of bytes. In SQLite it may hold text, because the SIP server writes text."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda value: value.encode() if isinstance(value, str) else bytes(value)


_document = _DocumentBytes().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def xcap_table(name: str = "xcap") -> Table:
    """Return the table, with the name in ``xcap_table``."""
    table = Table(
        name,
        MetaData(),
        Column("id", _key, primary_key=True, autoincrement=True),
        Column("username", String(64), nullable=False),
        Column("domain", String(64), nullable=False),
        Column("doc", _document, nullable=False),
        Column("doc_type", _number, nullable=False),
        Column("etag", String(128), nullable=False),
        Column("source", _number, nullable=False),
        Column("doc_uri", String(255), nullable=False),
        Column("port", _number, nullable=False),
        UniqueConstraint("doc_uri", name=f"{name}_doc_uri_idx"),
        # Its default collation would treat users that differ by case as one.
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
    )
    columns = table.c
    account = (columns.username, columns.domain)
    Index(f"{name}_account_doc_type_idx", *account, columns.doc_type)
    Index(f"{name}_account_doc_type_uri_idx", *account, columns.doc_type, columns.doc_uri)
    Index(f"{name}_account_doc_uri_idx", *account, columns.doc_uri)
    return table


def version_table(metadata: MetaData) -> Table:
    """Return the table in which the SIP server keeps the versions of its tables."""
    if "version" in metadata.tables:
        return metadata.tables["version"]
    return Table(
        "version",
        metadata,
        Column("id", _key, primary_key=True, autoincrement=True),
        Column("table_name", String(32), nullable=False),
        Column("table_version", _number, nullable=False, server_default=text("0")),
        UniqueConstraint("table_name", name="version_table_name_idx"),
    )
