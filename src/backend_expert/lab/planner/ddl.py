"""The statements that build an index on a server in use, and those that take it away again."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from backend_expert.lab.planner.catalogue import Catalogue, Table
from backend_expert.lab.planner.whatif import IndexDefinition, quoted

_WAIT = "SET lock_timeout = '5s';"
_LONGEST_NAME = 60  # bytes; PostgreSQL cuts names after 63, and a number may follow


def named(index: IndexDefinition, taken: set[str]) -> str:
    """Return a name for the index that is not taken yet, and take it."""
    name, number = index.name, 2
    while name in taken:
        ending = f"_{number}"
        name, number = index.name.encode()[: _LONGEST_NAME - len(ending)].decode(errors="ignore") + ending, number + 1
    taken.add(name)
    return name


def creation(index: IndexDefinition, name: str, table: Table, catalogue: Catalogue, taken: set[str]) -> tuple[str, ...]:
    """Return the statements that build the index without stopping writes; names of parts are taken from `taken`."""
    trigrams = any("trgm" in key.operator_class for key in index.keys)
    extension = ("CREATE EXTENSION IF NOT EXISTS pg_trgm;",) if trigrams else ()
    return (*extension, _WAIT, *_built(index, name, table, catalogue, taken))


def _built(index: IndexDefinition, name: str, table: Table, catalogue: Catalogue, taken: set[str]) -> Iterator[str]:
    """Yield the statements for a table, or for a partitioned one part by part: only its partitions can be indexed concurrently."""
    if table.kind != "p":
        yield f"{index.sql(name, concurrently=True)};"
        return
    yield f"{index.sql(name, only=True)};"
    for part in catalogue.tables:
        if part.parent == table.oid:
            own = replace(index, schema=part.schema, table=part.name)
            own_name = named(own, taken)
            yield from _built(own, own_name, part, catalogue, taken)
            whole, piece = (f"{quoted(each.schema)}.{quoted(each_name)}" for each, each_name in ((index, name), (own, own_name)))
            yield f"ALTER INDEX {whole} ATTACH PARTITION {piece};"


def way_back(index: IndexDefinition, name: str, table: Table) -> tuple[str, ...]:
    """Return the statements that drop the index; one on a partitioned table goes with its parts, and not concurrently."""
    concurrently = "" if table.kind == "p" else "CONCURRENTLY "
    return (_WAIT, f"DROP INDEX {concurrently}{quoted(index.schema)}.{quoted(name)};")
