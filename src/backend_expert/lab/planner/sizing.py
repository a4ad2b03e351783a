"""Give every file its size and every B-tree its height, and ask the server whether it sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from backend_expert.lab.planner import files
from backend_expert.lab.planner.binaries import MAJOR
from backend_expert.lab.planner.btree import BLOCK, TreeSize, height_of, size_of
from backend_expert.lab.planner.catalogue import Catalogue, ExistingIndex, Table, key_width
from backend_expert.lab.planner.server import Server
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.model import Text

if TYPE_CHECKING:
    import psycopg


PAGE_ROOM = BLOCK - 24
"""Bytes of a page for rows."""
ROW_OVERHEAD = 24 + 4
"""Bytes a row takes beside its values: header and line pointer (htup_details.h)."""
_BLOATED = 2.0
_WORTH_TELLING = 1_280  # pages: 10 MB


class Sizes(Struct, frozen=True):
    """What the files were made to look like, by object id: pages of every relation with a file, height of every B-tree."""

    pages: dict[int, int]
    heights: dict[int, int]


def tree_of(index: ExistingIndex, table: Table, *, measured: bool) -> TreeSize:
    """Return size and height of an existing B-tree: from its measured pages, or from the rows of its table."""
    columns = [table.column(name) for name in index.columns]
    key = tuple(column.key for column in columns if column is not None)
    rows = max(0.0, table.rows)
    distinct = 1.0
    for column in columns:
        distinct *= max(1.0, column.different(rows)) if column is not None else max(1.0, rows)
    distinct = rows if index.unique else min(rows, distinct)
    if measured:
        # Where the rows of one key fill more than a posting list, pivots keep a row pointer (see `size_of`).
        wide = bool(key) and not index.unique and distinct > 0 and rows / distinct > 130 and not index.included
        return TreeSize(max(1, index.pages), height_of(max(1, index.pages), key_width(index, table), wide=wide))
    included = tuple(column.key for column in (table.column(name) for name in index.included) if column is not None)
    return size_of(rows, key, included, distinct)


def resize(server: Server, catalogue: Catalogue, statistics: Statistics) -> Sizes:
    """Give every file its size and every B-tree its height; no connection may be open that has seen the old ones."""
    measured = {(each.schema, each.name) for each in statistics.relations if each.pages > 0}
    sizes = Sizes({}, {})
    for table in catalogue.tables:
        if table.file:
            sizes.pages[table.oid] = _unsigned(table.pages)
            files.set_length(server.data / table.file, sizes.pages[table.oid])
    for index in catalogue.indexes:
        if not index.file:
            continue
        tree = tree_of(index, catalogue.table(index.table), measured=(index.schema, index.name) in measured)
        if index.method == "btree":
            files.write_tree(server.data / index.file, tree.pages, tree.height)
            sizes.heights[index.oid] = tree.height
            sizes.pages[index.oid] = max(tree.pages, tree.height + 2)
        else:
            sizes.pages[index.oid] = max(files.length(server.data / index.file), tree.pages)
            files.set_length(server.data / index.file, sizes.pages[index.oid])
    return sizes


def _unsigned(pages: int) -> int:
    return pages + 2**32 if pages < 0 else pages


def bloated(catalogue: Catalogue, statistics: Statistics) -> tuple[Text, ...]:
    """Say of which tables the file is much larger than its rows: dead space, which every scan of the source server reads too."""
    measured = {(each.schema, each.name): each for each in statistics.relations if each.tuples > 0}
    found = []
    for table in catalogue.tables:
        relation = measured.get((table.schema, table.name))
        if relation is None or table.kind == "p" or not all(column.width for column in table.columns):
            continue
        needed = relation.tuples * (ROW_OVERHEAD + sum(column.mean_width for column in table.columns)) / PAGE_ROOM
        if relation.pages > max(needed * _BLOATED, needed + _WORTH_TELLING):
            size, wanted = f"{relation.pages * BLOCK / 1e6:.0f}", f"{needed * BLOCK / 1e6:.0f}"
            found.append(
                Text(
                    f"{table.schema}.{table.name} takes {size} MB for rows of about {wanted} MB: rebuild it before adding indexes",
                    f"{table.schema}.{table.name} ocupa {size} MB para linhas de cerca de {wanted} MB: reconstrua a tabela antes "
                    "de criar índices",
                )
            )
    return tuple(found)


def forget(administrator: psycopg.Connection[tuple[Any, ...]], oids: list[int]) -> None:
    """Drop the pages of indexes from the buffers: a page that a plan or a foreign key has looked at would hide the one on disk."""
    administrator.execute("SELECT laboratory.pg_buffercache_evict_relation(o::oid::regclass) FROM unnest(%s::int8[]) o", (oids,))


def disagreements(administrator: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, sizes: Sizes) -> tuple[Text, ...]:
    """Return where the server sees another block size, version, size of a relation or height of a B-tree than was written."""
    failures: list[Text] = []
    row = administrator.execute(
        "SELECT current_setting('block_size')::int, current_setting('server_version_num')::int / 10000"
    ).fetchone()
    if row != (BLOCK, MAJOR):
        failures.append(Text(f"the server has block size and version {row}", f"o servidor tem tamanho de bloco e versão {row}"))
    names = {table.oid: f"{table.schema}.{table.name}" for table in catalogue.tables}
    names |= {index.oid: f"{index.schema}.{index.name}" for index in catalogue.indexes}
    asked = administrator.execute(
        "SELECT o, pg_relation_size(o::oid) / 8192 FROM unnest(%s::int8[]) o", (sorted(sizes.pages),)
    ).fetchall()
    failures += [
        Text(
            f"{names[oid]} has {pages} pages instead of {sizes.pages[oid]}",
            f"{names[oid]} tem {pages} páginas em vez de {sizes.pages[oid]}",
        )
        for oid, pages in asked
        if pages != sizes.pages[oid]
    ]
    administrator.execute("CREATE EXTENSION IF NOT EXISTS pageinspect WITH SCHEMA laboratory")
    levels = administrator.execute(
        "SELECT o, (laboratory.bt_metap(o::oid::regclass::text)).fastlevel FROM unnest(%s::int8[]) o", (sorted(sizes.heights),)
    ).fetchall()
    failures += [
        Text(
            f"{names[oid]} reports height {level} instead of {sizes.heights[oid]}",
            f"{names[oid]} informa altura {level} em vez de {sizes.heights[oid]}",
        )
        for oid, level in levels
        if level != sizes.heights[oid]
    ]
    return tuple(failures)
