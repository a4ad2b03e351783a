"""Types of SQL by what they hold, however a schema spells them."""

from __future__ import annotations

import re

_SPELLINGS = {
    "int2": "smallint int2 smallserial serial2",
    "int4": "integer int int4 serial serial4 mediumint",
    "int8": "bigint int8 bigserial serial8",
    "float": "real float float4 float8 double double_precision",
    "decimal": "numeric decimal",
    "money": "money",
    "timestamp": "timestamp timestamp_without_time_zone",
    "timestamptz": "timestamptz timestamp_with_time_zone",
    "padded": "char character bpchar nchar",
    "text": "text varchar character_varying citext nvarchar",
    "large": "bytea json jsonb xml tsvector vector blob longblob mediumblob longtext mediumtext",
}
_KINDS = {spelling: kind for kind, spellings in _SPELLINGS.items() for spelling in spellings.split()}

LARGEST = {"int2": 32_767, "int4": 2_147_483_647}
"""The largest value of the small whole numbers (PostgreSQL documentation, Numeric Types)."""


def kind_of(type_: str) -> str:
    """Return the kind of a type (`int4`, `float`, `timestamp`, `padded`…), or nothing for one that no rule here asks about."""
    bare = re.sub(r"\s*\([^)]*\)", "", type_.lower()).strip()
    return _KINDS.get("_".join(bare.split()), "") if not bare.endswith("[]") else ""


def length_of(type_: str) -> int:
    """Return the length in brackets of a type of characters; 1 where there is none, as SQL has it."""
    found = re.search(r"\(\s*(\d+)", type_)
    return int(found[1]) if found is not None else 1
