"""Give a lab's database the statistics of an export, the sizes that were stated or assumed for the rest, and the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from backend_expert.lab.planner import files
from backend_expert.lab.planner.catalogue import Catalogue
from backend_expert.lab.planner.errors import reason_of
from backend_expert.lab.planner.intake import Rejected, rejected
from backend_expert.lab.planner.sizing import PAGE_ROOM, ROW_OVERHEAD
from backend_expert.lab.planner.statistics import VALUE_TYPES, AttributeStatistics, RelationStatistics, Statistics

if TYPE_CHECKING:
    import psycopg

ASSUMED_ROWS = 100_000
"""Rows assumed for a table nobody gave a number for: large enough that an index matters, small enough not to drown the measured ones."""
_RESTORE_MS = 5_000

_RESTORE_RELATION = (
    "SELECT pg_catalog.pg_restore_relation_stats('schemaname', %s::text, 'relname', %s::text, 'relpages', %s::integer, "
    "'reltuples', %s::real, 'relallvisible', %s::integer)"
)


def restored(owner: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, statistics: Statistics) -> Iterator[Rejected]:
    """Restore what the export says about relations the schema has, as the plain owner; yield what could not be restored."""
    names = _names(catalogue)
    said: list[str] = []
    owner.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    yield from statistics.rejected
    for relation in statistics.relations:
        if (relation.schema, relation.name) not in names:
            yield _unmatched(relation)
        elif relation.tuples >= 0:
            yield from _restored(owner, *_relation_call(relation), relation.line, relation.name, said)
    for attribute in statistics.attributes:
        if (attribute.schema, attribute.relation) in names:
            subject = f"{attribute.relation}.{attribute.attribute or attribute.number}"
            yield from _restored(owner, *_attribute_call(attribute), attribute.line, subject, said)


def _relation_call(relation: RelationStatistics) -> tuple[str, list[Any]]:
    return _RESTORE_RELATION, [relation.schema, relation.name, _signed(relation.pages), relation.tuples, _signed(relation.visible)]


def _signed(blocks: int) -> int:
    """Return a number of blocks as `relpages` stores it: a signed word, read as unsigned."""
    return blocks - 2**32 if blocks >= 2**31 else blocks


def _attribute_call(attribute: AttributeStatistics) -> tuple[str, list[Any]]:
    words = ["'schemaname', %s::text, 'relname', %s::text"]
    values: list[Any] = [attribute.schema, attribute.relation]
    if attribute.attribute:
        words.append("'attname', %s::text")
        values.append(attribute.attribute)
    else:
        words.append("'attnum', %s::smallint")
        values.append(attribute.number)
    words.append("'inherited', %s::boolean")
    values.append(attribute.inherited)
    for name, value in attribute.values:
        words.append(f"'{name}', %s::{VALUE_TYPES[name]}")  # the name is one of ours
        values.append(value)
    return f"SELECT pg_catalog.pg_restore_attribute_stats({', '.join(words)})", values


def _restored(
    owner: psycopg.Connection[tuple[Any, ...]], call: str, values: list[Any], line: int, subject: str, said: list[str]
) -> Iterator[Rejected]:
    import psycopg

    said.clear()
    try:
        owner.execute(f"SET statement_timeout = {_RESTORE_MS}")
        owner.execute(call, values)
    except psycopg.Error as error:
        said.append(reason_of(error))
    if said:
        reason = said[0]
        yield rejected("statistics", line, subject, f"PostgreSQL refuses it: {reason}", f"o PostgreSQL o recusa: {reason}")


def _unmatched(relation: RelationStatistics) -> Rejected:
    return rejected(
        "statistics",
        relation.line,
        f"{relation.schema}.{relation.name}",
        "the schema has no such table or index",
        "o esquema não tem essa tabela ou esse índice",
    )


def _names(catalogue: Catalogue) -> set[tuple[str, str]]:
    tables = {(table.schema, table.name) for table in catalogue.tables}
    return tables | {(index.schema, index.name) for index in catalogue.indexes}


def matched(catalogue: Catalogue, statistics: Statistics) -> float:
    """Return the share of the relations of an export that the schema has."""
    names = _names(catalogue)
    if not statistics.relations:
        return 0.0
    return sum((each.schema, each.name) in names for each in statistics.relations) / len(statistics.relations)


def guessed(
    owner: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, statistics: Statistics, rows: Mapping[str, float]
) -> tuple[str, ...]:
    """Give tables without statistics a size from a stated or assumed number of rows; return their names."""
    measured = {(each.schema, each.name) for each in statistics.relations if each.tuples >= 0}
    names = []
    counts: dict[int, float] = {}
    for table in catalogue.tables:
        if table.kind == "p" or (table.schema, table.name) in measured:
            continue
        names.append(f"{table.schema}.{table.name}")
        count = max(0.0, float(rows.get(table.name, rows.get(f"{table.schema}.{table.name}", ASSUMED_ROWS))))
        width = ROW_OVERHEAD + sum(column.mean_width for column in table.columns)
        pages = min(files.MOST_BLOCKS, max(1, -(-int(count) // max(1, int(PAGE_ROOM / width)))))
        counts[table.oid] = count
        owner.execute(*_relation_call(RelationStatistics(table.schema, table.name, pages, count, pages)))
    _guess_references(owner, catalogue, counts)
    return tuple(sorted(names))


def _guess_references(owner: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, counts: dict[int, float]) -> None:
    """Let a foreign key of a guessed table take as many values as its parent has rows: the default of the planner is 200."""
    for key in catalogue.foreign_keys:
        if key.table not in counts or key.parent not in counts or len(key.columns) != 1:
            continue
        table = catalogue.table(key.table)
        column = table.column(key.columns[0])
        distinct = min(counts[key.table], counts[key.parent])
        if column is not None and distinct >= 1:
            values = (("null_frac", "0"), ("avg_width", str(round(column.mean_width))), ("n_distinct", str(distinct)))
            owner.execute(*_attribute_call(AttributeStatistics(table.schema, table.name, column.name, 0, False, values)))


def settings_taken(
    owner: psycopg.Connection[tuple[Any, ...]], statistics: Statistics
) -> tuple[tuple[tuple[str, str], ...], tuple[Rejected, ...]]:
    """Return the settings of the export that the server takes, and the others with its reason."""
    import psycopg

    accepted, refused = [], []
    for name, value in statistics.settings:
        try:
            owner.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
            accepted.append((name, value))
        except psycopg.Error as error:
            reason = reason_of(error)
            refused.append(
                rejected(
                    "statistics", 0, f"{name} = {value}", f"PostgreSQL refuses it: {reason}", f"o PostgreSQL o recusa: {reason}"
                )
            )
    return tuple(accepted), tuple(refused)
